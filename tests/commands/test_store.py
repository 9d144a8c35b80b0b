"""``imagejudge store``, through its command line."""

import gzip
import hashlib
import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from pytest_imagejudge.cli import main
from pytest_imagejudge.engines.base import Answer
from pytest_imagejudge.store import FILE_NAME, KEY_VARIABLE, Entry, Store, key_of
from pytest_imagejudge.store_entry import canonical

DAY = 86400.0


def put(root, count=10, *, first=0, model="judge", text="text", stored=None):
    with Store(root) as store:
        store.put_rows(
            store.seal.row(
                Entry(
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
            store.remember_pixels(f"file {number}", f"pixels {number}")
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


def test_prune_to_nothing(root, run):
    run("prune", "--max-size", "1kB", "--store", root)
    assert texts(root) == {}
    assert "are still more than asked for" in run.err


def test_a_dry_run_removes_nothing(root, run):
    before = (root / FILE_NAME).read_bytes()
    assert "would remove 10 answers and leave 0" in run("prune", "--older-than", 0, "--dry-run", "--store", root)
    assert (root / FILE_NAME).read_bytes() == before


def test_prune_wants_to_be_told_what(root, run):
    run("prune", "--store", root, code=2)
    assert "--older-than" in run.err
    for args in (["--older-than", "-1"], ["--older-than", "nan"], ["--older-than", "x"], ["--max-size", "5 apples"]):
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
    assert "10 answers added, 0 were there already" in out
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
    assert out == {"added": 2, "already": 4, "conflicts": 6, "damaged": 0, "untrusted": 0, "images": 12}
    assert run.err.count("ours kept") == 6
    found = texts(root)
    assert len(found) == 12
    assert {key: found[key] for key in ours} == ours


def test_a_damaged_answer_of_ours_is_replaced(root, run, tmp_path):
    before = texts(root)
    run("export", tmp_path / "x.jsonl", "--store", root)
    damage(root, "rowid = 3")
    assert "1 answers added, 9 were" in run("import", tmp_path / "x.jsonl", "--store", root)
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
    lines[15] = lines[15].replace("pixels 4", "pixels 5")
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

    monkeypatch.setattr("pytest_imagejudge.commands.store._seals", full)
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


@pytest.mark.parametrize("stored", ["NaN", "Infinity", "1e300", "1e18", "-1", "1" + "0" * 400, "true"])
def test_a_time_that_no_date_can_show_is_refused(root, run, tmp_path, stored):
    file, fresh = tmp_path / "x.jsonl", tmp_path / "fresh"
    run("export", file, "--store", root)
    lines = file.read_text().splitlines()
    text = re.sub('"stored":[0-9.]+', f'"stored":{stored}', lines[1].removeprefix('{"entry":').partition(',"mac"')[0])
    checksum = hashlib.sha256(b"answer\n" + canonical(json.loads(text))).hexdigest()
    lines[1] = f'{{"entry":{text},"mac":null,"sum":"{checksum}"}}'
    file.write_text("\n".join(lines))
    out = json.loads(run("import", file, "--store", fresh, "--json", code=2))
    assert (out["added"], out["damaged"]) == (9, 1)
    assert json.loads(run("stats", "--store", fresh, "--json"))["answers"] == 9


def test_a_key_that_is_no_word_is_refused(root, run, tmp_path):
    file, fresh = tmp_path / "x.jsonl", tmp_path / "fresh"
    run("export", file, "--store", root)
    lines = file.read_text().splitlines()
    data = json.loads(lines[1])
    data["entry"]["key"] = "\ud800"
    data["sum"] = hashlib.sha256(b"answer\n" + canonical(data["entry"])).hexdigest()
    file.write_text("\n".join([lines[0], json.dumps(data), *lines[2:]]))
    out = json.loads(run("import", file, "--store", fresh, "--json", code=2))
    assert (out["added"], out["damaged"]) == (9, 1)


def test_half_a_store_does_not_pass_for_one(root, run, tmp_path):
    path = root / FILE_NAME
    path.write_bytes(path.read_bytes()[:5000])
    run("export", tmp_path / "x.jsonl", "--store", root, code=2)
    assert not (tmp_path / "x.jsonl").exists()
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


def test_arguments_that_say_nothing(root, capsys):
    for arguments, words in (
        (["stats", "--store", ""], "expected a folder"),
        (["prune", "--older-than", "abc", "--store", str(root)], "expected days, such as 30"),
    ):
        with pytest.raises(SystemExit, match="2"):
            main(["store", *arguments])
        assert words in capsys.readouterr().err
