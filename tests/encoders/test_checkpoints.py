import argparse
import functools
import hashlib
import os
import pickle

import numpy as np
import pytest
import torch
from checkpoints import SMALL_ARCH, save_checkpoint, save_dino, seeded_state
from safetensors.torch import save_file
from torch import nn

from georetrieve.encoders.checkpoints import file_sha256, load_strictly, read_checkpoint
from georetrieve.errors import EncoderError


def saved(path, payload):
    torch.save(payload, path)
    return path


def same(state, other):
    return state.keys() == other.keys() and all(torch.equal(state[k], other[k]) for k in state)


@pytest.fixture
def state():
    return {"a.weight": torch.arange(6.0).reshape(2, 3), "b.bias": torch.ones(2)}


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".PTH"])
def test_reads_a_plain_state_dict(tmp_path, state, suffix):
    checkpoint = read_checkpoint(saved(tmp_path / f"w{suffix}", state))
    assert same(checkpoint, state)
    assert checkpoint.part == ""


def test_reads_safetensors(tmp_path, state):
    save_file(state, tmp_path / "w.safetensors")
    assert same(read_checkpoint(tmp_path / "w.safetensors"), state)


@pytest.mark.parametrize("wrapper", ["state_dict", "model"])
def test_unwraps(tmp_path, state, wrapper):
    path = saved(tmp_path / "w.pth", {wrapper: state, "epoch": 3})
    assert same(read_checkpoint(path), state)


@pytest.mark.parametrize("prefix", ["module.", "backbone.", "module.backbone."])
def test_takes_off_the_prefixes_of_wrappers(tmp_path, state, prefix):
    path = saved(tmp_path / "w.pth", {f"{prefix}{key}": value for key, value in state.items()})
    assert same(read_checkpoint(path), state)


def test_takes_prefixes_off_the_start_only(tmp_path):
    path = saved(tmp_path / "w.pth", {"blocks.module.weight": torch.ones(1)})
    assert list(read_checkpoint(path)) == ["blocks.module.weight"]


def test_refuses_a_key_that_is_there_twice(tmp_path):
    path = saved(tmp_path / "w.pth", {"a": torch.ones(1), "module.a": torch.zeros(1)})
    with pytest.raises(EncoderError, match="'a' twice"):
        read_checkpoint(path)


@pytest.mark.parametrize(("key", "part", "seed"), [("", "teacher", 1), ("student", "student", 2)])
def test_takes_the_backbone_of_a_full_dino_checkpoint(tmp_path, key, part, seed):
    checkpoint = read_checkpoint(save_dino(tmp_path / "checkpoint.pth"), checkpoint_key=key)
    assert same(checkpoint, seeded_state(seed=seed))
    assert checkpoint.part == part


def test_a_part_that_is_not_there_is_an_error(tmp_path, state):
    with pytest.raises(EncoderError, match=r"no part 'student'.*a\.weight"):
        read_checkpoint(saved(tmp_path / "w.pth", state), checkpoint_key="student")


