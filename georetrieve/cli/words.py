"""``georetrieve words``, and the options of prompts that other commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from georetrieve.cli.output import Format, emit, remark

if TYPE_CHECKING:
    from georetrieve.vocabulary import Entry, Vocabulary

__all__ = ["EXAMPLES", "Prompts", "PromptsOption", "VocabularyOption", "words"]

EXAMPLES = """Examples:

georetrieve words

georetrieve words "lead glance"

georetrieve words "quartz with undulose extinction" --format json

georetrieve words --kind palynomorph --format csv > genera.csv

georetrieve words --check my-words.toml
"""

SHOWN = ["name", "kind", "group", "symbols", "formula", "synonyms", "age"]
SHOWN_PROMPTS = ["prompt"]


class Prompts(StrEnum):
    """Sentences that words are put into before they are encoded."""

    auto = "auto"
    general = "general"
    petrographic = "petrographic"
    palynological = "palynological"
    raw = "raw"


class Kind(StrEnum):
    """What an entry is; one word, for the command line."""

    ore = "ore"
    rock_forming = "rock-forming"
    palynomorph = "palynomorph"


KINDS: dict[Kind, Any] = {
    Kind.ore: "ore mineral",
    Kind.rock_forming: "rock-forming mineral",
    Kind.palynomorph: "palynomorph",
}

PromptsOption = Annotated[
    Prompts,
    typer.Option(
        help="Sentences that words are put into; auto: by what they name; raw: as they are."
    ),
]
VocabularyOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        envvar="GEORETRIEVE_VOCABULARY",
        help="Words of your own (TOML), laid over those that come with georetrieve.",
    ),
]


def words(
    text: Annotated[
        str | None,
        typer.Argument(metavar="[TEXT]", help="A name, a symbol or a phrase. [default: list all]"),
    ] = None,
    kind: Annotated[Kind | None, typer.Option(help="List only these.")] = None,
    prompts: PromptsOption = Prompts.auto,
    vocabulary: VocabularyOption = None,
    check: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Say what is wrong with a file of words, and stop."),
    ] = None,
    form: Annotated[Format, typer.Option("--format")] = Format.table,
) -> None:
    """Look up minerals and palynomorphs: their synonyms, looks, sources, and the prompts used."""
    from georetrieve.vocabulary import load_vocabulary

    if check is not None:
        _check(check)
        return
    known = load_vocabulary(vocabulary)
    if text is not None:
        _look_up(text, known, prompts, form)
        return
    entries = known.entries(None if kind is None else KINDS[kind])
    if form is Format.json:
        emit([entry.row() for entry in entries], form, SHOWN)
    else:
        emit([_joined(entry) for entry in entries], form, SHOWN)
        remark(f"{len(entries)} entries; georetrieve words NAME shows one")


def _joined(entry: Entry) -> dict[str, Any]:
    return {
        key: ", ".join(value) if isinstance(value, tuple) else value
        for key, value in entry.row().items()
    }


def _look_up(text: str, known: Vocabulary, prompts: Prompts, form: Format) -> None:
    from georetrieve.vocabulary import prompts_for

    sentences = prompts_for(text, known, style=prompts.value)
    entry = known.find(text)
    if form is Format.json:
        facts = None if entry is None else entry.row()
        cited = {} if entry is None else {key: known.sources[key] for key in entry.sources}
        row = {"text": text, "entry": facts, "sources": cited, "prompts": sentences}
        emit([row | {"suggested": [] if entry else known.suggest(text)}], form, [])
    elif form is Format.csv:
        emit([{"prompt": one} for one in sentences], form, SHOWN_PROMPTS)
    else:
        if entry is not None:
            emit(_facts(entry, known), form, ["", "value"])
        emit([{"prompt": one} for one in sentences], form, SHOWN_PROMPTS)
    if entry is None:
        remark(_unknown(text, known))


def _facts(entry: Entry, known: Vocabulary) -> list[dict[str, str]]:
    row = _joined(entry)
    looks: dict[str, str] = row.pop("looks")
    cited = [known.sources[key] for key in entry.sources]
    del row["sources"]
    lines = [*row.items(), *looks.items(), *(("source", one) for one in cited)]
    return [{"": name, "value": value} for name, value in lines if value]


def _unknown(text: str, known: Vocabulary) -> str:
    if named := known.mentions(text):
        return f"in it: {', '.join(one.entry.name for one in named)}"
    near = known.suggest(text)
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    return f"{text!r} is not in the vocabulary, and is taken at its word{hint}"


def _check(path: Path) -> None:
    from georetrieve.vocabulary import check_vocabulary

    problems = check_vocabulary(path)
    for problem in problems:
        print(f"{path}: {problem}")
    if problems:
        raise typer.Exit(1)
    remark(f"{path}: all is well")
