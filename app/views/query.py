"""Find what looks like items, uploads, regions and words, and unlike others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import streamlit as st

from app import asked, chosen, uploads
from app.asked import Part
from app.components.gallery import Action, Picked, gallery
from app.components.query_parts import PartCard, query_parts
from app.components.shares import shares
from app.enlarged import WHY, enlarge, look_closer
from app.filters import choose_filter
from app.going import go, link
from app.label_queues import TICKED
from app.neighbours import described, hit_card, label_shares
from app.opened import Opened
from app.trouble import plain, told
from app.why import why
from georetrieve.errors import GeoRetrieveError
from georetrieve.search import Query, SearchResult
from georetrieve.search.query import parse_words
from georetrieve.search.text_side import takes_texts, text_column

__all__ = ["show"]

DROPPED_MB = 32  # what is dropped or pasted travels as text beside everything else
REFUSED = "_refused"
CHANGES: dict[str, Callable[[Part], list[Part]]] = {
    "remove": lambda _: [],
    "flip": lambda part: [part.flipped()],
    "weigh": lambda part: [part.weighed()],
}
ACTIONS = (
    Action(name="more", sign="+", title="More like this"),
    Action(name="less", sign="−", title="Less like this"),
    Action(name="why", sign="?", title="Why similar?"),
    Action(name="slide", sign="slide", title="Show it on its slide"),
)


def show(opened: Opened) -> None:
    """Show the page."""
    parts = _recalled(opened)
    with st.sidebar:
        k, elsewhere = _choose_neighbours()
        where = choose_filter(opened)
    left, right = st.columns(2)
    with left:
        sound = _choose_parts(opened, parts)
    with right:
        without = _no_words(str(opened.index.path), opened.version, opened.spec.name, opened)
        with st.container(horizontal=True, gap="xsmall"):
            text = _choose_words(without)
            _choose_files(opened, parts)
        if without:
            st.caption(plain(f"{opened.spec.name} takes no words."), help=plain(without))
        show_all = bool(text) and st.toggle(
            "Show what does not fit, too", key="all", bind="query-params",
            help="Items that fit the words no better than words do that fit nothing.",
        )  # fmt: skip
    for line in st.session_state.pop(REFUSED, []):
        st.error(plain(line), icon=":material/error:")
    if not parts and not text:
        _invite()
    elif sound:
        with told():
            asks = tuple(parts), text, k, where, elsewhere, show_all
            path = str(opened.index.path)
            found = _search(path, opened.version, opened.spec.name, *asks, opened)
            _show_found(opened, parts, *found)


def _recalled(opened: Opened) -> list[Part]:
    """What the URL asks for; when it names nothing, what was asked for last."""
    parts = asked.read()
    if not parts and not st.query_params.get("text"):
        parts = asked.remembered(opened)
    asked.write(opened, parts)
    return parts


def _choose_neighbours() -> tuple[int, bool]:
    k = st.number_input(
        "Neighbours", min_value=1, max_value=500, value=24, key="k", bind="query-params",
        persist_state="session",
    )  # fmt: skip
    elsewhere = st.toggle(
        "Leave out the query's own slide", key="elsewhere", bind="query-params",
        persist_state="session",
        help="What is in the groups of the query's items: their slides, wells, volumes.",
    )  # fmt: skip
    return int(k), elsewhere


# --- what is looked for -------------------------------------------------------------------------


def _choose_parts(opened: Opened, parts: list[Part]) -> bool:
    """The strip of parts; whether all of them can be searched by."""
    cards = [_card(opened, part) for part in parts]
    tray = uploads.tray()
    words = bool(st.session_state.get("text", st.query_params.get("text")))
    done = query_parts(cards, key="parts", max_mb=min(DROPPED_MB, tray.max_mb), words=words)
    if done.files or done.refused:
        _take(opened, parts, done.files, [done.refused] if done.refused else [])
    trouble = [card.trouble for card in cards if card.trouble]
    for line in dict.fromkeys(trouble):
        st.error(plain(line), icon=":material/error:")
    if done.action == "region" and not cards[done.place].trouble:
        look_closer(opened, parts[done.place])
    elif done.action in CHANGES:
        changed = CHANGES[done.action](parts[done.place])
        asked.write(opened, [*parts[: done.place], *changed, *parts[done.place + 1 :]])
        st.rerun()
    return not trouble


def _card(opened: Opened, part: Part) -> PartCard:
    try:
        asked.query_part(opened, part)
        src = asked.small_picture(opened, part)
        return PartCard(src=src, title=asked.title(part), less=part.less, weight=part.weight)
    except GeoRetrieveError as error:
        name = "upload" if part.upload else part.name[:80]
        return PartCard(src="", title=name, less=part.less, trouble=str(error))


def _take(
    opened: Opened,
    parts: list[Part],
    files: Iterable[tuple[str, bytes]],
    refused: list[str],
) -> None:
    """Put files into the tray and the query; say what cannot be taken in the next run."""
    taken = []
    for name, data in files:
        try:
            taken.append(Part(uploads.tray().take(name, data).token, upload=True))
        except GeoRetrieveError as error:
            refused.append(str(error))
    st.session_state[REFUSED] = refused
    asked.write(opened, list(dict.fromkeys([*parts, *taken])))
    st.rerun()


def _choose_files(opened: Opened, parts: list[Part]) -> None:
    number = st.session_state.setdefault("_uploads", 0)
    with st.popover("Upload", icon=":material/upload:", key=f"uploads {number}"):
        files = st.file_uploader(
            "Images, or a whole slide in one file", accept_multiple_files=True,
            key=f"upload {number}",
        )  # fmt: skip
    if files:
        st.session_state["_uploads"] = number + 1  # an empty one next time
        with st.spinner("Looking at what was sent …"):
            _take(opened, parts, [(file.name, file.getvalue()) for file in files], [])
    if parts and st.button("Clear", icon=":material/close:"):
        asked.write(opened, [])
        st.rerun()


def _choose_words(without: str) -> str:
    """Words that are looked for; none ``without`` an encoder that takes them."""
    text = st.text_input(
        "Words", key="text", bind="query-params", disabled=bool(without), max_chars=400,
        label_visibility="collapsed", icon=":material/search:",
        placeholder="Words: galena - quartz",
        help="For an encoder of images and texts. + and − after a space add and take away; "
        "2\\* before words has them count double.",
    )  # fmt: skip
    return "" if without else text.strip()


# Not for long: weights that are missing may be fetched meanwhile, as the sentence says.
@st.cache_data(show_spinner="Loading the encoder …", max_entries=32, ttl=60)
def _no_words(path: str, version: int, encoder: str, _opened: Opened) -> str:
    """Why an encoder takes no words, and which does; "" if it does."""
    index = _opened.index
    try:
        if takes_texts(_opened.spec, index.encoder):
            return ""
        other = text_column(index.manifest, index.encoder, [])
    except GeoRetrieveError as error:
        return str(error)
    return f"{encoder} has no texts; choose {other.name} as encoder, which has."


def _invite() -> None:
    st.info(
        "Drop, paste or upload an image, type words, or click a picture in Browse: what looks like "
        "it comes up here.",
        icon=":material/image_search:",
    )


# --- what was found -----------------------------------------------------------------------------


@st.cache_resource(show_spinner="Searching …", max_entries=32)
def _search(
    path: str, version: int, encoder: str, parts: tuple[Part, ...], text: str, k: int,
    where: str | None, elsewhere: bool, show_all: bool, _opened: Opened,
) -> tuple[SearchResult, dict[str, str]]:  # fmt: skip
    """The result, and the digests of the hits' pictures by id."""
    words = parse_words(text) if text else ()
    query = Query((*words, *(asked.query_part(_opened, part) for part in parts)))
    result = _opened.index.search(
        query, k, encoder=encoder, where=where, exclude_group=elsewhere, show_all=show_all
    )
    ids = [hit.id for hit in result.hits]
    digests = _opened.index.store.take(ids, ["content_hash"]).column("content_hash").to_pylist()
    return result, dict(zip(ids, digests, strict=True))


