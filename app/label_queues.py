"""What to label next: the queues of the Label page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import streamlit as st

from app import chosen, suggested
from app.opened import Opened
from app.trouble import plain, told
from georetrieve.probes.classification.contradicted import Contradicted
from georetrieve.probes.classification.queries import WITHOUT_LABEL
from georetrieve.probes.classification.suggestions import Suggestion, Suggestions
from georetrieve.search.browse import list_items

__all__ = ["DOUBTFUL", "QUEUES", "SURE", "Queue", "choose_queue", "count_labels", "open_queue"]

TICKED, UNLABELLED, DOUBTFUL, FAR, SUSPECT, SURE = QUEUES = (
    *("Ticked", "No label", "Doubtful", "New", "Suspect", "Sure"),
)  # as they are written on the page, and in its URL
TOLD = {
    TICKED: "What you ticked, on whichever page.",
    UNLABELLED: "All without a label; those that are likely alike stand together.",
    DOUBTFUL: "Between classes, and unlike each other: a label here teaches most.",
    FAR: "Far from anything labelled: strays, or a class that has no label yet.",
    SUSPECT: "Labelled, but the items around them are labelled otherwise.",
    SURE: "Suggested with that share of the votes or more.",
}
EMPTY = {
    TICKED: "Nothing is ticked. Tick items in the other queues, on Browse or on the Map.",
    UNLABELLED: "Every item has a label.",
    DOUBTFUL: "No item is in doubt: the nearest labelled items agree.",
    FAR: "Nothing is far from what is labelled.",
    SUSPECT: "No label is contradicted by the items around it.",
    SURE: "No suggestion is that sure. Lower the threshold, or label some of the doubtful.",
}
NOTHING_YET = (
    "Nothing is labelled yet, so nothing can be suggested. Under No label tick a few items of a "
    "kind, type what they are, and go on with the next kind."
)
NONE_MEETS = "Nothing in this queue meets the condition beside it; take a filter away."
UNASKED_YET = "The labelled items have not been asked yet; of so many items that takes a while."
UNASKED = 50_000  # items; of more, votes are counted only when they are asked for
ABOVE = 0.95


@dataclass(frozen=True, slots=True)
class Queue:
    """Items to label, and what they may be.

    Attributes:
        name: Of the queue.
        ids: In order.
        votes: On items without a label, as far as there are any.
        against: Labels that others contradict, in their own queue.
        empty: Why it is empty, where it is not for what it is.
    """

    name: str
    ids: Sequence[str]
    votes: Suggestions | None = None
    against: Contradicted | None = None
    empty: str = ""

    @property
    def told(self) -> str:
        """What it is, or why it is empty."""
        return TOLD[self.name] if self.ids else self.empty or EMPTY[self.name]

    def suggestion(self, one: str) -> Suggestion | None:
        """What an item may be; None where nothing is known."""
        if self.against is not None:
            return self.against.suggestions[one] if one in self.against.labels else None
        return self.votes[one] if self.votes is not None and one in self.votes else None


def choose_queue(opened: Opened) -> str:
    """The name of the queue that is chosen."""
    labelled, _ = count_labels(opened)
    first = TICKED if chosen.chosen(opened) else DOUBTFUL if labelled else UNLABELLED
    name = st.segmented_control(
        "Queue", QUEUES, default=first, required=True, key="queue", bind="query-params",
        persist_state="session", label_visibility="collapsed",
    )  # fmt: skip
    return name or first


def open_queue(opened: Opened, name: str, where: str | None) -> Queue:
    """A queue with the labels of now, and suggestions if there are any.

    Args:
        opened: The index.
        name: One of :data:`QUEUES`.
        where: Only items that meet this condition.
    """
    queue = _whole_queue(opened, name)
    if where is None or not queue.ids:
        return queue
    meeting = _meeting(str(opened.index.path), opened.version, where, opened)
    ids = [one for one in queue.ids if one in meeting]
    return replace(queue, ids=ids, empty=NONE_MEETS)


def _whole_queue(opened: Opened, name: str) -> Queue:
    labelled, _ = count_labels(opened)
    if not labelled:
        return _without_votes(opened, name)
    votes = None
    if _asked(opened, name):
        with told():
            if name == SUSPECT:
                return _contradicted(opened)
            votes = _fresh_votes(opened)
    if votes is None:
        return _without_votes(opened, name)
    _say_if_one_class(votes)
    ids = _ticked(opened) if name == TICKED else _of_votes(opened, name, votes)
    return Queue(name, ids, votes)


def count_labels(opened: Opened) -> tuple[int, int]:
    """How many items have a label, and how many have none."""
    without = len(_unlabelled(str(opened.index.path), opened.version, opened))
    return len(opened.index) - without, without


def _of_votes(opened: Opened, name: str, votes: Suggestions) -> list[str]:
    without = _unlabelled(str(opened.index.path), opened.version, opened)
    if name == UNLABELLED:
        return [one for one in dict.fromkeys([*votes.by_class, *without]) if one in without]
    ways = {SURE: _sure, FAR: _far, DOUBTFUL: _doubtful}
    found = ways[name](votes)
    return [one for one in found if one in without]  # some may have got one since


def _doubtful(votes: Suggestions) -> list[str]:
    return votes.doubtful


def _far(votes: Suggestions) -> list[str]:
    return votes.far


def _sure(votes: Suggestions) -> list[str]:
    above = st.slider(
        "Share of the votes, at least", 0.51, 1.0, ABOVE, 0.01, key="above", bind="query-params",
        persist_state="session", width=320,
    )  # fmt: skip
    return list(votes.sure(above))


def _contradicted(opened: Opened) -> Queue:
    held = suggested.suspects(opened)
    if held.is_stale(opened) and _again("The labels have changed since they were checked."):
        held = suggested.suspects(opened, again=True)
    labels = held.found.labels
    now = _labels(opened, list(labels))
    ids = [one for one, label in labels.items() if now.get(one) == label]
    return Queue(SUSPECT, ids, against=held.found)


def _fresh_votes(opened: Opened) -> Suggestions:
    held = suggested.votes(opened)
    if held.is_stale(opened) and _again("Labels were given since these suggestions were made."):
        held = suggested.votes(opened, again=True)
    return held.found


def _again(why: str) -> bool:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(why)
        return st.button("Ask again", icon=":material/refresh:", key="label_again")


def _asked(opened: Opened, name: str) -> bool:
    """Whether to vote: of many items that takes a while, and nobody is to wait unasked."""
    if len(opened.index) <= UNASKED or suggested.is_held(opened, suspects=name == SUSPECT):
        return True
    text = "Check the labels" if name == SUSPECT else "Suggest labels"
    return st.button(text, icon=":material/lightbulb:", key="label_suggest")


def _without_votes(opened: Opened, name: str) -> Queue:
    if name == TICKED:
        return Queue(name, _ticked(opened))
    if name == UNLABELLED:
        return Queue(name, list(_unlabelled(str(opened.index.path), opened.version, opened)))
    return Queue(name, [], empty=UNASKED_YET if count_labels(opened)[0] else NOTHING_YET)


def _say_if_one_class(votes: Suggestions) -> None:
    if votes.one_class:
        label = votes.classification.names[0]
        st.info(
            plain(
                f"All labels so far are {label!r}: suggestions begin with a second class. Look at "
                "New, and label something else."
            ),
            icon=":material/lightbulb:",
        )


def _ticked(opened: Opened) -> list[str]:
    ticked = chosen.chosen(opened)
    return list_items(opened.index.store, ids=ticked).ids() if ticked else []


def _labels(opened: Opened, ids: Sequence[str]) -> dict[str, str]:
    table = opened.index.store.take(ids, ["label"])
    return dict(zip(ids, table.column("label").to_pylist(), strict=True))


@st.cache_resource(show_spinner="Looking for items without a label …", max_entries=4)
def _unlabelled(path: str, version: int, _opened: Opened) -> dict[str, None]:
    return dict.fromkeys(list_items(_opened.index.store, WITHOUT_LABEL).ids())


@st.cache_resource(show_spinner="Looking for items that meet the condition …", max_entries=8)
def _meeting(path: str, version: int, where: str, _opened: Opened) -> frozenset[str]:
    return frozenset(list_items(_opened.index.store, where).ids())
