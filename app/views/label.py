"""Give labels, quickly: queues of what to look at, suggestions to accept, all of it undone."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from app import acts, chosen, label_keys
from app.cards import card_of, facts_text
from app.colours import label_colours
from app.components.gallery import Action, Card, Picked, gallery
from app.filters import choose_filter
from app.going import go
from app.label_history import show_beside
from app.label_keys import (
    GALLERY,
    NOTHING_SURE,
    do_pressed,
    do_ticked,
    keys_of,
    labels_as,
    suggested_of,
)
from app.label_queues import DOUBTFUL, SURE, Queue, choose_queue, open_queue
from app.opened import Opened
from app.trouble import plain
from georetrieve.probes.classification.suggestions import Suggestion
from georetrieve.sources.label_table import counted

__all__ = ["show"]

PAGE = 48
STYLE = """
<style>
.st-key-label_tools button { min-height: 2rem; padding: 0 .6rem; font-size: .875rem; }
.st-key-label_tools button { max-width: 16rem; /* labels may be of 200 characters */ }
</style>
"""
DIGITS = 9  # labels on a page that have a key
KEYS = (
    "A click on a picture ticks it, Shift and a click a range; arrow keys and Space do the same. "
    "Keys 1 to 9 label what is ticked."
)
ACCEPT = Action(name="accept", sign="✓", title="Accept the suggestion")
KEEP = Action(name="keep", sign="=", title="The label is right")
LOOK = (
    Action(name="like", sign="≈", title="What looks like this"),
    Action(name="slide", sign="slide", title="Show it on its slide"),
)


def show(opened: Opened) -> None:
    """Show the page."""
    st.html(STYLE)
    acts.tell()
    read_only = acts.is_read_only(opened)
    with st.sidebar:
        show_beside(opened, read_only=read_only)
        where = choose_filter(opened)
    left, right = st.columns([3, 2], vertical_alignment="center")
    with left:
        name = choose_queue(opened)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        queue = open_queue(opened, name, where)
        if not read_only and do_pressed(opened, queue):
            st.rerun()
        if name == SURE and queue.ids and not read_only:
            _accept_all(opened, queue)
    with right.container(horizontal=True, horizontal_alignment="right"):
        shown = _turn(queue)
    tools = st.container(key="label_tools", gap="xsmall")
    if shown:
        st.caption(f"{counted(len(queue.ids), 'item')} · {queue.told}")
        _follow(opened, queue, shown, _show_cards(opened, queue, shown, read_only=read_only))
    else:
        st.info(queue.told, icon=":material/info:")
    if not read_only:  # above the gallery, but it is the gallery that says what is ticked
        with tools:
            _tools(opened, queue, shown)


def _show_cards(opened: Opened, queue: Queue, shown: Sequence[str], *, read_only: bool) -> Picked:
    columns = [name for name in opened.index.store.columns if name != "thumbnail"]
    rows = opened.index.store.take(shown, columns).to_pylist()
    ticked = chosen.chosen(opened)
    actions = LOOK if read_only else (*((KEEP,) if queue.against else ()), ACCEPT, *LOOK)
    return gallery(
        [_card(opened, queue, row) for row in rows],
        key=GALLERY, chosen=ticked, actions=actions, side=140, click_ticks=True,
        keys={} if read_only else keys_of(queue, _digit_labels(opened, queue, shown)),
    )  # fmt: skip


def _turn(queue: Queue) -> list[str]:
    """Ids of the page that is chosen."""
    pages = max(1, -(-len(queue.ids) // PAGE))
    # Of its own for each queue, so that another queue begins at its beginning.
    key = f"{queue.name.lower().replace(' ', '_')}_page"
    number = int(st.pagination(pages, key=key, bind="query-params"))
    return list(queue.ids[(number - 1) * PAGE : number * PAGE])


def _follow(opened: Opened, queue: Queue, shown: Sequence[str], picked: Picked) -> None:
    """Do what was done with a card."""
    if picked.chosen is not None:
        chosen.replace_shown(opened, shown, picked.chosen)
    if picked.id is None:
        return
    if picked.action == "slide":
        go("slide", item=picked.id)
    if picked.action not in ("accept", "keep"):
        go("query", like=[picked.id])
    if picked.action == "keep" and queue.against is not None:
        acts.give(opened, {picked.id: queue.against.labels[picked.id]})
    elif labels := suggested_of(queue, [picked.id]):
        acts.give(opened, labels, "suggested")
    else:
        st.toast(NOTHING_SURE)
        return
    st.rerun()


def _tools(opened: Opened, queue: Queue, shown: Sequence[str]) -> None:
    """What can be done with the ticked items."""
    ticked = chosen.chosen(opened)
    labels = suggested_of(queue, ticked)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Tick page", key="tick_page", shortcut="T", disabled=not shown,
            on_click=chosen.add, args=(opened, shown), help=KEYS,
        )  # fmt: skip
        st.button(
            f"Untick {len(ticked):,}", key="untick", shortcut="X", disabled=not ticked,
            on_click=chosen.clear, args=(opened,),
        )  # fmt: skip
        st.button(
            f"Accept {len(labels):,} suggested", key="accept_ticked", shortcut="A",
            on_click=do_ticked, args=(opened, queue, shown, label_keys.ACCEPT),
            help="Each ticked item gets the label suggested for it; none that is far (?).",
        )  # fmt: skip
        _by_hand(opened, queue, shown, ticked)
    _digits(opened, queue, shown)


def _by_hand(opened: Opened, queue: Queue, shown: Sequence[str], ticked: Sequence[str]) -> None:
    """Any label, an old or a new one, or none."""
    label = st.selectbox(
        "Label to give", list(label_colours(opened)), index=None, key="label_by_hand", width=220,
        accept_new_options=True, placeholder="A label, or a new one", label_visibility="collapsed",
    )  # fmt: skip
    st.button(
        f"Label {len(ticked):,}", key="give_label", type="primary", on_click=do_ticked,
        disabled=not ticked or not label, args=(opened, queue, shown, labels_as(label or "")),
    )  # fmt: skip
    if queue.against is not None:
        kept = sum(one in queue.against.labels for one in ticked)
        st.button(
            f"Keep {kept:,}", key="keep_ticked", shortcut="K", on_click=do_ticked,
            args=(opened, queue, shown, label_keys.KEEP), help="Their labels are right.",
        )  # fmt: skip


def _digits(opened: Opened, queue: Queue, shown: Sequence[str]) -> None:
    """A button, and a key, for each of the likeliest labels of the page."""
    names = _digit_labels(opened, queue, shown)
    with st.container(horizontal=True, gap="xsmall"):
        for digit, label in enumerate(names, start=1):
            st.button(
                plain(label), key=f"digit_{digit}", shortcut=str(digit),
                on_click=do_ticked, args=(opened, queue, shown, labels_as(label)),
            )  # fmt: skip


def _digit_labels(opened: Opened, queue: Queue, shown: Sequence[str]) -> list[str]:
    counts = Counter(suggested_of(queue, shown).values())
    likely = [label for label, _ in counts.most_common(DIGITS)]
    usual = [label for label in label_colours(opened) if label not in likely]
    # By name, so that a label stays where it is while the page changes.
    return sorted([*likely, *usual][:DIGITS])


def _accept_all(opened: Opened, queue: Queue) -> None:
    text = f"Accept all {len(queue.ids):,} …"
    if st.button(text, key="accept_all", type="primary", icon=":material/done_all:"):
        _confirm(opened, queue)


@st.dialog("Accept all these suggestions?")
def _confirm(opened: Opened, queue: Queue) -> None:
    labels = suggested_of(queue, queue.ids)
    rows = [
        {"label": label, "items": count} for label, count in Counter(labels.values()).most_common()
    ]
    st.dataframe(rows, hide_index=True, height=min(36 * (len(rows) + 1), 320))
    st.caption("One act: Undo takes all of it back.")
    if st.button(f"Label {counted(len(labels), 'item')}", type="primary", key="accept_all_now"):
        acts.give(opened, labels, "suggested")
        st.rerun()


def _card(opened: Opened, queue: Queue, row: Mapping[str, Any]) -> Card:
    """An item with its label and what it may be."""
    said = queue.suggestion(str(row["id"]))
    if said is None:
        return card_of(opened, row)
    share = _share(said.probability)
    title = f"{facts_text(row)}\nsuggested: {said.label} {share}{_runner_up(said)}"
    card = card_of(opened, row, title=title)
    if row.get("label"):
        return replace(card, hint=f"→ {said.label} {share}")
    if said.far:
        title += "\nfar from anything labelled, so the votes say little"
        return replace(card, mark="?", title=title, hint=f"a {said.label}?")
    return replace(
        card,
        label=said.label,
        colour=label_colours(opened).get(said.label, ""),
        note=share,
        faint=True,
        hint=f"or {said.runner_up}" if said.runner_up and queue.name == DOUBTFUL else "",
    )


def _runner_up(said: Suggestion) -> str:
    if said.runner_up is None:
        return ""
    return f", or {said.runner_up} {_share(said.runner_up_probability)}"


def _share(probability: float) -> str:
    """Two digits, never rounded up to what it is not."""
    return f"{math.floor(probability * 100 + 1e-6) / 100:.2f}"
