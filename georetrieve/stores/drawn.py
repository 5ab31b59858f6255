"""What people drew around things on the files of an index; it outlasts indexing again.

``drawn/DIGEST.json``: the outlines on one file. It is written before the items are made that are
cut along them, so that an interrupted run, a further encoder, or a file that is read again find
which items there are beside those that cutting finds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from georetrieve.errors import SourceError, StoreError
from georetrieve.stores.items import Key
from georetrieve.stores.manifest import write_text_atomically
from georetrieve.types import Region

__all__ = ["FOLDER", "DrawnOutline", "DrawnOutlines"]

FOLDER = "drawn"

Ring: TypeAlias = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class DrawnOutline:
    """What somebody drew around a thing.

    Attributes:
        box: Around all of it, level-0 pixels, of a volume with the slice.
        area_px: Covered area, level-0 pixels.
        ring: (x, y) of its outline, level-0 pixels; of several bodies, that of the largest. The
            first point is not repeated at the end.
        canvas: (width, height) of the image, or the slice, that it was drawn on, pixels.
    """

    box: Region
    area_px: int
    ring: Ring
    canvas: tuple[int, int]


class DrawnOutlines:
    """The outlines drawn on the files of an index; written under its lock.

    Args:
        index: Folder of the index.
    """

    def __init__(self, index: Path) -> None:
        self._folder = index / FOLDER

    def of(self, key: Key) -> list[DrawnOutline]:
        """Those on a file, by (source, path), in the order in which they were added.

        Raises:
            StoreError: What was kept of them is damaged.
        """
        place = self._place(key)
        try:
            values = json.loads(place.read_text(encoding="utf-8"))
            return [_outline(one) for one in values["outlines"]]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError, KeyError, SourceError) as error:
            raise StoreError(
                f"{place} is damaged ({error}); restore it from a backup: it holds the outlines "
                f"people drew on {key[1]}."
            ) from error

    def add(self, key: Key, outlines: Iterable[DrawnOutline]) -> None:
        """Keep further ones; of the same box, the last.

        Raises:
            StoreError: They cannot be written, or what was kept before is damaged.
        """
        kept = {one.box: one for one in self.of(key)} | {one.box: one for one in outlines}
        self._write(key, list(kept.values()))

    def rename(self, renames: Mapping[Key, Key]) -> None:
        """Have files, by (source, path), be called otherwise.

        Raises:
            StoreError: It cannot be written, or what was kept is damaged.
        """
        kept = {new: self.of(old) for old, new in renames.items()}  # two may have changed names
        for new, outlines in kept.items():
            if outlines:
                self._write(new, outlines)
        self.forget(old for old in renames if not kept.get(old))

    def forget(self, keys: Iterable[Key]) -> None:
        """Keep none of some files."""
        for key in keys:
            self._place(key).unlink(missing_ok=True)

    def _place(self, key: Key) -> Path:
        digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:32]
        return self._folder / f"{digest}.json"

    def _write(self, key: Key, outlines: Sequence[DrawnOutline]) -> None:
        try:
            self._folder.mkdir(exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"{self._folder} cannot be made ({error.strerror or error}); make room or mend "
                "access, then run again."
            ) from error
        values = {
            "source": key[0],
            "path": key[1],
            "outlines": [
                {
                    "box": str(one.box),
                    "area_px": one.area_px,
                    "ring": one.ring,
                    "canvas": one.canvas,
                }
                for one in outlines
            ],
        }
        text = json.dumps(values, ensure_ascii=False, allow_nan=False)
        write_text_atomically(self._place(key), text + "\n")


def _outline(values: Mapping[str, Any]) -> DrawnOutline:
    """Inverse of what is written.

    Raises:
        ValueError: The ring or the canvas has another shape.
    """
    width, height = values["canvas"]
    ring = tuple((float(x), float(y)) for x, y in values["ring"])
    return DrawnOutline(
        Region.parse(values["box"]), int(values["area_px"]), ring, (int(width), int(height))
    )
