"""``georetrieve bench throughput`` and ``georetrieve bench serve``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from georetrieve.cli.option_groups import with_groups
from georetrieve.cli.output import Format, emit, remark
from georetrieve.cli.runtime import PlainRuntimeOptions

__all__ = ["load", "throughput"]

EncoderOption = Annotated[
    str | None,
    typer.Option("--encoder", "-e", help="[default: a ViT-S/16 with random weights]"),
]
Out = Annotated[Format, typer.Option("--format")]


@with_groups
def throughput(
    source: Annotated[
        Path | None,
        typer.Argument(metavar="FOLDER", help="Images. [default: synthetic JPEGs of 512×512]"),
    ] = None,
    encoder: EncoderOption = None,
    count: Annotated[int, typer.Option(help="How many images.", min=1)] = 256,
    rounds: Annotated[
        int, typer.Option(help="Turns the service and the bare encoder take.", min=1)
    ] = 4,
    max_batch: Annotated[int, typer.Option(help="Images encoded at once.", min=1)] = 32,
    prepare_threads: Annotated[
        int, typer.Option(help="Threads that decode and resize; 0: one a processor.", min=0)
    ] = 0,
    *,
    running: PlainRuntimeOptions,
    form: Out = Format.table,
) -> None:
    """Compare the rate of the embedding service with that of the bare encoder.

    Also prints what an image costs in each stage of being indexed.
    """
    from georetrieve.benchmarks.seeded import RANDOM_WEIGHTS
    from georetrieve.benchmarks.throughput import run_throughput

    if encoder is None:
        remark(RANDOM_WEIGHTS)
    values = run_throughput(
        source,
        encoder=encoder,
        count=count,
        rounds=rounds,
        max_batch=max_batch,
        prepare_threads=prepare_threads,
        runtime=running.runtime(),
    )
    _show(values, form)


@with_groups
def load(
    encoder: EncoderOption = None,
    clients: Annotated[int, typer.Option(help="Clients that ask at one time.", min=1)] = 64,
    seconds: Annotated[float, typer.Option(help="How long they ask.", min=1)] = 60,
    count: Annotated[int, typer.Option(help="Different images.", min=1)] = 128,
    cache_mb: Annotated[
        float, typer.Option(help="The server's cache, MiB; 0: all are encoded.", min=0)
    ] = 0,
    *,
    running: PlainRuntimeOptions,
    form: Out = Format.table,
) -> None:
    """Let many clients ask a server of this machine, and compare every vector.

    The server is a process of its own, started and ended by this command. Beside the clients others
    send what is to be refused: too much, no image, a body that does not come.
    """
    from georetrieve.benchmarks.seeded import RANDOM_WEIGHTS
    from georetrieve.serving.load import LoadOptions, run_load

    if encoder is None:
        remark(RANDOM_WEIGHTS)
    values = run_load(
        LoadOptions(
            encoder=encoder,
            clients=clients,
            seconds=seconds,
            count=count,
            cache_mb=cache_mb,
            runtime=running.runtime(),
        )
    )
    _show(values, form)


def _show(values: Mapping[str, Any], form: Format) -> None:
    if form is Format.json:
        print(json.dumps(dict(values), indent=2))
    else:
        rows = [{"measure": name, "value": value} for name, value in values.items()]
        emit(rows, form, ["measure", "value"])
