"""Every encoder of the catalogue keeps the contract, with random weights as it is published.

Images are small, the networks whole; but for the giants, whose names and shapes are checked.
"""

import shutil

import pytest
from contracts_encoder import EncoderContract

from georetrieve.benchmarks.parity_run import GIANT_MB, name_differences
from georetrieve.benchmarks.publishers import at_hand, layout_of, write_seeded_files
from georetrieve.encoders.catalogue.models import ENTRIES
from georetrieve.encoders.networks.timm_models import make_network
from georetrieve.encoders.options import Options
from georetrieve.encoders.registry import load_entry
from georetrieve.encoders.runtime import Runtime
from georetrieve.protocols import TextEncoder

QUICK_MB = 100
PATCHES = 4  # along a side
GIANTS = [entry for entry in ENTRIES if entry.megabytes > GIANT_MB]


def kind(entry):
    """Networks of one kind differ in size, registers and sides of patches."""
    if "dinov2" in entry.arch:
        return "dinov2"
    return "vit" if entry.arch.startswith("vit_") else entry.arch


QUICK = {kind(entry): entry for entry in reversed(ENTRIES) if entry.megabytes <= QUICK_MB}


def param(entry):
    """Large networks, and those of the kind of another small one, are slow tests."""
    marks = [] if entry in QUICK.values() else [pytest.mark.slow]
    return pytest.param(entry, id=entry.name, marks=marks)


@pytest.fixture(scope="module", params=[param(entry) for entry in ENTRIES if entry not in GIANTS])
def entry(request):
    return request.param


@pytest.fixture(scope="module")
def loaded(entry, tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    write_seeded_files(entry, folder)
    yield load_entry(
        entry,
        at_hand(entry, folder),
        options=Options(size=PATCHES * entry.patch_px),
        runtime=Runtime(device="cpu"),
    )
    shutil.rmtree(folder)  # up to gigabytes


class TestCatalogue(EncoderContract):
    @pytest.fixture
    def encoder(self, loaded):
        return loaded

    def test_the_catalogue_tells_the_truth(self, encoder, entry):
        spec, network = encoder.spec, encoder.network
        assert (spec.family, spec.dim, spec.metric) == (entry.family, entry.dim, entry.metric)
        assert (network.patch_px, network.side_px) == (entry.patch_px, entry.side_px)
        assert isinstance(encoder, TextEncoder) is entry.text

    def test_patches_are_as_many_as_asked_for(self, encoder):
        assert encoder.encode_patches([]).shape[1:3] == (PATCHES, PATCHES)


@pytest.mark.parametrize("giant", GIANTS, ids=lambda entry: entry.name)
def test_the_giants_fit_by_name_and_shape(giant):
    published = layout_of(giant).like()
    assert name_differences(giant, published) == []
    network = make_network(giant.arch)
    facts = (network.dim, network.patch_px, network.side_px)
    assert facts == (giant.dim, giant.patch_px, giant.side_px)


def test_a_giant_that_does_not_fit_is_noticed():
    published = layout_of(GIANTS[0]).like()
    published["blocks.39.mlp.w12.bias"] = published["norm.bias"]
    del published["blocks.0.ls1.gamma"]
    assert name_differences(GIANTS[0], published) == [
        "blocks.0.ls1.gamma",
        "blocks.39.mlp.fc1.bias",
    ]
