"""Every option, its ini twin, and what is refused."""

import argparse

import pytest

PLAIN = """
def test_plain(image_judge):
    image_judge.check('good.png', 'a red fox')
"""

TWINS = [
    ("--judge-protocol=hose", "judge_protocol = hose", '*no protocol "hose"*did you mean "house"*'),
    ("--judge-thresholds=defualt", "judge_thresholds = defualt", '*did you mean "default"*'),
    ("--judge-manifest=gone.csv", "judge_manifest = gone.csv", "*gone.csv: no such file*"),
    ("--judge-manifest=manifst.csv", "judge_manifest = manifst.csv", '*no such file (did you mean "manifest.csv"?)*'),
    ("--judge-manifest=sub", "judge_manifest = sub", "*sub: a folder; a file is expected, or several*"),
    ("--judge-thresholds=sub", "judge_thresholds = sub", "*no profile 'sub'*/sub is a folder)*"),
    ("--judge-metadata=gone.json", "judge_metadata = gone.json", "*judge?metadata: *gone.json can't be read*"),
    ("--judge-report=report.txt", None, "*report.txt*.html, .json or .md*"),
    ("--judge-keep-alive=soon", "judge_keep_alive = soon", "*judge?keep?alive*number*'soon'*"),
    ("--judge-keep-alive=-1", "judge_keep_alive = -1", "*judge?keep?alive*at least 0*'-1'*"),
    ("--judge-keep-alive=nan", "judge_keep_alive = nan", "*judge?keep?alive*number*'nan'*"),
    ("--judge-baseline=gone.json", "judge_baseline = gone.json", "*judge?baseline: *gone.json*no such baseline*"),
    (
        "--judge-baseline=good.png",
        "judge_baseline = good.png",
        "*judge?baseline: *not a baseline: not UTF-8*",
    ),
    ("--judge-baseline=sub", "judge_baseline = sub", "*judge?baseline: *sub: a baseline is expected*directory*"),
    ("--judge-update-baseline", "judge_update_baseline = true", "*--judge-baseline*"),
    ("--judge-repeat=0", "judge_repeat = 0", "*judge?repeat*at least 1*'0'*"),
    ("--judge-repeat=1.5", "judge_repeat = 1.5", "*judge?repeat*whole number*'1.5'*"),
    ("--judge-store=test_it.py", "judge_store = test_it.py", "*test_it.py*not a folder*"),
    (None, "judge_when = sometimes", "*judge_when*auto, during, after*'sometimes'*"),
    (None, "judge_decoding = fre", '*judge_decoding*did you mean "free"*'),
    (None, "judge_aspect = wide", "*judge_aspect*stretch, keep*"),
    (None, "judge_keep_images = some", "*judge_keep_images*failed, all, none*"),
    (None, "judge_github = on", "*judge_github*auto, off*"),
    (None, "judge_max_pixels = many", "*judge_max_pixels*whole number*'many'*"),
    (None, "judge_image_format = jpg", "*judge_image_format*png, jpeg, webp*'jpg'*did you mean*jpeg*"),
    (None, "judge_image_bytes = 0", "*judge_image_bytes*at least 1024*'0'*"),
    (None, "judge_timeout = 0", "*judge_timeout*at least 0.001*'0'*"),
    (None, "judge_timeout = soon", "*judge_timeout*number*'soon'*"),
    ("--judge-header=x-team", "judge_header =\n    x-team", "*--judge-header*NAME=VARIABLE*'x-team'*"),
    ("--judge-gpus=abc", "judge_gpus = abc", "*judge?gpus: GPUs' indices*UUIDs*'abc'*"),
    (None, "judge_max_pixels = 0", "*judge_max_pixels*at least 1*"),
    (None, "judge_thinking_budget = -3", "*judge_thinking_budget*"),
    (None, "judge_concurrency = 0", "*judge_concurrency*whole number of at least 1*"),
    (None, "judge_dimensions = Qualty", '*did you mean "Quality"*'),
    (None, "judge_root = gone", "*gone*"),
    (None, "judge_price = 2.50", "*ini judge_price: '2.50' is no price*input=2.50 cached=1.25 output=10*"),
    (None, "judge_price =", "*ini judge_price: '' is no price*"),
    (None, "edit_judge_price = input=1", "*ini edit_judge_price*output is missing*"),
    ("--judge-budget=0", "judge_budget = 0", "*judge?budget: '0' is no budget*"),
    ("--judge-budget=", "judge_budget = ", "*judge?budget: '' is no budget*"),
    ("--judge-budget=$5", "judge_budget = $5", "*judge?budget: '$5' is no budget*200,000 tokens*"),
    ("--judge-budget=5", "judge_budget = 5", "*judge?budget: '5' is money, which needs ini judge_price*"),
]


