"""Headless Chromium, to do in the page what a person does."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from georetrieve.errors import MissingExtraError

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["CHROMIUM_FLAGS", "find_chromium", "open_browser"]

CHROMIUM_FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str | None:
    """Chromium or Chrome of this machine, or None; ``GEORETRIEVE_CHROMIUM`` names another."""
    named = os.environ.get("GEORETRIEVE_CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def open_browser() -> Iterator[Browser]:
    """A browser without a window.

    Raises:
        MissingExtraError: Playwright or Chromium is not installed.
    """
    if importlib.util.find_spec("playwright") is None:
        raise MissingExtraError(
            "The page is timed in a browser, which Playwright drives; run: pip install playwright"
        )
    chromium = find_chromium()
    if chromium is None:
        raise MissingExtraError(
            f"There is none of {', '.join(NAMES)} here; install one (Debian: apt-get install "
            "chromium), or name one in GEORETRIEVE_CHROMIUM."
        )
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=chromium, args=list(CHROMIUM_FLAGS))
        try:
            yield browser
        finally:
            browser.close()
