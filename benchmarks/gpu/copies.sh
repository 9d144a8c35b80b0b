#!/usr/bin/env bash
# Times one copy of a judge against all that fit on this machine's GPUs: copies.sh [IMAGES TOKENS [ARGUMENT OF copies.py...]]
# Needs: PYTHONPATH with vLLM and this package's dependencies. SHAPE=q-judger by default.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=${WORK:-/tmp/imagejudge-copies} out=${OUT:-/tmp/imagejudge-copies/out} shape=${SHAPE:-q-judger}
images=${1:-96} tokens=${2:-400}
shift $(($# < 2 ? $# : 2))
mkdir -p "$work" "$out"
# the servers' processes import the package, too
export IMAGEJUDGE_CACHE=$work/cache PYTHONUNBUFFERED=1 PYTHONPATH=${PYTHONPATH:-}:$(realpath "$here/../..")
python3 "$here/shapes.py" "$work/$shape" --shape "$shape" --text "$here/../../pytest_imagejudge/protocols/house.toml"
nvidia-smi --query-gpu=index,name,memory.total,memory.used --format=csv
python3 "$here/copies.py" "$work/$shape" "$images" "$tokens" --judge-arg=--load-format --judge-arg=dummy --judge-arg=--gdn-prefill-backend --judge-arg=triton "$@" 2>&1 | tee "$out/copies.txt"
cp "$IMAGEJUDGE_CACHE"/servers/*/*.log* "$out/" 2>/dev/null
grep -hoE "(torch.compile took|Compiling a graph|Graph capturing finished|init engine|Available KV cache memory|Model loading took).*" "$IMAGEJUDGE_CACHE"/servers/*/server*.log | cut -c1-160 | sort | uniq -c | head -20
nvidia-smi --query-compute-apps=gpu_uuid,name,used_memory --format=csv