def test_the_command_reads_the_judges_options_alike(project):
    from pytest_imagejudge.commands import score
    from pytest_imagejudge.commands.judge_options import both_judges, max_pixels
    from pytest_imagejudge.plugin import options
    from pytest_imagejudge.plugin.run_options import read_options
    from pytest_imagejudge.support.judge_options import JUDGE_OPTIONS, option_name

    given = {
        "judge_model": "signals",
        "judge_protocol": "signals",
        "judge_revision": "main",
        "edit_judge_url": "http://127.0.0.1:9",
        "edit_judge_model": "served",
        "edit_judge_protocol": "ie-critic",
        "edit_judge_revision": "two",
        "edit_judge_adapter": "team/adapter",
        "judge_passes": "4",
        "judge_decoding": "constrained",
        "judge_aspect": "keep",
        "judge_thinking_budget": "700",
        "judge_concurrency": "3",
        "judge_image_format": "jpeg",
        "judge_image_bytes": "50000",
        "judge_header": "x-team=TEAM_KEY",
        "judge_timeout": "60.5",
        "judge_arg": "--enforce-eager",
        "judge_gpus": "1",
        "judge_keep_alive": "7.5",
        "judge_sleep": "9",
        "judge_price": "input=2.50 cached=1.25 output=10 currency=EUR",
        "edit_judge_price": "input=1 output=4 currency=EUR",
        "judge_budget": "5.50 EUR",
        "judge_sight": "assumed",
        "judge_signals_style": "film-grain",
        "judge_max_pixels": "1234",
    }
    assert set(JUDGE_OPTIONS) - set(given) == {"judge_url", "judge_allow_fp8", "judge_stored_only"}
    parser = argparse.ArgumentParser()
    score.register(parser)
    flags = ["--judge-allow-fp8", "--judge-stored-only"]
    args = parser.parse_args(["in.csv", *flags, *(f"{option_name(k)}={v}" for k, v in given.items())])
    flagged = ["judge_allow_fp8 = true", "judge_stored_only = true"]
    project.ini(*flagged, *(f"{key} = {value}" for key, value in given.items()))
    by_ini = read_options(project.pytester.parseconfig("-pimagejudge"))
    assert (by_ini.image, by_ini.edit) == both_judges(args)
    assert by_ini.max_pixels == max_pixels(args) == 1234
    project.ini(flagged[0], *(f"{key} = {value}" for key, value in given.items() if key in options.INI_ONLY))
    options_of = [f"{option_name(key)}={value}" for key, value in given.items() if key not in options.INI_ONLY]
    options_of.append("--judge-stored-only")
    by_option = read_options(project.pytester.parseconfig("-pimagejudge", *options_of))
    assert (by_option.image, by_option.edit) == both_judges(args)


@pytest.mark.parametrize(("workers", "share"), [(1, 9), (4, 2), (16, 1)])
def test_workers_share_the_requests_that_may_be_in_flight(project, workers, share):
    from pytest_imagejudge.plugin.run_options import read_options

    project.ini("judge_concurrency = 9")
    config = project.pytester.parseconfig("-pimagejudge")
    assert read_options(config).image.concurrency == 9
    config.workerinput = {"workercount": workers}
    assert read_options(config).image.concurrency == share
    project.ini()
    config = project.pytester.parseconfig("-pimagejudge")
    config.workerinput = {"workercount": workers}
    assert read_options(config).image.concurrency is None


