"""An index follows its folder: new, unchanged, moved, changed, deleted and unreadable files."""

import shutil

import numpy as np
import pytest
from fakes import fake_vector, solid

from georetrieve.errors import SourceError, StoreError
from georetrieve.indexing import pipeline
from georetrieve.indexing.build import index_folder
from georetrieve.indexing.options import IndexOptions
from georetrieve.stores.lance import IndexStore
from georetrieve.upkeep import describe, prune_index

pytestmark = pytest.mark.usefixtures("fake_family")

FAKE = IndexOptions(encoder="fake", labels="folder")
COLOURS = {
    "spores/red.png": (255, 0, 0),
    "spores/green.png": (0, 255, 0),
    "pollen/blue.png": (0, 0, 255),
}


@pytest.fixture
def slides(tmp_path):
    folder = tmp_path / "slides"
    for name, colour in COLOURS.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        solid(*colour).save(path)
    return folder


@pytest.fixture
def never_open(monkeypatch):
    """Call it, and from then on opening a file fails the test."""

    def refuse(*args, **kwargs):
        raise AssertionError(f"opened {args}")

    return lambda: monkeypatch.setattr(pipeline, "open_raster", refuse)


def rows(index):
    store = IndexStore.open(index)
    vectors = [spec.column for spec in store.manifest.encoders]
    table = store.scan([*store.columns, *vectors])
    return {row["id"]: row for row in table.to_pylist()}


def ledger(index):
    return {record.path: record for record in IndexStore.open(index).files().values()}


def test_a_new_index_holds_every_image_with_label_vector_and_thumbnail(slides, tmp_path):
    report = index_folder(slides, tmp_path / "index", FAKE)
    assert (report.items, report.labels, report.indexed, report.encoded) == (3, 2, 3, 3)
    found = rows(tmp_path / "index")
    assert set(found) == set(COLOURS)
    for name, colour in COLOURS.items():
        row = found[name]
        assert row["label"] == name.split("/")[0]
        assert row["kind"] == "image"
        assert row["thumbnail"][8:12] == b"WEBP"
        np.testing.assert_allclose(row["vector_fake"], fake_vector(*colour), atol=1e-6)
    records = ledger(tmp_path / "index")
    assert {record.status for record in records.values()} == {"done"}
    assert all(record.items == 1 and record.content_hash for record in records.values())


def test_an_unchanged_folder_is_not_opened_again(slides, tmp_path, never_open):
    index_folder(slides, tmp_path / "index", FAKE)
    never_open()
    report = index_folder(slides, tmp_path / "index")
    assert (report.unchanged, report.indexed, report.encoded) == (3, 0, 0)


def test_a_touched_file_with_the_same_content_is_not_opened(slides, tmp_path, never_open):
    index_folder(slides, tmp_path / "index", FAKE)
    (slides / "spores/red.png").touch()
    never_open()
    assert index_folder(slides, tmp_path / "index").unchanged == 3


def test_a_new_file_is_added_and_the_others_left(slides, tmp_path):
    index_folder(slides, tmp_path / "index", FAKE)
    solid(9, 9, 9).save(slides / "pollen/grey.png")
    report = index_folder(slides, tmp_path / "index")
    assert (report.items, report.indexed, report.unchanged) == (4, 1, 3)


def test_a_changed_file_replaces_its_items(slides, tmp_path):
    index_folder(slides, tmp_path / "index", FAKE)
    solid(255, 255, 0, size=(9, 9)).save(slides / "spores/red.png")
    report = index_folder(slides, tmp_path / "index")
    assert (report.items, report.indexed) == (3, 1)
    vector = rows(tmp_path / "index")["spores/red.png"]["vector_fake"]
    np.testing.assert_allclose(vector, fake_vector(255, 255, 0), atol=1e-6)


def test_renamed_folders_keep_their_vectors_and_take_their_new_label(slides, tmp_path, never_open):
    index_folder(slides, tmp_path / "index", FAKE)
    (slides / "spores").rename(slides / "acritarchs")
    never_open()
    report = index_folder(slides, tmp_path / "index")
    assert (report.moved, report.encoded, report.missing, report.items) == (2, 0, 0, 3)
    found = rows(tmp_path / "index")
    assert set(found) == {"acritarchs/red.png", "acritarchs/green.png", "pollen/blue.png"}
    assert found["acritarchs/red.png"]["label"] == "acritarchs"
    np.testing.assert_allclose(
        found["acritarchs/red.png"]["vector_fake"], fake_vector(255, 0, 0), atol=1e-6
    )
    assert set(ledger(tmp_path / "index")) == set(found)


def test_a_renamed_source_folder_keeps_everything(slides, tmp_path, never_open):
    index_folder(slides, tmp_path / "index", FAKE)
    moved = slides.rename(tmp_path / "elsewhere")
    never_open()
    report = index_folder(moved, tmp_path / "index")
    assert (report.unchanged, report.encoded, report.items) == (3, 0, 3)
    assert IndexStore.open(tmp_path / "index").manifest.sources[0].root == str(moved)


