"""The line that changes on a terminal, and what pytest writes around it."""

import os
import pty
import re
import sys
import termios
from concurrent.futures import Future
from types import SimpleNamespace

import pytest

from pytest_imagejudge.plugin import progress as module

TESTS = """
import pytest

@pytest.mark.parametrize("number", range(6))
def test_expect(image_judge, number):
    image_judge.expect("bad.png" if number == 4 else "good.png", prompt=str(number))
"""


def screen(output: str, columns: int) -> list[str]:
    """What a terminal shows after ``output``: as much of one as pytest and the progress need."""
    lines: list[list[str]] = [[]]
    row = column = 0
    rest = output
    while rest:
        if rest.startswith("\x1b["):
            end = next(i for i, letter in enumerate(rest) if i > 1 and letter.isalpha())
            number = int(rest[2:end].split(";")[0] or 1) if rest[end] in "AC" else 0
            row -= number if rest[end] == "A" else 0
            column += number if rest[end] == "C" else 0
            rest = rest[end + 1 :]
            continue
        letter, rest = rest[0], rest[1:]
        if letter == "\r":
            column = 0
        elif letter == "\n":
            row += 1
        else:
            if column == columns:
                row, column = row + 1, 0
            while len(lines) <= row:
                lines.append([])
            lines[row] += [" "] * (column + 1 - len(lines[row]))
            lines[row][column] = letter
            column += 1
        while len(lines) <= row:
            lines.append([])
    return ["".join(line).rstrip() for line in lines]


def on_a_terminal(project, forks, *flags, columns):
    """Exit status and output of a run that writes to a terminal."""
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (50, columns))
    command = ["-mpytest", *project.arguments("-pno:cacheprovider", *flags)]
    env = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    run = forks.start(command, env=env, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    output = b""
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:  # the other end is closed
            break
        if not data:
            break
        output += data
    os.close(master)
    return run.wait(), output.decode()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="pseudo terminals")
def test_a_failure_is_as_wide_as_the_terminal(project, forks):
    project.environ("TERM", "xterm")
    project.environ("NO_COLOR", "1")
    prompt = "a fox " * 18
    project.tests(f'def test_fox(image_judge): image_judge.check("bad.png", prompt="{prompt}")')
    status, text = on_a_terminal(project, forks, columns=130)
    assert status == 1
    assert f"prompt     {prompt.strip()}" in text


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="pseudo terminals")
@pytest.mark.parametrize("flag", ["--capture=fd", "--capture=no"])
def test_no_letter_is_lost_and_no_line_is_left(project, forks, flag):
    project.environ("STAND_IN_DELAY", "0.7")
    project.environ("STAND_IN_CONCURRENCY", "1")
    project.environ("TERM", "xterm")
    project.environ("NO_COLOR", "1")
    project.tests(TESTS)
    status, text = on_a_terminal(project, forks, flag, columns=80)
    assert status == 1
    assert "of 6 judged" in text
    shown = screen(text, 80)
    assert not [line for line in shown if "judged" in line]
    begin = next(index for index, line in enumerate(shown) if line.startswith("test_it.py"))
    end = next(index for index, line in enumerate(shown) if "= FAILURES" in line)
    lines = [line for line in shown[begin:end] if not line.startswith("imagejudge: ")]
    letters = "".join(line.removeprefix("test_it.py").split("[")[0].strip() for line in lines)
    assert sorted(letters) == sorted(".....F"), shown
    if flag == "--capture=fd":  # all in one line, and the file's name in one of its own before a line of the judge
        assert sum(bool(line) for line in lines) <= 2, shown


def test_the_start_of_a_server_does_not_count_as_judging(pytestconfig, monkeypatch):
    clock, drawn = SimpleNamespace(now=0.0), []
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock.now, sleep=lambda seconds: None))
    monkeypatch.setattr(module, "TICK", 0)
    monkeypatch.setattr(module.Progress, "_print", lambda self, line: None)
    monkeypatch.setattr(module.Progress, "_rewrites", True)
    monkeypatch.setattr(module.Progress, "_draw", lambda self, line: drawn.append(line))
    progress, future = module.Progress(pytestconfig), Future()
    stats = SimpleNamespace(submitted=2, done=0)

    def meanwhile():
        if clock.now == 0:
            clock.now = 100
            progress.say("ready after 100 s")
            progress.flush()
        elif stats.done == 0:
            clock.now, stats.done = 220, 1
        elif not future.done():
            future.set_result(None)

    progress.wait([future], [SimpleNamespace(session=SimpleNamespace(stats=stats, started=True))], meanwhile)
    assert drawn[0] == "imagejudge: 0 of 2 judged, waiting for 1 min 40 s"
    assert drawn[1] == "imagejudge: 1 of 2 judged, 0.5 images a minute, 2 min 00 s left"


@pytest.mark.parametrize("flags", [(), ("-q",), ("-pno:terminal",)])
def test_late_outcomes_stand_beside_their_own_file(project, flags):
    source = "def test_{0}(image_judge): image_judge.expect('{0}.png', prompt='a fox')\n"
    for name, kinds in (("a", ("good", "bad")), ("b", ("fair",))):
        project.tests("".join(map(source.format, kinds)), f"test_{name}")
    project.tests("def test_plain(): pass", "test_c")
    result = project.run("--judge-when=after", *flags)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    letters = {}  # by the file that stands before them; verdicts come in any order
    for file, found in re.findall(r"^(test_\w\.py)? ?([.F]*)(?: *\[ *\d+%\])?$", result.stdout.str(), re.MULTILINE):
        letters[file] = "".join(sorted(letters.get(file, "") + found))
    if not flags:
        letters.pop("")  # blank lines
    expected = {(): {"test_a.py": ".F", "test_b.py": ".", "test_c.py": "."}, ("-q",): {"": "...F"}}
    assert letters == expected.get(flags, {"": ""})
