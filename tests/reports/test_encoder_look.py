"""A picture of what an encoder sees."""

import numpy as np
import pytest
from checkpoints import SMALL_ARCH, save_checkpoint
from contracts_encoder import blobs
from fakes import FakeEncoder
from PIL import Image
from typer.testing import CliRunner

from georetrieve.cli.app import app
from georetrieve.errors import EncoderError, SourceError
from georetrieve.probes.patch_colours import colours_of_patches
from georetrieve.reports.encoder_look import Look, look_at, save_look


def size_of(path):
    with Image.open(path) as picture:
        return picture.size


def test_patches_alike_have_one_colour_and_the_first_axis_is_red():
    """Two kinds of patch, apart along one axis, which holds all of the variance."""
    patches = np.zeros((2, 4, 5), np.float32)
    patches[:, 2:, 3] = 2
    colours, share = colours_of_patches(patches)
    assert share == pytest.approx(1)
    assert colours.shape == (2, 4, 3)
    np.testing.assert_allclose(colours[:, :2], np.zeros((2, 2, 3)), atol=1e-6)
    np.testing.assert_allclose(colours[:, 2:], np.ones((2, 2, 1)) * [1, 0, 0], atol=1e-6)


def test_patches_that_are_all_one_are_drawn_too():
    colours, share = colours_of_patches(np.ones((3, 3, 2), np.float32))
    assert share == 1
    assert (colours == colours[0, 0]).all()


@pytest.mark.parametrize("heads", [None, 1, 6, 16])
def test_a_look_of_any_number_of_heads_is_drawn(tmp_path, heads):
    rng = np.random.default_rng(0)
    look = Look(
        encoder="an_encoder_with_a_very_long_name@and_a_file.pth,pooling=cls+mean,layers=4",
        seen=np.asarray(blobs(0, (64, 64))),
        patches=rng.normal(size=(8, 8, 5)).astype(np.float32),
        attention=None if heads is None else np.full((heads, 8, 8), 1 / 65, np.float32),
    )
    path = save_look(tmp_path / "new" / "look.png", look, title="$x$ µ.png")
    width, height = size_of(path)
    assert width == (1020 if heads is None else 1530)
    assert height > 600 + 200 * (0 if heads is None else -(-heads // 6))


def test_the_command_draws_a_network_and_the_bundled_encoder(tmp_path):
    blobs(0).save(tmp_path / "a.png")
    weights = save_checkpoint(tmp_path / "w.pth")
    for name in (f"{SMALL_ARCH}@{weights}", "bundled"):
        out = tmp_path / f"{name[:4]}.png"
        words = ["encoders", "look", str(tmp_path / "a.png"), "-e", name, "--save", str(out)]
        result = CliRunner().invoke(app, [*words, "--device", "cpu"])
        assert result.exit_code == 0, result.output
        assert size_of(out)[0] in {1020, 1530}


def test_what_cannot_be_drawn(tmp_path):
    look = look_at(FakeEncoder(), blobs(0))
    with pytest.raises(SourceError, match=r"look\.txt cannot be drawn"):
        save_look(tmp_path / "look.txt", look, title="a")

    class Plain:
        spec = FakeEncoder().spec

    with pytest.raises(EncoderError, match="fake has no patches to look at"):
        look_at(Plain(), blobs(0))
