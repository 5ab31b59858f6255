"""Networks of timm at other sizes than their own, what they attend to, and CNNs."""

import math

import numpy as np
import pytest
import timm
import torch
from checkpoints import SMALL_ARCH, seeded_state
from PIL import Image

from georetrieve.encoders.networks.base import AttentiveNetwork
from georetrieve.encoders.networks.timm_models import fill, make_network, usual_positions
from georetrieve.encoders.networks.timm_vit import resample_positions
from georetrieve.errors import EncoderError

SIDE = 160  # of SMALL_ARCH, with patches of 16


def network(arch=SMALL_ARCH, **how):
    made = make_network(arch, **how)
    fill(made, arch, seeded_state(arch), origin=arch)
    return made.eval()


def pixels(height, width, count=2):
    return torch.randn(count, 3, height, width, generator=torch.Generator().manual_seed(1))


def cubic(distance, a):
    """Keys' kernel (1981)."""
    x = abs(distance)
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0


def bicubic_axis(values, length, scale, a=-0.75):
    """Resample the first axis; a value beyond the border is that of the border."""
    out = np.zeros((length, *values.shape[1:]))
    for place in range(length):
        at = (place + 0.5) / scale - 0.5
        for step in range(-1, 3):
            near = math.floor(at) + step
            out[place] += cubic(at - near, a) * values[min(max(near, 0), len(values) - 1)]
    return out


@pytest.mark.parametrize("kind", ["dino", "dinov2", "bicubic"])
@pytest.mark.parametrize(("rows", "columns"), [(7, 5), (3, 4), (2, 9)])
def test_positions_are_resampled_by_the_authors_formula(kind, rows, columns):
    square = torch.randn(1, 4, 4, 3, generator=torch.Generator().manual_seed(0))
    extra = 0 if kind == "bicubic" else 0.1
    wanted = bicubic_axis(square[0].double().numpy(), rows, (rows + extra) / 4)
    wanted = bicubic_axis(wanted.swapaxes(0, 1), columns, (columns + extra) / 4).swapaxes(0, 1)
    found = resample_positions(square, rows, columns, kind)
    np.testing.assert_allclose(found[0].numpy(), wanted, atol=1e-5)


@pytest.mark.parametrize("kind", ["", "antialiased"])
def test_antialiased_positions_are_as_pillow_resamples(kind):
    square = torch.randn(1, 6, 6, 1, generator=torch.Generator().manual_seed(0))
    wanted = Image.fromarray(square[0, :, :, 0].numpy()).resize((9, 4), Image.Resampling.BICUBIC)
    found = resample_positions(square, 4, 9, kind)
    np.testing.assert_allclose(found[0, :, :, 0].numpy(), np.asarray(wanted), atol=1e-5)


@pytest.mark.parametrize(
    ("arch", "kind"),
    [
        ("vit_small_patch16_224", "dino"),
        ("vit_base_patch8_224.dino", "dino"),
        ("vit_small_patch16_224.augreg_in21k", ""),
        ("vit_base_patch14_dinov2", "dinov2"),
        ("vit_base_patch14_reg4_dinov2.lvd142m", "antialiased"),
        ("vit_base_patch16_224.mae", "bicubic"),
        ("resnet50", ""),
    ],
)
def test_an_architecture_implies_how_its_positions_are_brought_to_a_size(arch, kind):
    assert usual_positions(arch) == kind


@torch.inference_mode()
def test_at_its_own_size_it_is_timms_network():
    arch, state = SMALL_ARCH, seeded_state()
    model = timm.create_model(arch, num_classes=0).eval()
    model.load_state_dict(state)
    x, ours = pixels(SIDE, SIDE), network(positions="dino")
    torch.testing.assert_close(ours(x), model(x))
    tokens = ours.tokens(x, layers=3)
    _, theirs = model.forward_intermediates(x, indices=3, norm=True, return_prefix_tokens=True)
    for mine, (patches, prefix) in zip(tokens, theirs, strict=True):
        torch.testing.assert_close(mine.patches, patches.permute(0, 2, 3, 1))
        torch.testing.assert_close(mine.cls, prefix[:, 0])


@torch.inference_mode()
def test_at_another_size_it_is_timms_network_made_for_that_size():
    """timm resamples antialiased when weights are loaded into a network of another size."""
    arch, state = SMALL_ARCH, seeded_state()
    model = timm.create_model(arch, num_classes=0).eval()
    model.load_state_dict(state)
    model.set_input_size((96, 208))
    x, ours = pixels(96, 208), network(positions="antialiased")
    torch.testing.assert_close(ours(x), model(x))
    assert ours.tokens(x)[0].patches.shape == (2, 6, 13, 64)
    assert ours.attention(x).shape == (2, model.blocks[0].attn.num_heads, 6, 13)


