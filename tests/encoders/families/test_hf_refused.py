"""Repositories of the hub that cannot be used, or should not be trusted."""

import json
import pickle

import pytest
import torch
from published_models import Touches, save_hf, write_ledger
from safetensors.torch import load_file, save_file

from georetrieve.encoders.families import hf
from georetrieve.encoders.registry import load_encoder
from georetrieve.encoders.runtime import Runtime
from georetrieve.errors import EncoderError

NAME = "hf:georetrieve/test"


def load(options=""):
    return load_encoder(NAME + options, runtime=Runtime(device="cpu"))


def change(folder, edit):
    path = folder / "model.safetensors"
    save_file(edit(load_file(path)), path)
    write_ledger(folder, NAME)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda state: {k: v for k, v in state.items() if k != "dinov2.layernorm.bias"},
         r"1 keys missing \(layernorm\.bias\)"),
        (lambda state: state | {"surplus.weight": torch.ones(2)},
         r"1 keys unexpected \(surplus\.weight\)"),
        (lambda state: state | {"dinov2.layernorm.bias": torch.ones(7)},
         r"layernorm\.bias|mismatch"),
        (lambda state: state | {"dinov2.layernorm.bias": torch.full((32,), torch.nan)},
         r"not finite .*\(dinov2\.layernorm\.bias\)"),
        (lambda state: state | {"dinov2.layernorm.bias": torch.ones(32, dtype=torch.int8)},
         r"quantised"),
    ],
)  # fmt: skip
def test_weights_that_do_not_fit_are_refused_in_one_line(weights_root, edit, words):
    folder, _ = save_hf(weights_root, NAME, "dinov2")
    change(folder, edit)
    with pytest.raises(EncoderError, match=words) as caught:
        load()
    assert "\n" not in str(caught.value)


def test_a_pickle_with_a_program_does_not_run(weights_root, tmp_path):
    folder, _ = save_hf(weights_root, NAME, "dinov2", weights="pytorch_model.bin")
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"a": Touches(tmp_path / "touched")}))
    write_ledger(folder, NAME)
    with pytest.raises(EncoderError, match=r"pytorch_model\.bin is refused"):
        load()
    assert not (tmp_path / "touched").exists()


def test_code_of_a_repository_does_not_run(weights_root, tmp_path):
    folder, _ = save_hf(weights_root, NAME, "dinov2")
    (folder / "own.py").write_text(f"open({str(tmp_path / 'touched')!r}, 'w')\nclass C: pass\n")
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoConfig": "own.C", "AutoModel": "own.C"}
    (folder / "config.json").write_text(json.dumps(config))
    write_ledger(folder, NAME)
    load()
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_type": "swin"}, r"type 'swin', which is not supported; supported are clip, conv"),
        ({"model_type": None}, r"type None, which is not supported"),
        ({"quantization_config": {"bits": 4}}, r"is quantised"),
        ({"hidden_size": 48}, r"does not fit its config\.json"),
        ({"patch_size": [14, 7]}, r"does not fit|only squares"),
    ],
)
def test_configurations_that_cannot_be_used(weights_root, changes, words):
    folder, _ = save_hf(weights_root, NAME, "dinov2")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))
    write_ledger(folder, NAME)
    with pytest.raises(EncoderError, match=words) as caught:
        load()
    assert "\n" not in str(caught.value)


def test_sizes_that_are_not_whole_patches_are_refused(weights_root):
    save_hf(weights_root, NAME, "dinov2")
    with pytest.raises(EncoderError, match="100 px is not whole patches of 14 px; use 98 or 112"):
        load(",size=100")
    with pytest.raises(EncoderError, match=r"layers=4 is more than the 3 block\(s\)"):
        load(",pooling=cls,layers=4")


def test_a_name_that_is_no_repository():
    with pytest.raises(EncoderError, match=r"names no repository; write hf:OWNER/REPO"):
        hf.entry_for("hf:dinov2-base")
    sources = [file.sources[0] for file in hf.entry_for("hf:facebook/dinov2-base@abc").files]
    assert sources[0] == "hub:facebook/dinov2-base@abc/model.safetensors"
