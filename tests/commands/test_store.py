"""``imagejudge store``, through its command line."""

import gzip
import hashlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pytest_imagejudge.cli import main
from pytest_imagejudge.engines.base import Answer
from pytest_imagejudge.protocols import load_protocol
from pytest_imagejudge.store.answer_store import FILE_NAME, Store, key_of
from pytest_imagejudge.store.entry import KEY_VARIABLE, StoredAnswer, canonical
from pytest_imagejudge.taxonomy import TREE

DAY = 86400.0


def put(root, count=10, *, first=0, model="judge", text="text", stored=None):
    with Store(root) as store:
        store.put_rows(
            store.seal.row(
                StoredAnswer(
                    key_of(model=model, number=number),
                    Answer(f"{text} {number} " + "words " * 40, "stop", notes=("unconstrained",)),
                    {
                        "model": model,
                        "revision": "r1",
                        "protocol": "q-judger",
                        "dimension": "Quality",
                        "prompt": "狐狸",
                    },
                    time.time() - 60 + number if stored is None else stored + number,
                )
            )
            for number in range(first, first + count)
        )
        for number in range(first, first + count):
            store.remember_pixels(key_of(file=number), key_of(pixels=number))
    return root


def texts(root):
    with Store(root) as store:
        return {entry.key: entry.answer.text for entry in store.entries()}


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    monkeypatch.delenv(KEY_VARIABLE, raising=False)


@pytest.fixture
def root(tmp_path):
    return put(tmp_path / "store")


@pytest.fixture
def run(capsys):
    def run(*args, code=0):
        assert main(["store", *map(str, args)]) == code
        out, err = capsys.readouterr()
        run.err = err
        return out

    return run


def damage(root, where="1"):
    connection = sqlite3.connect(root / FILE_NAME)
    with connection:
        connection.execute(f"UPDATE answers SET body = zeroblob(9) WHERE {where}")
    connection.close()


# --- stats


def test_stats_as_json(root, run):
    put(root, 5, model="other", stored=1e9)
    found = json.loads(run("stats", "--store", root, "--json"))
    assert found["answers"] == 15
    assert found["bytes"] == (root / FILE_NAME).stat().st_size
    assert found["store"] == str(root)
    assert found["oldest"] == "2001-09-09T01:46:40+00:00"
    assert found["newest"] > "2026"
    assert [(judge["model"], judge["revision"], judge["answers"]) for judge in found["judges"]] == [
        ("judge", "r1", 10),
        ("other", "r1", 5),
    ]
    assert found["dimensions"] == {"Quality": 15}
    assert (found["images"], found["signed"], found["damaged"], found["untrusted"]) == (10, 0, 0, 0)


def test_stats_for_people(root, run):
    out = run("--store", root, "stats")
    assert "answers    10 in" in out
    assert "judge r1 q-judger: 10 answers" in out
    assert "damaged    0" in out


def test_stats_counts_damage(root, run):
    damage(root, "rowid = 3")
    found = json.loads(run("stats", "--judge-store", root, "--json"))
    assert (found["answers"], found["damaged"]) == (9, 1)


def test_stats_of_names_that_would_speak_for_themselves(tmp_path, run):
    put(tmp_path, 1, model="a\x1b[2J\nanswers    999")
    out = run("stats", "--store", tmp_path)
    assert "\x1b" not in out
    assert "\nanswers    999" not in out


