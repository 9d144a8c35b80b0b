"""What README and the pages name exists and is accepted; what can be given is named in the reference.

The fields of reports, keys of profiles, kinds of problems, variables and inputs of workflows are in ``test_docs``.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import inspect
import io
import os
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

import pytest_imagejudge
from pytest_imagejudge import cli
from pytest_imagejudge.commands import plan
from pytest_imagejudge.engines import hookspecs as of_engines
from pytest_imagejudge.errors import EngineError
from pytest_imagejudge.plugin import hookspecs, options
from pytest_imagejudge.protocols import hookspecs as of_protocols
from pytest_imagejudge.renderers import SUFFIXES, write_report
from pytest_imagejudge.report import model, ranking
from pytest_imagejudge.statistics.baseline import BaselineResult, BaselineRow
from pytest_imagejudge.statistics.outcome_changes import OutcomeChanges
from pytest_imagejudge.support.judge_options import JUDGE_OPTIONS, option_name
from tests.docs.pages import DOCS, REFERENCE, ROOT, examples, pages

PAGES = [ROOT / "README.md", *pages()]
OPTION = r"--?[a-z](?:[\w-]*\w)?"
# options of other programs and of pytest, which the pages speak of
FOREIGN = {
    "--reasoning-parser",
    "--config",
    "--ssl",
    "--grpc",
    "--max-model-len",
    "--tensor-parallel-size",
    "--trust-remote-code",
}
FOREIGN |= {
    "--collect-only",
    "--runxfail",
    "--last-failed",
    "--failed-first",
    "--help",
    "--junit-xml",
    "--maxfail",
    "--stepwise",
    "-dp",
    "-n",
    "-pp",
    "-tp",
    "-v",
    "-x",
}

FOREIGN |= {"--api-key", "--enable-cache-report", "--mmproj"}  # of servers
FOREIGN |= {"--alluredir", "--html", "--self-contained-html"}  # of plugins of pytest


def section(title: str) -> str:
    return REFERENCE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def table(text: str, head: str) -> list[list[str]]:
    """The rows of the table under ``head``; a bar in a cell is written with a backslash."""
    lines = text.partition(f"| {head} |")[2].splitlines()[2:]
    rows = lines[: next((number for number, line in enumerate(lines) if not line.startswith("|")), len(lines))]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]


def spans(page: Path) -> list[str]:
    """What stands between backticks outside the examples."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`([^`\n]+)`", prose)


def options_in(text: str) -> set[str]:
    return set(re.findall(rf"(?<![\w-]){OPTION}", text))


# --- what --help says ---


def offered(printed: str) -> set[str]:
    """The options of a help text: they begin a line, two blanks from its edge."""
    found = set()
    for line in printed.splitlines():
        if re.match(r"  -\S", line):
            found |= options_in(re.split(r" {2,}", line.strip())[0])
    return found - {"-h", "--help"}