@pytest.mark.parametrize(("option", "ini", "words"), TWINS, ids=[ini or option for option, ini, _ in TWINS])
def test_what_is_refused_before_any_test(project, option, ini, words):
    (project.path / "sub").mkdir()
    (project.path / "manifest.csv").touch()
    project.tests(PLAIN + "    open('ran', 'w').close()")
    for given in [option] if option else []:
        result = project.run(given)
        assert result.ret == 4
        result.stderr.fnmatch_lines([words])
    if ini:
        project.ini(ini)
        result = project.run()
        assert result.ret == 4
        result.stderr.fnmatch_lines([words])
    assert not (project.path / "ran").exists()
    assert "Traceback" not in result.stderr.str()


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--judge-manifst=a.csv", '--judge-manifst: there is no such option (did you mean "--judge-manifest"?)'),
        ("--edit-judge-modle=m", '--edit-judge-modle: there is no such option (did you mean "--edit-judge-model"?)'),
        (
            "--judge-timeout=5",
            "--judge-timeout: pytest has this as a key of the ini file; write -o judge_timeout=VALUE",
        ),
        ("--judge-zzzzzzzzz", "*unrecognized arguments: --judge-zzzzzzzzz"),
    ],
)
def test_an_option_that_there_is_not_names_the_one_that_is_meant(project, option, words):
    project.tests("def test_plain(): pass")
    result = project.run(option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{words}"])


def test_an_option_of_a_project_that_looks_like_ours_is_its_own(project):
    (project.path / "conftest.py").write_text("def pytest_addoption(parser): parser.addoption('--judge-modl')\n")
    project.tests("def test_plain(pytestconfig): assert pytestconfig.getoption('--judge-modl') == 'x'")
    project.run("--judge-modl=x").assert_outcomes(passed=1)


def test_a_choice_is_refused(project):
    result = project.run("--judge-when=sometimes")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*--judge-when*sometimes*"])


def test_ini_twins_and_the_command_line_before_them(project):
    (project.path / "zero.toml").write_text("total = 0\n")
    project.ini(
        "judge_model = stand-in",
        "judge_protocol = house",
        "judge_thresholds = zero.toml",
        "judge_store = kept",
        "judge_report =",
        "    one.json",
        "    out/two.md",
        "judge_when = during",
        "judge_repeat = 2",
        "judge_keep_alive = 5",
        "judge_gpus = 0",
        "judge_arg =",
        "    --enforce-eager",
        "judge_github = off",
    )
    project.tests(PLAIN.replace("good", "bad"))
    result = project.run(judge=False)
    result.assert_outcomes(passed=1)
    assert (project.path / "one.json").exists()
    assert (project.path / "out" / "two.md").exists()
    assert (project.path / "kept" / "answers.sqlite").exists()
    assert not (project.path / ".imagejudge").exists()
    assert project.asked() == 10
    result = project.run("--judge-thresholds=default", "--judge-no-store", "--judge-repeat=1", judge=False)
    result.assert_outcomes(failed=1)
    assert project.asked() == 15
    result.stdout.fnmatch_lines(["*store none*"])


def test_the_ini_can_forbid_the_store(project):
    project.ini("judge_no_store = true")
    project.tests(PLAIN)
    project.run().assert_outcomes(passed=1)
    assert not (project.path / ".imagejudge").exists()


def test_keep_alive_does_not_swallow_a_path(project):
    project.pytester.mkdir("tests")
    project.pytester.makepyfile(**{"tests/test_in": PLAIN, "test_out": PLAIN})
    result = project.run("--judge-keep-alive", "tests/")
    result.assert_outcomes(passed=1)
    project.environ("PYTEST_ADDOPTS", "--judge-keep-alive")
    project.run("tests/").assert_outcomes(passed=1)
    project.run("--judge-keep-alive=3", "tests/").assert_outcomes(passed=1)


def test_the_header_says_what_judges(project):
    project.tests(PLAIN)
    result = project.run()
    result.stdout.fnmatch_lines(
        ["imagejudge: stand-in, protocol house", "imagejudge: thresholds default, store .imagejudge/store"]
    )
    result.stdout.no_fnmatch_line("*GPU*")  # it needs none
    assert all(len(line) <= 80 for line in result.outlines if line.startswith("imagejudge: "))
    (project.path / "zero.toml").write_text("total = 0\n")
    outside = project.path.parent / "kept"
    result = project.run("--judge-thresholds=zero.toml", f"--judge-store={outside}", "--collect-only")
    result.stdout.fnmatch_lines([f"imagejudge: thresholds zero.toml, store {outside}"])
    result = project.run("--judge-url=http://user:secret@127.0.0.1:9/v1?key=hidden", "--collect-only")
    assert "secret" not in result.stdout.str()
    assert "hidden" not in result.stdout.str()


def test_without_a_judge_tests_are_skipped_with_a_reason_and_counted(project, monkeypatch):
    project.tests(
        """
        def test_image(image_judge):
            image_judge.check("bad.png", "a red fox")

        def test_edit(edit_judge):
            edit_judge.check("bad.png", "bad.png", "nothing")

        def test_plain():
            pass
        """
    )
    result = project.run("-rs", judge=False)
    result.assert_outcomes(skipped=2, passed=1)
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        ["imagejudge: 1 test needs a judge and did not run*--judge-model*", "SKIPPED*--judge-model or --judge-url*"]
    )
    edits = "1 test needs a judge of edits and did not run*--edit-judge-model*"
    result.stdout.fnmatch_lines([f"imagejudge: {edits}", "SKIPPED*--edit-judge-model or --edit-judge-url*"])
    assert not (project.path / ".imagejudge").exists()
    assert "needs a judge" not in project.run("-qq", judge=False).stdout.str()
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    project.run("-q", judge=False).stdout.fnmatch_lines([f"::warning title=Image judge::{edits}"])
    monkeypatch.delenv("GITHUB_ACTIONS")
    project.run().stdout.fnmatch_lines([f"imagejudge: {edits}"])  # though there is a judge of images
    project.tests("def test_plain(): pass")
    assert "imagejudge:" not in project.run(judge=False).stdout.str()