def test_the_default_is_the_plugins(tmp_path, run, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put(tmp_path / ".imagejudge" / "store")
    assert json.loads(run("stats", "--json"))["answers"] == 10


@pytest.mark.parametrize("action", [["stats"], ["prune", "--older-than", "1"], ["export", "x.jsonl"]])
def test_a_store_that_is_not_there(action, tmp_path, run, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(*action, code=2)
    assert "there is no store at" in run.err
    assert list(tmp_path.iterdir()) == []


# --- prune


def test_prune_what_is_old(root, run):
    put(root, 5, first=100, stored=time.time() - 40 * DAY)
    with Store(root) as store:
        assert len(store.index()) == 15
    assert "removed 5 answers, 10 left" in run("prune", "--older-than", 30, "--store", root)
    assert len(texts(root)) == 10
    assert "removed 0 answers, 10 left" in run("prune", "--older-than", 30, "--store", root)


def test_prune_one_judge(root, run):
    put(root, 5, model="other")
    out = json.loads(run("prune", "--model", "other", "--store", root, "--json"))
    assert (out["removed"], out["left"]) == (5, 10)
    assert all("words" in text for text in texts(root).values())
    run("prune", "--model", "judgee", "--store", root, code=2)
    assert 'did you mean "judge"?' in run.err
    assert len(texts(root)) == 10


def test_prune_one_judges_old_answers(root, run):
    put(root, 5, model="other", stored=time.time() - 40 * DAY)
    put(root, 5, model="third", stored=time.time() - 40 * DAY)
    assert "removed 5 answers, 15 left" in run("prune", "--model", "other", "--older-than", 3, "--store", root)


CHECKLIST = json.dumps({two: {three: {"score": 1} for three in threes} for two, threes in TREE["Quality"].items()})


def answered(root, *entries):
    """Answers of several names: text, how each ended, and what is recorded with it."""
    with Store(root) as store:
        for number, (name, text, reason, about) in enumerate(entries):
            about = {"model": "judge", "protocol": "q-judger", "dimension": "Quality", **about}
            about = {key: value for key, value in about.items() if value is not None}
            row = StoredAnswer(key_of(name=name), Answer(text, reason), about, about.pop("stored", 1e9 + number))
            store.put_rows([store.seal.row(row)])
    return root


def names(root, *known):
    left = texts(root)
    return [name for name in known if key_of(name=name) in left]


MIXED = [
    ("sound", CHECKLIST, "stop", {}),
    ("words", "no idea", "stop", {}),
    ("half", CHECKLIST[:60], "length", {}),
    ("cut", f"<think>a</think>{CHECKLIST}", "abort", {}),
    ("first", "?", "stop", {"question": key_of(name="first")}),
    ("second", CHECKLIST, "stop", {"question": key_of(name="first")}),
    ("both", "?", "stop", {"question": key_of(name="both")}),
    ("both-again", "?", "stop", {"question": key_of(name="both")}),
    ("old-first", "?", "stop", {"text": "an older store", "pixels": ["a"]}),
    ("old-second", CHECKLIST, "stop", {"text": "an older store", "pixels": ["a"]}),
    ("edit", "<think>a</think><answer>4.2</answer>", "stop", {"protocol": "ie-critic", "dimension": "Edit"}),
    ("no-edit", "<think>a", "stop", {"protocol": "ie-critic", "dimension": "Edit"}),
]
KEPT = ["sound", "first", "second", "old-first", "old-second", "edit"]


def test_prune_what_no_run_is_given(tmp_path, run):
    root, known = answered(tmp_path / "store", *MIXED), [entry[0] for entry in MIXED]
    assert "would remove 6 answers and leave 6" in run("prune", "--unreadable", "--dry-run", "--store", root)
    assert names(root, *known) == known
    out = json.loads(run("prune", "--unreadable", "--store", root, "--json"))
    assert (out["removed"], out["left"]) == (6, 6)
    assert names(root, *known) == KEPT
    assert run.err == ""
    assert "removed 0 answers, 6 left" in run("prune", "--unreadable", "--store", root)


def test_prune_keeps_the_index_of_what_can_not_be_read(root, run):
    out = json.loads(run("prune", "--unreadable", "--older-than", 0, "--store", root, "--json"))
    assert (out["removed"], out["left"]) == (10, 0)
    with Store(root) as store:
        assert len(store.index()) == 10


def test_prune_what_can_not_be_read_of_one_judge_and_age(tmp_path, run):
    now = time.time()
    root = answered(
        tmp_path / "store",
        ("old", "?", "stop", {"model": "other", "stored": now - 40 * DAY}),
        ("new", "?", "stop", {"model": "other", "stored": now}),
        ("ours", "?", "stop", {"stored": now - 40 * DAY}),
        ("fine", CHECKLIST, "stop", {"model": "other", "stored": now - 40 * DAY}),
    )
    run("prune", "--unreadable", "--model", "other", "--older-than", 30, "--store", root)
    assert names(root, "old", "new", "ours", "fine") == ["new", "ours", "fine"]


def test_prune_leaves_what_nobody_here_can_read(tmp_path, run, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("other.toml").write_text("this must not be opened")
    root = answered(
        tmp_path / "store",
        ("own", "?", "stop", {"protocol": "other.toml"}),
        ("cut", CHECKLIST, "length", {"protocol": "other.toml"}),
        ("none", "?", "stop", {"protocol": None}),
    )
    assert "removed 1 answer, 2 left" in run("prune", "--unreadable", "--store", root)
    assert names(root, "own", "cut", "none") == ["own", "none"]
    assert 'not read: 1 answer of protocol "other.toml", which is not known here' in run.err
    assert "1 answer of a protocol that is not known" in run.err


def test_prune_reads_with_a_protocol_of_ones_own(tmp_path, run, capsys):
    assert main(["protocol", "export", "house"]) == 0
    file = tmp_path / "own.toml"
    file.write_text(capsys.readouterr().out.replace('name = "house"', 'name = "own"'))
    digest = load_protocol(str(file)).digest
    root = answered(
        tmp_path / "store",
        ("own", "?", "stop", {"protocol": "own", "protocol_digest": digest}),
        ("sound", CHECKLIST, "stop", {"protocol": "own", "protocol_digest": digest}),
        ("changed", "?", "stop", {"protocol": "own", "protocol_digest": "0"}),
    )
    run("prune", "--unreadable", "--protocol", file, "--store", root)
    assert names(root, "own", "sound", "changed") == ["sound", "changed"]
    run("prune", "--unreadable", "--protocol", "none.toml", "--store", root, code=2)
    run("prune", "--protocol", file, "--max-size", "1GB", "--store", root, code=2)
    assert "only --unreadable" in run.err


def test_prune_to_a_size_keeps_the_newest(tmp_path, run):
    root = put(tmp_path / "store", 3000, stored=1e9)
    size = (root / FILE_NAME).stat().st_size
    out = json.loads(run("prune", "--max-size", size // 3, "--store", root, "--json"))
    after = (root / FILE_NAME).stat().st_size
    assert size / 5 < after <= size // 3
    assert (out["bytes_before"], out["bytes_after"]) == (size, after)
    left = texts(root)
    assert len(left) == out["left"] == 3000 - out["removed"]
    assert set(left) == {key_of(model="judge", number=number) for number in range(out["removed"], 3000)}
    with Store(root) as store:
        assert store.get_many(left).keys() == left.keys()
    assert "removed 0" in run("prune", "--max-size", "1GB", "--store", root)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8])
def test_prune_to_a_size_of_answers_of_many_lengths(tmp_path, run, share):
    root = tmp_path / "store"
    with Store(root) as store:
        for number in range(150):
            text = os.urandom(10 + 5 * number % 700 * (number % 7)).hex()
            store.put(key_of(number=number), Answer(text), {"model": f"m{number % 2}"})
    limit = int((root / FILE_NAME).stat().st_size * share)
    out = json.loads(run("prune", "--max-size", limit, "--store", root, "--json"))
    assert out["bytes_after"] == (root / FILE_NAME).stat().st_size <= limit
    assert len(texts(root)) == out["left"] == 150 - out["removed"]


def test_prune_to_a_size_takes_what_is_free_first(root, run):
    put(root, 300, first=100, text="words " * 300)
    connection = sqlite3.connect(root / FILE_NAME)
    with connection:
        connection.execute("DELETE FROM answers WHERE rowid > 10")
    connection.close()
    assert (root / FILE_NAME).stat().st_size > 150_000
    assert "removed 0 answers, 10 left" in run("prune", "--max-size", "150kB", "--store", root)
    assert (root / FILE_NAME).stat().st_size <= 150_000


def test_prune_that_could_not_go_on(root, run, monkeypatch):
    answers = iter([True, False])
    monkeypatch.setattr(Store, "remove", lambda *args: next(answers))
    run("prune", "--max-size", "1kB", "--store", root, code=2)


def test_prune_to_nothing(root, run):
    run("prune", "--max-size", "1kB", "--store", root)
    assert texts(root) == {}
    assert "are still more than --max-size" in run.err


def test_a_dry_run_removes_nothing(root, run):
    before = (root / FILE_NAME).read_bytes()
    assert "would remove 10 answers and leave 0" in run("prune", "--older-than", 0, "--dry-run", "--store", root)
    assert (root / FILE_NAME).read_bytes() == before


def test_prune_wants_to_be_told_what(root, run):
    run("prune", "--store", root, code=2)
    assert "--older-than" in run.err
    for args in (
        ["--older-than", "-1"],
        ["--older-than", "nan"],
        ["--older-than", "x"],
        ["--max-size", "5 apples"],
        ["--max-size", "9" * 400],
    ):
        with pytest.raises(SystemExit) as caught:
            main(["store", "prune", "--store", str(root), *args])
        assert caught.value.code == 2
    assert len(texts(root)) == 10


@pytest.mark.parametrize(
    ("size", "removed"), [("100", 10), ("1KB", 10), ("1.5 MB", 0), ("1GiB", 0), ("2g", 0), ("10000000B", 0)]
)
def test_sizes(root, run, size, removed):
    assert f"removed {removed} " in run("prune", "--max-size", size, "--store", root)


# --- export and import


@pytest.mark.parametrize("name", ["answers.jsonl", "answers.jsonl.gz"])
def test_a_round_trip(root, run, tmp_path, name):
    file = tmp_path / name
    run("export", file, "--store", root)
    assert "10 answers exported" in run.err
    assert file.read_bytes().startswith(b"\x1f\x8b" if name.endswith("gz") else b'{"schema":"imagejudge-store/1"}\n')
    out = run("import", file, "--store", tmp_path / "fresh")
    assert "10 answers added, 0 there already" in out
    assert texts(tmp_path / "fresh") == texts(root)
    with Store(root) as ours, Store(tmp_path / "fresh") as theirs:
        assert list(ours.entries()) == list(theirs.entries())
        assert ours.index() == theirs.index()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "fresh", "store"])


def test_the_same_store_is_exported_to_the_same_bytes(root, run, tmp_path):
    for name in ("a.gz", "b.gz"):
        run("export", tmp_path / name, "--store", root)
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


def test_through_a_pipe(root, tmp_path):
    command = [sys.executable, "-m", "pytest_imagejudge", "store"]
    with subprocess.Popen([*command, "export", "-", "--store", str(root)], stdout=subprocess.PIPE) as export:
        take = [*command, "import", "-", "--store", str(tmp_path / "fresh")]
        done = subprocess.run(take, stdin=export.stdout, capture_output=True, text=True, check=True)
    assert "10 answers added" in done.stdout
    assert texts(tmp_path / "fresh") == texts(root)


def test_import_merges_and_ours_stay(root, run, tmp_path):
    theirs = put(tmp_path / "theirs", 12, text="other words of")
    put(theirs, 4)  # four that are equal to ours
    run("export", tmp_path / "x.jsonl", "--store", theirs)
    ours = texts(root)
    out = json.loads(run("import", tmp_path / "x.jsonl", "--store", root, "--json"))
    assert out == {"added": 2, "already": 4, "conflicts": 6, "damaged": 0, "untrusted": 0, "images": 2}
    assert run.err.count("which is kept") == 6
    found = texts(root)
    assert len(found) == 12
    assert {key: found[key] for key in ours} == ours


def test_a_damaged_answer_of_ours_is_replaced(root, run, tmp_path):
    before = texts(root)
    run("export", tmp_path / "x.jsonl", "--store", root)
    damage(root, "rowid = 3")
    assert "1 answer added, 9 there already" in run("import", tmp_path / "x.jsonl", "--store", root)
    assert texts(root) == before


def test_damaged_answers_are_not_exported(root, run, tmp_path):
    damage(root, "rowid = 3")
    run("export", tmp_path / "x.jsonl", "--store", root)
    assert "9 answers exported; left out: 1 damaged" in run.err


def test_changed_lines_are_refused_and_the_rest_is_imported(root, run, tmp_path):
    file = tmp_path / "x.jsonl"
    run("export", file, "--store", root)
    lines = file.read_text().splitlines()
    lines[2] = lines[2].replace("text 1", "text 9")
    lines[4] = lines[4][:50]
    lines[5] = "[" * 100_000
    lines[6] = '"words"'
    lines[7] = '{"entry": {"key": 5}, "sum": "00", "mac": null}'
    lines[15] = lines[15].replace(key_of(pixels=4), key_of(pixels=5))
    file.write_text("\n".join([*lines, "", '{"else": 1}', '{"pixels": [1], "sum": "x"}']))
    out = json.loads(run("import", file, "--store", tmp_path / "fresh", "--json", code=2))
    assert out == {"added": 5, "already": 0, "conflicts": 0, "damaged": 8, "untrusted": 0, "images": 9}
    assert f"{file}, line 3: the checksum does not match; left out" in run.err
    assert "line 5: " in run.err
    whole = texts(root)
    assert texts(tmp_path / "fresh").items() <= whole.items()


def test_an_import_that_was_cut_off(root, run, tmp_path):
    run("export", tmp_path / "x.jsonl.gz", "--store", root)
    data = (tmp_path / "x.jsonl.gz").read_bytes()
    (tmp_path / "x.jsonl.gz").write_bytes(data[:-30])
    run("import", tmp_path / "x.jsonl.gz", "--store", tmp_path / "fresh", code=2)
    assert "can't be read" in run.err
    (tmp_path / "y.gz").write_bytes(data[:100] + b"\0" * 50 + data[150:])
    run("import", tmp_path / "y.gz", "--store", tmp_path / "fresh", code=2)


@pytest.mark.parametrize("content", [b"", b"\n", b'{"schema": "imagejudge-store/2"}\n', b"\x89PNG\r\n\x1a\n", b"[1]\n"])
def test_what_is_no_export(tmp_path, run, content):
    (tmp_path / "x").write_bytes(content)
    run("import", tmp_path / "x", "--store", tmp_path / "fresh", code=2)
    assert 'line 1: expected {"schema":"imagejudge-store/1"}' in run.err
    assert not (tmp_path / "fresh").exists()


def test_files_that_are_not_there(root, run, tmp_path):
    run("import", tmp_path / "no.jsonl", "--store", root, code=2)
    assert "no.jsonl can't be read" in run.err
    run("export", tmp_path / "no" / "x.jsonl", "--store", root, code=2)
    assert "can't be written" in run.err


def test_an_export_is_there_whole_or_as_it_was(root, run, tmp_path, monkeypatch):
    file = tmp_path / "x.jsonl"
    file.write_text("as it was")

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pytest_imagejudge.store.exchange._seals", full)
    run("export", file, "--store", root, code=2)
    assert "No space left" in run.err
    assert file.read_text() == "as it was"
    assert len(list(tmp_path.iterdir())) == 2


# --- signed


def test_signatures_travel_with_the_answers(tmp_path, run, monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, "secret")
    root = put(tmp_path / "signed")
    assert json.loads(run("stats", "--store", root, "--json"))["signed"] == 10
    monkeypatch.delenv(KEY_VARIABLE)
    run("export", tmp_path / "x.jsonl", "--store", root)  # by someone without the key
    run("import", tmp_path / "x.jsonl", "--store", tmp_path / "between")
    run("export", tmp_path / "y.jsonl.gz", "--store", tmp_path / "between")
    monkeypatch.setenv(KEY_VARIABLE, "secret")
    assert "10 answers added" in run("import", tmp_path / "y.jsonl.gz", "--store", tmp_path / "fresh")
    assert texts(tmp_path / "fresh") == texts(root)


def test_unsigned_answers_are_refused_with_a_key(root, run, tmp_path, monkeypatch):
    run("export", tmp_path / "x.jsonl", "--store", root)
    monkeypatch.setenv(KEY_VARIABLE, "secret")
    out = json.loads(run("import", tmp_path / "x.jsonl", "--store", tmp_path / "fresh", "--json", code=2))
    assert (out["added"], out["untrusted"], out["images"]) == (0, 20, 0)
    assert "there is no HMAC" in run.err
    found = json.loads(run("stats", "--store", root, "--json"))
    assert (found["answers"], found["untrusted"]) == (0, 20)


def test_an_export_can_be_read_by_other_programs(root, run, tmp_path):
    run("export", tmp_path / "x.gz", "--store", root)
    lines = [json.loads(line) for line in gzip.decompress((tmp_path / "x.gz").read_bytes()).splitlines()]
    assert lines[0] == {"schema": "imagejudge-store/1"}
    entry = lines[1]["entry"]
    assert entry["answer"]["text"].startswith("text 0")
    assert entry["about"]["prompt"] == "狐狸"
    assert entry["key"] == key_of(model="judge", number=0)


def resealed(line, change):
    """A line of an export after ``change`` of its text, with a checksum that is right."""
    kind = "entry" if line.startswith('{"entry"') else "pixels"
    text = change(line.removeprefix(f'{{"{kind}":').partition(',"mac"')[0])
    data = json.loads(text)
    content = b"answer\n" + canonical(data) if kind == "entry" else f"pixels\n{data[0]}\n{data[1]}".encode()
    return f'{{"{kind}":{text},"mac":null,"sum":"{hashlib.sha256(content).hexdigest()}"}}'


@pytest.mark.parametrize("secret", ["", "secret"])
@pytest.mark.parametrize("stored", ["NaN", "Infinity", "1e300", "1e18", "-1", "1" + "0" * 400, "true", '"1"'])
def test_a_time_that_no_date_can_show_is_refused(root, run, tmp_path, stored, secret, monkeypatch):
    file, fresh = tmp_path / "x.jsonl", tmp_path / "fresh"
    run("export", file, "--store", root)
    lines = file.read_text().splitlines()
    lines[1] = resealed(lines[1], lambda text: re.sub('"stored":[0-9.]+', f'"stored":{stored}', text))
    lines[11] = resealed(lines[11], lambda text: text.rpartition(",")[0] + f",{stored}]")
    file.write_text("\n".join(lines))
    monkeypatch.setenv(KEY_VARIABLE, secret)  # with one, the seal is looked at first
    out = json.loads(run("import", file, "--store", fresh, "--json", code=2))
    counts = (out["added"], out["images"], out["damaged"], out["untrusted"])
    assert counts == ((0, 0, 0, 20) if secret else (9, 9, 2, 0))
    assert ("expected a time, 0 to 253402300799 seconds, found" in run.err) == (not secret)
    monkeypatch.delenv(KEY_VARIABLE)
    if not secret:
        found = json.loads(run("stats", "--store", fresh, "--json"))
        assert (found["answers"], found["damaged"], found["images"]) == (9, 0, 9)


@pytest.mark.parametrize("name", ["\\ud800", "a", "", "狐" * 64, "a" * 65])
def test_a_key_or_digest_that_is_none_is_refused(root, run, tmp_path, name):
    file, fresh = tmp_path / "x.jsonl", tmp_path / "fresh"
    run("export", file, "--store", root)
    lines = file.read_text().splitlines()
    lines[1] = resealed(lines[1], lambda text: text.replace(key_of(model="judge", number=0), name))
    if "ud800" not in name:
        lines[11] = resealed(lines[11], lambda text: text.replace(key_of(file=0), name))
        lines[12] = resealed(lines[12], lambda text: text.replace(key_of(pixels=1), name))
    file.write_text("\n".join(lines))
    out = json.loads(run("import", file, "--store", fresh, "--json", code=2))
    assert (out["added"], out["damaged"]) == (9, 1 if "ud800" in name else 3)
    assert f"{file}, line 2: expected 64 hex digits, found " in run.err
    assert json.loads(run("stats", "--store", fresh, "--json"))["answers"] == 9


def test_stats_of_columns_that_are_no_text(root, run):
    connection = sqlite3.connect(root / FILE_NAME)
    with connection:
        for number, column in enumerate(("model", "dimension", "key", "stored", "mac"), 1):
            value = "'x'" if column in ("stored", "mac") else "x'00ff'"
            connection.execute(f"UPDATE answers SET {column} = {value} WHERE rowid = {number}")
    connection.close()
    found = json.loads(run("stats", "--store", root, "--json"))
    assert (found["answers"], found["damaged"]) == (5, 5)
    run("export", root / "x.jsonl", "--store", root)
    assert "5 answers exported; left out: 5 damaged" in run.err
    run("prune", "--max-size", "1kB", "--model", "judge", "--older-than", "1", "--store", root)


# --- a store that can't be read or written


@pytest.fixture
def as_nobody():
    """Runs the command in another process that may do no more than others may."""
    script = """
import os, sys
from pytest_imagejudge.cli import main
import gzip, locale, shutil, filelock, pytest_imagejudge.commands.store, pytest_imagejudge.images.intake
if os.getuid() == 0:
    os.setuid(65534)
sys.exit(main(["store", *sys.argv[1:]]))
"""

    def run(*args):
        command = [sys.executable, "-c", script, *map(str, args)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def for_all():
    """A folder that everyone may look into: pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    (folder / "store").chmod(0o755)
    shutil.rmtree(folder)


def test_a_store_that_may_not_be_read(for_all, as_nobody):
    root = put(for_all / "store")
    (for_all / "out").mkdir()
    (for_all / "out").chmod(0o777)
    (root / FILE_NAME).chmod(0)
    for action in (["stats", "--json"], ["export", for_all / "out" / "x.jsonl"], ["prune", "--model", "judge"]):
        done = as_nobody(*action, "--store", root)
        assert done.returncode == 2
        assert "unable to open database file" in done.stderr
    assert list((for_all / "out").iterdir()) == []
    root.chmod(0)
    done = as_nobody("stats", "--store", root)
    assert done.returncode == 2
    assert "Permission denied" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_import_counts_what_is_written(for_all, as_nobody, run):
    root, file = put(for_all / "store", 4), for_all / "x.jsonl"
    run("export", file, "--store", root)
    more = put(for_all / "more", 10)
    run("export", for_all / "more.jsonl", "--store", more)
    (root / FILE_NAME).chmod(0o444)
    root.chmod(0o555)
    done = as_nobody("import", for_all / "more.jsonl", "--json", "--store", root)
    assert done.returncode == 2
    counts = {"added": 0, "already": 4, "conflicts": 0, "damaged": 0, "untrusted": 0, "images": 0}
    assert json.loads(done.stdout) == counts
    done = as_nobody("import", file, "--json", "--store", root)  # nothing is to be written
    assert (done.returncode, json.loads(done.stdout), done.stderr) == (0, counts, "")


def test_an_import_of_more_than_is_held_counts_what_is_written(root, run, tmp_path, monkeypatch):
    run("export", tmp_path / "x.jsonl", "--store", root)
    monkeypatch.setattr("pytest_imagejudge.store.answer_store._MAX_UNSAVED", 500)
    monkeypatch.setattr("pytest_imagejudge.store.sqlite_file.StoreFile.write", lambda *args: False)
    out = json.loads(run("import", tmp_path / "x.jsonl", "--store", tmp_path / "fresh", "--json", code=2))
    assert (out["added"], out["images"]) == (0, 0)
    assert "10 answers could not be saved" in run.err


def test_half_a_store_does_not_pass_for_one(root, run, tmp_path):
    path = root / FILE_NAME
    path.write_bytes(path.read_bytes()[:5000])
    run("export", tmp_path / "x.jsonl", "--store", root, code=2)
    assert not (tmp_path / "x.jsonl").exists()
    path.write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    assert run("export", "-", "--store", root, code=2) == ""
    path.write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    run("stats", "--store", root, "--json", code=2)
    path.write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    run("prune", "--model", "m", "--store", root, code=2)
    assert "Errno" not in run.err


def test_an_export_goes_through_links_and_into_pipes(root, run, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "real.jsonl")
    run("export", tmp_path / "link", "--store", root)
    assert (tmp_path / "link").is_symlink()
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor() as pool:
        read = pool.submit((tmp_path / "pipe").read_bytes)
        run("export", tmp_path / "pipe", "--store", root)
        assert read.result() == (tmp_path / "real.jsonl").read_bytes()
    assert (tmp_path / "pipe").is_fifo()


def test_an_export_to_a_pipe_that_has_no_name(root, tmp_path):
    (tmp_path / "out").symlink_to("/proc/self/fd/1")  # as /dev/stdout is one
    command = [sys.executable, "-m", "pytest_imagejudge", "store", "export", str(tmp_path / "out")]
    done = subprocess.run([*command, "--store", str(root)], capture_output=True, check=True)
    assert len(done.stdout.splitlines()) == 21
    assert (tmp_path / "out").is_symlink()


def test_arguments_that_say_nothing(root, capsys):
    for arguments, words in (
        (["stats", "--store", ""], "expected a folder"),
        (["prune", "--older-than", "abc", "--store", str(root)], "expected days, such as 30"),
    ):
        with pytest.raises(SystemExit, match="2"):
            main(["store", *arguments])
        assert words in capsys.readouterr().err
