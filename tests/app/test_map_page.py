"""The page of the map, without a browser."""

import shutil
from dataclasses import replace

import pytest

from app.components.points import MOST_CORNERS, _seen
from georetrieve.probes.item_map import job as jobs
from georetrieve.probes.item_map.job import find_map_job
from georetrieve.probes.item_map.kept import keep_map, kept_map
from georetrieve.probes.item_map.layout import MapOptions
from georetrieve.probes.item_map.making import make_map
from georetrieve.search import Index


@pytest.fixture(scope="module")
def mapped(sample_slides, tmp_path_factory):
    """The sample index with a map."""
    place = tmp_path_factory.mktemp("mapped") / "samples"
    shutil.copytree(sample_slides, place)
    make_map(Index.open(place), options=MapOptions(perplexity=5))
    return place


def test_map_and_what_it_cannot_say(page_test, mapped):
    page = page_test("item_map", mapped)
    assert not page.exception
    assert not page.error
    captions = " ".join(caption.value for caption in page.caption)
    assert "of near neighbours are kept near" in captions
    assert "distances between far groups mean little" in captions
    assert page.selectbox(key="map_by").value == "label"


def test_colour_by_a_number_and_a_filter_from_the_url(page_test, mapped):
    page = page_test("item_map", mapped, map_by="width", where="kind = 'specimen'")
    assert not page.exception
    assert page.selectbox(key="map_by").value == "width"


@pytest.mark.parametrize(
    ("parameters", "said"),
    [({"where": "no_such = 1"}, "no\\_such"), ({"map_by": "../etc/passwd"}, "")],
)
def test_what_a_url_cannot_ask_for(page_test, mapped, parameters, said):
    page = page_test("item_map", mapped, **parameters)
    assert not page.exception
    assert said in " ".join(error.value for error in page.error)


def test_items_that_came_later_are_said_and_added(page_test, mapped, tmp_path, monkeypatch):
    place = shutil.copytree(mapped, tmp_path / "samples")
    index = Index.open(place)
    spec = index.manifest.encoders[0]
    made = kept_map(index.store, spec)
    keep_map(index.store, spec, replace(made, items=made.items.slice(5)))
    page = page_test("item_map", place)
    assert "5 items of the index are not on this map yet" in " ".join(
        caption.value for caption in page.caption
    )
    started = []
    monkeypatch.setattr("app.map_making.start_map", lambda *_, **named: started.append(named))
    next(button for button in page.button if button.label == "Add them").click().run()
    assert started == [{"again": False}]


def test_a_map_is_begun_shown_and_ended(page_test, own_slides, monkeypatch):
    real = jobs.subprocess.Popen

    def start(words, **named):
        return real([words[0], "-c", "import time; time.sleep(60)"], **named)

    monkeypatch.setattr(jobs.subprocess, "Popen", start)
    page = page_test("item_map", own_slides)
    assert not page.exception
    assert page.button[-1].label == "Cancel"
    job = find_map_job(Index.open(own_slides))
    assert job.running
    page.button[-1].click().run()
    assert not job.running
    assert page.button[-1].label == "Make the map"  # and it is not begun again unasked
    assert find_map_job(Index.open(own_slides)) is None


def test_a_failure_is_one_sentence(page_test, own_slides, monkeypatch):
    real = jobs.subprocess.Popen

    def start(words, **named):
        return real([words[0], "-c", "raise MemoryError('**too large**')"], **named)

    monkeypatch.setattr(jobs.subprocess, "Popen", start)
    page_test("item_map", own_slides)
    job = find_map_job(Index.open(own_slides))
    while job is not None and job.running:
        pass
    page = page_test("item_map", own_slides)
    assert not page.exception
    (error,) = page.error
    assert error.value.startswith("The map was not made")
    assert "\\*\\*too large\\*\\*" in error.value
    assert page.button[-1].label == "Make the map"
    find_map_job(Index.open(own_slides)).forget()


SQUARE = [[0, 0], [1, 0], [1, 1]]


def test_a_line_as_the_browser_says_it():
    seen = _seen({"ring": SQUARE, "add": True, "off": [3, -1]})
    assert seen.ring.corners == ((0, 0), (1, 0), (1, 1))
    assert (seen.ring.add, seen.ring.off, seen.open) == (True, {3, -1}, None)
    assert _seen({"open": "a.png"}).open == "a.png"
    assert _seen({"lost": True}).lost


@pytest.mark.parametrize(
    "said",
    [
        {"ring": "everything"},
        {"ring": SQUARE[:2]},
        {"ring": [[0, 0], [1, 0], [1, float("nan")]]},
        {"ring": [[0, 0], [1, 0], [1, "x"]]},
        {"ring": [[0, 0]] * (MOST_CORNERS + 1)},
        {"ring": SQUARE, "off": ["label"]},
        {"ring": SQUARE, "off": list(range(5000))},
        {"ring": {"a": 1}},
        {"open": ["../secret"]},
    ],
)
def test_what_cannot_be_true_is_left_out(said):
    seen = _seen(said)
    assert (seen.ring, seen.open) == (None, None)
