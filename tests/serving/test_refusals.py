"""What the server refuses, with which status; each refusal is one line of JSON."""

import io
import json
import logging
import socket
import threading
import time

import numpy as np
import pytest
from fakes import FakeEncoder
from PIL import Image
from served import GatedEncoder, line, png, running

from georetrieve.search import Index
from georetrieve.serving import protocol
from georetrieve.serving.limits import Limits

IMAGE = {"Content-Type": "image/png"}
JSON = {"Content-Type": "application/json"}


def bomb():
    buffer = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(buffer, "PNG")
    return buffer.getvalue()


def noise():
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 90).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "status", "says"),
    [
        (b"", 415, "empty"),
        (b"<html><script>alert(1)</script>", 415, "not an image of a known format"),
        (noise()[:900], 422, "truncated or damaged"),
        (bomb(), 422, "more than the 64,000,000"),
        (b"\x93NUMPY\x01\x00", 415, "not an image"),
    ],
    ids=["empty", "html", "cut", "bomb", "npy"],
)
def test_what_is_no_usable_image(server, data, status, says):
    answer = server.http.post("/embed", content=data, headers=IMAGE)
    assert says in line(answer, status)


def test_of_several_images_the_bad_one_is_named(server):
    files = [("file", ("good.png", png(1, 1, 1))), ("file", ("<b>'bad.png", b"no image"))]
    answer = server.http.post("/embed", files=files)
    assert line(answer, 415).startswith('image 2 ("<b>\'bad.png"): The input is not an image')


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("/embed", "{", 400, "no JSON"),
        ("/embed", "[1]", 400, "no object"),
        ("/embed", '{"texts": ["a"], "x": NaN}', 400, "NaN is no number"),
        ("/embed", "[" * 100_000, 400, "nested too deep"),
        ("/embed", '{"texts": []}', 422, "texts: "),
        ("/embed", '{"texts": ["white"], "model": "x"}', 422, "model: Extra inputs"),
        ("/embed", '{"texts": ["white"], "encoder": "fke"}', 404, "Did you mean 'fake'?"),
        ("/embed", json.dumps({"texts": ["a" * 10_001]}), 422, "at most 10000 characters"),
        ("/search", "{}", 422, "Give one thing to look for"),
        ("/search", '{"item": "a/black.png", "text": "white"}', 422, "Give one thing"),
        ("/search", '{"item": "nothing"}', 404, "There is no item 'nothing'"),
        ("/search", '{"item": "a/black.png", "k": 0}', 422, "k: "),
        ("/search", '{"item": "a/black.png", "k": 1e400}', 422, "k: "),
        ("/search", '{"item": "a/black.png", "k": 100000}', 422, "k: "),
        ("/search", '{"item": "a/black.png", "where": "no = 1"}', 400, "No field named"),
        (
            "/search",
            '{"item": "a/black.png", "where": "1 = 1; DROP TABLE t"}',
            400,
            "one condition",
        ),
        (
            "/search",
            '{"item": "a/black.png", "where": "length(repeat(\'a\', 4000000000)) > 1"}',
            400,
            "Function 'repeat' is not taken",
        ),
        ("/search", json.dumps({"item": "a/black.png", "where": "(" * 1990}), 400, "condition"),
    ],
)
def test_what_is_asked_wrongly(server, path, body, status, says):
    assert says in line(server.http.post(path, content=body, headers=JSON), status)


@pytest.mark.parametrize(
    "item", ["../../../etc/passwd", "/etc/passwd", "a/../a/black.png", "a\\black.png", "\0", "%2e"]
)
def test_an_item_is_an_id_and_never_a_path(server, item):
    answer = server.http.post("/search", json={"item": item})
    assert "There is no item" in line(answer, 404)


def test_a_failing_filter_tells_nothing_of_the_disks(server, index_folder):
    answer = server.http.post("/search", json={"item": "a/black.png", "where": "id = 1 +"})
    assert str(index_folder.parent) not in line(answer, 400)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_other_kinds_of_bodies(server, kind):
    answer = server.http.post("/embed", content=b"x", headers={"Content-Type": kind})
    assert "send an image as the body" in line(answer, 415)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b"--b\r\nno header\r\n"),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data\r\n\r\n"),
        ("multipart/form-data; boundary=b", b"--b--\r\n"),
    ],
)
def test_forms_that_are_none(server, kind, data):
    answer = server.http.post("/embed", content=data, headers={"Content-Type": kind})
    assert "form" in line(answer, 400)


