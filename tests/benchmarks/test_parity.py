"""Our networks beside those of their authors.

transformers and OpenCLIP are compared in small; the rest where GEORETRIEVE_REFERENCES names a
folder of clones (see ``georetrieve bench parity --help``).
"""

import json
import math
import os
import sys
from dataclasses import replace
from pathlib import Path

import open_clip
import pytest
import torch
import transformers
from published_models import CLIP_CONFIG, DINOV3, SIGLIP_CONFIG, SMALL
from typer.testing import CliRunner

from georetrieve.benchmarks.clones import CLONES, Clone
from georetrieve.benchmarks.library_references import HfVit, OpenClip
from georetrieve.benchmarks.parity import Comparison, compare, differences, sides_of
from georetrieve.benchmarks.parity_run import GIANT_MB, chosen, compare_entry
from georetrieve.benchmarks.publishers import (
    at_hand,
    dinov2_name,
    layout_of,
    publisher_of,
    write_seeded_entry,
)
from georetrieve.benchmarks.references import LAYERS, DinoV2
from georetrieve.cli.app import app
from georetrieve.encoders.catalogue.models import ENTRIES
from georetrieve.encoders.catalogue.weights_folder import WeightsFolder
from georetrieve.encoders.registry import load_encoder, load_entry
from georetrieve.encoders.runtime import Runtime
from georetrieve.errors import EncoderError

CPU = Runtime(device="cpu")
CLONED = [entry for entry in ENTRIES if publisher_of(entry).clone]
QUICK_MB = 100
CLIP, SIGLIP = "georetrieve-parity-clip", "georetrieve-parity-siglip"
DEEP = {"num_hidden_layers": LAYERS}


@pytest.fixture(scope="session")
def references():
    place = os.environ.get("GEORETRIEVE_REFERENCES")
    if not place:
        pytest.skip("GEORETRIEVE_REFERENCES names no folder of clones")
    return Path(place)


def small_dinov3():
    config = transformers.DINOv3ViTConfig(**{**DINOV3, **DEEP})
    return HfVit(transformers.DINOv3ViTModel(config), lambda whole: whole)


def small_dinov2():
    config = transformers.Dinov2Config(**{**SMALL, **DEEP, "mlp_ratio": 2})
    return HfVit(transformers.Dinov2ForImageClassification(config), lambda whole: whole.dinov2)


def register_open_clip(folder):
    """Make OpenCLIP know two small models."""
    deep = CLIP_CONFIG | {"vision_cfg": {**CLIP_CONFIG["vision_cfg"], "layers": LAYERS}}
    for name, config in ((CLIP, deep), (SIGLIP, SIGLIP_CONFIG)):
        (folder / f"{name}.json").write_text(json.dumps(config))
        open_clip.add_model_config(folder / f"{name}.json")


SMALL_ONES = {
    "dinov3": ("dinov3-vits16", "dinov3_vit", small_dinov3),
    "dinov2": ("dinov2-base-imagenet1k", "dinov2", small_dinov2),
    "clip": ("clip-vitb16-laion400m", CLIP, lambda: OpenClip(CLIP)),
    "siglip": ("siglip2-vitb16", SIGLIP, lambda: OpenClip(SIGLIP)),
}
PARTS = {
    "dinov3": {"vector", "cls", "patches", "layers", "attention"},
    "dinov2": {"vector", "cls", "patches", "layers", "attention"},
    "clip": {"vector", "cls", "patches", "layers", "text"},
    "siglip": {"vector", "patches", "text"},
}


def small_pair(kind, folder):
    """A reference in small, and our network from the file it was written to."""
    name, arch, make = SMALL_ONES[kind]
    register_open_clip(folder)
    entry = replace(chosen([name])[0], arch=arch)
    reference = make()
    reference.save(entry, folder)
    return load_entry(entry, at_hand(entry, folder), runtime=CPU).network, reference


@pytest.mark.parametrize("kind", SMALL_ONES)
def test_networks_of_libraries_are_what_their_libraries_make_of_them(kind, tmp_path):
    network, reference = small_pair(kind, tmp_path)
    found = list(compare(kind, network, reference, sides_of(network, network.side_px)))
    assert len({comparison.pixels for comparison in found}) == 3
    assert found[0].largest_difference.keys() == PARTS[kind]
    for comparison in found:
        assert comparison.largest_difference.keys() >= PARTS[kind] - {"text"}
        assert comparison.passed, comparison
        assert comparison.largest > 0.5


def test_a_network_that_is_slightly_another_is_noticed(tmp_path):
    network, reference = small_pair("dinov3", tmp_path)
    with torch.no_grad():
        network.get_submodule("model.model.layer.0.norm1").weight[0] += 0.01
    (comparison,) = compare("dinov3", network, reference, [(56, 56)])
    assert comparison.passed is False
    assert comparison.largest_difference["patches"] > 1e-4


def test_differences_by_hand():
    expected = {
        "vector": torch.tensor([1.0, 2.0, 3.0]),
        "cls": torch.zeros(2),
        "text": torch.ones(1),
    }
    ours = {
        "vector": torch.tensor([1.0, 2.5, 2.0]),
        "cls": torch.zeros(3),
        "text": torch.tensor([math.nan]),
    }
    assert differences(expected, ours) == {"vector": 1.0, "cls": math.inf, "text": math.inf}


