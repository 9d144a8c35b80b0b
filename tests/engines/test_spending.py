"""Tokens that an engine uses beside its answers."""

import asyncio
import contextvars

import pytest

from pytest_imagejudge.engines import spending
from pytest_imagejudge.engines.address import Address
from pytest_imagejudge.engines.base import Answer
from pytest_imagejudge.engines.chat_client import ChatClient
from pytest_imagejudge.engines.connection import Connection
from pytest_imagejudge.errors import EngineError
from pytest_imagejudge.protocols.base import Request
from pytest_imagejudge.support.usage import Usage
from tests.stand_in.endpoint import StandIn, completion, failure

USAGE = {"prompt_tokens": 70, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 60}}
REQUEST = Request("Quality", [{"role": "user", "content": "?"}], {"max_tokens": 9})


class Account:
    def __init__(self):
        self.spent, self.lost = [], []

    def spend(self, usage):
        self.spent.append(usage)

    def lose(self, usage):
        self.lost.append(usage)


def ask(server, *replies, attempts=5):
    """Ask a server that replies so, the last again and again; return its answer, if any, and the account."""
    left = list(replies)
    server.answer = lambda call: left.pop(0) if len(left) > 1 else left[0]
    account = Account()

    async def run():
        spending.ACCOUNT.set(account)
        client = ChatClient(Connection(Address.parse(server.url)), "judge", first_wait=0.0, attempts=attempts)
        try:
            return await client.ask(REQUEST)
        finally:
            await client.close()

    try:
        answer = contextvars.copy_context().run(asyncio.run, run())
    except EngineError:
        answer = None
    return answer, account


def test_told_and_untold():
    assert spending.used_by(Answer("x", prompt_tokens=7, cached_prompt_tokens=2, output_tokens=3)) == Usage(7, 2, 3, 0)
    assert spending.used_by(Answer("", prompt_tokens=7)) == Usage(7, None, 0, 0)
    assert spending.used_by(Answer("x", prompt_tokens=7)).uncounted == 1
    assert spending.used_by(Answer("x")) == Usage(0, None, 0, 1)


def test_without_an_account_nothing_is_told():
    spending.spend(Answer("x"))
    spending.lose()


def test_an_answer_at_once_is_all(server):
    answer, account = ask(server, completion("{}", usage=USAGE))
    assert answer.prompt_tokens == 70
    assert account.lost == account.spent == []


def test_an_answer_that_the_server_broke_off(server):
    broken = completion("{", reason="abort", usage=USAGE)
    answer, account = ask(server, broken, completion("{}", usage=USAGE))
    assert answer is not None
    assert account.lost == [Usage(70, 60, 5)]


def test_a_lost_connection(server):
    answer, account = ask(server, None, completion("{}", usage=USAGE))
    assert answer is not None
    assert account.lost == [None]


def test_an_answer_that_was_cut_off(server):
    answer, account = ask(server, (200, {}, b'{"choices": [{"mess'), completion("{}", usage=USAGE))
    assert answer is not None
    assert account.lost == [None]


def test_a_gateway_that_waited_no_longer(server):
    answer, account = ask(server, failure(504), completion("{}", usage=USAGE))
    assert answer is not None
    assert account.lost == [None]


@pytest.mark.parametrize("reply", [failure(400), failure(503), failure(500)])
def test_a_refusal_costs_nothing(server, reply):
    answer, account = ask(server, reply, attempts=2)
    assert answer is None
    assert account.lost == []


def test_a_reply_without_an_answer_that_was_paid_for(server):
    reply = 200, {}, b'{"choices": [{"index": 0}], "usage": {"prompt_tokens": 70}}'
    answer, account = ask(server, reply)
    assert answer is None
    assert account.lost == [Usage(70, None, 0)]


@pytest.mark.parametrize("body", [b"data: {}", b"[]", b"{}", b'{"choices": []}', b""])
def test_a_success_that_is_no_chat_completion_may_have_been_paid_for(server, body):
    answer, account = ask(server, (200, {}, body))
    assert answer is None
    assert account.lost == [None]


def test_an_error_inside_a_success_costs_what_it_tells(server):
    paid = b'{"error": {"code": 400}, "usage": {"prompt_tokens": 70, "completion_tokens": 5}}'
    assert ask(server, (200, {}, paid))[1].lost == [Usage(70, None, 5)]
    assert ask(server, (200, {}, b'{"error": {"code": 400}}'))[1].lost == []


def test_a_server_that_is_not_there_costs_nothing():
    gone = StandIn()
    gone.close()
    answer, account = ask(gone, completion(), attempts=2)
    assert answer is None
    assert account.lost == []
