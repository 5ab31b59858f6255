"""Areas that somebody drew become items, and stay items whatever is indexed again."""

import numpy as np
import pytest
import shapely
import tifffile
from outlined_slide import DISCS, glass
from PIL import Image

from georetrieve.errors import IndexLockedError, SourceError
from georetrieve.indexing import drawn_plan, pipeline
from georetrieve.indexing.add_drawn import add_drawn
from georetrieve.indexing.build import index_folder
from georetrieve.indexing.drawn_plan import plan_drawn
from georetrieve.indexing.ingest import Ingest
from georetrieve.indexing.options import IndexOptions
from georetrieve.labelling import give_labels, undo_labels
from georetrieve.search import Index, Query
from georetrieve.search.outlines import find_file
from georetrieve.sources.annotations import Annotation
from georetrieve.sources.opening import open_raster
from georetrieve.sources.options import ReadOptions
from georetrieve.sources.specimens import find_specimens
from georetrieve.stores.drawn import DrawnOutlines
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.lock import write_lock
from georetrieve.upkeep import prune_index

pytestmark = pytest.mark.usefixtures("fake_family")

KEY = ("", "slide.png")
READING = {"um_per_px": 0.5}
MISSES_ONE = {"items": "specimens", "max_um": 38.0}
"""The middle disc is 40 µm across."""


@pytest.fixture
def slides(tmp_path):
    folder = tmp_path / "slides"
    folder.mkdir()
    Image.fromarray(glass(DISCS)).save(folder / "slide.png", compress_level=1)
    return folder


@pytest.fixture
def index(slides, tmp_path):
    """Two of three discs are items."""
    place = tmp_path / "index"
    options = IndexOptions(encoder="fake", reading=READING, cutting=MISSES_ONE)
    assert index_folder(slides, place, options).items == 2
    return place


def missed(slides):
    """The middle disc, as somebody drew it: to the box that cutting would have found."""
    with open_raster(slides / "slide.png", ReadOptions(**READING)) as raster:
        found = find_specimens(raster, max_um=60)
    return drawn(*found[1].region.box)


def drawn(left, top, right, bottom, name="azolla"):
    return Annotation(shapely.box(left, top, right, bottom), name)


def rows(index):
    store = IndexStore.open(index)
    vectors = [spec.column for spec in store.manifest.encoders]
    return {row["id"]: row for row in store.scan([*store.columns, *vectors]).to_pylist()}


def only_new(index, before):
    (new,) = set(rows(index)) - set(before)
    return new


def test_an_added_item_is_what_cutting_would_have_made_of_it(slides, index, tmp_path):
    whole = tmp_path / "whole"
    everything = {"items": "specimens", "max_um": 60.0}
    index_folder(slides, whole, IndexOptions(encoder="fake", reading=READING, cutting=everything))
    before = rows(index)
    added = add_drawn(index, KEY, [missed(slides)])
    (new,) = added.ids
    assert added.labels == {new: "azolla"}
    assert added.passed_over == {}
    found, expected = rows(index)[new], rows(whole)[new]
    assert found["area_px"] == pytest.approx(expected["area_px"] * 4 / np.pi, rel=0.05)  # a box
    for name in expected.keys() - {"area_px", "area_um2"}:
        assert found[name] == expected[name], name
    assert {one: row for one, row in rows(index).items() if one != new} == before
    assert IndexStore.open(index).files()[KEY].items == 3
    hits = Index.open(index).search(Query.item(min(before)), 2).hits
    assert new in {hit.id for hit in hits}


def test_drawn_twice_is_one_item_and_what_is_said_of_it_is_told(slides, index):
    area = missed(slides)
    (new,) = add_drawn(index, KEY, [area, area]).ids
    give_labels(index, {new: "azolla"})
    version = IndexStore.open(index).version
    again = add_drawn(index, KEY, [area])
    assert (again.ids, again.labels) == ((), {})
    assert IndexStore.open(index).version == version
    other = Annotation(area.area, "massula")
    assert add_drawn(index, KEY, [other]).labels == {new: "massula"}
    assert len(rows(index)) == 3


