import base64
import io
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from PIL import Image

from pytest_imagejudge.cli import main
from pytest_imagejudge.protocols import published_words as words
from tests.stand_in import published_words

GOOD = '{"Detail": {"Noise": {"score": 1}}}'


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMAGEJUDGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("IMAGEJUDGE_OFFLINE", "1")
    Image.new("RGB", (40, 30), "red").save("red.png")
    Image.new("RGB", (800, 600), "blue").save("blue.png")
    return tmp_path


@pytest.fixture
def command(capsys):
    def call(*args):
        code = main(["protocol", *map(str, args)])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def lines(path, *entries):
    Path(path).write_bytes(b"\n".join(e if isinstance(e, bytes) else json.dumps(e).encode() for e in entries) + b"\n")
    return path


# --- read ------------------------------------------------------------------------------------------------------------


def test_read_prints_one_line_for_each_answer_in_order(command):
    file = lines(
        "a.jsonl",
        {"id": "x", "dimension": "Quality", "text": f"<think>no</think>{GOOD}", "finish_reason": "stop"},
        {"id": 7, "dimension": "Aesthetics", "text": "<think>" + GOOD, "finish_reason": "length"},
        {"id": None, "dimension": "Quality", "text": None, "finish_reason": None},
    )
    code, out, err = command("read", "--protocol", "q-judger", file)
    first, second, third = map(json.loads, out.splitlines())
    assert (code, err) == (0, "")
    assert first["id"] == "x"
    assert first["level3"] == {"Quality": {"Detail": {"Noise": {"raw": 1, "score": 60.0, "evidence": ""}}}}
    assert ["Quality", "Detail", "Edge Clarity"] in first["unreadable"]
    assert first["problems"][0] == {"path": ["Quality", "Realism", "Physical Logic"], "kind": "missing", "detail": ""}
    assert (second["id"], second["dimension"], second["level3"]) == (7, "Aesthetics", {})
    assert second["unreadable"] == [["Aesthetics"]]
    assert [problem["kind"] for problem in second["problems"]] == ["unfinished-thinking"]
    assert (third["id"], third["unreadable"]) == (None, [["Quality"]])


def test_not_applicable_has_no_score(command):
    file = lines(
        "a.jsonl", {"id": 1, "dimension": "Quality", "text": GOOD.replace("1", '"N/A"'), "finish_reason": None}
    )
    _, out, _ = command("read", "--protocol", "house", file)
    noise = json.loads(out)["level3"]["Quality"]["Detail"]["Noise"]
    assert noise == {"raw": "N/A", "score": None, "evidence": ""}


def test_nearly_json_is_read_and_named(command):
    edit = {"overall": 3.7, "text_alignment": 4, "fidelity": 2}
    file = lines(
        "a.jsonl",
        {"id": 1, "dimension": "Quality", "text": GOOD.replace('"', "'"), "finish_reason": None},
        {"id": 2, "dimension": "Quality", "text": GOOD[:-1], "finish_reason": "length"},
    )
    first, second = map(json.loads, command("read", "--protocol", "q-judger", file)[1].splitlines())
    assert first["level3"] == {"Quality": {"Detail": {"Noise": {"raw": 1, "score": 60.0, "evidence": ""}}}}
    assert first["problems"][0] == {"path": ["Quality"], "kind": "mended", "detail": "single quotes"}
    assert (second["level3"], second["unreadable"]) == ({}, [["Quality"]])
    file = lines("b.jsonl", {"id": 1, "text": json.dumps(edit)[:-1] + ",}"})
    third = json.loads(command("read", "--protocol", "house-edit", file)[1])
    assert third["score"] == 3.7
    assert {"path": ["Edit"], "kind": "mended", "detail": "a trailing comma"} in third["problems"]


def test_read_edits(command):
    file = lines(
        "a.jsonl",
        {"id": 1, "dimension": "Edit", "text": "<think>a</think><answer>4/5</answer>", "finish_reason": "stop"},
        {"id": 2, "text": "<think>a</think><answer>8/10</answer>"},
    )
    code, out, _ = command("read", "--protocol", "ie-critic", file)
    first, second = map(json.loads, out.splitlines())
    assert code == 0
    assert (first["score"], first["unreadable"]) == (4.0, [])
    assert [problem["kind"] for problem in first["problems"]] == ["coerced"]
    assert (second["score"], second["unreadable"], second["dimension"]) == (None, [["Edit"]], "Edit")
    assert "level3" not in first


