"""Writes folders of samples, their truth beside them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from georetrieve.errors import SourceError, did_you_mean
from georetrieve.sources.synthetic.ct import draw_sandstone, write_volume
from georetrieve.sources.synthetic.ct_rocks import SANDSTONES, draw_rock
from georetrieve.sources.synthetic.layout import lay_out
from georetrieve.sources.synthetic.minerals import ROCKS
from georetrieve.sources.synthetic.slide import write_slide
from georetrieve.sources.synthetic.specimen import draw_specimen
from georetrieve.sources.synthetic.taxa import TAXA
from georetrieve.sources.synthetic.thin_section import draw_section, write_section
from georetrieve.sources.synthetic.truth import read_truth, write_truth

__all__ = ["SampleSet", "truth_folder", "write_samples", "write_specimen_folder"]


@dataclass(slots=True)
class SampleSet:
    """What was written.

    Attributes:
        folder: Holds images only, ready to be indexed.
        truth: Folder beside it with boxes, taxa and masks.
        files: The images, in the order written.
        truths: The truth files.
    """

    folder: Path
    truth: Path
    files: list[Path] = field(default_factory=list)
    truths: list[Path] = field(default_factory=list)


def truth_folder(folder: Path) -> Path:
    """``FOLDER-truth``, beside the folder, so that indexing the folder never meets a mask."""
    folder = folder.resolve()
    return folder.with_name(folder.name + "-truth")


def write_samples(
    folder: Path,
    *,
    n: int = 3,
    seed: int = 0,
    kinds: Sequence[str] = ("palynology", "thin_section", "ct", "crops"),
    slide_size: tuple[int, int] = (4096, 3072),
    section_size: tuple[int, int] = (1024, 768),
    ct_shape: tuple[int, int, int] = (48, 320, 320),
    per_taxon: int = 12,
) -> SampleSet:
    """Write made-up samples with exact truth; the same seed gives the same files.

    Args:
        folder: Where the images go; made if it is not there. Truth goes to :func:`truth_folder`.
        n: Slides, thin sections, and ``ct_rocks`` of each rock; there is one ``ct`` volume.
        seed: Of everything.
        kinds: Any of ``palynology`` (pyramidal slides, in turn a TIFF that OpenSlide opens and an
            OME-TIFF), ``thin_section`` (PPL and XPL), ``ct`` (a multi-page TIFF), ``crops`` (a
            folder of labelled specimens, ``crops/TAXON/…``) and ``ct_rocks`` (small volumes of four
            sandstones, ``ct_rocks/ROCK/…``, n of each).
        slide_size: (width, height) of a slide, pixels.
        section_size: (width, height) of a thin section, pixels.
        ct_shape: (slices, rows, columns) of the volume, voxels.
        per_taxon: Crops of each taxon.

    Raises:
        SourceError: An unknown kind, a count below one, or the folder cannot be written.
    """
    writers: dict[str, Callable[[], None]] = {
        "palynology": lambda: _slides(written, n, seed, slide_size),
        "thin_section": lambda: _sections(written, n, seed, section_size),
        "ct": lambda: _volume(written, seed, ct_shape),
        "crops": lambda: _crops(written, per_taxon, seed),
        "ct_rocks": lambda: _rocks(written, n, seed),
    }
    for kind in kinds:
        if kind not in writers:
            raise SourceError(f"Unknown kind of sample {kind!r}.{did_you_mean(kind, writers)}")
    if n < 1 or per_taxon < 1:
        raise SourceError(f"Nothing to write: n = {n}, per_taxon = {per_taxon}; both start at 1.")
    written = SampleSet(folder, truth_folder(folder))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written.truth.mkdir(parents=True, exist_ok=True)
        for kind in kinds:
            writers[kind]()
        written.truths.append(_write_labels(written))
    except OSError as error:
        raise SourceError(
            f"Samples cannot be written to {folder} ({error.strerror}); choose another folder."
        ) from error
    return written


def write_specimen_folder(
    folder: Path,
    *,
    per_taxon: int = 12,
    seed: int = 0,
    taxa: Iterable[str] = tuple(TAXA),
    size_px: int = 224,
) -> list[Path]:
    """Write labelled crops: one folder a taxon, one PNG a specimen.

    Args:
        folder: Where the taxon folders go; made if it is not there.
        per_taxon: Crops of each taxon.
        seed: The same seed gives the same files.
        taxa: Which taxa.
        size_px: Side of a crop, pixels.
    """
    written = []
    for taxon in taxa:
        place = folder / taxon
        place.mkdir(parents=True, exist_ok=True)
        for number in range(per_taxon):
            # Seeded by name, so that a taxon looks the same whichever others are asked for.
            rng = np.random.default_rng([seed, number, *taxon.encode()])
            pixels, _ = draw_specimen(taxon, rng, size_px)
            written.append(place / f"{taxon}_{number:03d}.png")
            Image.fromarray(pixels).save(written[-1])
    return written


def _write_labels(written: SampleSet) -> Path:
    """Write the taxon of every crop and of every box on a slide, as ``--labels`` takes it."""
    path = written.truth / "labels.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "label", "x", "y", "width", "height"))
        for image in written.files:
            name = image.relative_to(written.folder)
            table = written.truth / f"{name.name.partition('.')[0]}.csv"
            if name.parts[0] == "crops":
                writer.writerow((name.as_posix(), name.parts[1], "", "", "", ""))
            elif name.parts[0].startswith("slide_"):
                for taxon, box in read_truth(table):
                    writer.writerow((name, taxon, box.x, box.y, box.width, box.height))
    return path


def _slides(written: SampleSet, n: int, seed: int, size: tuple[int, int]) -> None:
    for number in range(n):
        plan = lay_out(size, seed=(seed, number))
        ome = number % 2 == 1
        name = f"slide_{number:02d}"
        path = written.folder / (name + (".ome.tif" if ome else ".tif"))
        write_slide(path, plan, ome=ome)
        written.files.append(path)
        written.truths += write_truth(written.truth / name, plan)


def _sections(written: SampleSet, n: int, seed: int, size: tuple[int, int]) -> None:
    for number in range(n):
        rock = list(ROCKS)[number % len(ROCKS)]
        section = draw_section(rock, np.random.default_rng((seed, 1, number)), size)
        name = f"section_{number:02d}_{rock}"
        paths = write_section(written.folder, written.truth, name, section)
        written.files += paths[:2]
        written.truths += paths[2:]


def _volume(written: SampleSet, seed: int, shape: tuple[int, int, int]) -> None:
    volume = draw_sandstone(np.random.default_rng((seed, 2)), shape)
    image, mask = write_volume(written.folder, written.truth, "ct_sandstone", volume)
    written.files.append(image)
    written.truths.append(mask)


def _rocks(written: SampleSet, n: int, seed: int) -> None:
    for rock in SANDSTONES:
        for number in range(n):
            volume = draw_rock(rock, (seed, 3, number, *rock.encode()))
            place, truth = (one / "ct_rocks" / rock for one in (written.folder, written.truth))
            place.mkdir(parents=True, exist_ok=True)
            truth.mkdir(parents=True, exist_ok=True)
            image, mask = write_volume(place, truth, f"{rock}_{number:02d}", volume)
            written.files.append(image)
            written.truths.append(mask)


def _crops(written: SampleSet, per_taxon: int, seed: int) -> None:
    written.files += write_specimen_folder(written.folder / "crops", per_taxon=per_taxon, seed=seed)
