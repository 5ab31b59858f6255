"""Beside the Label page: how far it is done, who said what, and the labels as a file."""

from __future__ import annotations

from functools import partial

import streamlit as st

from app import acts
from app.label_queues import count_labels
from app.opened import Opened
from app.trouble import plain
from georetrieve.labelling import label_history, labels_csv

__all__ = ["show_beside"]

ACTS = 8  # on a page of the history


def show_beside(opened: Opened, *, read_only: bool) -> None:
    """Show it.

    Args:
        opened: The index.
        read_only: Nothing can be undone.
    """
    done, without = count_labels(opened)
    share = done / max(done + without, 1)
    st.progress(share, text=f"{done:,} of {done + without:,} labelled")
    acts.ask_who()
    left, right = st.columns(2)
    left.button(
        "Undo", icon=":material/undo:", shortcut="U", width="stretch", on_click=acts.undo,
        args=(opened,), disabled=read_only, help="Take back the last act that stands.",
    )  # fmt: skip
    if right.button("History", icon=":material/history:", width="stretch"):
        _history(opened, read_only=read_only)
    with st.popover("Download", icon=":material/download:", width="stretch"):
        _downloads(opened)


def _downloads(opened: Opened) -> None:
    path = opened.index.path
    st.caption("CSV that `georetrieve index --labels` reads")
    for text, given, name in (
        ("All labels", False, f"{path.name}-labels.csv"),
        ("Only those given here", True, f"{path.name}-labels-given.csv"),
    ):
        st.download_button(
            text, partial(labels_csv, path, given=given), name, "text/csv",
            on_click="ignore", width="stretch", key=f"labels_csv_{given}",
        )  # fmt: skip


@st.dialog("Who said what", width="large")
def _history(opened: Opened, *, read_only: bool) -> None:
    rows = label_history(opened.index.path)
    if not rows:
        st.caption("Nobody has given a label here yet.")
        return
    pages = -(-len(rows) // ACTS)
    number = st.pagination(pages, key="history_page") if pages > 1 else 1
    for row in rows[(number - 1) * ACTS : number * ACTS]:
        when, what, button = st.columns([3, 6, 2], vertical_alignment="center")
        when.caption(f"{plain(str(row['who']))}  \n{str(row['when'])[:16].replace('T', ' ')} UTC")
        what.markdown(
            f"{row['items']:,} × **{plain(str(row['labels']))}**  \n{_how(str(row['how']))}"
        )
        if row["undone"]:
            button.caption("undone")
        elif button.button("Undo", key=f"undo_{row['act']}", disabled=read_only, width="stretch"):
            acts.undo(opened, str(row["act"]))
            st.rerun()


def _how(how: str) -> str:
    ways = {"given": "by hand", "suggested": "suggested, accepted", "imported": "from a file"}
    return ways.get(how, plain(how))