def test_read_edits_with_aspects(command):
    answer = {"text_alignment": 4.0, "fidelity": 3.0, "perceptual_quality": 2.0, "overall": 3.1}
    file = lines("a.jsonl", {"id": 1, "text": json.dumps(answer), "finish_reason": "stop"})
    _, out, _ = command("read", "--protocol", "house-edit", file)
    assert json.loads(out)["score"] == 3.1
    assert json.loads(out)["aspects"] == {"text_alignment": 4.0, "fidelity": 3.0, "perceptual_quality": 2.0}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"not json", "no valid JSON"),
        (b'{"id": 1', "no valid JSON"),
        (b"\xff\xfe", "byte 0xFF is not valid UTF-8"),
        (b"[1]", "a list where an object was expected"),
        (b'"text"', "a string where an object was expected"),
        (b"[" * 100_000, "line 2"),
        (b'{"id": ' + b"9" * 5000 + b', "dimension": "Quality", "text": ""}', "too many digits"),
        (b'{"id": NaN, "dimension": "Quality", "text": ""}', "id: found nan, which is no JSON"),
        (b'{"id": [1e999], "dimension": "Quality", "text": ""}', "id: found [inf], which is no JSON"),
        (b'{"id": 1, "dimension": "Quality", "text": "", "text": "{}"}', 'the name "text" appears twice'),
        (b'{"id": 1, "dimension": "Quality", "text": "", "finish_reason": null, "finish_reason": "stop"}', "twice"),
        (b'{"id": 1, "dimension": "Quality"}', "no text"),
        (b'{"dimension": "Quality", "text": ""}', "no id"),
        (b'{"id": 1, "text": ""}', "no dimension"),
        (b'{"id": 1, "dimension": "Qualty", "text": ""}', 'did you mean "Quality"'),
        (b'{"id": 1, "dimension": ["Quality"], "text": ""}', "dimension"),
        (b'{"id": 1, "dimension": "Quality", "text": "", "finish_reason": 5}', "finish_reason: found 5"),
    ],
)
def test_wrong_line_is_named_and_the_rest_is_read(command, line, message):
    fine = {"id": 1, "dimension": "Quality", "text": GOOD, "finish_reason": "stop"}
    code, out, err = command("read", "--protocol", "q-judger", lines("a.jsonl", fine, line, b"", fine))
    assert code == 2
    assert [json.loads(shown)["id"] for shown in out.splitlines()] == [1, 1]
    assert "a.jsonl, line 2" in err
    assert message in err


@pytest.mark.parametrize("text", [5, 1.5, True, [GOOD], {"Detail": {"Noise": {"score": 1}}}])
@pytest.mark.parametrize(("name", "path"), [("q-judger", "Quality"), ("house", "Quality"), ("ie-critic", "Edit")])
def test_an_answer_that_is_no_text_is_unreadable(command, text, name, path):
    lines("a.jsonl", {"id": 1, "dimension": path, "text": text, "finish_reason": "stop"})
    code, out, err = command("read", "--protocol", name, "a.jsonl")
    found = json.loads(out)
    assert (code, err, found["unreadable"]) == (0, "", [[path]])
    assert (found["problems"][0]["path"], found["problems"][0]["kind"]) == ([path], "wrong-type")
    assert not found.get("level3") and found.get("score") is None


def test_what_is_printed_starts_no_command_of_a_ci_log(command):
    lines("a.jsonl", {"id": "##[error]x\x9b\u202e", "dimension": "Quality", "text": GOOD})
    _, out, _ = command("read", "--protocol", "q-judger", "a.jsonl")
    assert json.loads(out)["id"] == "##[error]x\x9b\u202e"
    assert out.isascii()
    assert "##[" not in out


def test_bom_crlf_and_blank_lines(command):
    entry = json.dumps({"id": 1, "dimension": "Quality", "text": GOOD, "finish_reason": None}).encode()
    Path("a.jsonl").write_bytes(b"\xef\xbb\xbf" + entry + b"\r\n\r\n" + entry)
    code, out, _ = command("read", "--protocol", "q-judger", "a.jsonl")
    assert (code, len(out.splitlines())) == (0, 2)


