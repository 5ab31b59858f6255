"""``georetrieve samples``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from georetrieve.cli.output import remark

__all__ = ["EXAMPLES", "samples"]

EXAMPLES = """Examples:

georetrieve samples ./slides

georetrieve samples ./slides --n 5 --seed 7 --kinds palynology,ct

georetrieve samples ./rocks --n 3 --kinds ct_rocks
"""


def samples(
    folder: Annotated[Path, typer.Argument(help="Where to write; made if it is not there.")],
    n: Annotated[
        int, typer.Option("--n", "-n", min=1, help="Slides, and sections, of each kind.")
    ] = 2,
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.")] = 0,
    kinds: Annotated[
        str,
        typer.Option(help="Any of palynology, thin_section, ct, crops, ct_rocks; comma-separated."),
    ] = "palynology,thin_section,ct,crops",
) -> None:
    """Write synthetic slides, thin sections, a CT volume and labelled crops, with exact truth.

    The truth (boxes, taxa, mineral masks) goes to FOLDER-truth, beside the folder.
    """
    from georetrieve.sources.synthetic import write_samples

    wanted = tuple(kind.strip() for kind in kinds.split(",") if kind.strip())
    written = write_samples(folder, n=n, seed=seed, kinds=wanted)
    counts = Counter(path.relative_to(folder).parts[0] for path in written.files)
    for name, count in counts.items():
        print(folder / name if count == 1 else f"{folder / name}: {count} files")
    remark(f"{len(written.files)} files in {folder}; truth in {written.truth}")
