"""How tokens become vectors, by hand."""

import pytest
import torch

from georetrieve.encoders.features import PatchHead, VectorHead, vector_dim
from georetrieve.encoders.networks.base import Network, Tokens
from georetrieve.encoders.options import Options
from georetrieve.errors import EncoderError


class Two(Network):
    """Two blocks of 1×2 patches, one number wide: fixed."""

    dim, token_dim, patch_px, side_px, depth = 3, 1, 1, 2, 2
    OUTPUTS = (
        Tokens(torch.tensor([[10.0]]), torch.tensor([[[[1.0], [3.0]]]])),
        Tokens(torch.tensor([[20.0]]), torch.tensor([[[[2.0], [-6.0]]]])),
    )

    def forward(self, pixels):
        return torch.tensor([[7.0, 8.0, 9.0]])

    def tokens(self, pixels, *, layers=1):
        return list(self.OUTPUTS[2 - layers :])

    def check_size(self, side):
        pass


@pytest.mark.parametrize(
    ("options", "vector"),
    [
        (Options(), [7, 8, 9]),
        (Options(pooling="cls"), [20]),
        (Options(pooling="cls", layers=2), [10, 20]),
        (Options(pooling="mean"), [-2]),
        (Options(pooling="mean", layers=2), [2, -2]),
        (Options(pooling="cls+mean"), [20, -2]),
        (
            Options(pooling="cls+mean", layers=2),
            [10, 20, -2],
        ),  # DINO's: every class token, one mean
        (Options(pooling="gem"), [4 ** (1 / 3)]),  # ((2³ + 0) / 2)^(1/3)
        (Options(pooling="gem", layers=2), [14 ** (1 / 3), 4 ** (1 / 3)]),
    ],
)
def test_pooling_by_hand(options, vector):
    found = VectorHead(Two(), options)(torch.zeros(1, 3, 1, 2))
    torch.testing.assert_close(found, torch.tensor([vector], dtype=torch.float32))
    assert vector_dim(Two(), options) == len(vector)


def test_patches_of_layers_are_joined_earliest_first():
    found = PatchHead(Two(), Options(pooling="mean", layers=2))(torch.zeros(1, 3, 1, 2))
    assert found.tolist() == [[[[1, 2], [3, -6]]]]


@pytest.mark.parametrize("use", [VectorHead, PatchHead, vector_dim])
def test_more_layers_than_there_are(use):
    with pytest.raises(EncoderError, match="layers=3 is more than the 2 block"):
        use(Two(), Options(pooling="cls", layers=3))
