"""Real encoders, by name: fitted, saved, loaded again, and refused once their weights change."""

import numpy as np
import pytest
from checkpoints import SMALL_ARCH, save_checkpoint
from dense_fakes import field_of, labelled
from PIL import Image

from georetrieve.errors import EncoderError, SpecMismatchError
from georetrieve.probes.segmentation.fit import fit_patch_segmenter, load_patch_segmenter
from georetrieve.sources.masks.classes import ClassTable

TWO = ClassTable.of_names(["flat", "rough"])


def half_rough(width=120, height=70, seed=0):
    rng = np.random.default_rng(seed)
    pixels = np.full((height, width, 3), 120)
    pixels[:, width // 2 :] += rng.integers(-60, 60, (height, width // 2, 3))
    labels = np.zeros((height, width), int)
    labels[:, width // 2 :] = 1
    return Image.fromarray(pixels.astype(np.uint8)), labels


def mapped(segmenter, image):
    return np.concatenate([band.probabilities for band in segmenter.segment(field_of(image))])


@pytest.mark.slow
def test_the_bundled_encoder_tells_rough_from_flat(tmp_path):
    image, labels = half_rough()
    segmenter = fit_patch_segmenter([labelled(labels, image)], TWO)
    other, truth = half_rough(seed=1)
    found = mapped(segmenter, other)
    assert (found.argmax(axis=2) == truth).mean() > 0.9
    segmenter.save(tmp_path / "model")
    again = mapped(load_patch_segmenter(tmp_path / "model"), other)
    np.testing.assert_allclose(again, found, atol=1e-4)


def test_a_network_from_a_file_of_weights(tmp_path):
    encoder = f"{SMALL_ARCH}@{save_checkpoint(tmp_path / 'weights.pth')}"
    image, labels = half_rough()
    segmenter = fit_patch_segmenter([labelled(labels, image)], TWO, encoder=encoder)
    other, _ = half_rough(seed=1)
    found = mapped(segmenter, other)
    assert found.shape == (70, 120, 2)
    segmenter.save(tmp_path / "model")
    np.testing.assert_array_equal(mapped(load_patch_segmenter(tmp_path / "model"), other), found)


def test_weights_that_have_changed_are_refused(tmp_path):
    weights = save_checkpoint(tmp_path / "weights.pth")
    image, labels = half_rough()
    segmenter = fit_patch_segmenter(
        [labelled(labels, image)], TWO, encoder=f"{SMALL_ARCH}@{weights}"
    )
    segmenter.save(tmp_path / "model")
    save_checkpoint(weights, seed=1)
    with pytest.raises((SpecMismatchError, EncoderError), match="changed"):
        load_patch_segmenter(tmp_path / "model")