def test_read_from_standard_input(command, monkeypatch):
    entry = json.dumps({"id": "é\ud800", "dimension": "Quality", "text": GOOD}).encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(entry)))
    code, out, _ = command("read", "--protocol", "q-judger", "-")
    assert (code, json.loads(out)["id"]) == (0, "é\ud800")


def test_read_no_such_file_or_protocol(command):
    assert command("read", "--protocol", "q-judger", "none.jsonl")[0] == 2
    code, _, err = command("read", "--protocol", "q-juger", "none.jsonl")
    assert (code, 'did you mean "q-judger"' in err) == (2, True)


# --- show ------------------------------------------------------------------------------------------------------------


def test_show_an_image(command, folder, monkeypatch):
    published_words.use(monkeypatch, folder)
    code, out, err = command("show", "--protocol", "q-judger", "--prompt", "a {fox} <image> <|im_end|>", "red.png")
    requests = json.loads(out)
    assert code == 0
    assert "taken apart: <|im_end|>" in err
    assert [request["dimension"] for request in requests] == [
        "Quality",
        "Aesthetics",
        "Alignment",
        "Real-world Fidelity",
        "Creative Generation",
    ]
    assert all(set(request) == {"dimension", "messages"} for request in requests)
    text, image, _ = requests[0]["messages"][1]["content"]
    assert text["text"] == "Asked for: a {fox} <image> < |im_end|>\nMade:\n"
    picture = Image.open(io.BytesIO(base64.b64decode(image["image_url"]["url"].partition(",")[2])))
    assert (picture.size, picture.getpixel((0, 0))) == ((40, 30), (255, 0, 0))


def test_show_an_edit(command, folder, monkeypatch):
    published_words.use(monkeypatch, folder)
    arguments = ("--source", "red.png", "--edited", "blue.png", "--instruction", "blue")
    code, out, _ = command("show", "--protocol", "ie-critic", *arguments)
    (request,) = json.loads(out)
    assert (code, request["dimension"]) == (0, "Edit")
    user, assistant = request["messages"]
    assert [part["type"] for part in user["content"]] == ["image_url", "image_url", "text"]
    assert assistant["content"] == "<think>"
    assert json.loads(command("show", "--protocol", "house", *arguments)[1])[0]["dimension"] == "Edit"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--protocol", "house", "red.png"), "--prompt"),
        (("--protocol", "house", "--prompt", "x"), "IMAGE"),
        (("--protocol", "ie-critic", "--prompt", "x", "red.png"), "--source"),
        (("--protocol", "ie-critic", "--source", "red.png"), "--edited, --instruction"),
        (("--protocol", "q-judger", "--source", "red.png"), "judges images, not edits"),
        (("--protocol", "house", "--prompt", "x", "none.png"), "none.png"),
        (("--protocol", "q-judger", "--prompt", "x", "red.png"), "imagejudge protocol pull --from"),
    ],
)
def test_show_says_what_is_missing(command, arguments, message):
    code, out, err = command("show", *arguments)
    assert (code, out) == (2, "")
    assert message in err


# --- pull and export -------------------------------------------------------------------------------------------------


def test_pull_refuses_what_is_not_the_published_file(command, folder):
    Path("checklists.py").write_text(published_words.q_judger())
    for origin in ("checklists.py", folder, "none"):
        code, out, err = command("pull", "--from", origin)
        assert (code, out) == (2, "")
    assert "no such file" in err
    assert words.Q_JUDGER.sha256 in command("pull", "--from", "checklists.py")[2]
    assert not (folder / "cache").exists()


def test_pull_takes_the_published_file_from_a_checkout(command, folder, monkeypatch):
    from dataclasses import replace
    from hashlib import sha256

    source = published_words.IE_CRITIC.encode()
    pin = replace(words.IE_CRITIC, sha256=sha256(source).hexdigest())
    monkeypatch.setitem(words.PINS, "ie-critic", pin)
    Path("checkout/scripts").mkdir(parents=True)
    Path("checkout/scripts/iebench_eval.py").write_bytes(source)
    for origin in ("checkout", "checkout/scripts", "checkout/scripts/iebench_eval.py", "."):
        code, out, _ = command("pull", "--from", origin)
        assert (code, out.strip()) == (0, str(words.cached_path(pin)))
        assert words.cached_path(pin).read_bytes() == source
        words.cached_path(pin).unlink()
    words.keep(pin, source)
    assert command("pull", "--protocol", "ie-critic")[0] == 0  # here already: nothing to fetch


