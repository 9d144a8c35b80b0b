import base64
import gc
import io
import json
import tomllib
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pytest_imagejudge.errors import ConfigError
from pytest_imagejudge.protocols import default_name, load_protocol
from pytest_imagejudge.protocols.house import from_text, source_of
from pytest_imagejudge.protocols.request_parts import Pictures, area, fit, take_apart
from pytest_imagejudge.taxonomy import FACETS, LEVEL1, TREE
from tests.stand_in import published_words

PROMPTS = [
    "a red fox",
    "{x} {} {{y}} %s {prompt}",
    "a literal <image> twice <image>",
    "",
    "雪\n\t\r\n“ ”",
    "{level1_dim}",
]


@pytest.fixture(autouse=True)
def _words(tmp_path, monkeypatch):
    monkeypatch.setenv("IMAGEJUDGE_CACHE", str(tmp_path / "cache"))
    published_words.use(monkeypatch, tmp_path)


def picture(width=40, height=30):
    return Image.linear_gradient("L").resize((width, height)).convert("RGB")


def decoded(part):
    head, _, content = part["image_url"]["url"].partition(",")
    assert head == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(content)))


def as_text(message):
    return "".join(part["text"] if part["type"] == "text" else "<image>" for part in message["content"])


# --- which protocol --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "kind", "name"),
    [
        ("Qwen/Qwen-Image-Bench", "image", "q-judger"),
        ("/models/qwen-image-bench/", "image", "q-judger"),
        ("/hub/models--Qwen--Qwen-Image-Bench/snapshots/abc", "image", "q-judger"),
        ("Coobiw/IE-Critic-R1-7B", "edit", "ie-critic"),
        ("signals", "image", "signals"),
        ("signals", "edit", "signals-edit"),
        ("Qwen/Qwen3-VL-8B-Instruct", "image", "house"),
        ("Qwen/Qwen3-VL-8B-Instruct", "edit", "house-edit"),
        ("Qwen/Qwen-Image-Bench", "edit", "house-edit"),
        ("my/signals-model", "image", "house"),
        (None, "image", "house"),
    ],
)
def test_default_by_model(model, kind, name):
    assert default_name(model, kind) == name


def test_names_and_kinds():
    for name, kind in {"q-judger": "image", "ie-critic": "edit", "house": "image", "house-edit": "edit"}.items():
        protocol = load_protocol(name)
        assert (protocol.name, protocol.kind) == (name, kind)
    assert load_protocol("house", kind="edit").name == "house-edit"
    assert load_protocol(None, model="Coobiw/IE-Critic-R1-7B", kind="edit").name == "ie-critic"


def test_wrong_name_kind_and_option():
    with pytest.raises(ConfigError, match='no protocol "q-juger" \\(did you mean "q-judger"'):
        load_protocol("q-juger")
    with pytest.raises(ConfigError, match="no such file"):
        load_protocol("folder/mine.toml")
    with pytest.raises(ConfigError, match="judges edits, not images"):
        load_protocol("ie-critic", kind="image")
    with pytest.raises(ConfigError, match="judges images, not edits"):
        load_protocol("q-judger", kind="edit")
    for wrong in ({"decoding": "loose"}, {"aspect": "crop"}, {"thinking_budget": 0}, {"thinking_budget": True}):
        with pytest.raises(ConfigError):
            load_protocol("house", **wrong)


# --- Q-Judger --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prompt", PROMPTS)
def test_q_judger_is_asked_in_the_words_of_the_file(prompt):
    protocol = load_protocol("q-judger")
    assert protocol.dimensions == LEVEL1
    primers = []
    for one in LEVEL1:
        request = protocol.render(prompt, [picture()], one)
        system, user = request.messages
        assert system == {"role": "system", "content": "Look at the picture. Be fair."}
        assert as_text(user) == (
            f'Asked for: {prompt}\nMade:\n<image>\nAbout: {one}\n## {one}\n- Fine?\nLike so: {{"{{l2}}": 0|1|2}}'
        )
        assert [part["type"] for part in user["content"]] == ["text", "image_url", "text"]
        assert user["content"][0]["text"] == f"Asked for: {prompt}\nMade:\n"
        assert request.problems == ()
        assert request.primer == [system, {"role": "user", "content": user["content"][:2]}]
        primers.append(request.primer)
    assert primers == [primers[0]] * 5


