"""Which files are views of one field: PPL and XPL photographs, told by folder or by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from georetrieve.errors import SourceError

__all__ = ["USUAL_VIEWS", "check_views", "group_views", "view_groups", "view_of"]

USUAL_VIEWS = ("ppl", "xpl")
"""Plane-polarised light, and crossed polarisers."""


def check_views(views: Sequence[str]) -> tuple[str, ...]:
    """The names of views, lower case.

    Raises:
        SourceError: A name is empty, comes twice, or is no part of a file name.
    """
    names = tuple(view.strip().lower() for view in views)
    if len(set(names)) < len(names) or not all(re.fullmatch(r"[\w.+-]+", name) for name in names):
        raise SourceError(
            f"Views {', '.join(views)!r} are not names of their own; give the folders or the "
            "endings of file names that tell them, say ppl,xpl."
        )
    return names


def view_of(path: str, views: Sequence[str]) -> tuple[str, str] | None:
    """(view, what is left of the path) of a file; None where its name tells no view.

    ``ppl/a.png`` and ``a_ppl.png`` are the view ``ppl`` of ``a``. A folder tells before a name
    does, the innermost first; capitals do not matter.

    Args:
        path: POSIX path below the root.
        views: Lower case.
    """
    pure = PurePosixPath(path)
    folders = list(pure.parts[:-1])
    for place in range(len(folders) - 1, -1, -1):
        if folders[place].lower() in views:
            view = folders.pop(place).lower()
            return view, PurePosixPath(*folders, pure.stem).as_posix()
    either = "|".join(re.escape(view) for view in views)
    end = re.fullmatch(rf"(?P<stem>.+)[_\-. ](?P<view>{either})", pure.stem, re.IGNORECASE)
    start = re.fullmatch(rf"(?P<view>{either})[_\-. ](?P<stem>.+)", pure.stem, re.IGNORECASE)
    match = end or start
    if match is None:
        return None
    return match["view"].lower(), PurePosixPath(*folders, match["stem"]).as_posix()


def group_views(
    paths: Iterable[str], views: Sequence[str]
) -> tuple[dict[str, tuple[str, ...]], list[tuple[str, str]], list[str]]:
    """Sort files into fields with all their views.

    Args:
        paths: POSIX paths below the root.
        views: From :func:`check_views`.

    Returns:
        Name of a field → its files in the order of the views; (file, why it is of no use) of the
        others; files that are no view.
    """
    found: dict[str, dict[str, list[str]]] = {}
    others = []
    for path in sorted(paths):
        told = view_of(path, views)
        if told is None:
            others.append(path)
        else:
            found.setdefault(told[1], {}).setdefault(told[0], []).append(path)
    fields, failed = {}, []
    for name, members in found.items():
        missing = [view for view in views if view not in members]
        twice = [paths for paths in members.values() if len(paths) > 1]
        if missing:
            there = next(iter(members.values()))[0]
            failed.append((
                there,
                f"has no partner: the view {', '.join(missing)} of {name!r} is missing; add it, or "
                "name other views (--views)",
            ))  # fmt: skip
        elif twice:
            failed.append((
                twice[0][0],
                f"comes twice: {', '.join(twice[0])} are the same view of {name!r}; keep one",
            ))  # fmt: skip
        else:
            fields[name] = tuple(members[view][0] for view in views)
    return fields, failed, others


def view_groups(paths: Iterable[str]) -> dict[str, dict[str, str]]:
    """Files that look like the PPL and XPL photograph of one field.

    Args:
        paths: POSIX paths below one root.

    Returns:
        Name of the field → its views → their files; what has no partner is not in it.
    """
    fields, _, _ = group_views(paths, USUAL_VIEWS)
    return {name: dict(zip(USUAL_VIEWS, files, strict=True)) for name, files in fields.items()}
