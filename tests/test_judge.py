"""The library, without pytest."""

import asyncio
import contextlib
import io
import subprocess
import sys
import textwrap
from decimal import Decimal

import httpx
import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from pytest_imagejudge import ConfigError, EditJudge, Judge
from pytest_imagejudge.engines.base import Answer
from pytest_imagejudge.judge import protocol_for
from pytest_imagejudge.session.budget import Budget
from pytest_imagejudge.settings import JudgeSettings
from pytest_imagejudge.support.prices import Limit
from tests.session.test_judge_session import Scripted
from tests.stand_in.pictures import marked


def picture(level):
    return marked((level, level, level))


@pytest.fixture
def judge(tmp_path):
    with Judge.from_settings(JudgeSettings(model="scripted"), engine=Scripted(), store=tmp_path / "store") as judge:
        yield judge


def test_score(judge):
    verdict = judge.score(picture(1), prompt="a fox")
    assert verdict.total == 60
    assert verdict["Quality"] == 60
    assert len(judge.engine.asked) == 5
    assert judge.score(np.asarray(picture(1)), "a fox").source == "store"


def test_score_many_is_one_batch_in_order(judge):
    pairs = [(picture(level), f"{level}") for level in range(12)]
    verdicts = list(judge.score_many(pairs, dimensions=["Quality"]))
    assert [verdict.prompt for verdict in verdicts] == [text for _, text in pairs]
    assert len(judge.engine.asked) == 12


def test_from_asynchronous_code(judge):
    async def both():
        return await asyncio.gather(judge.ascore(picture(1), "one"), judge.ascore(picture(2), "two"))

    one, two = asyncio.run(both())
    assert (one.prompt, two.prompt) == ("one", "two")


def test_submit_does_not_wait(judge):
    future = judge.submit(picture(1), "a fox", dimensions=["Quality"])
    assert future.result(timeout=600).asked == ("Quality",)


@pytest.mark.parametrize("image", [None, 3, object(), ["x.png"]])
def test_what_is_no_image(judge, image):
    with pytest.raises(TypeError, match="an image is a path"):
        judge.score(image, "a fox")


def test_what_is_no_prompt_and_no_dimension(judge):
    with pytest.raises(TypeError, match="prompt"):
        judge.score(picture(1), None)
    with pytest.raises(KeyError, match="did you mean"):
        judge.score(picture(1), "a fox", dimensions=["Qualty"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "no judge"),
        ({"model": "signals", "protocol": "hose"}, "did you mean"),
        ({"model": "signals", "protocol": "ie-critic"}, "not images"),
        ({"model": "signals", "protocol": "house"}, "takes no protocol"),
        ({"model": "signals", "url": "http://127.0.0.1:9"}, "leave out --judge-url"),
        ({"model": "signal"}, 'did you mean "signals"'),
        ({"model": "x", "decoding": "loose"}, "free"),
    ],
)
def test_wrong_settings(arguments, words):
    with pytest.raises(ConfigError, match=words):
        Judge(**arguments)


def test_where_an_edit_was_asked_to_be(tmp_path):
    pytest.importorskip("cv2")
    random = np.random.default_rng(1)
    source = random.integers(0, 255, (96, 128, 3), dtype=np.uint8)
    edited = source.copy()
    edited[20:60, 30:80] = (250, 10, 10)
    mask = np.zeros((96, 128), bool)
    mask[20:60, 30:80] = True
    with EditJudge("signals", store=tmp_path / "store") as judge:
        given = judge.score(source, edited, "make it red", mask=mask)
        assert given.aspects["outside_change"] == 0
        assert given.mask.endswith(".png")
        box = asyncio.run(judge.ascore(source, edited, "make it red", box=(30, 20, 80, 60)))
        assert (box.key, box.source, box.box, box.mask) == (given.key, "store", (30, 20, 80, 60), "")
        elsewhere = judge.submit(source, edited, "make it red", box=(100, 70, 128, 96)).result()
        assert elsewhere.key != given.key
        assert elsewhere.aspects["outside_change"] == 1
        wrong = judge.score(source, edited, "make it red", mask=mask[:50])
        assert "it has 128x50 pixels, the source 128x96" in wrong.error
        assert not wrong.aspects
        assert judge.score(source, edited, "make it red", box=(0, 0, 129, 5)).error.startswith("box ")
        with pytest.raises(TypeError, match="both given"):
            judge.score(source, edited, "make it red", mask=mask, box=(0, 0, 5, 5))
        with pytest.raises(TypeError, match="four whole numbers"):
            judge.score(source, edited, "make it red", box="0, 0, 5, 5")


def test_edits_of_pictures_in_memory(tmp_path):
    pytest.importorskip("cv2")
    random = np.random.default_rng(2)
    pictures = random.integers(0, 255, (6, 96, 128, 3), dtype=np.uint8)
    files = [tmp_path / f"{number}.png" for number in range(6)]
    for file, pixels in zip(files, pictures, strict=True):
        Image.fromarray(pixels).save(file)
    with EditJudge("signals", store=tmp_path / "store") as judge:
        edits = ((pixels, pictures[0], f"edit {number}") for number, pixels in enumerate(pictures))
        verdicts = list(judge.score_many(edits))
        assert [verdict.instruction for verdict in verdicts] == [f"edit {number}" for number in range(6)]
        again = [judge.score(file, files[0], f"edit {number}") for number, file in enumerate(files)]
        assert [(verdict.key, verdict.source) for verdict in again] == [(made.key, "store") for made in verdicts]
        for pair in ((files[0], object()), (object(), pictures[0])):
            with pytest.raises(TypeError, match="got object"):
                judge.submit(*pair, "no picture")
        with pytest.raises(TypeError, match="got object"):
            list(judge.score_many([(files[0], pictures[1], "good"), (files[0], object(), "no picture")]))