def test_the_preflight_stops_before_any_test(project):
    project.environ("STAND_IN_FAULT", "preflight")
    (project.path / "sub").mkdir()
    project.tests(PLAIN + "    open('ran', 'w').close()")
    result = project.run()
    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR*70 GiB, 3 GiB are free*"])
    assert not (project.path / "ran").exists()
    assert project.run("--collect-only").ret == 0


def test_a_model_that_does_not_exist(project):
    project.environ("STAND_IN_FAULT", "identity")
    project.tests(PLAIN)
    result = project.run()
    assert result.ret in (1, 4)
    assert "does not exist" in result.stdout.str() + result.stderr.str()
    assert "INTERNALERROR" not in result.stdout.str()


def test_a_report_that_cannot_be_written_fails_the_run(project):
    project.tests(PLAIN)
    (project.path / "folder.json").mkdir()
    result = project.run("--judge-report=folder.json", "--judge-report=last.json")
    assert result.ret not in (0, 1)
    assert (project.path / "last.json").exists()
    result.stdout.fnmatch_lines(["*folder.json could not be written*"])


def test_github(project):
    project.environ("GITHUB_ACTIONS", "true")
    project.environ("GITHUB_STEP_SUMMARY", str(project.path / "summary.md"))
    project.tests(PLAIN.replace("good", "bad"))
    result = project.run()
    result.assert_outcomes(failed=1)
    assert "a red fox" in (project.path / "summary.md").read_text()
    (project.path / "summary.md").unlink()
    project.ini("judge_github = off")
    project.run()
    assert not (project.path / "summary.md").exists()


def test_github_annotates_only_what_turns_the_run_red(project):
    project.environ("GITHUB_ACTIONS", "true")
    bad = PLAIN.replace("good", "bad")
    project.tests(bad + "\n\nimport pytest\n\n" + "@pytest.mark.xfail\n" + bad.replace("def test_", "def test_known_"))
    result = project.run()
    result.assert_outcomes(failed=1, xfailed=1)
    assert len([line for line in result.outlines if line.startswith("::error ")]) == 1


def test_help_names_every_option(project):
    result = project.run("--help", judge=False)
    for name in (
        "--judge-model",
        "--judge-url",
        "--edit-judge-model",
        "--edit-judge-url",
        "--judge-protocol",
        "--judge-thresholds",
        "--judge-manifest",
        "--judge-store",
        "--judge-no-store",
        "--judge-report",
        "--judge-arg",
        "--judge-keep-alive",
        "--judge-baseline",
        "--judge-update-baseline",
        "--judge-when",
        "--judge-gpus",
    ):
        assert name in result.stdout.str()
        assert name.lstrip("-").replace("-", "_") in result.stdout.str()


def test_hooks_of_a_project(project):
    with (project.path / "conftest.py").open("a") as handle:
        handle.write(
            """

def pytest_imagejudge_verdict(config, entry):
    with open("verdicts.txt", "a") as handle:
        handle.write(f"{entry.prompt} {entry.outcome}\\n")


def pytest_imagejudge_report(config, report, path):
    if path.suffix == ".md":
        path.write_text("our own")
        return True


def pytest_imagejudge_protocol(config, settings):
    from pytest_imagejudge.protocols import load_protocol

    protocol = load_protocol("house", kind=settings.kind)
    protocol.name = "ours"
    return protocol
"""
        )
    project.tests(PLAIN)
    project.run("--judge-report=x.md").assert_outcomes(passed=1)
    assert (project.path / "verdicts.txt").read_text() == "a red fox passed\n"
    assert (project.path / "x.md").read_text() == "our own"
    assert project.report["run"]["judges"][0]["fingerprint"]["protocol"] == "ours"


