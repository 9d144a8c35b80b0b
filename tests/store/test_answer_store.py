"""The store of answers: what is put is got, by anyone, whatever happens to the file in between."""

import hashlib
import json
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_imagejudge.engines.base import Answer
from pytest_imagejudge.errors import ConfigError, ImageError
from pytest_imagejudge.images.image_file import file_hash
from pytest_imagejudge.store import sqlite_file
from pytest_imagejudge.store.answer_store import FILE_NAME, Store, default_root, key_of
from pytest_imagejudge.store.entry import KEY_VARIABLE, DamagedError, StoredAnswer

ABOUT = {"model": "Qwen/Qwen-Image-Bench", "revision": "abc", "protocol": "q-judger", "dimension": "Quality"}
TEXT = "<think>it looks real</think>\n" + json.dumps({"Realism": {"Physical Logic": 1}})
PIXELS = "a1" * 32


def answer(number=0, text=TEXT):
    return Answer(
        text=f"{text} {number}",
        finish_reason="stop",
        prompt_tokens=1500 + number,
        output_tokens=40,
        engine="vllm",
        engine_version="0.26",
        notes=("unconstrained",),
        created="2026-01-02T03:04:05Z",
    )


def key(number=0):
    return key_of(number=number)


def filled(root, count=20):
    with Store(root) as store:
        store.put_rows(
            store.seal.row(StoredAnswer(key(number), answer(number), ABOUT, 1e9 + number)) for number in range(count)
        )
    return root


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    monkeypatch.delenv(KEY_VARIABLE, raising=False)


