import math

import pytest

from georetrieve.benchmarks.classification.scampi_parity import compare_tables, scampi_parity
from georetrieve.errors import StoreError

HEAD = ",accuracy\n"


@pytest.fixture
def tables(tmp_path):
    def compare(theirs, ours):
        for name, text in (("theirs.csv", theirs), ("ours/theirs.csv", ours)):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        return compare_tables(tmp_path / "theirs.csv", tmp_path / "ours/theirs.csv")

    return compare


def test_numbers_differ_by_their_difference(tables):
    found = tables(HEAD + "k=1,0.5\nmean,0.25\n", HEAD + "k=1,0.50005\nmean,0.25\n")
    assert found.cells == 2
    assert found.largest == pytest.approx(5e-5)
    assert found.passed


@pytest.mark.parametrize(
    "ours",
    [
        HEAD + "k=1,0.6\nmean,0.25\n",
        HEAD + "k=3,0.5\nmean,0.25\n",
        HEAD + "k=1,\nmean,0.25\n",
        HEAD + "k=1,0.5\n",
        ",other\nk=1,0.5\nmean,0.25\n",
    ],
)
def test_what_differs_fails(tables, ours):
    assert not tables(HEAD + "k=1,0.5\nmean,0.25\n", ours).passed


def test_a_table_that_is_not_there_fails(tmp_path):
    (tmp_path / "one.csv").write_text(HEAD, encoding="utf-8")
    assert compare_tables(tmp_path / "one.csv", tmp_path / "other.csv").largest == math.inf


def test_no_clone_says_how_to_get_one(tmp_path):
    with pytest.raises(StoreError, match="git clone"):
        scampi_parity(None, tmp_path, tmp_path)
