"""Cost and budget of a run: seen, bounded, one for both judges and all workers."""

import json

import pytest

TESTS = """
import pytest

@pytest.mark.parametrize("number", range(40))
def test_fox(image_judge, number):
    image_judge.expect("good.png", prompt=f"a fox, {number}")
"""
TOKENS = 110  # of an answer
LIMIT = 20_000  # more than the first request may take, less than all use
PRICE = "judge_price = input=2 cached=1 output=10"
COST = 50 * 2 + 50 * 1 + 10 * 10  # of an answer, in millionths


def not_judged(project):
    return [entry for entry in project.report["verdicts"] if entry["error"].startswith("not judged: budget: ")]


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_a_budget_that_ends_in_the_middle(project, workers):
    project.tests(TESTS)
    project.environ("STAND_IN_CONCURRENCY", "1")
    result = project.run(*workers, f"--judge-budget={LIMIT} tokens", "-v", process=bool(workers))
    asked = project.asked()
    assert 50 < asked < 200
    assert result.ret == 1
    refused = not_judged(project)
    result.assert_outcomes(passed=40 - len(refused), failed=len(refused))
    assert {entry["outcome"] for entry in refused} == {"error"}
    assert project.report["run"]["budget"] == {
        "limit": LIMIT, "unit": "tokens", "used": asked * TOKENS, "refused": 200 - asked}  # fmt: skip
    assert "cost" not in project.report["run"]
    result.stdout.fnmatch_lines(
        [
            f"imagejudge: budget {LIMIT:,} tokens",
            f"*not judged: budget: *of {LIMIT:,} tokens are used, and this request*",
        ]
    )
    used = f"{asked * TOKENS:,} tokens of {LIMIT:,} tokens used"
    result.stdout.fnmatch_lines([f"budget: {used}; {200 - asked} requests not sent"])
    assert "not judged: not judged" not in result.stdout.str()
    # a later run goes on, and asks for nothing twice
    result = project.run(*workers, "--judge-budget=1,000,000 tokens", process=bool(workers))
    result.assert_outcomes(passed=40)
    assert project.asked() == 200
    assert project.report["run"]["budget"]["used"] == (200 - asked) * TOKENS


def test_what_is_stored_costs_nothing_and_needs_no_budget(project):
    project.tests(TESTS)
    project.ini(PRICE)
    project.run().assert_outcomes(passed=40)
    cost = project.report["run"]["cost"]
    assert cost == {
        "amount": 200 * COST / 10**6,
        "currency": "USD",
        "prompt_tokens": 20_000,
        "cached_prompt_tokens": 10_000,
        "output_tokens": 2000,
        "uncounted": 0,
        "by_currency": [],
    }
    result = project.run("--judge-budget=0.000001")
    result.assert_outcomes(passed=40)
    assert project.report["run"]["cost"]["amount"] == 0
    result.stdout.fnmatch_lines(["*200 requests, 200 from the store*cost 0.00 USD*"])


def test_both_judges_have_their_prices_and_one_budget(project):
    project.tests("""
        def test_fox(image_judge, edit_judge):
            image_judge.check("good.png", prompt="a fox")
            edit_judge.check("good.png", "good.png", instruction="make it blue", blank=True)
    """)
    project.ini(PRICE, "edit_judge_price = input=21 output=101", "edit_judge_model = stand-in", "judge_budget = 5 usd")
    result = project.run()
    result.assert_outcomes(passed=1)
    amount = (5 * COST + 100 * 21 + 10 * 101) / 10**6
    run = project.report["run"]
    assert run["cost"]["amount"] == amount
    assert run["budget"] == {"limit": 5.0, "unit": "USD", "used": amount, "refused": 0}
    result.stdout.fnmatch_lines(
        ["*600 prompt tokens*60 output tokens*", "*cost 0.0044 USD*", "budget: 0.0044 USD of 5.00 USD*"]
    )


def test_the_gate_over_the_run_fails_on_what_the_budget_left_out(project):
    (project.path / "own.toml").write_text('[suite]\ntotal = 10\non_undecided = "pass"\n')
    project.tests("""
        import pytest

        @pytest.mark.parametrize("number", range(40))
        def test_fox(image_judge, number):
            image_judge.score("good.png", prompt=f"a fox, {number}")
    """)
    result = project.run(f"--judge-budget={LIMIT} tokens", "--judge-thresholds=own.toml")
    assert result.ret == 1
    (row,) = project.report["suite"]
    assert row["not_judged"] == len(not_judged(project)) > 0
    assert row["gate"] == "failed"


def test_a_worker_that_dies_leaves_nobody_waiting(project):
    project.tests("""
        import os, time
        from pathlib import Path

        def test_dies(image_judge):
            image_judge.expect("hanging.png", prompt="a fox", dimensions=["Quality"])
            while "ask" not in (Path("engine.log").read_text() if Path("engine.log").exists() else ""):
                time.sleep(0.01)
            Path("asked").touch()
            os.kill(os.getpid(), 9)

        def test_other(image_judge):
            while not Path("asked").exists():
                time.sleep(0.01)
            image_judge.check("good.png", prompt="a fox", dimensions=["Quality"])
    """)
    result = project.run("-n2", f"--judge-budget={LIMIT} tokens", "--max-worker-restart=0", process=True)
    assert result.ret == 1
    (entry,) = [entry for entry in project.report["verdicts"] if "test_other" in entry["test"]]
    assert entry["error"].startswith("not judged: budget: ")
    assert 0 < project.report["run"]["budget"]["used"] <= LIMIT


def test_the_last_runs_figures_are_kept_beside_the_answers(project):
    project.tests(TESTS)
    project.ini(PRICE)
    project.run("-n2", process=True).assert_outcomes(passed=40)
    kept = json.loads((project.path / ".imagejudge" / "store" / "last-run.json").read_text())
    (judge,) = kept["judges"]
    assert (judge["model"], judge["kind"], judge["images"], judge["requests"]) == ("stand-in", "image", 40, 200)
    assert (judge["prompt_tokens"], judge["price"]) == (20_000, "input=2 cached=1 output=10")
    assert judge["ended"] >= judge["began"] > 0


def test_without_a_judge_prices_are_not_read(project):
    project.ini("judge_price = none", "judge_budget = none")
    project.tests("def test_plain(): pass")
    project.run(judge=False).assert_outcomes(passed=1)