@pytest.fixture
def root(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def said():
    return []


# --- what is put is got


def test_an_answer_comes_back_as_it_was(root):
    with Store(root) as store:
        assert store.get(key()) is None
        store.put(key(), answer(), ABOUT)
        assert store.get(key()) == answer()
    with Store(root) as store:
        assert store.get(key()) == answer()
        (entry,) = store.entries()
        assert (entry.key, entry.answer, entry.about) == (key(), answer(), ABOUT)
        assert store.troubles == []


@given(
    text=st.text(alphabet=st.characters(codec=None)),
    reason=st.none() | st.text(max_size=9),
    notes=st.lists(st.text(max_size=9), max_size=3),
    tokens=st.integers(0, 2**40),
    prompt=st.text(alphabet=st.characters(codec=None), max_size=50),
)
def test_any_text_survives(tmp_path_factory, text, reason, notes, tokens, prompt):
    root = tmp_path_factory.mktemp("store")
    given = Answer(text, reason, tokens, notes=tuple(notes))
    with Store(root) as store:
        store.put(key(), given, {"prompt": prompt, "model": prompt, "number": 1.5, "path": Path("x")})
    with Store(root) as store:
        assert store.get(key()) == given
        assert next(store.entries()).about["prompt"] == prompt


def test_many_at_once(root):
    filled(root, 1200)
    with Store(root) as store:
        keys = [key(number) for number in range(-5, 1200)]
        found = store.get_many([*keys, *keys])
        assert found == {key(number): answer(number) for number in range(1200)}
        assert [entry.key for entry in store.entries()] == keys[5:]


@pytest.mark.parametrize(("lasting", "waits"), [(True, 1), (False, 0)])
def test_only_a_lasting_store_waits_for_the_disk(root, lasting, waits):
    with Store(root, lasting=lasting) as store:
        store.put(key(), answer(), ABOUT)
        assert store.get(key()) == answer()
        assert store.file.do(lambda connection: connection.execute("PRAGMA synchronous").fetchone()[0], None) == waits


def test_where_no_answer_outlives_the_run_nobody_waits_and_many_are_written_together(root, monkeypatch):
    monkeypatch.setattr("pytest_imagejudge.store.writer.GATHER_S", 600)
    store = Held(root, lasting=False)
    store.let.set()
    assert all(store.hand_over(key(number), answer(number), ABOUT).done() for number in range(20))
    assert store.get(key(3)) == answer(3)
    store.close()
    assert store.batches == [[key(number) for number in range(20)]]
    with Store(root) as other:
        assert len(other.get_many(map(key, range(20)))) == 20


def test_what_is_put_again_replaces(root):
    with Store(root) as store:
        store.put(key(), answer(1), ABOUT)
        store.put(key(), answer(2), ABOUT)
        assert store.get(key()) == answer(2)
    with Store(root) as store:
        assert [entry.answer for entry in store.entries()] == [answer(2)]


def test_after_closing_it_is_one_file_without_company(root):
    filled(root)
    assert [path.name for path in root.iterdir()] == [FILE_NAME]


def test_nothing_is_made_until_something_is_put(root):
    with Store(root) as store:
        assert store.get(key()) is None
        assert list(store.entries()) == []
    assert not root.exists()
    with Store(root, create=False, say=lambda line: None) as store:
        store.put(key(), answer(), ABOUT)
        assert store.get(key()) == answer()
    assert not root.exists()


def test_a_relative_folder_stays_where_it_was(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert default_root() == tmp_path / ".imagejudge" / "store"
    store = Store("store")
    monkeypatch.chdir("/")
    store.put(key(), answer(), ABOUT)
    store.close()
    assert (tmp_path / "store" / FILE_NAME).exists()


def test_keys_are_of_what_decides():
    same = key_of(pixels="a", prompt="b", sampling={"temperature": 0, "top_p": 1.0})
    assert same == key_of(sampling={"top_p": 1.0, "temperature": 0}, prompt="b", pixels="a")
    assert (
        len({same, key_of(pixels="a", prompt="B"), key_of(pixels="ab", prompt=""), key_of(pixels="", prompt="ab")}) == 4
    )
    assert key_of(a=None) != key_of(a="null") != key_of()
    assert key_of(prompt="\udcff") == key_of(prompt="\udcff")
    assert key_of(pixels="a", n=1) == hashlib.sha256(b'{"n":1,"pixels":"a"}').hexdigest()  # stores are kept
    with pytest.raises(ValueError, match="JSON"):
        key_of(a=float("nan"))
    with pytest.raises(TypeError):
        key_of(a=Path("x"))


@pytest.mark.parametrize(
    ("cached", "refused"),
    [(None, {}), (0, {}), (5, {}), (None, {"seed": "HTTP 400: no"}), (3, {"a": "", "b": "\ud800"})],
)
def test_what_is_not_known_of_an_answer_stays_so(root, cached, refused):
    given = Answer("x", cached_prompt_tokens=cached, refused=refused)
    with Store(root) as store:
        store.put(key(), given, ABOUT)
    with Store(root) as store:
        assert store.get(key()) == given
        (row,) = store.rows()
    kept = json.loads(row.text())["answer"]
    assert ("cached_prompt_tokens" in kept, "refused" in kept) == (cached is not None, bool(refused))


@pytest.mark.parametrize("told", [{}, {"served_model": "gpt-4o-2024-08-06", "system_fingerprint": "fp_1"}])
def test_what_an_endpoint_tells_of_its_model_is_kept(root, told):
    with Store(root) as store:
        store.put(key(), Answer("x", **told), ABOUT)
    with Store(root) as store:
        assert store.get(key()) == Answer("x", **told)
        (row,) = store.rows()
    kept = json.loads(row.text())["answer"]
    assert {name: kept[name] for name in ("served_model", "system_fingerprint") if name in kept} == told


def test_an_answer_of_an_earlier_version_tells_of_no_cache(root):
    filled(root, 1)
    with Store(root) as store:
        (row,) = store.rows()
        assert store.read(row).answer.cached_prompt_tokens is None
        assert store.read(row).answer.refused == {}


# --- the writer


class Held(Store):
    """Writes when it is let."""

    def __init__(self, *args, **kwargs):
        self.begun, self.let = threading.Event(), threading.Event()
        self.batches = []
        super().__init__(*args, **kwargs)

    def _put_now(self, batch):
        self.begun.set()
        assert self.let.wait(600)
        self.batches.append([row.key for row in batch])
        super()._put_now(batch)


def test_what_is_handed_over_can_be_read_before_it_is_written(root):
    store = Held(root)
    first = store.hand_over(key(0), answer(0), ABOUT)
    assert store.begun.wait(600)
    later = [store.hand_over(key(number), answer(number), ABOUT) for number in (1, 2, 0)]
    assert not first.done()
    assert not first.cancel()  # who does not wait for it takes it from nobody
    assert store.get_many(map(key, range(4))) == {key(number): answer(number) for number in range(3)}
    with Store(root) as other:
        assert other.get(key(0)) is None
    store.let.set()
    for done in (first, *later):
        assert done.result(timeout=600) is None
    assert store.batches == [[key(0)], [key(1), key(2), key(0)]]
    with Store(root) as other:
        assert len(other.get_many(map(key, range(4)))) == 3
    store.close()


def test_the_last_of_one_key_stays(root):
    store = Held(root)
    for number in range(50):
        store.hand_over(key(number % 2), answer(number), ABOUT)
        assert store.get(key(number % 2)) == answer(number)
    store.let.set()
    store.close()
    with Store(root) as store:
        assert [store.get(key(number)) for number in (0, 1)] == [answer(48), answer(49)]


@pytest.mark.parametrize("end", [Store.close, Store.flush, lambda store: list(store.rows())])
def test_closing_writes_what_was_handed_over(root, end):
    store = Held(root)
    done = [store.hand_over(key(number), answer(number), ABOUT) for number in range(20)]
    threading.Thread(target=lambda: (store.begun.wait(600), store.let.set())).start()
    end(store)
    with Store(root) as other:
        assert len(other.get_many(map(key, range(20)))) == 20
    assert [one.result(timeout=600) for one in done] == [None] * 20
    store.close()


def test_what_keeps_the_writer_from_writing_is_told_to_all_who_wait(root, monkeypatch):
    store = Held(root)
    monkeypatch.setattr(store.file, "write", lambda *rows: (_ for _ in ()).throw(ConfigError("a newer version")))
    done = [store.hand_over(key(number), answer(number), ABOUT) for number in range(3)]
    store.let.set()
    for one in done:
        with pytest.raises(ConfigError, match="a newer version"):
            one.result(timeout=600)
    with pytest.raises(ConfigError, match="a newer version"):
        store.put(key(7), answer(7), ABOUT)
    monkeypatch.undo()
    store.put(key(8), answer(8), ABOUT)
    store.close()
    with Store(root) as other:
        assert other.get(key(0)) == answer(0)  # it was held, and written with the next
        assert other.get(key(8)) == answer(8)


def test_a_disk_that_takes_nothing_is_told_by_the_writer_too(tmp_path, said):
    root = tmp_path / "store"
    with Store(root, create=False, say=said.append) as store:
        assert store.hand_over(key(), answer(), ABOUT).result(timeout=600) is None
        assert store.get(key()) == answer()
    assert said == ["store: 1 answer could not be saved and will be asked for again"]


def test_without_more_threads_the_caller_writes(root, monkeypatch):
    def start(thread):
        raise RuntimeError("can't start new thread")

    with Store(root) as store:
        monkeypatch.setattr(threading.Thread, "start", start)
        done = store.hand_over(key(), answer(), ABOUT)
        assert done.done()
        store.put(key(1), answer(1), ABOUT)
        monkeypatch.undo()
    with Store(root) as store:
        assert store.get(key()) == answer()
        assert store.get(key(1)) == answer(1)


def test_what_was_handed_over_is_written_where_nobody_closes_the_store(root):
    script = """
import sys
from pytest_imagejudge.engines.base import Answer
from pytest_imagejudge.store.answer_store import Store, key_of
store = Store(sys.argv[1])
for number in range(100):
    store.hand_over(key_of(number=number), Answer("text"), {})
"""
    subprocess.run([sys.executable, "-c", script, str(root)], check=True)
    with Store(root) as store:
        assert len(store.get_many(map(key, range(100)))) == 100


def test_a_fork_writes_what_is_its_own(root):
    store = Held(root)
    store.hand_over(key(0), answer(0), ABOUT)
    assert store.begun.wait(600)
    child = os.fork()
    if child == 0:
        try:
            store.let.set()
            store.put(key(1), answer(1), ABOUT)
            os._exit(0 if store.batches == [[key(1)]] else 1)
        finally:
            os._exit(3)
    assert os.waitpid(child, 0)[1] == 0
    store.let.set()
    store.close()
    with Store(root) as other:
        assert len(other.get_many([key(0), key(1)])) == 2


# --- the index from file bytes to pixels


def test_the_index_is_of_bytes_not_of_names_or_times(root, tmp_path):
    file = tmp_path / "fox.png"
    file.write_bytes(b"one")
    with Store(root) as store:
        assert store.pixels(file) is None
        store.remember_pixels(file_hash(file), PIXELS)
        assert store.pixels(file) == PIXELS
    with Store(root) as store:
        assert store.pixels(file) == PIXELS
        assert store.pixels_of([file_hash(file)]) == {file_hash(file): PIXELS}
        moved = file.rename(tmp_path / "wolf.png")
        assert store.pixels(moved) == PIXELS
        times = moved.stat()
        moved.write_bytes(b"two")
        os.utime(moved, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert store.pixels(moved) is None
        with pytest.raises(ImageError, match="no such file"):
            store.pixels(file)


def test_a_new_store_says_that_no_file_need_be_hashed(root, tmp_path):
    with Store(root) as store:
        assert not store.knows_pixels()
        store.remember_pixels("0" * 64, PIXELS)
        assert store.knows_pixels()
    with Store(root) as store:
        assert store.knows_pixels()
    with Store(tmp_path / "none", create=False) as store:
        assert not store.knows_pixels()


def test_a_forged_line_of_the_index_is_not_believed(root, tmp_path):
    file = tmp_path / "fox.png"
    file.write_bytes(b"one")
    with Store(root) as store:
        store.remember_pixels(file_hash(file), PIXELS)
    change(root, "UPDATE pixels SET pixels = replace(pixels, 'a', 'b')")
    with Store(root) as store:
        assert store.pixels(file) is None
        assert store.damaged == 1


def test_a_long_index_is_written_without_any_answer(root):
    with Store(root) as store:
        for number in range(1000):
            store.remember_pixels(key(number), key(-number))
        with Store(root) as other:
            assert other.pixels_of([key(0)]) == {key(0): key(0)}
    with Store(root) as store:
        assert store.pixels_of([key(999)]) == {key(999): key(-999)}
        assert len(store.index()) == 1000


# --- several at once


WRITER = """
import sys
from pytest_imagejudge.engines.base import Answer
from pytest_imagejudge.store.answer_store import Store, key_of
root, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
store = Store(root)
for number in range(first, first + count):
    store.put(key_of(number=number), Answer(f"text {number} " * 50), {"model": "m"})
    print(number, flush=True)
assert not store.troubles, store.troubles
"""


def writer(root, first, count, **options):
    command = [sys.executable, "-c", WRITER, str(root), str(first), str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def test_several_processes_begin_and_write_at_once(root):
    writers = [writer(root, 1000 * number, 60) for number in range(4)]
    for process in writers:
        _, errors = process.communicate(timeout=600)
        assert process.returncode == 0, errors
        assert errors == ""
    with Store(root) as store:
        keys = [key_of(number=1000 * first + number) for first in range(4) for number in range(60)]
        assert len(store.get_many(keys)) == 240
        assert store.damaged == 0


def test_threads_share_one_store(root):
    errors = []
    with Store(root) as store:

        def work(first):
            try:
                for number in range(first, first + 30):
                    store.put(key(number), answer(number), ABOUT)
                    assert store.get(key(number)) == answer(number)
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=work, args=(1000 * number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors
        assert len(list(store.entries())) == 120


def test_a_fork_uses_a_connection_of_its_own(root):
    store = Store(filled(root, 3))
    assert store.get(key(0)) == answer(0)
    with store._lock:  # as another thread might hold it when the process forks
        child = os.fork()
        if child == 0:
            try:
                store.put(key(7), answer(7), ABOUT)
                os._exit(0 if store.get(key(1)) == answer(1) else 1)
            finally:
                os._exit(3)
    assert os.waitpid(child, 0)[1] == 0
    assert store.get(key(7)) == answer(7)
    store.close()


def test_killed_while_writing(root):
    """What was put before a kill -9 is there, whole; and the next process goes on."""
    done = set()
    for attempt in range(4):
        process = writer(root, attempt * 10_000, 10_000)
        for _ in range(random.Random(attempt).randint(5, 40)):
            done.add(int(process.stdout.readline()))
        process.send_signal(signal.SIGKILL)
        done.update(int(line) for line in process.communicate()[0].split())
    with Store(root) as store:
        found = store.get_many(key_of(number=number) for number in done)
        assert len(found) == len(done)
        assert store.damaged == 0
        store.put(key("after"), answer(), ABOUT)
        assert store.troubles == []


def test_killed_with_half_a_transaction_on_the_disk(root):
    filled(root, 50)
    script = """
import os, signal, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA cache_size=5")
db.execute("BEGIN IMMEDIATE")
db.execute("UPDATE answers SET body = zeroblob(50000), sum = x'00'")
os.kill(os.getpid(), signal.SIGKILL)
"""
    before = (root / FILE_NAME).read_bytes()
    subprocess.run([sys.executable, "-c", script, str(root / FILE_NAME)], check=False)
    assert (root / FILE_NAME).read_bytes() != before
    assert (root / (FILE_NAME + "-journal")).exists()
    with Store(root) as store:
        assert len(store.get_many(map(key, range(50)))) == 50
        assert store.troubles == []


# --- a disk that takes nothing


def test_a_full_disk_loses_nothing_that_is_in_memory(root, tmp_path):
    script = """
import resource, sys
from pytest_imagejudge.engines.base import Answer
from pytest_imagejudge.store.answer_store import Store, key_of
said = []
key = lambda number: key_of(number=number)
store = Store(sys.argv[1], say=said.append)
text = lambda number: "".join(chr(33 + (number * 7919 + i * i * 31) % 9000) for i in range(2000))
store.put(key(0), Answer(text(0)), {})
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (120_000, hard))
for number in range(1, 60):
    store.put(key(number), Answer(text(number)), {})
for number in range(60):
    assert store.get(key(number)) == Answer(text(number)), number
assert len(said) == 1, said
assert "kept for this run only" in said[0], said
with Store(sys.argv[1], say=print) as other:
    there = len(other.get_many(map(key, range(60))))
assert 0 < there < 60, there
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
store.put(key(60), Answer(text(60)), {})
store.close()
with Store(sys.argv[1], say=print) as other:
    assert len(other.get_many(map(key, range(61)))) == 61
    assert not other.damaged
assert len(said) == 1, said
"""
    done = subprocess.run([sys.executable, "-c", script, str(root)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


def test_what_could_not_be_saved_is_said_at_the_end(root, said):
    filled(root, 1)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    store = Store(root, say=said.append)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        store.put(key(5), answer(5, "y" * 5000), ABOUT)
        store.put(key(6), answer(6, "y" * 5000), ABOUT)
        store.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert len(said) == 2
    assert "2 answers could not be saved" in said[1]


def test_a_read_only_folder_is_read():
    folder = Path(tempfile.mkdtemp())  # pytest's own are closed to others, and root may write anywhere
    folder.chmod(0o755)
    root = filled(folder / "store", 5)
    script = """
import os, sys
from pytest_imagejudge.engines.base import Answer
from pytest_imagejudge.store.answer_store import Store, key_of
import pytest_imagejudge.images
said = []
if os.getuid() == 0:
    os.setuid(65534)
store = Store(sys.argv[1], say=said.append)
assert store.get(key_of(number=3)).prompt_tokens == 1503
assert said == []
new, pixels = key_of(number="new"), key_of(pixels="new")
store.put(new, Answer("new"), {})
store.remember_pixels(new, pixels)
assert store.get(new) == Answer("new")
assert store.pixels_of([new]) == {new: pixels}
assert len(list(store.entries())) == 5
store.close()
assert len(said) == 2 and "readonly" in said[0] and "1 answer could not be saved" in said[1], said
"""
    root.chmod(0o555)
    (root / FILE_NAME).chmod(0o444)
    try:
        done = subprocess.run([sys.executable, "-c", script, str(root)], capture_output=True, text=True, check=False)
    finally:
        root.chmod(0o755)
        shutil.rmtree(folder)
    assert done.returncode == 0, done.stderr


def test_a_folder_that_may_not_be_looked_into():
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o700 if os.getuid() == 0 else 0o000)
    script = """
import os, sys
from pytest_imagejudge.engines.base import Answer
from pytest_imagejudge.store.answer_store import Store, key_of
if os.getuid() == 0:
    os.setuid(65534)
said = []
store = Store(sys.argv[1], say=said.append)
store.put(key_of(), Answer("new"), {})
assert store.get(key_of()) == Answer("new")
assert len(said) == 1 and "Permission denied" in said[0], said
"""
    command = [sys.executable, "-c", script, str(folder / "a" / "store")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    folder.chmod(0o755)
    folder.rmdir()
    assert done.returncode == 0, done.stderr


def test_a_locked_database_does_not_stop_the_run(root, said, monkeypatch):
    monkeypatch.setattr("pytest_imagejudge.store.sqlite_file._WAIT_S", 0.05)
    monkeypatch.setattr("pytest_imagejudge.store.sqlite_file._BUSY_WAIT_S", 0.05)
    filled(root, 1)
    other = sqlite3.connect(root / FILE_NAME, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store = Store(root, say=said.append)
    store.put(key(5), answer(5), ABOUT)
    store.put(key(6), answer(6), ABOUT)
    assert store.get(key(5)) == answer(5)
    assert store.get(key(0)) == answer(0)
    assert len(said) == 1
    assert "locked" in said[0]
    other.execute("ROLLBACK")
    other.close()
    store.close()
    with Store(root) as store:
        assert len(store.get_many(map(key, (0, 5, 6)))) == 3


def test_troubles_go_to_stderr_by_default(root, capsys):
    filled(root, 1)
    (root / FILE_NAME).write_bytes(b"no database" * 500)
    Store(root).close()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("imagejudge: store: ")
    assert len(err.splitlines()) == 1


# --- damage


def change(root, statement, *values):
    connection = sqlite3.connect(root / FILE_NAME)
    with connection:
        connection.execute(statement, values)
    connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE answers SET body = zeroblob(length(body))",
        "UPDATE answers SET body = substr(body, 1, length(body) - 5)",
        "UPDATE answers SET body = 'text'",
        "UPDATE answers SET sum = zeroblob(32)",
        "UPDATE answers SET sum = 'text'",
    ],
)
def test_a_damaged_entry_is_missing_counted_and_judged_again(root, statement):
    filled(root, 3)
    change(root, f"{statement} WHERE key = ?", key(1))
    with Store(root) as store:
        assert store.get(key(1)) is None
        assert store.get(key(0)) == answer(0)
        assert store.damaged == 1
        assert len(list(store.entries())) == 2
        store.put(key(1), answer(1), ABOUT)
        assert store.get(key(1)) == answer(1)


def test_an_entry_moved_under_another_key_is_damaged(root):
    filled(root, 2)
    change(root, "DELETE FROM answers WHERE key = ?", key(0))
    change(root, "UPDATE answers SET key = ? WHERE key = ?", key(0), key(1))
    with Store(root) as store:
        assert store.get(key(0)) is None
        assert store.damaged == 1


@pytest.mark.parametrize("column", ["model", "revision", "protocol", "dimension", "stored"])
def test_an_entry_whose_columns_say_other_than_its_text_is_damaged(root, column):
    filled(root, 2)
    change(root, f"UPDATE answers SET {column} = x'00ff' WHERE key = ?", key(0))
    with Store(root) as store:
        assert store.get_many([key(0), key(1)]) == {key(1): answer(1)}
        assert store.damaged == 1
        assert {type(row.stored) for row in store.outline()} == {float}


def test_a_key_or_digest_that_is_none_is_damaged(root):
    with Store(root) as store:
        for name in ("a", "A" * 64, "a" * 63, "a" * 65, "a" * 64 + "\n"):
            with pytest.raises(DamagedError, match="expected 64 hex digits, found"):
                store.seal.row(StoredAnswer(name, answer(), ABOUT, 1.0))
            for file, pixels in ((name, PIXELS), (f"{key()}:rgb", name), (key(), PIXELS)):
                with pytest.raises(DamagedError, match="expected 64 hex digits"):
                    store.seal.check_pixels(store.seal.pixels_row(file, pixels, 1.0))
        store.seal.check_pixels(store.seal.pixels_row(f"{key()}:rgb", PIXELS, 1.0))


def test_a_seal_that_is_no_bytes_is_damaged(root):
    filled(root, 2)
    change(root, "UPDATE answers SET mac = 'text' WHERE key = ?", key(0))
    with Store(root) as store:
        assert store.get(key(0)) is None
        assert store.damaged == 1


def test_a_body_that_unpacks_to_gigabytes_is_not_unpacked(root):
    import zlib

    filled(root, 2)
    packer = zlib.compressobj()
    bomb = b"".join(packer.compress(b"\0" * (1 << 20)) for _ in range(200)) + packer.flush()
    change(root, "UPDATE answers SET body = ? WHERE key = ?", bomb, key(0))
    with Store(root) as store:
        assert store.get(key(0)) is None
        assert store.damaged == 1


def test_an_index_that_is_out_of_order_loses_no_answer(root, said):
    filled(root, 60)
    connection = sqlite3.connect(root / FILE_NAME)
    query = "SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_answers_1'"
    page = connection.execute(query).fetchone()[0]
    size = connection.execute("PRAGMA page_size").fetchone()[0]
    connection.close()
    content = bytearray((root / FILE_NAME).read_bytes())
    content[content.index(key(38).encode(), size * (page - 1))] = ord("Q")  # the least of all keys is now the greatest
    (root / FILE_NAME).write_bytes(content)
    with Store(root, say=said.append) as store:
        store.put_rows(store.seal.row(StoredAnswer(key(number), answer(number), ABOUT, 5.0)) for number in range(60))
        assert store.get_many(map(key, range(60))) == {key(number): answer(number) for number in range(60)}
    assert "is damaged (its index is out of order)" in said[0]
    assert "60 answers could be saved" in said[0]


@pytest.mark.parametrize(("table", "column"), [("answers", "dimension"), ("pixels", "pixels")])
def test_a_table_whose_column_has_another_name_is_set_aside(root, said, table, column):
    filled(root, 3)
    change(root, f"ALTER TABLE {table} RENAME COLUMN {column} TO other")
    with Store(root, say=said.append) as store:
        store.put_rows([store.seal.row(StoredAnswer(key(3), answer(3), ABOUT, 5.0))])
    with Store(root, say=said.append) as store:
        assert store.get(key(3)) == answer(3)
    assert len(said) == 1
    assert f"is damaged (no such column: {column})" in said[0]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return filled(tmp_path_factory.mktemp("whole") / "store", 60) / FILE_NAME


@given(data=st.data())
def test_flipped_bytes_give_the_right_answer_or_none(data, whole, tmp_path_factory):
    root = tmp_path_factory.mktemp("flipped")
    content = bytearray(whole.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1) | st.integers(100, 4000), min_size=1, max_size=5)):
        content[place] ^= data.draw(st.integers(1, 255))
    (root / FILE_NAME).write_bytes(content)
    check_damaged(root)


@given(share=st.floats(0, 1), patch=st.binary(max_size=5000))
def test_a_truncated_or_overwritten_file_gives_the_right_answer_or_none(share, patch, whole, tmp_path_factory):
    root = tmp_path_factory.mktemp("cut")
    content = whole.read_bytes()
    place = int(len(content) * share)
    (root / FILE_NAME).write_bytes(content[:place] + patch)
    check_damaged(root)


def check_damaged(root):
    said = []
    try:
        store = Store(root, say=said.append)
    except ConfigError as error:
        assert "newer version" in str(error)  # the damage is in the version's four bytes
        return
    with store:
        for number in range(60):
            assert store.get(key(number)) in (None, answer(number))
        for entry in store.entries():
            assert entry.about == ABOUT
        store.put_rows(store.seal.row(StoredAnswer(key(number), answer(number), ABOUT, 5.0)) for number in range(60))
        found = store.get_many(map(key, range(60)))
        assert found == {key(number): answer(number) for number in range(60)}
    with Store(root) as store:
        assert store.get_many(map(key, range(60))) == found or "could not be saved" in said[-1]


def test_a_database_that_cannot_be_read_is_set_aside_and_what_can_be_saved_is(root, said):
    filled(root, 400)
    path = root / FILE_NAME
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 9000] = b"\xaa" * 9000
    path.write_bytes(content)
    with Store(root, say=said.append) as store:
        entries = list(store.entries())
    assert len(said) == 1
    assert "is damaged" in said[0]
    assert "moved to damaged-" in said[0]
    with Store(root) as store:
        saved = store.get_many(map(key, range(400)))
    assert f"{len(saved)} answers could be saved" in said[0]
    assert 200 < len(saved) < 400
    assert entries
    assert all(saved[key(number)] == answer(number) for number in range(400) if key(number) in saved)
    aside = [path.name for path in root.iterdir() if path.name.startswith("damaged-")]
    assert len(aside) == 1


def test_a_file_that_is_no_database_is_set_aside(root, said):
    root.mkdir()
    (root / FILE_NAME).write_bytes(b"a text of some length " * 100)
    with Store(root, say=said.append) as store:
        store.put(key(), answer(), ABOUT)
        assert store.get(key()) == answer()
    assert len(said) == 1
    assert len([path for path in root.iterdir() if path.suffix == ".sqlite"]) == 2


def test_a_journal_of_a_damaged_file_is_not_played_into_the_fresh_one(root, said):
    filled(root, 20)
    (root / FILE_NAME).write_bytes(b"a text of some length " * 1000)
    (root / (FILE_NAME + "-journal")).write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + b"\0" * 600)
    with Store(root, say=said.append) as store:
        store.put(key(), answer(), ABOUT)
    with Store(root) as store:
        assert store.get(key()) == answer()


def test_another_process_that_set_the_file_aside_is_followed(root):
    filled(root, 3)
    store = Store(root)
    assert store.get(key(0)) == answer(0)
    (root / FILE_NAME).rename(root / "elsewhere.sqlite")
    store.put(key(9), answer(9), ABOUT)
    store.close()
    assert store.troubles == []
    with Store(root) as store:
        assert store.get(key(9)) == answer(9)


def test_a_store_that_is_deleted_during_the_run_is_begun_again(root):
    store = Store(filled(root, 3))
    assert store.get(key(0)) == answer(0)
    shutil.rmtree(root)
    store.put(key(9), answer(9), ABOUT)
    store.close()
    with Store(root) as store:
        assert store.get(key(9)) == answer(9)


def test_an_empty_file_is_a_new_store(root):
    root.mkdir()
    (root / FILE_NAME).touch()
    with Store(root) as store:
        store.put(key(), answer(), ABOUT)
        assert store.get(key()) == answer()
        assert store.troubles == []


# --- what is not ours


def test_another_programs_database_is_refused_and_left_alone(root):
    root.mkdir()
    connection = sqlite3.connect(root / FILE_NAME)
    connection.execute("CREATE TABLE users(name)")
    connection.close()
    before = (root / FILE_NAME).read_bytes()
    with pytest.raises(ConfigError, match="another program"):
        Store(root)
    assert (root / FILE_NAME).read_bytes() == before


def test_a_newer_versions_store_is_refused_and_left_alone(root):
    filled(root, 1)
    change(root, "PRAGMA user_version=2")
    with pytest.raises(ConfigError, match="newer version: schema 2, expected 1"):
        Store(root)


@pytest.mark.parametrize("lag", [1, 2])
def test_a_store_that_another_process_makes_at_the_same_time(tmp_path, monkeypatch, lag):
    with Store(tmp_path) as other:
        other.put(key(0), answer(), ABOUT)
    header, calls = sqlite_file._header, []

    def late(connection):
        calls.append(connection)
        return (0, 0) if len(calls) < lag + 1 and not connection.in_transaction else header(connection)

    monkeypatch.setattr(sqlite_file, "_header", late)
    with Store(tmp_path) as store:
        assert store.get(key(0)) == answer()
        store.put(key(1), answer(1), ABOUT)
    assert store.troubles == []
    monkeypatch.setattr(sqlite_file, "_header", lambda connection: (header(connection)[0], 2))
    with pytest.raises(ConfigError, match="newer version: schema 2, expected 1"):
        Store(tmp_path)


def test_a_folder_that_is_none(tmp_path):
    (tmp_path / "file").touch()
    for bad in (tmp_path / "file", tmp_path / "file" / "store"):
        with pytest.raises(ConfigError, match="not a folder"):
            Store(bad)
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(ConfigError, match="not a file"):
        Store(tmp_path)


# --- forgery


def test_with_a_key_only_signed_answers_are_trusted(root, monkeypatch):
    filled(root, 2)
    monkeypatch.setenv(KEY_VARIABLE, "secret")
    with Store(root) as store:
        assert store.get(key(0)) is None
        assert (store.untrusted, store.damaged) == (1, 0)
        store.put(key(0), answer(0), ABOUT)
        assert store.get(key(0)) == answer(0)
    with Store(root) as store:
        assert store.get_many([key(0), key(1)]) == {key(0): answer(0)}
    monkeypatch.setenv(KEY_VARIABLE, "another")
    with Store(root) as store:
        assert store.get(key(0)) is None
    monkeypatch.delenv(KEY_VARIABLE)
    with Store(root) as store:
        assert len(store.get_many([key(0), key(1)])) == 2


def test_a_forger_without_the_key_gets_nowhere(root, monkeypatch, tmp_path):
    """Everything is public but the key: the forger writes the best entry that can be written without it."""
    monkeypatch.setenv(KEY_VARIABLE, "secret")
    filled(root, 2)
    with Store(root) as store:
        store.remember_pixels(key(5), PIXELS)
    monkeypatch.delenv(KEY_VARIABLE)
    with Store(root) as forger:
        (first, second) = forger.find([key(0), key(1)])
        forged = forger.seal.row(next(forger.entries()))
        forger.put_rows([forged._replace(mac=second.mac)])
        forger.remember_pixels(key(5), key(6))
    monkeypatch.setenv(KEY_VARIABLE, "secret")
    with Store(root) as store:
        assert store.get(key(0)) is None
        assert not store.pixels_of([key(5)])
        assert store.untrusted == 2
        store.put_rows([first])
        assert store.get(key(0)) == answer(0)


def test_an_empty_key_is_no_key(root, monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, "")
    with Store(filled(root, 1)) as store:
        assert not store.seal.keyed
        assert store.get(key(0)) == answer(0)


# --- making it smaller


def test_what_is_removed_gives_its_space_back(root):
    filled(root, 300)
    size = (root / FILE_NAME).stat().st_size
    with Store(root) as store:
        assert sorted(row.key for row in store.outline()) == sorted(map(key, range(300)))
        assert store.used_bytes() == size
        assert store.remove(map(key, range(299)))
        assert [entry.key for entry in store.entries()] == [key(299)]
    assert (root / FILE_NAME).stat().st_size < size / 4


def test_what_was_found_of_a_picture_is_kept_and_exchanged(tmp_path):
    line = f"{PIXELS} blank 100% of it is within 12 codes of black (#000000)"
    with Store(tmp_path / "one") as store:
        store.remember_pixels(key(1), line)
        store.remember_pixels(key(2), PIXELS)
    with Store(tmp_path / "one") as store, Store(tmp_path / "two") as other:
        assert store.pixels_of([key(1), key(2)]) == {key(1): line, key(2): PIXELS}
        assert other.add_to_index(store.index()) == (2, 0)
        assert other.pixels_of([key(1)]) == {key(1): line}
        other.file.do(lambda connection: connection.execute("UPDATE pixels SET pixels = substr(pixels, 1, 64)"), None)
        assert other.pixels_of([key(1), key(2)]) == {key(2): PIXELS}  # taken away: damage, and looked at again
        assert other.damaged == 1
