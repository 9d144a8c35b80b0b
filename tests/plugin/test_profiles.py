"""Which thresholds apply, and what is refused before any test runs."""

import pytest


def write(project, name, text):
    (project.path / name).write_text(text)


def test_argument_before_marker_before_fixture_before_option_before_default(project):
    for number in (10, 20, 30, 40):
        write(project, f"{number}.toml", f"total = {number}\n")
    project.tests(
        """
        import pytest

        @pytest.mark.imagejudge(thresholds="20.toml")
        class TestMarked:
            def test_argument(self, image_judge):
                image_judge.check("good.png", "argument", thresholds="10.toml")

            def test_marker(self, image_judge):
                image_judge.check("good.png", "marker")

            @pytest.mark.imagejudge(thresholds="10.toml")
            def test_closest(self, image_judge):
                image_judge.check("good.png", "closest")

        def test_option(image_judge):
            image_judge.expect("good.png", "option")
        """
    )
    project.tests(
        """
        import pytest

        @pytest.fixture(scope="session")
        def judge_thresholds():
            return "30.toml"

        def test_fixture(image_judge):
            image_judge.check("good.png", "fixture")

        @pytest.mark.imagejudge(thresholds="20.toml")
        def test_marker(image_judge):
            image_judge.expect("good.png", "marker over fixture")
        """,
        "test_overriding",
    )
    project.run("--judge-thresholds=40.toml").assert_outcomes(passed=6)
    used = {entry["prompt"]: entry["thresholds"] for entry in project.report["verdicts"]}
    assert used == {
        "argument": "10.toml",
        "marker": "20.toml",
        "closest": "10.toml",
        "marker over fixture": "20.toml",
        "fixture": "30.toml",
        "option": str(project.path / "40.toml"),
    }
    project.run("-k", "option").assert_outcomes(passed=1, deselected=5)
    assert project.report["verdicts"][0]["thresholds"] == "default"


def test_mappings_and_paths(project):
    write(project, "file.toml", "total = 99\n")
    project.tests(
        """
        import pytest
        from pathlib import Path

        def test_mapping(image_judge):
            image_judge.check("fair.png", "fox", thresholds={"level2": {"Quality": {"Realism": 61}}})

        def test_path(image_judge):
            image_judge.check("fair.png", "fox", thresholds=Path("file.toml"))

        @pytest.mark.imagejudge(thresholds={"must_not_fail": [["Quality", "Detail", "Noise"]]})
        def test_marker(image_judge):
            image_judge.check("fair.png", "fox")

        def test_extends(image_judge):
            image_judge.check("fair.png", "fox", thresholds={"extends": "default", "total": 61})
        """
    )
    result = project.run()
    result.assert_outcomes(passed=1, failed=3)
    result.stdout.fnmatch_lines(["*Quality / Realism: 60.0, bound 61*", "thresholds given as a mapping"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("totl = 5", 'totl: unknown key*did you mean "total"'),
        ("[level1]\nQualty = 60", 'Qualty*did you mean "Quality"'),
        ("[level1]\nQuality = 101", "level1.Quality*at most 100*101"),
        ("[level1]\nQuality = '60'", "level1.Quality*number*'60'"),
        ("[level1]\nQuality = true", "level1.Quality*number*True"),
        ("[level1]\nQuality = nan", "level1.Quality*"),
        ("[suite]\ntotal = 101", "suite.total*at most 100*101*give the least score, 0 to 100, such as 60"),
        ("[baseline]\ntotal = 101", "baseline.total*at most 100*101*largest drop to allow, 0 to 100 points, such as 2"),
        ("[edit]\nscore = 60", "edit.score*at most 5*60"),
        ("[baseline.edit]\nscore = 5", "baseline.edit.score*at most 4*5*1 to 5, so that no score drops by more than 4"),
        ("", "bounds nothing"),
        ("total = ", "not valid TOML"),
        ("extends = 'defualt'", 'defualt*did you mean "default"'),
        ("extends = 'bad.toml'", "extends this file again"),
    ],
)
def test_a_wrong_profile_stops_before_any_test(project, text, words):
    write(project, "bad.toml", text)
    project.tests("def test_plain(): open('ran', 'w').close()")
    result = project.run("--judge-thresholds=bad.toml")
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"ERROR*bad.toml*{words}*"])
    assert not (project.path / "ran").exists()