def test_a_second_source_folder_keeps_its_ids_apart(slides, tmp_path):
    index_folder(slides, tmp_path / "index", FAKE)
    other = tmp_path / "other"
    shutil.copytree(slides, other)
    report = index_folder(other, tmp_path / "index", FAKE)
    assert report.items == 6
    assert {"spores/red.png", "other:spores/red.png"} <= set(rows(tmp_path / "index"))


def test_a_deleted_file_stays_until_it_is_pruned(slides, tmp_path):
    index_folder(slides, tmp_path / "index", FAKE)
    (slides / "pollen/blue.png").unlink()
    report = index_folder(slides, tmp_path / "index")
    assert (report.missing, report.items) == (1, 3)
    assert prune_index(tmp_path / "index", dry_run=True).files == ["pollen/blue.png"]
    assert len(rows(tmp_path / "index")) == 3
    assert prune_index(tmp_path / "index").items == 1
    assert set(rows(tmp_path / "index")) == {"spores/red.png", "spores/green.png"}
    assert index_folder(slides, tmp_path / "index").missing == 0


def test_pruning_leaves_the_files_of_a_folder_that_is_not_mounted(slides, tmp_path):
    index_folder(slides, tmp_path / "index", FAKE)
    slides.rename(tmp_path / "unplugged")
    report = prune_index(tmp_path / "index")
    assert (report.files, report.skipped) == ([], [str(slides)])
    assert len(prune_index(tmp_path / "index", gone_too=True).files) == 3


