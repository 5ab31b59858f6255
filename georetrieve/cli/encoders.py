"""``georetrieve encoders``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from georetrieve.cli.output import Bars, Format, emit, remark

__all__ = ["app"]

app = typer.Typer(
    help="Encoders: what there is, and fitting the bundled one.", no_args_is_help=True
)


@app.command("list")
def list_(form: Annotated[Format, typer.Option("--format")] = Format.table) -> None:
    """List the families of encoders and how theirs are named."""
    from georetrieve.encoders.registry import families

    rows = [
        {"name": name, "family": family.name, "summary": family.summary}
        for family in families()
        for name in (*family.all_names, *family.forms)
        if name
    ]
    emit(rows, form, ["name", "family", "summary"])


@app.command("info")
def info(
    name: Annotated[str, typer.Argument(help="An encoder's name, say bundled.")],
    form: Annotated[Format, typer.Option("--format")] = Format.table,
) -> None:
    """Load an encoder and show its specification."""
    from georetrieve.encoders.registry import load_encoder

    spec = load_encoder(name).spec
    values = {**spec.to_json(), "fingerprint": spec.fingerprint, "column": spec.column}
    if form is Format.json:
        emit([values], form, list(values))
        return
    rows = [{"fact": key, "value": str(value)} for key, value in values.items()]
    emit(rows, form, ["fact", "value"])


@app.command("fit-bundled")
def fit_bundled(
    folders: Annotated[list[Path], typer.Argument(help="Folders of images to fit to.")],
    out: Annotated[Path, typer.Option("--out", help="The safetensors file to write.")],
    seed: Annotated[int, typer.Option(help="Seed of the sampling and of the mixture.")] = 0,
) -> None:
    """Fit a codebook of the bundled encoder to folders of images, without labels."""
    from georetrieve.training.codebook import fit_codebook

    with Bars() as bars:
        encoder = fit_codebook(folders, seed=seed, progress=bars)
    encoder.save(out)
    remark(f"{out}: codebook {encoder.spec.fingerprint}, {encoder.spec.dim} numbers an image")
