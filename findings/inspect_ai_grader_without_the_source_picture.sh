#!/usr/bin/env bash
# inspect-ai 0.3.285 shows the grader an edited picture without the picture that was to be edited.
#
# Guess before the run: `model_graded_qa` and `model_graded_fact` show a grader the whole task, so that the judge of an edit sees
# both pictures; with `include_history=True` at the latest, which is there for tasks beyond the last question's text.
# Seen with inspect-ai 0.3.285 on CPython 3.11 (mock models of the package stand for both, so no key is needed): a sample asks
# with a red picture and the words "Make the square blue.", and the model answers with a blue picture.
# - The grader gets the words and the blue picture ("See attached media"). The red one is in none of its messages, with both
#   scorers, with and without the history; neither is a word that there was a picture.
# - Where the answer is text (a question about the red picture), the grader sees no picture at all.
# So whether the rest of a picture was kept, and whether an answer about a picture is true, is graded blind. The grade comes
# nevertheless; no warning is issued.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check inspect-ai==0.3.285 pillow==13.0.0 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import base64
import importlib.metadata
import io

from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessageAssistant,
    ChatMessageUser,
    ContentImage,
    ContentText,
    ModelOutput,
    ModelUsage,
    get_model,
)
from inspect_ai.scorer import model_graded_fact, model_graded_qa
from PIL import Image


def picture(colour):
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(buffer, "PNG")
    return ContentImage(image="data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode())


def model(content, calls=None):
    def answer(input, tools, tool_choice, config):
        if calls is not None:
            calls.append(input)
        usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)  # else tokens are counted with a file of the network
        message = ChatMessageAssistant(content=content)
        return ModelOutput(model="mock", choices=[ChatCompletionChoice(message=message)], usage=usage)

    return get_model("mockllm/model", custom_outputs=answer, memoize=False)


def seen_by_the_grader(scorer, answer, **options):
    calls = []
    sample = Sample(
        input=[ChatMessageUser(content=[ContentText(text="Make the square blue."), RED])],
        target="The square is blue, and nothing else changed.",
    )
    task = Task(dataset=[sample], scorer=scorer(model=model("GRADE: C", calls), **options))
    log = eval(task, model=model(answer), display="none", log_dir="logs")[0]
    assert log.status == "success" and len(calls) == 1
    parts = [part for message in calls[0] for part in ([message.content] if isinstance(message.content, str) else message.content)]
    text = "".join(part if isinstance(part, str) else part.text for part in parts if isinstance(part, str) or part.type == "text")
    pictures = [COLOURS[part.image] for part in parts if not isinstance(part, str) and part.type == "image"]
    return pictures, "Make the square blue." in text, log.results.scores[0].metrics["accuracy"].value


RED, BLUE = picture("red"), picture("blue")
COLOURS = {RED.image: "red", BLUE.image: "blue"}
print("inspect-ai", importlib.metadata.version("inspect-ai"))
for scorer in (model_graded_qa, model_graded_fact):
    for options in ({}, {"include_history": True}):
        for answer, expected in {"picture": ["blue"], "text": []}.items():
            found = seen_by_the_grader(scorer, [BLUE] if answer == "picture" else "It is blue now.", **options)
            print(f"{scorer.__name__} {options}, the answer is a {answer}: pictures {found[0]}, accuracy {found[2]}")
            assert found == (expected, True, 1.0), "this has changed"
PYTHON
