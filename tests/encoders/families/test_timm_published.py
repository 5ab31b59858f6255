"""Encoders whose weights lie in the weights folder, and options of any network of timm."""

import numpy as np
import pytest
import timm
import torch
from checkpoints import SMALL_ARCH, save_checkpoint, seeded_state
from contracts_encoder import blobs
from published_models import write_ledger
from safetensors.torch import save_file
from timm.data import create_transform, resolve_data_config

from georetrieve.encoders.catalogue.weights_folder import WeightsFolder
from georetrieve.encoders.families.timm import entry_for
from georetrieve.encoders.registry import load_encoder, load_for_spec
from georetrieve.encoders.runtime import Runtime
from georetrieve.errors import EncoderError
from georetrieve.protocols import AttentiveEncoder, DensePatchEncoder, PatchEncoder

CPU = Runtime(device="cpu")
PUBLISHED = "timm:test_vit.r160_in1k"


@pytest.fixture
def published(weights_root):
    """timm's test network with its classifier, as timm publishes it; the name."""
    folder = WeightsFolder.default().folder(PUBLISHED)
    folder.mkdir()
    state = seeded_state() | {"head.weight": torch.ones(1000, 64), "head.bias": torch.ones(1000)}
    save_file(state, folder / "model.safetensors")
    write_ledger(folder, PUBLISHED)
    return PUBLISHED


@pytest.fixture
def file(tmp_path):
    return f"{SMALL_ARCH}@{save_checkpoint(tmp_path / 'w.pth')}"


def test_the_entry_of_a_name_of_timm():
    entry = entry_for(PUBLISHED)
    assert entry.arch == "test_vit.r160_in1k"
    assert [file.name for file in entry.files] == ["model.safetensors"]
    assert entry.files[0].sources == ("hub:timm/test_vit.r160_in1k@main/model.safetensors",)
    assert (entry.dim, entry.patch_px, entry.side_px) == (64, 16, 160)
    assert entry.licence == "apache-2.0"
    fit = entry.transform
    assert (fit.fit, fit.resize, fit.crop, fit.resampling) == ("crop", 168, 160, "bicubic")


def test_without_a_tag_it_is_the_one_timm_would_take():
    assert entry_for("timm:resnet50").arch == "resnet50.a1_in1k"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("timm:vit_smal_patch16_224", "Unknown architecture.*Did you mean 'vit_small_patch16_224'"),
        ("timm:vit_small_patch16_224.dinno", "Unknown tag 'dinno'.*Did you mean 'dino'"),
        ("timm:vit_giant_patch14_224", "timm publishes no weights"),
    ],
)
def test_names_that_timm_does_not_publish(name, words):
    with pytest.raises(EncoderError, match=words):
        load_encoder(name)


def test_it_is_loaded_from_the_weights_folder(published):
    encoder = load_encoder(published, runtime=CPU)
    assert isinstance(encoder, AttentiveEncoder)
    assert isinstance(encoder, DensePatchEncoder)
    spec = encoder.spec
    assert (spec.name, spec.family, spec.arch) == (published, "timm", "test_vit.r160_in1k")
    assert spec.revision == "0" * 40


@torch.inference_mode()
def test_it_is_fed_as_timm_evaluates_it(published):
    model = timm.create_model("test_vit.r160_in1k", num_classes=0).eval()
    model.load_state_dict(seeded_state())
    feed = create_transform(**resolve_data_config(model=model))
    images = [blobs(0, (300, 500)), blobs(1, (90, 61))]
    wanted = model(torch.stack([feed(image) for image in images])).numpy()
    found = load_encoder(published, runtime=CPU).encode_images(images)
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_it_comes_back_from_its_spec_from_wherever_its_weights_lie(published, tmp_path):
    name = f"{published},pooling=cls+mean,layers=3,size=96,fit=squash"
    encoder = load_encoder(name, runtime=CPU)
    assert encoder.spec.dim == 4 * 64
    again = load_for_spec(encoder.spec, tmp_path, runtime=CPU)
    assert again.spec == encoder.spec
    images = [blobs(0), blobs(1)]
    np.testing.assert_array_equal(again.encode_images(images), encoder.encode_images(images))
    kept = WeightsFolder.default().folder(published)
    (tmp_path / "encoders").mkdir()
    (kept / "model.safetensors").rename(tmp_path / "encoders" / "model.safetensors")
    (kept / "weights.json").unlink()
    assert load_for_spec(encoder.spec, tmp_path, runtime=CPU).spec == encoder.spec
    (tmp_path / "encoders" / "model.safetensors").unlink()
    with pytest.raises(EncoderError, match=f"georetrieve encoders pull {published}"):
        load_for_spec(encoder.spec, tmp_path)


