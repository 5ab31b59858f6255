import numpy as np
import pytest
import torch
from contracts_encoder import blobs
from PIL import Image
from torchvision import transforms

from georetrieve.encoders import transforms as transforms_module
from georetrieve.encoders.transforms import IMAGENET_MEAN, IMAGENET_STD, SquareCrop
from georetrieve.errors import EncoderError

CPU = torch.device("cpu")


@pytest.mark.parametrize("size", [(300, 500), (512, 200), (37, 90), (256, 256), (1, 1), (1, 5000)])
def test_equals_the_pipeline_of_the_scampi_benchmark(size):
    image = blobs(0, size)
    reference = transforms.Compose(
        [
            transforms.Resize((256, 256), interpolation=transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize(IMAGENET_MEAN, IMAGENET_STD),
        ]
    )
    protocol = SquareCrop()
    ours = protocol.normalise([protocol.prepare(image)], CPU)[0]
    assert (ours - reference(image)).abs().max() <= 1e-6


@pytest.mark.parametrize("fit", ["squash", "crop"])
@pytest.mark.parametrize("resampling", ["bicubic", "bilinear"])
def test_of_long_strips_only_what_is_kept_is_made(fit, resampling, monkeypatch):
    monkeypatch.setattr(transforms_module, "MOST_RESIZED", 0)
    protocol = SquareCrop(fit=fit, resize=64, crop=56, resampling=resampling)
    how = Image.Resampling[resampling.upper()]
    rng = np.random.default_rng(0)
    for width, height in [(64, 64), (56, 300), (301, 97), (33, 57), (7, 5), (3, 2000), (511, 512)]:
        image = Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
        across, down = (
            (64, 64) if fit == "squash" else [64 * one // min(image.size) for one in image.size]
        )
        left, top = round((across - 56) / 2), round((down - 56) / 2)
        # Across first, or down first: Pillow does what is less work.
        wholes = [
            image.resize(first, how).resize((across, down), how)
            for first in ((across, height), (width, down))
        ]
        made = protocol.prepare(image).astype(int)
        wanted = [np.asarray(one.crop((left, top, left + 56, top + 56))) for one in wholes]
        # Pillow takes the box in single precision, which may round a byte otherwise.
        assert min(np.abs(made - one).max() for one in wanted) <= 1


def test_a_thread_of_an_image_takes_no_memory():
    protocol = SquareCrop(fit="crop", resize=592, crop=518)
    assert protocol.prepare(Image.new("RGB", (1, 100_000))).shape == (518, 518, 3)  # of 100 GB


def test_prepares_bytes_of_the_right_shape():
    array = SquareCrop().prepare(blobs(0))
    assert array.shape == (224, 224, 3)
    assert array.dtype == np.uint8


def test_normalises_by_hand_worked_numbers():
    protocol = SquareCrop(resize=2, crop=2, mean=(0.5, 0.0, 0.2), std=(0.5, 1.0, 0.1))
    image = Image.new("RGB", (2, 2), (255, 51, 51))
    pixels = protocol.normalise([protocol.prepare(image)], CPU)
    assert pixels.shape == (1, 3, 2, 2)
    # (1 - 0.5) / 0.5, (0.2 - 0) / 1, (0.2 - 0.2) / 0.1
    assert pixels[0, :, 1, 0].tolist() == pytest.approx([1.0, 0.2, 0.0], abs=1e-6)


def test_crops_the_centre():
    """Of 256 pixels 16 go on each side: a frame of that width disappears."""
    image = Image.new("RGB", (256, 256), (255, 0, 0))
    image.paste((0, 0, 255), (16, 16, 240, 240))
    assert set(SquareCrop().prepare(image).reshape(-1, 3).T[0]) == {0}


@pytest.mark.parametrize(("side", "squash"), [(224, 256), (160, 183), (518, 592), (384, 439)])
def test_keeps_the_proportion_of_the_protocol_at_other_sizes(side, squash):
    assert SquareCrop.for_side(side) == SquareCrop(resize=squash, crop=side)


def test_refuses_what_is_not_rgb():
    with pytest.raises(EncoderError, match=r"'L'.*RGB"):
        SquareCrop().prepare(Image.new("L", (4, 4)))


def test_is_part_of_the_spec():
    assert SquareCrop().to_json() == {
        "kind": "squash-crop",
        "resampling": "bicubic",
        "squash": 256,
        "crop": 224,
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
    }


@pytest.mark.parametrize("size", [(300, 500), (512, 200), (37, 90), (224, 224), (1, 7)])
def test_equals_the_pipeline_of_photographs(size):
    image = blobs(0, size)
    reference = transforms.Compose(
        [
            transforms.Resize(32, interpolation=transforms.InterpolationMode.BILINEAR),
            transforms.CenterCrop(24),
            transforms.ToTensor(),
            transforms.Normalize(IMAGENET_MEAN, IMAGENET_STD),
        ]
    )
    protocol = SquareCrop(fit="crop", resize=32, crop=24, resampling="bilinear")
    ours = protocol.normalise([protocol.prepare(image)], CPU)[0]
    assert (ours - reference(image)).abs().max() <= 1e-6


def test_fit_is_part_of_the_spec():
    assert SquareCrop(fit="crop", resize=32, crop=24).to_json()["kind"] == "resize-crop"
    assert SquareCrop(fit="crop", resize=32, crop=24).to_json()["resize"] == 32
