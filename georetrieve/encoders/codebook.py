"""Codebooks of local descriptors: PCA-whitening, a diagonal Gaussian mixture, Fisher vectors.

Sources: Perronnin, Sánchez & Mensink, "Improving the Fisher kernel for large-scale image
classification" (ECCV 2010), and Sánchez et al., "Image classification with the Fisher vector" (IJCV
2013), whose equations are named below.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from georetrieve.errors import EncoderError

__all__ = ["Codebook", "fit_codebook", "fit_whitening", "principal_axes"]

EM_STEPS = 60
# Nats a point. Retrieval gains nothing measurable from going on a hundred times further.
EM_TOLERANCE = 1e-2
# Whitened data have variance 1; narrower Gaussians would be spikes on repeated pixels.
LEAST_VARIANCE = 1e-2
# As many points as k-means++ looks at; the mixture itself is fitted to all.
INIT_POINTS = 20_000


@dataclass(frozen=True, slots=True)
class Codebook:
    """A whitening and a Gaussian mixture fitted to local descriptors; all tensors float32.

    Attributes:
        centre: (D,) mean of the descriptors.
        projection: (D, d) PCA axes over the deviations along them.
        weights: (K,) mixture weights, sum 1.
        means: (K, d).
        variances: (K, d).
    """

    centre: Tensor
    projection: Tensor
    weights: Tensor
    means: Tensor
    variances: Tensor

    @property
    def dim(self) -> int:
        """Width of a Fisher vector: 2·K·d."""
        return 2 * self.means.numel()

    def whiten(self, descriptors: Tensor) -> Tensor:
        """Project (P, D) descriptors to (P, d)."""
        return (descriptors - self.centre) @ self.projection

    def fisher_vector(self, points: Tensor) -> Tensor:
        """Return the (2·K·d,) Fisher vector of (P, d) whitened points: gradients by mean, variance.

        Equations 16–18 of Sánchez et al. (2013), over the number of points; neither powered nor
        normalised.
        """
        count = points.shape[0]
        squares = points * points
        posterior = torch.softmax(_log_joint(points, squares, self), dim=1)
        mass = posterior.sum(dim=0)[:, None]
        first = posterior.T @ points
        second = posterior.T @ squares
        scale = self.weights.sqrt()[:, None] * count
        by_mean = (first - mass * self.means) / (self.variances.sqrt() * scale)
        by_variance = (
            second - 2 * self.means * first + mass * (self.means.square() - self.variances)
        ) / (self.variances * scale * math.sqrt(2))
        return torch.cat([by_mean.flatten(), by_variance.flatten()])


def _log_joint(points: Tensor, squares: Tensor, book: Codebook) -> Tensor:
    """(P, K) log of weight times density, up to a constant of the width."""
    precision = 1 / book.variances
    constant = book.weights.log() - 0.5 * (
        book.variances.log() + book.means.square() * precision
    ).sum(dim=1)
    return constant + points @ (book.means * precision).T - 0.5 * (squares @ precision.T)


def principal_axes(rows: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the leading axes (D, count) of (N, D) rows and the mean squares along them (count,).

    Axes are through the origin: take the mean off first for principal components. Fewer columns
    come back where the rows span fewer dimensions. Signs are fixed: the largest entry of an axis
    is positive.
    """
    exact = rows.double()
    wide = exact.shape[1] > exact.shape[0]
    gram = (exact @ exact.T if wide else exact.T @ exact) / exact.shape[0]
    values, vectors = torch.linalg.eigh(gram)
    values, vectors = values.flip(0), vectors.flip(1)
    keep = min(count, int((values > values[0] * 1e-9).sum()))
    values, axes = values[:keep], vectors[:, :keep]
    if wide:
        axes = exact.T @ axes
        axes = axes / axes.norm(dim=0)
    largest = axes.gather(0, axes.abs().argmax(dim=0, keepdim=True))
    return (axes * largest.sign()).float(), values.float()


def fit_whitening(descriptors: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Return the centre (D,) and the whitening projection (D, ≤ width) of (P, D) descriptors."""
    centre = descriptors.double().mean(dim=0).float()
    axes, variances = principal_axes(descriptors - centre, width)
    return centre, axes / variances.sqrt()


def fit_codebook(descriptors: Tensor, *, width: int, gaussians: int, seed: int = 0) -> Codebook:
    """Fit a codebook to (P, D) descriptors by PCA and expectation maximisation.

    The same descriptors and seed give the same codebook.

    Args:
        descriptors: (P, D) float32, P much larger than ``gaussians``.
        width: Dimensions kept, d.
        gaussians: Number of Gaussians, K.
        seed: Of the choice of the first centres.

    Raises:
        EncoderError: Too few points, or all of them alike.
    """
    from sklearn.cluster import kmeans_plusplus  # seconds that only fitting has to spend

    if descriptors.shape[0] < 10 * gaussians:
        raise EncoderError(
            f"{descriptors.shape[0]} local descriptors are too few to fit {gaussians} Gaussians to "
            f"(at least {10 * gaussians}); give more images."
        )
    centre, projection = fit_whitening(descriptors, width)
    points = (descriptors - centre) @ projection
    if not projection.shape[1]:
        raise EncoderError(
            "The images cannot be told apart (no variance in their local descriptors); "
            "give images that differ."
        )
    generator = np.random.RandomState(seed)
    sample = generator.choice(len(points), min(INIT_POINTS, len(points)), replace=False)
    centres, _ = kmeans_plusplus(
        points[torch.from_numpy(sample)].numpy(), gaussians, random_state=generator
    )
    start = Codebook(
        centre,
        projection,
        torch.full((gaussians,), 1 / gaussians),
        torch.from_numpy(centres).float(),
        torch.ones(gaussians, projection.shape[1]),
    )
    return _expectation_maximisation(points, start)


def _expectation_maximisation(points: Tensor, book: Codebook) -> Codebook:
    """Raise the likelihood of (P, d) points until it gains less than a hundredth a point."""
    squares = points * points
    before = -math.inf
    for _ in range(EM_STEPS):
        joint = _log_joint(points, squares, book)
        evidence = torch.logsumexp(joint, dim=1, keepdim=True)
        posterior = (joint - evidence).exp()
        # A Gaussian that lost its points keeps a trace of mass instead of dividing by zero.
        mass = posterior.sum(dim=0)[:, None] + 1e-3
        means = posterior.T @ points / mass
        variances = (posterior.T @ squares / mass - means.square()).clamp_min(LEAST_VARIANCE)
        weights = (mass / mass.sum()).flatten()
        book = Codebook(book.centre, book.projection, weights, means, variances)
        likelihood = float(evidence.double().mean())
        if likelihood - before < EM_TOLERANCE:
            break
        before = likelihood
    return book
