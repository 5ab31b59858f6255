"""How images are prepared, as a repository of the hub says it."""

import numpy as np
import pytest
import transformers
from contracts_encoder import blobs
from published_models import CROPPED, pixels_of, save_hf, write_ledger

from georetrieve.encoders.families.hf_images import read_transform
from georetrieve.encoders.registry import load_encoder
from georetrieve.encoders.runtime import Runtime
from georetrieve.errors import EncoderError

NAME = "hf:georetrieve/test"


def load(options=""):
    return load_encoder(NAME + options, runtime=Runtime(device="cpu"))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (CROPPED, ("crop", 64, 56, "bicubic")),
        ({"image_processor": CROPPED}, ("crop", 64, 56, "bicubic")),
        ({"size": {"height": 224, "width": 224}, "resample": 2},
         ("squash", 224, 224, "bilinear")),
        ({"size": 224, "resample": 2, "do_center_crop": False}, ("squash", 224, 224, "bilinear")),
        ({"size": 224, "crop_size": 224, "do_center_crop": True}, ("crop", 224, 224, "bicubic")),
        ({"size": {"shortest_edge": 224}, "crop_pct": 0.875}, ("crop", 256, 224, "bicubic")),
        ({"size": {"shortest_edge": 384}, "crop_pct": 0.875}, ("squash", 384, 384, "bicubic")),
        ({"size": {"height": 256, "width": 256}, "crop_size": {"height": 224, "width": 224},
          "do_center_crop": True}, ("squash", 256, 224, "bicubic")),
    ],
)  # fmt: skip
def test_how_images_are_prepared_is_read_from_the_repository(facts, expected):
    found = read_transform(facts, origin="x")
    assert (found.fit, found.resize, found.crop, found.resampling) == expected


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (CROPPED | {"rescale_factor": 1 / 127.5}, "rescale_factor"),
        (CROPPED | {"do_rescale": False}, "rescale_factor"),
        (CROPPED | {"resample": 0}, "resample = 0"),
        (CROPPED | {"do_center_crop": False}, r"size = \{'shortest_edge': 64\}"),
        (CROPPED | {"size": {"height": 64, "width": 32}}, "size"),
        (CROPPED | {"size": {"shortest_edge": 32, "longest_edge": 64}}, "size"),
        (CROPPED | {"do_resize": False}, "size"),
        (CROPPED | {"size": {"shortest_edge": 32}}, "crop_size"),
    ],
)
def test_other_preparations_are_refused(facts, words):
    with pytest.raises(EncoderError, match=rf"x prepares images with {words}"):
        read_transform(facts, origin="x")


def test_without_a_word_on_images_there_is_no_encoder(weights_root):
    folder, _ = save_hf(weights_root, NAME, "dinov2")
    (folder / "preprocessor_config.json").unlink()
    write_ledger(folder, NAME)
    with pytest.raises(EncoderError, match=r"it has no preprocessor_config\.json"):
        load()


def test_images_are_prepared_as_transformers_does(weights_root):
    save_hf(weights_root, NAME, "dinov2")
    encoder = load()
    reference = transformers.BitImageProcessorPil(**CROPPED)
    for size in ((300, 100), (64, 64), (70, 200), (31, 57)):
        image = blobs(1, size)
        expected = reference(image, return_tensors="np")["pixel_values"][0]
        assert np.abs(pixels_of(encoder, [image])[0].numpy() - expected).max() <= 1e-5
