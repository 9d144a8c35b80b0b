"""Cost and budget in words, in every report."""

import pytest

from pytest_imagejudge.renderers import html_page, markdown
from pytest_imagejudge.renderers.cost_words import budget_is_over, budget_words, cost_words, run_lines
from pytest_imagejudge.renderers.terminal_summary import suite_tree
from pytest_imagejudge.report.json_file import read, write
from pytest_imagejudge.report.merging import merge
from pytest_imagejudge.report.model import BudgetUse, Cost, Report, Run, VerdictEntry


def run(amount=1.234, currency="USD", **fields):
    cost = Cost(
        amount=amount, currency=currency, prompt_tokens=1000, cached_prompt_tokens=400, output_tokens=200, **fields
    )
    return Run(requests=5, prompt_tokens=1000, cached_prompt_tokens=400, output_tokens=200, cost=cost)


def with_budget(used, limit=5.0, unit="USD", refused=0):
    return Run(budget=BudgetUse(limit=limit, unit=unit, used=used, refused=refused))


def report_of(run):
    entry = VerdictEntry(key="k", image="a.png", prompt="a fox", outcome="passed", total=60.0)
    return Report(run=run, verdicts=[entry])


def terminal(run, width=140):
    return suite_tree(report_of(run), {}, width=width, color=False, verbosity=0, encoding="utf-8")


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (Run(), ""),
        (run(), "1.23 USD"),
        (run(0.0), "0.00 USD"),
        (run(uncounted=3), "at least 1.23 USD (the tokens of 3 requests were not reported)"),
        (run(None, uncounted=1), "unknown: the tokens of 1 request were not reported"),
        (
            run(None, "EUR, USD", by_currency=[Cost(amount=1, currency="EUR"), Cost(amount=2, currency="USD")]),
            "1.00 EUR and 2.00 USD",
        ),
        (
            run().model_copy(update={"prompt_tokens": 3000}),
            "1.23 USD (without 2,000 tokens that no price is given for)",
        ),
    ],
)
def test_cost(run, words):
    assert cost_words(run) == words


@pytest.mark.parametrize(
    ("run", "words", "over"),
    [
        (Run(), "", False),
        (with_budget(1.5), "1.50 USD of 5.00 USD used", False),
        (with_budget(4.99, refused=7), "4.99 USD of 5.00 USD used; 7 requests not sent", True),
        (
            with_budget(210_000, 200_000, "tokens"),
            "210,000 tokens of 200,000 tokens used, passed by 10,000 tokens",
            True,
        ),
    ],
)
def test_budget(run, words, over):
    assert budget_words(run).startswith(words)
    assert bool(budget_words(run)) == bool(words)
    assert budget_is_over(run) is over


def test_lines():
    assert list(run_lines(Run())) == []
    whole = run().model_copy(update={"budget": BudgetUse(limit=5, unit="USD", used=1.234)})
    assert list(run_lines(whole)) == [
        "5 requests: 1,000 prompt tokens (400 cached), 200 output tokens; cost 1.23 USD",
        "budget: 1.23 USD of 5.00 USD used",
    ]
    silent = Run(requests=5, cost=Cost(amount=None, currency="USD", uncounted=5))
    assert "cost unknown" in next(run_lines(silent))


def test_every_page_shows_them(tmp_path):
    found = run().model_copy(update={"budget": BudgetUse(limit=5, unit="USD", used=5.5, refused=2)})
    words = ("1.23 USD", "5.50 USD of 5.00 USD used, passed by 0.50 USD", "2 requests not sent")
    for text in (terminal(found), markdown.render(report_of(found)), html(found, tmp_path)):
        flat = " ".join(text.split())
        assert all(one in flat for one in words)
    assert "1,000 prompt and 200 output tokens" in markdown.render(report_of(found))


def test_pages_without_a_price_show_none(tmp_path):
    plain = Run(requests=5, prompt_tokens=10)
    for text in (terminal(plain), markdown.render(report_of(plain)), html(plain, tmp_path)):
        assert "USD" not in text
        assert "budget:" not in text.casefold()


def html(run, folder):
    path = folder / "page.html"
    html_page.write_html(report_of(run), path)
    return path.read_text(encoding="utf-8")


def test_json_has_them_only_where_they_are_given(tmp_path):
    write(report_of(run()), tmp_path / "priced.json")
    write(report_of(Run()), tmp_path / "plain.json")
    priced, plain = read(tmp_path / "priced.json").run, read(tmp_path / "plain.json").run
    assert priced.cost == run().cost
    assert plain.cost is None
    text = (tmp_path / "plain.json").read_text(encoding="utf-8")
    assert '"cost"' not in text
    assert '"budget"' not in text
    assert '"cached_prompt_tokens": null' in text


def test_merged_reports_add_costs_of_one_currency():
    one, two = report_of(run()), report_of(run(0.1))
    two.verdicts[0].key = "other"
    merged = merge([("a.json", one), ("b.json", two)])
    assert merged.run.cost.amount == 1.334
    assert merged.run.cost.prompt_tokens == 2000
    assert cost_words(merged.run) == "1.33 USD"
    two.run.cost.currency = "EUR"
    merged = merge([("a.json", one), ("b.json", two)])
    assert merged.run.cost.amount is None
    assert cost_words(merged.run) == "0.10 EUR and 1.23 USD"


def test_a_merged_report_says_for_which_tokens_no_price_was_given():
    one, two = report_of(run()), report_of(Run(prompt_tokens=500))
    two.verdicts[0].key = "other"
    assert "without 500 tokens" in cost_words(merge([("a.json", one), ("b.json", two)]).run)
