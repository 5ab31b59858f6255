"""The page: which index is open, and the pages about it. Run it with ``georetrieve app``."""

from __future__ import annotations

from functools import partial
from importlib import import_module

import streamlit as st

from app import ahead, going, opened

PAGES = {
    "browse": ("Browse", ":material/grid_view:", "browse"),
    "query": ("Query", ":material/image_search:", "query"),
    "label": ("Label", ":material/label:", "label"),
    "slide": ("Slide", ":material/zoom_in_map:", "slide"),
    "map": ("Map", ":material/scatter_plot:", "item_map"),
    "segment": ("Segment", ":material/texture:", "segment"),
    "benchmarks": ("Benchmarks", ":material/leaderboard:", "benchmarks"),
}


def main() -> None:
    """One run of the script."""
    st.set_page_config(page_title="georetrieve", layout="wide", page_icon=opened.ICON)
    opened.style()
    pages = {
        name: st.Page(
            partial(opened.show_page, partial(_show, module)), title=title, icon=icon,
            url_path=name, default=name == "browse",
        )
        for name, (title, icon, module) in PAGES.items()
    }  # fmt: skip
    going.know(pages)
    st.navigation(list(pages.values()), position="top").run()


def _show(module: str, about: opened.Opened) -> None:
    """Show a page; its module is imported when it is first asked for, or ahead of that."""
    import_module(f"app.views.{module}").show(about)
    ahead.read_ahead(about, [f"app.views.{one}" for *_, one in PAGES.values()])


main()
