import base64
import io
import json

import pytest
from PIL import Image

from pytest_imagejudge.errors import ConfigError
from pytest_imagejudge.protocols import default_name, load_protocol
from pytest_imagejudge.protocols.base import Reading
from pytest_imagejudge.protocols.request_parts import PATCHES, whole_patches
from pytest_imagejudge.protocols.score_pairs import family_of
from pytest_imagejudge.protocols.whole_edits import answers_of, read_edit
from tests.stand_in import published_words

ORDERS = {
    ("viescore", "qwen2.5-vl"): ["image", "image", "text"],
    ("viescore", "openai"): ["text", "image", "image"],
    ("editscore", "qwen2.5-vl"): ["<img1>: ", "image", "<img2>: ", "image", "text"],
    ("editscore", "qwen3-vl"): ["image", "image", "text"],
    ("editscore", "openai"): ["text", "image", "image"],
}
MODELS = {"qwen2.5-vl": "Qwen/Qwen2.5-VL-7B-Instruct", "qwen3-vl": "Qwen/Qwen3-VL-4B-Instruct", "openai": "gpt-4.1"}


@pytest.fixture(autouse=True)
def words(tmp_path, monkeypatch):
    published_words.use(monkeypatch, tmp_path)


def load(name="viescore", family="qwen2.5-vl", **options):
    return load_protocol(name, model=MODELS[family], kind="edit", **options)


def picture(width=280, height=196, colour="red"):
    return (
        Image.radial_gradient("L").resize((width, height)).convert("RGB")
        if colour == "grey"
        else Image.new("RGB", (width, height), colour)
    )


def parts(request):
    (message,) = request.messages
    assert message["role"] == "user"
    return message["content"]


def order(request):
    def name(part):
        if part["type"] == "image_url":
            return "image"
        return part["text"] if part["text"].startswith("<img") else "text"

    return [name(part) for part in parts(request)]


def images(request):
    urls = [part["image_url"]["url"] for part in parts(request) if part["type"] == "image_url"]
    return [Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) for url in urls]


def answer(*scores, words="clear"):
    return json.dumps({"reasoning": words, "score": scores})


# --- requests --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "family"), ORDERS)
def test_the_change_is_asked_with_both_pictures_and_quality_with_one(name, family):
    protocol = load(name, family)
    assert protocol.dimensions == ("SC", "PQ")
    source, edited = picture(), picture(colour="blue")
    change, quality = (protocol.render("make it 10 times bluer", [source, edited], one) for one in protocol.dimensions)
    assert order(change) == ORDERS[name, family]
    first, last = ORDERS[name, family][0], ORDERS[name, family][-1]
    assert order(quality) == ([first, "image", last] if first.startswith("<img") else [first, last])
    assert len(images(quality)) == 1
    text = next(part["text"] for part in parts(change) if "Wanted" in part.get("text", ""))
    assert "Wanted: make it 10 times bluer\n" in text
    most = "25" if name == "editscore" else "10"
    assert f"none above {most}" in text
    assert "Wanted" not in str(parts(quality)[-1].get("text", ""))
    blue = images(quality)[0].getpixel((5, 5))
    assert blue[2] > 200
    assert blue[0] < 60


def test_pictures_are_made_of_whole_patches_the_edited_one_of_the_sources_size():
    source, edited = picture(300, 201, "grey"), picture(640, 481, "grey")
    first, second = images(load().render("bluer", [source, edited], "SC"))
    assert first.size == second.size == (308, 196)
    same = edited.resize(source.size, Image.Resampling.BICUBIC)
    assert second.tobytes() == whole_patches(same).tobytes()
    assert images(load().render("bluer", [source, edited], "PQ"))[0].tobytes() == second.tobytes()


@pytest.mark.parametrize(
    ("size", "wanted"),
    [((28, 28), (56, 56)), ((1, 200), (28, 196)), ((1024, 768), (1036, 756)), ((9000, 9000), (3584, 3584))],
)
def test_whole_patches(size, wanted):
    treated = whole_patches(Image.new("RGB", size))
    assert all(side % PATCHES == 0 for side in treated.size)
    assert treated.size == wanted


