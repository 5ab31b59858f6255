"""Slices of a volume, as a user writes them."""

import pytest

from georetrieve.errors import SourceError
from georetrieve.sources.slices import parse_slices


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        (None, [0, 1, 2, 3, 4, 5]),
        ("all", [0, 1, 2, 3, 4, 5]),
        ("3", [3]),
        ("5, 0,3,3", [0, 3, 5]),
        ("::2", [0, 2, 4]),
        ("1:3,5", [1, 2, 5]),
    ],
)
def test_slices_are_chosen(text, chosen):
    assert parse_slices(text, 6) == chosen


@pytest.mark.parametrize("wrong", ["x", "6", "-1", "4:2", "1:2:3:4", "", "1,,2", "::0"])
def test_slices_that_are_none_are_refused(wrong):
    with pytest.raises(SourceError, match="Slices"):
        parse_slices(wrong, 6)