class TouchesAFile:
    """Pickled, this is a program: whoever unpickles it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch '{self.path}'",)


class OpensAFile(TouchesAFile):
    def __reduce__(self):
        return open, (str(self.path), "w")


def write_malicious(path, payload, how):
    if how == "pickle":
        path.write_bytes(pickle.dumps({"a": payload}))
    else:
        torch.save({"a": payload}, path, _use_new_zipfile_serialization=how == "zip")


@pytest.mark.parametrize("how", ["zip", "legacy", "pickle"])
@pytest.mark.parametrize("kind", [TouchesAFile, OpensAFile])
def test_a_program_in_a_checkpoint_does_not_run(tmp_path, kind, how):
    canary, path = tmp_path / "canary", tmp_path / "weights.pth"
    write_malicious(path, kind(canary), how)
    with pytest.raises(EncoderError) as caught:
        read_checkpoint(path)
    assert not canary.exists()
    assert "\n" not in str(caught.value)
    assert "refused" in str(caught.value)
    assert str(path) in str(caught.value)


def test_the_malicious_checkpoint_would_have_worked(tmp_path):
    """Without the guard the payload runs; else the test above would prove nothing."""
    canary, path = tmp_path / "canary", tmp_path / "weights.pth"
    write_malicious(path, TouchesAFile(canary), "zip")
    torch.load(path, weights_only=False)
    assert canary.exists()


@pytest.mark.parametrize(
    "thing", [nn.Linear(2, 2), functools.partial(print), np.ones(3)], ids=["model", "code", "numpy"]
)
def test_only_tensors_are_read(tmp_path, thing):
    with pytest.raises(EncoderError, match="is refused"):
        read_checkpoint(saved(tmp_path / "w.pth", {"a": thing}))


def test_a_namespace_of_arguments_is_the_one_exception(tmp_path, state):
    payload = {"model": state, "args": argparse.Namespace(lr=0.1, betas=[0.9, 0.99])}
    assert same(read_checkpoint(saved(tmp_path / "w.pth", payload)), state)


def damaged(tmp_path, kind, suffix):
    whole = save_checkpoint(tmp_path / f"whole{suffix}").read_bytes()
    content = {
        "empty": b"",
        "cut early": whole[:50],
        "cut in the middle": whole[: len(whole) // 2],
        "a web page": b"<html>404 not found</html>",
        "noise": np.random.default_rng(0).bytes(3000),
    }
    path = tmp_path / f"damaged{suffix}"
    path.write_bytes(content[kind])
    return path


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("kind", ["empty", "cut early", "cut in the middle", "a web page", "noise"])
def test_damaged_files_are_refused_in_one_line(tmp_path, kind, suffix):
    path = damaged(tmp_path, kind, suffix)
    with pytest.raises(EncoderError) as caught:
        read_checkpoint(path)
    assert "damaged" in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("payload", "word"),
    [
        ([torch.ones(1)], "a list"),
        (torch.ones(1), "a Tensor"),
        ({}, "no tensor"),
        ({"epoch": 3}, "'epoch' is a int"),
        ({1: torch.ones(1)}, "'1'"),
        ({"a": torch.eye(2).to_sparse()}, "not a dense tensor"),
    ],
)
def test_what_is_no_state_dict_is_refused(tmp_path, payload, word):
    with pytest.raises(EncoderError, match=word):
        read_checkpoint(saved(tmp_path / "w.pth", payload))


def test_missing_files_and_other_names_are_refused(tmp_path):
    folder = tmp_path / "folder.pth"
    folder.mkdir()
    with pytest.raises(EncoderError, match=r"no such file"):
        read_checkpoint(tmp_path / "none.pth")
    with pytest.raises(EncoderError, match=r"no such file"):
        read_checkpoint(folder)
    with pytest.raises(EncoderError, match=r"weights end in \.pth, \.pt, \.safetensors"):
        read_checkpoint(tmp_path / "weights.h5")


@pytest.fixture
def network():
    with torch.device("meta"):
        return nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2))


@pytest.fixture
def fitting():
    return {
        "0.weight": torch.ones(2, 3),
        "0.bias": torch.zeros(2),
        "1.weight": torch.ones(2),
        "1.bias": torch.zeros(2),
    }


def test_loads_what_fits(network, fitting):
    load_strictly(network, fitting, origin="w.pth")
    assert same(network.state_dict(), fitting)


def test_half_precision_becomes_single(network, fitting):
    load_strictly(network, {k: v.half() for k, v in fitting.items()}, origin="w.pth")
    assert network[0].weight.dtype == torch.float32


def test_a_classifier_may_be_left_out(network, fitting):
    head = {"head.weight": torch.ones(1000, 2), "head.bias": torch.ones(1000)}
    load_strictly(network, fitting | head, origin="w.pth")
    assert same(network.state_dict(), fitting)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"0.bias": None}, r"1 keys missing \(0\.bias\)"),
        ({"extra": torch.ones(1)}, r"1 keys left over \(extra\)"),
        ({"head.mlp.0.weight": torch.ones(1)}, r"left over \(head\.mlp\.0\.weight\)"),
        ({"0.weight": torch.ones(2, 4)}, r"shape \(0\.weight \(2, 4\) instead of \(2, 3\)\)"),
        ({"0.weight": None, "0.bias": None, "1.weight": None, "1.bias": None, "w": torch.ones(1)},
         r"4 keys missing \(0\.weight, 0\.bias, 1\.weight, …\); 1 keys left over \(w\)"),
        ({"1.bias": torch.tensor([0.0, float("nan")])}, r"not finite .*\(1\.bias\)"),
        ({"1.bias": torch.ones(2, dtype=torch.int8)}, r"quantised"),
        ({"1.bias": torch.ones(2, dtype=torch.complex64)}, r"floating-point numbers \(1\.bias\)"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_an_error_that_names_the_keys(network, fitting, change, words):
    state = {key: value for key, value in (fitting | change).items() if value is not None}
    with pytest.raises(EncoderError, match=words):
        load_strictly(network, state, origin="w.pth for arch")
    assert network[0].weight.is_meta, "nothing was loaded"


def test_digest(tmp_path):
    path = tmp_path / "w.pth"
    path.write_bytes(b"weights" * 100_000)
    assert file_sha256(path) == hashlib.sha256(b"weights" * 100_000).hexdigest()
    with pytest.raises(EncoderError, match="cannot be read"):
        file_sha256(tmp_path / "none.pth")


def test_a_namespace_elsewhere_is_still_no_tensor(tmp_path):
    with pytest.raises(EncoderError, match="Namespace, not a"):
        read_checkpoint(saved(tmp_path / f"{SMALL_ARCH}.pth", {"a": argparse.Namespace(x=1)}))
