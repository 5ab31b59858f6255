"""Walk a folder: which files are images, which belong together, what are they now.

A slide with companion files (MIRAX's folder, VMS's tiles, a DICOM series) is one item of the walk,
and so is a volume stored as numbered slices.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from georetrieve.errors import SourceError
from georetrieve.sources.groups import companions_of, group_slices
from georetrieve.sources.options import VolumeRule

__all__ = ["IMAGE_SUFFIXES", "SourceFile", "Walk", "content_hash", "has_changed", "walk"]

KindHint = Literal["image", "slide", "volume"]

SLIDE_SUFFIXES = frozenset({
    ".mrxs", ".svs", ".svslide", ".ndpi", ".scn", ".bif", ".vms", ".vmu", ".dcm",
    # Not read, but an image all the same: the refusal says what to convert it to.
    ".czi", ".vsi", ".lif", ".nd2", ".oib", ".oir",
})  # fmt: skip
VOLUME_SUFFIXES = frozenset({".npy", ".raw"})
IMAGE_SUFFIXES = (
    frozenset({
        ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".btf", ".tf8", ".bmp", ".dib",
        ".webp", ".gif", ".jp2", ".j2k", ".jpx", ".pgm", ".ppm", ".pnm", ".avif", ".heic", ".psd",
    })
    | SLIDE_SUFFIXES
    | VOLUME_SUFFIXES
)  # fmt: skip
NOT_IMAGES = frozenset({"thumbs.db", "desktop.ini", "__macosx", "$recycle.bin"})
HASH_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class SourceFile:
    r"""One image, slide or volume on disk.

    Attributes:
        path: POSIX path below the root, valid UTF-8 (bytes that are not stand as ``\\xff``); of a
            volume in numbered slices ``folder/name_*.tif``.
        files: What :func:`georetrieve.sources.opening.open_raster` takes: one file, or all slices.
        size: Bytes, companions included.
        mtime_ns: Newest modification time, nanoseconds, companions included.
        kind_hint: What the name suggests.
        companions: Files that belong to it and are no items themselves.
    """

    path: str
    files: tuple[Path, ...]
    size: int
    mtime_ns: int
    kind_hint: KindHint
    companions: tuple[Path, ...] = ()


@dataclass(slots=True)
class Walk:
    """What a walk found.

    Attributes:
        files: Images, slides and volumes, sorted by path.
        ignored: Number of files whose name is no image's.
        remarks: Folders that could not be read, slices taken as one volume.
    """

    files: list[SourceFile] = field(default_factory=list)
    ignored: int = 0
    remarks: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Found:
    """A file seen in a folder."""

    path: Path
    size: int
    mtime_ns: int


def walk(root: Path, *, recursive: bool = True, volumes: VolumeRule = "auto") -> Walk:
    """List the images below a folder, or the one image a path names.

    Hidden files, what operating systems leave behind (``Thumbs.db``, ``._x``), and links that lead
    back up are passed over; files without an image's suffix are counted.

    Args:
        root: Folder or file.
        recursive: Whether folders in it are looked into.
        volumes: ``auto`` takes eight or more grey TIFF, PNG or BMP files of one size in one folder,
            whose names differ only in a number that runs without a gap, as one volume; ``always``
            two or more whose names differ only in a number; ``never`` none.

    Raises:
        SourceError: ``root`` does not exist or cannot be read.
    """
    found = Walk()
    if not root.exists():
        raise SourceError(f"{root} does not exist; name a folder of images or an image file.")
    if root.is_dir():
        _walk_folder(root, "", found, (), recursive=recursive, volumes=volumes)
    else:
        _take(_stat_all([root]), "", found, siblings=_names(root.parent), volumes="never")
    found.files.sort(key=lambda file: file.path)
    return found


def _walk_folder(
    folder: Path,
    prefix: str,
    found: Walk,
    above: tuple[tuple[int, int], ...],
    *,
    recursive: bool,
    volumes: VolumeRule,
) -> None:
    try:
        entries = _entries(folder)
        status = folder.stat()
    except OSError as error:
        if not above:
            raise SourceError(
                f"{folder} cannot be read ({error.strerror}); mend its access rights."
            ) from error
        found.remarks.append(f"folder {prefix.rstrip('/')} cannot be read ({error.strerror})")
        return
    here = (status.st_dev, status.st_ino)
    if here in above:
        return
    above = (*above, here)
    seen, folders = _sort_out(entries, folder, found)
    names = {entry.name for entry in entries}
    owned = _take(seen, prefix, found, siblings=names, volumes=volumes)
    for name in folders if recursive else ():
        if name not in owned:
            deeper = f"{prefix}{_text(name)}/"
            _walk_folder(folder / name, deeper, found, above, recursive=True, volumes=volumes)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What a folder holds, sorted, without what nobody put there on purpose."""
    with os.scandir(folder) as listing:
        kept = [
            entry
            for entry in listing
            if not entry.name.startswith(".") and entry.name.lower() not in NOT_IMAGES
        ]
    return sorted(kept, key=lambda entry: entry.name)


