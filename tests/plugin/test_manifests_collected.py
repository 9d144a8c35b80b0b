"""Manifests as test files."""

import csv
import json

import pytest


def row(name, picture="good.png", prompt="a red fox", **more):
    return {"ID": name, "prompt": prompt, "image_path": picture, **more}


def test_named_files_are_collected_by_themselves(project):
    project.manifest("one.imagejudge.jsonl", [row("a"), row("b", "bad.png")])
    project.manifest("folder/../two.jsonl", [row("z", "refused.png")])
    (project.path / "three.imagejudge.json").write_text(json.dumps([row("c", "fair.png")]))
    with (project.path / "four.imagejudge.csv").open("w", newline="") as handle:
        writer = csv.DictWriter(handle, ["ID", "prompt", "image_path"])
        writer.writeheader()
        writer.writerow(row("d", "unreadable.png"))
    result = project.run("-v")
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines_random(
        [
            "one.imagejudge.jsonl::a PASSED*",
            "one.imagejudge.jsonl::b FAILED*",
            "three.imagejudge.json::c PASSED*",
            "four.imagejudge.csv::d FAILED*",
        ]
    )
    assert result.stdout.str().count("one.imagejudge.jsonl:2") == 1
    entries = {entry["id"]: entry for entry in project.report["verdicts"]}
    assert entries["a"]["test"] == "one.imagejudge.jsonl::a"
    assert entries["a"]["where"] == "one.imagejudge.jsonl:1"
    assert {name: entry["outcome"] for name, entry in entries.items()} == {
        "a": "passed",
        "b": "failed",
        "c": "passed",
        "d": "error",
    }


def test_the_option_is_repeated_and_collects_nothing_twice(project):
    project.manifest("one.jsonl", [row("a")])
    project.manifest("folder/two.imagejudge.jsonl", [row("b", "../fair.png")])
    project.tests("def test_plain(): pass")
    both = ["--judge-manifest=one.jsonl", "--judge-manifest=folder/two.imagejudge.jsonl"]
    project.run(*both).assert_outcomes(passed=3)
    project.run(*both, "folder").assert_outcomes(passed=2)
    project.run(*both, "folder/two.imagejudge.jsonl").assert_outcomes(passed=2)
    project.run(*both, ".").assert_outcomes(passed=3)
    project.run(*both, "test_it.py").assert_outcomes(passed=3)
    project.run("one.jsonl", both[0]).assert_outcomes(passed=1)
    project.run("folder/two.imagejudge.jsonl::b").assert_outcomes(passed=1)
    project.run(both[0], both[0], "test_it.py").assert_outcomes(passed=2)


def test_manifests_elsewhere_have_names_of_their_own(project):
    for folder, picture in (("one", "good.png"), ("two", "bad.png")):
        project.manifest(f"{folder}/rows.jsonl", [row("a", f"../{picture}")])
    (project.path / "root").mkdir()
    (project.path / "root" / "link.imagejudge.jsonl").symlink_to("../one/linked.jsonl")
    project.manifest("one/linked.jsonl", [row("b", str(project.path / "fair.png"))])
    options = [
        f"--judge-manifest={name}" for name in ("one/rows.jsonl", "two/rows.jsonl", "root/link.imagejudge.jsonl")
    ]
    result = project.run("--rootdir=root", "root", "-v", *options)
    result.assert_outcomes(passed=2, failed=1)
    assert {entry["test"] for entry in project.report["verdicts"]} == {
        "../one/rows.jsonl::a",
        "../two/rows.jsonl::a",
        "link.imagejudge.jsonl::b",
    }
    project.run("--rootdir=root", "root", "--lf", *options).assert_outcomes(failed=1)


def test_the_ini_names_manifests_from_its_own_folder(project):
    project.manifest("one.jsonl", [row("a")])
    project.ini("judge_manifest =", "    one.jsonl")
    project.run().assert_outcomes(passed=1)
    (project.path / "sub").mkdir()
    project.pytester.makepyfile(**{"sub/test_sub": "def test_sub(): pass"})
    project.run("--rootdir=.", "sub").assert_outcomes(passed=2)


def test_all_rows_are_submitted_at_once(project):
    project.environ("STAND_IN_AT_ONCE", "20")  # four pictures of five requests
    project.environ("STAND_IN_CONCURRENCY", "4")
    rows = []
    for number in range(4):
        project.picture("together", f"{number}.png", number)
        rows.append(row(number, f"{number}.png"))
    project.manifest("rows.imagejudge.jsonl", rows)
    project.run().assert_outcomes(passed=4)


