"""Choices of a run with which nothing could be done are refused."""

import pytest

from georetrieve.errors import SourceError
from georetrieve.indexing.options import IndexOptions


@pytest.mark.parametrize(
    ("name", "value"), [("workers", -1), ("batch_size", 0), ("commit_items", 0)]
)
def test_too_few_are_refused(name, value):
    with pytest.raises(SourceError, match=rf"{name} = {value} cannot be: it is \d or more"):
        IndexOptions(**{name: value})
