"""Runs the SCAMPI benchmark's own evaluation script on vectors that are given, as a program.

``python -m georetrieve.benchmarks.classification.reference_run CLONE IMAGES VECTORS DESTINATION``

The script is run as it is, unchanged, from a clone of equinor/scampi-benchmark; only the network it
would load is one that gives out the vectors of a ``.npy`` file, in the order of the images. It says
in its own words how far it is, and each of its lines is printed behind the processor seconds
passed; the last line says how many of them were spent in fits of logistic regression.
"""

from __future__ import annotations

import builtins
import importlib
import runpy
import sys
import time
from pathlib import Path
from typing import Any
from unittest import mock

import matplotlib as mpl
import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

__all__ = ["FITTED", "GivenVectors", "main"]

FITTED = "Fits of logistic regression: "
"""What the last line begins with."""


class GivenVectors(torch.nn.Module):
    """A network that gives the next vectors of an array for each batch of images."""

    def __init__(self, vectors: np.ndarray) -> None:
        super().__init__()
        self._vectors, self._next = torch.from_numpy(vectors), 0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(B, D) for (B, 3, H, W)."""
        first, self._next = self._next, self._next + len(images)
        return self._vectors[first : self._next]


def main(clone: str, images: str, vectors: str, destination: str) -> None:
    """Run the script; see the module."""
    mpl.use("Agg")
    sys.path.insert(0, clone)
    models: Any = importlib.import_module("utils_eval")
    network = GivenVectors(np.load(vectors, allow_pickle=False).astype(np.float32))
    models.load_model = lambda _: network
    sys.argv = ["run_evaluation.py", "--data_path", images, "--destination", destination]
    spoken, fit, fits = builtins.print, LogisticRegression.fit, []

    def stamped(*words: object) -> None:
        spoken(f"{time.process_time():.6f}", *words, flush=True)

    def timed(*model_and_arrays: object) -> object:
        start = time.process_time()
        fitted = fit(*model_and_arrays)
        fits.append(time.process_time() - start)
        return fitted

    with (
        mock.patch.object(builtins, "print", stamped),
        mock.patch.object(LogisticRegression, "fit", timed),
    ):
        runpy.run_path(str(Path(clone) / "run_evaluation.py"), run_name="__main__")
        stamped(f"{FITTED}{sum(fits):.6f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