@torch.inference_mode()
def test_positions_of_a_size_are_computed_once_and_the_ways_differ():
    x = pixels(96, 96)
    ways = {kind: network(positions=kind) for kind in ("dino", "bicubic", "antialiased")}
    outputs = {kind: made(x) for kind, made in ways.items()}
    assert (outputs["dino"] - outputs["bicubic"]).abs().max() > 1e-4
    assert (outputs["dino"] - outputs["antialiased"]).abs().max() > 1e-4
    made = ways["dino"]
    assert len(made._resampled) == 1
    made.settle(96)
    made(x)
    assert len(made._resampled) == 1


@torch.inference_mode()
def test_attention_is_the_softmax_of_the_class_tokens_query():
    made, x = network(), pixels(SIDE, 96)
    block = made.model.blocks[-1]
    seen = []
    handle = block.attn.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    made(x)
    handle.remove()
    heads = block.attn.num_heads
    qkv = block.attn.qkv(seen[0]).reshape(2, -1, 3, heads, 64 // heads).permute(2, 0, 3, 1, 4)
    weights = (qkv[0] @ qkv[1].transpose(-1, -2) / math.sqrt(64 // heads)).softmax(-1)
    maps = made.attention(x)
    torch.testing.assert_close(maps.flatten(2), weights[:, :, 0, 1:])
    assert block.attn.fused_attn, "only the copy is spelled out"
    torch.testing.assert_close(maps, made.attention(x))


@torch.inference_mode()
def test_rotary_positions_and_constants_that_no_file_holds():
    arch = "eva02_tiny_patch14_224"
    model = timm.create_model(arch, num_classes=0).eval()
    model.load_state_dict(seeded_state(arch))
    made, x = network(arch), pixels(224, 224, 1)
    torch.testing.assert_close(made(x), model(x), atol=1e-4, rtol=1e-4)
    assert made(pixels(112, 56)).shape == (2, 192)
    maps = made.attention(pixels(112, 56))
    assert maps.shape[2:] == (8, 4)
    assert (maps.sum((2, 3)) < 1).all()


@torch.inference_mode()
def test_without_a_class_token_there_is_no_attention_and_what_is_pooled_stands_in():
    arch = "vit_base_patch32_siglip_256"
    made = make_network(arch)
    assert not isinstance(made, AttentiveNetwork)
    fill(made, arch, seeded_state(arch), origin=arch)
    x = pixels(256, 256, 1)
    torch.testing.assert_close(made.eval().tokens(x)[0].cls, made(x))


@torch.inference_mode()
def test_the_vector_of_scampis_mae_is_the_standardised_mean_of_the_patches():
    made, x = network(vector="patch-mean"), pixels(SIDE, SIDE)
    tokens, _ = made._embed(x)
    mean = made.model.blocks(tokens)[:, 1:].mean(1).double().numpy()
    wanted = (mean - mean.mean(1, keepdims=True)) / np.sqrt(mean.var(1, keepdims=True) + 1e-6)
    np.testing.assert_allclose(made(x).numpy(), wanted, atol=1e-5)


@pytest.mark.parametrize(("side", "use"), [(100, "96 or 112"), (15, "16 or 32"), (0, "16 or 32")])
def test_sides_that_are_no_whole_patches_are_refused(side, use):
    with pytest.raises(EncoderError, match=f"{side} px is not whole patches of 16 px; use {use}"):
        make_network(SMALL_ARCH).check_size(side)


@torch.inference_mode()
def test_of_a_resnet_the_vector_is_the_mean_of_the_last_map():
    state = seeded_state("resnet18")
    state = {k: v.abs() + 0.1 if "running_var" in k else v for k, v in state.items()}
    counted = [key for key in state if key.endswith("num_batches_tracked")]
    for key in counted:
        del state[key]  # as in torchvision's older files
    state |= {"fc.weight": torch.ones(1000, 512), "fc.bias": torch.ones(1000)}
    made = make_network("resnet18")
    fill(made, "resnet18", state, origin="resnet18")
    x = pixels(96, 160)
    tokens = made.eval().tokens(x)[0]
    assert (made.dim, made.patch_px, made.side_px, made.depth) == (512, 32, 224, 1)
    assert tokens.patches.shape == (2, 3, 5, 512)
    torch.testing.assert_close(tokens.patches.mean((1, 2)), made(x))
    torch.testing.assert_close(tokens.cls, made(x))
    with pytest.raises(EncoderError, match="100 px is not whole patches of 32 px"):
        made.check_size(100)
