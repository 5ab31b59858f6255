import timm
import torch
from checkpoints import SMALL_ARCH

from georetrieve.benchmarks.seeded import seeded_state, write_seeded_checkpoint
from georetrieve.encoders.registry import load_encoder
from georetrieve.encoders.runtime import Runtime


def like(arch, **settings):
    with torch.device("meta"):
        return timm.create_model(arch, num_classes=0, **settings)


def test_a_checkpoint_loads_as_a_users_own(tmp_path):
    path = write_seeded_checkpoint(tmp_path / "new", SMALL_ARCH)
    encoder = load_encoder(f"{SMALL_ARCH}@{path}", runtime=Runtime(device="cpu"))
    assert encoder.spec.dim == 64


def test_one_seed_gives_one_file(tmp_path):
    one, again, other = (
        torch.load(write_seeded_checkpoint(tmp_path / name, SMALL_ARCH, seed=seed))
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert all(torch.equal(one[key], again[key]) for key in one)
    assert not any(torch.equal(one[key], other[key]) for key in one)


def test_forty_blocks_neither_blow_up_nor_forget_the_image():
    """As deep as the giant, but thin."""
    model = like("vit_tiny_patch16_224", depth=40, img_size=64, init_values=1.0)
    model.load_state_dict(seeded_state(model.state_dict()), assign=True)
    pixels = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        raw = model.eval().forward_intermediates(pixels, norm=False)[1][-1]
        one, other = model(pixels)
    assert 0.1 < raw.std() < 10
    assert (one - other).abs().max() > 0.5


def test_a_deep_resnet_stays_in_bounds():
    model = like("resnet152")
    model.load_state_dict(seeded_state(model.state_dict()), assign=True)
    pixels = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        one, other = model.eval()(pixels)
    assert 1 < one.abs().max() < 100
    assert (one - other).abs().max() > 0.5
