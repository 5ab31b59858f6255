"""Which mask belongs to which image, by their names."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from georetrieve.errors import SourceError
from georetrieve.sources.fields import FieldOfView
from georetrieve.sources.folder import walk

__all__ = ["MaskPairs", "pair_masks"]

MASK_ENDING = re.compile(r"[_\-. ](masks?|labels?|seg|segmentation|gt)$", re.IGNORECASE)
WITHOUT_MASK = "has no mask"
SLICE_ENDING = re.compile(r"^(?P<stem>.+?)[_\-. ]?(?P<axis>[zyx])0*(?P<index>\d+)$", re.IGNORECASE)


@dataclass(slots=True)
class MaskPairs:
    """Masks that were found for fields.

    Attributes:
        where: Where they were looked for.
        masks: Name of a field → its mask.
        failed: (file, why it is of no use), one line each.
    """

    where: Path
    masks: dict[str, Path] = field(default_factory=dict)
    failed: list[tuple[str, str]] = field(default_factory=list)

    def nothing_left(self) -> SourceError:
        """Why there is no pair of use."""
        count = len(self.failed)
        if not count:
            return SourceError(f"{self.where} holds no mask; name the folder with the masks.")
        # What is wrong with a mask that is there says more than that others have none.
        path, reason = min(self.failed, key=lambda one: one[1].startswith(WITHOUT_MASK))
        said = reason.removeprefix(path).lstrip(": ")  # the file is named once
        more = f" (and {count - 1} more)" if count > 1 else ""
        return SourceError(f"No image has a mask of use in {self.where}: {path}: {said}{more}")


def pair_masks(fields: Sequence[FieldOfView], truth: Path) -> MaskPairs:
    """Find the masks of fields by their names.

    Args:
        fields: What was opened.
        truth: A mask, or a folder of masks; how they are named is said by
            :func:`~georetrieve.sources.masks.pairing.label_fields`.

    Raises:
        SourceError: There is nothing there, or one mask for many fields.
    """
    paired = MaskPairs(truth)
    if not truth.exists():
        raise SourceError(f"{truth} does not exist; name a mask, a folder of masks or a CSV.")
    if truth.is_file():
        if len(fields) > 1:
            keyed = _Names([truth.name])
            only = [one for one in fields if keyed.find(one.name)]
            if len(only) != 1:
                raise SourceError(
                    f"{truth} is one mask and there are {len(fields)} images; give a folder with a "
                    "mask for each."
                )
            fields = only
        paired.masks[fields[0].name] = truth
        return paired
    names = _Names(_masks_in(truth))
    used = set()
    for one in fields:
        found = names.find(one.name)
        if found is None:
            paired.failed.append((one.name, f"{WITHOUT_MASK} in {truth}"))
        else:
            paired.masks[one.name] = truth / found
            used.add(found)
    paired.failed += [
        (name, "is a mask without an image") for name in names.names if name not in used
    ]
    return paired


def _masks_in(folder: Path) -> list[str]:
    images = [file.files[0] for file in walk(folder, volumes="never").files]
    outlines = [path for path in folder.rglob("*.geojson") if not path.name.startswith(".")]
    return sorted(path.relative_to(folder).as_posix() for path in (*images, *outlines))


class _Names:
    """Masks by the names images have."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self._by_path: dict[str, list[str]] = defaultdict(list)
        self._by_stem: dict[str, list[str]] = defaultdict(list)
        for name in names:
            pure = PurePosixPath(name)
            for stem in dict.fromkeys((pure.stem, MASK_ENDING.sub("", pure.stem))):
                for key in dict.fromkeys((stem, _slice_key(stem))):
                    self._by_path[(pure.parent / key).as_posix()].append(name)
                    self._by_stem[key].append(name)

    def find(self, name: str) -> str | None:
        """The mask of a field; None without one, or if several may be meant."""
        path, _, place = name.partition("#")
        pure = PurePosixPath(path)
        end = f"#{place}" if place else ""
        for table, parent in ((self._by_path, pure.parent), (self._by_stem, PurePosixPath())):
            for stem in (pure.stem, pure.name):  # names of several views have no suffix to lose
                found = table.get((parent / f"{stem}{end}").as_posix(), [])
                if len(found) == 1:
                    return found[0]
        return None


def _slice_key(stem: str) -> str:
    """``core_z012`` → ``core#z=12``, as the slice of a volume is called."""
    match = SLICE_ENDING.match(stem)
    return f"{match['stem']}#{match['axis'].lower()}={match['index']}" if match else stem
