"""What the server answers to what is in order."""

import io
import json
import threading
import time

import httpx
import numpy as np
import pytest
from fakes import fake_vector
from served import line, png, running

from georetrieve.errors import ServiceError
from georetrieve.serving.app import make_app


def post(server, path, **content):
    return server.http.post(path, **content)


def test_an_image_is_embedded(server):
    answer = post(server, "/embed", content=png(51, 0, 255), headers={"Content-Type": "image/png"})
    assert answer.status_code == 200
    values = answer.json()
    assert values["encoder"] == "fake"
    assert values["dim"] == 13
    assert len(values["fingerprint"]) == 16
    # JSON keeps every bit of a float32.
    assert np.array_equal(np.float32(values["vectors"]), [fake_vector(51, 0, 255)])


def test_several_images_are_embedded_in_their_order(server):
    files = [("file", (f"{shade}.png", png(shade, 0, 0))) for shade in range(20)]
    vectors = post(server, "/embed", files=files).json()["vectors"]
    expected = np.stack([fake_vector(shade, 0, 0) for shade in range(20)])
    assert np.array_equal(np.float32(vectors), expected)


@pytest.mark.parametrize("accepted", ["application/x-npy", "application/octet-stream;q=0.9, */*"])
def test_vectors_come_as_npy_where_that_is_asked_for(server, accepted):
    headers = {"Content-Type": "application/octet-stream", "Accept": accepted}
    answer = post(server, "/embed", content=png(255, 0, 0), headers=headers)
    assert answer.headers["content-type"] == "application/x-npy"
    assert answer.headers["x-encoder"] == "fake"
    vectors = np.load(io.BytesIO(answer.content), allow_pickle=False)
    assert vectors.dtype == np.float32
    assert np.array_equal(vectors, [fake_vector(255, 0, 0)])


def test_texts_are_embedded(server):
    values = post(server, "/embed", json={"texts": ["white", "black"], "encoder": "fake"}).json()
    assert np.array_equal(values["vectors"], [fake_vector(255, 255, 255), fake_vector(0, 0, 0)])


def test_search_by_image_item_and_text_agree(server):
    by_item = post(server, "/search", json={"item": "a/black.png", "k": 3}).json()
    assert [hit["id"] for hit in by_item["hits"]] == [
        "a/dark.png",
        "b/<img src=x>.png",
        "c/white.png",
    ]
    # Four cells of (51, 51, 51) / 255: 2 * sqrt(3) * 0.2
    assert by_item["hits"][0]["distance"] == pytest.approx(0.69282, abs=1e-5)
    by_image = post(server, "/search?k=4", files={"file": png(0, 0, 0)}).json()
    by_text = post(server, "/search", json={"text": "black", "k": 4}).json()
    for found in (by_image, by_text):
        assert found["hits"][0]["id"] == "a/black.png"
        assert [hit["id"] for hit in found["hits"][1:]] == [hit["id"] for hit in by_item["hits"]]
    assert by_image["query"] == "image"
    assert by_text["query"] == "black"
    assert by_item["metric"] == "euclidean"


def test_search_heeds_its_conditions(server):
    asked = {"item": "a/black.png", "where": "depth >= 3000 OR `group` IS NULL"}
    hits = post(server, "/search", json=asked).json()["hits"]
    assert [hit["id"] for hit in hits] == ["b/<img src=x>.png", "c/white.png"]
    hits = post(server, "/search", json={"item": "a/black.png", "exclude_group": True}).json()
    assert "a/dark.png" not in [hit["id"] for hit in hits["hits"]]
    form = {"k": "2", "where": "lower(`group`) = 'slide 2'"}
    found = post(server, "/search", files={"file": png(0, 0, 0)}, data=form).json()
    assert [hit["id"] for hit in found["hits"]] == ["b/<img src=x>.png"]


def test_hits_name_no_place_on_the_servers_disks(server, index_folder):
    answer = post(server, "/search", json={"item": "a/black.png"})
    assert answer.json()["index"] == "my index"
    assert all("file" not in hit for hit in answer.json()["hits"])
    assert "secret place" not in answer.text
    assert str(index_folder.parent) not in answer.text


def test_numbers_without_a_word_in_json_become_null(server):
    answer = post(server, "/search", json={"item": "a/black.png"})
    hits = json.loads(answer.text, parse_constant=pytest.fail)["hits"]
    assert {hit["id"]: hit["depth"] for hit in hits}["a/dark.png"] is None


def test_html_in_names_stays_text(server):
    answer = post(server, "/search", json={"item": "a/black.png"})
    assert "<img src=x>" in answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_health_says_what_is_served(server):
    values = server.http.get("/healthz").json()
    assert values["status"] == "ok"
    assert values["index"] == "my index"
    assert values["items"] == 4
    assert [one["name"] for one in values["encoders"]] == ["fake"]
    assert values["encoders"][0]["texts"] is True


def test_metrics_count_requests_and_vectors():
    with running() as server:
        for _ in range(3):
            server.http.post("/embed", content=png(1, 2, 3), headers={"Content-Type": "image/png"})
        server.http.get("/no/such/page")
        text = server.http.get("/metrics").text
    lines = text.splitlines()
    assert 'georetrieve_requests_total{route="/embed",status="200"} 3.0' in lines
    assert 'georetrieve_requests_total{route="other",status="404"} 1.0' in lines
    assert 'georetrieve_vectors_total{encoder="fake"} 3.0' in lines
    assert 'georetrieve_cache_hits_total{encoder="fake"} 2.0' in lines
    assert 'georetrieve_waiting{encoder="fake"} 0.0' in lines
    assert "no/such" not in text  # what strangers type makes no new series


def test_the_description_loads_nothing_from_elsewhere(server):
    page = server.http.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "<script" not in page.text
    assert page.text.count("://") == page.text.count(server.url.partition(":")[0] + "://127.0.0.1")
    for path in ("/embed", "/search", "/healthz", "/metrics"):
        assert f"<code>POST {path}" in page.text or f"<code>GET {path}" in page.text
    openapi = server.http.get("/openapi.json").json()
    assert set(openapi["paths"]["/embed"]["post"]["responses"]) >= {"200", "413", "415", "429"}
    assert "image/*" in openapi["paths"]["/search"]["post"]["requestBody"]["content"]


def test_without_an_index_there_is_no_search():
    with running() as server:
        answer = server.http.post("/search", json={"item": "a"})
        assert line(answer, 404) == "POST /search: Not Found."
        assert server.http.get("/healthz").json()["index"] is None


def test_without_an_encoder_there_is_no_server():
    with pytest.raises(ServiceError, match="No encoder"):
        make_app({})


def test_sixteen_clients_get_their_own_vectors_and_no_error(server):
    end = time.monotonic() + 1.5
    wrong, done = [], []

    def client(number):
        with httpx.Client(base_url=server.url, trust_env=False, timeout=20) as http:
            step = 0
            while time.monotonic() < end:
                step += 1
                colour = (number, step % 50, 0)
                answer = http.post(
                    "/embed", content=png(*colour), headers={"Content-Type": "image/png"}
                )
                if answer.status_code != 200 or not np.array_equal(
                    np.float32(answer.json()["vectors"][0]), fake_vector(*colour)
                ):
                    wrong.append((colour, answer.text))
            done.append(step)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert wrong == []
    assert len(done) == 16