def test_q_judger_is_first_asked_as_published():
    assert load_protocol("q-judger").sampling("Quality") == {
        "temperature": 0,
        "top_k": 1,
        "top_p": 1.0,
        "repetition_penalty": 1.05,
        "seed": 42,
        "max_tokens": 4096,
        "chat_template_kwargs": {"enable_thinking": True},
    }


@pytest.mark.parametrize("one", LEVEL1)
def test_q_judger_is_asked_again_with_grammar_and_budget(one):
    protocol = load_protocol("q-judger")
    again = protocol.sampling(one, again=True)
    assert protocol.can_ask_again(one)
    assert 0 < again["thinking_token_budget"] < again["max_tokens"]
    schema = again["structured_outputs"]["json"]
    assert {two: list(found["properties"]) for two, found in schema["properties"].items()} == {
        two: list(threes) for two, threes in TREE[one].items()
    }
    assert "string" not in json.dumps(schema)  # enums only
    constrained = load_protocol("q-judger", decoding="constrained")
    assert constrained.sampling(one) == again
    assert constrained.can_ask_again(one)
    assert load_protocol("q-judger", thinking_budget=7).sampling(one, again=True)["thinking_token_budget"] == 7
    long = load_protocol("q-judger", thinking_budget=9000, decoding="constrained").sampling(one)
    assert long["max_tokens"] > 9000


@pytest.mark.parametrize(
    ("size", "stretched", "kept"),
    [
        ((1024, 1024), (1024, 1024), (1024, 1024)),
        ((640, 480), (640, 480), (640, 480)),
        ((1025, 600), (1024, 1024), (1024, 599)),
        ((300, 2048), (1024, 1024), (150, 1024)),
        ((2000, 10), (1024, 1024), (1000, 5)),  # 1024 x 5 is beyond 200 to 1: servers refuse it
    ],
)
def test_q_judger_pictures(size, stretched, kept):
    image = picture(*size)
    part = load_protocol("q-judger").render("x", [image], "Quality").messages[1]["content"][1]
    want = image if size == stretched else image.resize(stretched, Image.Resampling.LANCZOS)
    assert decoded(part).size == stretched
    assert decoded(part).tobytes() == want.tobytes()
    assert decoded(part).mode == "RGB"
    keep = load_protocol("q-judger", aspect="keep")
    assert decoded(keep.render("x", [image], "Quality").messages[1]["content"][1]).size == kept
    assert keep.treatment != load_protocol("q-judger").treatment


def test_two_pictures_of_one_size_are_not_mixed_up():
    protocol = load_protocol("q-judger")
    for turn in (0, 90, 180, 270) * 5:  # each is gone when the next one comes, perhaps to the same address
        image = picture().rotate(turn)
        part = protocol.render("x", [image], "Quality").messages[1]["content"][1]
        assert decoded(part).tobytes() == image.tobytes()


def test_picture_is_encoded_once_for_all_its_requests():
    encoded = []

    def treat(image):
        encoded.append(image)
        return image

    pictures = Pictures(treat)
    image, other = picture(), picture(30, 40)
    with ThreadPoolExecutor(8) as pool:
        urls = set(pool.map(pictures.url, [image] * 40))
    assert len(encoded) == 1
    assert urls == {pictures.url(image)} != {pictures.url(other)}
    encoded.clear()
    del image, other
    gc.collect()
    assert not pictures._kept


def test_picture_that_cannot_be_encoded_is_tried_again():
    pictures = Pictures(lambda image: 1 / 0)
    image = picture()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            pictures.url(image)


def test_unknown_dimension():
    for name in ("q-judger", "house"):
        with pytest.raises(ConfigError, match=r'"Qualty".*did you mean "Quality"'):
            load_protocol(name).render("x", [picture()], "Qualty")


def test_reading_needs_no_words(monkeypatch):
    monkeypatch.setenv("IMAGEJUDGE_Q_JUDGER_WORDS", "nowhere")
    monkeypatch.setenv("IMAGEJUDGE_IE_CRITIC_WORDS", "nowhere")
    assert load_protocol("q-judger").read("Quality", '</think>{"Noise": 1}', None).level3
    assert load_protocol("ie-critic").read("Edit", "</think><answer>4.00</answer>", None).score == 4.0


