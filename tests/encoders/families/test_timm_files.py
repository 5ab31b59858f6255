import math

import numpy as np
import pytest
import torch
from checkpoints import SMALL_ARCH, save_checkpoint, save_dino, seeded_state
from contracts_encoder import blobs
from torch.nn import functional

from georetrieve.encoders.registry import load_encoder
from georetrieve.encoders.runtime import Runtime
from georetrieve.errors import EncoderError


def paper_forward(state, pixels, *, heads, patch, eps=1e-6):
    """The vision transformer of DINO, written from its paper: all tokens after the last norm."""

    def norm(x, name):
        weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        return functional.layer_norm(x, x.shape[-1:], weight, bias, eps)

    def linear(x, name):
        return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    def attention(x, name):
        count, tokens, width = x.shape
        qkv = linear(x, f"{name}.qkv").reshape(count, tokens, 3, heads, width // heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-1, -2) / math.sqrt(width // heads)).softmax(-1)
        return linear((weights @ v).transpose(1, 2).reshape(count, tokens, width), f"{name}.proj")

    kernel = state["patch_embed.proj.weight"]
    grid = functional.conv2d(pixels, kernel, state["patch_embed.proj.bias"], stride=patch)
    x = grid.flatten(2).transpose(1, 2)
    x = torch.cat([state["cls_token"].expand(len(x), -1, -1), x], 1) + state["pos_embed"]
    for depth in range(sum(key.endswith("attn.qkv.weight") for key in state)):
        block = f"blocks.{depth}"
        x = x + attention(norm(x, f"{block}.norm1"), f"{block}.attn")
        hidden = functional.gelu(linear(norm(x, f"{block}.norm2"), f"{block}.mlp.fc1"))
        x = x + linear(hidden, f"{block}.mlp.fc2")
    return norm(x, "norm")


def reference_pixels(image):
    pixels = np.asarray(image.resize((256, 256), 3), np.float64)[16:240, 16:240] / 255
    pixels = (pixels - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    return torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)


@pytest.mark.parametrize(
    ("arch", "heads", "width"),
    [
        ("vit_small_patch16_224", 6, 384),
        pytest.param("vit_base_patch16_224", 12, 768, marks=pytest.mark.slow),
    ],
)
def test_equals_the_vision_transformer_of_dino(tmp_path, arch, heads, width):
    path = save_checkpoint(tmp_path / "w.pth", arch)
    encoder = load_encoder(f"{arch}@{path}", runtime=Runtime(device="cpu"))
    images = [blobs(0), blobs(1, (300, 500))]
    with torch.inference_mode():
        pixels = torch.stack([reference_pixels(image) for image in images])
        tokens = paper_forward(seeded_state(arch), pixels, heads=heads, patch=16).numpy()
    vectors = encoder.encode_images(images)
    assert vectors.shape == (2, width)
    assert np.abs(tokens[:, 0] - vectors).max() <= 1e-4
    patches = encoder.encode_patches(images)
    assert patches.shape == (2, 14, 14, width)
    assert np.abs(tokens[:, 1:].reshape(2, 14, 14, width) - patches).max() <= 1e-4
    assert not np.allclose(np.linalg.norm(vectors, axis=1), 1), "unnormalised, as SCAMPI compares"


def test_spec_says_what_the_vectors_depend_on(tmp_path):
    path = save_checkpoint(tmp_path / "weights.safetensors")
    spec = load_encoder(f"{SMALL_ARCH}@{path}", runtime=Runtime(device="cpu")).spec
    assert spec.name == f"{SMALL_ARCH}@weights.safetensors"
    assert spec.column == "vector_test_vit_weights_safetensors"
    assert (spec.family, spec.arch, spec.weights) == ("timm", SMALL_ARCH, str(path))
    assert (spec.dim, spec.patch_size, spec.metric, spec.normalised) == (64, 16, "euclidean", False)
    assert (spec.transform["squash"], spec.transform["crop"]) == (183, 160)


def test_architectures_of_one_shape_do_not_share_a_fingerprint(tmp_path):
    """Weights fit both; the activation, hence the vectors, differ."""
    path = save_checkpoint(tmp_path / "w.pth", "vit_base_patch32_clip_224")
    one, other = (
        load_encoder(f"{arch}@{path}", runtime=Runtime(device="cpu"))
        for arch in ("vit_base_patch32_clip_224", "vit_base_patch32_clip_quickgelu_224")
    )
    assert one.spec.fingerprint != other.spec.fingerprint
    assert np.abs(one.encode_images([blobs(0)]) - other.encode_images([blobs(0)])).max() > 1e-3


def test_registers_and_class_token_are_no_patches(tmp_path):
    arch = "vit_small_patch14_reg4_dinov2"
    path = save_checkpoint(tmp_path / "w.pth", arch)
    encoder = load_encoder(f"{arch}@{path},size=112", runtime=Runtime(device="cpu"))
    assert encoder.encode_patches([blobs(0)]).shape == (1, 8, 8, 384)


def test_a_tag_brings_its_channel_statistics(tmp_path):
    arch = "vit_xsmall_patch16_clip_224"
    path = save_checkpoint(tmp_path / "w.pth", arch)
    plain = load_encoder(f"{arch}@{path}", runtime=Runtime(device="cpu")).spec
    tagged = load_encoder(f"{arch}.tinyclip_yfcc15m@{path}", runtime=Runtime(device="cpu")).spec
    assert plain.transform["mean"] == [0.485, 0.456, 0.406]
    assert tagged.transform["mean"] == pytest.approx([0.4815, 0.4578, 0.4082], abs=1e-4)


@pytest.mark.parametrize(
    ("arch", "words"),
    [
        ("vit_smal_patch16_224", r"Unknown architecture.*Did you mean 'vit_small_patch16_224'\?"),
        ("vit_small_patch16_224.dinno", r"Unknown tag 'dinno'.*Did you mean 'dino'\?"),
        ("swin_tiny_patch4_window7_224", r"SwinTransformer is neither a vision transformer nor"),
        ("", r"lacks its architecture.*Random weights are never used"),
    ],
)
def test_architectures_that_cannot_be_used(tmp_path, arch, words):
    path = save_checkpoint(tmp_path / "w.pth")
    with pytest.raises(EncoderError, match=words):
        load_encoder(f"{arch}@{path}")


def test_without_weights_there_is_no_encoder(tmp_path):
    with pytest.raises(EncoderError, match="lacks its architecture or its file"):
        load_encoder(f"{SMALL_ARCH}@")
    with pytest.raises(EncoderError, match=rf"no weights at {tmp_path}/none\.pth"):
        load_encoder(f"{SMALL_ARCH}@{tmp_path}/none.pth")


def test_weights_of_another_architecture_are_refused(tmp_path):
    path = save_checkpoint(tmp_path / "w.pth")
    with pytest.raises(EncoderError, match=r"w\.pth for vit_small_patch16_224 does not fit"):
        load_encoder(f"vit_small_patch16_224@{path}")


def test_a_relative_path_and_a_link_are_taken_as_typed(tmp_path, monkeypatch):
    save_checkpoint(tmp_path / "blob.pth")
    (tmp_path / "nice name@1.pth").symlink_to("blob.pth")
    monkeypatch.chdir(tmp_path)
    spec = load_encoder(f"{SMALL_ARCH}@nice name@1.pth", runtime=Runtime(device="cpu")).spec
    assert spec.name == f"{SMALL_ARCH}@nice name@1.pth"
    assert spec.weights == str(tmp_path / "nice name@1.pth")


def test_the_student_is_another_encoder_than_the_teacher(tmp_path):
    path = save_dino(tmp_path / "checkpoint.pth")
    teacher, student = (
        load_encoder(f"{SMALL_ARCH}@{path}{part}", runtime=Runtime(device="cpu"))
        for part in ("", "#student")
    )
    assert (
        np.abs(teacher.encode_images([blobs(0)]) - student.encode_images([blobs(0)])).max() > 0.01
    )


@pytest.mark.parametrize(
    ("device", "words"),
    [
        ("gpu", "'gpu' is unknown; use auto"),
        ("cuda:x", "'cuda:x' is unknown"),
        ("cuda:99", r"'cuda:99' is not there.*try auto or cpu"),
        ("cpu:1", r"'cpu:1' is not there"),
    ],
)
def test_devices_that_are_not_there(tmp_path, device, words):
    path = save_checkpoint(tmp_path / "w.pth")
    with pytest.raises(EncoderError, match=words):
        load_encoder(f"{SMALL_ARCH}@{path}", runtime=Runtime(device=device))