def test_indexing_again_leaves_it_as_it_is(slides, index, monkeypatch):
    (new,) = add_drawn(index, KEY, [missed(slides)]).ids
    give_labels(index, {new: "azolla"}, how="imported")
    before = rows(index)
    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "open_raster", None)  # nothing is opened
        assert index_folder(slides, index).unchanged == 1
        (slides / "slide.png").touch()
        assert index_folder(slides, index).unchanged == 1
    IndexStore.open(index).remove_files([KEY])  # as after a run that was killed
    assert index_folder(slides, index).items == 3
    IndexStore.open(index).remove_items([KEY])
    report = index_folder(slides, index)
    assert (report.items, report.indexed) == (3, 1)
    assert any("beside them 1 drawn by hand" in remark for remark in report.remarks)
    assert rows(index) == before
    undo_labels(index)
    assert rows(index)[new]["label"] is None


def test_every_encoder_has_a_vector_of_it(slides, index, tmp_path):
    (first,) = add_drawn(index, KEY, [missed(slides)]).ids
    index_folder(slides, index, IndexOptions(encoder="fake3"))
    (second,) = add_drawn(index, KEY, [drawn(20, 300, 60, 350)]).ids
    for one in (first, second):
        assert len(rows(index)[one]["vector_fake3"]) == 28
        assert len(rows(index)[one]["vector_fake"]) == 13


def test_it_goes_with_its_file(slides, index):
    before = rows(index)
    add_drawn(index, KEY, [missed(slides)])
    give_labels(index, {only_new(index, before): "azolla"})
    (slides / "slide.png").rename(slides / "renamed.png")
    assert index_folder(slides, index).moved == 1
    (new,) = {one for one, row in rows(index).items() if row["label"] == "azolla"}
    assert new.startswith("renamed.png#")
    IndexStore.open(index).remove_items([("", "renamed.png")])
    index_folder(slides, index)
    assert rows(index)[new]["label"] == "azolla"
    (slides / "renamed.png").unlink()
    prune_index(index)
    assert rows(index) == {}
    assert DrawnOutlines(index).of(("", "renamed.png")) == []


def test_a_file_that_changed_is_cut_along_it_again_unless_its_size_did(slides, index):
    (new,) = add_drawn(index, KEY, [missed(slides)]).ids
    give_labels(index, {new: "azolla"})
    vector = rows(index)[new]["vector_fake"]
    Image.fromarray(glass(DISCS[:1])).save(slides / "slide.png", compress_level=1)
    index_folder(slides, index)
    assert rows(index)[new]["label"] == "azolla"
    assert rows(index)[new]["vector_fake"] != vector
    Image.fromarray(glass(DISCS, (620, 400))).save(slides / "slide.png", compress_level=1)
    report = index_folder(slides, index)
    assert new not in rows(index)
    assert any("0 drawn by hand (1 more drawn on an image of another" in r for r in report.remarks)


def test_a_run_that_is_cut_off_is_completed(slides, index, monkeypatch):
    areas = [missed(slides), drawn(20, 300, 60, 350), drawn(400, 20, 440, 60)]

    def killed(self, state):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Ingest, "_record", killed)  # the items are there, the ledger is not
        with pytest.raises(KeyboardInterrupt):
            add_drawn(index, KEY, areas)
    assert index_folder(slides, index).items == 5
    assert IndexStore.open(index).files()[KEY].items == 5
    again = add_drawn(index, KEY, areas)
    assert again.ids == ()
    assert len(again.labels) == 3, "they have none yet"


def test_a_folder_cut_otherwise_has_drawn_items_beside_the_others(slides, tmp_path):
    for items in ("whole", "tiles"):
        place = tmp_path / items
        cutting = {"items": items, "tile_px": 200, "min_content": 0.0}
        index_folder(slides, place, IndexOptions(encoder="fake", cutting=cutting, reading=READING))
        before = rows(place)
        (new,) = add_drawn(place, KEY, [missed(slides)]).ids
        assert rows(place)[new]["kind"] == "specimen"
        assert rows(place)[new]["group"] == "slide.png"
        assert len(rows(place)) == len(before) + 1


def test_scale_and_margin_are_those_of_the_index(slides, tmp_path):
    cutting = {**MISSES_ONE, "um_per_px": 1.0, "margin": 0.5}
    place = tmp_path / "coarse"
    index_folder(slides, place, IndexOptions(encoder="fake", cutting=cutting, reading=READING))
    (new,) = add_drawn(place, KEY, [drawn(400, 20, 440, 60)]).ids
    assert new == "slide.png#380,0,80,80"
    assert rows(place)[new]["length_um"] == 20.0


