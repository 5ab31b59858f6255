"""``georetrieve label doubtful`` and ``georetrieve label accept``."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from georetrieve.cli.output import Bars, Format, emit, remark, remark_all

if TYPE_CHECKING:
    from georetrieve.search import Index

__all__ = ["ACCEPT_EXAMPLES", "DOUBTFUL_EXAMPLES", "Queue", "accept", "doubtful"]

IndexName = Annotated[str, typer.Argument(metavar="INDEX", help="Name under indexes/, or a path.")]
Encoder = Annotated[
    str | None, typer.Option("--encoder", "-e", help="Whose vectors. [default: the first]")
]

DOUBTFUL_EXAMPLES = """Examples:

georetrieve label doubtful slides --limit 20

georetrieve label doubtful slides --queue contradicted --format csv > to-check.csv
"""

ACCEPT_EXAMPLES = """Examples:

georetrieve label accept slides --above 0.95

georetrieve label accept slides --above 0.95 --where "kind = 'specimen'" --yes
"""

SHOWN = ["id", "suggested", "probability", "runner_up", "runner_up_probability"]
COUNTED = ["label", "items"]


class Queue(StrEnum):
    """What a person should look at."""

    doubtful = "doubtful"
    far = "far"
    contradicted = "contradicted"


def doubtful(
    index: IndexName,
    queue: Annotated[
        Queue,
        typer.Option(
            help="Items between classes; far from anything labelled; or labelled, but the items "
            "around them are something else."
        ),
    ] = Queue.doubtful,
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 50,
    encoder: Encoder = None,
    form: Annotated[Format, typer.Option("--format")] = Format.table,
) -> None:
    """List what is most worth a look: a label there teaches most, or mends a mistake.

    The first come first, and look-alikes do not follow each other.
    """
    from georetrieve.search import Index

    with Bars() as bars, Index.open(index) as opened:
        if queue is Queue.contradicted:
            rows, total, remarks = _contradicted(opened, encoder, limit, bars)
        else:
            rows, total, remarks = _doubtful(opened, queue, encoder, limit, bars)
    columns = SHOWN if queue is not Queue.contradicted else ["id", "label", *SHOWN[1:]]
    if rows or form is not Format.table:
        emit(rows, form, columns)
    remark_all(remarks, [])
    remark(f"{len(rows):,} of {total:,} {queue.value} items")


def accept(
    index: IndexName,
    above: Annotated[
        float, typer.Option(help="Share of the votes a suggestion has, at least; above 0.5.")
    ] = 0.95,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do it; else only what would be done is said.")
    ] = False,
    where: Annotated[
        str | None, typer.Option(help='Only items that meet this condition, say "depth > 2000".')
    ] = None,
    encoder: Encoder = None,
    who: Annotated[str, typer.Option(help="Who says so. [default: the user of this machine]")] = "",
    form: Annotated[Format, typer.Option("--format")] = Format.table,
) -> None:
    """Give items without a label those that their neighbours agree on, in one act.

    Items far from anything labelled are left out. 'georetrieve label undo' takes the act back.
    """
    from georetrieve.labelling import give_labels
    from georetrieve.probes.classification.suggestions import suggest
    from georetrieve.search import Index

    with Bars() as bars, Index.open(index) as opened:
        suggestions = suggest(opened, encoder=encoder, where=where, progress=bars)
        path = opened.path
    labels = suggestions.sure(above)
    counts = Counter(labels.values()).most_common()
    if counts or form is not Format.table:
        emit([{"label": label, "items": count} for label, count in counts], form, COUNTED)
    remark_all(suggestions.classification.remarks, [])
    of = f"{len(labels):,} of {len(suggestions):,} items without a label"
    if not labels:
        remark(f"{of} have a suggestion of {above:g} or more")
    elif not yes:
        remark(f"{of} would be labelled; add --yes to do it")
    else:
        act = give_labels(path, labels, who=who, how="suggested")
        remark(f"{of} are labelled (act {act.batch})")


def _doubtful(
    opened: Index, queue: Queue, encoder: str | None, limit: int, bars: Bars
) -> tuple[list[dict[str, Any]], int, list[str]]:
    from georetrieve.probes.classification.suggestions import suggest

    suggestions = suggest(opened, encoder=encoder, progress=bars)
    ids = suggestions.far if queue is Queue.far else suggestions.doubtful
    rows = [_row(asdict(suggestions[one])) for one in ids[:limit]]
    return rows, len(ids), list(suggestions.classification.remarks)


def _contradicted(
    opened: Index, encoder: str | None, limit: int, bars: Bars
) -> tuple[list[dict[str, Any]], int, list[str]]:
    from georetrieve.probes.classification.contradicted import find_contradicted

    found = find_contradicted(opened, encoder=encoder, progress=bars)
    rows = [
        _row(asdict(found.suggestions[one])) | {"label": label}
        for one, label in list(found.labels.items())[:limit]
    ]
    return rows, len(found.labels), list(found.remarks)


def _row(suggestion: dict[str, Any]) -> dict[str, Any]:
    return {"suggested" if name == "label" else name: value for name, value in suggestion.items()}
