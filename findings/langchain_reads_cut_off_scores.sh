#!/usr/bin/env bash
# langchain-core 1.8.3 reads an answer that was cut off as a whole one, and so 8 where the judge was writing 85.
#
# Guess before the run: JSON that ends in the middle is an OutputParserException, since it can't be told from another answer;
# reading parts is for streams (`transform`), or has to be asked for (`partial`).
# Seen with langchain-core 1.8.3, pydantic 2.14.4 on CPython 3.11: `JsonOutputParser().parse` and `PydanticOutputParser`, which
# hands over a checked object, complete what is missing. The answer {"reason": "sharp", "score": 85} cut off
# - behind "8" is a score of 8, behind 85 the score 85, and behind {"reason": "sh the reason "sh" without a score.
# - In the same way 3. of 3.9 is 3, and "score": -, fal or tru leave the key out.
# - A list of scores comes back shorter: [90, 80, 2 of [90, 80, 20, 10] has three, and a mean over it is another one.
# - Words behind the JSON are left out, and a second object with them, the one with which a judge corrects itself. Words in
#   front are an error. In a code block it is the same.
# - Where the score comes last the object is complete and in range, so neither a bound nor a required field notices. A run
#   whose answers hit the limit of tokens has low scores and no error: the parsers don't see the reason of the end.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check langchain-core==1.8.3 pydantic==2.14.4 2>/dev/null
"$folder/venv/bin/python" -W error - <<'PYTHON'
import importlib.metadata

from langchain_core.exceptions import OutputParserException
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from pydantic import BaseModel, Field


class Verdict(BaseModel):
    reason: str
    score: int = Field(ge=0, le=100)


def read(parser, text):
    try:
        found = parser.parse(text)
    except OutputParserException:
        return "error"
    return found.model_dump() if isinstance(found, Verdict) else found


print("langchain-core", importlib.metadata.version("langchain-core"))
whole = '{"reason": "sharp", "score": 85}'
as_json, as_verdict = JsonOutputParser(), PydanticOutputParser(pydantic_object=Verdict)
expected = {
    whole: {"reason": "sharp", "score": 85},
    whole[:-1]: {"reason": "sharp", "score": 85},
    whole[:-2]: {"reason": "sharp", "score": 8},
    whole[:14]: {"reason": "sh"},
    "```json\n" + whole[:-2]: {"reason": "sharp", "score": 8},
    '{"score": 3.': {"score": 3},
    '{"score": 3, "passed": fal': {"score": 3},
    '{"score": -': {},
    "[90, 80, 2": [90, 80, 2],
    whole + ' No: {"reason": "blurred", "score": 12}': {"reason": "sharp", "score": 85},
    "I would say " + whole: "error",
}
for text, value in expected.items():
    found = read(as_json, text)
    print(f"{text!r}: {found}")
    assert found == value, "this has changed"
cut = read(as_verdict, whole[:-2])
print("PydanticOutputParser:", cut)
assert cut == {"reason": "sharp", "score": 8}, "this has changed"
assert read(as_verdict, whole[:14]) == "error", "this has changed"
PYTHON
