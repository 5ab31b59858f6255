"""What every method of segmentation must do, whatever it is; a new one is tested by its name."""

import numpy as np
import pytest

from georetrieve.baselines.methods import METHODS, fit_segmenter, load_segmenter
from georetrieve.errors import SourceError, StoreError
from georetrieve.probes.segmentation.model_file import write_model
from georetrieve.probes.segmentation.settings import PatchSettings
from georetrieve.sources.fields import LabelledField
from georetrieve.sources.masks.arrays import ArrayTruth
from georetrieve.sources.masks.classes import ClassTable

COLOURED = ((150, 20, 20), (20, 150, 20), (20, 20, 150))

every_method = pytest.mark.parametrize("method", METHODS)


def whole(segmenter, field):
    """(height, width, C) of all bands, which must follow each other without gaps."""
    parts, top = [], 0
    for band in segmenter.segment(field):
        assert band.top == top
        assert band.probabilities.dtype == np.float32
        top += len(band.probabilities)
        parts.append(band.probabilities)
    assert top == field.size[1]
    return np.concatenate(parts)


@every_method
def test_grey_classes_are_told_apart(method, labelled, checkers, classes):
    training = [labelled(checkers(48, 40, shift=shift)) for shift in range(3)]
    segmenter = fit_segmenter(method, training, classes)
    tested = labelled(checkers(40, 56, shift=1))
    mapped = whole(segmenter, tested.field)
    assert mapped.shape == (40, 56, 3)
    np.testing.assert_allclose(mapped.sum(axis=-1), 1, atol=1e-5)
    assert mapped.min() >= 0
    assert (mapped.argmax(axis=-1) == tested.truth.classes).mean() > 0.8
    assert segmenter.method == method
    assert segmenter.classes == classes
    assert segmenter.view_names == ("",)


@every_method
def test_colours_are_told_apart_where_greys_may_not_suffice(method, labelled, checkers, classes):
    training = [labelled(checkers(40, 40), colours=COLOURED)]
    mapped = whole(fit_segmenter(method, training, classes), training[0].field)
    np.testing.assert_allclose(mapped.sum(axis=-1), 1, atol=1e-5)
    assert (mapped.argmax(axis=-1) == training[0].truth.classes).mean() > 0.8


@every_method
def test_a_model_and_its_file_give_the_same_map(method, labelled, checkers, classes, tmp_path):
    training = [labelled(checkers(32, 32))]
    fitted = fit_segmenter(method, training, classes)
    path = tmp_path / "model.segmenter"
    fitted.save(path)
    loaded = load_segmenter(path)
    assert (loaded.method, loaded.classes, loaded.view_names) == (method, classes, ("",))
    field = labelled(checkers(30, 33, shift=2)).field
    np.testing.assert_array_equal(whole(fitted, field), whole(loaded, field))


@every_method
def test_fitting_twice_gives_the_same_map(method, labelled, checkers, classes):
    training = [labelled(checkers(32, 32))]
    maps = [whole(fit_segmenter(method, training, classes), training[0].field) for _ in range(2)]
    np.testing.assert_array_equal(*maps)


@every_method
def test_one_class_is_everywhere(method, labelled):
    training = [labelled(np.zeros((24, 24), int))]
    segmenter = fit_segmenter(method, training, ClassTable.of_names(["quartz"]))
    np.testing.assert_allclose(whole(segmenter, training[0].field), 1)


@every_method
def test_a_class_without_labels_is_never_called(method, labelled, checkers, classes):
    training = [labelled(2 * checkers(32, 32, n_classes=2))]  # 0 and 2
    mapped = whole(fit_segmenter(method, training, classes), training[0].field)
    np.testing.assert_array_equal(mapped[..., 1], 0)
    assert (mapped.argmax(axis=-1) == training[0].truth.classes).mean() > 0.8


@every_method
def test_void_pixels_teach_nothing(method, field_of, checkers, classes):
    """What a void pixel shows makes no difference, unless a filter sees it from beside."""
    numbers = checkers(64, 320)
    grey = np.array([20, 120, 230])[numbers]
    numbers[:, 8:] = -1
    models = []
    for odd in (60, 200):
        pixels = np.repeat(grey[..., None], 3, axis=-1)
        pixels[:, 160:] = odd
        models.append(
            fit_segmenter(method, [LabelledField(field_of(pixels), ArrayTruth(numbers))], classes)
        )
    tested = field_of(np.repeat(grey[..., None], 3, axis=-1)[:, :160])
    np.testing.assert_array_equal(*(whole(model, tested) for model in models))


@every_method
def test_nothing_but_void_is_refused(method, field_of, classes):
    field = field_of(np.zeros((20, 20, 3)))
    with pytest.raises(SourceError, match="label"):
        fit_segmenter(method, [LabelledField(field, ArrayTruth(np.full((20, 20), -1)))], classes)


@every_method
def test_without_images_it_is_refused(method, classes):
    with pytest.raises(SourceError):
        fit_segmenter(method, [], classes)


@every_method
def test_two_views_are_seen_together_and_only_together(method, labelled, checkers, classes):
    training = [labelled(checkers(32, 32), views=2)]
    segmenter = fit_segmenter(method, training, classes)
    assert segmenter.view_names == ("ppl", "xpl")
    mapped = whole(segmenter, training[0].field)
    assert (mapped.argmax(axis=-1) == training[0].truth.classes).mean() > 0.8
    with pytest.raises(SourceError, match="xpl"):
        list(segmenter.segment(labelled(checkers(32, 32)).field))
    with pytest.raises(SourceError, match="view"):
        fit_segmenter(method, [*training, labelled(checkers(32, 32))], classes)


@every_method
def test_images_of_one_pixel(method, labelled, classes):
    training = [labelled([[number]], name=str(number)) for number in range(3)]
    segmenter = fit_segmenter(method, training, classes)
    for one in training:
        mapped = whole(segmenter, one.field)
        assert mapped.shape == (1, 1, 3)
        np.testing.assert_allclose(mapped.sum(), 1, atol=1e-5)
        assert mapped.argmax() == one.truth.classes[0, 0]


@every_method
def test_a_few_clicks_suffice(method, labelled, checkers, classes):
    full = labelled(checkers(48, 48))
    clicks = np.full((48, 48), -1)
    for y, x in ((4, 4), (4, 12), (4, 20), (20, 4), (28, 12), (12, 36)):
        clicks[y - 1 : y + 2, x - 1 : x + 2] = full.truth.classes[y, x]
    assert set(np.unique(clicks)) == {-1, 0, 1, 2}
    segmenter = fit_segmenter(method, [LabelledField(full.field, ArrayTruth(clicks))], classes)
    mapped = whole(segmenter, full.field).argmax(axis=-1)
    assert (mapped == full.truth.classes).mean() > 0.5


def test_an_unknown_method_is_named_with_its_nearest(labelled, checkers, classes, tmp_path):
    with pytest.raises(StoreError, match=r"'forrest'.* Did you mean 'forest'"):
        fit_segmenter("forrest", [labelled(checkers(16, 16))], classes)
    write_model(tmp_path / "odd", "watershed", {}, {"nothing": np.zeros(1)})
    with pytest.raises(StoreError, match="Unknown method 'watershed'"):
        load_segmenter(tmp_path / "odd")


@every_method
def test_the_seed_is_that_of_the_settings(method, labelled, checkers, classes):
    training = [labelled(checkers(32, 32))]
    settings = PatchSettings(seed=7)
    maps = [
        whole(fit_segmenter(method, training, classes, settings=settings), training[0].field)
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*maps)