def test_edits_need_an_edit_protocol():
    with pytest.raises(ConfigError, match="not edits"):
        EditJudge("signals", protocol="q-judger")


def test_closing_twice_and_what_was_written_is_gone(tmp_path):
    judge = Judge.from_settings(JudgeSettings(model="scripted"), engine=Scripted())
    image = judge.take(picture(3)).path
    judge.score(picture(3), "a fox", dimensions=["Quality"])
    assert image.exists()
    judge.close()
    judge.close()
    assert not image.exists()
    with pytest.raises(RuntimeError, match="closed"):
        judge.score(tmp_path / "x.png", "a fox")


@pytest.mark.parametrize(("given", "waits"), [(True, 1), (False, 0)])
def test_only_a_store_that_is_kept_waits_for_the_disk(tmp_path, given, waits):
    with Judge("signals", store=tmp_path / "store" if given else None) as judge:
        judge.session.store.put("0" * 64, Answer("{}", "stop"), {})
        work = judge.session.store.file.do
        assert work(lambda connection: connection.execute("PRAGMA synchronous").fetchone()[0], None) == waits


def test_the_store_says_whether_it_has_answers(judge):
    assert not judge.has_stored()
    judge.score(picture(1), "a fox", dimensions=["Quality"])
    assert judge.has_stored()


def test_importing_the_package_loads_nothing_heavy():
    script = """
        import sys
        before = set(sys.modules)
        import pytest_imagejudge
        dir(pytest_imagejudge)
        heavy = {"numpy", "PIL", "pydantic", "rich", "torch", "vllm", "scipy", "httpx", "jinja2", "huggingface_hub"}
        print(sorted(heavy & set(sys.modules)), sorted(set(sys.modules) - before - set(sys.stdlib_module_names)))
        for name in pytest_imagejudge.__all__:
            getattr(pytest_imagejudge, name)
        try:
            pytest_imagejudge.Jugde
        except AttributeError:
            print("AttributeError")
    """
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    lines = run.stdout.splitlines()
    assert lines[0].startswith("[] ")
    assert lines[1] == "AttributeError"


@pytest.mark.parametrize(
    ("served", "kind", "name"),
    [
        ("Qwen/Qwen-Image-Bench", "image", "q-judger"),
        ("some/vision-model", "image", "house"),
        ("Coobiw/IE-Critic-R1-7B", "edit", "ie-critic"),
    ],
)
def test_without_a_name_the_served_model_chooses_the_protocol(monkeypatch, tmp_path, served, kind, name):
    monkeypatch.setenv("IMAGEJUDGE_CACHE", str(tmp_path))
    reply = httpx.Response(200, json={"data": [{"id": served}]})
    monkeypatch.setattr(httpx, "stream", lambda *args, **kwargs: contextlib.nullcontext(reply))
    assert protocol_for(JudgeSettings(urls=("http://127.0.0.1:9/v1",), kind=kind)).name == name
    own = JudgeSettings(urls=("http://127.0.0.1:9/v1",), kind=kind, protocol="house")
    assert protocol_for(own).name.startswith("house")


def test_an_endpoint_that_is_not_there_is_no_error_yet(monkeypatch, tmp_path):
    monkeypatch.setenv("IMAGEJUDGE_CACHE", str(tmp_path))

    def refuse(*args, **kwargs):
        raise httpx.ConnectError("refused")

    monkeypatch.setattr(httpx, "get", refuse)
    assert protocol_for(JudgeSettings(urls=("http://127.0.0.1:9/v1",))).name == "house"


def test_what_is_found_of_a_picture_is_drawn_with_its_verdict(judge):
    verdict = judge.score(np.zeros((16, 16, 3), np.uint8), prompt="a <fox>")
    assert [found.kind for found in verdict.findings] == ["blank"]
    words = "found: without content: 100% of it is within 12 codes of black (#000000)"
    assert words in verdict._repr_html_()
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(verdict)
    assert words in console.export_text()
    assert not judge.score(picture(120), prompt="a fox").findings


def test_a_judge_of_one_s_own_has_a_price_and_a_budget(tmp_path):
    settings = JudgeSettings(model="scripted", protocol="house", price="input=2 output=10", budget="0.000051")
    with Judge.from_settings(settings, engine=Scripted()) as judge:
        verdict = judge.score(picture(1), "a fox", dimensions=["Quality"])
    assert verdict.error.startswith("not judged: budget: 0.00 USD of 0.000051 USD are used")
    assert judge.use().images == 0
    with Judge.from_settings(settings, engine=Scripted(), budget=Budget(Limit(Decimal(1), "USD"))) as judge:
        assert judge.score(picture(1), "a fox", dimensions=["Quality"]).error == ""
        use, given = judge.use(), judge.budget
        given.close()
    assert (use.model, use.protocol, use.images, use.requests, use.prompt_tokens) == ("scripted", "house", 1, 1, 10)
    assert given.spent().used == Decimal("0.00005")
    with pytest.raises(ConfigError, match=r"--judge-price: '2' is no price"):
        Judge("scripted", price="2")