def test_too_many_files_in_one_request(server):
    files = [("file", ("a.png", b"x"))] * 65
    assert "Maximum number of files is 64" in line(server.http.post("/embed", files=files), 400)


def test_methods_and_paths_that_are_not_there(server):
    assert line(server.http.get("/embed"), 405) == "GET /embed: Method Not Allowed."
    assert "Not Found" in line(server.http.get("/items/../../etc/passwd"), 404)


def test_an_encoder_without_text(index_folder):
    with running(FakeEncoder()) as server:
        answer = server.http.post("/embed", json={"texts": ["a"]})
        assert line(answer, 422) == "fake describes images only; it takes no text."


# --- size and time --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def narrow():
    """A server that takes 100 KiB, within 0.3 s."""
    limits = Limits(rate=0, max_mb=100 / 1024, body_seconds=0.3)
    with running(FakeEncoder(), limits=limits) as server:
        yield server


def test_a_large_body_is_refused_by_what_it_says_of_itself(narrow):
    answer = narrow.http.post("/embed", content=bytes(200_000), headers=IMAGE)
    assert "larger than the 0.0976562 MiB" in line(answer, 413)


@pytest.mark.parametrize("length", ["102401", "9" * 4000])
def test_nothing_of_it_is_waited_for(narrow, length):
    start = time.monotonic()
    head = f"POST /embed HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n"
    raw = narrow.send_raw((head + "Connection: close\r\nExpect: 100-continue\r\n\r\n").encode())
    assert raw.startswith((b"HTTP/1.1 413 ", b"HTTP/1.1 400 "))
    assert time.monotonic() - start < 5


def test_a_body_that_does_not_say_is_cut_off_when_it_is_too_large(narrow):
    sent = []

    def pieces():
        for _ in range(40):
            sent.append(10_000)
            yield bytes(10_000)

    answer = narrow.http.post("/embed", content=pieces(), headers=IMAGE)
    assert "larger than" in line(answer, 413)
    files = {"file": ("large.png", bytes(200_000))}
    assert "larger than" in line(narrow.http.post("/embed", files=files), 413)


def test_a_slow_body_is_given_up(narrow):
    head = b"POST /embed HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
    raw = narrow.send_raw(head + b"Content-Length: 1000\r\n\r\nsome")
    assert raw.startswith(b"HTTP/1.1 408 ")
    assert b'{"error": "The body took longer than 0.3 s to arrive."}\n' in raw
    form = head.replace(b"image/png", b"multipart/form-data; boundary=b")
    raw = narrow.send_raw(form + b"Content-Length: 1000\r\n\r\n--b\r\n")
    assert raw.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("start", [b"", b"POST /embed HTTP/1.1\r\nHost: local"])
def test_a_head_that_does_not_come_is_given_up(monkeypatch, start):
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    with running(FakeEncoder()) as server:
        raw = server.send_raw(start)
        # A connection that is in use is left alone.
        assert server.http.get("/healthz").status_code == 200
    assert raw.startswith(b"HTTP/1.1 408 ")
    assert b"did not arrive in time" in raw


def test_a_slow_encoder_is_no_slow_head(monkeypatch):
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    encoder = GatedEncoder()
    with running(encoder) as server:
        threading.Timer(0.6, encoder.gate.set).start()
        answer = server.http.post("/embed", content=png(1, 1, 1), headers=IMAGE)
    assert answer.status_code == 200


def test_what_is_no_http(server):
    raw = server.send_raw(b"\x16\x03\x01 hello\r\n\r\n")
    assert raw.startswith(b"HTTP/1.1 400 ")
    assert raw.endswith(b'{"error": "Invalid HTTP request received."}\n')


def metrics(server):
    return server.http.get("/metrics").text.splitlines()


def eventually(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_bodies_in_memory_are_bounded():
    limits = Limits(rate=0, max_mb=1, bodies_mb=1)
    with running(FakeEncoder(), limits=limits) as server:
        head = b"POST /embed HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
        with socket.create_connection(server.place, timeout=10) as slow:
            slow.sendall(head + b"Content-Length: 1000000\r\n\r\n" + bytes(900_000))
            eventually(lambda: "georetrieve_body_bytes 900000.0" in metrics(server))
            answer = server.http.post("/embed", content=bytes(400_000), headers=IMAGE)
        assert line(answer, 503) == "Too many large requests at once."
        assert answer.headers["retry-after"] == "1"
        # What the slow one held is let go with it.
        eventually(lambda: "georetrieve_body_bytes 0.0" in metrics(server))


# --- who asks, and how often ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil", "", "["]
)
def test_other_hosts_are_refused(server, host):
    answer = server.http.get("/healthz", headers={"Host": host})
    assert "is not served here" in line(answer, 400)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9", "127.0.0.1:1", "[::1]:8765"])
