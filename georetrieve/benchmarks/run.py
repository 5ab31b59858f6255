"""What a benchmark gives: its record, and pictures that belong to it."""

from __future__ import annotations

from dataclasses import dataclass, field

from PIL import Image

from georetrieve.benchmarks.record import RunRecord

__all__ = ["BenchmarkRun", "Picture"]


@dataclass(frozen=True, slots=True)
class Picture:
    """Something to look at.

    Attributes:
        kind: What it shows: ``overlay``, ``patch_colours``, ``query_sheet`` ...; pictures of a kind
            stand together in a report.
        title: A few words.
        caption: One or two sentences that say what is to be seen.
        image: RGB.
    """

    kind: str
    title: str
    caption: str
    image: Image.Image = field(repr=False)


@dataclass(frozen=True, slots=True)
class BenchmarkRun:
    """A record and its pictures."""

    record: RunRecord
    pictures: tuple[Picture, ...] = ()
