"""``georetrieve bench backends``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from georetrieve.cli.output import Bars, Format, emit, remark
from georetrieve.cli.runtime import Backend, DeviceOption

__all__ = ["backends"]

COLUMNS = (
    "backend",
    "precision",
    "images_per_second",
    "ratio",
    "lowest_cosine",
    "mean_cosine",
    "load_seconds",
    "auto",
)


def backends(
    encoder: Annotated[
        str | None,
        typer.Option("--encoder", "-e", help="[default: a ViT-S/16 with random weights]"),
    ] = None,
    batch_size: Annotated[int, typer.Option(help="Images in a batch.", min=1)] = 32,
    rounds: Annotated[int, typer.Option(help="Turns every way takes.", min=1)] = 5,
    only: Annotated[
        list[Backend] | None,
        typer.Option(help="Only this backend, beside torch; may be repeated. [default: all]"),
    ] = None,
    device: DeviceOption = "auto",
    form: Annotated[Format, typer.Option("--format")] = Format.table,
) -> None:
    """Compare the ways to run a network: speed, exactness, and what 'auto' takes here.

    The ratio is to PyTorch in single precision, the cosine to its vectors. On a GPU the encoder is
    compared with the bare network there.
    """
    from georetrieve.benchmarks.backends import run_backends

    with Bars() as bars:
        values = run_backends(
            encoder,
            batch_size=batch_size,
            rounds=rounds,
            device=device,
            backends=[backend.value for backend in only or []],
            progress=bars,
        )
    if form is Format.json:
        print(json.dumps(values, indent=2))
        return
    rows = [{**row, "auto": "auto" if row["auto"] else ""} for row in values["rows"]]
    emit(rows, form, COLUMNS)
    for missed in values["missed"]:
        remark(f"not run: {missed['backend']} {missed['precision']}: {missed['reason']}")
    remark(
        f"{values['encoder']}; {values['device']}, {values['threads']} threads, batches of "
        f"{values['batch_size']}. The encoder as auto runs it: "
        f"{values['encoder_images_per_second']:.1f} images/s, {values['encoder_to_bare']:.2f} of "
        "its bare network."
    )
