"""With the plugin installed and no judge asked for, nothing heavy is loaded and nothing is written."""

HEAVY = {"numpy", "PIL", "pydantic", "rich", "torch", "vllm", "scipy", "httpx", "jinja2", "huggingface_hub"}

CONFTEST = """
import sys

def pytest_sessionfinish(session):
    if not hasattr(session.config, "workerinput"):
        names = {name.partition(".")[0] for name in sys.modules}
        ours = sorted(name for name in sys.modules if name.startswith("pytest_imagejudge"))
        print("LOADED", sorted(names & %r), ours)
"""

TESTS = """
def test_plain():
    assert [1] == [1]

def test_needs_a_judge(image_judge):
    image_judge.check("x.png", "a fox")

def test_needs_an_edit_judge(edit_judge):
    edit_judge.check("x.png", "y.png", "bluer")

def test_fails():
    assert 1.5 == 2.5
"""


def test_nothing_heavy_is_imported(project):
    project.environ("PYTEST_PLUGINS", "")
    (project.path / "conftest.py").write_text(CONFTEST % HEAVY)
    project.tests(TESTS)
    result = project.pytester.runpytest_subprocess("-s", "-p", "pytest_imagejudge.plugin")
    result.assert_outcomes(passed=1, skipped=2, failed=1)
    (line,) = [line for line in result.outlines if "LOADED" in line]
    assert "LOADED [] [" in line
    for module in (
        "gate",
        "session",
        "store",
        "verdict",
        "thresholds",
        "images",
        "protocols",
        "engines",
        "settings",
        "support.entry_points",
    ):
        assert f"pytest_imagejudge.{module}'" not in line
        assert f"pytest_imagejudge.plugin.{module}'" not in line
    assert not (project.path / ".imagejudge").exists()


WORKERS = """
import sys

def pytest_sessionfinish(session):
    given = getattr(session.config, "workerinput", {})  # the environment may be that of a worker further out
    if worker := given.get("workerid"):
        with open(f"{worker}.txt", "w") as file:
            file.write(" ".join(sorted({"PIL", "httpx"} & set(sys.modules))))
"""


def test_workers_load_for_a_judge_only_where_a_test_asks_it(project):
    project.environ("PYTEST_PLUGINS", "")
    (project.path / "conftest.py").write_text(WORKERS)
    judge = ("--judge-url", "http://127.0.0.1:9/v1", "--judge-model", "judge", "--judge-protocol", "house")
    loaded = []
    for test in ("def test_plain(): pass", "def test_asks(image_judge): pass"):
        project.tests(test)
        result = project.pytester.runpytest_subprocess("-pimagejudge", "-pxdist", "-n1", *judge)
        result.assert_outcomes(passed=1)
        loaded.append((project.path / "gw0.txt").read_text())
    assert loaded == ["", "PIL httpx"]
