import pytest

from georetrieve.benchmarks.backends import run_backends
from georetrieve.benchmarks.seeded import write_seeded_checkpoint
from georetrieve.encoders.backends import table
from georetrieve.errors import EncoderError


@pytest.fixture
def only_torch(monkeypatch):
    monkeypatch.setattr(table, "find_spec", lambda name: None)


def test_the_ways_of_this_machine_are_compared(tmp_path, only_torch):
    checkpoint = write_seeded_checkpoint(tmp_path, "test_vit")
    values = run_backends(
        f"test_vit@{checkpoint}", batch_size=3, rounds=2, device="cpu", backends=["openvino"]
    )
    rows = {(row["backend"], row["precision"]): row for row in values["rows"]}
    assert set(rows) == {("torch", "fp32"), ("torch", "bf16")}
    assert rows["torch", "fp32"]["ratio"] == 1
    assert rows["torch", "fp32"]["lowest_cosine"] == pytest.approx(1)
    assert 0.999 <= rows["torch", "bf16"]["lowest_cosine"] < 1
    assert [row["auto"] for row in values["rows"]].count(True) == 1
    assert values["encoder_to_bare"] > 0
    assert {miss["precision"] for miss in values["missed"]} == {"fp32", "bf16", "int8"}
    assert "pip install 'georetrieve[openvino]'" in values["missed"][0]["reason"]


def test_an_encoder_without_a_network_is_refused():
    with pytest.raises(EncoderError, match="'bundled' is not one network"):
        run_backends("bundled", device="cpu")
