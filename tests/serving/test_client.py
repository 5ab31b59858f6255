import sys

import httpx
import numpy as np
import pytest
from fakes import FakeEncoder, fake_vector, solid
from served import png, running

from georetrieve.errors import (
    MissingExtraError,
    ServiceBusyError,
    ServiceError,
    SourceError,
    StoreError,
    UnknownFormatError,
)
from georetrieve.serving import Client
from georetrieve.serving.limits import Limits


@pytest.fixture
def client(server):
    with Client(server.url) as one:
        yield one


def test_files_bytes_and_pixels_are_embedded(client, tmp_path):
    (tmp_path / "red.png").write_bytes(png(255, 0, 0))
    images = [tmp_path / "red.png", png(0, 255, 0), solid(0, 0, 255)]
    vectors = client.embed(images)
    expected = [fake_vector(255, 0, 0), fake_vector(0, 255, 0), fake_vector(0, 0, 255)]
    np.testing.assert_array_equal(vectors, expected)
    assert vectors.dtype == np.float32


def test_many_images_go_in_several_requests(client):
    vectors = client.embed(solid(shade, 0, 0) for shade in range(40))
    np.testing.assert_array_equal(vectors, [fake_vector(shade, 0, 0) for shade in range(40)])
    assert client.embed([]).shape == (0, 13)


def test_texts_are_embedded(client):
    vectors = client.embed_texts(["white"] * 70, encoder="fake")
    np.testing.assert_array_equal(vectors, [fake_vector(255, 255, 255)] * 70)


def test_searching(client):
    assert client.search(solid(0, 0, 0), k=1)["hits"][0]["id"] == "a/black.png"
    assert client.search(text="white", k=1)["hits"][0]["id"] == "c/white.png"
    found = client.search(item="a/black.png", where="depth > 1", exclude_group=True)
    assert [hit["id"] for hit in found["hits"]] == ["b/<img src=x>.png"]


def test_health(client):
    assert client.health()["items"] == 4


def test_refusals_are_the_errors_they_would_be_here(client, tmp_path):
    with pytest.raises(UnknownFormatError, match="not an image of a known format"):
        client.embed([b"no image"])
    with pytest.raises(StoreError, match="no item 'x'"):
        client.search(item="x")
    with pytest.raises(SourceError, match="Give one thing"):
        client.search()
    with pytest.raises(ServiceError, match="Give one thing"):
        client.search(solid(0, 0, 0), item="a/black.png")
    with pytest.raises(SourceError, match=r"gone\.png cannot be read \(No such file"):
        client.embed([tmp_path / "gone.png"])


def test_a_busy_server_is_told_apart():
    with running(FakeEncoder(), limits=Limits(rate=0.1)) as server, Client(server.url) as client:
        client.embed([solid(1, 1, 1)])
        with pytest.raises(ServiceBusyError, match=r"More than 0\.1 requests"):
            client.embed([solid(1, 1, 1)])


def test_no_server():
    with Client("http://127.0.0.1:9") as client, pytest.raises(ServiceError, match="be reached"):
        client.health()


@pytest.mark.parametrize("url", ["127.0.0.1:8765", "file:///etc/passwd", "http://"])
def test_what_is_no_address(url):
    with pytest.raises(ServiceError, match="is no address of a server"):
        Client(url)


def test_another_server_is_noticed():
    with Client("http://127.0.0.1:1") as client:
        client._http.close()
        client._http = httpx.Client(
            base_url="http://127.0.0.1:1",
            transport=httpx.MockTransport(lambda request: httpx.Response(200, text="<html>")),
        )
        with pytest.raises(ServiceError, match="does not answer with vectors"):
            client.embed([png(1, 1, 1)])


def test_proxies_are_not_asked_for_this_machine(server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with Client(server.url) as client:
        assert client.health()["status"] == "ok"


def test_without_httpx_the_install_line_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'georetrieve\[serve\]'"):
        Client("http://127.0.0.1:8765")