def help_of(*command: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as printed, pytest.raises(SystemExit) as ended:
        cli.main([*command, "--help"])
    assert ended.value.code == 0
    return printed.getvalue()


def actions(printed: str) -> list[str]:
    """The actions that a command's help lists."""
    listed = re.search(r"^  (?:ACTION|[a-z |]+)\n((?:    \w.*\n)+)", printed, re.MULTILINE)
    return re.findall(r"^    (\w+)", listed[1], re.MULTILINE) if listed else []


@pytest.fixture(scope="module")
def commands() -> dict[str, set[str]]:
    """The options of every command and of every action of one, as their help lists them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "300")
        return read_commands()


def read_commands() -> dict[str, set[str]]:
    top = help_of()
    assert re.findall(r"^    (\w+)\b", top, re.MULTILINE) == list(cli.COMMANDS)
    found = {}
    for name in cli.COMMANDS:
        printed = help_of(name)
        found[name] = offered(printed)
        for action in actions(printed):
            found[f"{name} {action}"] = offered(help_of(name, action))
    assert {"store stats", "protocol show"} <= set(found)
    return found


def options_and_keys(*titles: str) -> dict[str, tuple[str, str]]:
    """The options and the keys of the ini file in tables of the reference, each with its value and its meaning."""
    found: dict[str, tuple[str, str]] = {}
    for title in titles:
        for named, meaning in table(section("Options").partition(f"### {title}\n")[2], "option or key | meaning"):
            for name, value in re.findall(r"`([\w-]+)([^`]*)`", named):
                assert name not in found, f"{name}: named twice"
                found[name] = (value, meaning)
    return found


def test_the_reference_has_every_option_of_every_command(commands: dict[str, set[str]]) -> None:
    of_a_judge = {option_name(name) if "_" in name else name for name in options_and_keys("Options of a judge")}
    named: dict[str, set[str]] = {}
    for who, what in table(section("Commands and exit codes"), "command | options"):
        for name in re.findall(r"`([^`]+)`", who):
            taken = {option for span in re.findall(r"`([^`]+)`", re.sub(r"\([^)]*\)", "", what))
                     for option in options_in(span)}  # fmt: skip
            if "all options of a judge" in what:
                but = options_in(what.partition(" but ")[2].partition(";")[0])
                taken = of_a_judge - but | (taken - but)
            assert not taken & named.setdefault(name, set()), f"{name}: named twice"
            named[name] |= taken
    assert {name: taken for name, taken in commands.items() if taken} == named


def test_the_reference_has_every_option_and_key_of_pytest() -> None:
    command = [sys.executable, "-m", "pytest", "-p", "pytest_imagejudge.plugin", "-p", "no:cacheprovider", "--help"]
    environment = {**os.environ, "COLUMNS": "300", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    done = subprocess.run(command, env=environment, cwd=DOCS, capture_output=True, text=True, timeout=300)
    printed = done.stdout
    given = offered(printed.partition("\nimage judge:\n")[2].partition("\n\n")[0])
    assert given == set(options.OPTIONS), done.stderr
    named = options_and_keys("Options of a judge", "Options of a run")
    assert {name for name in named if name.startswith("-")} == given
    keys = set(re.findall(r"^  ((?:edit_)?judge_\w+) \(", printed, re.MULTILINE))
    twins = {option.lstrip("-").replace("-", "_") for option in given}
    own = {name for name in named if not name.startswith("-")}
    assert keys == twins | own
    assert not twins & own


def test_what_is_a_list_and_what_takes_no_value_is_told() -> None:
    named = {name.lstrip("-").replace("-", "_"): told
             for name, told in options_and_keys("Options of a judge", "Options of a run").items()}  # fmt: skip
    kinds = {key: option.kind for key, option in options.TABLE.items()}
    lists = {key for key, (_, meaning) in named.items() if re.search("; repeatable|, one a line", meaning)}
    assert lists == {key for key, kind in kinds.items() if kind == "list"}
    without = {key for key, (value, _) in named.items() if not value and key not in options.INI_ONLY}
    (row,) = re.findall(r"^\| options without a value, (.*?) \|", section("How a value is written"), re.MULTILINE)
    assert without | set(re.findall(r"\w+", row)) == {key for key, kind in kinds.items() if kind == "flag"}


# --- what the pages name ---


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_options_commands_and_keys_that_a_page_names(page: Path, commands: dict[str, set[str]]) -> None:
    known = set().union(*commands.values()) | set(options.OPTIONS) | FOREIGN
    keys = set(options.TABLE) | {"judge_model_output"}  # a column of published answers
    for span in spans(page):
        program, *words = span.split()
        if program == "imagejudge" and words:
            program, *words = words
            assert program in cli.COMMANDS, span
        if program in cli.COMMANDS and words:
            name = f"{program} {words[0]}" if f"{program} {words[0]}" in commands else program
            assert options_in(" ".join(words)) <= commands[name], span
        elif program.startswith("-"):
            option = re.match(OPTION, program)
            assert option is not None, span
            assert option[0] in known, span
        elif re.fullmatch(r"(edit_)?judge_\w+", program):
            assert program in keys, span


def test_no_option_of_others_is_listed_for_nothing() -> None:
    assert {option for page in PAGES for span in spans(page) for option in options_in(span)} >= FOREIGN


def test_the_list_of_commands_in_the_readme() -> None:
    (named,) = [span for span in spans(ROOT / "README.md") if span.startswith("imagejudge ") and "|" in span]
    assert re.findall(r"\w+", named)[1:] == list(cli.COMMANDS)


# --- names ---

PROMISED = {
    "engines.base": ("Answer", "Engine", "EngineIdentity"),
    "protocols.base": ("EDIT", "Protocol", "Reading", "Request", "digest_of"),
    "taxonomy": ("FACETS", "LEVEL1", "TREE", "facets_of"),
    "judge": ("EditJudge", "Judge", "protocol_for"),
    "plugin.hookspecs": tuple(name for name in dir(hookspecs) if name.startswith("pytest_imagejudge")),
    "statistics.calibration": ("gate_calibration",),
    "report.model": ("Report", "VerdictEntry", "EditEntry"),
}


@pytest.mark.parametrize("module", PROMISED)
def test_modules_that_others_import(module: str) -> None:
    loaded = importlib.import_module(f"pytest_imagejudge.{module}")
    assert PROMISED[module]
    for name in PROMISED[module]:
        assert callable(getattr(loaded, name)) or name.isupper(), name


def test_the_schema_lies_where_it_is_said_to() -> None:
    for name in ("schema.json", "ranking_schema.json"):
        assert files("pytest_imagejudge.report").joinpath(name).is_file()


def test_imports_of_every_example() -> None:
    count = 0
    for page in pages():
        for example in examples(page):
            for node in ast.walk(ast.parse(example.text)) if example.kind == "python" else ():
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pytest_imagejudge"):
                    loaded = importlib.import_module(str(node.module))
                    for name in node.names:
                        assert hasattr(loaded, name.name), f"{example.where}: {name.name}"
                        count += 1
    assert count > 10


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_names_and_files_that_a_page_names(page: Path) -> None:
    for span in spans(page):
        if re.match(r"pytest_imagejudge/[\w/]+\.\w+$", span):
            assert (ROOT / span).is_file(), span
        elif dotted := re.match(r"pytest_imagejudge\.([\w.]+)\.(\w+)", span):
            assert hasattr(importlib.import_module(f"pytest_imagejudge.{dotted[1]}"), dotted[2]), span
        elif of := re.match(r"(verdict|image_judge|edit_judge)\.(\w+)", span):
            owner = {"verdict": "Verdict", "image_judge": "ImageJudgeFixture", "edit_judge": "EditJudgeFixture"}[of[1]]
            known = getattr(pytest_imagejudge, owner)
            assert hasattr(known, of[2]) or of[2] in getattr(known, "__dataclass_fields__", ()), span


def test_fixtures_and_their_methods() -> None:
    text = section("Marker and fixtures").partition("Fixtures: ")[2]
    first, methods = re.search(r"((?:`\w+`, )+`\w+`) \(([^)]*)\)", text).groups()  # type: ignore[union-attr]
    types = [pytest_imagejudge.ImageJudgeFixture, pytest_imagejudge.EditJudgeFixture]
    assert re.findall(r"`(\w+)`", first) == ["image_judge", "edit_judge"]
    for name in re.findall(r"`(\w+)`", methods):
        assert all(callable(getattr(one, name)) for one in types), name
    for one in types:
        assert f"`{one.__name__}`" in text


@pytest.mark.parametrize("module", [hookspecs, of_engines, of_protocols], ids=lambda module: module.__name__)
def test_hooks_and_their_arguments(module: object) -> None:
    text = (DOCS / "extending.md").read_text(encoding="utf-8")
    hooks = {name: value for name, value in vars(module).items() if re.match("(pytest_)?imagejudge_", name)}
    assert hooks
    for name, hook in hooks.items():
        assert f"`{name}({', '.join(inspect.signature(hook).parameters)})`" in text, name
    others = {"hookspecs": "pytest_imagejudge_", "engines": "imagejudge_engine", "protocols": "imagejudge_protocol"}
    prefix = others[str(getattr(module, "__name__", "")).split(".")[-2 if "plugin" not in module.__name__ else -1]]  # type: ignore[attr-defined]
    assert set(re.findall(rf"\| `({prefix}\w*)\(", text)) == set(hooks)


# --- exit codes, formats and keys ---


_BAD_ENDS = (
    pytest.ExitCode.TESTS_FAILED,
    pytest.ExitCode.INTERRUPTED,
    pytest.ExitCode.INTERNAL_ERROR,
    pytest.ExitCode.USAGE_ERROR,
)


def test_the_exit_codes() -> None:
    rows = table(section("Commands and exit codes"), "code | of `imagejudge` | of `pytest`")
    ours = {int(row[0]) for row in rows if row[1]}
    assert ours == {cli.DONE, cli.GATE_FAILED, cli.BAD_INPUT, cli.ENGINE_FAILED, 130}
    assert {int(row[0]) for row in rows if row[2]} == {*map(int, (pytest.ExitCode.OK, *_BAD_ENDS))}


def test_each_exit_code_of_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = model.Report(
        verdicts=[model.VerdictEntry(key="a", outcome="failed", image="a.png", prompt="a fox", thresholds="default")]
    )
    write_report(report, tmp_path / "report.json", {})
    assert cli.main(["plan", "--detect", "2"]) == 0
    assert cli.main(["report", str(tmp_path / "report.json"), "--gate"]) == 1
    assert cli.main(["plan"]) == 2
    for error, code in ((EngineError("lost"), 3), (KeyboardInterrupt(), 130)):

        def fail(args: object, error: BaseException = error) -> int:
            raise error

        monkeypatch.setattr(plan, "run", fail)
        assert cli.main(["plan", "--detect", "2"]) == code


def test_every_format_of_reports_is_written(tmp_path: Path) -> None:
    named = re.findall(r"`(\.\w+)`", options_and_keys("Options of a run")["--judge-report"][1])
    assert set(named) == set(SUFFIXES)
    for suffix in named:
        write_report(model.Report(), tmp_path / f"report{suffix}", {})
        assert (tmp_path / f"report{suffix}").stat().st_size > 0


def test_every_field_that_the_reference_names_is_one_of_the_report() -> None:
    models = {
        "the report": [model.Report],
        "`run`": [model.Run],
        "`run.cost`": [model.Cost],
        "`run.ci`": [model.CiRun],
        "`run.budget`": [model.BudgetUse],
        "of `verdicts` and `edits`": [model.VerdictEntry, model.EditEntry],
        "of `history`": [model.Past],
        "of `verdicts`": [model.VerdictEntry],
        "of `edits`": [model.EditEntry],
        "of `bounds` and `breaches`": [model.Bound, model.Breach],
        "of `suite`": [model.SuiteRow],
        "`baseline`": [BaselineResult],
        "of `baseline.rows`": [BaselineRow],
        "`baseline.outcomes`": [OutcomeChanges],
        "`summary`": [model.Summary],
    }
    rows = table(section("The JSON report"), "object | fields")
    assert {row[0] for row in rows} == set(models)
    for name, fields in rows:
        for field in re.findall(r"`(\w+)`", re.sub(r"\([^()]*\)", "", fields.partition(";")[0])):
            for one in models[name]:
                assert field in {known.alias or key for key, known in one.model_fields.items()}, f"{name}: {field}"


def test_every_field_of_a_ranking() -> None:
    parts = {
        "the ranking": ranking.Ranking,
        "`run`": ranking.RankingRun,
        "of `groups`": ranking.RankedGroup,
        "of `ranked`": ranking.RankedImage,
        "of `unranked`": ranking.UnrankedImage,
    }
    rows = table(section("The JSON of a ranking"), "part | fields")
    assert [row[0] for row in rows] == list(parts)
    for name, fields in rows:
        named = re.findall(r"`(\w+)`", re.sub(r"\([^()]*\)", "", fields))
        assert named == [known.alias or key for key, known in parts[name].model_fields.items()], name


def test_the_table_of_the_judges_options_is_one(commands: dict[str, set[str]]) -> None:
    every = {option_name(key) for key in JUDGE_OPTIONS}
    without = {"--judge-max-pixels", "--judge-stored-only"}
    money = {"--judge-price", "--edit-judge-price", "--judge-budget"}  # serve asks nothing
    for name, missing in (
        ("score", set()),
        ("rank", set()),
        ("agree", set()),
        ("serve", {*without, *money}),
        ("doctor", {*without, "--judge-keep-alive"}),
    ):
        assert every - commands[name] == missing, name