def test_bad_rows_fail_with_row_and_line_and_others_are_judged(project):
    (project.path / "rows.imagejudge.jsonl").write_text(
        "\n".join(
            [
                json.dumps(row("a")),
                "",
                json.dumps(row("a", "bad.png")),
                json.dumps({"ID": "c", "image_path": "good.png"}),
                json.dumps(row("d", "gone.png")),
                "{not json",
                json.dumps(row("e", dimensions="Qualty")),
                json.dumps(row("f", thresholds="defualt")),
                json.dumps({"prompt": "a red fox", "image_path": "good.png"}),
                json.dumps(row("g", "fair.png")),
            ]
        )
    )
    result = project.run("-v")
    result.assert_outcomes(passed=2, failed=7)
    for words in (
        "*row 2, line 3*a*first one counts*",
        "*row 3, line 4*prompt*",
        "*row 4, line 5*gone.png*",
        "*row 5, line 6*",
        '*row 6, line 7*Qualty*did you mean "Quality"*',
        '*defualt*did you mean "default"*',
        "*row 8, line 9*ID*",
    ):
        result.stdout.fnmatch_lines([words])
    assert "Traceback" not in result.stdout.str()
    assert "def runtest" not in result.stdout.str()
    assert {entry["id"]: entry["outcome"] for entry in project.report["verdicts"] if entry["outcome"] == "passed"} == {
        "a": "passed",
        "g": "passed",
    }


def test_bad_rows_make_the_report_say_error(project):
    project.manifest("rows.imagejudge.jsonl", [row("a"), row("b", "gone.png")])
    (project.path / "suite.toml").write_text("[suite]\ntotal = 10\n")
    result = project.run("--judge-thresholds=suite.toml", "--judge-report=report.html", "--judge-report=report.md")
    result.assert_outcomes(passed=1, failed=2)
    assert {entry["id"]: entry["outcome"] for entry in project.report["verdicts"]} == {"a": "scored", "b": "error"}
    assert project.report["suite"][0]["not_judged"] == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "empty"), ("{}", "row 1, line 1"), ('{"ID": 1, "promt": "x", "image_path": "good.png"}\n', "prompt")],
)
def test_a_manifest_that_is_none_is_an_error(project, text, words):
    (project.path / "rows.imagejudge.jsonl").write_text(text)
    result = project.run()
    assert result.ret == 2
    result.stdout.fnmatch_lines([f"*{words}*"])
    assert "Traceback" not in result.stdout.str()


def test_a_manifest_that_is_not_there_is_a_usage_error(project):
    result = project.run("--judge-manifest=gone.jsonl")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*--judge-manifest*gone.jsonl: no such file*"])


def test_edits(project):
    project.manifest(
        "edits.imagejudge.jsonl",
        [
            {"ID": "a", "source_path": "fair.png", "edited_path": "good.png", "instruction": "brighter"},
            {"ID": "b", "source_path": "fair.png", "edited_path": "bad.png", "instruction": "brighter"},
        ],
    )
    result = project.run("-rs")
    result.assert_outcomes(skipped=2)
    result.stdout.fnmatch_lines(["*--edit-judge-model*"])
    result = project.run("--edit-judge-model=stand-in", judge=False)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*edits.imagejudge.jsonl:2*"])


def test_without_a_judge_rows_are_skipped_but_bad_ones_fail(project):
    project.manifest("rows.imagejudge.jsonl", [row("a"), row("a"), row("b")])
    result = project.run("-rs", judge=False)
    result.assert_outcomes(skipped=2, failed=1)
    result.stdout.fnmatch_lines(["imagejudge: 2 tests need a judge*", "SKIPPED*--judge-model*"])


def test_thresholds_and_dimensions_of_a_row(project):
    (project.path / "strict.toml").write_text("[level1]\nQuality = 90\n")
    project.manifest(
        "rows.imagejudge.jsonl",
        [
            row("a", "fair.png"),
            row("b", "fair.png", thresholds="strict.toml"),
            row("c", "good.png", dimensions=["Quality"], prompt="c"),
            row("d", "good.png", dimensions="Quality; Alignment", prompt="d"),
            row("e", "bad.png", thresholds="edit"),
        ],
    )
    project.run().assert_outcomes(passed=3, failed=2)
    entries = {entry["id"]: entry for entry in project.report["verdicts"]}
    assert entries["b"]["thresholds"] == "strict.toml"
    assert entries["b"]["breaches"] == [{"path": ["Quality"], "score": 60.0, "bound": 90.0, "side": "least"}]
    assert list(entries["c"]["level1"]) == ["Quality"]
    assert set(entries["d"]["level1"]) == {"Quality", "Alignment"}


