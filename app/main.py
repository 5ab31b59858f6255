"""The page: which index is open, and the pages about it. Run it with ``georetrieve app``."""

from __future__ import annotations

from functools import partial

import streamlit as st

from app import going, opened
from app.pages import benchmarks, browse, item_map, label, query, segment, slide

PAGES = {
    "browse": ("Browse", ":material/grid_view:", browse.show),
    "query": ("Query", ":material/image_search:", query.show),
    "label": ("Label", ":material/label:", label.show),
    "slide": ("Slide", ":material/zoom_in_map:", slide.show),
    "map": ("Map", ":material/scatter_plot:", item_map.show),
    "segment": ("Segment", ":material/texture:", segment.show),
    "benchmarks": ("Benchmarks", ":material/leaderboard:", benchmarks.show),
}


def main() -> None:
    """One run of the script."""
    st.set_page_config(page_title="georetrieve", layout="wide", page_icon=opened.ICON)
    opened.style()
    pages = {
        name: st.Page(
            partial(opened.show_page, show), title=title, icon=icon, url_path=name,
            default=name == "browse",
        )
        for name, (title, icon, show) in PAGES.items()
    }  # fmt: skip
    going.know(pages)
    st.navigation(list(pages.values()), position="top").run()


main()