def test_an_unknown_profile_is_a_usage_error_wherever_it_is_named(project):
    project.tests("def test_plain(): pass")
    result = project.run("--judge-thresholds=defualt")
    assert result.ret == 4
    result.stderr.fnmatch_lines(['ERROR*defualt*did you mean "default"*shipped are*'])
    project.tests(
        """
        import pytest

        @pytest.mark.imagejudge(thresholds="typografy")
        def test_marked(image_judge):
            image_judge.check("good.png", "a fox")
        """
    )
    assert project.run().ret == 4
    project.tests(
        """
        import pytest

        @pytest.mark.parametrize("call", ["check", "expect"])
        def test_fox(image_judge, call):
            getattr(image_judge, call)("good.png", "a fox", thresholds="defualt")
        """
    )
    result = project.run()
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(['E *defualt*did you mean "default"*'])
    assert project.asked() == 0  # nothing is judged for bounds that nobody knows


@pytest.mark.parametrize(
    ("marker", "words"),
    [
        ("threshold='default'", "*test_fox*unknown keyword 'threshold' (did you mean \"thresholds\"?)*"),
        ("'default'", "*test_fox*takes keywords only*"),
        ("dimensions=['Qualty']", '*test_fox*dimensions*Qualty*did you mean "Quality"*'),
        ("dimensions=[]", "*test_fox*dimensions*"),
        ("dimensions=3", "*test_fox*dimensions*"),
        ("image='good.png'", "*test_fox*prompt*"),
        ("thresholds='defualt'", '*defualt*did you mean "default"*'),
        ("image=['a.png', 'b.png'], prompt='a fox'", "*test_fox*image: *list of 2: pass several images one by one"),
        ("image='', prompt='a fox'", "*test_fox*image: *empty path"),
    ],
)
@pytest.mark.parametrize("judge", [True, False])
def test_wrong_markers_stop_before_any_test(project, marker, words, judge):
    if not judge and ("defualt" in marker or "prompt=" in marker):
        pytest.skip("without a judge no profile and no image is read")
    project.tests(
        f"""
        import pytest

        @pytest.mark.imagejudge({marker})
        def test_fox(image_judge):
            image_judge.check("good.png", "a fox")
        """
    )
    result = project.run("--strict-markers", judge=judge)
    assert result.ret == 4
    result.stderr.fnmatch_lines([words])
    assert project.asked() == 0


def test_a_marker_names_an_image_beforehand(project):
    project.environ("STAND_IN_AT_ONCE", "15")
    for number in range(3):
        project.picture("together", f"{number}.png", number)
    project.tests(
        """
        import pytest

        def case(number):
            return pytest.param(number, marks=pytest.mark.imagejudge(image=f"{number}.png", prompt="a fox"))

        @pytest.mark.parametrize("number", [case(0), case(1), case(2)])
        def test_fox(image_judge, number):
            image_judge.check(f"{number}.png", prompt="a fox")
        """
    )
    project.run().assert_outcomes(passed=3)
    assert project.asked() == 15
    assert len(project.report["verdicts"]) == 3