def test_a_profile_that_a_row_names_is_relative_to_the_manifest(project):
    for folder, bound in (("one", 90), ("two", 10)):
        project.manifest(
            f"{folder}/rows.imagejudge.jsonl",
            [row("a", "../fair.png", thresholds="ours.toml"), row("b", "../fair.png")],
        )
        (project.path / folder / "ours.toml").write_text(f"[level1]\nQuality = {bound}\n")
    project.manifest("rows.imagejudge.jsonl", [row("a", "fair.png"), row("b", "good.png", thresholds="ours.toml")])
    result = project.run("-v")
    result.assert_outcomes(passed=4, failed=2)
    result.stdout.fnmatch_lines_random(
        [
            "one/rows.imagejudge.jsonl::a FAILED*",
            "two/rows.imagejudge.jsonl::a PASSED*",
            "rows.imagejudge.jsonl::b FAILED*",
            "rows.imagejudge.jsonl, row 2, line 2 (ID \"b\"): thresholds: no profile 'ours.toml'*",
        ]
    )
    assert project.asked() == 5  # a row whose bounds are unknown is not judged


def test_images_confined_to_a_root(project):
    project.manifest("in/rows.imagejudge.jsonl", [row("a", "../good.png"), row("b", "mine.png"), row("c", "link.png")])
    project.picture("good", "in/mine.png")
    (project.path / "in" / "link.png").symlink_to(project.path / "good.png")
    result = project.run("--judge-root=in")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["*row 1, line 1*outside*", "*row 3, line 3*outside*"])
    project.ini("judge_root = in")
    project.run().assert_outcomes(passed=1, failed=2)
    project.run("--judge-root=.").assert_outcomes(passed=3)


def test_metadata_chooses_dimensions_by_id(project):
    (project.path / "metadata.json").write_text(
        json.dumps([{"ID": 1, "dims_en": "Quality / Detail / Noise; Alignment / Layout / 2D Space"}])
    )
    project.manifest("rows.imagejudge.jsonl", [row(1), row(2, "fair.png"), row(3, "fair.png", dimensions="Quality")])
    result = project.run("--judge-metadata=metadata.json")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*row 2, line 2*ID '2' is not in*metadata.json*"])
    entries = {entry["id"]: entry for entry in project.report["verdicts"]}
    assert set(entries["1"]["level1"]) == {"Quality", "Alignment"}
    assert set(entries["3"]["level1"]) == {"Quality"}
    result = project.run("--judge-metadata=gone.json")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*gone.json*"])


def test_hostile_names_are_shown_escaped(project):
    name = "a\x1b[31mred\n::error::x"
    project.manifest("rows.imagejudge.jsonl", [row(name, "bad.png", prompt="p\x1b]0;owned\x07")])
    result = project.run("-v")
    result.assert_outcomes(failed=1)
    output = result.stdout.str()
    assert "\x1b" not in output
    assert "\x07" not in output
    assert not any(line.startswith("::error::") for line in output.splitlines())


def test_row_tests_run_with_keyword_and_last_failed(project):
    project.manifest("rows.imagejudge.jsonl", [row("fox"), row("cat", "bad.png")])
    project.run("-k", "cat").assert_outcomes(failed=1, deselected=1)
    project.run("--lf").assert_outcomes(failed=1)


HOSTILE = [
    "::error::all is well",
    "a::b::c",
    "##[error]fox",
    "fox[1]",
    "esc\x1b[2J\nline\x07\u202e",
    ":::",
    "plain",
]


