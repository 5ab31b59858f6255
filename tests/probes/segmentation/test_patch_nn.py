"""Maps of the nearest patches: by hand on small images, and the same however they are cut."""

import numpy as np
import pytest
from dense_fakes import DenseFake, field_of, labelled
from PIL import Image

from georetrieve.errors import EncoderError, SourceError, SpecMismatchError, StoreError
from georetrieve.probes.segmentation.features import cell_features, cell_grid, unit_length
from georetrieve.probes.segmentation.fit import fit_patch_segmenter, load_patch_segmenter
from georetrieve.probes.segmentation.neighbours import Neighbours
from georetrieve.probes.segmentation.settings import DINOV2_ROCKS, PatchSettings
from georetrieve.probes.vote import VoteRule
from georetrieve.sources.masks.classes import ClassTable

RED_BLUE = ClassTable.of_names(["red", "blue"])


def half_red(width=32, height=16):
    """Red on the left, blue on the right, and the mask that says so."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2, 0] = pixels[:, width // 2 :, 2] = 255
    labels = np.zeros((height, width), int)
    labels[:, width // 2 :] = 1
    return Image.fromarray(pixels), labels


def noise(width, height, seed=0):
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def fitted(**settings):
    image, labels = half_red()
    settings.setdefault("window_px", 16)
    return fit_patch_segmenter(
        [labelled(labels, image)],
        RED_BLUE,
        encoder=DenseFake(),
        settings=PatchSettings(**settings),
    )


def whole(segmenter, field):
    bands = list(segmenter.segment(field))
    tops = [band.top for band in bands]
    assert tops == [0, *np.cumsum([len(band.probabilities) for band in bands])[:-1]]
    found = np.concatenate([band.probabilities for band in bands])
    assert found.dtype == np.float32
    assert found.shape == (*field.size[::-1], len(segmenter.classes))
    np.testing.assert_allclose(found.sum(axis=2), 1, atol=1e-5)
    return found


def test_red_and_blue_are_told_apart():
    image, labels = half_red()
    found = whole(fitted(k=5), field_of(image))
    assert (found.argmax(axis=2) == labels).all()
    # Patches are 4 px, and 14 of 16 columns lie beyond the middle of the outer patch of a half.
    np.testing.assert_allclose(found[:, :14, 0], 1, atol=1e-5)
    # Between the middles of the two patches at the border: an eighth a half pixel.
    np.testing.assert_allclose(found[0, 14:18, 0], [7 / 8, 5 / 8, 3 / 8, 1 / 8], atol=1e-5)


def test_a_file_gives_the_same_map(tmp_path):
    segmenter = fitted(k=3, rule=VoteRule("distance"))
    segmenter.save(tmp_path / "m.segmenter")
    again = load_patch_segmenter(tmp_path / "m.segmenter", encoder=DenseFake())
    field = field_of(noise(37, 21))
    np.testing.assert_array_equal(whole(segmenter, field), whole(again, field))
    assert (again.classes, again.settings) == (segmenter.classes, segmenter.settings)


def test_another_encoder_is_refused_by_name(tmp_path):
    fitted().save(tmp_path / "m")
    with pytest.raises(SpecMismatchError, match="features of dense-fake, and those of other"):
        load_patch_segmenter(tmp_path / "m", encoder=DenseFake(8, "other"))


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (4, 4), (5, 9), (61, 33), (130, 7)])
@pytest.mark.parametrize("options", [{}, {"scale": 2.0}, {"scale": 0.4}, {"upsampling": "nearest"}])
def test_any_size(size, options):
    whole(fitted(**options), field_of(noise(*size)))


@pytest.mark.parametrize("stride_px", [4, 8, 16])
@pytest.mark.parametrize("window_px", [16, 24, 64])
def test_windows_change_nothing_where_the_encoder_looks_at_patches_alone(window_px, stride_px):
    field = field_of(noise(61, 50))
    options = {"window_px": window_px, "stride_px": stride_px, "batch_size": 3}
    wanted = whole(fitted(window_px=256, stride_px=256), field)
    np.testing.assert_allclose(whole(fitted(**options), field), wanted, atol=1e-4)


def test_two_views():
    image, labels = half_red()
    black = Image.new("RGB", image.size)
    segmenter = fit_patch_segmenter(
        [labelled(labels, black, image)], RED_BLUE, encoder=DenseFake(), settings=PatchSettings(k=3)
    )
    assert segmenter.view_names == ("ppl", "xpl")
    assert segmenter.memory.vectors.shape[1] == 2 * DenseFake.patch_dim
    found = whole(segmenter, field_of(black, image))
    assert (found.argmax(axis=2) == labels).all()
    with pytest.raises(SourceError, match=r"field has one view .* the views ppl, xpl; give"):
        segmenter.segment(field_of(image))
    with pytest.raises(SourceError, match="field has the views xpl, ppl"):
        segmenter.segment(field_of(black, image, view_names=("xpl", "ppl")))


def test_views_weigh_alike():
    """A view of long features says no more than one of short ones."""
    image, labels = half_red()
    dim = Image.fromarray(np.asarray(image) // 8)
    segmenter = fit_patch_segmenter(
        [labelled(labels, image, dim)], RED_BLUE, encoder=DenseFake(), settings=PatchSettings(k=3)
    )
    lengths = np.linalg.norm(segmenter.memory.vectors.reshape(-1, 2, 4), axis=2)
    np.testing.assert_allclose(lengths, np.sqrt(0.5), rtol=1e-5)


def test_one_class():
    image, _ = half_red()
    segmenter = fit_patch_segmenter(
        [labelled(np.zeros((16, 32)), image)], ClassTable.of_names(["rock"]), encoder=DenseFake()
    )
    np.testing.assert_allclose(whole(segmenter, field_of(noise(9, 9))), 1, atol=1e-6)


def test_a_class_of_one_patch_is_found_among_many():
    image, labels = half_red(64, 64)
    labels[:, 32:] = -1
    labels[:4, 32:36] = 1
    segmenter = fit_patch_segmenter([labelled(labels, image)], RED_BLUE, encoder=DenseFake())
    assert len(segmenter.memory) == 8 * 16 + 1
    found = whole(segmenter, field_of(image))
    assert (found[:, 34:].argmax(axis=2) == 1).all()


def test_more_neighbours_than_patches():
    """All 32 patches vote alike, half of them for each class."""
    segmenter = fitted(k=1000, rule=VoteRule("uniform"))
    np.testing.assert_allclose(whole(segmenter, field_of(noise(8, 8))), 0.5, atol=1e-6)


def test_images_without_labels_are_named_and_left_out():
    image, labels = half_red()
    said = []

    class Told:
        def __getattr__(self, name):
            return said.append if name == "say" else lambda *_: None

    void = labelled(np.full((16, 32), -1), image, name="void.png")
    classes = ClassTable.of_names(["red", "blue", "gold"])
    encoder = DenseFake()
    fit_patch_segmenter([void, labelled(labels, image)], classes, encoder=encoder, progress=Told())
    assert said == [
        "void.png: no pixel is labelled; it teaches nothing.",
        "No pixel is labelled 'gold'; the map will have none of it.",
    ]
    assert encoder.windows_seen == 1
    with pytest.raises(SourceError, match="No pixel of the given images is labelled"):
        fit_patch_segmenter([void], classes, encoder=DenseFake())


def test_what_cannot_be_learned_from_is_refused():
    image, labels = half_red()
    with pytest.raises(SourceError, match="no labelled image"):
        fit_patch_segmenter([], RED_BLUE, encoder=DenseFake())
    one, two = labelled(labels, image), labelled(labels, image, image, name="pair")
    with pytest.raises(SourceError, match="pair has the views"):
        fit_patch_segmenter([one, two], RED_BLUE, encoder=DenseFake())
    with pytest.raises(SourceError, match="only 1 classes are named"):
        fit_patch_segmenter([one], ClassTable.of_names(["red"]), encoder=DenseFake())
    with pytest.raises(EncoderError, match="A window of 10 px is not whole patches of 4"):
        fitted(window_px=10)


def test_an_encoder_without_patches_is_refused(fake_family):
    image, labels = half_red()
    with pytest.raises(EncoderError, match="fake does not describe the patches"):
        fit_patch_segmenter([labelled(labels, image)], RED_BLUE, encoder="fake")


@pytest.mark.parametrize("sampling", ["balanced", "hummingbird"])
def test_the_same_seed_gives_the_same_memory(sampling):
    rng = np.random.default_rng(1)
    fields = [labelled(rng.integers(-1, 2, (40, 40)), noise(40, 40, seed)) for seed in range(3)]

    def memory(seed):
        settings = PatchSettings(memory_size=20, sampling=sampling, seed=seed)
        return fit_patch_segmenter(
            fields, RED_BLUE, encoder=DenseFake(), settings=settings
        ).memory.vectors

    np.testing.assert_array_equal(memory(0), memory(0))
    assert not np.array_equal(memory(0), memory(1))
    assert 18 <= len(memory(0)) <= 20


def test_the_variant_of_dinov2_on_rocks():
    """Patches of 4 px of an image squashed to 560, looked up as 128×128 cells."""
    image, labels = half_red(100, 60)
    segmenter = fit_patch_segmenter(
        [labelled(labels, image)], RED_BLUE, encoder=DenseFake(), settings=DINOV2_ROCKS
    )
    assert len(segmenter.memory) == 60 * 100  # cells are smaller than these pixels
    assert (whole(segmenter, field_of(image)).argmax(axis=2) == labels).mean() > 0.97


@pytest.mark.parametrize(
    ("method", "change", "message"),
    [
        ("otsu", {}, "is a model of the method otsu, not of patch-nn"),
        ("patch-nn", {"settings": {}}, "not those of this version"),
        ("patch-nn", {"classes": [{"name": "x"}]}, "is damaged"),
        ("patch-nn", {"view_names": ["a", "b"]}, "its patches do not fit"),
        ("patch-nn", {"encoder": {}}, "is damaged"),
    ],
)
def test_damaged_models_are_refused(tmp_path, method, change, message):
    from georetrieve.probes.segmentation.model_file import read_model, write_model

    fitted().save(tmp_path / "m")
    _, facts, tensors = read_model(tmp_path / "m")
    write_model(tmp_path / "m", method, {**facts, **change}, tensors)
    with pytest.raises(StoreError, match=message):
        load_patch_segmenter(tmp_path / "m", encoder=DenseFake())


@pytest.mark.parametrize(
    "values",
    [
        {"k": 0},
        {"memory_size": 0},
        {"scale": 0.0},
        {"scale": float("nan")},
        {"min_labelled": 2.0},
        {"sampling": "none"},
        {"upsampling": "cubic"},
        {"cells": 4},
        {"side_px": 8, "scale": 2.0},
        {"batch_size": 0},
    ],
)
def test_settings_out_of_range_are_refused(values):
    with pytest.raises(StoreError, match=next(iter(values))):
        PatchSettings(**values)


@pytest.mark.parametrize("settings", [PatchSettings(), DINOV2_ROCKS])
def test_settings_come_back(settings):
    assert PatchSettings.from_json(settings.to_json()) == settings


def test_pooled_patches_are_means_of_what_there_is():
    """Patches of 4 px pooled by 2: cells of 8 px, at the right and the bottom of what is left."""
    field = field_of(noise(20, 12))
    encoder, settings = DenseFake(), PatchSettings(pool=2, window_px=8, stride_px=8)
    grid = cell_grid(encoder, field.size, settings)
    assert (grid.columns, grid.rows, grid.cell_px) == (3, 2, (8, 8))
    found = np.concatenate([part for _, part in cell_features(encoder, field, settings)])
    patches = encoder.patch_grids(np.asarray(field.read(field.whole)[0])[None])[0]
    corner = patches[2:, 4:].mean((0, 1))
    first = patches[:2, :2].mean((0, 1))
    np.testing.assert_allclose(found[0, 0], first / np.linalg.norm(first), atol=1e-6)
    np.testing.assert_allclose(found[1, 2], corner / np.linalg.norm(corner), atol=1e-6)


@pytest.mark.parametrize(("k", "wanted"), [(None, 9), (40, 40), (10**6, 9 + 162)])
def test_a_class_of_one_click_is_not_outvoted_for_being_rare(k, wanted):
    """A click of 3×3 patches beside 162 of another class: nine vote, unless one insists."""
    labels = np.full((72, 72), -1)
    labels[36:] = 0
    labels[:12, :12] = 1
    segmenter = fit_patch_segmenter(
        [labelled(labels, noise(72, 72))],
        RED_BLUE,
        encoder=DenseFake(),
        settings=PatchSettings(k=k),
    )
    assert segmenter.k == wanted


def test_lists_find_what_looking_at_all_finds():
    rng = np.random.default_rng(0)
    middles = rng.normal(size=(40, 1, 16))
    vectors = unit_length((middles + 0.1 * rng.normal(size=(40, 150, 16))).reshape(-1, 16))
    vectors = vectors.astype(np.float32)
    queries = vectors[::10]
    exact, lists = (Neighbours(vectors, search).find(queries, 30)[1] for search in SEARCHES)
    shared = [
        len(set(a) & set(b)) / 30 for a, b in zip(exact.tolist(), lists.tolist(), strict=True)
    ]
    assert np.mean(shared) > 0.95
    assert (lists >= 0).all()


def test_a_thousand_short_vectors_are_looked_up_in_lists_by_themselves():
    rng = np.random.default_rng(0)
    vectors = unit_length(rng.normal(size=(1500, 9)).astype(np.float32))
    exact, lists = (Neighbours(vectors, how).find(vectors, 10)[1] for how in ("exact", "auto"))
    shared = [
        len(set(a) & set(b)) / 10 for a, b in zip(exact.tolist(), lists.tolist(), strict=True)
    ]
    assert 0.5 < np.mean(shared) < 1  # noise fills its space evenly: the worst there is for lists


def test_lists_that_hold_too_few_are_made_up_for():
    vectors = np.eye(64, dtype=np.float32)
    exact, lists = (Neighbours(vectors, search).find(vectors, 64) for search in SEARCHES)
    np.testing.assert_array_equal(exact[0], lists[0])
    assert (np.sort(lists[1], axis=1) == np.arange(64)).all()


SEARCHES = ("exact", "lists")