def _show_found(
    opened: Opened, parts: Sequence[Part], result: SearchResult, digests: dict[str, str]
) -> None:
    ticked = chosen.chosen(opened)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("  \n".join(map(plain, described(result))), width="stretch")
        if ticked:
            link("label", f"Label the {len(ticked):,} ticked", queue=TICKED)
        for form, text in (("csv", result.to_csv), ("json", result.to_json)):
            st.download_button(
                form.upper(), text, f"neighbours.{form}", on_click="ignore", key=f"as {form}",
                icon=":material/download:", type="tertiary",
            )  # fmt: skip
    if not result.hits:
        _say_nothing(result)
        return
    shares(label_shares(opened, result), key="labels found", title="Labels of the neighbours")
    picked = gallery(
        [hit_card(opened, hit, result, digests) for hit in result.hits],
        key="found",
        chosen=ticked,
        actions=ACTIONS,
        open_title="Look at it closely",
    )
    _tick(opened, result, ticked, picked)
    _follow(opened, parts, result, picked)


def _say_nothing(result: SearchResult) -> None:
    line = "No item is left that meets the condition; take a filter away."
    if result.cutoff is not None:
        words = ", ".join(f"“{wording.text}”" for wording in result.texts)
        line = (
            f"Nothing here shows {words}: no item fits better than it does words that fit nothing. "
            "“Show what does not fit, too” shows the nearest all the same."
        )
    st.info(plain(line), icon=":material/search_off:")


def _tick(opened: Opened, result: SearchResult, ticked: list[str], picked: Picked) -> None:
    if picked.chosen is None:
        return
    chosen.replace_shown(opened, [hit.id for hit in result.hits], picked.chosen)
    if set(chosen.chosen(opened)) != set(ticked):
        st.rerun()


def _follow(opened: Opened, parts: Sequence[Part], result: SearchResult, picked: Picked) -> None:
    """Do what was asked for with a neighbour."""
    one = picked.id
    asked_why = st.session_state.pop(WHY, None)
    if asked_why is not None or (one is not None and picked.action == "why"):
        why(opened, parts, asked_why or one or "")
    elif one is not None and picked.action == "open":
        enlarge(opened, result, [hit.id for hit in result.hits].index(one))
    elif one is not None and picked.action == "slide":
        go("slide", item=one)
    elif one is not None:
        less = picked.action == "less"
        kept = [part for part in parts if part.name != one or part.region]
        asked.write(opened, [*kept, Part(one, less=less)])
        st.rerun()