def test_what_can_be_no_item_is_told_and_the_others_go_on(slides, index, monkeypatch):
    monkeypatch.setattr(drawn_plan, "MOST_AT_ONCE", 3)
    ring = shapely.Point(300, 50).buffer(20).difference(shapely.Point(300, 50).buffer(15))
    two = shapely.union(shapely.box(200, 20, 220, 40), shapely.box(230, 20, 240, 30))
    areas = [
        drawn(-50, 0, 10, 50),
        drawn(-900, -900, -800, -800),
        drawn(10, 10, 13, 90),
        drawn(1, 1, 600, 400),
        drawn(20, 300, 60, 350, "a"),
        drawn(20, 300, 60, 350, "b"),
        Annotation(ring, "ring"),
        Annotation(two, "two"),
        drawn(500, 20, 540, 60),
        drawn(540, 20, 580, 60),
    ]
    plan = plan_drawn(IndexStore.open(index), KEY, areas)
    said = {
        "more than half outside of the image": 2,
        "narrower than 4 pixels": 1,
        "as large as the image": 1,
        "drawn twice, as different classes": 2,
        "beyond the 3 that are added at once; import again": 2,
    }
    assert plan.passed_over == said
    assert not (index / "drawn").exists(), "a plan writes nothing"
    added = add_drawn(index, KEY, areas)
    assert added.passed_over == said
    assert sorted(added.labels.values()) == ["ring", "two"]
    kept = {one.box.box: one for one in DrawnOutlines(index).of(KEY)}
    assert kept[280, 30, 320, 70].area_px == pytest.approx(np.pi * (400 - 225), rel=0.01)
    corners = {(200, 20), (220, 20), (220, 40), (200, 40)}
    assert set(kept[200, 20, 240, 40].ring) == corners, "of the larger body"


def test_an_item_that_cannot_be_encoded_is_told(slides, index, monkeypatch):
    from fakes import FakeEncoder

    monkeypatch.setattr(FakeEncoder, "encode_prepared", lambda self, batch: np.zeros((1, 13)))
    added = add_drawn(index, KEY, [missed(slides)])
    assert (added.ids, added.labels) == ((), {})
    assert added.passed_over == {"not read or not encoded": 1}
    assert len(rows(index)) == 2


def test_a_file_that_is_not_as_it_was_is_refused(slides, index):
    area = [missed(slides)]
    with pytest.raises(SourceError, match=r"has not read a file 'other\.png'"):
        add_drawn(index, ("", "other.png"), area)
    with write_lock(index, "test"), pytest.raises(IndexLockedError):
        add_drawn(index, KEY, area)
    Image.fromarray(glass(DISCS[:1])).save(slides / "slide.png", compress_level=1)
    with pytest.raises(SourceError, match=r"has changed.*georetrieve index"):
        add_drawn(index, KEY, area)
    (slides / "slide.png").unlink()
    with pytest.raises(SourceError, match="not there any more"):
        add_drawn(index, KEY, area)
    assert len(rows(index)) == 2


def test_things_on_a_slice_of_a_volume_are_items_of_that_slice(tmp_path):
    folder = tmp_path / "scans"
    folder.mkdir()
    voxels = np.random.default_rng(0).integers(0, 255, (12, 60, 80), np.uint8)
    tifffile.imwrite(folder / "core.tif", voxels, photometric="minisblack")
    place, key = tmp_path / "index", ("", "core.tif")
    index_folder(folder, place, IndexOptions(encoder="fake"))
    areas = [drawn(10, 10, 30, 40)]
    with pytest.raises(SourceError, match="name the slice"):
        add_drawn(place, key, areas)
    with pytest.raises(SourceError, match="no slice z=12"):
        add_drawn(place, key, areas, at=("z", 12))
    (new,) = add_drawn(place, key, areas, at=("z", 3)).ids
    assert new == "core.tif#z=3,8,8,24,34"
    row = rows(place)[new]
    assert (row["kind"], row["slice_index"], row["axis"]) == ("specimen", 3, "z")
    IndexStore.open(place).remove_items([key])
    index_folder(folder, place)
    assert rows(place)[new]["vector_fake"] == row["vector_fake"]


def test_a_slide_on_which_nothing_was_found_can_be_drawn_on(slides, index):
    Image.fromarray(glass(())).save(slides / "blank.png")
    key = ("", "blank.png")
    index_folder(slides, index)
    assert IndexStore.open(index).files()[key].status == "skipped"
    assert find_file(IndexStore.open(index), "blank.png") == key
    (new,) = add_drawn(index, key, [drawn(20, 30, 90, 80)]).ids
    record = IndexStore.open(index).files()[key]
    assert (record.status, record.items, record.reason) == ("done", 1, "")
    assert index_folder(slides, index).unchanged == 2
    assert new in rows(index)
