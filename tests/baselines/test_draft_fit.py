"""What is clicked is learnt from: as from a file, and masks beside it."""

import numpy as np
import pytest
from PIL import Image

from georetrieve.baselines.draft_fit import fit_draft
from georetrieve.baselines.fit_files import LabelSource, fit_files
from georetrieve.baselines.methods import fit_segmenter
from georetrieve.baselines.saved_models import model_file, save_model, saved_models
from georetrieve.errors import SourceError, StoreError
from georetrieve.sources.masks.classes import ClassTable
from georetrieve.sources.masks.clicks import clicks_csv
from georetrieve.sources.masks.draft import Draft
from georetrieve.sources.masks.rule import MaskRule

HALVES = np.repeat([[0] * 16 + [2] * 16], 24, axis=0)


@pytest.fixture
def field(labelled):
    """Dark on the left, bright on the right."""
    return labelled(HALVES, name="a.png").field


@pytest.fixture
def draft():
    made = Draft()
    made.add_class("pore")
    made.add_class("quartz")
    made.click("a.png", 4, 12, "pore", reach=0)
    made.click("a.png", 28, 12, "quartz", reach=0)
    return made


def mapped(segmenter, field):
    bands = list(segmenter.segment(field))
    return np.concatenate([band.probabilities for band in bands])


@pytest.mark.parametrize("method", ["patch-nn", "kmeans", "forest"])
def test_it_is_the_model_of_the_same_clicks_in_a_file(draft, field, tmp_path, method):
    path = tmp_path / "clicks.csv"
    path.write_text(clicks_csv(draft.clicks), encoding="utf-8")
    clicked = fit_draft(draft, {"a.png": field}, method=method).segmenter
    filed = fit_files([field], LabelSource(truth=path, method=method)).segmenter
    assert clicked.classes == filed.classes
    np.testing.assert_array_equal(mapped(clicked, field), mapped(filed, field))
    assert (mapped(clicked, field).argmax(axis=2)[8:16, 2:12] == 0).all()
    assert (mapped(clicked, field).argmax(axis=2)[8:16, 20:30] == 1).all()


def test_one_class_alone_is_no_map(draft, field):
    draft.remove_class("quartz")
    with pytest.raises(SourceError, match="only 'pore' is marked"):
        fit_draft(draft, {"a.png": field})
    with pytest.raises(SourceError, match="none is marked"):
        fit_draft(Draft(), {"a.png": field})


def test_a_click_outside_its_image(draft, field):
    draft.click("a.png", 400, 3, "pore", reach=0)
    with pytest.raises(SourceError, match=r"400,3 lies outside a\.png"):
        fit_draft(draft, {"a.png": field}, method="kmeans")


def test_what_is_said_of_images_that_are_not_here_is_left_out(draft, field):
    draft.add_class("<b>clay</b>")
    draft.click("gone.png", 1, 1, "<b>clay</b>", reach=0)
    fitted = fit_draft(draft, {"a.png": field}, method="kmeans")
    assert any("gone.png is not here" in line for line in fitted.remarks)
    assert any("<b>clay</b>: nothing is marked so" in line for line in fitted.remarks)
    with pytest.raises(SourceError, match="none is marked"):
        fit_draft(draft, {})


def test_a_mask_teaches_and_a_click_on_it_counts(field, tmp_path):
    path = tmp_path / "mask.png"
    Image.fromarray(np.where(HALVES == 0, 5, 9).astype(np.uint8)).save(path)
    draft = Draft()
    draft.add_mask("a.png", path, ClassTable.of_names(["5", "9"], [5, 9]))
    draft.rename_class("9", "quartz")
    fitted = fit_draft(draft, {"a.png": field}, method="forest")
    assert fitted.segmenter.classes.names == ("5", "quartz")
    found = mapped(fitted.segmenter, field).argmax(axis=2)
    assert (found[4:20, 2:12] == 0).all()
    assert (found[4:20, 20:30] == 1).all()
    draft.add_class("pore")
    draft.click("a.png", 4, 12, "pore", reach=0)
    fitted = fit_draft(draft, {"a.png": field}, method="forest", rule=MaskRule(radius_px=99))
    assert not any("pore" in line for line in fitted.remarks)
    assert set(mapped(fitted.segmenter, field).argmax(axis=2)[:, :30].ravel()) == {2}


def test_masks_of_another_size_or_that_have_changed(draft, field, tmp_path):
    path = tmp_path / "mask.png"
    Image.fromarray(np.array([[1, 2]], np.uint8)).save(path)
    draft.add_mask("a.png", path, ClassTable.of_names(["1", "2"], [1, 2]))
    with pytest.raises(SourceError, match="32×24 px and its mask 2×1"):
        fit_draft(draft, {"a.png": field}, method="kmeans")
    Image.fromarray((HALVES + 3 * (np.indices(HALVES.shape)[0] > 9)).astype(np.uint8)).save(path)
    with pytest.raises(SourceError, match="has changed"):
        fit_draft(draft, {"a.png": field}, method="kmeans")


def test_models_are_kept_by_name(labelled, classes, tmp_path):
    one = labelled(HALVES)
    segmenter = fit_segmenter("kmeans", [one], classes)
    folder = tmp_path / "models"
    assert saved_models(folder) == {}
    path = save_model(segmenter, folder, " granite 1.2 ")
    assert saved_models(folder) == {"granite 1.2": path}
    assert model_file(folder, "granite 1.2") == path
    with pytest.raises(StoreError, match="already"):
        save_model(segmenter, folder, "granite 1.2")
    save_model(segmenter, folder, "granite 1.2", replace=True)
    for name in ("../x", "", "a/b", ".hidden", "x" * 61, "<b>"):
        with pytest.raises(StoreError, match="cannot be called"):
            save_model(segmenter, folder, name)
        with pytest.raises(StoreError, match="no model"):
            model_file(folder, name)
