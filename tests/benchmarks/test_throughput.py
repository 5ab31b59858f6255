import json

import pytest
from fakes import solid
from typer.testing import CliRunner

from georetrieve.benchmarks.throughput import run_throughput
from georetrieve.cli.app import app
from georetrieve.errors import SourceError


@pytest.fixture
def folder(tmp_path):
    for shade in range(10):
        solid(shade, 0, 0).save(tmp_path / f"{shade}.png")
    return tmp_path


def test_every_stage_has_its_cost_and_the_service_its_share(folder, fake_family):
    values = run_throughput(folder, encoder="fake", rounds=3, max_batch=4)
    assert values["images"] == 10
    assert values["largest_difference"] == 0
    assert values["ratio"] == pytest.approx(
        values["service_images_per_second"] / values["bare_images_per_second"]
    )
    assert values["worst_round"] > 0
    assert 0 < values["encoder_share"] <= 1
    assert 1 <= values["mean_batch"] <= 4
    stages = ("read", "decode", "resize", "thumbnail", "write", "forward")
    assert all(values[f"{stage}_ms"] > 0 for stage in stages)


def test_without_images_there_is_nothing_to_measure(tmp_path, fake_family):
    with pytest.raises(SourceError, match="holds no image"):
        run_throughput(tmp_path, encoder="fake")


def test_the_command_prints_json(folder, fake_family):
    done = CliRunner().invoke(
        app,
        ["bench", "throughput", str(folder), "-e", "fake", "--count", "4", "--format", "json"],
    )
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["images"] == 4