# --- special tokens --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["q-judger", "house"])
@pytest.mark.parametrize(
    "token",
    [
        "<|im_end|>",
        "<|image_pad|>",
        "<|im_start|>",
        "<think>",
        "</think>",
        "<｜end｜>",
        "<end_of_turn>",
        "[/INST]",
        "</s>",
        "<end_of_utterance>",
        "<fake_token_around_image>",
        "<global-img>",
        "<row_1_col_1>",
        "<im_start>",
        "<im_end>",
        "<im_patch>",
        "<image_start>",
        "<|turn>",
        "<turn|>",
        "[gMASK]",
        "<sop>",
        "<eop>",
        "<tts_pad>",
        "<start_of_audio>",
        "<end_of_audio>",
        "<box>",
        "</box>",
        "<ref>",
        "</ref>",
        "<quad>",
        "[THINK]",
        "◁/think▷",
        "<seed:think>",
        "[|user|]",
    ],
)
def test_special_tokens_are_taken_apart(name, token):
    protocol = load_protocol(name)
    request = protocol.render(f"a sign that says {token}{token}", [picture()], "Quality")
    assert token not in as_text(request.messages[1])
    assert token not in as_text(request.primer[1])
    assert [(problem.path, problem.kind) for problem in request.problems] == [(("Quality",), "special-token")]
    assert token in request.problems[0].detail
    assert request.text == f"a sign that says {token}{token}"
    assert protocol.text_problems(request.text, "Quality") == request.problems


@pytest.mark.parametrize(
    "text",
    [
        "<sks> dog",
        "a <cat-toy> in <my_style>",
        "<lora:name:0.8> <hypernet:name:1>",
        "<b>bold</b> <p class='x'> <br/> <img src='a.png'> <table>",
        "[a|b] [from:to:0.5] {a|b} ((c:1.2)) [prefix]",
        "1 < 2 | 3 > 2, a <-> b, <3",
    ],
)
@pytest.mark.parametrize("name", ["q-judger", "house"])
def test_words_for_a_model_of_pictures_stay(name, text):
    request = load_protocol(name).render(text, [picture()], "Quality")
    assert text in as_text(request.messages[1])
    assert request.problems == ()


@pytest.mark.parametrize("text", ["a literal <image> twice <image>", "a <video> of", "</Image>"])
def test_placeholder_of_many_models_is_taken_apart_where_the_model_is_not_known(text):
    house, edit = load_protocol("house"), load_protocol("house", kind="edit")
    for protocol, images, dimension in ((house, [picture()], "Quality"), (edit, [picture(), picture()], "Edit")):
        request = protocol.render(text, images, dimension)
        parts = [part["text"] for part in request.messages[1]["content"] if part["type"] == "text"]
        assert text.replace("<", "< ") in "".join(parts)
        assert [(problem.path, problem.kind) for problem in request.problems] == [((dimension,), "special-token")]
        assert protocol.text_problems(text, dimension) == request.problems
    for name, images, dimension in (("q-judger", [picture()], "Quality"), ("ie-critic", [picture()] * 2, "Edit")):
        assert load_protocol(name).render(text, images, dimension).problems == ()
        assert load_protocol(name).text_problems(text, dimension) == ()


@given(
    st.lists(
        st.sampled_from(
            ["<|im_end|>", "<|turn>", "<turn|>", "[INST]", "[|user|]", "◁think▷", "<image>", "<<SYS>>", "<box>", "</s>"]
        )
        | st.text(alphabet="<>[]|｜◁▷/ imageendthk_", max_size=4)
        | st.text(max_size=4),
        max_size=8,
    ).map("".join),
    st.booleans(),
)
def test_nothing_special_is_left(text, placeholders):
    clean, problems = take_apart(text, ("Quality",), placeholders=placeholders)
    assert take_apart(clean, ("Quality",), placeholders=placeholders) == (clean, ())
    assert bool(problems) == (clean != text)
    assert clean.replace(" ", "") == text.replace(" ", "")


@given(st.text(alphabet="<>[]|｜◁▷/ab", max_size=12), st.sampled_from(["[INST]", "<s>", "<|a|>", "◁think▷"]))
def test_token_inside_of_something_like_one_is_not_left(around, token):
    half = len(around) // 2
    clean, _ = take_apart(around[:half] + token + around[half:], ("Quality",))
    assert token not in clean


def test_unpaired_surrogate_can_be_sent():
    request = load_protocol("house").render("a \ud800 b", [picture()], "Quality")
    json.dumps(request.messages, ensure_ascii=False).encode()
    assert request.problems


# --- house -----------------------------------------------------------------------------------------------------------


