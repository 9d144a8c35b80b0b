#!/usr/bin/env bash
# Times a start beside the tests, and answers in free text: overlap.sh NEW_CHECKOUT OLD_CHECKOUT STEP...
# Steps, in this order: setup cold overlap free-400 free-1200 stop old offline. All use the caches that `cold` leaves; `old` its
# kernels, so that the older build finds compiled what any earlier run of its own would have left.
# Needs: PYTHONPATH with vLLM and this package's dependencies.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
new=$(realpath "$1") old=$(realpath "$2") site=${PYTHONPATH:-}
export WORK=${WORK:-/tmp/imagejudge-overlap}
out=${OUT:-$WORK/out}
mkdir -p "$WORK" "$out"
export PYTHONUNBUFFERED=1 IMAGEJUDGE_CACHE=$WORK/cache VLLM_USE_FLASHINFER_SAMPLER=0
read -ra server <<< "${SERVER_ARGS:---load-format dummy --gdn-prefill-backend triton}"

run() { # NAME CHECKOUT ARGUMENT...: a run of the suite
  local name=$1 checkout=$2 begun rc; shift 2; begun=$(date +%s.%N)
  PYTHONPATH=$site:$checkout python3 -m pytest -p pytest_imagejudge.plugin -p no:cacheprovider -c "$here/suite/pytest.ini" --rootdir "$WORK" --tb=short -q \
    -o judge_decoding=free --judge-store "$WORK/store-$(basename "$checkout")" --judge-thresholds "$WORK/loose.toml" \
    --judge-model "$WORK/q-judger" --judge-protocol q-judger "${server[@]/#/--judge-arg=}" "$here/suite/test_expect.py" "$@" > "$out/$name.txt" 2>&1
  rc=$?
  python3 -c "import sys, time; print(f'TIMED {sys.argv[1]}: {time.time() - float(sys.argv[2]):.1f} s, exit {sys.argv[3]}')" "$name" "$begun" $rc | tee -a "$out/times.txt"
  grep -E "^(AT|TIMED)|starts |ready after|images? ·|requests," "$out/$name.txt" | tee -a "$out/times.txt"
}
cd "$WORK" || exit
echo 'total = 0' > loose.toml
export IMAGEJUDGE_Q_JUDGER_WORDS
IMAGEJUDGE_Q_JUDGER_WORDS=$(PYTHONPATH=$site:$new python3 "$here/words.py" "$WORK/checklists.py")
for step in "${@:3}"; do
  case $step in
    setup) PYTHONPATH=$site:$new python3 "$here/shapes.py" "$WORK/q-judger" --shape q-judger --text "$new/pytest_imagejudge/protocols/house.toml" ;;
    cold) HOLD_GIB=${HOLD_GIB-2} TOKENS=400 IMAGES=4 FIRST=0 run new-cold "$new" ;; # it records what the tests leave of the GPU
    overlap) HOLD_GIB=${HOLD_GIB-2} LOAD_SECONDS=${LOAD:-60} TOKENS=400 IMAGES=4 FIRST=100 run new-overlap "$new" --judge-keep-alive=20 ;;
    old)
      mkdir -p "$WORK/old-cache/compiled" && cp -r "$IMAGEJUDGE_CACHE"/compiled/vllm-*/{triton,deep_gemm,flashinfer,cuda} "$WORK/old-cache/compiled/" 2> /dev/null
      IMAGEJUDGE_CACHE=$WORK/old-cache HOLD_GIB=${HOLD_GIB-2} LOAD_SECONDS=${LOAD:-60} TOKENS=400 IMAGES=4 FIRST=200 run old-warm "$old"
      cp "$WORK"/old-cache/servers/*/server.log "$out/old-server.log"
      ;;
    free-*) TOKENS=${step#free-} FIRST=${step#free-}0 run "$step" "$new" --judge-keep-alive=20 --judge-no-store ;;
    stop) cp "$IMAGEJUDGE_CACHE"/servers/*/server.log "$out/"; PYTHONPATH=$site:$new python3 -m pytest_imagejudge serve --stop ;;
    offline)
      PYTHONPATH=$site:$new python3 "$here/offline.py" "$WORK/q-judger" --images "${IMAGES:-48}" --first 1000 --tokens 400 --tokens 1200 "${server[@]/#/--server-arg=}" 2>&1 |
        tee "$out/offline.txt" | grep --line-buffered -E '^\{|Error' | tee -a "$out/times.txt"
      ;;
  esac
done
