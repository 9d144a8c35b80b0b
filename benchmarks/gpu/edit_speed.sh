#!/usr/bin/env bash
# Edits a second of viescore and editscore: edit_speed.sh. Needs: PYTHONPATH with vLLM, this package's dependencies and the package
# editscore 0.2 with what it imports; $WORDS, a folder with the pinned files of the protocols' words.
# Every server compiles nothing and records CUDA graphs for decoding, so that starts are short: on both sides alike.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=${WORK:-/tmp/imagejudge-edit-speed} out=${OUT:-/tmp/imagejudge-edit-speed/out}
mkdir -p "$work" "$out"; cd "$work" || exit
export PYTHONPATH=$PYTHONPATH:$here/../.. IMAGEJUDGE_CACHE=$work/cache HF_HUB_OFFLINE=1 VLLM_USE_FLASHINFER_SAMPLER=0 VLLM_NO_USAGE_STATS=1 PYTHONUNBUFFERED=1
COMPILATION='{"mode": 0, "cudagraph_mode": "FULL_DECODE_ONLY"}'
begun=$(date +%s)
shape() { [ -d "$1" ] || python3 "$here/shapes.py" "$work/$1" --shape "$1" --text "$here/../../pytest_imagejudge/protocols/house.toml" > "$out/shape-$1.log" 2>&1; }
speed() { # SECONDS NAME ARGUMENT...
  local most=$1 name=$2; shift 2
  timeout "$most" python3 "$here/edit_speed.py" "$@" --compilation "$COMPILATION" --out "$out/edit_speed.jsonl" > "$out/$name.log" 2>&1
  echo "$name: exit $?, $(($(date +%s) - begun)) s since the start"
  tail -c 300 "$out/$name.log" | tail -n 2
}
ours() { # SECONDS NAME ARGUMENT...
  speed "$1" "$2" ours "${@:3}"
  timeout 60 python3 -m pytest_imagejudge serve --stop > /dev/null 2>&1
  cp "$IMAGEJUDGE_CACHE"/servers/*/server.log "$out/$2-server.log" 2> /dev/null; rm -rf "$IMAGEJUDGE_CACHE/servers"
}
# what is missing shows before a server is up
python3 -c 'import certifi, editscore, filelock, httpx, jinja2, orjson, platformdirs, pluggy, psutil, pydantic, rich, sniffio, tenacity, vllm' || exit
python3 -m pytest_imagejudge protocol pull --from "$WORDS" > /dev/null || exit
for step in "${@:-4b}"; do
  case $step in
    4b)
      shape qwen3-vl-4b
      ours 240 ours-4b "$work/qwen3-vl-4b" --family qwen3-vl --protocol editscore viescore
      speed 170 published-4b published "$work/qwen3-vl-4b" --family qwen3-vl --edits 16 --batch 50
      ;;
    8b)
      shape qwen3-vl-8b
      ours 240 ours-8b "$work/qwen3-vl-8b" --family qwen3-vl --protocol editscore viescore
      speed 130 published-8b published "$work/qwen3-vl-8b" --family qwen3-vl --edits 16
      ;;
    7b)
      shape ie-critic
      ours 240 ours-7b "$work/ie-critic" --family qwen2.5-vl --protocol editscore viescore
      speed 130 published-7b published "$work/ie-critic" --family qwen2.5-vl --edits 16
      ;;
  esac
done
