#!/usr/bin/env bash
# Measures the judges at their real size, with random weights, on one GPU: run.sh setup|cold|judge|offline|after|sleep|edits|both|split|card
# Needs: PYTHONPATH with vLLM and this package's dependencies, $WORDS with the pinned files of the protocols' words.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=${WORK:-/tmp/imagejudge-gpu}
export IMAGEJUDGE_CACHE=$work/cache
export PYTHONUNBUFFERED=1
out=${OUT:-$work/out}
mkdir -p "$work" "$out"
server=(--judge-arg=--load-format --judge-arg=dummy --judge-arg=--gdn-prefill-backend --judge-arg=triton)
judge=(python3 -m pytest -p pytest_imagejudge.plugin -p no:cacheprovider -c "$here/suite/pytest.ini" --rootdir "$work" --tb=no -q --judge-no-store)
q_judger=("${judge[@]}" --judge-model "$work/q-judger" --judge-protocol q-judger "${server[@]}")
now() { date +%s.%N; }
timed() { # NAME COMMAND...: prints how long it took
  local name=$1 begun; shift; begun=$(now); "$@"; local rc=$?
  python3 -c "import sys; print(f'TIMED {sys.argv[1]}: {float(sys.argv[3]) - float(sys.argv[2]):.1f} s, exit {sys.argv[4]}')" "$name" "$begun" "$(now)" "$rc"
}
stop() { python3 -m pytest_imagejudge serve --stop; }

