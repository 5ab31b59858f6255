"""How long a person waits for the page, from the click until the pictures are there.

A server of its own process shows a temporary index to a headless Chromium. Time runs from the event
(an address entered, a click, Enter) until every thumbnail in sight is drawn. A Streamlit page that
shows a word and a button is timed in the same run: what of the waiting is not the index's.
"""

from __future__ import annotations

import io
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from georetrieve.benchmarks.browser import open_browser
from georetrieve.benchmarks.page_person import Person
from georetrieve.benchmarks.page_process import bare_page, page_of
from georetrieve.benchmarks.search_speed import clustered_vectors
from georetrieve.labelling import give_labels
from georetrieve.protocols import Progress
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import Manifest
from georetrieve.types import EncoderSpec, FloatArray, Item

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["TARGETS", "run_page_speed"]

TARGETS = {
    "first page": 2.0,
    "first page again": 2.0,
    "page turn": 0.5,
    "page turn after labels": 0.5,
    "first query": 1.0,
    "query": 1.0,
    "query after labels": 1.0,
}
"""Seconds; what is not named has none."""
BARE_PAGE, BARE_AGAIN, BARE_SEARCH = "bare Streamlit page", "bare Streamlit run", "bare product"

COMMIT = 20_000
PER_SLIDE = 400
CLASSES = 23
PICTURES, PICTURE_PX = 256, 160  # different ones
TURNS, QUERIES, LABELLED = 4, 3, 10
LEAST_HITS = 10  # that are a query's answer, and no longer the gallery's rest
FILTER = "depth > 1100"


def run_page_speed(
    count: int = 200_000,
    dim: int = 128,
    *,
    rounds: int = 3,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Time the page over an index of made-up items, as a person uses it.

    In each round a server is started anew. A person opens the page, turns pages, filters, sorts,
    clicks items to see their neighbours; somebody labels ten items, and they go on.

    Args:
        count: Items, 200 or more.
        dim: Width of their vectors, drawn in clusters.
        rounds: How often all of it is done.
        seed: Of the vectors and the thumbnails.
        progress: Told how far it is.

    Returns:
        ``steps``: for each the median and the worst of the seconds waited, the target, and whether
        the median meets it. ``query_over_bare``: a query to NumPy's bare product and partition of
        the same vectors. ``page_over_bare`` and ``turn_over_bare``: to a bare Streamlit page. What
        was shown.

    Raises:
        MissingExtraError: The page's packages, Playwright or Chromium are not installed.
        ServiceError: The page does not start, or does not show what it should.
    """
    vectors = clustered_vectors(count, dim, np.random.default_rng(seed))
    waited: defaultdict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as scratch, open_browser() as browser:
        index = Path(scratch) / "index"
        ids = _write(index, vectors, seed)
        if progress:
            progress.start("Using the page", rounds, "rounds")
        for number in range(rounds):
            few = ids[number * LABELLED : (number + 1) * LABELLED]
            _use(browser, index, few, waited)
            _use_bare(browser, Path(scratch), vectors, waited)
            if progress:
                progress.advance()
        if progress:
            progress.finish()
        version = browser.version
    return _facts(waited) | {
        "items": count,
        "dim": dim,
        "rounds": rounds,
        "processors": os.cpu_count(),
        "chromium": version,
    }


def _use(
    browser: Browser, index: Path, labelled: Sequence[str], waited: defaultdict[str, list[float]]
) -> None:
    """One round with the page."""
    with page_of(index, index.parent) as server, closing(Person(browser, waited)) as person:
        waited["start of the server"].append(server.start_seconds)
        person.open(server.url, "first page")
        for _ in range(TURNS):
            person.turn("page turn")
        person.query(2, "first query", least=LEAST_HITS)
        for place in range(QUERIES):
            person.back("back to the gallery")
            person.query(3 + place, "query", least=LEAST_HITS)
        person.back("back to the gallery")
        person.filter(FILTER, "filter")
        person.filter("", "filter taken away")
        person.sort("sort")
        start = time.perf_counter()
        give_labels(index, dict.fromkeys(labelled, "looked at"))
        waited["ten labels written"].append(time.perf_counter() - start)
        person.turn("page turn after labels")
        person.query(2, "query after labels", least=LEAST_HITS)
        person.open(server.url, "first page again")


def _use_bare(
    browser: Browser, folder: Path, vectors: FloatArray, waited: defaultdict[str, list[float]]
) -> None:
    """The same round with what nothing can be quicker than."""
    with bare_page(folder) as server, closing(Person(browser, waited)) as person:
        person.look_at_bare_page(server.url, BARE_PAGE, BARE_AGAIN, times=TURNS)
    for query in vectors[:QUERIES]:
        start = time.perf_counter()
        np.argpartition(vectors @ query, -LEAST_HITS)
        waited[BARE_SEARCH].append(time.perf_counter() - start)


def _facts(waited: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    median = {step: statistics.median(seconds) for step, seconds in waited.items()}
    steps = [
        {
            "step": step,
            "median_seconds": median[step],
            "worst_seconds": max(seconds),
            "times": len(seconds),
            "target_seconds": TARGETS.get(step),
            "met": None if step not in TARGETS else median[step] < TARGETS[step],
        }
        for step, seconds in waited.items()
    ]
    return {
        "steps": steps,
        "page_over_bare": median["first page"] / median[BARE_PAGE],
        "turn_over_bare": median["page turn"] / median[BARE_AGAIN],
        "query_over_bare": median["query"] / median[BARE_SEARCH],
    }


def _write(path: Path, vectors: FloatArray, seed: int) -> list[str]:
    """Make the index; ids of its items, as they are listed."""
    spec = EncoderSpec(
        name="random", family="random", weights="", sha256="", dim=vectors.shape[1], transform={}
    )
    store = IndexStore.create(path, Manifest(name="page", encoders=(spec,)))
    pictures = _pictures(np.random.default_rng(seed))
    ids = []
    for start in range(0, len(vectors), COMMIT):
        part = vectors[start : start + COMMIT]
        items = [_item(place, pictures) for place in range(start, start + len(part))]
        store.add_items(items, {spec.column: part})
        ids += [item.id for item in items]
    return ids


def _item(place: int, pictures: Sequence[bytes]) -> Item:
    slide = f"slide {place // PER_SLIDE:05}"
    return Item(
        path=f"{slide}/{place:09}.jpg",
        kind="image",
        group=slide,
        label=f"class {place % CLASSES}" if place % 3 else None,
        um_per_px=0.5,
        content_hash=f"{place:064x}",
        # A number behind the picture, for in an index hardly two thumbnails are the same.
        thumbnail=pictures[place % len(pictures)] + place.to_bytes(8, "little"),
        metadata={"depth": 1000.0 + place % 977},
    )


def _pictures(rng: np.random.Generator) -> list[bytes]:
    """Thumbnails of the size and weight they have in an index of microfossils, 2 kB."""
    pictures = []
    for _ in range(PICTURES):
        coarse = rng.integers(0, 255, (12, 12, 3), dtype=np.uint8)
        stream = io.BytesIO()
        picture = Image.fromarray(coarse).resize((PICTURE_PX, PICTURE_PX), Image.Resampling.BICUBIC)
        picture.save(stream, "WEBP", quality=80)
        pictures.append(stream.getvalue())
    return pictures
