"""``georetrieve encoders look``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from georetrieve.cli.output import Bars, remark
from georetrieve.cli.runtime import DeviceOption

__all__ = ["look"]


def look(
    image: Annotated[Path, typer.Argument(help="The image.")],
    save: Annotated[Path, typer.Option("--save", help="The picture to write: PNG, JPEG, PDF …")],
    encoder: Annotated[
        str, typer.Option("--encoder", "-e", help="A vision transformer shows its attention too.")
    ] = "bundled",
    device: DeviceOption = "auto",
) -> None:
    """Draw what an encoder sees in an image: its patches as colours, and where its heads look."""
    from georetrieve.encoders.registry import load_encoder
    from georetrieve.encoders.runtime import Runtime
    from georetrieve.reports.encoder_look import look_at, save_look
    from georetrieve.sources.opening import open_raster
    from georetrieve.types import Region

    with open_raster(image) as raster:
        pixels = raster.read(Region(0, 0, *raster.size))
    with Bars() as bars:
        loaded = load_encoder(encoder, runtime=Runtime(device=device), progress=bars)
    save_look(save, look_at(loaded, pixels), title=image.name)
    remark(f"{save}: {image.name} as {loaded.spec.name} sees it")
