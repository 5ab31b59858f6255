"""``georetrieve encoders``: what there is, and the weights on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from georetrieve.cli import encoders_look
from georetrieve.cli.encoder_facts import catalogue_facts, list_row, loaded_facts
from georetrieve.cli.output import Bars, Format, emit, remark

if TYPE_CHECKING:
    from georetrieve.encoders.catalogue.carry import Carried

__all__ = ["app"]

app = typer.Typer(
    help="Encoders: what there is, and their weights on this machine.", no_args_is_help=True
)

FORM = Annotated[Format, typer.Option("--format", help="How it is printed.")]
COLUMNS = ("name", "family", "dim", "patch", "MB", "licence", "text", "here")


def _examples(*lines: str) -> str:
    return "\n\n".join(("Examples:", *lines))


@app.command("list", epilog=_examples("georetrieve encoders list --format csv"))
def list_(form: FORM = Format.table) -> None:
    """List the encoders that have a name, and how others are named.

    "here": the weights are on this machine. The licence is that of the weights.
    """
    from georetrieve.encoders.catalogue.models import ENTRIES
    from georetrieve.encoders.registry import families

    rows = [
        {"name": name, "family": family.name, "here": "yes", "summary": family.summary}
        for family in families()
        for name in family.names
    ]
    rows += [list_row(entry) for entry in ENTRIES]
    emit(rows, form, [*COLUMNS, "summary"] if form is not Format.table else COLUMNS)
    if form is Format.table:
        forms = [form for family in families() for form in family.forms]
        remark(f"Others are written so: {', '.join(forms)}")


@app.command(
    "info",
    epilog=_examples(
        "georetrieve encoders info dinov2-vits14",
        "georetrieve encoders info vit_small_patch16_224@weights.pth",
    ),
)
def info(
    name: Annotated[
        str, typer.Argument(help="A name of 'georetrieve encoders list', or ARCH@WEIGHTS-FILE.")
    ],
    form: FORM = Format.table,
) -> None:
    """Show what is known of an encoder: its paper, licence, sources, transform, and where it lies.

    Of the bundled one and of files of yours, which are loaded for it, the specification is shown.
    """
    from georetrieve.encoders.options import split_name
    from georetrieve.encoders.registry import is_published

    base, _ = split_name(name)
    values = catalogue_facts(base) if is_published(base) else loaded_facts(name)
    if form is Format.json:
        emit([values], form, list(values))
        return
    rows = [{"fact": key, "value": str(value)} for key, value in values.items()]
    emit(rows, form, ["fact", "value"])


@app.command(
    "pull",
    epilog=_examples(
        "georetrieve encoders pull scampi-vits16 dinov2-vitb14",
        "georetrieve encoders pull dinov3-vits16 --accept-licence",
        "georetrieve encoders pull timm:vit_small_patch16_224.dino",
    ),
)
def pull(
    names: Annotated[list[str], typer.Argument(help="Names of encoders.", metavar="NAME...")],
    accept_licence: Annotated[
        bool,
        typer.Option("--accept-licence", help="I have read the licence shown, and accept it."),
    ] = False,
) -> None:
    """Download weights to this machine; what was cut off goes on where it stopped.

    They go to the folder that GEORETRIEVE_WEIGHTS names. Tokens are those of 'hf auth login'.
    """
    from georetrieve.encoders.options import split_name
    from georetrieve.encoders.registry import find_entry, pull_weights

    entries = [find_entry(split_name(name)[0]) for name in names]
    for entry in entries:
        remark(f"{entry.name}: licence {entry.licence or 'not stated'} {entry.licence_url}".strip())
        try:
            with Bars() as bars:
                local = pull_weights(entry.name, accept_licence=accept_licence, progress=bars)
        except KeyboardInterrupt:
            remark("Interrupted. What arrived is kept; the same command goes on from there.")
            raise typer.Exit(130) from None
        print(f"{entry.name}: {local.path}  SHA-256 {local.sha256}")


@app.command(
    "export",
    epilog=_examples(
        "georetrieve encoders export scampi-vits16 dinov2-vitb14 /media/stick",
        "georetrieve encoders export --all /media/stick",
    ),
)
def export(
    names: Annotated[
        list[str],
        typer.Argument(help="Names of encoders, then a folder.", metavar="NAME... FOLDER"),
    ],
    everything: Annotated[
        bool, typer.Option("--all", help="All weights on this machine; then only the folder.")
    ] = False,
) -> None:
    """Copy weights into a folder, say on a stick for a machine without network."""
    from georetrieve.encoders.catalogue.carry import export_weights
    from georetrieve.encoders.catalogue.weights_folder import WeightsFolder

    kept = WeightsFolder.default()
    *chosen, folder = names
    if everything == bool(chosen):
        raise typer.BadParameter("Give names and then a folder, or --all and a folder.")
    if everything:
        chosen = [ledger.name for ledger in kept.ledgers(strict=True)]
        if not chosen:
            remark(f"No weights are in {kept.root}; fetch some with georetrieve encoders pull NAME")
            raise typer.Exit(1)
    with Bars() as bars:
        carried = export_weights(kept, chosen, Path(folder), progress=bars)
    _tell(carried, f"There: georetrieve encoders import {folder}")


@app.command("import", epilog=_examples("georetrieve encoders import /media/stick"))
def import_(
    folder: Annotated[Path, typer.Argument(help="Folder that 'encoders export' has written.")],
) -> None:
    """Take weights from a folder that another machine exported; every file is checked."""
    from georetrieve.encoders.catalogue.carry import import_weights
    from georetrieve.encoders.catalogue.models import ENTRIES
    from georetrieve.encoders.catalogue.weights_folder import WeightsFolder

    with Bars() as bars:
        carried = import_weights(WeightsFolder.default(), folder, ENTRIES, progress=bars)
    _tell(carried)


def _tell(carried: list[Carried], then: str = "") -> None:
    for one in carried:
        if not one.reason:
            print(f"{one.name}: {one.outcome}, {one.megabytes:,.1f} MB")
    refused = [one for one in carried if one.reason]
    for one in refused:
        remark(f"{one.name}: {one.reason}")
    if refused:
        raise typer.Exit(1)
    if then and carried:
        remark(then)


@app.command(
    "verify",
    epilog=_examples("georetrieve encoders verify", "georetrieve encoders verify scampi-vits16"),
)
def verify(
    names: Annotated[
        list[str] | None, typer.Argument(help="Names of encoders.", metavar="[NAME...]")
    ] = None,
    form: FORM = Format.table,
) -> None:
    """Take the digest of all weights on this machine; exit with 1 if a file is not as it was."""
    from georetrieve.encoders.catalogue.models import ENTRIES
    from georetrieve.encoders.catalogue.weights_folder import WeightsFolder

    kept = WeightsFolder.default()
    names = names or [ledger.name for ledger in kept.ledgers(strict=True)]
    if not names:
        remark(f"No weights are in {kept.root}; fetch some with georetrieve encoders pull NAME")
    known = {entry.name: entry for entry in ENTRIES}
    with Bars() as bars:
        found = [
            verdict
            for name in names
            for verdict in kept.check(name, known.get(name), progress=bars)
        ]
    rows = [
        {
            "name": verdict.name,
            "file": verdict.file,
            "sha256": verdict.facts.sha256,
            "state": verdict.reason or "ok",
        }
        for verdict in found
    ]
    emit(rows, form, ["name", "file", "sha256", "state"])
    if not all(verdict.ok for verdict in found):
        raise typer.Exit(1)


@app.command(
    "fit-bundled",
    epilog=_examples("georetrieve encoders fit-bundled ./slides --out codebook.safetensors"),
)
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


app.command("look")(encoders_look.look)
