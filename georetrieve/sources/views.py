"""Open what is to be mapped: images, slides, slices of volumes, registered views, as fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from georetrieve.errors import GeoRetrieveError, SourceError
from georetrieve.protocols import Raster, RegionReader
from georetrieve.sources.fields import FieldOfView
from georetrieve.sources.folder import SourceFile, walk
from georetrieve.sources.label_table import counted
from georetrieve.sources.labels import Annotator
from georetrieve.sources.open_files import OpenFiles
from georetrieve.sources.opening import open_raster
from georetrieve.sources.options import ReadOptions
from georetrieve.sources.slices import parse_slices
from georetrieve.sources.view_names import check_views, group_views, view_of
from georetrieve.sources.volume import slice_count, slice_size
from georetrieve.types import Axis, Region

__all__ = ["OpenedFields", "open_fields"]


@dataclass(slots=True)
class OpenedFields:
    """Fields of view whose files are opened when they are read; a context manager.

    Attributes:
        fields: In the order of their names; a volume's in the order of its slices.
        failed: (file, why it is of no use), one line each.
        remarks: What a user should know, one line each.
        stamps: Name of a field → size and time of its files, which change when they do.
    """

    fields: list[FieldOfView] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    stamps: dict[str, str] = field(default_factory=dict)
    _files: OpenFiles[Raster] = field(default_factory=OpenFiles)
    _said: dict[str, list[str]] = field(default_factory=dict)
    _taken: set[tuple[Path, ...]] = field(default_factory=set)

    def close(self) -> None:
        """Close all files; closing twice is harmless."""
        self._files.close()

    def __enter__(self) -> OpenedFields:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class _Terms:
    """How fields are made of files."""

    options: ReadOptions
    views: tuple[str, ...]
    slices: str | None
    axis: Axis
    groups: str | None


def open_fields(
    source: Path | Sequence[Path],
    options: ReadOptions | None = None,
    *,
    views: Sequence[str] = (),
    slices: str | None = None,
    axis: Axis = "z",
    groups: str | None = None,
) -> OpenedFields:
    """List the fields of view of an image, a folder, a slide or a volume.

    A volume gives one field a slice. Files are opened to learn their size and scale, and again when
    their pixels are read; at most a few are open at a time.

    Args:
        source: File or folder, or several; fields of several folders are called after them. Of
            registered views one file suffices, its partners lie beside it.
        options: How files are read.
        views: Names of registered views: each field then consists of one file a view, in folders
            ``ppl/NAME`` and ``xpl/NAME`` or named ``NAME_ppl.png`` and ``NAME_xpl.png``. With none,
            each file is a field.
        slices: Which slices of volumes: ``all`` (or None), ``3,8,12`` or ``start:stop:step``.
        axis: What the slices are perpendicular to.
        groups: What the groups of images are, as an index takes it; None: slides and volumes are
            groups, images have none.

    Returns:
        The fields; files that cannot be used are in ``failed``.

    Raises:
        SourceError: There is nothing there, or nothing that can be used.
    """
    terms = _Terms(options or ReadOptions(), check_views(views), slices, axis, groups)
    opened = OpenedFields()
    sources = [source] if isinstance(source, Path) else list(source)
    try:
        for one in sources:
            prefix = f"{one.resolve().name}/" if len(sources) > 1 and one.is_dir() else ""
            try:
                _open_one(one, prefix, terms, opened)
            except GeoRetrieveError as error:
                opened.failed.append((str(one), str(error)))
        if not opened.fields:
            raise _nothing(sources, opened)
    except BaseException:
        opened.close()
        raise
    for line, paths in opened._said.items():
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        opened.remarks.append(f"{paths[0]}{more}: {line}")
    return opened


def _open_one(source: Path, prefix: str, terms: _Terms, opened: OpenedFields) -> None:
    annotator = Annotator.from_options(None, terms.groups, source)
    files = _listed(source, terms, opened)
    if not files:
        views = f" that is one of the views {', '.join(terms.views)}" if terms.views else ""
        raise SourceError(
            f"{source} holds no image{views}; name an image, slide, volume or folder."
        )
    for name, members in _grouped(files, terms.views, opened).items():
        paths = tuple(path.resolve() for file in members for path in file.files)
        if paths in opened._taken:  # named twice, or by each of its views
            continue
        opened._taken.add(paths)
        try:
            made = _fields_of(prefix + name, members, terms, opened, annotator)
        except (GeoRetrieveError, OSError) as error:
            opened.failed.append((prefix + members[0].path, str(error)))
            continue
        stamp = " ".join(f"{file.size}@{file.mtime_ns}" for file in members)
        opened.stamps |= {one.name: stamp for one in made}
        opened.fields += made


def _listed(source: Path, terms: _Terms, opened: OpenedFields) -> list[SourceFile]:
    """The files that are looked at."""
    if len(terms.views) > 1 and source.is_file():
        return _with_partners(source, terms.views)
    found = walk(source, volumes=terms.options.volumes)
    opened.remarks += found.remarks
    return found.files


def _with_partners(source: Path, names: tuple[str, ...]) -> list[SourceFile]:
    """A file that is one view, and the files beside it that are the other ones."""
    folder = source.parent
    told = view_of(f"{folder.name}/{source.name}", names)
    if told is None:
        raise SourceError(
            f"{source} tells by neither folder nor name which of the views {', '.join(names)} it "
            "is; give the folder with all of them, or name the views (--views)."
        )
    if folder.name.lower() in names:
        folder = folder.parent
        beside = [one for one in folder.iterdir() if one.is_dir() and one.name.lower() in names]
    else:
        beside = [folder]
    wanted = view_of(source.relative_to(folder).as_posix(), names)
    files = []
    for place in beside:
        for file in walk(place, recursive=False, volumes="never").files:
            path = file.files[0].relative_to(folder).as_posix()
            one = view_of(path, names)
            if one is not None and wanted is not None and one[1] == wanted[1]:
                files.append(SourceFile(path, file.files, file.size, file.mtime_ns, "image"))
    return files


def _grouped(
    files: Sequence[SourceFile], names: tuple[str, ...], opened: OpenedFields
) -> dict[str, list[SourceFile]]:
    """Name of a field → its files, one a view."""
    if not names or (len(names) == 1 and len(files) == 1):
        if not names and any(view_of(file.path, ("xpl",)) for file in files):
            opened.remarks.append(
                "some files look like XPL views of others; --views ppl,xpl takes such pairs as one"
            )
        return {file.path: [file] for file in files}
    by_path = {file.path: file for file in files}
    fields, failed, others = group_views(by_path, names)
    opened.failed += failed
    if others:
        opened.remarks.append(
            f"left out, being none of the views {', '.join(names)}: {counted(len(others), 'file')} "
            f"({others[0]}{' …' if len(others) > 1 else ''})"
        )
    return {name: [by_path[path] for path in paths] for name, paths in fields.items()}


def _fields_of(
    name: str,
    members: Sequence[SourceFile],
    terms: _Terms,
    opened: OpenedFields,
    annotator: Annotator,
) -> list[FieldOfView]:
    """The field of some registered files, or the fields of their slices."""
    readers, facts = [], []
    indices: Sequence[int | None] = (None,)
    for file in members:
        path = file.files[0] if len(file.files) == 1 else file.files
        with _borrowed(opened, path, terms.options) as raster:
            facts.append((raster.size, raster.depth, raster.um_per_px, raster.kind))
            if raster.kind == "volume":
                indices = parse_slices(terms.slices, slice_count(raster, terms.axis))
                size = slice_size(raster, terms.axis)
            else:
                size = raster.size
            for line in raster.remarks:
                opened._said.setdefault(line, []).append(file.path)
        readers.append(path)
    _same_shape(members, facts)
    kind = facts[0][3]
    group = annotator.annotate(members[0].path, kind).group or ""
    um_per_px = next((scale for _, _, scale, _ in facts if scale is not None), None)
    return [
        FieldOfView(
            name=name if index is None else f"{name}#{terms.axis}={index}",
            size=size,
            views=tuple(_reader(opened, path, terms, index) for path in readers),
            view_names=terms.views or ("",),
            um_per_px=um_per_px,
            group=group,
        )
        for index in indices
    ]


def _same_shape(members: Sequence[SourceFile], facts: Sequence[tuple[Any, ...]]) -> None:
    for file, (size, depth, _, _) in zip(members, facts, strict=True):
        if (size, depth) != facts[0][:2]:
            (w, h), (fw, fh) = size, facts[0][0]
            raise SourceError(
                f"{members[0].path} is {fw}×{fh} px and {file.path} {w}×{h} px; views of one field "
                "are registered and of one size."
            )


def _borrowed(opened: OpenedFields, path: Path | tuple[Path, ...], options: ReadOptions) -> Any:  # noqa: ANN401 - a context manager of contextlib
    return opened._files.borrow(path, lambda: open_raster(path, options))


def _reader(
    opened: OpenedFields, path: Path | tuple[Path, ...], terms: _Terms, index: int | None
) -> RegionReader:
    def read(region: Region) -> Image.Image:
        where = region
        if index is not None:
            box = (region.x, region.y, region.width, region.height)
            where = Region(*box, index, terms.axis)
        with _borrowed(opened, path, terms.options) as raster:
            image: Image.Image = raster.read(where)
        return image

    return read


def _nothing(sources: Sequence[Path], opened: OpenedFields) -> SourceError:
    listed = ", ".join(map(str, sources))
    if not opened.failed:
        return SourceError(
            f"{listed} holds no file that can be mapped; views are told by folders (ppl/NAME) or "
            "endings (NAME_ppl.png)."
        )
    path, reason = opened.failed[0]
    more = f" (and {len(opened.failed) - 1} more)" if len(opened.failed) > 1 else ""
    if len(sources) == 1 and path == listed:
        return SourceError(reason)
    return SourceError(f"Nothing in {listed} can be mapped: {path}: {reason}{more}")
