"""``georetrieve name``."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from georetrieve.cli.output import Bars, Format, emit_first, remark, remark_all
from georetrieve.cli.runtime import DeviceOption
from georetrieve.cli.words import Prompts, PromptsOption, VocabularyOption

if TYPE_CHECKING:
    from georetrieve.probes.zero_shot import Naming

__all__ = ["EXAMPLES", "name"]

EXAMPLES = """Examples:

georetrieve name thin-sections --words quartz,feldspar,biotite,garnet

georetrieve name ores --words ores.txt --several --format csv > minerals.csv

georetrieve name thin-sections --words "oolitic limestone,sandstone" --queries new-photos/

georetrieve name ores --words galena,pyrite --several --by sigmoid --probability 0.3
"""

SHOWN_NAMES = 12


class By(StrEnum):
    """When a name applies."""

    rivals = "rivals"
    sigmoid = "sigmoid"
    top = "top"


def name(
    index: Annotated[str, typer.Argument(metavar="INDEX", help="Name under indexes/, or a path.")],
    words: Annotated[
        str,
        typer.Option(
            metavar="WORDS|FILE", help="Names, separated by commas; or a text file, one a line."
        ),
    ],
    several: Annotated[
        bool, typer.Option("--several", help="Give every name that applies, not the best one.")
    ] = False,
    by: Annotated[
        By,
        typer.Option(
            help="When one of several applies: it fits better than other words of its kind "
            "(rivals), by the network's own probability (sigmoid; SigLIP), or among the best (top)."
        ),
    ] = By.rivals,
    quantile: Annotated[
        float, typer.Option(help="Share of its rivals that a name must surpass.")
    ] = 0.95,
    probability: Annotated[float, typer.Option(help="That a name must have.")] = 0.5,
    k: Annotated[int, typer.Option("-k", help="How many are among the best.")] = 3,
    queries: Annotated[
        str | None,
        typer.Option(
            metavar="IMAGE|FOLDER|INDEX|unlabelled", help="What is named. [default: all items]"
        ),
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option("--encoder", "-e", help="Whose vectors. [default: the first with texts]"),
    ] = None,
    where: Annotated[
        str | None, typer.Option(help='Only items that meet this condition, say "depth > 2000".')
    ] = None,
    prompts: PromptsOption = Prompts.auto,
    vocabulary: VocabularyOption = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if a file failed.")] = False,
    device: DeviceOption = "auto",
    form: Annotated[Format, typer.Option("--format")] = Format.table,
) -> None:
    """Say which of your words items look like; no labelled item is needed.

    Per item: the name that fits best, its probability if one of the names holds, the runner-up, and
    whether the name fits better than others of its kind. With --several: all names that apply.
    """
    from georetrieve.encoders.runtime import Runtime
    from georetrieve.probes.classification.queries import Queries, open_queries
    from georetrieve.probes.zero_shot import (
        PresenceRule,
        all_items,
        name_items,
        naming_spec,
        read_names,
    )
    from georetrieve.search import Index
    from georetrieve.vocabulary import load_vocabulary

    rule = PresenceRule(by.value, quantile, probability, k) if several else None
    with Bars() as bars, Index.open(index, runtime=Runtime(device=device)) as opened:
        if queries is None:
            wanted: Queries = all_items(opened, encoder=encoder, where=where)
        else:
            column = naming_spec(opened, encoder).column
            wanted = open_queries(opened, queries, encoder=column, where=where)
        result = name_items(
            opened,
            wanted,
            read_names(words),
            rule=rule,
            encoder=encoder,
            vocabulary=load_vocabulary(vocabulary),
            style=prompts.value,
            asked=queries or "",
            progress=bars,
        )
    _print(result, form)
    if strict and result.failed:
        raise typer.Exit(1)


def _print(result: Naming, form: Format) -> None:
    if form is Format.json:
        result.write_json(sys.stdout)
    elif form is Format.csv:
        result.write_csv(sys.stdout)
    elif len(result):
        emit_first(result.rows(), len(result), form, result.columns)
    remark_all(result.remarks, result.failed)
    remark(_summary(result))


def _summary(result: Naming) -> str:
    counts = [f"{count:,} {name}" for name, count in result.counts().items()]
    if len(counts) > SHOWN_NAMES:
        counts = [*counts[:SHOWN_NAMES], f"{len(counts) - SHOWN_NAMES:,} further names"]
    failed = f"; {len(result.failed):,} not read" if result.failed else ""
    given = f"{len(result):,} items named by {result.encoder}, {result.rule}"
    return f"{given}: {', '.join(counts) or 'none'}{failed}"
