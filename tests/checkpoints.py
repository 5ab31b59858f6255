"""Checkpoints of real architectures with seeded weights, in the formats they are published in."""

import argparse

import timm
import torch
from safetensors.torch import save_file

SMALL_ARCH = "test_vit"  # timm's own for tests: 160 px, patches of 16, width 64


def seeded_state(arch=SMALL_ARCH, seed=0):
    """State dict of an architecture without its classifier; layers as large as trained ones."""
    with torch.device("meta"):
        shapes = timm.create_model(arch, pretrained=False, num_classes=0).state_dict()
    rng = torch.Generator().manual_seed(seed)
    state = {key: 0.06 * torch.randn(like.shape, generator=rng) for key, like in shapes.items()}
    for key in state:
        if "norm" in key and key.endswith("weight"):
            state[key] += 1
    return state


def save_checkpoint(path, arch=SMALL_ARCH, seed=0):
    """Save a plain state dict as ``.pth`` or ``.safetensors``, by the suffix; return the path."""
    state = seeded_state(arch, seed)
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    return path


def save_dino(path, arch=SMALL_ARCH):
    """A full checkpoint as DINO's training writes it; teacher has seed 1, student seed 2."""
    head = {f"head.mlp.{i}.weight": torch.ones(2, 2) for i in (0, 2, 4)}
    head |= {"head.last_layer.weight_g": torch.ones(2), "head.last_layer.weight_v": torch.ones(2)}

    def backbone(seed, prefix):
        state = {f"backbone.{key}": value for key, value in seeded_state(arch, seed).items()}
        return {f"{prefix}{key}": value for key, value in (state | head).items()}

    payload = {
        "student": backbone(2, "module."),
        "teacher": backbone(1, ""),
        "optimizer": {"state": {}, "param_groups": [{"lr": 5e-4}]},
        "epoch": 100,
        "args": argparse.Namespace(arch="vit_small", patch_size=16),
        "dino_loss": {"center": torch.zeros(1, 2)},
    }
    torch.save(payload, path)
    return path
