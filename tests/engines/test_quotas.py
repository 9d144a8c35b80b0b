"""What hosted servers say of their quotas; headers and bodies as they were documented or reported, with the source."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from pytest_imagejudge.engines.quotas import pause_asked, used_up


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "20"}, 20),
        ({"retry-after": "soon"}, None),
        ({"retry-after-ms": "1250", "retry-after": "2"}, 1.25),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2),
        # OpenAI: developers.openai.com/api/docs/guides/rate-limits, June 2026
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1s"}, 1),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "12ms"}, 0.012),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s"}, 60),  # a minute at most
        (
            {
                "x-ratelimit-remaining-requests": "59",
                "x-ratelimit-reset-requests": "1s",
                "x-ratelimit-remaining-tokens": "149984",
                "x-ratelimit-reset-tokens": "2.5s",
            },
            2.5,  # requests are left: it is the tokens
        ),
        ({"retry-after": "3", "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "9s"}, 3),
        # Groq, whose requests are counted by the day: groq/groq-python README, console.groq.com/docs/rate-limits
        (
            {
                "x-ratelimit-remaining-requests": "14370",
                "x-ratelimit-reset-requests": "2m59.56s",
                "x-ratelimit-reset-tokens": "7.66s",
            },
            7.66,
        ),
        # Azure: bare seconds
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "10"}, 10),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "in a while"}, None),
    ],
)
def test_the_pause_that_a_429_asks_for(headers: dict[str, str], seconds: float | None) -> None:
    assert pause_asked(429, headers) == (None if seconds is None else pytest.approx(seconds))


def test_a_date_is_a_pause_too() -> None:
    in_an_hour = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    after = pause_asked(429, {"retry-after": in_an_hour})
    assert after is not None
    assert 3500 < after <= 3600


def test_of_another_status_only_retry_after_counts() -> None:
    headers = {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "9s"}
    assert pause_asked(503, headers) is None
    assert pause_asked(503, {**headers, "retry-after": "4"}) == 4


def google(*quotas: str) -> dict[str, Any]:
    """As in googleapis/python-genai issue 2044 and RooCodeInc/Roo-Code issue 3883."""
    message = "You exceeded your current quota, please check your plan and billing details."
    violations = [{"quotaMetric": "generate_content_free_tier_requests", "quotaId": quota} for quota in quotas]
    details = [{"@type": "QuotaFailure", "violations": violations}, {"@type": "RetryInfo", "retryDelay": "26s"}]
    return {"error": {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED", "details": details}}


MINUTE = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"
DAY = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"


@pytest.mark.parametrize(
    ("body", "final"),
    [
        ({"message": "You exceeded your current quota, check your plan", "code": "insufficient_quota"}, True),
        ("check your plan and billing details", True),
        ("check your plan and billing details. Please retry in 28s.", False),
        ("too many tokens a minute", False),
        (google(MINUTE), False),
        (google(DAY), True),
        (google(MINUTE, DAY), True),
        # OpenAI: MSU-AI-Agents/fall-2025-course issue 76; Groq: continuedev/continue issue 10920, elizaOS issue 4040
        ("on requests per day (RPD): Limit 10000, Used 10000, Requested 1. Please try again in 8.64s.", True),
        ("on tokens per day (TPD): Limit 100000, Used 97050. Please try again in 9m38s. See settings/billing", True),
        (
            "on tokens per minute (TPM): Limit 6000. Please try again in 4.77s. See console.groq.com/settings/billing",
            False,
        ),
        # OpenRouter: Gitlawb/openclaude issue 936
        ("free-models-per-day. Add 10 credits to unlock 1000 free model requests per day", True),
        ("free-models-per-min", False),
        ("60 requests per minute and 1000 per day are allowed", False),  # which of them was reached is not said
    ],
)
def test_a_quota_that_waiting_does_not_fill(body: Any, final: bool) -> None:
    assert used_up(body if isinstance(body, str) else json.dumps(body)) is final