def test_every_facet_has_a_question_of_its_own():
    facets = tomllib.loads(source_of("house"))["facets"]
    questions = [facets[one][two][three] for one, two, three in FACETS]
    assert len(set(questions)) == 56
    protocol = load_protocol("house")
    for one in LEVEL1:
        text = as_text(protocol.render("x", [picture()], one).messages[1])
        for path, question in zip(FACETS, questions, strict=True):
            assert (f"- {path[2]}: {question}" in text) == (path[0] == one)


@pytest.mark.parametrize(
    "prompt", [*(text for text in PROMPTS if "<image>" not in text), "{image} {checklist} {dimension}"]
)
def test_house_puts_the_prompt_in_as_it_is(prompt):
    protocol = load_protocol("house")
    request = protocol.render(prompt, [picture()], "Quality")
    kinds = [part["type"] for part in request.messages[1]["content"]]
    assert kinds == ["text", "image_url", "text"]
    assert f"----\n{prompt}\n----\n" in request.messages[1]["content"][0]["text"]
    assert request.primer == [request.messages[0], {"role": "user", "content": request.messages[1]["content"][:2]}]


def test_house_uses_a_grammar_from_the_start():
    protocol = load_protocol("house")
    for one in LEVEL1:
        fields = protocol.sampling(one)
        assert fields["temperature"] == 0
        assert list(fields["structured_outputs"]["json"]["properties"]) == list(TREE[one])
        assert protocol.can_ask_again(one)
    assert load_protocol("house", thinking_budget=50).sampling("Quality")["thinking_token_budget"] == 50


def test_house_for_edits():
    protocol = load_protocol("house", kind="edit")
    before, after = picture(), picture(50, 20)
    request = protocol.render("make {it} <b>blue</b>", [before, after], "Edit")
    content = request.messages[1]["content"]
    assert [part["type"] for part in content] == ["text", "image_url", "text", "image_url", "text"]
    assert [decoded(content[1]).size, decoded(content[3]).size] == [(40, 30), (50, 20)]
    assert "----\nmake {it} <b>blue</b>\n----\n" in content[4]["text"]
    schema = request.sampling["structured_outputs"]["json"]
    assert list(schema["properties"]) == ["text_alignment", "fidelity", "perceptual_quality", "overall"]
    scores = schema["$defs"]["reasoned"]["properties"]["score"]["enum"]
    assert (scores[:2], scores[-1]) == ([1.0, 1.1], 5.0)
    answer = {"text_alignment": 4.1, "fidelity": 2.0, "perceptual_quality": 3.3, "overall": 2.9}
    reading = protocol.read("Edit", json.dumps(answer), "stop")
    assert (reading.score, reading.unreadable, reading.problems) == (2.9, (), ())
    assert reading.aspects == {"text_alignment": 4.1, "fidelity": 2.0, "perceptual_quality": 3.3}


