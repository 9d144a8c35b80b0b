#!/usr/bin/env bash
# Times starts of a judge: starts.sh OLD_CHECKOUT NEW_CHECKOUT. Needs: PYTHONPATH with vLLM and this package's dependencies.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
old=$(realpath "$1") new=$(realpath "$2")
work=${WORK:-/tmp/imagejudge-starts} out=${OUT:-/tmp/imagejudge-starts/out} site=${PYTHONPATH:-}
mkdir -p "$work" "$out"

start() { # NAME CHECKOUT CACHE MODEL
  local begun; begun=$(date +%s.%N)
  IMAGEJUDGE_CACHE=$3 PYTHONPATH=$site:$2 python3 -m pytest_imagejudge serve --json --judge-keep-alive=20 --judge-model "$4" --judge-protocol house \
    --judge-arg=--load-format --judge-arg=dummy --judge-arg=--gdn-prefill-backend --judge-arg=triton > "$work/$1.json" 2> "$out/$1.err"
  local rc=$?
  python3 -c "import sys, time; print(f'TIMED {sys.argv[1]}: {time.time() - float(sys.argv[2]):.1f} s, exit {sys.argv[3]}')" "$1" "$begun" $rc
  cp "$3"/servers/*/server.log "$out/$1.log"
}
stop() { IMAGEJUDGE_CACHE=$2 PYTHONPATH=$site:$1 python3 -m pytest_imagejudge serve --stop; }

cd "$work" || exit
PYTHONPATH=$site:$new python3 "$here/shapes.py" "$work/q-judger" --shape q-judger --text "$new/pytest_imagejudge/protocols/house.toml"
start new-cold "$new" "$work/new" "$work/q-judger"; stop "$new" "$work/new"
start new-warm "$new" "$work/new" "$work/q-judger"; stop "$new" "$work/new"
tar cf cache.tar -C "$work/new" compiled && mkdir -p elsewhere/home elsewhere/cache && tar xf cache.tar -C elsewhere/cache
mv q-judger elsewhere/model; mv "$work/new" "$work/away"
HOME=$work/elsewhere/home start new-elsewhere "$new" "$work/elsewhere/cache" "$work/elsewhere/model"
PYTHONPATH=$site:$new python3 "$here/free_text.py" new-elsewhere.json 48 400 0
stop "$new" "$work/elsewhere/cache"; mv elsewhere/model q-judger
start old-cold "$old" "$work/old" "$work/q-judger"; stop "$old" "$work/old"
start old-warm "$old" "$work/old" "$work/q-judger"
PYTHONPATH=$site:$new python3 "$here/free_text.py" old-warm.json 48 400 0
stop "$old" "$work/old"
