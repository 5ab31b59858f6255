"""Models come back as they were written, and nothing else is taken for one."""

import json
import os

import numpy as np
import pytest
from safetensors.numpy import save_file

from georetrieve.errors import StoreError
from georetrieve.probes.segmentation.model_file import FORMAT, KEY, read_model, write_model


def test_round_trip(tmp_path):
    path = tmp_path / "new folder" / "model.safetensors"
    tensors = {
        "vectors": np.arange(6, dtype=np.float32).reshape(2, 3),
        "bytes": np.array([1, 255], np.uint8),
        "nothing": np.empty((0, 4), np.float64),
    }
    write_model(path, "otsu", {"classes": [{"name": "Glimmer – ö"}], "k": 3}, tensors)
    method, facts, back = read_model(path)
    assert (method, facts) == ("otsu", {"classes": [{"name": "Glimmer – ö"}], "k": 3})
    assert back.keys() == tensors.keys()
    for name, values in tensors.items():
        np.testing.assert_array_equal(back[name], values)
        assert back[name].dtype == values.dtype


def test_arrays_that_are_views_are_written_as_they_look(tmp_path):
    turned = np.arange(6.0).reshape(2, 3).T
    write_model(tmp_path / "m", "m", {}, {"turned": turned})
    np.testing.assert_array_equal(read_model(tmp_path / "m")[2]["turned"], turned)


def test_an_old_file_is_replaced_and_nothing_is_left_over(tmp_path):
    for k in (1, 2):
        write_model(tmp_path / "m", "m", {"k": k}, {})
    assert read_model(tmp_path / "m")[1] == {"k": 2}
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="cannot be written"):
        write_model(tmp_path / "file" / "m", "m", {}, {})
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match="cannot be written"):
        write_model(tmp_path / "folder", "m", {}, {})
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("content", [b"", b"\x80\x04K\x01.", b"{}" * 40, None])
def test_what_is_no_model_is_refused(tmp_path, content):
    path = tmp_path / "m"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StoreError, match="cannot be read"):
        read_model(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no model of this version"),
        (json.dumps({"format": "other"}), "'other' and not"),
        (json.dumps([1]), "no model of this version"),
        ("not json", "cannot be read"),
        (json.dumps({"format": FORMAT, "method": 3}), "does not say what it is"),
    ],
)
def test_other_safetensors_files_are_refused(tmp_path, text, message):
    metadata = None if text is None else {KEY: text}
    save_file({"x": np.zeros(2)}, tmp_path / "m", metadata=metadata)
    with pytest.raises(StoreError, match=message):
        read_model(tmp_path / "m")


@pytest.mark.skipif(os.name != "posix", reason="rights are POSIX's")
def test_others_may_read_it_as_any_file(tmp_path):
    write_model(tmp_path / "m.segmenter", "otsu", {}, {"a": np.zeros(1)})
    (tmp_path / "any").touch()
    modes = [(tmp_path / name).stat().st_mode for name in ("m.segmenter", "any")]
    assert modes[0] == modes[1]
