"""Upper estimates of a prompt's tokens."""

import base64
import io

import pytest
from PIL import Image

from pytest_imagejudge.protocols import load_protocol
from pytest_imagejudge.protocols.base import Request
from pytest_imagejudge.session.prompt_estimate import picture_at_most, sizes_of, text_at_most
from tests.stand_in import published_words


@pytest.mark.parametrize(
    ("size", "tokens"),
    [
        ((1024, 1024), 2833 + 4 * 5667),  # GPT-4o mini, "Calculating costs"
        ((512, 512), 2833 + 5667),
        ((2048, 4096), 2833 + 6 * 5667),
        ((64, 64), 2833 + 5667),
        ((8192, 8192), 293 * 293),  # Qwen2-VL, without a limit of its own
    ],
)
def test_no_published_rule_gives_a_picture_more(size, tokens):
    assert picture_at_most(*size) >= tokens


def test_a_prompt_has_no_more_tokens_than_bytes():
    text = "ein Fuchs 狐 🦊" * 10
    messages = [
        {"role": "system", "content": text},
        {
            "role": "user",
            "content": [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": "x" * 9999}}],
        },
    ]
    grammar = {"max_tokens": 5, "structured_outputs": {"json": {"a": "b" * 100}}}
    least, grown = (text_at_most(Request("", messages, sampling)) for sampling in ({"max_tokens": 5}, grammar))
    assert 2 * len(text.encode()) < least < 9999
    assert grown > least + 100


def sent(picture, form):
    buffer = io.BytesIO()
    picture.save(buffer, form)
    url = f"data:image/{form.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return {"type": "image_url", "image_url": {"url": url}}


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_sizes_are_those_of_what_is_sent(form):
    picture = Image.effect_noise((300, 200), 90).convert("RGB")
    content = [{"type": "text", "text": "?"}, sent(picture, form), sent(picture.resize((20, 10)), form)]
    request = Request("", [{"role": "user", "content": content}], {}, images=(Image.new("RGB", (900, 900)),))
    assert sizes_of(request) == ((300, 200), (20, 10))


def test_a_protocol_that_enlarges(tmp_path, monkeypatch):
    published_words.use(monkeypatch, tmp_path)
    request = load_protocol("ie-critic", kind="edit").render("blue", [Image.new("RGB", (64, 64))] * 2, "edit")
    assert sizes_of(request) == ((512, 512), (512, 512))


@pytest.mark.parametrize("url", ["https://example.org/a.png", "data:image/png;base64,AAAA", "data:,", "data:x"])
def test_what_can_t_be_read_is_taken_for_the_picture_itself(url):
    content = [{"type": "image_url", "image_url": {"url": url}}]
    request = Request("", [{"role": "user", "content": content}], {}, images=(Image.new("RGB", (9, 8)),))
    assert sizes_of(request) == ((9, 8),)
