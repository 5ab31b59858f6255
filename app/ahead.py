"""While a person looks at the first page, what the next click needs is read."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module

import streamlit as st

from app.opened import Opened
from georetrieve.errors import GeoRetrieveError
from georetrieve.search import Index
from georetrieve.types import EncoderSpec

__all__ = ["read_ahead"]

PAUSE = 1.0  # seconds: the pictures of the page that is being shown come first


def read_ahead(opened: Opened, modules: Sequence[str]) -> None:
    """Begin, once for an index and an encoder, to read vectors and modules of the other pages."""
    _begun(str(opened.index.path), opened.spec.column, opened.index, opened.spec, modules)


@st.cache_resource(show_spinner=False)
def _begun(
    path: str, column: str, _index: Index, _spec: EncoderSpec, _modules: Sequence[str]
) -> None:
    timer = threading.Timer(PAUSE, partial(_read, _index, _spec, _modules))
    timer.daemon = True
    timer.start()


def _read(index: Index, spec: EncoderSpec, modules: Sequence[str]) -> None:
    with suppress(GeoRetrieveError):  # it is told where it is asked for
        index.read_ahead(spec.name)
    for module in modules:
        import_module(module)