case $1 in
  setup)
    nvidia-smi --query-gpu=name,memory.total,memory.used --format=csv
    free -g | head -2
    PYTHONPATH="$here/../.." python3 "$here/shapes.py" "$work/q-judger" --shape q-judger --text "$WORDS/checklists.py"
    PYTHONPATH="$here/../.." python3 "$here/shapes.py" "$work/ie-critic" --shape ie-critic --text "$WORDS/checklists.py"
    python3 -m pytest_imagejudge protocol pull --from "$WORDS"
    ;;
  cold) # nothing compiled yet
    FIRST=0 timed "48 images, server started" "${q_judger[@]}" "$here/suite/test_expect.py" --judge-keep-alive=20 --judge-report "$out/cold.json"
    timed "stop" stop
    ;;
  judge) # on a server that is up: 48 images by expect and by manifest, twice each; a few one by one
    IMAGES=2 FIRST=100 timed "2 images, server started" "${q_judger[@]}" "$here/suite/test_expect.py" --judge-keep-alive=20
    for round in 1 2; do
      FIRST=$((round * 1000)) timed "48 images by expect, $round" "${q_judger[@]}" "$here/suite/test_expect.py" --judge-keep-alive=20 --judge-report "$out/expect$round.json"
      python3 "$here/suite/make_manifest.py" "$work/rows$round" $((round * 1000 + 500)) 48
      timed "48 images by manifest, $round" "${q_judger[@]}" "$here/suite/test_manifest.py" --judge-manifest "$work/rows$round/rows.jsonl" --judge-keep-alive=20 --judge-report "$out/manifest$round.json"
    done
    IMAGES=${ONE_BY_ONE:-2} FIRST=3000 timed "${ONE_BY_ONE:-2} images by score" "${q_judger[@]}" "$here/suite/test_score.py" --judge-keep-alive=20 --judge-report "$out/score.json"
    IMAGES=${ONE_BY_ONE:-2} FIRST=4000 timed "${ONE_BY_ONE:-2} images, one request at a time" "${q_judger[@]}" "$here/suite/test_one_request.py" --judge-keep-alive=20 --judge-report "$out/one.json"
    timed "stop" stop
    cp "$IMAGEJUDGE_CACHE"/servers/*/*.log "$out/" 2>/dev/null
    ;;
  offline)
    timed "offline" python3 "$here/offline.py" "$work/q-judger" --rounds 2 --server-arg=--load-format --server-arg=dummy --server-arg=--gdn-prefill-backend --server-arg=triton
    ;;
  after) # a generator that holds 100 GiB of the GPU
    HOLD_GIB=100 timed "auto, generator holds 100 GiB" "${q_judger[@]}" "$here/suite/test_expect.py" --judge-when auto --judge-report "$out/after.json"
    python3 -c 'import sys, time, torch; held = torch.empty(100 * 2**30, dtype=torch.uint8, device="cuda"); print("held", flush=True); sys.stdin.read()' < <(sleep 45) &
    sleep 15
    timed "during, another process holds 100 GiB" "${q_judger[@]}" "$here/suite/test_expect.py" --judge-when during
    wait
    ;;
  sleep)
    timed "sleep" python3 "$here/sleep.py" "$work/q-judger"
    ;;
  edits)
    IMAGES=${EDITS:-200} SIDE=768 timed "200 edits, server started" "${judge[@]}" "$here/suite/test_edits.py" --edit-judge-model "$work/ie-critic" --edit-judge-protocol ie-critic --judge-arg=--load-format --judge-arg=dummy --judge-keep-alive=20 --judge-report "$out/edits.json"
    IMAGES=${EDITS:-200} FIRST=500 SIDE=768 timed "200 edits, server up" "${judge[@]}" "$here/suite/test_edits.py" --edit-judge-model "$work/ie-critic" --edit-judge-protocol ie-critic --judge-arg=--load-format --judge-arg=dummy --judge-keep-alive=20 --judge-report "$out/edits2.json"
    timed "stop" stop
    ;;
  both) # two judges on one GPU, 48 images and 48 edits
    timed "both judges" "${q_judger[@]}" "$here/suite/test_both.py" --edit-judge-model "$work/ie-critic" --edit-judge-protocol ie-critic --judge-keep-alive=20 --judge-report "$out/both.json"
    nvidia-smi --query-compute-apps=name,used_memory --format=csv
    FIRST=500 timed "both judges, servers up" "${q_judger[@]}" "$here/suite/test_both.py" --edit-judge-model "$work/ie-critic" --edit-judge-protocol ie-critic --judge-report "$out/both2.json"
    ;;
  card) # a share of this GPU as large as a card of GB: run.sh card SHAPE GB [ARGUMENT OF PYTEST...]
    shape=$2 gb=$3; shift 3
    [ -d "$work/$shape" ] || PYTHONPATH="$here/../.." python3 "$here/shapes.py" "$work/$shape" --shape "$shape" --text "$here/../../pytest_imagejudge/protocols/house.toml"
    total=$(nvidia-smi --query-gpu=memory.total --format=csv,noheader,nounits | head -1)
    SHARE=$(python3 -c "print(round(0.92 * $gb * 1e9 / ($total * 2**20), 4))"); export SHARE
    card=(python3 -m pytest -p pytest_imagejudge.plugin -p no:cacheprovider -c "$here/suite/cards.ini" --rootdir "$work" --tb=short -q --judge-no-store
      --judge-model "$work/$shape" --judge-protocol house --judge-thresholds "$work/loose.toml" --judge-arg=--load-format --judge-arg=dummy --judge-keep-alive=20 "$@")
    echo 'total = 0' > "$work/loose.toml"
    IMAGES=4 FIRST=0 timed "$shape, $gb GB: server started, 4 images" "${card[@]}" "$here/suite/test_expect.py" > "$out/$shape-$gb.txt"
    IMAGES=${IMAGES:-32} FIRST=1000 timed "$shape, $gb GB: ${IMAGES:-32} images" "${card[@]}" "$here/suite/test_expect.py" --judge-report "$out/$shape-$gb.json" >> "$out/$shape-$gb.txt"
    grep -E "^TIMED|requests,|passed|failed" "$out/$shape-$gb.txt"
    nvidia-smi --query-gpu=memory.used --format=csv,noheader
    stop
    log=("$IMAGEJUDGE_CACHE"/servers/*/server.log)
    grep -hoE "(Model loading took|Available KV cache memory|GPU KV cache size|Graph capturing finished|torch.compile took|init engine|ValueError: |OutOfMemoryError: ).*" "${log[@]}" | sort -u | cut -c1-250
    cp "${log[0]}" "$out/$shape-$gb.log"; rm -rf "$IMAGEJUDGE_CACHE"/servers
    ;;
  split) # two GPUs, nothing compiled: one judge over both, then two judges with one each
    IMAGES=8 timed "8 images over 2 GPUs" "${q_judger[@]}" --judge-arg=--enforce-eager --judge-arg=--disable-custom-all-reduce --judge-arg=--tensor-parallel-size=2 "$here/suite/test_expect.py" --judge-report "$out/split.json" --judge-keep-alive=1
    nvidia-smi --query-compute-apps=gpu_uuid,name,used_memory --format=csv
    timed "stop" stop
    IMAGES=8 timed "both judges, 2 GPUs" "${q_judger[@]}" --judge-arg=--enforce-eager "$here/suite/test_both.py" --edit-judge-model "$work/ie-critic" --edit-judge-protocol ie-critic --judge-report "$out/apart.json" --judge-keep-alive=1
    nvidia-smi --query-compute-apps=gpu_uuid,name,used_memory --format=csv
    timed "stop" stop
    ;;
esac
