"""OpenVINO at other sizes than the native one gives what PyTorch gives: positions are constants."""

import importlib.util

import numpy as np
import pytest
from contracts_encoder import blobs
from published_models import CLIP, MODELS, SIGLIP, save_hf, save_open_clip

from georetrieve.encoders.registry import load_encoder
from georetrieve.encoders.runtime import Runtime

TRANSFORMERS = [kind for kind in MODELS if kind not in {"convnext", "resnet"}]
SIZES = {**dict.fromkeys([*TRANSFORMERS, CLIP], 98), SIGLIP: 96}  # native are 56 and 160 px
NAME = "hf:georetrieve/test"
ALIKE = {"dinov2", "siglip", "vit", "vit_mae"}  # others resample positions in the same ways


def param(kind):
    return pytest.param(kind, marks=[pytest.mark.slow] if kind in ALIKE else [])


@pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="needs openvino")
@pytest.mark.parametrize("kind", [param(kind) for kind in SIZES])
def test_openvino_at_another_size_is_pytorch(weights_root, kind):
    """OpenVINO turns an antialiased interpolation into another: patches were 0.04 off."""
    if kind in MODELS:
        name, _ = NAME, save_hf(weights_root, NAME, kind)
    else:
        name, *_ = save_open_clip(weights_root, kind)
    exact, exported = (
        load_encoder(
            f"{name},size={SIZES[kind]}",
            runtime=Runtime(device="cpu", backend=backend, precision="fp32"),
        )
        for backend in ("torch", "openvino")
    )
    images = [blobs(0), blobs(1, (300, 100))]
    for encode in ("encode_images", "encode_patches"):
        found, wanted = (getattr(encoder, encode)(images) for encoder in (exported, exact))
        assert np.abs(found - wanted).max() <= 1e-5, encode