def test_a_broken_file_is_recorded_and_the_rest_goes_on(slides, tmp_path, never_open):
    whole = (slides / "spores/red.png").read_bytes()
    (slides / "spores/cut.png").write_bytes(whole[: len(whole) // 2])
    report = index_folder(slides, tmp_path / "index", FAKE)
    assert report.items == 3
    assert [path for path, _ in report.failed] == ["spores/cut.png"]
    record = ledger(tmp_path / "index")["spores/cut.png"]
    assert (record.status, record.items, record.attempts) == ("failed", 0, 1)
    assert record.reason
    assert "\n" not in record.reason
    never_open()
    again = index_folder(slides, tmp_path / "index")
    assert (again.unchanged, len(again.failed)) == (4, 1)


def test_a_failed_file_is_tried_again_when_asked_or_when_mended(slides, tmp_path):
    broken = slides / "spores/cut.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n nothing more")
    index_folder(slides, tmp_path / "index", FAKE)
    index_folder(slides, tmp_path / "index", IndexOptions(retry=True))
    assert ledger(tmp_path / "index")["spores/cut.png"].attempts == 2
    solid(1, 2, 3).save(broken)
    report = index_folder(slides, tmp_path / "index")
    assert (report.items, report.failed) == (4, [])


def test_zero_and_nan_vectors_are_never_stored(slides, tmp_path, monkeypatch):
    from fakes import FakeEncoder

    honest = FakeEncoder.encode_prepared

    def lie(self, batch):
        vectors = honest(self, batch)
        vectors[vectors[:, 0] > 0.9] = 0  # the red image
        vectors[vectors[:, 1] > 0.9] = np.nan  # the green one
        return vectors

    monkeypatch.setattr(FakeEncoder, "encode_prepared", lie)
    report = index_folder(slides, tmp_path / "index", FAKE)
    assert set(rows(tmp_path / "index")) == {"pollen/blue.png"}
    assert [path for path, _ in report.failed] == ["spores/green.png", "spores/red.png"]
    assert all("non-finite" in reason for _, reason in report.failed)


def test_new_labels_need_no_reading(slides, tmp_path, never_open):
    index_folder(slides, tmp_path / "index", FAKE)
    table = tmp_path / "labels.csv"
    table.write_text("path,label,depth\nspores/red.png,Wetzeliella,2113.5\n")
    never_open()
    report = index_folder(slides, tmp_path / "index", IndexOptions(labels=str(table)))
    assert report.relabelled == 3
    found = rows(tmp_path / "index")
    assert (found["spores/red.png"]["label"], found["spores/red.png"]["depth"]) == (
        "Wetzeliella",
        2113.5,
    )
    assert found["pollen/blue.png"]["label"] is None
    table.write_text("path,label,depth\nspores/red.png,Deflandrea,2113.5\n")
    assert index_folder(slides, tmp_path / "index").relabelled == 1
    assert rows(tmp_path / "index")["spores/red.png"]["label"] == "Deflandrea"


def test_a_second_encoder_adds_a_column_and_new_files_get_both(slides, tmp_path):
    index_folder(slides, tmp_path / "index", FAKE)
    report = index_folder(slides, tmp_path / "index", IndexOptions(encoder="fake3"))
    assert (report.items, report.encoded) == (3, 3)
    solid(7, 7, 7).save(slides / "pollen/new.png")
    index_folder(slides, tmp_path / "index")
    for row in rows(tmp_path / "index").values():
        assert len(row["vector_fake"]) == 13
        assert len(row["vector_fake3"]) == 28
    facts = describe(tmp_path / "index")
    assert [encoder["items"] for encoder in facts.encoders] == [4, 4]


def test_an_item_whose_file_is_gone_stays_without_the_second_vector(slides, tmp_path):
    index_folder(slides, tmp_path / "index", FAKE)
    (slides / "spores/red.png").unlink()
    report = index_folder(slides, tmp_path / "index", IndexOptions(encoder="fake3"))
    assert report.encoded == 2
    assert any("1 items have no fake3 vector" in remark for remark in report.remarks)
    assert rows(tmp_path / "index")["spores/red.png"]["vector_fake3"] is None


def test_the_adapted_encoder_is_the_indexs_own(slides, tmp_path):
    solid(128, 128, 128).save(slides / "pollen/grey.png")
    options = IndexOptions(encoder="fake-adaptable")
    report = index_folder(slides, tmp_path / "index", options)
    assert any("adapted, without labels, to 4" in remark for remark in report.remarks)
    spec = IndexStore.open(tmp_path / "index").manifest.encoders[0]
    assert spec.adapted
    solid(255, 255, 255).save(slides / "pollen/white.png")
    index_folder(slides, tmp_path / "index")
    mean = np.mean(
        [fake_vector(*colour) for colour in [*COLOURS.values(), (128, 128, 128)]], axis=0
    )
    mean[-1] = 0
    vector = rows(tmp_path / "index")["pollen/white.png"]["vector_fake_adaptable"]
    np.testing.assert_allclose(vector, fake_vector(255, 255, 255) - mean, atol=1e-6)


def test_too_few_images_and_no_adapt_keep_the_shipped_encoder(slides, tmp_path):
    options = IndexOptions(encoder="fake-adaptable")
    report = index_folder(slides, tmp_path / "few", options)
    assert any("too few" in remark for remark in report.remarks)
    solid(128, 128, 128).save(slides / "pollen/grey.png")
    index_folder(slides, tmp_path / "kept", IndexOptions(encoder="fake-adaptable", adapt=False))
    for name in ("few", "kept"):
        assert not IndexStore.open(tmp_path / name).manifest.encoders[0].adapted


def test_an_index_is_cut_and_read_in_one_way(slides, tmp_path):
    index_folder(slides, tmp_path / "index", FAKE)
    with pytest.raises(StoreError, match=r"cut otherwise.*tile_px is 512 there, 99 was asked"):
        index_folder(slides, tmp_path / "index", IndexOptions(cutting={"tile_px": 99}))
    with pytest.raises(StoreError, match="read otherwise"):
        index_folder(slides, tmp_path / "index", IndexOptions(reading={"um_per_px": 2.0}))


def test_a_folder_without_images_or_that_is_not_there_is_an_error(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty/notes.txt").write_text("nothing to see")
    with pytest.raises(SourceError, match=r"no image.*1 other file"):
        index_folder(tmp_path / "empty", tmp_path / "index", FAKE)
    with pytest.raises(SourceError, match="does not exist"):
        index_folder(tmp_path / "nowhere", tmp_path / "index2", FAKE)
    assert not (tmp_path / "index2").exists()


def test_a_single_file_is_a_source(slides, tmp_path):
    report = index_folder(
        slides / "spores/red.png", tmp_path / "index", IndexOptions(encoder="fake")
    )
    assert report.items == 1
    assert list(rows(tmp_path / "index")) == ["red.png"]


def test_a_file_that_changed_elsewhere_gets_no_second_vector_of_other_content(slides, tmp_path):
    index_folder(slides, tmp_path / "index", FAKE)
    other = tmp_path / "other"
    shutil.copytree(slides, other)
    index_folder(other, tmp_path / "index", FAKE)
    # Only ``slides`` is looked at in the run that adds the column; this change is not seen by it.
    solid(255, 255, 0, size=(9, 9)).save(other / "spores/red.png")
    report = index_folder(slides, tmp_path / "index", IndexOptions(encoder="fake3"))
    assert report.encoded == 5
    assert rows(tmp_path / "index")["other:spores/red.png"]["vector_fake3"] is None


def test_the_layout_of_raw_volumes_can_be_given_later(slides, tmp_path):
    (slides / "core.raw").write_bytes(bytes(range(60)))
    report = index_folder(slides, tmp_path / "index", FAKE)
    assert [path for path, _ in report.failed] == ["core.raw"]
    layout = {"raw_shape": [3, 4, 5], "raw_dtype": "uint8"}
    report = index_folder(slides, tmp_path / "index", IndexOptions(reading=layout))
    assert (report.failed, report.items, report.unchanged) == ([], 6, 3)
    other = {"raw_shape": [3, 2, 10]}
    with pytest.raises(StoreError, match="read otherwise"):
        index_folder(slides, tmp_path / "index", IndexOptions(reading=other))


def test_the_largest_image_can_be_raised_later(slides, tmp_path):
    solid(1, 2, 3, size=(40, 30)).save(slides / "wide.png")
    small = IndexOptions(encoder="fake", reading={"max_pixels": 1000})
    report = index_folder(slides, tmp_path / "index", small)
    assert [path for path, _ in report.failed] == ["wide.png"]
    report = index_folder(slides, tmp_path / "index", IndexOptions(reading={"max_pixels": 2000}))
    assert (report.failed, report.items, report.unchanged) == ([], 4, 3)