@pytest.mark.parametrize("option", ["--judge-model", "--judge-thresholds"])
def test_a_path_that_costs_the_project_its_ini_file_is_refused(project, tmp_path_factory, option):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    project.ini("judge_thresholds = default")
    project.tests(PLAIN)
    result = project.run(option, elsewhere)
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"*{option} {elsewhere}: *write {option}={elsewhere}"])
    result = project.run("--collect-only", "--judge-store", elsewhere, "test_it.py")  # the tests are named: it is found
    assert result.ret == 0
    result.stdout.fnmatch_lines(["configfile: tox.ini"])
    result = project.run("--collect-only", f"--judge-store={elsewhere}")
    assert result.ret == 0


def test_a_path_that_costs_nothing_is_taken(project, tmp_path_factory):
    (project.path / "tox.ini").unlink(missing_ok=True)  # there is no ini file to be lost
    project.tests(PLAIN)
    result = project.run("--collect-only", "--judge-store", tmp_path_factory.mktemp("elsewhere"))
    assert result.ret == 0


def test_a_path_that_pytest_takes_for_a_place_of_tests(project, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("models")
    (elsewhere / "judge").mkdir()
    (project.path / "pytest.ini").write_text("[pytest]\njudge_thresholds = default\n")
    project.tests("def test_nothing():\n    pass\n")
    option = ("--judge-model", str(elsewhere / "judge"))
    result = project.run("--collect-only", *option, judge=False, process=True)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*in this form pytest takes the path for a folder of tests*write {'='.join(option)}"])
    for arguments in ((f"{option[0]}={option[1]}",), ("-c", "pytest.ini", *option)):
        result = project.run("--collect-only", *arguments, judge=False, process=True)
        assert "for a folder of tests" not in result.stderr.str()


@pytest.mark.parametrize("store", [[], ["--judge-no-store"]], ids=["store", "no store"])
def test_signals_measures_though_no_judge_is_asked(project, store):
    project.tests(
        "def test_image(image_judge):\n"
        "    assert image_judge.score('good.png', prompt='a fox').source == 'engine'\n"
        "def test_edit(edit_judge):\n"
        "    assert edit_judge.score('good.png', 'bad.png', instruction='darker').source == 'engine'\n"
        "    edit_judge.expect('good.png', 'fair.png', instruction='darker')\n"
    )
    judges = ["--judge-model=signals", "--edit-judge-model=signals", "--judge-report=report.json"]
    result = project.run(*judges, "--judge-stored-only", *store, judge=False)
    assert "not asked" not in result.stdout.str()
    assert [entry["error"] for kind in ("verdicts", "edits") for entry in project.report[kind]] == [""] * 3


def test_other_judges_than_signals_are_not_asked(project):
    project.tests("def test_image(image_judge): image_judge.check('good.png', prompt='a fox')")
    result = project.run("--judge-stored-only")
    result.assert_outcomes(failed=1)
    assert "not judged: not asked: the store has no answer" in result.stdout.str()


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("judge_treshold", 'ini judge_treshold: there is no such key (did you mean "judge_thresholds"?)'),
        ("edit_judge-model", 'ini edit_judge-model: there is no such key (did you mean "edit_judge_model"?)'),
    ],
)
@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_a_key_that_there_is_not_names_the_one_that_is_meant(project, key, words, workers):
    """Pytest would warn, and judge under other bounds than the file's."""
    project.tests("def test_plain(): pass")
    project.ini(f"{key} = strict")
    result = project.run(*workers)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{words}"])


def test_a_key_of_a_project_that_looks_like_ours_is_its_own(project):
    (project.path / "conftest.py").write_text("def pytest_addoption(parser): parser.addini('judge_modl', '')\n")
    project.tests("def test_plain(pytestconfig): assert pytestconfig.getini('judge_modl') == 'x'")
    project.ini("judge_modl = x")
    project.run().assert_outcomes(passed=1)
