"""A label keeps its colour while people label."""

from types import SimpleNamespace

import pyarrow as pa
import pytest
import streamlit as st

from app.colours import label_colours


class Labels:
    """An index of nothing but labels."""

    def __init__(self, path, version, labels):
        self.version = version
        self.index = SimpleNamespace(path=path, store=self)
        self._labels = labels

    def scan(self, columns, where):
        return pa.table({"label": pa.array(self._labels, pa.string())})


@pytest.fixture(autouse=True)
def _forgotten():
    yield
    st.cache_data.clear()
    st.cache_resource.clear()


def test_the_most_frequent_comes_first_and_all_differ():
    colours = label_colours(Labels("a", 1, ["spore", "cyst", "cyst", "pollen"]))
    assert list(colours) == ["cyst", "pollen", "spore"]
    assert len(set(colours.values())) == 3


def test_colours_stay_when_others_become_more_frequent():
    before = label_colours(Labels("a", 1, ["cyst", "cyst", "pollen"]))
    after = label_colours(Labels("a", 2, ["cyst", "pollen", "pollen", "pollen", "acritarch"]))
    assert list(after) == ["pollen", "acritarch", "cyst"]
    assert {name: after[name] for name in before} == before
    assert after["acritarch"] not in before.values()
