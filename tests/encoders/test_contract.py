"""Every encoder of the registry keeps the contract, and comes back as it was from an index."""

import numpy as np
import pytest
from checkpoints import SMALL_ARCH, save_checkpoint
from contracts_encoder import EncoderContract, adaptable, blobs
from fakes import FAKE_FAMILY, FakeAdaptableEncoder, FakeEncoder
from published_models import CLIP, SIGLIP, save_hf, save_open_clip

from georetrieve.encoders.registry import families, load_encoder, load_for_spec
from georetrieve.encoders.runtime import Runtime
from georetrieve.protocols import AdaptableEncoder
from georetrieve.types import EncoderSpec


def small_vit(folder):
    return f"{SMALL_ARCH}@{save_checkpoint(folder / 'weights.pth')}"


def small_hf(kind):
    def make(folder):
        save_hf(folder, f"hf:georetrieve/{kind}", kind)
        return f"hf:georetrieve/{kind}"

    return make


# How to make an encoder of a family whose encoders need files: weights folder -> name.
MAKERS = {
    "timm": small_vit,
    "hf": small_hf("dinov2"),
    "hf clip": small_hf("clip"),
    "open_clip": lambda folder: save_open_clip(folder, CLIP)[0],
    "open_clip siglip": lambda folder: save_open_clip(folder, SIGLIP)[0],
}
FIXED = [name for family in families() for name in family.names]
OPEN = [family.name for family in families() if family.forms]


def test_every_family_is_checked():
    assert set(OPEN) <= set(MAKERS), "write down how to make a small encoder of the new family"


@pytest.fixture(scope="module", params=[*FIXED, *MAKERS])
def name(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    maker = MAKERS.get(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEORETRIEVE_WEIGHTS", str(folder))
        yield maker(folder) if maker else request.param


@pytest.fixture(scope="module")
def registered(name):
    return load_encoder(name, runtime=Runtime(device="cpu"))


class TestRegistered(EncoderContract):
    @pytest.fixture
    def encoder(self, registered):
        return registered

    def test_comes_back_from_its_spec(self, encoder, tmp_path):
        if isinstance(encoder, AdaptableEncoder):
            keep(encoder, tmp_path)
        comes_back(encoder, tmp_path)

    @pytest.mark.slow
    def test_comes_back_adapted(self, encoder, tmp_path):
        encoder = adaptable(encoder)
        prepared = [encoder.prepare(blobs(seed)) for seed in range(encoder.min_images_to_adapt)]
        adapted = encoder.adapt(prepared)
        keep(adapted, tmp_path)
        comes_back(adapted, tmp_path)


class TestFake(EncoderContract):
    @pytest.fixture(params=[FakeEncoder, FakeAdaptableEncoder])
    def encoder(self, request):
        return request.param()

    def test_comes_back_from_its_spec(self, encoder, tmp_path, fake_family):
        assert fake_family is FAKE_FAMILY
        if isinstance(encoder, AdaptableEncoder):
            keep(encoder, tmp_path)
        comes_back(encoder, tmp_path)


def keep(encoder, index_dir):
    (index_dir / "encoders").mkdir()
    encoder.save(index_dir / "encoders" / f"{encoder.spec.column}.safetensors")


def comes_back(encoder, index_dir):
    spec = EncoderSpec.from_json(encoder.spec.to_json())
    again = load_for_spec(spec, index_dir, runtime=Runtime(device="cpu"))
    assert again.spec.fingerprint == spec.fingerprint
    images = [blobs(20), blobs(21)]
    np.testing.assert_array_equal(again.encode_images(images), encoder.encode_images(images))
