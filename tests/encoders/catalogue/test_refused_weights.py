"""Weights that must not be used, at the command line: one line, exit 1, nothing left behind."""

import json
import os
import pickle

import pytest
import torch
import transformers
from checkpoints import SMALL_ARCH, save_checkpoint, seeded_state
from PIL import Image
from safetensors.torch import save_file
from weight_server import one_line, tree

HUB_FILE = "/an/encoder/resolve/main/"


class Program:
    """Pickled, this is a program: whoever unpickles it makes a file."""

    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return os.system, (f"touch '{self.canary}'",)


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for shade in (0, 100, 200):
        Image.new("RGB", (40, 40), (shade, shade, 255)).save(folder / f"{shade}.png")
    return folder


@pytest.fixture
def refused(run, images, tmp_path, kept):
    """Index with an encoder that cannot be loaded; return the line that says why."""

    def index(encoder):
        before = tree(kept.root)
        status, out, err = run("index", images, "--index", tmp_path / "index", "-e", encoder)
        assert (status, out) == (1, "")
        assert not (tmp_path / "index").exists()
        assert tree(kept.root) == before
        return one_line(err)

    return index


def write_program(path, canary, how):
    state = seeded_state() | {"norm.weight": Program(canary)}
    if how == "pickle":
        path.write_bytes(pickle.dumps(Program(canary)))
    elif how == "alone":
        torch.save(Program(canary), path)
    elif how == "full checkpoint":
        torch.save({"teacher": seeded_state(), "args": Program(canary)}, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=how == "zip")


HOWS = ["pickle", "alone", "zip", "legacy", "full checkpoint"]


@pytest.mark.parametrize("how", HOWS)
def test_a_program_in_weights_does_not_run(refused, tmp_path, how):
    canary, path = tmp_path / "canary", tmp_path / "evil.pth"
    write_program(path, canary, how)
    said = refused(f"{SMALL_ARCH}@{path}")
    assert f"{path} is refused" in said
    assert not canary.exists()


@pytest.mark.parametrize("how", HOWS)
def test_the_programs_would_have_run(tmp_path, how):
    """Without the guard; else the test above would prove nothing."""
    canary, path = tmp_path / "canary", tmp_path / "evil.pth"
    write_program(path, canary, how)
    if how == "pickle":
        pickle.loads(path.read_bytes())
    else:
        torch.load(path, weights_only=False)
    assert canary.exists()


@pytest.mark.parametrize("how", ["pickle", "zip", "legacy"])
def test_a_program_from_the_hub_does_not_run(
    refused, tmp_path, server, monkeypatch, how, kept, run
):
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    canary, path = tmp_path / "canary", tmp_path / "pytorch_model.bin"
    write_program(path, canary, how)
    small = transformers.Dinov2Config(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, image_size=28, patch_size=14
    )
    config = small.to_dict() | {"architectures": ["Dinov2Model"]}
    server.publish(f"{HUB_FILE}config.json", json.dumps(config).encode())
    server.publish(f"{HUB_FILE}preprocessor_config.json", b"{}")
    server.publish(f"{HUB_FILE}pytorch_model.bin", path.read_bytes())
    assert run("encoders", "pull", "hf:an/encoder")[0] == 0
    said = refused("hf:an/encoder")
    assert "pytorch_model.bin is refused" in said
    assert not canary.exists()


@pytest.mark.parametrize("name", ["zip.pth", "legacy.pth", "some.safetensors"])
@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.999])
def test_a_truncated_file_is_refused(refused, tmp_path, name, share):
    path = tmp_path / name
    if name == "legacy.pth":
        torch.save(seeded_state(), path, _use_new_zipfile_serialization=False)
    else:
        save_checkpoint(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    said = refused(f"{SMALL_ARCH}@{path}")
    assert str(path) in said
    assert "damaged" in said


def test_the_weights_of_another_architecture_are_refused(refused, tmp_path):
    path = save_checkpoint(tmp_path / "small.safetensors")
    said = refused(f"vit_small_patch16_224@{path}")
    assert f"{path} for vit_small_patch16_224 does not fit" in said
    assert "of another shape" in said


def test_one_wrong_shape_is_enough(refused, tmp_path):
    state = seeded_state()
    state["norm.weight"] = torch.ones(65)
    save_file(state, tmp_path / "w.safetensors")
    said = refused(f"{SMALL_ARCH}@{tmp_path / 'w.safetensors'}")
    assert "1 keys of another shape (norm.weight (65,) instead of (64,))" in said


def test_a_wrong_digest_is_refused(refused, server, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    repo = "/laion/CLIP-ViT-B-32-laion2B-s34B-b79K/resolve/1a25a446712ba5ee05982a381eed697ef9b435cf"
    server.publish(f"{repo}/open_clip_model.safetensors", b"not what is pinned")
    said = refused("clip-vitb32-laion2b")
    assert "and the catalogue says ac4f8c4b88af…. What arrived was removed" in said


def test_a_wrong_digest_of_what_is_here_is_refused(refused, server, monkeypatch, run, kept):
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    server.publish(
        "/IverMartinsen/scampi-dino-vits16/resolve/main/vit_small_backbone.pth", b"x" * 9
    )
    assert run("encoders", "pull", "scampi-vits16")[0] == 0
    (kept.root / "scampi-vits16" / "vit_small_backbone.pth").write_bytes(b"y" * 9)
    said = refused("scampi-vits16")
    assert "has changed since it was downloaded" in said
    assert "georetrieve encoders pull scampi-vits16" in said


def test_no_network_is_one_line_that_says_what_to_do(refused, server, monkeypatch):
    server.server_close()
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    said = refused("scampi-vits16")
    assert "cannot be reached (Connection refused)" in said
    assert "georetrieve encoders import stick/" in said


def test_forbidden_network_is_one_line_that_says_what_to_do(refused, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "HF_HUB_OFFLINE forbids downloads" in refused("dino-vits8")


def test_a_licence_that_was_not_accepted_is_one_line(refused):
    assert "georetrieve encoders pull dinov3-vits16 --accept-licence" in refused("dinov3-vits16")


def test_an_index_that_is_there_stays_as_it_is(run, images, tmp_path):
    good, evil = save_checkpoint(tmp_path / "good.pth"), tmp_path / "evil.pth"
    write_program(evil, tmp_path / "canary", "zip")
    usual = ("--backend", "torch", "--precision", "fp32")
    command = ("index", images, "--index", tmp_path / "index", *usual, "-e")
    assert run(*command, f"{SMALL_ARCH}@{good}")[0] == 0
    before = tree(tmp_path / "index")
    status, out, err = run(*command, f"{SMALL_ARCH}@{evil}")
    assert (status, out) == (1, "")
    assert "is refused" in one_line(err)
    assert tree(tmp_path / "index") == before
    assert not (tmp_path / "canary").exists()
