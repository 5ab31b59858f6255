"""Runs the code of an evaluation of Hummingbird that others wrote, from a clone, unchanged.

It searches with FAISS on a graphics processor and reads the data sets of photographs with PyTorch
Lightning. Neither is needed here: a flat search of the same inner products stands in for the one,
and images are given. Its random numbers are those our own memory is drawn with.
"""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TypeVar
from unittest import mock

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from georetrieve.benchmarks.clones import CLONES
from georetrieve.errors import GeoRetrieveError, StoreError
from georetrieve.probes.segmentation.memory import Draw
from georetrieve.probes.segmentation.settings import PatchSettings
from georetrieve.protocols import DensePatchEncoder
from georetrieve.sources.masks.classes import VOID
from georetrieve.stores.faiss_index import faiss_library
from georetrieve.types import FloatArray, IntArray

__all__ = ["Evaluated", "Scene", "reference_code", "reference_evaluation", "reference_score"]

T = TypeVar("T")
VOID_BYTE = 255
BATCH = 2


@dataclass(frozen=True, slots=True)
class Scene:
    """A square image and the class of its pixels.

    Attributes:
        pixels: (side, side, 3) uint8.
        labels: (side, side) class numbers, -1 where nothing is known.
    """

    pixels: npt.NDArray[np.uint8]
    labels: IntArray


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What became of T images by a memory of M patches.

    Attributes:
        vectors: (M, D) features remembered.
        shares: (M, C) share of each class in them.
        votes: (T × cells, C) share of the vote of each class.
        pixels: (T, side, side, C) the same, enlarged.
        mean_iou: The score.
    """

    vectors: FloatArray
    shares: FloatArray
    votes: FloatArray
    pixels: FloatArray
    mean_iou: float


@contextmanager
def reference_code(references: Path) -> Iterator[ModuleType]:
    """Give the module that evaluates, for as long as it is needed.

    Args:
        references: Folder that holds a clone of vpariza/open-hummingbird-eval.

    Raises:
        StoreError: There is no clone.
        GeoRetrieveError: It cannot be imported.
    """
    known = CLONES["hummingbird"]
    clone = known.find(references)
    if clone is None:
        raise StoreError(f"{references} holds no clone of {known.repo}: there, run '{known.how}'.")
    # On import it sets up logging for the whole process, which is not its to do.
    with known.importable(clone), mock.patch.object(logging, "basicConfig"):
        sys.modules["hbird.data"] = _module("hbird.data", get_dataset=None)
        search = _module("hbird.nn.search_faiss", NearestNeighborSearchFaiss=_FlatSearch)
        sys.modules["hbird.nn.search_faiss"] = search
        try:
            code = importlib.import_module("hbird.hbird_eval")
        except ImportError as error:
            raise GeoRetrieveError(
                f"The code in {clone} cannot be imported ({error}); install that into this "
                "environment, or use the commit 5e79da2."
            ) from error
        code.logger.setLevel(logging.WARNING)
        vars(code)["tqdm"] = _without_a_bar
        yield code


def reference_evaluation(
    code: ModuleType,
    encoder: DensePatchEncoder,
    train: Sequence[Scene],
    test: Sequence[Scene],
    n_classes: int,
    settings: PatchSettings,
) -> Evaluated:
    """Remember patches of some images and map others.

    Args:
        code: See :func:`reference_code`.
        encoder: Gives the features.
        train: Images remembered.
        test: T images mapped.
        n_classes: C.
        settings: Their ``k`` and ``seed``, and the ``memory_size`` where there are more patches.
    """
    side = len(train[0].labels)
    cells = side // encoder.patch_px
    bounded = settings.memory_size < len(train) * cells**2
    enlarge, enlarged, draw = functional.interpolate, list[Tensor](), Draw(settings.seed)

    def recorded(votes: Tensor, *, size: tuple[int, int], mode: str) -> Tensor:
        enlarged.append(enlarge(votes, size=size, mode=mode))
        return enlarged[-1]

    with (
        mock.patch.object(torch, "rand", lambda count: torch.from_numpy(draw(count))),
        mock.patch.object(functional, "interpolate", recorded),
    ):
        evaluation = code.HbirdEvaluation(
            _Features(encoder, cells),
            _batches(train),
            n_classes,
            n_neighbours=settings.k,
            nn_method="faiss",
            memory_size=settings.memory_size if bounded else None,
            dataset_size=len(train),
        )
        score, details = evaluation.evaluate(_batches(test), cells, return_knn_details=True)
    return Evaluated(
        evaluation.feature_memory.numpy(),
        evaluation.label_memory.numpy(),
        details["knns_ca_labels"].reshape(-1, n_classes).numpy(),
        torch.cat(enlarged).permute(0, 2, 3, 1).numpy(),
        float(score),
    )


def reference_score(
    code: ModuleType, labels: IntArray, predicted: IntArray, n_classes: int
) -> float:
    """The score alone, of class numbers of one shape; void (-1) labels are left out."""
    metric = code.PredsmIoU(n_classes, n_classes, ignore_index=VOID_BYTE)
    metric.update(torch.from_numpy(_bytes(labels)), torch.from_numpy(predicted))
    return float(metric.compute(is_global_zero=True)[0])


class _Features(nn.Module):
    """An encoder's patches, as the evaluation asks for them."""

    def __init__(self, encoder: DensePatchEncoder, cells: int) -> None:
        super().__init__()
        self._encoder = encoder
        self.eval_spatial_resolution, self.d_model = cells, encoder.patch_dim

    def forward_features(self, images: Tensor) -> tuple[Tensor, None]:
        """(B, rows × columns, D) for (B, 3, side, side) bytes."""
        grids = self._encoder.patch_grids(images.permute(0, 2, 3, 1).numpy())
        return torch.from_numpy(grids).flatten(1, 2), None


class _FlatSearch:
    """The nearest by inner product, all compared."""

    def __init__(self, memory: Tensor, n_neighbors: int) -> None:
        self._k = n_neighbors
        self._index = faiss_library().IndexFlatIP(memory.shape[1])
        self._index.add(memory.numpy())

    def find_nearest_neighbors(self, queries: Tensor) -> tuple[IntArray, FloatArray]:
        """(Q, k) numbers and inner products."""
        products, numbers = self._index.search(queries.numpy(), self._k)
        return numbers, products


def _batches(scenes: Sequence[Scene]) -> list[tuple[Tensor, Tensor]]:
    """Images as bytes; masks as images are usually read, 0 to 1, which void ends."""
    parts = [scenes[first : first + BATCH] for first in range(0, len(scenes), BATCH)]
    return [
        (
            torch.from_numpy(np.stack([one.pixels for one in part])).permute(0, 3, 1, 2),
            torch.from_numpy(np.stack([_bytes(one.labels) for one in part]))[:, None].float() / 255,
        )
        for part in parts
    ]


def _bytes(labels: IntArray) -> IntArray:
    return np.where(labels == VOID, VOID_BYTE, labels)


def _module(name: str, **members: object) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(members)
    return module


def _without_a_bar(items: T, desc: str) -> T:
    return items