@pytest.mark.parametrize(
    ("options", "dim", "features"),
    [
        ("", 64, {}),
        (",pooling=cls", 64, {"pooling": "cls", "layers": 1}),
        (",pooling=mean,layers=2", 128, {"pooling": "mean", "layers": 2}),
        (",pooling=cls+mean,layers=4", 320, {"pooling": "cls+mean", "layers": 4}),
        (",pooling=gem,rotations=8", 64, {"pooling": "gem", "layers": 1, "rotations": 8}),
        (",fit=crop", 64, {}),
    ],
)
def test_options_are_in_the_name_and_in_the_spec(file, tmp_path, options, dim, features):
    encoder = load_encoder(file + options, runtime=CPU)
    assert encoder.spec.name == f"{SMALL_ARCH}@w.pth{options}"
    assert encoder.spec.dim == dim
    assert encoder.spec.features == features
    again = load_for_spec(encoder.spec, tmp_path, runtime=CPU)
    assert again.spec == encoder.spec
    images = [blobs(0)]
    assert encoder.encode_images(images).shape == (1, dim)
    np.testing.assert_array_equal(again.encode_images(images), encoder.encode_images(images))


def test_every_option_is_another_encoder(file):
    names = ["", ",pooling=mean", ",pooling=gem", ",size=96", ",fit=crop", ",rotations=8"]
    specs = [load_encoder(file + name, runtime=CPU).spec for name in names]
    assert len({spec.fingerprint for spec in specs}) == len(names)
    assert len({spec.column for spec in specs}) == len(names)


def test_a_size_keeps_the_share_that_is_cropped(file):
    spec = load_encoder(f"{file},size=448", runtime=CPU).spec
    assert (spec.transform["squash"], spec.transform["crop"]) == (512, 448)


def test_how_positions_are_resampled_is_recorded_where_they_are(tmp_path):
    arch = "vit_small_patch14_dinov2"
    path = save_checkpoint(tmp_path / "w.pth", arch)
    at = {size: load_encoder(f"{arch}@{path},size={size}", runtime=CPU) for size in (518, 112)}
    assert at[518].spec.features == {}
    assert at[112].spec.features == {"positions": "dinov2"}
    assert at[112].encode_patches([blobs(0)]).shape == (1, 8, 8, 384)
    assert at[112].attention([blobs(0)]).shape == (1, 6, 8, 8)
    windows = np.zeros((2, 28, 42, 3), np.uint8)
    assert at[112].patch_grids(windows).shape == (2, 2, 3, 384)
    with pytest.raises(EncoderError, match="43 px is not whole patches of 14 px"):
        at[112].patch_grids(np.zeros((1, 28, 43, 3), np.uint8))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (",size=100", "100 px is not whole patches of 16 px; use 96 or 112"),
        (",pooling=cls,layers=99", "layers=99 is more than the"),
    ],
)
def test_what_the_network_does_not_take_is_said_before_anything_is_fetched(
    weights_root, options, words
):
    with pytest.raises(EncoderError, match=words):
        load_encoder(PUBLISHED + options)


def test_a_resnet_is_a_patch_encoder_without_attention(tmp_path):
    state = {
        key: tensor.abs() + 0.1 if "running_var" in key else tensor
        for key, tensor in seeded_state("resnet18").items()
        if "num_batches" not in key
    }
    torch.save({"state_dict": state}, tmp_path / "w.pth")
    encoder = load_encoder(f"resnet18@{tmp_path / 'w.pth'},size=96", runtime=CPU)
    assert isinstance(encoder, PatchEncoder)
    assert not isinstance(encoder, AttentiveEncoder)
    assert encoder.encode_images([blobs(0)]).shape == (1, 512)
    assert encoder.encode_patches([blobs(0)]).shape == (1, 3, 3, 512)