@pytest.mark.parametrize("workers", [(), ("-n1",)])
def test_an_id_reaches_no_log_as_written_and_stays_what_it_is_in_the_report(project, workers):
    project.manifest("it.imagejudge.jsonl", [row(name, "bad.png", f"fox {name!r}") for name in HOSTILE])
    project.environ("GITHUB_ACTIONS", "true")
    result = project.run("-v", "-rA", "--junitxml=junit.xml", *workers, process=True)
    result.assert_outcomes(failed=len(HOSTILE))
    found = {entry["id"]: entry["test"] for entry in project.report["verdicts"]}
    assert set(found) == set(HOSTILE)
    for nodeid in found.values():
        name = nodeid.removeprefix("it.imagejudge.jsonl::")
        assert "::" not in name
        assert "##[" not in name
        assert name.isprintable()
    lines = result.stdout.str().splitlines()
    commands = [line for line in lines if line.lstrip().startswith("::")]
    assert len(commands) == len(HOSTILE)  # our own annotations
    assert all(line.startswith("::error file=it.imagejudge.jsonl,line=") for line in commands)
    assert not any(mark in result.stdout.str() for mark in ("##[", "\x1b[2J", "\x07", "\u202e"))


def test_a_row_is_selected_by_its_node_id_whatever_its_id(project):
    project.manifest("it.imagejudge.jsonl", [row(name, prompt=f"fox {name!r}") for name in [*HOSTILE, "a: :b: :c"]])
    project.run().assert_outcomes(passed=len(HOSTILE) + 1)
    nodeids = {entry["test"]: entry["id"] for entry in project.report["verdicts"]}
    assert len(nodeids) == len(HOSTILE) + 1  # one that reads like another is told apart
    for nodeid, name in nodeids.items():
        project.run(nodeid).assert_outcomes(passed=1)
        assert [entry["id"] for entry in project.report["verdicts"]] == [name]


def test_what_is_wrong_with_a_row_reaches_no_log_as_written(project):
    project.manifest("it.imagejudge.jsonl", [row("##[error]x"), row("##[error]x"), row("b", "##[error]gone.png")])
    (project.path / "bad.imagejudge.csv").write_text("ID,##[error]column\n1,2\n")
    result = project.run("--continue-on-collection-errors", process=True)
    assert "is that of row 1 already" in result.stdout.str()
    assert "no column" in result.stdout.str()
    assert "##[" not in result.stdout.str()
    assert "##[" not in result.stderr.str()


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "workers"])
def test_last_failed_runs_the_failed_rows_of_named_manifests(project, workers):
    project.manifest("rows.jsonl", [row("a"), row("b", "bad.png"), row("c"), row("d", "gone.png")])
    project.tests("def test_good(): pass\ndef test_bad(): raise SystemError")
    manifest = "--judge-manifest=rows.jsonl"
    project.run(manifest, *workers).assert_outcomes(passed=3, failed=3)
    result = project.run(manifest, "--lf", "-rA", *workers)
    result.assert_outcomes(failed=3)
    result.stdout.no_fnmatch_line("*repeat --judge-manifest*")
    project.run(manifest, "--lf", "test_it.py", *workers).assert_outcomes(failed=3)
    result = project.run("--lf", *workers)
    result.assert_outcomes(failed=1)
    said = "imagejudge: left out are rows that failed before, of rows.jsonl (2); to run them again, repeat %s"
    result.stdout.fnmatch_lines([said % "--judge-manifest rows.jsonl"])
    project.manifest("more.jsonl", [row("a", "bad.png")])
    project.run("--judge-manifest=more.jsonl", "-k", "jsonl", *workers).assert_outcomes(failed=1)
    words = said.replace("(2)", "(2), more.jsonl (1)") % "their --judge-manifest"
    project.run("--lf", *workers).stdout.fnmatch_lines([words])
    project.picture("good", "bad.png")
    project.picture("good", "gone.png")
    project.run(manifest, "--lf", "-k", "not test_bad", *workers).assert_outcomes(passed=2)
    said = project.run("--lf", *workers).outlines
    assert not [line for line in said if "rows.jsonl" in line]


def test_a_second_row_of_one_id_is_headed_by_its_number_alone(project):
    project.manifest("rows.imagejudge.jsonl", [row("a"), row("b"), row("a"), {"prompt": "x", "image_path": "good.png"}])
    result = project.run("-rA")
    result.assert_outcomes(passed=2, failed=2)
    heads = {line.strip("_ ") for line in result.outlines if line.startswith("___")}
    assert heads == {"row 3 (a)", "row 4"}
    result.stdout.fnmatch_lines_random(
        ["FAILED rows.imagejudge.jsonl::a (row 3) - *", "FAILED rows.imagejudge.jsonl::row 4 - *", "*, line 3 (ID*"]
    )
