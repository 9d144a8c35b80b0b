"""A file is written whole or not at all, whatever stops the writer."""

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pytest_imagejudge.errors import ConfigError
from pytest_imagejudge.support.files import make_folder, replacing, whole_file, write_text


@pytest.fixture(autouse=True)
def mask():
    before = os.umask(0o027)
    yield
    os.umask(before)


def permissions(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("stopped_by", [OSError(errno.ENOSPC, "disk full"), ValueError("x"), KeyboardInterrupt()])
@pytest.mark.parametrize("old", [None, "old"])
@pytest.mark.parametrize("binary", [True, False])
def test_a_write_that_is_cut_off_leaves_what_was_there(tmp_path, stopped_by, old, binary):
    path = tmp_path / "report.json"
    if old is not None:
        path.write_text(old)
    with pytest.raises(type(stopped_by)) as raised, whole_file(path, binary=binary) as file:
        file.write(b"half" * 10_000 if binary else "half" * 10_000)
        file.flush()
        raise stopped_by
    assert raised.value is stopped_by
    assert [file.read_text() for file in tmp_path.iterdir()] == ([] if old is None else ["old"])


def test_text_that_can_not_be_encoded_leaves_what_was_there(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError), whole_file(path) as file:
        file.write("new\n" + "\ud800")
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]


WRITE_TOO_MUCH = """
import resource, signal, sys
from pathlib import Path
from pytest_imagejudge.support.files import write_text
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
write_text(Path(sys.argv[1]), "x" * 100_000)
"""


def test_a_disk_that_takes_only_half(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    done = subprocess.run([sys.executable, "-c", WRITE_TOO_MUCH, path], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(f"ConfigError: {path}: can't be written: File too large")
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]


def test_a_reader_sees_the_old_content_until_the_new_is_whole(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    with whole_file(path) as file:
        file.write("new")
        file.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


def test_several_writers_of_one_file_do_not_mix(tmp_path):
    path = tmp_path / "a"
    both_are_in = threading.Barrier(2)

    def write(letter):
        with whole_file(path) as file:
            file.write(letter * 10)
            both_are_in.wait(60)
            file.write(letter * 10)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert path.read_text() in ("a" * 20, "b" * 20)
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


def test_permissions_of_a_new_file_are_those_of_the_process_or_private(tmp_path):
    write_text(tmp_path / "shared", "x")
    with whole_file(tmp_path / "private", private=True) as file:
        file.write("x")
        (draft,) = tmp_path.glob(".*")
        assert permissions(draft) == 0o600
    assert (permissions(tmp_path / "shared"), permissions(tmp_path / "private")) == (0o640, 0o600)


def test_permissions_of_an_older_file_are_kept_unless_the_new_one_is_private(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    path.chmod(0o664)
    write_text(path, "new")
    assert (path.read_text(), permissions(path)) == ("new", 0o664)
    with whole_file(path, private=True) as file:
        file.write("secret")
    assert (path.read_text(), permissions(path)) == ("secret", 0o600)


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_followed(tmp_path, there):
    real = tmp_path / "real"
    real.mkdir()
    if there:
        (real / "a").write_text("old")
    link = tmp_path / "link"
    link.symlink_to("real/a")
    write_text(link, "new")
    assert link.is_symlink()
    assert [(file.name, file.read_text()) for file in real.iterdir()] == [("a", "new")]


def test_a_pipe_is_written_as_it_is():
    reading, writing = os.pipe()
    with replacing(Path(f"/dev/fd/{writing}")) as file:
        file.write("through")
    os.close(writing)
    with os.fdopen(reading) as pipe:
        assert pipe.read() == "through"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_device_that_is_full():
    with pytest.raises(ConfigError, match="/dev/full: can't be written: No space left on device"):
        write_text(Path("/dev/full"), "x")


def test_text_stands_as_it_was_given(tmp_path):
    write_text(tmp_path / "new" / "folder" / "a", "a\r\nb\nü\ud800")
    assert (tmp_path / "new" / "folder" / "a").read_bytes() == "a\r\nb\nü\\ud800".encode()


def test_a_folder_that_is_missing_is_an_error_of_the_plain_function(tmp_path):
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "gone" / "a"):
        raise AssertionError("nothing can be written here")
    assert not list(tmp_path.iterdir())


def test_what_is_in_the_way_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=f"{tmp_path}/file is a file; a folder is expected"):
        write_text(tmp_path / "file" / "folder" / "a", "x")
    with pytest.raises(ConfigError, match=f"{tmp_path}: can't be written: is a directory; a file name is expected"):
        write_text(tmp_path, "x")
    with pytest.raises(NotADirectoryError, match=f"{tmp_path}/file is a file"):
        make_folder(tmp_path / "file")
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
