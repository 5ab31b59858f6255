"""Labels given and taken back on the page; what came of it is said in the script's next run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

import streamlit as st

from app import chosen, suggested
from app.opened import Opened
from app.trouble import plain
from georetrieve.errors import GeoRetrieveError
from georetrieve.labelling import give_labels, undo_labels, user_name
from georetrieve.sources.label_table import counted
from georetrieve.stores.label_journal import How

__all__ = ["ask_who", "give", "is_read_only", "say", "tell", "undo"]

_TOLD, _WHO = "_labels_told", "who"


def ask_who() -> None:
    """A field for the name that is kept with each label."""
    st.session_state.setdefault(_WHO, user_name())
    st.text_input(
        "Your name", key=_WHO, persist_state="session", max_chars=80,
        help="Kept with every label you give, with the time.",
    )  # fmt: skip


def give(
    opened: Opened, labels: Mapping[str, str | None], how: How = "given", *, before: str = "",
    then: Callable[[], None] | None = None,
) -> None:  # fmt: skip
    """Label items, in one act; nothing is ticked any more.

    A callback of a widget: it is done before the page is shown again. What came of it, or why it
    could not be, is shown by :func:`tell`, after what was done ``before``. ``then`` is called as
    soon as it is done, or refused: wherever session state is asked a run may end.
    """
    who, ticked = _who(), chosen.held()
    try:
        act = give_labels(opened.index.path, labels, who=who, how=how)
        ticked.pop(opened.key, None)
    except GeoRetrieveError as error:
        _call(then)
        say(error=before + str(error))
        return
    _call(then)
    count = sum(before != after for before, after in act.labels.values())
    if not count:
        suggested.forget(opened)
        say(f"{before}{counted(len(act.labels), 'item')} confirmed: the labels stand as they were.")
        return
    given = sorted({after or "no label" for _, after in act.labels.values()})
    said = given[0] if len(given) == 1 else f"{len(given)} different labels"
    now = f"{counted(count, 'item')} labelled: {said}" if given != ["no label"] else _taken(count)
    say(before + now)


def undo(
    opened: Opened, batch: str | None = None, *, then: Callable[[], None] | None = None
) -> None:
    """Take back an act, the last that stands by default; a callback likewise."""
    who = _who()
    try:
        act, count = undo_labels(opened.index.path, batch=batch, who=who)
    except GeoRetrieveError as error:
        _call(then)
        say(error=str(error))
        return
    _call(then)
    suggested.forget(opened)
    when = act.when[:16].replace("T", " ")
    say(f"Taken back what {act.who} said on {when}: {counted(count, 'item')}")


def tell() -> None:
    """Say what the last act did."""
    done, error = st.session_state.pop(_TOLD, ("", ""))
    if error:
        st.error(plain(error), icon=":material/error:")
    elif done:
        st.toast(plain(done), icon=":material/label:")


def is_read_only(opened: Opened) -> bool:
    """Whether the index may not be written to; if so the page says it."""
    path = opened.index.path
    if os.access(path, os.W_OK):
        return False
    st.warning(
        plain(
            f"{path.name} may only be read here, so no label can be given. Looking, ticking and "
            "downloading work; to label, ask whoever owns the folder for write access, or copy it."
        ),
        icon=":material/lock:",
    )
    return True


def _call(then: Callable[[], None] | None) -> None:
    if then is not None:
        then()


def _who() -> str:
    return " ".join(str(st.session_state.get(_WHO) or "").split())


def say(done: str = "", error: str = "") -> None:
    """Have something said by :func:`tell`."""
    st.session_state[_TOLD] = (done, error)


def _taken(count: int) -> str:
    return f"{counted(count, 'item')} {'has' if count == 1 else 'have'} no label now"
