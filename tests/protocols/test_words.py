import hashlib
import http.server
import ssl
import threading
from dataclasses import replace

import pytest
import trustme

from pytest_imagejudge.errors import ConfigError
from pytest_imagejudge.protocols import load_protocol
from pytest_imagejudge.protocols import published_words as words
from pytest_imagejudge.support.certificates import VARIABLES
from tests.stand_in import published_words
from tests.stand_in.endpoint import StandIn

SOURCE = published_words.q_judger().encode()
SHA256 = hashlib.sha256(SOURCE).hexdigest()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    for variable in (*words.OFFLINE_VARIABLES, words.Q_JUDGER.override, words.IE_CRITIC.override):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("IMAGEJUDGE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def served(monkeypatch):
    """A local stand-in of the host: answers by path, and what was asked for."""
    answers, asked = {}, []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            content = answers.get(self.path)
            self.send_response(200 if content is not None else 404)
            self.end_headers()
            self.wfile.write(content or b"nothing")

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv(words.URL_VARIABLE, f"http://127.0.0.1:{server.server_port}/")
    yield answers, asked
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def pin():
    return replace(words.Q_JUDGER, sha256=SHA256)


def test_fetched_once_checked_and_kept(served, pin, cache):
    answers, asked = served
    second = f"/{pin.repositories[1]}/{pin.commit}/checklists.py"
    answers[second] = SOURCE  # the first repository does not have it
    found, sha256 = words.load(pin)
    assert sha256 == SHA256
    assert found["SYSTEM_PROMPT"] == "Look at the picture. Be fair."
    assert asked == [f"/{pin.repositories[0]}/{pin.commit}/checklists.py", second]
    words.load(pin)
    assert len(asked) == 2
    assert words.cached_path(pin).read_bytes() == SOURCE
    assert words.cached_path(pin).is_relative_to(cache)


def test_a_mirror_with_an_authority_of_a_company(pin, monkeypatch):
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server = StandIn(tls=context)
    monkeypatch.setenv(words.URL_VARIABLE, server.url)
    try:
        with pytest.raises(ConfigError, match=r"certificate of the server is not accepted: .*SSL_CERT_FILE"):
            words.load(pin)
        with authority.cert_pem.tempfile() as path:
            monkeypatch.setenv("CURL_CA_BUNDLE", path)
            with pytest.raises(ConfigError, match="404"):
                words.load(pin)
    finally:
        server.close()


def test_damaged_copy_is_fetched_again(served, pin):
    answers, asked = served
    answers[f"/{pin.repositories[0]}/{pin.commit}/checklists.py"] = SOURCE
    words.keep(pin, SOURCE + b"#")
    words.load(pin)
    assert len(asked) == 1
    assert words.cached_path(pin).read_bytes() == SOURCE


def test_other_content_is_never_taken(served):
    answers, _ = served
    pin = words.Q_JUDGER
    answers[f"/{pin.repositories[0]}/{pin.commit}/checklists.py"] = SOURCE
    with pytest.raises(ConfigError, match=f"SHA-256 {SHA256}, expected {pin.sha256}"):
        words.load(pin)
    assert not words.cached_path(pin).exists()


def test_not_to_be_had_says_how_to_get_it(served):
    with pytest.raises(ConfigError, match=r"404.*imagejudge protocol pull --from checklists.py"):
        words.load(words.Q_JUDGER)


@pytest.mark.parametrize("variable", words.OFFLINE_VARIABLES)
def test_offline_asks_nobody(served, monkeypatch, variable):
    monkeypatch.setenv(variable, "1")
    with pytest.raises(ConfigError, match=f"{variable} is set.*pull --from iebench_eval.py"):
        words.load(words.IE_CRITIC)
    assert not served[1]


def test_address_that_is_none(monkeypatch):
    monkeypatch.setenv(words.URL_VARIABLE, "nonsense://[")
    with pytest.raises(ConfigError, match="could not be fetched"):
        words.load(words.Q_JUDGER)


def test_named_file_needs_its_hash(tmp_path, monkeypatch):
    published_words.use(monkeypatch, tmp_path)
    assert words.load(words.Q_JUDGER)[1] == SHA256
    path = tmp_path / "imagejudge_q_judger_words.py"
    for value in (str(path), f"{path}#", f"{path}#{'0' * 64}", f"{tmp_path / 'none'}#{SHA256}"):
        monkeypatch.setenv(words.Q_JUDGER.override, value)
        with pytest.raises(ConfigError, match=r"IMAGEJUDGE_Q_JUDGER_WORDS"):
            words.load(words.Q_JUDGER)


def test_other_words_have_another_digest(tmp_path, monkeypatch):
    published_words.use(monkeypatch, tmp_path)
    first = load_protocol("q-judger").digest
    published_words.use(monkeypatch, tmp_path, judge=published_words.q_judger().replace("Fine?", "Good?"))
    assert load_protocol("q-judger").digest != first


@pytest.mark.parametrize(
    "source",
    [
        "",
        "SYSTEM_PROMPT = open('x').read()",
        "def (",
        "\x00",
        published_words.q_judger().replace("SYSTEM_PROMPT = (", "SYSTEM_PROMPT = str("),
        published_words.q_judger().replace("<image>", "here"),
        published_words.q_judger().replace("Made:", "<image>"),
        published_words.q_judger().replace("{level1_dim}", "{level1}"),
        published_words.q_judger().replace("{level1_dim}", "{"),
        published_words.q_judger().replace('"Quality": LIST_0,', ""),
        published_words.q_judger().replace('"Quality": LIST_0,', '"Quality": print,'),
    ],
)
def test_words_of_another_shape(tmp_path, monkeypatch, source):
    published_words.use(monkeypatch, tmp_path, judge=source)
    with pytest.raises(ConfigError):
        _ = load_protocol("q-judger").digest


@pytest.mark.parametrize(
    "source", ["", "CoT_PROMPT = 1", "CoT_PROMPT = 'x {edit_instruction}'", "CoT_PROMPT = '<image><image>{x}'"]
)
def test_words_of_another_shape_for_edits(tmp_path, monkeypatch, source):
    published_words.use(monkeypatch, tmp_path, critic=source)
    with pytest.raises(ConfigError):
        _ = load_protocol("ie-critic").digest


def test_source_is_parsed_and_never_run(tmp_path):
    mark = tmp_path / "mark"
    source = f"A = 'a' 'b'\nB: str = A + 'c'\nC = {{'x': B}}\nD = open({str(mark)!r}, 'w')\nB2 = D\n"
    assert words.constants(source.encode(), ("A", "B", "C"), "x.py") == {"A": "ab", "B": "abc", "C": {"x": "abc"}}
    assert not mark.exists()
    with pytest.raises(ConfigError, match=r"x\.py has no D"):
        words.constants(source.encode(), ("D",), "x.py")
    # a later assignment that is no literal does not leave the earlier value standing
    with pytest.raises(ConfigError, match="no A"):
        words.constants(b"A = 'a'\nA = f()\n", ("A",), "x.py")


def own_pin(content: bytes) -> words.Pin:
    """A pin as a protocol of another package has it: JSON, and no more than what has to be said."""
    return words.Pin("of-others", ("org/repo",), "commit", "words/texts.json", hashlib.sha256(content).hexdigest())


def test_json_of_another_package(served, cache, tmp_path, monkeypatch):
    content = b'{"add": "Was it added? \xe2\x80\x9cyes\xe2\x80\x9d"}'
    answers, asked = served
    answers["/org/repo/commit/words/texts.json"] = content
    pin = own_pin(content)
    for _ in range(2):
        assert words.load(pin) == ({"add": "Was it added? “yes”"}, pin.sha256)
    assert len(asked) == 1
    assert words.cached_path(pin).suffix == ".json"
    file = tmp_path / "other.json"
    file.write_text('{"add": "Is it there?"}')
    other = hashlib.sha256(file.read_bytes()).hexdigest()
    monkeypatch.setenv("IMAGEJUDGE_OF_OTHERS_WORDS", f"{file}#{other}")
    assert words.load(pin) == ({"add": "Is it there?"}, other)


@pytest.mark.parametrize("content", [b"[1]", b"{", b'{"add": 1}', b"[" * 100_000, b"\xff"])
def test_json_of_another_shape(tmp_path, monkeypatch, content):
    file = tmp_path / "other.json"
    file.write_bytes(content)
    monkeypatch.setenv("IMAGEJUDGE_OF_OTHERS_WORDS", f"{file}#{hashlib.sha256(content).hexdigest()}")
    with pytest.raises(ConfigError, match=r"other.json(:| is not JSON)"):
        words.load(own_pin(content))


def test_words_of_another_package_say_how_to_get_them(served):
    pin = own_pin(b"{}")
    with pytest.raises(ConfigError, match=f"here, set IMAGEJUDGE_OF_OTHERS_WORDS=PATH#{pin.sha256}"):
        words.load(pin)
