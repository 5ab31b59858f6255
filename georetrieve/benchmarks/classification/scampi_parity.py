"""The SCAMPI benchmark's numbers and time beside those of its own evaluation script.

Both are given the same vectors, so that what differs is the evaluation; that encoders give the same
vectors is shown by :mod:`georetrieve.benchmarks.parity`.
"""

from __future__ import annotations

import csv
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from georetrieve.benchmarks.classification.found import classify_all
from georetrieve.benchmarks.classification.reference_run import FITTED
from georetrieve.benchmarks.classification.scampi import scampi_files
from georetrieve.benchmarks.classification.settings import task_settings
from georetrieve.benchmarks.clones import CLONES
from georetrieve.benchmarks.csv_tables import write_rows
from georetrieve.benchmarks.labelled import LabelledVectors
from georetrieve.benchmarks.measure import Bootstrap
from georetrieve.benchmarks.tasks import load_task
from georetrieve.errors import GeoRetrieveError, StoreError

__all__ = ["TOLERANCE", "FileDifference", "ScampiParity", "compare_tables", "scampi_parity"]

TOLERANCE = 1e-4
_STAGES = {
    "Features are ready!": "start",
    "CBIR evaluation done.": "retrieval",
    "Classification evaluation...": "sheets",
    "Classification evaluation done.": "classification",
    "Summary metrics saved.": "tables",
}
"""What the script says when a stage is over, and what we call that stage."""
_EVALUATED = ("retrieval", "classification")
_LAST_LINES = 3
_NO_DRAWS = Bootstrap(draws=0)


@dataclass(frozen=True, slots=True)
class FileDifference:
    """How far a table is from the script's.

    Attributes:
        file: Its name.
        cells: Numbers compared.
        largest: Largest difference of any; ∞ where names, words or shapes differ.
    """

    file: str
    cells: int
    largest: float

    @property
    def passed(self) -> bool:
        """Whether all are as near as is asked."""
        return self.largest <= TOLERANCE


@dataclass(frozen=True, slots=True)
class ScampiParity:
    """What was compared.

    Attributes:
        files: Each table of the script.
        reference_seconds: Processor seconds of the script, by stage: ``retrieval``, ``sheets``
            (drawn), ``classification`` (fits left out), ``fits`` (of logistic regression),
            ``tables`` (written, and a confusion matrix drawn).
        seconds: Processor seconds of ours: ``all`` tables, made and written; ``fits``.
    """

    files: tuple[FileDifference, ...]
    reference_seconds: Mapping[str, float]
    seconds: Mapping[str, float]

    @property
    def ratio(self) -> float:
        """How many times faster ours is, what the script draws left out."""
        return (
            sum(self.reference_seconds[name] for name in (*_EVALUATED, "fits"))
            / (self.seconds["all"])
        )

    @property
    def ratio_without_fits(self) -> float:
        """The same without logistic regression, which both leave to scikit-learn."""
        return sum(self.reference_seconds[name] for name in _EVALUATED) / (
            self.seconds["all"] - self.seconds["fits"]
        )


def scampi_parity(data: LabelledVectors, images: Path, references: Path) -> ScampiParity:
    """Evaluate vectors with the script and with ours.

    Args:
        data: Every image of ``images``, labelled by its folder.
        images: Folder of a folder a class.
        references: Folder that holds a clone of equinor/scampi-benchmark.

    Raises:
        StoreError: There is no clone.
        GeoRetrieveError: The script failed.
    """
    clone = CLONES["scampi"].find(references)
    if clone is None:
        raise StoreError(
            f"{references} holds no clone of {CLONES['scampi'].repo}: there, run "
            f"'{CLONES['scampi'].how}'."
        )
    with tempfile.TemporaryDirectory(prefix="georetrieve-scampi-") as place:
        theirs, ours = Path(place) / "theirs", Path(place) / "ours"
        vectors = Path(place) / "vectors.npy"
        np.save(vectors, data.vectors.astype(np.float32))
        seconds = _timed(data, ours)
        stages = _reference(clone, images, vectors, theirs)
        files = tuple(
            compare_tables(path, ours / path.name) for path in sorted(theirs.glob("*.csv"))
        )
    return ScampiParity(files, stages, seconds)


def compare_tables(theirs: Path, ours: Path) -> FileDifference:
    """Compare two CSV files cell by cell; numbers by their difference, words by being alike."""
    if not ours.is_file():
        return FileDifference(theirs.name, 0, math.inf)
    rows, others = _cells(theirs), _cells(ours)
    if [len(row) for row in rows] != [len(row) for row in others]:
        return FileDifference(theirs.name, 0, math.inf)
    pairs = [
        (one, other)
        for row, like in zip(rows, others, strict=True)
        for one, other in zip(row, like, strict=True)
    ]
    differences = [_difference(one, other) for one, other in pairs]
    numbers = sum(_number(one) is not None for one, _ in pairs)
    return FileDifference(theirs.name, numbers, max(differences, default=0.0))


def _difference(one: str, other: str) -> float:
    value, like = _number(one), _number(other)
    if value is None or like is None:
        return 0.0 if one == other else math.inf
    return abs(value - like)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _cells(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def _timed(data: LabelledVectors, folder: Path) -> dict[str, float]:
    """Processor seconds to make and write all tables, and those of the fits among them."""
    settings = task_settings(load_task("scampi", "classification"))
    # Imports are no part of an evaluation, and the first call makes them.
    classify_all(data, replace(settings, split=replace(settings.split, seeds=(0,))), _NO_DRAWS)
    start = time.process_time()
    found = classify_all(data, settings, _NO_DRAWS)
    for name, rows in scampi_files(found).items():
        write_rows(folder / name, rows)
    whole = time.process_time() - start
    probes = replace(settings, probe=replace(settings.probe, kinds=("knn",)))
    start = time.process_time()
    classify_all(data, probes, _NO_DRAWS)
    return {"all": whole, "fits": max(0.0, whole - (time.process_time() - start))}


def _reference(clone: Path, images: Path, vectors: Path, destination: Path) -> dict[str, float]:
    """Run the script; its seconds by stage."""
    driver = "georetrieve.benchmarks.classification.reference_run"
    paths = [str(path.resolve()) for path in (clone, images, vectors, destination)]
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", driver, *paths],
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        said = " ".join(ran.stderr.strip().splitlines()[-_LAST_LINES:])
        raise GeoRetrieveError(
            f"The evaluation script in {clone} failed ({said}): install what its requirements.txt "
            "names into this environment."
        )
    times, fits = {}, 0.0
    for line in ran.stdout.splitlines():
        stamp, _, words = line.partition(" ")
        if words.startswith(FITTED):
            fits = float(words.removeprefix(FITTED))
        for said, stage in _STAGES.items():
            if words.startswith(said):
                times[stage] = float(stamp)
    if len(times) < len(_STAGES):
        raise GeoRetrieveError(
            f"The evaluation script in {clone} no longer says what it did: its stages cannot be "
            "timed. Use the commit 416e5c1."
        )
    stages = {stage: times[stage] - times[before] for before, stage in pairwise(times)}
    stages["classification"] -= fits
    return stages | {"fits": fits}
