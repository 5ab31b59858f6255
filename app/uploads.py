"""What this visitor has uploaded: one tray a session, gone with it."""

from __future__ import annotations

import secrets
import weakref
from dataclasses import dataclass

import streamlit as st

from georetrieve.serving.pictures import PICTURES
from georetrieve.serving.uploads import UploadTray

__all__ = ["shelf_key", "tray"]


@dataclass(frozen=True, slots=True)
class _Held:
    tray: UploadTray
    key: str


def tray() -> UploadTray:
    """The tray of this session."""
    return _held().tray


def shelf_key() -> str:
    """Key of the shelf on which :data:`PICTURES` finds its uploads, by token."""
    return _held().key


def _held() -> _Held:
    if "_tray" not in st.session_state:
        made = UploadTray(max_mb=int(st.get_option("server.maxUploadSize")))
        key = secrets.token_urlsafe(16)
        PICTURES.put(key, weakref.proxy(made))
        weakref.finalize(made, PICTURES.take_away, key)
        st.session_state["_tray"] = _Held(made, key)
    held: _Held = st.session_state["_tray"]
    return held
