"""Comparing with an open evaluation of Hummingbird; with its clone where there is one.

Set GEORETRIEVE_REFERENCES to a folder of clones (see ``georetrieve bench parity-hummingbird
--help``).
"""

import json
import math
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from georetrieve.benchmarks.clones import CLONES
from georetrieve.benchmarks.hummingbird import (
    HummingbirdComparison,
    hummingbird_parity,
    matched_mean_iou,
)
from georetrieve.cli import main
from georetrieve.cli.app import app
from georetrieve.errors import GeoRetrieveError
from georetrieve.metrics.segmentation import segmentation_scores


def test_a_class_that_is_nowhere_counts_as_nothing():
    # IoU 6 / (6 + 1 + 2) = 2/3 and 3 / (3 + 2 + 1) = 1/2; the third class is in neither.
    confusion = np.array([[6, 1, 0], [2, 3, 0], [0, 0, 0]])
    assert matched_mean_iou(confusion) == pytest.approx((6 / 9 + 3 / 6 + 0) / 3)
    assert segmentation_scores(confusion).mean_iou == pytest.approx((6 / 9 + 3 / 6) / 2)


def test_classes_called_by_each_others_names_are_forgiven():
    confusion = np.array([[0, 5], [4, 1]])
    # As they are called: 0, and 1 / (5 + 6 − 1). Matched: 5 / (5 + 6 − 5) and 4 / (5 + 4 − 4).
    assert matched_mean_iou(confusion) == pytest.approx((5 / 6 + 4 / 5) / 2)
    assert segmentation_scores(confusion).mean_iou == pytest.approx((0 + 1 / 10) / 2)


def test_what_is_made_largest_is_the_sum_of_iou_and_not_of_pixels():
    # As named 100 pixels and 100 / 180 + 0 = 0.556; crosswise 80 pixels and 2 · 40 / 140 = 0.571.
    assert matched_mean_iou(np.array([[100, 40], [40, 0]])) == pytest.approx(40 / 140)


@pytest.mark.parametrize(
    ("largest", "passed"), [(0.0, True), (1e-4, True), (1.1e-4, False), (math.inf, False)]
)
def test_one_number_that_differs_fails(largest, passed):
    found = HummingbirdComparison("one", 4, {"vote": largest, "miou": 0.0}, {"parity_miou": 0.5})
    assert found.passed is passed
    assert found.row()["passed"] == ("yes" if passed else "NO")
    assert found.row()["own_miou"] is None


def test_no_clone_says_how_to_get_one_and_nothing_else(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        sys, "argv", ["georetrieve", "bench", "parity-hummingbird", "--references", str(tmp_path)]
    )
    with pytest.raises(SystemExit) as left:
        main()
    said = capsys.readouterr()
    assert left.value.code == 1
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert "git clone https://github.com/vpariza/open-hummingbird-eval" in line


def test_a_clone_that_lacks_a_file_is_said_in_a_line(tmp_path):
    marker = tmp_path / "open-hummingbird-eval" / CLONES["hummingbird"].marker
    marker.parent.mkdir(parents=True)
    marker.write_text("import module_that_is_nowhere\n")
    with pytest.raises(GeoRetrieveError, match=r"cannot be imported .*module_that_is_nowhere"):
        next(hummingbird_parity(tmp_path))
    assert not [name for name in sys.modules if name.partition(".")[0] == "hbird"]


def test_all_is_as_in_the_clone():
    references = os.environ.get("GEORETRIEVE_REFERENCES")
    if not references or CLONES["hummingbird"].find(Path(references)) is None:
        pytest.skip("GEORETRIEVE_REFERENCES names no folder with a clone of open-hummingbird-eval")
    command = ["bench", "parity-hummingbird", "--references", references, "--format", "json"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0
    every, few, truth, exchanged = json.loads(done.stdout)
    assert (every["patches"], few["patches"]) == (4 * 14 * 14, 160)
    # The four minerals there are, of nine; then but two of four are called what they are.
    assert truth["reference_miou"] == exchanged["reference_miou"] == pytest.approx(4 / 9)
    assert (truth["honest_miou"], exchanged["honest_miou"]) == (1.0, 0.5)
    assert every["own_miou"] != every["honest_miou"]