@pytest.mark.parametrize(
    ("found", "passed", "said"),
    [
        ({"cls": 0.0, "vector": 1e-4}, True, "yes"),
        ({"cls": 0.0, "vector": 1.1e-4}, False, "NO"),
        ({}, None, None),
    ],
)
def test_a_ten_thousandth_is_allowed(found, passed, said):
    comparison = Comparison(
        model="m", reference="r", pixels=(160, 336), largest_difference=found, largest=4.0
    )
    assert comparison.passed is passed
    row = comparison.row()
    assert (row["passed"], row["pixels"], row["attention"]) == (said, "160×336", None)


def test_sizes_are_native_a_smaller_square_and_a_strip():
    class Patches:
        patch_px = 14

    assert sides_of(Patches, 224) == [(224, 224), (168, 168), (168, 336)]
    assert sides_of(Patches, 224, 300) == [(224, 224), (294, 294), (294, 336)]


def test_every_entry_has_a_publisher():
    assert all(publisher_of(entry) for entry in ENTRIES)
    unknown = replace(ENTRIES[0], files=(replace(ENTRIES[0].files[0], sources=("https://x/y",)),))
    with pytest.raises(EncoderError, match="not known to the benchmarks"):
        publisher_of(unknown)


def test_clones_are_found_by_their_usual_names(tmp_path):
    clone = CLONES["scampi"]
    assert clone.find(None) is None
    assert clone.find(tmp_path) is None
    folder = tmp_path / "scampi-benchmark-main"
    folder.mkdir()
    assert clone.find(tmp_path) is None
    (folder / "vision_transformer.py").touch()
    assert clone.find(tmp_path) == folder


def test_what_a_clone_imports_is_forgotten(tmp_path, monkeypatch):
    (tmp_path / "networks_of_others.py").write_text("from utilities_of_others import VALUE\n")
    (tmp_path / "utilities_of_others.py").write_text("VALUE = 7\n")
    ours = object()
    monkeypatch.setitem(sys.modules, "utilities_of_others", ours)
    roots = ("networks_of_others", "utilities_of_others")
    clone = Clone(repo="others/networks", marker="networks_of_others.py", roots=roots)
    path = list(sys.path)
    with clone.importable(tmp_path):
        import networks_of_others

        assert networks_of_others.VALUE == 7
    assert "networks_of_others" not in sys.modules
    assert sys.modules["utilities_of_others"] is ours
    assert sys.path == path


def test_random_weights_stand_in_for_published_ones(tmp_path, monkeypatch):
    monkeypatch.setenv("GEORETRIEVE_WEIGHTS", str(tmp_path))
    (entry,) = chosen(["scampi-vits16"])
    written = write_seeded_entry(entry, WeightsFolder.default())
    spec = load_encoder("scampi-vits16,size=32", runtime=CPU).spec
    assert spec.sha256 == written.sha256
    assert spec.weights == "hub:IverMartinsen/scampi-dino-vits16@main/vit_small_backbone.pth"


def test_where_a_digest_is_known_no_random_weights_pass(tmp_path):
    (entry,) = chosen(["resnet152"])
    with pytest.raises(EncoderError, match="the catalogue knows their digest"):
        write_seeded_entry(entry, WeightsFolder(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_missing_clone_is_said_and_no_failure(tmp_path):
    command = ["bench", "parity", "dino-vits16", "--references", str(tmp_path), "--format", "json"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0
    (row,) = json.loads(done.stdout)
    assert "git clone https://github.com/facebookresearch/dino" in row["note"]
    assert row["passed"] is None
    assert "RANDOM WEIGHTS" in done.stderr


def test_an_unknown_encoder_is_refused():
    with pytest.raises(EncoderError, match=r"not in the catalogue. Did you mean 'dino-vits16'\?"):
        chosen(["dino-vit16"])


@pytest.mark.parametrize(
    "entry", [one for one in CLONED if "dinov2" in one.name], ids=lambda entry: entry.name
)
def test_layouts_are_those_of_the_authors_code(entry, references):
    folder = CLONES["dinov2"].find(references)
    theirs = DinoV2.shapes(folder, dinov2_name(entry))
    ours = layout_of(entry).like()
    assert {key: like.shape for key, like in theirs.items()} == {
        key: like.shape for key, like in ours.items()
    }


def parity_param(entry):
    small = entry.megabytes <= QUICK_MB or entry.megabytes > GIANT_MB
    return pytest.param(entry, id=entry.name, marks=[] if small else [pytest.mark.slow])


@pytest.mark.parametrize("entry", [parity_param(entry) for entry in CLONED])
def test_networks_are_what_their_authors_code_makes_of_the_same_file(entry, references):
    found = list(compare_entry(entry, references=references, other_px=6 * entry.patch_px))
    assert len(found) >= 2
    for comparison in found:
        assert comparison.passed, comparison


@pytest.mark.parametrize(
    ("name", "positions", "native"),
    [("dino-vits16", "bicubic", True), ("dinov2-vits14", "antialiased", False)],
)
def test_positions_brought_to_a_size_in_another_way_are_noticed(
    name, positions, native, references
):
    entry = replace(chosen([name])[0], positions=positions)
    first, *others = compare_entry(entry, references=references, other_px=6 * entry.patch_px)
    assert first.passed is native  # DINOv2 is fed with less than it was trained with
    assert not any(comparison.passed for comparison in others)


@pytest.mark.slow
@pytest.mark.parametrize(
    "entry", [one for one in ENTRIES if one not in CLONED], ids=lambda entry: entry.name
)
def test_whole_networks_are_what_their_libraries_make_of_the_same_file(entry):
    for comparison in compare_entry(entry, other_px=6 * entry.patch_px):
        assert comparison.passed, comparison