def test_addresses_and_localhost_are_served(server, host):
    assert server.http.get("/healthz", headers={"Host": host}).status_code == 200


def test_hosts_may_be_added():
    with running(FakeEncoder(), limits=Limits(hosts=("Core-Store.example",))) as server:
        answer = server.http.get("/healthz", headers={"Host": "core-store.EXAMPLE:8765"})
        assert answer.status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
def test_pages_of_others_may_not_ask(server, origin):
    answer = server.http.post("/embed", headers={"Origin": origin})
    assert "may not ask" in line(answer, 403)


def test_own_pages_may(server):
    answer = server.http.get("/healthz", headers={"Origin": server.url})
    assert answer.status_code == 200


def test_who_asks_too_often_is_told_when_to_come_again():
    with running(FakeEncoder(), limits=Limits(rate=0.5)) as server:
        answers = [
            # A header does not make another client of it.
            server.http.post("/embed", headers={"X-Forwarded-For": f"10.0.0.{number}"})
            for number in range(3)
        ]
        assert [answer.status_code for answer in answers] == [415, 429, 429]
        assert "More than 0.5 requests a second" in line(answers[1], 429)
        assert answers[1].headers["retry-after"] == "2"
        assert server.http.get("/healthz").status_code == 200  # monitors may ask


def test_when_too_much_waits_the_server_says_so():
    encoder = GatedEncoder()
    with running(encoder, max_waiting=1) as server:
        first = []
        thread = threading.Thread(
            target=lambda: first.append(
                server.http.post("/embed", content=png(1, 1, 1), headers=IMAGE)
            )
        )
        thread.start()
        assert encoder.entered.wait(10)
        answer = server.http.post("/embed", content=png(2, 2, 2), headers=IMAGE)
        assert "are waiting to be encoded" in line(answer, 503)
        assert answer.headers["retry-after"] == "1"
        encoder.gate.set()
        thread.join(10)
    assert first[0].status_code == 200


def test_too_many_requests_at_once():
    encoder = GatedEncoder()
    with running(encoder, limits=Limits(rate=0, requests=1)) as server:
        thread = threading.Thread(
            target=lambda: server.http.post("/embed", content=png(1, 1, 1), headers=IMAGE)
        )
        thread.start()
        assert encoder.entered.wait(10)
        answer = server.http.post("/embed", content=png(2, 2, 2), headers=IMAGE)
        assert line(answer, 503) == "Too many requests at once."
        encoder.gate.set()
        thread.join(10)


def test_what_is_being_answered_is_finished_when_the_server_ends():
    encoder = GatedEncoder()
    with running(encoder) as server:
        answers = []
        thread = threading.Thread(
            target=lambda: answers.append(
                server.http.post("/embed", content=png(1, 1, 1), headers=IMAGE)
            )
        )
        thread.start()
        assert encoder.entered.wait(10)
        server.server.should_exit = True
        eventually(lambda: not server.listens())
        encoder.gate.set()
        thread.join(10)
    assert answers[0].status_code == 200


# --- what goes wrong here -------------------------------------------------------------------------


def test_a_failing_encoder_is_our_fault():
    class Broken(FakeEncoder):
        def encode_prepared(self, batch):
            raise RuntimeError("no memory left")

    with running(Broken()) as server:
        answer = server.http.post("/embed", content=png(1, 1, 1), headers=IMAGE)
        assert line(answer, 500) == "The encoder failed on a batch of 1: no memory left"


def test_a_bug_is_logged_and_not_shown(index_folder, caplog, monkeypatch):
    with Index.open(index_folder) as index, running(index=index) as server:
        monkeypatch.setattr(Index, "search", lambda *args, **kwargs: 1 / 0)
        with caplog.at_level(logging.ERROR):
            answer = server.http.post("/search", json={"item": "a/black.png"})
        assert line(answer, 500) == "The server failed; its log says how."
        assert server.http.get("/healthz").status_code == 200
    assert "ZeroDivisionError" in caplog.text


def test_vectors_never_hold_what_json_lacks(server):
    vectors = server.http.post("/embed", content=png(9, 9, 9), headers=IMAGE).json()["vectors"]
    assert np.isfinite(vectors).all()
