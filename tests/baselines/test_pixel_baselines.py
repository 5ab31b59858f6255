import tracemalloc

import numpy as np
import pytest
from PIL import Image
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from skops.io import dumps, loads

from georetrieve.baselines import pixel_segmenter, tiles
from georetrieve.baselines.clusters import match_clusters, spread
from georetrieve.baselines.forest import fit_forest, read_forest
from georetrieve.baselines.methods import fit_segmenter, load_segmenter
from georetrieve.baselines.otsu import fit_otsu
from georetrieve.baselines.pixel_features import PixelFeatures
from georetrieve.baselines.pixel_methods import PIXEL_METHODS
from georetrieve.baselines.tiles import tile_rows, widen
from georetrieve.baselines.training_pixels import TrainingPixels, draw_pixels
from georetrieve.errors import SourceError, StoreError
from georetrieve.probes.segmentation.model_file import read_model, write_model
from georetrieve.sources.fields import FieldOfView, LabelledField
from georetrieve.sources.masks.arrays import ArrayTruth
from georetrieve.sources.masks.classes import ClassTable
from georetrieve.types import Region

GREY = PixelFeatures("grey", (False,))


def pixels_of(values, labels, n_classes=4):
    column = np.asarray(values, np.float32).reshape(len(labels), -1)
    return TrainingPixels(GREY, column, np.asarray(labels, np.int64), n_classes)


def test_tiles_cover_an_image_once_and_margins_stay_inside(monkeypatch):
    monkeypatch.setattr(tiles, "TILE_PX", 10)
    covered = np.zeros((25, 31), int)
    for row in tile_rows((31, 25)):
        for tile in row:
            covered[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width] += 1
            wide = widen(tile, (31, 25), 4)
            left, top, right, bottom = wide.region.box
            assert (left, top) == (max(0, tile.x - 4), max(0, tile.y - 4))
            assert right <= 31
            assert bottom <= 25
            inner = np.empty((bottom - top, right - left))[wide.inner]
            assert inner.shape == (tile.height, tile.width)
    assert (covered == 1).all()


@pytest.mark.parametrize("kind", ["grey", "denoised", "values", "filters"])
def test_a_tile_with_its_margin_looks_as_in_the_whole(kind, field_of):
    rng = np.random.default_rng(0)
    field = field_of(rng.integers(0, 256, (180, 200, 3)))
    features = PixelFeatures(kind, (True,))
    whole = features.describe(field.read(field.whole))
    assert whole.shape == (180, 200, features.width)
    tile = Region(80, 90, 40, 30)
    wide = widen(tile, field.size, features.margin_px)
    part = features.describe(field.read(wide.region))[wide.inner]
    np.testing.assert_allclose(part, whole[90:120, 80:120], atol=1e-5)


@pytest.mark.parametrize("method", PIXEL_METHODS)
def test_tiles_leave_no_seam(method, labelled, checkers, classes, monkeypatch):
    training = [labelled(checkers(96, 96))]
    segmenter = fit_segmenter(method, training, classes)

    def mapped():
        bands = list(segmenter.segment(training[0].field))
        return len(bands), np.concatenate([band.probabilities for band in bands])

    one, whole = mapped()
    for module in (tiles, pixel_segmenter):
        monkeypatch.setattr(module, "TILE_PX", 40)
    three, cut = mapped()
    assert (one, three) == (1, 3)
    np.testing.assert_allclose(cut, whole, atol=1e-4)


def test_bands_of_wide_images_are_low(labelled, checkers, classes, monkeypatch):
    one = labelled(checkers(96, 96))
    segmenter = fit_segmenter("otsu", [one], classes)
    monkeypatch.setattr(pixel_segmenter, "BAND_BYTES", 4 * 96 * 3 * 40)
    bands = list(segmenter.segment(one.field))
    assert [len(band.probabilities) for band in bands] == [40, 40, 16]


def test_a_wide_image_is_mapped_in_little_memory(labelled, checkers, classes):
    """Pixels are made as they are asked for: 16 megapixels never lie in memory."""
    segmenter = fit_segmenter("otsu", [labelled(checkers(64, 64))], classes)
    field = FieldOfView(
        name="wide",
        size=(16_000, 1_000),
        views=(lambda region: Image.new("RGB", (region.width, region.height), (20, 20, 20)),),
    )
    tracemalloc.start()
    rows = sum(len(band.probabilities) for band in segmenter.segment(field))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows == 1000
    # A band of 512 rows of three classes is 98 MB, its tiles as much again.
    assert peak < 300e6