def test_pull_offline_and_unknown(command):
    code, _, err = command("pull", "--protocol", "q-judger")
    assert (code, "IMAGEJUDGE_OFFLINE is set" in err) == (2, True)
    code, _, err = command("pull", "--protocol", "house")
    assert (code, "q-judger or ie-critic" in err) == (2, True)


@pytest.mark.parametrize("name", ["house", "house-edit"])
def test_export_is_a_protocol(command, name):
    code, out, _ = command("export", name)
    assert (code, tomllib.loads(out)["name"]) == (0, name)
    Path("mine.toml").write_text(out)
    lines("a.jsonl", {"id": 1, "dimension": "Quality", "text": "{}"})
    assert command("read", "--protocol", "mine.toml", "a.jsonl")[0] == 0


def test_export_is_utf_8_in_any_terminal(folder):
    command = [sys.executable, "-m", "pytest_imagejudge", "protocol", "export", "house"]
    found = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"}, check=True)
    assert tomllib.loads(found.stdout.decode())["name"] == "house"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize(
    "arguments", [("protocol", "read", "--protocol", "house", "a.jsonl"), ("plan", "--images", "9", "--json")]
)
def test_output_that_cannot_be_written_is_exit_2_and_no_traceback(folder, arguments):
    lines("a.jsonl", {"id": 1, "dimension": "Quality", "text": GOOD})
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "pytest_imagejudge", *arguments]
        found = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert found.returncode == 2
    assert "No space left" in found.stderr
    assert "Traceback" not in found.stderr


def test_reader_that_leaves_early_gets_no_complaint(folder):
    lines("a.jsonl", {"id": 1, "dimension": "Quality", "text": GOOD})
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "pytest_imagejudge", "protocol", "show", "--protocol", "house"]
    try:
        found = subprocess.run(
            [*command, "--prompt", "x", "red.png"], stdout=writer, stderr=subprocess.PIPE, check=False
        )
    finally:
        os.close(writer)
    assert (found.returncode, found.stderr) == (0, b"")


# --- judges that ask several times -----------------------------------------------------------------------------------


def test_read_prints_the_numbers_as_asked_for_and_the_least_of_them(command):
    file = lines(
        "a.jsonl",
        {"id": 1, "dimension": "SC", "text": '{"reasoning": "", "score": [20, 5]}', "finish_reason": "stop"},
        {"id": 2, "dimension": "PQ", "text": '{"score": [20]}', "finish_reason": "stop"},
        {"id": 3, "dimension": "PQ", "text": "no", "finish_reason": None},
        {"id": 4, "dimension": "PQ", "text": 7},
    )
    code, out, _ = command("read", "--protocol", "editscore", file)
    first, second, third, fourth = map(json.loads, out.splitlines())
    assert code == 0
    assert first == {"id": 1, "dimension": "SC", "scores": [20, 5], "score": 2, "problems": [], "unreadable": []}
    assert (second["scores"], second["score"], second["unreadable"]) == (None, None, [["PQ"]])
    assert [problem["kind"] for problem in third["problems"]] == ["no-answer", "drawn"]
    assert fourth["problems"][0]["kind"] == "wrong-type"
    assert (fourth["score"], fourth["unreadable"]) == (None, [["PQ"]])


@pytest.mark.parametrize("dimension", ["Edit", "SC 2", None])
def test_read_of_a_dimension_that_was_not_asked(command, dimension):
    file = lines("a.jsonl", {"id": 1, "text": "", **({"dimension": dimension} if dimension else {})})
    code, _, err = command("read", "--protocol", "viescore", file)
    assert code == 2
    assert "expected SC, PQ" in err if dimension else "no dimension" in err


def test_show_prints_both_requests(command, tmp_path, monkeypatch):
    published_words.use(monkeypatch, tmp_path)
    edit = ("--source", "red.png", "--edited", "blue.png", "--instruction", "make it blue")
    code, out, _ = command("show", "--protocol", "viescore", *edit)
    change, quality = json.loads(out)
    assert code == 0
    assert [one["dimension"] for one in (change, quality)] == ["SC", "PQ"]
    assert [part["type"] for part in change["messages"][0]["content"]] == ["image_url", "image_url", "text"]
    assert [part["type"] for part in quality["messages"][0]["content"]] == ["image_url", "text"]