def _sort_out(
    entries: list[os.DirEntry[str]], folder: Path, found: Walk
) -> tuple[list[_Found], list[str]]:
    """Files with size and time, and names of folders."""
    files, folders = [], []
    for entry in entries:
        try:
            if entry.is_dir():
                folders.append(entry.name)
            elif entry.is_file():
                facts = entry.stat()
                files.append(_Found(folder / entry.name, facts.st_size, facts.st_mtime_ns))
        except OSError:
            # Gone since the listing.
            found.ignored += 1
    return files, folders


def _take(
    seen: list[_Found], prefix: str, found: Walk, *, siblings: set[str], volumes: VolumeRule
) -> set[str]:
    """Enter the images among the files of one folder; return the names of folders slides own."""
    images = [file for file in seen if file.path.suffix.lower() in IMAGE_SUFFIXES]
    found.ignored += len(seen) - len(images)
    belongs = companions_of([file.path for file in images], siblings)
    companions = {path for owner in belongs.values() for path in owner.files}
    images = [file for file in images if file.path not in companions]
    stacks = group_slices([file.path for file in images], volumes)
    stacked = {path for members in stacks.values() for path in members}
    for file in images:
        if file.path in stacked:
            continue
        mates = belongs[file.path].files if file.path in belongs else ()
        every = [file, *_stat_all(mates)]
        _enter(found, prefix + _text(file.path.name), (file.path,), every, mates)
    sizes = {file.path: file for file in images}
    for pattern, members in stacks.items():
        path = prefix + _text(pattern)
        _enter(found, path, members, [sizes[member] for member in members], (), kind="volume")
        found.remarks.append(
            f"{path}: {len(members)} numbered slices are taken as one volume (--volumes never: as "
            "images)"
        )
    return {owner.folder for owner in belongs.values() if owner.folder}


def _enter(
    found: Walk,
    path: str,
    files: tuple[Path, ...],
    facts: list[_Found],
    companions: Iterable[Path],
    kind: KindHint | None = None,
) -> None:
    suffix = files[0].suffix.lower()
    if kind is None:
        kind = "image"
        kind = "slide" if suffix in SLIDE_SUFFIXES else kind
        kind = "volume" if suffix in VOLUME_SUFFIXES else kind
    size, newest = sum(one.size for one in facts), max(one.mtime_ns for one in facts)
    found.files.append(SourceFile(path, files, size, newest, kind, tuple(companions)))


def _names(folder: Path) -> set[str]:
    try:
        return set(os.listdir(folder))  # noqa: PTH208 - names are wanted, not paths
    except OSError:
        return set()


def _stat_all(paths: Iterable[Path]) -> list[_Found]:
    """Size and time of files; those that have gone do not count."""
    facts = []
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            continue
        facts.append(_Found(path, status.st_size, status.st_mtime_ns))
    return facts


def _text(name: str) -> str:
    r"""A file name as valid UTF-8, with bytes that are not written ``\\xff``."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def has_changed(file: SourceFile) -> bool:
    """Whether a file, or one that belongs to it, has another size or time than when listed."""
    every = (*file.files, *file.companions)
    facts = _stat_all(every)
    if len(facts) < len(every):
        return True
    now = sum(one.size for one in facts), max(one.mtime_ns for one in facts)
    return now != (file.size, file.mtime_ns)


def content_hash(file: SourceFile) -> str:
    """32 hex digits over the content: BLAKE2b of a single file, of several over names too.

    Names count without their folder, and companions by their place below the slide's folder, so
    a moved slide or volume keeps its digest.

    Raises:
        OSError: A file cannot be read.
    """
    if len(file.files) == 1 and not file.companions:
        return _digest(file.files[0]).hexdigest()
    whole = hashlib.blake2b(digest_size=16)
    folder = file.files[0].parent
    for path in (*file.files, *file.companions):
        inner = path.relative_to(folder)
        name = Path(*inner.parts[1:]) if len(inner.parts) > 1 else Path(inner.name)
        if path == file.files[0] and len(file.files) == 1:
            name = Path()
        whole.update(os.fsencode(name) + b"\0" + _digest(path).digest())
    return whole.hexdigest()


def _digest(path: Path) -> hashlib.blake2b:
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as stream:
        while block := stream.read(HASH_BLOCK):
            digest.update(block)
    return digest
