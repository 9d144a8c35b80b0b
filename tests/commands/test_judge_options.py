"""The options of a judge are the same to every command that asks, starts or looks at one."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_imagejudge.cli import main
from pytest_imagejudge.commands import agree, doctor, score, serve
from pytest_imagejudge.commands.judge_options import both_judges, for_edits, judge_settings, max_pixels
from pytest_imagejudge.settings import DEFAULT_MAX_PIXELS, JudgeSettings
from pytest_imagejudge.support.judge_options import JUDGE_OPTIONS, argparse_keywords, option_name

COMMANDS = {"score": score, "serve": serve, "doctor": doctor, "agree": agree}
POSITIONAL = {"score": ["in.csv"], "agree": ["a.csv"]}
EVERY = [
    "--judge-model=org/judge",
    "--judge-protocol=q-judger",
    "--judge-revision=main",
    "--edit-judge-url=http://one:1",
    "--edit-judge-url=http://two:2",
    "--edit-judge-model=served",
    "--edit-judge-protocol=ie-critic",
    "--edit-judge-revision=v2",
    "--judge-decoding=constrained",
    "--judge-aspect=keep",
    "--judge-thinking-budget=500",
    "--judge-concurrency=3",
    "--judge-arg=--enforce-eager",
    "--judge-arg=--dtype=float16",
    "--judge-gpus=0,1",
    "--judge-allow-fp8",
    "--judge-sleep",
    "--judge-sight=assumed",
]
BOTH = JudgeSettings(
    decoding="constrained",
    aspect="keep",
    thinking_budget=500,
    concurrency=3,
    args=("--enforce-eager", "--dtype=float16"),
    gpus="0,1",
    allow_fp8=True,
    sleep=0.0,
    sight="assumed",
)
IMAGE = replace(BOTH, model="org/judge", protocol="q-judger", revision="main")
EDIT = replace(
    BOTH,
    kind="edit",
    urls=("http://one:1", "http://two:2"),
    model="served",
    protocol="ie-critic",
    revision="v2",
)


def parser_of(name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    COMMANDS[name].register(parser)
    return parser


def parsed(name: str, *args: str) -> argparse.Namespace:
    return parser_of(name).parse_args([*POSITIONAL.get(name, []), *args])


@pytest.mark.parametrize("name", COMMANDS)
def test_words_are_those_of_the_table(name: str) -> None:
    actions = {option: action for action in parser_of(name)._actions for option in action.option_strings}
    shared = [key for key in JUDGE_OPTIONS if option_name(key) in actions]
    missing = {"serve": 5, "doctor": 3}.get(name, 2)  # a server is started without a price and a budget
    assert len(shared) >= len(JUDGE_OPTIONS) - missing
    for key in shared:
        action, wanted = actions[option_name(key)], argparse_keywords(JUDGE_OPTIONS[key])
        assert (action.help, action.metavar) == (wanted["help"], wanted.get("metavar")), key


@pytest.mark.parametrize("name", COMMANDS)
def test_all_of_them_make_the_same_settings(name: str) -> None:
    assert judge_settings(parsed(name)) == []
    assert both_judges(parsed(name, *EVERY)) == (IMAGE, EDIT)
    assert judge_settings(parsed(name, "--judge-model=signals")) == [JudgeSettings(model="signals")]
    served = both_judges(parsed(name, "--judge-model=org/one", "--edit-judge-model=org/two"))
    assert [one.beside.model for one in served if one.beside] == ["org/two", "org/one"]


def test_how_long_a_server_is_left_up() -> None:
    for name in ("score", "agree", "serve"):
        for args, minutes in ((["--judge-keep-alive"], 30.0), (["--judge-keep-alive", "2.5"], 2.5), ([], None)):
            assert both_judges(parsed(name, *args))[0].keep_alive == minutes


def test_how_large_a_picture_may_be() -> None:
    for name in ("score", "agree"):
        assert max_pixels(parsed(name, "--judge-max-pixels=5000")) == 5000
        assert max_pixels(parsed(name)) == DEFAULT_MAX_PIXELS


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("--judge-decoding=fre", "one of free, constrained is expected, not 'fre' (did you mean \"free\"?)"),
        ("--judge-aspect=wide", "one of stretch, keep is expected, not 'wide'"),
        ("--judge-thinking-budget=1.5", "a whole number of at least 1 is expected, not '1.5'"),
        ("--judge-sleep=-1", "a number of at least 0 is expected, not '-1'"),
        ("--judge-keep-alive=nan", "a number of at least 0 is expected, not 'nan'"),
        (
            "--judge-gpus=0,abc",
            "GPUs' indices, as nvidia-smi counts them, or UUIDs are expected, such as 0,1 or GPU-5c1e, not '0,abc'",
        ),
        ("--judge-max-pixels=0", "a whole number of at least 1 is expected, not '0'"),
    ],
)
def test_what_each_refuses(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    name: str,
    wrong: str,
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    option = wrong.partition("=")[0]
    more = ["--judge-model=signals", *(["--bench=ie-bench-4k"] if name == "agree" else [])]
    if option not in parser_of(name)._option_string_actions:
        with pytest.raises(SystemExit):
            main([name, *POSITIONAL.get(name, []), *more, wrong])
        assert f"unrecognized arguments: {wrong}" in capsys.readouterr().err
    else:
        assert main([name, *POSITIONAL.get(name, []), *more, wrong]) == 2
        assert capsys.readouterr().err == f"imagejudge: {option}: {words}\n"


def test_the_judge_of_an_input_of_edits_only() -> None:
    image = JudgeSettings(model="m", protocol="house", revision="one", beside=EDIT)
    edit = JudgeSettings(kind="edit", revision="two")
    assert for_edits(image, edit) == JudgeSettings(model="m", kind="edit", protocol="house", revision="two")
    named = JudgeSettings(kind="edit", urls=("http://one:1",), protocol="ie-critic")
    assert for_edits(JudgeSettings(protocol="house", revision="one"), named) == replace(named, revision="one")
    price = "input=1 output=2"
    assert for_edits(JudgeSettings(model="m"), JudgeSettings(kind="edit", price=price)).price == price
    assert for_edits(JudgeSettings(model="m", price=price), JudgeSettings(kind="edit")).price == price
