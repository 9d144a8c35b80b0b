#!/usr/bin/env bash
# promptfoo 0.123.1 passes a judge's answer that holds no verdict, and reads the first braces of an answer as the verdict.
#
# Guess before the run: the assertion llm-rubric asks for {"reason", "pass", "score"}, so an answer without a readable
# "pass" and "score" is a fail, as one without JSON is; of several objects the one with the verdict counts.
# Seen with promptfoo 0.123.1 (npm) on Node.js 22.23.3, Linux x86-64 (a judge of ten lines of JavaScript gives the answers):
# - A missing "pass" is a pass, and a missing or unreadable "score" is a score of 1 then. {} passes with 1, and so do
#   {"Pass": false, "Score": 0}, {"verdict": "fail"}, {"result": {"pass": false}} and "score": "3/10".
# - The object is mended where an answer was cut off, and the reason is asked for first: an answer that reached its
#   token limit behind the reason passes with 1.
# - The first object counts. A judge that thinks aloud about the format, or writes "{fox}" before its verdict of false,
#   passes with 1.
# - `threshold: 0.5` changes none of these. It is what fails "score": 0 without "pass", which passes otherwise; a score on
#   a scale of 10 is over it at 3, and goes into the mean as 3.
# `promptfoo eval` exits with 0 on all of them.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm=(npm --silent --no-audit --no-fund --no-update-notifier --prefix "$folder")
"${npm[@]}" install node@22.23.3 >/dev/null
"${npm[@]}" install --ignore-scripts --omit=optional promptfoo@0.123.1 @libsql/linux-x64-gnu@0.5.29 >/dev/null
export PATH="$folder/node_modules/.bin:$PATH"
export PROMPTFOO_DISABLE_TELEMETRY=1 PROMPTFOO_DISABLE_UPDATE=1 PROMPTFOO_CONFIG_DIR="$folder/home"
cat > model.js <<'JAVASCRIPT'
module.exports = class { id() { return 'model'; } async callApi() { return { output: 'a picture' }; } };
JAVASCRIPT
cat > answers.js <<'JAVASCRIPT'
const verdict = '{"reason": "six legs", "pass": false, "score": 0}';
module.exports = {
  'a verdict': verdict,
  'no JSON': 'The fox has six legs. Fail.',
  'empty object': '{}',
  'other case': '{"Pass": false, "Score": 0}',
  'other names': '{"verdict": "fail", "rating": 1}',
  'wrapped': `{"result": ${verdict}}`,
  'score in words': '{"reason": "six legs", "score": "3/10"}',
  'score alone': '{"reason": "six legs", "score": 0}',
  'scale of 10': '{"reason": "six legs", "pass": true, "score": 3}',
  'cut behind the reason': '{"reason": "The fox has six legs.", ',
  'cut in the verdict': '{"reason": "The fox has six legs.", "pass": fal',
  'braces before': `The set {fox} has six legs. ${verdict}`,
  'format before': `<think>I answer as {"reason": "", "pass": true, "score": 1}. Six legs.</think>${verdict}`,
};
JAVASCRIPT
cat > judge.js <<'JAVASCRIPT'
const answers = Object.values(require('./answers.js'));
module.exports = class {
  id() { return 'judge'; }
  async callApi(prompt) { return { output: answers[Number(/answer (\d+)/.exec(prompt)[1])] }; }
};
JAVASCRIPT
cat > evaluate.js <<'JAVASCRIPT'
const { execFileSync } = require('child_process');
const fs = require('fs');

function results(threshold, names) {
  const all = Object.keys(require('./answers.js'));
  const tests = names.map((name) => ({
    description: name,
    vars: { prompt: 'a fox in the snow' },
    assert: [{ type: 'llm-rubric', value: `answer ${all.indexOf(name)}`, ...(threshold && { threshold }) }],
  }));
  const defaultTest = { options: { provider: 'file://judge.js' } };
  fs.writeFileSync('config.json', JSON.stringify({ prompts: ['{{prompt}}'], providers: ['file://model.js'], defaultTest, tests }));
  let code = 0;
  try {
    execFileSync('promptfoo', ['eval', '-c', 'config.json', '-o', 'out.json', '--no-cache', '--no-table', '--no-write', '--no-share'], { stdio: 'ignore' });
  } catch (error) {
    code = error.status;
  }
  const rows = JSON.parse(fs.readFileSync('out.json')).results.results;
  return [Object.fromEntries(rows.map((row) => [row.testCase.description, `${row.success ? 'passed' : 'failed'} with ${row.score}`])), code];
}

const names = Object.keys(require('./answers.js'));
const [plain] = results(undefined, names);
const [bounded] = results(0.5, names);
const fail = { 'a verdict': 'failed with 0', 'no JSON': 'failed with 0', 'cut in the verdict': 'failed with 0' };
const expected = Object.fromEntries(names.map((name) => [name, fail[name] ?? 'passed with 1']));
expected['scale of 10'] = 'passed with 3';
const assert = require('assert');
for (const name of names) console.log(`${name}: ${plain[name]}; with a threshold of 0.5 ${bounded[name]}`);
assert.deepStrictEqual(plain, { ...expected, 'score alone': 'passed with 0' });
assert.deepStrictEqual(bounded, { ...expected, 'score alone': 'failed with 0' });
const [, code] = results(0.5, names.filter((name) => bounded[name].startsWith('passed')));
console.log('promptfoo eval exits with', code, 'on those that passed');
assert.strictEqual(code, 0);
JAVASCRIPT
echo "promptfoo $(node -p "require('./node_modules/promptfoo/package.json').version"), Node.js $(node --version)"
node evaluate.js