def test_dimensions_of_marker_and_ini(project):
    project.ini("judge_dimensions =", "    Quality", "    Real-world Fidelity")
    project.tests(
        """
        import pytest

        def test_ini(image_judge):
            assert image_judge.score("good.png", "a fox").asked == ("Quality", "Real-world Fidelity")

        @pytest.mark.imagejudge(dimensions="Alignment")
        def test_marker(image_judge):
            assert image_judge.score("good.png", "a fox").asked == ("Alignment",)
            assert image_judge.score("good.png", "a fox", dimensions=["Aesthetics"]).asked == ("Aesthetics",)
        """
    )
    project.run().assert_outcomes(passed=2)
    project.ini("judge_dimensions = Qualty")
    result = project.run()
    assert result.ret == 4
    result.stderr.fnmatch_lines(['ERROR*judge_dimensions*Qualty*did you mean "Quality"*'])


def test_what_a_judge_cannot_measure_is_refused(project):
    project.tests("def test_plain(): pass")
    options = ["--judge-model=signals"]
    for text, words in (
        ("total = 50", "*total is bounded*signals measures * of 56 facets and has no total*Noise*"),
        ("[level1]\nAlignment = 50", "*Alignment is bounded*cannot measure it*Noise*"),
        ("[suite]\ntotal = 50", "*total is bounded*"),
        ("[baseline.level1]\nAlignment = 2", "*Alignment is bounded*"),
    ):
        write(project, "some.toml", text)
        result = project.run(*options, "--judge-thresholds=some.toml", judge=False)
        assert result.ret == 4
        result.stderr.fnmatch_lines([words])
    project.run(*options, judge=False).assert_outcomes(passed=1)
    write(project, "some.toml", "[level2.Quality]\nDetail = 50")
    project.run(*options, "--judge-thresholds=some.toml", judge=False).assert_outcomes(passed=1)


def test_the_run_as_a_whole_is_gated(project):
    write(project, "suite.toml", "total = 0\n[suite]\ntotal = 70\n[suite.level1]\nQuality = 10\n")
    project.tests(
        """
        import pytest

        @pytest.mark.parametrize("number", range(12))
        def test_fox(image_judge, number):
            image_judge.expect("fair.png", prompt=f"{number}")
        """
    )
    result = project.run("--judge-thresholds=suite.toml", "-v")
    result.assert_outcomes(passed=13, failed=1)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["FAILED imagejudge::suite?Total?*"])
    rows = {tuple(row["path"]): row for row in project.report["suite"]}
    assert rows["total",]["outcome"] == "failed"
    assert rows["Quality",]["outcome"] == "passed"


def test_the_gate_of_a_run_fails_on_what_was_not_judged(project):
    write(project, "suite.toml", "[suite]\ntotal = 10\n")
    project.tests(
        """
        import pytest

        @pytest.mark.parametrize("number", range(12))
        def test_fox(image_judge, number):
            image_judge.score("fair.png" if number else "unreadable.png", prompt=f"{number}")
        """
    )
    result = project.run("--judge-thresholds=suite.toml")
    result.assert_outcomes(passed=12, failed=1)
    assert result.ret == 1
    assert project.report["suite"][0]["not_judged"] == 1


@pytest.mark.parametrize("asks", ["thresholds_first(image_judge)", "test_it(image_judge, made)"])
def test_the_thresholds_fixture_may_not_wait_for_itself(project, asks):
    project.tests(
        f"""
        import pytest

        @pytest.fixture
        def made(image_judge):
            image_judge.expect("good.png", "fox")

        @pytest.fixture
        def judge_thresholds(made):
            return "default"

        def test_{asks.removeprefix("test_")}:
            image_judge.check("good.png", "fox")
        """
    )
    result = project.run()
    assert result.ret == 1
    result.stdout.fnmatch_lines(["E *ConfigError: the fixture judge_thresholds depends on*give thresholds= to that*"])


def test_an_assertion_of_the_thresholds_fixture_is_its_own(project):
    project.tests(
        """
        import pytest

        @pytest.fixture
        def judge_thresholds():
            assert 1 == 2

        def test_it(image_judge):
            image_judge.check("good.png", "fox")
        """
    )
    project.run().stdout.fnmatch_lines(["E *assert 1 == 2"])


