"""A quick engine is loaded where there is work for it."""

import pytest

from georetrieve.encoders.runtime import FASTEST, Runtime
from georetrieve.indexing.effort import runtime_for

FEW, MANY, A_SLIDE = [20_000] * 99, [20_000] * 100, [60_000_000]
NAMED = Runtime(backend="openvino", precision="auto")


@pytest.mark.parametrize(
    ("asked", "sizes", "taken"),
    [
        (FASTEST, FEW, Runtime()),
        (FASTEST, MANY, FASTEST),
        (FASTEST, A_SLIDE, FASTEST),
        (NAMED, FEW, NAMED),
        (Runtime(device="cpu", backend="auto", precision="auto"), FEW, Runtime(device="cpu")),
        (Runtime(), MANY, Runtime()),
    ],
)
def test_few_files_are_not_worth_an_engine(asked, sizes, taken):
    assert runtime_for(asked, sizes) == taken