def test_models_of_openai_get_jpeg_as_pillow_writes_it():
    source, edited = picture(100, 80, "grey"), picture(100, 80)
    request = load("viescore", "openai").render("bluer", [source, edited], "SC")
    buffer = io.BytesIO()
    source.save(buffer, "JPEG")
    url = parts(request)[1]["image_url"]["url"]
    assert url == "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
    assert images(request)[0].size == (100, 80)
    assert request.sampling == {"max_tokens": 1400}


def test_special_tokens_of_the_instruction_are_taken_apart_and_named():
    request = load().render("<|im_end|> bluer", [picture(), picture()], "SC")
    assert "<|im_end|>" not in json.dumps(request.messages)
    assert [problem.path for problem in request.problems] == [("SC",)]
    assert load().render("<|im_end|>", [picture(), picture()], "PQ").problems == ()


def test_each_pass_has_its_own_seed():
    protocol = load("editscore", "qwen3-vl", passes=3)
    assert protocol.dimensions == ("SC", "PQ", "SC 2", "PQ 2", "SC 3", "PQ 3")
    assert [protocol.sampling(name)["seed"] for name in protocol.dimensions] == [42, 42, 43, 43, 44, 44]
    fields = protocol.sampling("SC 2")
    assert {name: fields[name] for name in ("temperature", "top_p", "top_k", "max_tokens")} == {
        "temperature": 0.7,
        "top_p": 0.9,
        "top_k": 20,
        "max_tokens": 512,
    }
    assert protocol.can_ask_again("PQ 3")
    assert protocol.sampling("SC 2", again=True)["seed"] not in range(42, 42 + 64)
    asked = [protocol.render("bluer", [picture(), picture()], name).messages for name in ("SC", "SC 2")]
    assert asked[0] == asked[1]
    assert load("editscore", "qwen3-vl").digest == protocol.digest  # further passes add answers, and lose none


@pytest.mark.parametrize("name", ["viescore", "editscore"])
def test_constrained_answers_can_be_read(name):
    import re

    protocol = load(name, decoding="constrained")
    pattern = protocol.sampling("SC")["structured_outputs"]["regex"]
    first, second = ("reasoning", "score") if name == "editscore" else ("score", "reasoning")
    values = {"score": "[10, 3]", "reasoning": '"clear, but dark (a little)."'}
    text = f'{{"{first}": {values[first]}, "{second}": {values[second]}}}'
    assert re.fullmatch(pattern, text)
    assert protocol.read("SC", text, "stop").scores == (10.0, 3.0)


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("gpt-4.1", "openai"),
        ("openai/gpt-4.1", "openai"),
        ("Qwen/Qwen3-VL-8B-Instruct", "qwen3-vl"),
        ("EditScore/EditScore-Qwen3-VL-4B-Instruct", "qwen3-vl"),
        ("Qwen/Qwen2.5-VL-72B-Instruct-AWQ", "qwen2.5-vl"),
        ("EditScore/EditScore-7B", "qwen2.5-vl"),
        (None, "qwen2.5-vl"),
    ],
)
def test_families(model, family):
    assert family_of(model) == family


def test_the_family_of_a_folder_is_in_its_configuration(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "qwen3_vl"}')
    assert family_of(str(tmp_path)) == "qwen3-vl"
    (tmp_path / "config.json").write_text("[]")
    assert family_of(str(tmp_path)) == "qwen2.5-vl"


def test_the_default_of_a_model():
    assert default_name("EditScore/EditScore-Qwen3-VL-4B-Instruct", "edit") == "editscore"
    assert default_name("OmniGen2/OmniGen2-EditScore7B-v1.1", "edit") == "editscore"
    assert default_name("gpt-4.1", "edit") == "house-edit"


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("viescore", {"passes": 2}, 'the protocol "viescore" asks once; only editscore takes judge_passes'),
        ("ie-critic", {"passes": 2}, "asks once"),
        ("editscore", {"passes": 65}, "the number of passes is 1 to 64, not 65"),
        ("editscore", {"passes": True}, "the number of passes"),
        ("viescore", {"kind": "image"}, "judges edits, not images"),
    ],
)
def test_what_does_not_go_together(name, options, words):
    with pytest.raises(ConfigError, match=words):
        load_protocol(name, **options)


