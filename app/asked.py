"""What is looked for on the query page: its parts are in the URL, so that a query can be sent on.

``like`` and ``unlike`` name items, ``region`` and ``of`` in pairs a region and the item whose file
it is in, ``upload`` what this visitor has sent; a minus before a region or an upload asks for less
of it. ``weights`` says what each part counts, in that order, where it is not 1. Anything may stand
in a URL, so each part is looked up before it is used.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

import streamlit as st
from PIL import Image

from app import uploads
from app.going import go
from app.opened import Opened
from georetrieve.errors import StoreError
from georetrieve.probes.explanation import original_pixels
from georetrieve.search import Query, QueryImage, QueryItem
from georetrieve.search.asked import region_beside
from georetrieve.serving.pictures import Pictures
from georetrieve.types import Region

__all__ = [
    "MOST",
    "Part",
    "more",
    "query_part",
    "read",
    "remembered",
    "small_picture",
    "title",
    "write",
]

MOST = 24
"""Images in one query."""
UPLOAD = "upload:"
SHOWN = 100
SMALL_PX = 160
NEXT_WEIGHT = {1.0: 2.0, 2.0: 0.5, 0.5: 1.0}
LEAST_WEIGHT, LARGEST_WEIGHT = 0.01, 100.0
_KEY = "_asked"


@dataclass(frozen=True, slots=True)
class Part:
    """An item, an upload, or a region of the file of one.

    Attributes:
        name: Id of the item, or token of the upload.
        upload: Which of the two.
        region: ``x,y,width,height`` in full-size pixels; "" for the whole.
        less: Less like it is wanted.
        weight: What it counts beside the others, above 0.
    """

    name: str
    upload: bool = False
    region: str = ""
    less: bool = False
    weight: float = 1.0

    def flipped(self) -> Part:
        """The other way round."""
        return replace(self, less=not self.less)

    def weighed(self) -> Part:
        """Counting double; from there half, and from there once."""
        return replace(self, weight=NEXT_WEIGHT.get(self.weight, 1.0))


def read() -> list[Part]:
    """The parts that the URL names.

    Raises:
        StoreError: They are more than anyone looks through, or a weight is none.
    """
    given = st.query_params
    parts = [Part(name, less=less) for less in (False, True) for name in given.get_all(_name(less))]
    for region, of in zip_longest(given.get_all("region"), given.get_all("of"), fillvalue=""):
        less, box = _signed(region)
        uploaded = of.startswith(UPLOAD)
        parts.append(Part(of.removeprefix(UPLOAD) if uploaded else of, uploaded, box, less))
    for token in given.get_all("upload"):
        less, token = _signed(token)
        parts.append(Part(token, upload=True, less=less))
    if len(parts) > MOST:
        raise StoreError(
            f"The address names {len(parts)} images to look for; {MOST} are taken at most."
        )
    weights = given.get("weights", "")
    return [
        replace(part, weight=_weight(weight)) if weight else part
        for part, weight in zip_longest(parts, weights.split(",")[: len(parts)])
    ]


def write(opened: Opened, parts: Sequence[Part]) -> None:
    """Let the URL name these parts, and nothing else of a query."""
    for name, values in _parameters(parts).items():
        if values and values != st.query_params.get_all(name):
            st.query_params[name] = values
        elif not values and name in st.query_params:
            del st.query_params[name]
    _remember(opened, parts)


def remembered(opened: Opened) -> list[Part]:
    """What this visitor last looked for in this index."""
    held: dict[str, tuple[Part, ...]] = st.session_state.setdefault(_KEY, {})
    return list(held.get(opened.key, ()))


def more(opened: Opened, names: Sequence[str], *, less: bool = False) -> None:
    """Go to the query page with items added to what was looked for last."""
    kept = [part for part in remembered(opened) if part.name not in names or part.region]
    parts = [*kept, *(Part(name, less=less) for name in names)]
    go("query", **_parameters(parts[-MOST:]))


def query_part(opened: Opened, part: Part) -> QueryImage | QueryItem:
    """The part as a search takes it.

    Raises:
        StoreError: There is no such item or upload.
        SourceError: The region is none.
    """
    weight = -part.weight if part.less else part.weight
    if part.upload:
        upload = uploads.tray().get(part.name)
        region = Region.parse(part.region[:SHOWN]) if part.region else None
        return QueryImage(upload.path, region, weight, upload.name)
    if part.name not in opened.index:
        shown = part.name if len(part.name) <= SHOWN else part.name[:SHOWN] + "…"
        raise StoreError(f"There is no item {shown!r} in this index; take it out of the query.")
    if part.region:
        region = Region.parse(part.region[:SHOWN])
        return region_beside(opened.index.store, part.name, region, weight=weight)
    return QueryItem(part.name, weight)


def title(part: Part) -> str:
    """What a part is called.

    Raises:
        StoreError: The upload is not kept.
    """
    name = uploads.tray().get(part.name).name if part.upload else part.name
    return f"{name} · {part.region}" if part.region else name


def small_picture(opened: Opened, part: Part) -> str:
    """Address of a small picture of a part that :func:`query_part` takes.

    Raises:
        SourceError: A region cannot be read.
    """
    if part.region:
        path = str(opened.index.path)
        return _cut_out(path, opened.version, replace(part, less=False, weight=1), opened)
    if part.upload:
        return Pictures.thumbnail_url(uploads.shelf_key(), part.name, "")
    row = opened.index.store.take([part.name], ["id", "content_hash"]).to_pylist()[0]
    return opened.picture(row)


@st.cache_data(show_spinner=False, max_entries=64)
def _cut_out(path: str, version: int, part: Part, _opened: Opened) -> str:
    """A region as a data URL; it is too small to be worth a request of its own."""
    picture = original_pixels(_opened.index, Query((query_part(_opened, part),)))
    picture.thumbnail((SMALL_PX, SMALL_PX), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=80)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def _remember(opened: Opened, parts: Sequence[Part]) -> None:
    remembered(opened)
    st.session_state[_KEY][opened.key] = tuple(parts)


def _parameters(parts: Sequence[Part]) -> dict[str, list[str]]:
    whole = [part for part in parts if not part.region]
    cut = [part for part in parts if part.region]
    named = {
        less: [one for one in whole if not one.upload and one.less is less]
        for less in (False, True)
    }
    sent = [one for one in whole if one.upload]
    weights = [one.weight for one in (*named[False], *named[True], *cut, *sent)]
    return {
        **{_name(less): [one.name for one in some] for less, some in named.items()},
        "region": [_sign(part) + part.region for part in cut],
        "of": [UPLOAD * part.upload + part.name for part in cut],
        "upload": [_sign(part) + part.name for part in sent],
        "weights": [",".join(f"{one:g}" for one in weights)] if set(weights) - {1.0} else [],
    }


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = 0.0
    if not LEAST_WEIGHT <= weight <= LARGEST_WEIGHT:
        raise StoreError(
            f"The address has a part count {text[:SHOWN]!r}; give a number from {LEAST_WEIGHT:g} "
            f"to {LARGEST_WEIGHT:g}, such as 2 or 0.5."
        )
    return weight


def _name(less: bool) -> str:
    return "unlike" if less else "like"


def _sign(part: Part) -> str:
    return "-" * part.less


def _signed(text: str) -> tuple[bool, str]:
    return text.startswith("-"), text.removeprefix("-")
