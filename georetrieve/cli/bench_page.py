"""``georetrieve bench page``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from georetrieve.cli.output import Bars, Format, emit, remark

__all__ = ["EXAMPLES", "page"]

EXAMPLES = """Examples:

georetrieve bench page

georetrieve bench page --items 20000 --rounds 1 --format json
"""
COLUMNS = ("step", "median_seconds", "worst_seconds", "times", "target_seconds", "met")


def page(
    items: Annotated[int, typer.Option(help="Items of the index it is timed on.", min=200)] = (
        200_000
    ),
    dim: Annotated[int, typer.Option(help="Width of their vectors.", min=2)] = 128,
    rounds: Annotated[int, typer.Option(help="How often all is done.", min=1)] = 3,
    seed: Annotated[int, typer.Option(help="Of the made-up items.")] = 0,
    form: Annotated[Format, typer.Option("--format")] = Format.table,
) -> None:
    """Time 'georetrieve app' in a browser, as a person waits for it: until the pictures are there.

    Needs Chromium or Chrome, and Playwright: pip install playwright.
    """
    from georetrieve.benchmarks.page_speed import run_page_speed

    with Bars() as bars:
        values = run_page_speed(items, dim, rounds=rounds, seed=seed, progress=bars)
    if form is Format.json:
        print(json.dumps(values, indent=2))
        return
    met = {True: "yes", False: "no", None: ""}
    emit([row | {"met": met[row["met"]]} for row in values["steps"]], form, COLUMNS)
    remark(
        f"{values['items']:,} items of {values['dim']} numbers, {values['processors']} processors. "
        f"A first page takes {values['page_over_bare']:.2f} times a bare Streamlit page, a page "
        f"turn {values['turn_over_bare']:.1f} times a bare run of one, a query "
        f"{values['query_over_bare']:.0f} times NumPy's bare product of the same vectors."
    )