def written(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_copy_is_the_same_protocol_until_it_is_changed(tmp_path):
    for name in ("house", "house-edit"):
        source = source_of(name)
        original = load_protocol(name)
        assert load_protocol(written(tmp_path, source + "\n# a comment\n")).digest == original.digest
        for old, new in [
            ("You judge", "You rate"),
            ("temperature = 0", "temperature = 0.5"),
            ("Answer with one", "Reply with one"),
            ("max_side = 1024", "max_side = 512"),
        ]:
            assert old in source
            assert load_protocol(written(tmp_path, source.replace(old, new))).digest != original.digest
    changed = load_protocol(written(tmp_path, source_of("house").replace("Is the picture clean?", "Is it clean?")))
    assert changed.digest != load_protocol("house").digest


def test_file_with_fewer_facets_measures_fewer(tmp_path):
    head, _, _ = source_of("house").partition("[facets.")
    text = head + '[facets.Quality.Detail]\nNoise = "Clean?"\n[facets.Alignment.Layout]\n"2D Space" = "There?"\n'
    protocol = load_protocol(written(tmp_path, text))
    assert protocol.dimensions == ("Quality", "Alignment")
    assert protocol.measures == {("Quality", "Detail", "Noise"), ("Alignment", "Layout", "2D Space")}
    assert not protocol.has_total
    reading = protocol.read("Quality", '{"Detail": {"Noise": {"score": 2}}}', "stop")
    assert (len(reading.level3), reading.unreadable, reading.problems) == (1, (), ())
    assert list(protocol.sampling("Quality")["structured_outputs"]["json"]["properties"]) == ["Detail"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "house"', "", "name"),
        ('name = "house"', 'name = "../x"', "name"),
        ('kind = "image"', 'kind = "video"', 'expected "image" or "edit"'),
        ("template =", "templat =", 'unknown key "templat" \\(did you mean "template"'),
        ("\n{image}\n", "\n", "{image} 0 times"),
        ("\n{prompt}\n", "\n{prompt} {prompt}\n", "{prompt} 2 times"),
        ('"Noise" =', "Noice =", 'no "Noice" \\(did you mean "Noise"'),
        ("[facets.Quality.Detail]", "[facets.Quality.Details]", 'no "Details" \\(did you mean "Detail"'),
        ("max_side = 1024", "max_side = true", "image.max_side"),
        ("max_side = 1024", "max_side = 0x" + "f" * 5000, "image.max_side: found a longer number"),
        ('kind = "image"', "kind = 0x" + "f" * 5000, "kind: found a longer number"),
        ("[sampling]", "[sampling]\nmessages = []", "sampling.messages"),
        ("[again]", "[again]\nmodel = 'x'", "again.model"),
        ("temperature = 0", "temperature = nan", "sampling.temperature: found nan, expected a finite number"),
        ("temperature = 0", "stop = ['a', [-inf]]", "sampling.stop: found -inf, expected a finite number"),
        ("temperature = 0", "temperature = 2020-01-01", "sampling.temperature: found 2020-01-01, expected .*no dates"),
        ("temperature = 0", "a = { b = 07:32:00 }", "sampling.a: found 07:32:00, expected .*no dates"),
        ("temperature = 0", "seed2 = 9223372036854775808", "sampling.seed2: found 9223372036854775808.*64 bits"),
        ("temperature = 0", "temperature" + ".a" * 1200 + " = 0", "sampling.temperature.*at most 16 levels"),
        ("max_tokens = 4096 ", 'max_tokens = "many"', "sampling.max_tokens: found 'many', expected a whole number"),
        ("max_tokens = 8192", "max_tokens = true", "again.max_tokens: found True, expected a whole number"),
        ("max_tokens = 4096 ", "max_tokens = 0", "sampling.max_tokens: found 0"),
        ("reasons = true", 'reasons = "yes"', "reasons: found 'yes', expected true or false"),
        ("temperature = 0", "temperature = ", "is not TOML.*line"),
    ],
)
def test_faults_of_a_file_are_named(tmp_path, old, new, message):
    source = source_of("house")
    assert old in source
    path = written(tmp_path, source.replace(old, new, 1))
    for budget in (None, 100):
        with pytest.raises(ConfigError, match=f"mine.toml.*{message}"):
            load_protocol(path, thinking_budget=budget)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('overall = "overall"', 'overall = "total"', "overall.*'total'"),
        ("step = 0.1", "step = 0.3", "step"),
        ("\n{edited}\n", "\n", "{edited} 0 times"),
        ("[aspects]", "[aspect]", 'unknown key "aspect"'),
        ('fidelity = "Is all', 'fidelity = 3 # "Is all', "aspects.fidelity: found 3, expected a text"),
        ("step = 0.1", "step = 0x" + "f" * 5000, "step: found a longer number"),
    ],
)
def test_faults_of_a_file_for_edits_are_named(tmp_path, old, new, message):
    source = source_of("house-edit")
    assert old in source
    with pytest.raises(ConfigError, match=f"mine.toml.*{message}"):
        load_protocol(written(tmp_path, source.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("aspects", "message"),
    [
        ("", "aspects: found nothing, expected at least one question"),
        ("aspects = {}", "aspects: found nothing, expected at least one question"),
        ("aspects = 3", "aspects: found 3, expected a table"),
        ("aspects = ['overall']", "aspects: found a list, expected a table"),
    ],
)
def test_file_for_edits_needs_aspects(tmp_path, aspects, message):
    data = {key: value for key, value in tomllib.loads(source_of("house-edit")).items() if key != "aspects"}
    text = aspects + "\n" + "\n".join(f"{key} = {as_toml(value)}" for key, value in data.items())
    with pytest.raises(ConfigError, match=f"mine.toml: {message}"):
        load_protocol(written(tmp_path, text))


def test_name_that_no_file_can_have():
    for name in ("a" * 5000, "a\0b", "."):
        with pytest.raises(ConfigError):
            load_protocol(name)


def as_toml(value):
    """A value of TOML, as it stands after the equals sign."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{as_toml(key)} = {as_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


VALUES = st.recursive(
    st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.sampled_from([0, 1, 28])
    | st.floats()
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    | st.sampled_from(["image", "edit", "overall", "{prompt} {image} {dimension} {checklist}"])
    | st.dates()
    | st.times()
    | st.datetimes(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["Quality", "Detail", "max_tokens", "overall", ""]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.data())
def test_any_value_under_any_key_is_loaded_or_named(data):
    """What is loaded can be asked with; all else is a ConfigError that names the file."""
    tree = tomllib.loads(source_of(data.draw(st.sampled_from(["house", "house-edit"]))))
    for _ in range(data.draw(st.integers(1, 2))):
        table, keys = tree, ["name", "kind", "system", "template", "image", "sampling", "again", "facets", "aspects"]
        while True:
            key = data.draw(st.sampled_from([*(keys if table is tree else []), *table, "overall", "step", "max_side"]))
            if not isinstance(table.get(key), dict) or data.draw(st.integers(0, 4)) == 0:
                break
            table = table[key]
        if data.draw(st.integers(0, 4)):
            table[key] = data.draw(VALUES)
        else:
            table.pop(key, None)
    text = "\n".join(f"{as_toml(key)} = {as_toml(value)}" for key, value in tree.items())
    try:
        protocol = from_text(text, "f.toml", thinking_budget=data.draw(st.none() | st.integers(1, 9)))
    except ConfigError as error:
        assert str(error).startswith("f.toml")
        assert len(str(error)) < 1000
        return
    assert protocol.digest
    assert protocol.treatment
    images = [picture()] * (1 if protocol.kind == "image" else 2)
    for dimension in protocol.dimensions:
        request = protocol.render("a <fox>", images, dimension)
        json.dumps([request.messages, dict(request.sampling)], allow_nan=False)
        json.dumps(protocol.sampling(dimension, again=True), allow_nan=False)
        assert protocol.read(dimension, "{}", "stop").unreadable


# --- IE-Critic-R1 ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("instruction", PROMPTS)
def test_ie_critic_is_asked_in_the_words_of_the_file(instruction):
    request = load_protocol("ie-critic").render(instruction, [picture(600, 600), picture(700, 500)], "Edit")
    user, assistant = request.messages
    assert [part["type"] for part in user["content"]] == ["image_url", "image_url", "text"]
    assert user["content"][2]["text"] == f" Wanted: {instruction}\n\nAnswer like {{this}}."
    assert [decoded(part).size for part in user["content"][:2]] == [(600, 600), (700, 500)]
    assert assistant == {"role": "assistant", "content": "<think>"}
    assert request.sampling["continue_final_message"] is True
    assert request.sampling["add_generation_prompt"] is False
    assert request.sampling["temperature"] == 0
    assert request.sampling["max_tokens"] == 2048


def test_ie_critic_again_and_constrained():
    protocol = load_protocol("ie-critic")
    assert protocol.sampling("Edit", again=True)["max_tokens"] == 4096
    assert protocol.can_ask_again("Edit")
    fields = load_protocol("ie-critic", decoding="constrained", thinking_budget=100).sampling("Edit")
    assert "{1,100}" in fields["structured_outputs"]["regex"]
    assert fields["max_tokens"] > 100
    assert load_protocol("ie-critic", thinking_budget=100).sampling("Edit") == protocol.sampling("Edit")


@given(st.integers(1, 4000), st.integers(1, 4000))
def test_area_is_in_range_and_the_aspect_kept(width, height):
    if max(width, height) > 200 * min(width, height):
        return
    image = Image.new("L", (width, height))
    made = area(image, 262_144, 1_048_576)
    assert 262_144 <= made.width * made.height <= 1_048_576
    if 262_144 <= width * height <= 1_048_576:
        assert made is image
    # at most one pixel off on each side
    assert (made.width - 1) / (made.height + 1) <= width / height <= (made.width + 1) / (made.height - 1)


@given(st.integers(1, 100), st.integers(1, 20_000))
def test_no_treatment_goes_beyond_the_ratio_that_servers_take(short, length):
    length = min(length, 200 * short)
    for size in ((length, short), (short, length)):
        image = Image.new("L", size)
        for made in (fit(image), fit(image, 512), area(image, 262_144, 1_048_576)):
            assert max(made.size) <= 200 * min(made.size)
