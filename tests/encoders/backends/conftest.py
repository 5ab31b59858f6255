import pytest
import timm
import torch
from torch import nn

from georetrieve.benchmarks.seeded import seeded_state

SIDE = 160


class Patches(nn.Module):
    """Patch features (N, 10, 10, 64) of the tiny transformer."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixels):
        return self.model.forward_features(pixels)[:, 1:].unflatten(1, (10, 10))


@pytest.fixture(scope="session")
def network():
    """timm's transformer for tests, seeded: (N, 3, 160, 160) -> (N, 64)."""
    model = timm.create_model("test_vit", pretrained=False, num_classes=0)
    model.load_state_dict(seeded_state(model.state_dict()))
    return model.eval().requires_grad_(False)


@pytest.fixture(scope="session")
def patches(network):
    return Patches(network).eval()


@pytest.fixture(scope="session")
def pixels():
    return torch.randn(5, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(3))
