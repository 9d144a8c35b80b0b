"""Refusals for the size or the shape of pictures."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from pytest_imagejudge.engines.picture_limits import picture_remedy
from pytest_imagejudge.protocols.base import Request

PICTURE = Request("Quality", [], {}, images=(Image.new("RGB", (40, 20)),))


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (413, ""),
        (413, "<html><h1>413 Request Entity Too Large</h1><center>nginx</center></html>"),
        (413, '{"message":"Request Too Long"}'),
        (400, '{"error": {"message": "messages.0.content.1.image.source.base64: image exceeds 5 MB maximum: 6291456 '
              'bytes > 5242880 bytes"}}'),
        (400, '{"error": "Request body is too large"}'),
        (422, "the payload was too big"),
        (400, "Maximum request body size 1048576 bytes exceeded"),
    ],
)  # fmt: skip
def test_a_limit_of_bytes_names_the_keys(status: int, body: str) -> None:
    words = picture_remedy(status, body, PICTURE, 1_234_567)
    assert "1,234,567 bytes" in words
    assert "judge_image_format = jpeg" in words
    assert "judge_image_bytes = N" in words


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, "temperature is not supported"),
        (400, "seed is too large"),
        (413, json.dumps({"error": {"message": "Request too large for model on tokens per minute: Limit 6000"}})),
        (400, "This model's maximum context length is 8192 tokens; the request is too large"),
        (401, "Payload Too Large"),
        (404, "no such model"),
    ],
)
def test_other_refusals_are_left_as_they_are(status: int, body: str) -> None:
    assert picture_remedy(status, body, PICTURE, 100) == ""


def test_a_request_without_a_picture_needs_no_smaller_one() -> None:
    assert picture_remedy(413, "", Request("Quality", [], {}), 100) == ""


def test_a_picture_that_is_too_long() -> None:
    words = picture_remedy(400, "absolute aspect ratio must be smaller than 1.5, got 2", PICTURE, 100)
    assert "40x20 has sides of 2 to 1" in words
