#!/usr/bin/env bash
# A LiteLLM 1.100.5 proxy without a database answers a wrong key with HTTP 400, and a request without a key with 500.
#
# Guess before the run: 401 both times, since the master key alone tells right from wrong.
# Seen on CPython 3.11, Linux: "No connected db." (400, no_db_connection) for a key that is not the master key. Without
# a key the handler of the refusal imports prisma, which litellm[proxy] does not install: "Internal server error". So a
# client that takes 400 for a fault of its fields asks again without them, and one that tries again after 500 waits.
# This fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
server=
trap 'kill $server 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'litellm[proxy]==1.100.5' 2>/dev/null
cd "$folder"
cat > config.yaml <<'YAML'
model_list:
  - {model_name: judge, litellm_params: {model: openai/judge, api_base: "http://127.0.0.1:9/v1", api_key: none}}
general_settings: {master_key: sk-right}
YAML
port=$(python3 -c "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])")
export LITELLM_OFFLINE_MODE=true LITELLM_LOCAL_MODEL_COST_MAP=True HOME="$folder" NO_PROXY=127.0.0.1
venv/bin/litellm --config config.yaml --host 127.0.0.1 --port "$port" --telemetry False > log 2>&1 &
server=$!
ask() { curl --silent --noproxy '*' --write-out '\n%{http_code}\n' "${@:2}" "http://127.0.0.1:$port$1"; }
for _ in $(seq 120); do ask /health/liveliness > alive 2>&1 && break; sleep 1; done
ask /v1/models > without
ask /v1/models --header "Authorization: Bearer sk-wrong" > wrong
ask /v1/models --header "Authorization: Bearer sk-right" > right
tail -n 1 without wrong right
grep no_db_connection wrong
test "$(tail -n 1 without)" = 500
grep "No module named 'prisma'" log | head -n 1
test "$(tail -n 1 wrong)" = 400
test "$(tail -n 1 right)" = 200