RUN_TABLES = "total = 10\n[suite]\ntotal = 20\n[baseline]\ntotal = 3\n"
IGNORED = (
    "thresholds {}: [suite] and [baseline] have no effect in a profile for some of the images: bounds on the run "
    'count in that of --judge-thresholds, here "{}"; put them there'
)


@pytest.fixture
def told(project):
    """A project whose test takes thresholds in one of the ways; gives the warnings of a run."""
    write(project, "part.toml", RUN_TABLES)
    ways = {
        "call": "def test_it(image_judge): image_judge.check('good.png', 'a fox', thresholds='part.toml')",
        "marker": "import pytest\n@pytest.mark.imagejudge(thresholds='part.toml')\n"
        "def test_it(image_judge): image_judge.expect('good.png', 'a fox')",
        "fixture": "import pytest\n@pytest.fixture(scope='session')\ndef judge_thresholds(): return 'part.toml'\n"
        "def test_it(image_judge): image_judge.check('good.png', 'a fox')",
    }

    def run(way, *args, **keywords):
        if way == "row":
            row = {"ID": "a", "prompt": "a fox", "image_path": "good.png", "thresholds": "part.toml"}
            project.manifest("rows.imagejudge.jsonl", [row])
        else:
            project.tests(ways[way])
        return project.run(*args, **keywords)

    return run


@pytest.mark.parametrize("way", ["call", "marker", "fixture", "row"])
def test_bounds_on_the_run_in_a_part_of_it_are_warned_of(project, told, way):
    result = told(way, "-Wdefault")
    result.assert_outcomes(passed=1, warnings=1)
    assert IGNORED.format("part.toml", "default") in result.stdout.str()
    assert project.report["suite"] == []


@pytest.mark.parametrize("way", ["call", "marker", "row"])
def test_where_warnings_are_errors_the_run_is_red_and_says_why(told, way):
    result = told(way)
    said = result.stdout.str() + result.stderr.str()
    assert result.ret in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.USAGE_ERROR)
    assert IGNORED.format("part.toml", "default") in said
    assert "INTERNALERROR" not in said


def test_bounds_that_the_run_has_too_are_no_fault(project, told):
    write(project, "run.toml", 'extends = "part.toml"\nlevel1.Quality = 5\n')
    result = told("marker", "--judge-thresholds=run.toml")
    result.assert_outcomes(passed=1)
    assert "have no effect" not in result.stdout.str()
    assert [row["path"] for row in project.report["suite"]] == [["total"]]


@pytest.mark.parametrize(("way", "workers"), [("option", ()), ("option", ("-n2",)), ("marker", ())])
def test_a_misspelt_aspect_is_warned_of_without_a_judge_of_edits(project, way, workers):
    write(project, "part.toml", "total = 10\n[edit.aspects]\nfidelty = 3\nidentity = 3\n")
    marker = "@pytest.mark.imagejudge(thresholds='part.toml')" if way == "marker" else ""
    project.tests(f"import pytest\n{marker}\ndef test_it(image_judge): image_judge.expect('good.png', 'a fox')")
    options = ["--judge-thresholds=part.toml", *workers] if way == "option" else workers
    result = project.run("-Wdefault", *options)
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(['*part.toml: edit.aspects: no shipped *gives "fidelty" (did you mean "fidelity"[?])'])
    result.stdout.no_fnmatch_line("*identity*")
    result = project.run("--edit-judge-model=signals", *options)
    assert result.ret != 0
    result.stderr.fnmatch_lines(['*"fidelty" is bounded, but the judge signals does not give it*'])


def test_a_misspelt_aspect_where_warnings_are_errors(project):
    write(project, "part.toml", "total = 10\n[edit.aspects]\nfidelty = 3\n")
    project.tests("def test_it(image_judge): image_judge.check('good.png', 'a fox')")
    result = project.run("--judge-thresholds=part.toml")
    assert result.ret == 4
    result.stderr.fnmatch_lines(['*part.toml: edit.aspects: *"fidelty"*'])