def test_words_of_another_shape(tmp_path, monkeypatch):
    import hashlib

    source = published_words.VIESCORE.replace("<instruction>", "it")
    (tmp_path / "words.py").write_text(source)
    monkeypatch.setenv(
        "IMAGEJUDGE_VIESCORE_WORDS", f"{tmp_path / 'words.py'}#{hashlib.sha256(source.encode()).hexdigest()}"
    )
    with pytest.raises(ConfigError, match="hold <instruction> once"):
        _ = load().digest


# --- readings --------------------------------------------------------------------------------------------------------


def test_the_least_of_two_on_the_verdicts_scale():
    reading = load("editscore").read("SC", answer(20, 5), "stop")
    assert (reading.scores, reading.score) == ((20.0, 5.0), 2.0)
    assert reading.aspects == {"SC": 2.0, "prompt_following": 8.0, "consistency": 2.0}
    assert reading.evidence == {"SC": "clear"}
    assert load().read("PQ", answer(9, 4), "stop").aspects == {"PQ": 4.0, "naturalness": 9.0, "artifacts": 4.0}


def test_the_overall_score_is_the_mean_of_the_passes_roots():
    protocol = load("editscore", passes=2)
    given = {"SC": answer(25, 10), "PQ": answer(10, 25), "SC 2": answer(0, 25), "PQ 2": answer(25, 25, words="good")}
    whole = protocol.combine({name: protocol.read(name, text, "stop") for name, text in given.items()})
    assert whole.score == pytest.approx((4 + 0) / 2)
    assert whole.aspects == {
        "SC": 2.0,
        "PQ": 7.0,
        "prompt_following": 5.0,
        "consistency": 7.0,
        "naturalness": 7.0,
        "artifacts": 10.0,
    }
    assert whole.evidence == {"SC": "clear", "PQ": "clear"}


@pytest.mark.parametrize("lost", ["SC", "PQ", "SC 2", "PQ 2"])
def test_an_edit_without_one_of_its_answers_has_no_score(lost):
    protocol = load("editscore", passes=2)
    given = {name: protocol.read(name, answer(25, 10), "stop") for name in protocol.dimensions}
    for broken in (
        {**given, lost: protocol.read(lost, "sorry", "stop")},
        {k: v for k, v in given.items() if k != lost},
    ):
        whole = protocol.combine(broken)
        assert whole.score is None
        assert whole.aspects[lost[:2]] is None
        assert whole.aspects["PQ" if lost.startswith("SC") else "SC"] == 4.0
    assert protocol.combine({}).score is None


def test_an_edits_answers_are_read_again_from_one_text():
    protocol = load()
    texts = {"SC": answer(8, 9), "PQ": answer(2, 3)}
    reading = read_edit(protocol, json.dumps(texts), "stop")
    assert (reading.score, reading.unreadable) == (4.0, ())
    assert answers_of(json.dumps(texts)) == texts
    lost = read_edit(protocol, json.dumps({"SC": answer(8, 9)}), "stop")
    assert (lost.score, lost.unreadable) == (None, (("PQ",),))
    assert {problem.kind for problem in lost.problems} == {"no-answer", "drawn"}


@pytest.mark.parametrize("text", ["", "no", "[]", '{"SC": 7}', '{"SC": {"score": [1, 2]}}'])
def test_what_is_no_edits_answers(text):
    reading = read_edit(load(), text, "stop")
    assert reading.score is None
    assert reading.unreadable == (("SC",), ("PQ",))
    assert reading.problems


def test_a_judge_that_asks_once_is_read_as_before():
    protocol = load_protocol("ie-critic")
    assert read_edit(protocol, "</think><answer>3.50</answer>", "stop").score == 3.5
    assert protocol.combine({"Edit": Reading(score=3.5)}).score == 3.5
