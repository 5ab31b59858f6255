"""Looking after an index and the machine it is on: describe, prune, doctor."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from georetrieve.sources.folder import walk
from georetrieve.sources.options import ReadOptions
from georetrieve.stores.drawn import DrawnOutlines
from georetrieve.stores.faiss_cache import FaissCache
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.lock import write_lock

__all__ = ["Check", "IndexFacts", "PruneReport", "describe", "examine", "prune_index"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexFacts:
    """What there is to know about an index.

    Attributes:
        path: Its folder.
        size_bytes: Size on disk.
        items: Number of items.
        kinds: Items by kind.
        labels: Items by label; unlabelled ones under "".
        groups: Number of distinct groups.
        scales: Items by µm per pixel; those of unknown scale under None.
        encoders: For each vector column: name, column, width, adapted, weights, fingerprint, and
            the number of items that have a vector.
        sources: Source folders by key.
        files: Files by status.
        failures: (path, reason) of every failed file.
        remarks: (path, reason) of files that are in the index with a remark.
        cutting: How items are cut.
        reading: How files are read.
        version: Version of the items table.
        engines: For each FAISS index that is kept: its name, of which encoder and version it is,
            and the recall measured when it was built.
    """

    path: str
    size_bytes: int
    items: int
    kinds: dict[str, int]
    labels: dict[str, int]
    groups: int
    scales: dict[float | None, int]
    encoders: list[dict[str, Any]]
    sources: dict[str, str]
    files: dict[str, int]
    failures: list[tuple[str, str]]
    remarks: list[tuple[str, str]]
    cutting: dict[str, Any]
    reading: dict[str, Any]
    version: int
    engines: list[dict[str, Any]]


def describe(index: Path) -> IndexFacts:
    """Gather the facts of an index; vectors and thumbnails are not read.

    Raises:
        IndexNotFoundError: There is none.
    """
    store = IndexStore.open(index)
    table = store.scan(["kind", "label", "group", "um_per_px"])
    files = list(store.files().values())
    manifest = store.manifest
    return IndexFacts(
        path=str(store.path),
        size_bytes=sum(file.stat().st_size for file in store.path.rglob("*") if file.is_file()),
        items=table.num_rows,
        kinds=dict(Counter(table.column("kind").to_pylist()).most_common()),
        labels=dict(Counter(label or "" for label in table.column("label").to_pylist())),
        groups=len(set(table.column("group").to_pylist()) - {None}),
        scales=dict(Counter(table.column("um_per_px").to_pylist()).most_common()),
        encoders=[
            {
                "name": spec.name,
                "column": spec.column,
                "dim": spec.dim,
                "metric": spec.metric,
                "adapted": spec.adapted,
                "weights": spec.weights,
                "fingerprint": spec.fingerprint,
                "items": store.scan(["id"], f"{spec.column} IS NOT NULL").num_rows,
            }
            for spec in manifest.encoders
        ],
        sources={root.key: root.root for root in manifest.sources},
        files=dict(Counter(record.status for record in files)),
        failures=sorted((file.path, file.reason) for file in files if file.status == "failed"),
        remarks=sorted(
            (file.path, file.reason) for file in files if file.status != "failed" and file.reason
        ),
        cutting=dict(manifest.cutting),
        reading=dict(manifest.reading),
        version=store.version,
        engines=FaissCache(store.path).rows(store),
    )


@dataclass(slots=True)
class PruneReport:
    """What pruning removed, or would remove.

    Attributes:
        files: Paths of the files that are gone from disk.
        items: Number of their items.
        skipped: Source folders that are not there at all, whose files are therefore left alone.
    """

    files: list[str] = field(default_factory=list)
    items: int = 0
    skipped: list[str] = field(default_factory=list)


def prune_index(index: Path, *, dry_run: bool = False, gone_too: bool = False) -> PruneReport:
    """Remove the items of files that are no longer on disk.

    A source folder that is missing as a whole is taken for a disk that is not mounted, and its
    files are kept, unless ``gone_too``.

    Raises:
        StoreError: The index is missing, or another process writes to it.
    """
    IndexStore.open(index)  # before the lock makes a folder of a name that was mistyped
    with write_lock(index, "prune"):
        store = IndexStore.open(index)
        report = PruneReport()
        there: set[tuple[str, str]] = set()
        volumes = ReadOptions.from_json(store.manifest.reading).volumes
        kept: set[str] = set()
        for root in store.manifest.sources:
            folder = Path(root.root)
            if folder.exists():
                there |= {(root.key, file.path) for file in walk(folder, volumes=volumes).files}
            elif not gone_too:
                kept.add(root.key)
                report.skipped.append(root.root)
        gone = [key for key in store.files() if key not in there and key[0] not in kept]
        counts = store.item_counts()
        report.files = sorted(path for _, path in gone)
        report.items = sum(counts.get(key, 0) for key in gone)
        if gone and not dry_run:
            store.remove_items(gone)
            store.remove_files(gone)
            DrawnOutlines(index).forget(gone)
            store.compact()
    return report


@dataclass(frozen=True, slots=True)
class Check:
    """One thing the doctor looked at.

    Attributes:
        name: What.
        found: What was found.
        ok: Whether georetrieve can work with it.
        remedy: What to do when not.
    """

    name: str
    found: str
    ok: bool = True
    remedy: str = ""


PACKAGES = (
    "georetrieve", "torch", "torchvision", "timm", "transformers", "open_clip_torch", "pylance",
    "pyarrow", "numpy",
    "pillow", "tifffile", "imagecodecs", "openslide-python", "scikit-learn", "scikit-image",
)  # fmt: skip


def examine(indexes: Path = Path("indexes")) -> list[Check]:
    """Look at versions, devices, the shipped encoder, OpenSlide, write access and memory."""
    checks = [
        Check("python", f"{platform.python_version()} at {sys.executable}"),
        Check("system", f"{platform.platform()}, {os.cpu_count()} processors"),
    ]
    checks += [_package(name) for name in PACKAGES]
    for name, look in (
        ("devices", _devices),
        ("networks run on", _backends),
        ("weights", _weights),
        ("faiss", _faiss),
        ("openslide", _openslide),
        ("bundled encoder", _bundled),
    ):
        checks.append(_guarded(name, look))
    checks.append(_writable(indexes))
    return checks


def _package(name: str) -> Check:
    try:
        return Check(name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Check(name, "not installed", ok=False, remedy="run: make setup")


def _guarded(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, look())
    except Exception as error:  # noqa: BLE001 - whatever is broken is what the doctor reports
        remedy = "reinstall it: rm .venv/installed && make setup"
        return Check(name, f"{type(error).__name__}: {error}", ok=False, remedy=remedy)


def _devices() -> str:
    import torch

    names = [f"cpu ({torch.get_num_threads()} threads)"]
    names += [
        f"cuda:{number} ({torch.cuda.get_device_name(number)})"
        for number in range(torch.cuda.device_count())
    ]
    if torch.backends.mps.is_available():
        names.append("mps")
    return ", ".join(names)


def _backends() -> str:
    from georetrieve.encoders.backends.choice import candidates
    from georetrieve.encoders.devices import resolve_device

    ways = candidates(resolve_device("auto"))
    return "the first that keeps a cosine of 0.999: " + ", ".join(map(" ".join, ways))


def _weights() -> str:
    from georetrieve.encoders.catalogue.weights_folder import WeightsFolder

    kept = WeightsFolder.default()
    names = [ledger.name for ledger in kept.ledgers()]
    return f"{kept.root}: {', '.join(names) or 'none yet'}"


def _faiss() -> str:
    import faiss

    return f"{faiss.__version__}, {getattr(faiss, 'get_num_gpus', int)()} GPUs"


def _openslide() -> str:
    import openslide

    return str(openslide.__library_version__)


def _bundled() -> str:
    from georetrieve.encoders.registry import load_encoder

    spec = load_encoder("bundled").spec
    return f"codebook {spec.fingerprint}, {spec.dim} numbers an image"


def _writable(indexes: Path) -> Check:
    folder = next(parent for parent in (indexes, *indexes.resolve().parents) if parent.exists())
    free = shutil.disk_usage(folder).free / 1e9
    found = f"{folder.resolve()}, {free:.1f} GB free"
    if not os.access(folder, os.W_OK):
        return Check("indexes", f"{found}, not writable", ok=False, remedy="name indexes by path")
    return Check("indexes", found, ok=free > 1, remedy="" if free > 1 else "make room on the disk")
