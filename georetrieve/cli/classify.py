"""``georetrieve classify``."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from georetrieve.cli.output import Bars, Format, emit_first, remark, remark_all
from georetrieve.cli.runtime import DeviceOption
from georetrieve.sources.label_table import counted

if TYPE_CHECKING:
    from georetrieve.probes.classification.result import Classification

__all__ = ["EXAMPLES", "classify"]

EXAMPLES = """Examples:

georetrieve classify slides

georetrieve classify slides --queries new-crops/ --format csv > classes.csv

georetrieve classify slides --queries other-slides -k 10 --balanced --write

georetrieve classify slides --queries specimen.jpg --probe linear --format json
"""

SHOWN = ["id", "label", "probability", "runner_up", "nearest", "distance", "percentile", "far"]
SHOWN_CLASSES = 12


class Probe(StrEnum):
    """What classifies."""

    knn = "knn"
    centroid = "centroid"
    linear = "linear"


class Weights(StrEnum):
    """What a neighbour's word weighs."""

    softmax = "softmax"
    distance = "distance"
    uniform = "uniform"


def classify(
    index: Annotated[
        str, typer.Argument(metavar="INDEX", help="Whose labelled items are asked: name or path.")
    ],
    queries: Annotated[
        str,
        typer.Option(
            metavar="IMAGE|FOLDER|INDEX|unlabelled",
            help="What is classified: an image, a folder of images, another index with the same "
            "encoder, or the items of INDEX without a label.",
        ),
    ] = "unlabelled",
    probe: Annotated[
        Probe,
        typer.Option(help="Vote of neighbours, nearest class mean, or logistic regression."),
    ] = Probe.knn,
    k: Annotated[
        str,
        typer.Option("-k", help="How many neighbours vote; auto: chosen on the labelled items."),
    ] = "auto",
    weights: Annotated[
        Weights,
        typer.Option(help="Of votes: exp(cosine / T), the inverse of the distance, or all alike."),
    ] = Weights.softmax,
    temperature: Annotated[float, typer.Option(help="T of softmax weights.")] = 0.07,
    balanced: Annotated[
        bool, typer.Option("--balanced", help="Divide votes by the frequency of their class.")
    ] = False,
    encoder: Annotated[
        str | None, typer.Option("--encoder", "-e", help="Whose vectors. [default: the first]")
    ] = None,
    where: Annotated[
        str | None, typer.Option(help='Only items that meet this condition, say "depth > 2000".')
    ] = None,
    far_percentile: Annotated[
        float,
        typer.Option(help="Of the labelled items' own distances; beyond it an item is far."),
    ] = 99.0,
    voters: Annotated[
        int, typer.Option(help="How many voters JSON and CSV list for each item.")
    ] = 5,
    write: Annotated[
        bool,
        typer.Option("--write", help="Write the classes into predicted_… columns of the items."),
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if a file failed.")] = False,
    device: DeviceOption = "auto",
    form: Annotated[Format, typer.Option("--format")] = Format.table,
) -> None:
    """Say what items are, by the labelled items of an index that they look like.

    Per item: its class and the share of the votes it has, the runner-up, the nearest labelled item,
    and whether it is far from anything labelled: then its class is not to be trusted. Your own
    labels are never changed.
    """
    from georetrieve.encoders.runtime import Runtime
    from georetrieve.probes.classification.queries import ItemQueries, open_queries
    from georetrieve.probes.classification.run import ClassifyOptions
    from georetrieve.probes.classification.run import classify as run
    from georetrieve.probes.classification.write import PREDICTED, write_predictions
    from georetrieve.probes.vote import VoteRule
    from georetrieve.search import Index

    options = ClassifyOptions(
        probe=probe.value,
        k=_neighbours(k),
        rule=VoteRule(weights.value, temperature),
        balanced=balanced,
        far_percentile=far_percentile,
        voters=voters,
    )
    with Bars() as bars, Index.open(index, runtime=Runtime(device=device)) as opened:
        wanted = open_queries(opened, queries, encoder=encoder, where=where)
        place = wanted.store.path if isinstance(wanted, ItemQueries) else None
        if write and place is None:
            raise typer.BadParameter("--write needs items of an index; index the images first")
        result = run(opened, wanted, options, encoder=encoder, asked=queries, progress=bars)
    _print(result, form)
    if write and place is not None:
        count = write_predictions(place, result)
        remark(f"written to {place}: {', '.join(PREDICTED)} of {count:,} items")
    if strict and result.failed:
        raise typer.Exit(1)


def _neighbours(k: str) -> int | None:
    if k == "auto":
        return None
    if not k.isdigit():
        raise typer.BadParameter(f"-k is a number or auto, not {k!r}")
    return int(k)


def _print(result: Classification, form: Format) -> None:
    if form is Format.json:
        result.write_json(sys.stdout)
    elif form is Format.csv:
        result.write_csv(sys.stdout)
    elif len(result):
        emit_first(result.rows(), len(result), form, SHOWN)
    remark_all(result.remarks, result.failed)
    remark(_summary(result))


def _summary(result: Classification) -> str:
    counts = result.counts()
    classes = [f"{count:,} {name}" for name, count in counts.items()]
    if len(classes) > SHOWN_CLASSES:
        rest = sum(list(counts.values())[SHOWN_CLASSES:])
        others = f"{rest:,} of {len(classes) - SHOWN_CLASSES:,} further classes"
        classes = [*classes[:SHOWN_CLASSES], others]
    failed = f"; {len(result.failed):,} not read" if result.failed else ""
    far = int(result.far.sum())
    return (
        f"{counted(len(result), 'item')} classified by {result.probe}: "
        f"{', '.join(classes) or 'none'}; {far:,} far from anything labelled{failed}"
    )
