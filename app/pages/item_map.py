"""The page item_map."""

from __future__ import annotations

from app.opened import Opened

__all__ = ["show"]


def show(opened: Opened) -> None:
    """Show it."""
