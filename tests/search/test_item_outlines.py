"""Outlines of the items of a file: boxes, traces, and what is kept of them."""

import numpy as np
import pytest
import shapely
from outlined_slide import DISCS, glass, outlined_index
from PIL import Image

from georetrieve.errors import SourceError, StoreError
from georetrieve.search.outlines import find_file, slide_outlines
from georetrieve.search.tracing import CACHE_FOLDER
from georetrieve.stores.drawn import DrawnOutline, DrawnOutlines
from georetrieve.types import Item, Region


@pytest.fixture
def store(tmp_path):
    return outlined_index(tmp_path)


def traced(store):
    return slide_outlines(store, "", "slide.png", trace=True)


@pytest.fixture
def readings(monkeypatch):
    """Counts how often a slide is traced."""
    from georetrieve.search import tracing

    calls = []
    trace = tracing.trace_specimens

    def counted(*args, **kwargs):
        calls.append(1)
        return trace(*args, **kwargs)

    monkeypatch.setattr(tracing, "trace_specimens", counted)
    return calls


def test_boxes_need_no_slide(store, tmp_path):
    (tmp_path / "slides" / "slide.png").unlink()
    found = slide_outlines(store, "", "slide.png")
    assert [one.label for one in found] == ["azolla", None, "pyrite"]
    assert [one.predicted for one in found] == [None, "azolla", "azolla"]
    first = found[0]
    left, top, right, bottom = first.region.box
    assert first.rings == (((left, top), (right, top), (right, bottom), (left, bottom)),)
    assert first.id == f"slide.png#{first.region}"
    assert not first.traced
    assert first.measures == {"Area µm^2": 707.5}
    with pytest.raises(SourceError, match="is not there any more"):
        traced(store)


def test_specimens_are_traced_and_found_by_their_boxes(store):
    for one, (x, y, radius) in zip(traced(store), DISCS, strict=True):
        outline = shapely.Polygon(one.rings[0])
        disc = shapely.Point(x, y).buffer(radius)
        assert one.traced
        assert outline.intersection(disc).area / outline.union(disc).area > 0.9


def test_a_specimen_that_is_not_found_again_keeps_its_box(store):
    region = Region(400, 20, 40, 40)
    store.add_items([Item(path="slide.png", kind="specimen", region=region)], {})
    found = {one.region: one for one in traced(store)}
    assert not found[region].traced
    assert found[region].rings == (((400, 20), (440, 20), (440, 60), (400, 60)),)
    assert sum(one.traced for one in found.values()) == len(DISCS)


def test_what_was_drawn_keeps_its_outline_traced_or_not(store, readings):
    box = Region(400, 20, 50, 50)
    ring = ((400.0, 20.0), (450.0, 45.0), (400.0, 70.0))
    DrawnOutlines(store.path).add(("", "slide.png"), [DrawnOutline(box, 1250, ring, (600, 400))])
    region = Region(397, 17, 56, 56)  # with the margin of 6 %
    store.add_items([Item(path="slide.png", kind="specimen", region=region)], {})
    for trace in (False, True):
        found = {one.region: one for one in slide_outlines(store, "", "slide.png", trace=trace)}
        assert (found[region].rings, found[region].traced) == ((ring,), True)
        assert sum(one.traced for one in found.values()) == 1 + trace * len(DISCS)
    store.remove_ids([one.id for one in found.values() if one.region != region])
    readings.clear()
    assert len(traced(store)) == 1
    assert readings == [], "where all was drawn nothing is looked for on the slide"


def test_what_was_traced_is_kept(store, readings):
    first = traced(store)
    assert traced(store) == first
    assert len(readings) == 1
    (kept,) = (store.path / CACHE_FOLDER).iterdir()
    for damage in (b"", kept.read_bytes()[:-5], b"\x08\0\0\0\0\0\0\0{}      "):
        kept.write_bytes(damage)
        assert traced(store) == first
    assert len(readings) == 4


def test_a_slide_that_changed_is_traced_anew(store, readings, tmp_path):
    traced(store)
    Image.fromarray(glass(DISCS[:1])).save(tmp_path / "slides" / "slide.png")
    assert [one.traced for one in traced(store)] == [True, False, False]
    assert len(readings) == 2
    assert len(list((store.path / CACHE_FOLDER).iterdir())) == 1, "the old ones are of no use"


def test_a_folder_that_cannot_be_written_is_traced_every_time(store, readings):
    (store.path / "cache").write_text("a file where the folder would be")
    assert traced(store) == traced(store)
    assert len(readings) == 2


def test_whole_images_and_slices_are_their_boxes(store, tmp_path):
    Image.fromarray(np.zeros((30, 50, 3), np.uint8)).save(tmp_path / "slides" / "crop.png")
    slices = [Region(0, 0, 8, 8, number, "z") for number in range(2)]
    store.add_items(
        [
            Item(path="crop.png", kind="image"),
            *(Item(path="ct.tif", kind="slice", region=one) for one in slices),
        ],
        {},
    )
    (whole,) = slide_outlines(store, "", "crop.png", trace=True)
    assert (whole.id, whole.region, whole.traced) == ("crop.png", Region(0, 0, 50, 30), False)
    (one,) = slide_outlines(store, "", "ct.tif", slice_index=1, axis="z")
    assert one.region == slices[1]
    assert slide_outlines(store, "", "ct.tif", slice_index=1, axis="x") == []
    (tmp_path / "slides" / "crop.png").unlink()
    with pytest.raises(SourceError, match="is not there any more"):
        slide_outlines(store, "", "crop.png")


def test_files_are_found_by_path_or_by_name(store):
    more = [("a/x.png", ""), ("b/x.png", ""), ("c/y.png", ""), ("slide.png", "two")]
    store.add_items([Item(path=path, source=source, kind="image") for path, source in more], {})
    assert find_file(store, "slide.png") == ("", "slide.png")
    assert find_file(store, "two:slide.png") == ("two", "slide.png")
    assert find_file(store, "y.png") == ("", "c/y.png")
    with pytest.raises(StoreError, match=r"may be any of a/x\.png, b/x\.png"):
        find_file(store, "x.png")
    with pytest.raises(StoreError, match=r"has not read a file 'slid\.png'.*Did you mean"):
        find_file(store, "slid.png")
