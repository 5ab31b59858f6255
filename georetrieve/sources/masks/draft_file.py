"""Drafts as text: JSON that a person can read, and that is checked when it comes back."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from georetrieve.errors import SourceError, UnknownFormatError
from georetrieve.sources.masks.clicks import Click
from georetrieve.sources.masks.draft import Draft, DraftMask
from georetrieve.sources.masks.table_file import parse_colour

__all__ = ["FORMAT", "draft_text", "read_draft"]

FORMAT = 1
"""Of what is written; another number is another format."""

_Read = TypeVar("_Read")


def draft_text(draft: Draft, files: Mapping[Path, str], *, when: str) -> str:
    """A draft as JSON; its steps back are not kept.

    Args:
        draft: With its classes, clicks and masks.
        files: What the file of each mask is called beside the text.
        when: ISO 8601, UTC.
    """
    said = {
        "format": FORMAT,
        "when": when,
        "classes": [
            {"name": name, "colour": "#{:02x}{:02x}{:02x}".format(*colour)}
            for name, colour in draft.classes
        ],
        "clicks": [
            [one.path, one.x, one.y, one.name, *(() if one.radius is None else (one.radius,))]
            for one in draft.clicks
        ],
        "masks": [
            {"image": one.image, "file": files[one.file], "names": list(one.names)}
            for one in draft.masks
        ],
    }
    return json.dumps(said, separators=(",", ":"), allow_nan=False) + "\n"


def read_draft(text: str, file: Callable[[str], Path]) -> tuple[Draft, str]:
    """Read what :func:`draft_text` wrote.

    Args:
        text: From anywhere.
        file: Where the file of a mask lies, by what it is called in the text.

    Returns:
        The draft, and when it was kept.

    Raises:
        UnknownFormatError: It is of another format, as other versions write.
        SourceError: It is no draft.
    """
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"it is no JSON ({error})") from error
    said = _of(said, dict)
    if said.get("format") != FORMAT:
        raise UnknownFormatError(f"its format is {str(said.get('format'))[:20]}, not {FORMAT}")
    try:
        classes = [
            (_of(one["name"], str), parse_colour(_of(one["colour"], str)))
            for one in _of(said["classes"], list)
        ]
        clicks = [_click(_of(one, list)) for one in _of(said["clicks"], list)]
        masks = [_mask(_of(one, dict), file) for one in _of(said["masks"], list)]
        when = _moment(_of(said["when"], str))
    except (KeyError, TypeError) as error:
        raise SourceError(f"something is missing in it ({error})") from error
    return Draft(classes, clicks, masks), when


def _moment(text: str) -> str:
    try:
        return datetime.fromisoformat(text).isoformat()
    except ValueError as error:
        raise SourceError(f"{text[:40]!r} in it is no time") from error


def _click(cells: list[Any]) -> Click:
    if len(cells) not in (4, 5):
        raise SourceError(f"a click of it has {len(cells)} parts")
    image, x, y, name, *radius = cells
    return Click(
        0, _of(image, str), _number(x), _number(y), _of(name, str),
        abs(_number(radius[0])) if radius else None,
    )  # fmt: skip


def _mask(said: Mapping[str, Any], file: Callable[[str], Path]) -> DraftMask:
    names = tuple(None if one is None else _of(one, str) for one in _of(said["names"], list))
    return DraftMask(_of(said["image"], str), file(_of(said["file"], str)), names)


def _number(value: Any) -> float:  # noqa: ANN401  what JSON holds
    try:
        number = float(value) if type(value) in (int, float) else math.nan
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise SourceError(f"{str(value)[:40]!r} in it is no number")
    return number


def _of(value: object, kind: type[_Read]) -> _Read:
    if not isinstance(value, kind):
        raise SourceError(f"{str(value)[:40]!r} in it is no {kind.__name__}")
    return value