def test_grey_of_two_views_is_their_mean(field_of):
    dark, bright = np.full((4, 4, 3), 51), np.full((4, 4, 3), 153)
    field = field_of(dark, bright)
    features = PixelFeatures("grey", (False, False))
    np.testing.assert_allclose(features.describe(field.read(field.whole)), 102 / 255, rtol=1e-6)


def test_grey_views_have_one_channel_and_coloured_ones_three(labelled, checkers):
    grey = labelled(checkers(16, 16))
    coloured = labelled(checkers(16, 16), colours=((9, 0, 0), (0, 9, 0), (0, 0, 9)))
    options = {"n_classes": 3, "limit": 50, "power": 1}
    assert draw_pixels([grey], "values", **options).features.colour == (False,)
    assert draw_pixels([grey, coloured], "values", **options).values.shape == (50, 3)


@pytest.mark.parametrize(
    ("power", "drawn"),
    [
        (1, [90, 9, 1]),  # as they occur: 900, 90 and 10
        (0, [45, 45, 10]),  # alike: of the third there are only ten
        (0.5, [70, 22, 7]),  # as 30 to 9.49 to 3.16
    ],
)
def test_how_many_pixels_of_each_class_are_drawn(field_of, power, drawn):
    numbers = np.repeat([0, 1, 2], [900, 90, 10]).reshape(20, 50)
    one = LabelledField(field_of(np.zeros((20, 50, 3))), ArrayTruth(numbers))
    pixels = draw_pixels([one], "grey", 3, limit=100, power=power)
    assert np.bincount(pixels.labels, minlength=3) == pytest.approx(drawn, abs=1)


def test_drawn_pixels_carry_their_own_values_and_void_is_never_drawn(field_of, monkeypatch):
    monkeypatch.setattr(tiles, "TILE_PX", 16)
    numbers = np.arange(40 * 50).reshape(40, 50) % 5 - 1
    pixels = np.repeat((numbers * 40 + 40)[..., None], 3, axis=-1)
    fields = [LabelledField(field_of(pixels), ArrayTruth(numbers)) for _ in range(2)]
    drawn = draw_pixels(fields, "grey", 4, limit=500, power=0)
    assert np.bincount(drawn.labels).tolist() == [125] * 4
    np.testing.assert_allclose(drawn.values[:, 0] * 255, drawn.labels * 40 + 40, atol=1e-3)


def test_every_class_is_drawn_however_many_there_are(field_of):
    numbers = np.arange(30 * 30).reshape(30, 30) % 300
    one = LabelledField(field_of(np.zeros((30, 30, 3))), ArrayTruth(numbers))
    drawn = draw_pixels([one], "grey", 300, limit=100, power=0)
    assert set(drawn.labels) == set(range(300))


def test_a_label_beyond_the_classes_is_refused(field_of):
    one = LabelledField(field_of(np.zeros((4, 4, 3))), ArrayTruth(np.full((4, 4), 3)))
    with pytest.raises(SourceError, match="holds class 3; of 3"):
        draw_pixels([one], "grey", 3, limit=10, power=1)


def test_clusters_are_matched_to_classes_they_overlap_most():
    # Cluster 0 lies in class 7 alone; cluster 1 holds all of class 2 and some of class 7.
    clusters = np.array([0, 0, 0, 0, 1, 1, 1, 2])
    labels = np.array([7, 7, 7, 7, 7, 2, 2, 5])
    assert match_clusters(clusters, labels, 3).tolist() == [7, 2, 5]


def test_no_cluster_is_spent_on_a_second_shade_of_a_common_class():
    # By pixels alone, cluster 1 would be taken for class 0 and no cluster be left for class 1.
    clusters = np.repeat([0, 1, 1], [60, 40, 5])
    labels = np.repeat([0, 0, 1], [60, 40, 5])
    assert match_clusters(clusters, labels, 2).tolist() == [0, 1]


def test_fewer_clusters_than_classes_take_the_best_ones():
    assert match_clusters(np.zeros(6, int), np.array([0, 1, 1, 1, 2, 2]), 1).tolist() == [1]
    out = spread(np.ones((2, 1), np.float32), np.array([1]), 3)
    np.testing.assert_array_equal(out, [[0, 1, 0]] * 2)


def test_otsu_parts_levels_between_the_values():
    model = fit_otsu(pixels_of(np.repeat([10, 100, 200], 5) / 255, np.repeat([2, 0, 3], 5)), 0)
    assert model.named.tolist() == [2, 0, 3]
    tried = np.array([[10], [9], [100], [200], [255]], np.float32) / np.float32(255)
    assert model.probabilities(tried).argmax(axis=1).tolist() == [2, 2, 0, 3, 3]


