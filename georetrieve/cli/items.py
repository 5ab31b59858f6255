"""``georetrieve items``."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from georetrieve.cli.output import SHOWN_ITEMS, Format, emit, remark
from georetrieve.errors import did_you_mean

if TYPE_CHECKING:
    from georetrieve.stores.lance import IndexStore

__all__ = ["EXAMPLES", "items"]

EXAMPLES = """Examples:

georetrieve items slides --where "label IS NULL" --sort area_um2 --descending

georetrieve items slides --columns id,label,depth --format csv > items.csv

georetrieve items slides --labelled-by "Ana Silva" --labelled-since 2026-03-01

georetrieve items slides --list-columns
"""
_FIRST = ("id", "kind", "label", "group")


def items(
    index: Annotated[str, typer.Argument(metavar="INDEX", help="Name under indexes/, or a path.")],
    where: Annotated[str | None, typer.Option(help="Only items that meet this condition.")] = None,
    labelled_by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Only items whose label this person gave here; may be repeated."
        ),
    ] = None,
    labelled_since: Annotated[
        datetime | None,
        typer.Option(
            metavar="DAY",
            formats=["%Y-%m-%d"],
            help="Only items whose label was given here on this day, UTC, or later.",
        ),
    ] = None,
    sort: Annotated[str, typer.Option(help="Column; items with nothing there come last.")] = "id",
    descending: Annotated[bool, typer.Option("--descending", help="Largest first.")] = False,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Items of a page. [default: 50 in a table, else all]"),
    ] = None,
    page: Annotated[int, typer.Option(min=1, help="Which page, from 1.")] = 1,
    columns: Annotated[
        str | None,
        typer.Option(help="Comma-separated. [default: a few in a table, else all]"),
    ] = None,
    list_columns: Annotated[
        bool, typer.Option("--list-columns", help="Tell what each column holds instead.")
    ] = False,
    form: Annotated[Format, typer.Option("--format")] = Format.table,
) -> None:
    """List the items of an index: those that meet a condition, sorted, a page at a time."""
    from georetrieve.search.browse import list_items
    from georetrieve.search.places import find_index
    from georetrieve.stores.label_journal import LabelJournal
    from georetrieve.stores.lance import IndexStore

    store = IndexStore.open(find_index(index))
    if list_columns:
        _emit_columns(store, form)
        return
    ids = None
    if labelled_by or labelled_since:
        since = labelled_since and labelled_since.date()
        ids = list(LabelJournal(store.path).standing(by=labelled_by or (), since=since))
    listing = list_items(store, where, sort=sort, descending=descending, ids=ids)
    size = limit or (SHOWN_ITEMS if form is Format.table else max(1, len(listing)))
    pages = max(1, -(-len(listing) // size))
    page = min(page, pages)
    ids = listing.ids((page - 1) * size, size)
    wanted = _wanted(store, columns, sort, form)
    emit(store.take(ids, wanted).to_pylist(), form, wanted)
    if pages > 1:
        remark(f"page {page:,} of {pages:,}, {len(listing):,} items: --page and --limit turn it")


def _wanted(store: IndexStore, columns: str | None, sort: str, form: Format) -> list[str]:
    known = [name for name in store.columns if name != "thumbnail"]
    if columns is None:
        return list(dict.fromkeys([*_FIRST, sort])) if form is Format.table else known
    wanted = [name.strip() for name in columns.split(",") if name.strip()]
    for name in wanted:
        if name not in known:
            raise typer.BadParameter(
                f"there is no column {name!r}.{did_you_mean(name, known)} "
                "--list-columns tells which there are."
            )
    return wanted


def _emit_columns(store: IndexStore, form: Format) -> None:
    from georetrieve.search.column_facts import column_facts

    rows: list[dict[str, Any]] = [
        {
            "column": fact.name,
            "kind": fact.kind,
            "items": fact.filled,
            "values": fact.distinct,
            "low": fact.low,
            "high": fact.high,
            "most_frequent": ", ".join(list(fact.counts)[:3]),
        }
        for fact in column_facts(store).values()
    ]
    emit(rows, form, list(rows[0]))