def test_otsu_of_fewer_greys_than_classes_finds_those():
    model = fit_otsu(pixels_of(np.full(6, 0.5), [0, 1, 1, 1, 1, 2]), 0)
    np.testing.assert_array_equal(model.probabilities(np.full((1, 1), 0.5)), [[0, 1, 0, 0]])


def test_otsu_refuses_more_classes_than_it_can_part():
    with pytest.raises(SourceError, match="beyond 5; use kmeans"):
        fit_otsu(pixels_of(np.arange(6) / 6, np.arange(6), 6), 0)


@pytest.fixture
def forest():
    rng = np.random.default_rng(0)
    values = rng.random((200, 3), np.float32)
    labels = (values[:, 0] > 0.5) + 2 * (values[:, 1] > 0.5)
    return fit_forest(TrainingPixels(GREY, values, labels.astype(np.int64), 4), 0)


def saved(forest):
    return {"forest": np.frombuffer(dumps(forest), np.uint8)}


def test_a_forest_read_back_judges_alike(forest):
    values = np.random.default_rng(1).random((50, 3), np.float32)
    again = read_forest(forest.tensors(), 4, 3)
    np.testing.assert_array_equal(forest.probabilities(values), again.probabilities(values))


@pytest.mark.parametrize("what", ["children", "loop", "feature"])
def test_a_forest_whose_trees_point_outside_is_refused(forest, what):
    tree = forest.forest.estimators_[0].tree_
    state = tree.__getstate__()
    root = state["nodes"][0]
    if what == "children":
        root["left_child"] = 10**6
    elif what == "loop":
        root["left_child"] = 0
    else:
        root["feature"] = 99
    tree.__setstate__(state)
    with pytest.raises(StoreError, match="damaged"):
        read_forest(saved(forest.forest), 4, 3)


@pytest.mark.parametrize(
    ("n_classes", "n_features"), [(3, 3), (4, 2)], ids=["fewer classes", "fewer features"]
)
def test_a_forest_of_other_classes_or_features_is_refused(forest, n_classes, n_features):
    with pytest.raises(StoreError, match="damaged"):
        read_forest(forest.tensors(), n_classes, n_features)


def test_what_is_no_forest_is_refused():
    values = np.random.default_rng(0).random((20, 3))
    other = ExtraTreesClassifier(2).fit(values, np.arange(20) % 2)
    for tensors in (saved(other), {"forest": np.zeros(7, np.uint8)}, {}, saved({"a": print})):
        with pytest.raises(StoreError, match="forest"):
            read_forest(tensors, 4, 3)


def test_what_skops_writes_is_no_pickle(forest):
    raw = bytes(forest.tensors()["forest"])
    assert raw[:2] == b"PK"  # a zip of JSON and arrays
    assert isinstance(loads(raw, trusted=["sklearn.tree._tree.Tree"]), RandomForestClassifier)


@pytest.mark.parametrize("method", ["otsu", "kmeans", "fuzzy"])
def test_a_damaged_model_is_refused(method, labelled, checkers, classes, tmp_path):
    fit_segmenter(method, [labelled(checkers(16, 16))], classes).save(tmp_path / "whole")
    _, facts, tensors = read_model(tmp_path / "whole")
    spoiled = [
        (facts, {**tensors, "named": tensors["named"] + 9}),
        (facts, {"named": tensors["named"]}),
        ({**facts, "features": {"kind": "smell", "colour": [False]}}, tensors),
        ({}, tensors),
    ]
    for number, (some, arrays) in enumerate(spoiled):
        path = tmp_path / str(number)
        write_model(path, method, some, arrays)
        with pytest.raises(StoreError):
            load_segmenter(path)


def test_the_global_random_numbers_stay_as_they_are(labelled, checkers, classes):
    np.random.seed(5)  # noqa: NPY002 - it is this generator that must not move
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    fit_segmenter("fuzzy", [labelled(checkers(16, 16))], classes)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_void_around_the_core_gives_no_level(labelled, field_of):
    """What lies outside the core is void and black; otsu must not spend a threshold on it."""
    numbers = np.tile([0, 1], (32, 16))
    pixels = np.repeat(np.where(numbers, 200, 120)[..., None], 3, axis=-1)
    numbers[:16], pixels[:16] = -1, 0
    one = LabelledField(field_of(pixels), ArrayTruth(numbers))
    segmenter = fit_segmenter("otsu", [one], ClassTable.of_names(["quartz", "pyrite"]))
    (band,) = segmenter.segment(one.field)
    np.testing.assert_array_equal(band.probabilities[16:].argmax(axis=-1), numbers[16:])
