"""How a map is made of the nearest patches: all that can be chosen, and the published choices."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from georetrieve.errors import StoreError
from georetrieve.probes.vote import VoteRule

__all__ = [
    "CLICKED_SMOOTH_PX",
    "DINOV2_ROCKS",
    "HUMMINGBIRD",
    "SOFTMAX",
    "Nearness",
    "PatchSettings",
    "Sampling",
    "Search",
    "Upsampling",
]

Nearness = Literal["auto", "learned", "cosine"]
Search = Literal["auto", "exact", "lists"]
Sampling = Literal["balanced", "hummingbird"]
Upsampling = Literal["bilinear", "nearest"]
CHOICES = {
    "nearness": Nearness,
    "sampling": Sampling,
    "search": Search,
    "upsampling": Upsampling,
}
COUNTS = (
    "k",
    "memory_size",
    "window_px",
    "stride_px",
    "side_px",
    "pool",
    "cells",
    "batch_size",
)
LARGEST_SMOOTH_PX = 256
CLICKED_SMOOTH_PX = 16
"""What a few clicks leave speckled is evened out over so many pixels, unless told otherwise."""
SOFTMAX = VoteRule("softmax", 0.02)
"""The vote of Hummingbird; along learned axes the vote these are learned for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchSettings:
    """Everything the patch segmenter can be told; the defaults suit most.

    Attributes:
        k: Neighbours that vote, ≥ 1; all patches of the memory where it has fewer. By default 30
            (along learned axes 10), or as many as the rarest class has patches, but no fewer than
            5: so that a class of one click is not outvoted for being rare.
        rule: What a neighbour's word weighs.
        nearness: ``cosine`` of the features. ``learned``: along the axes that the labels show to
            matter (:mod:`~.scaling`). ``auto``: learned for descriptors, whose features are as they
            were measured; cosine for networks, whose features are made to be compared so.
        memory_size: Most patches kept, ≥ 1.
        sampling: Which are kept where there are more. ``balanced``: rare classes rather, over all
            images; those kept of frequent classes weigh more for it. ``hummingbird``: as many of
            each image, rare classes of the image first (I. Balažević et al., Towards in-context
            scene understanding, 2023).
        min_labelled: Least share of a patch's pixels that must be labelled for it to be kept, 0 to
            1; one pixel must be in any case.
        window_px: Side of the windows a large image is seen in, pixels after scaling; by default
            what suits the encoder.
        stride_px: From a window to the next; by default what suits the encoder.
        scale: Images are enlarged by this factor first (2: patches a quarter as large in area).
        side_px: Instead, images are squashed to squares of this side.
        pool: Features are averaged over squares of this many patches a side, and looked up so.
        cells: Features are interpolated to this many cells a side before they are looked up; by
            default patches are looked up as they are. Only with ``side_px``.
        search: ``exact``: every patch of the memory is compared. ``lists``: those in the lists that
            are nearest (FAISS's inverted file), many times faster. ``auto``: lists where the
            memory is large. But for ``exact``, patches that are as good as like one beside them
            along learned axes have its vote.
        upsampling: From patches to pixels.
        smooth_px: Probabilities are evened out along the image over so many pixels each way
            (:mod:`~.guided`); 0: not at all.
        batch_size: Most windows encoded at once.
        seed: Of the sampling.

    Raises:
        StoreError: A value is out of range.
    """

    k: int | None = None
    rule: VoteRule = SOFTMAX
    nearness: Nearness = "auto"
    memory_size: int = 20_000
    sampling: Sampling = "balanced"
    min_labelled: float = 0.0
    window_px: int | None = None
    stride_px: int | None = None
    scale: float = 1.0
    side_px: int | None = None
    pool: int = 1
    cells: int | None = None
    search: Search = "auto"
    upsampling: Upsampling = "bilinear"
    smooth_px: int = 0
    batch_size: int = 8
    seed: int = 0

    def __post_init__(self) -> None:
        for name in COUNTS:
            value = getattr(self, name)
            if value is not None and value < 1:
                raise StoreError(f"{name} is {value}; it must be at least 1.")
        if not 0 <= self.min_labelled <= 1:
            raise StoreError(f"min_labelled is {self.min_labelled}; it is a share, 0 to 1.")
        if not 0 <= self.smooth_px <= LARGEST_SMOOTH_PX:
            raise StoreError(
                f"smooth_px is {self.smooth_px}; it must be 0 to {LARGEST_SMOOTH_PX}, 0 for none."
            )
        if not (math.isfinite(self.scale) and 0 < self.scale <= 64):
            raise StoreError(f"scale is {self.scale}; it must be above 0 and at most 64.")
        for what, choices in CHOICES.items():
            if getattr(self, what) not in get_args(choices):
                raise StoreError(
                    f"Unknown {what} {getattr(self, what)!r}; use one of "
                    f"{', '.join(get_args(choices))}."
                )
        if self.side_px is not None and self.scale != 1:
            raise StoreError(
                f"Images are squashed to {self.side_px} px or enlarged {self.scale}-fold, not "
                "both; leave out side_px or scale."
            )
        if self.cells is not None and (self.side_px is None or self.pool > 1):
            raise StoreError(
                f"cells={self.cells} needs images of one size and patches as they are; give "
                "side_px, and leave out pool."
            )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> PatchSettings:
        """Inverse of :meth:`to_json`.

        Raises:
            StoreError: They are no settings of this version.
        """
        try:
            return cls(**{**values, "rule": VoteRule(**values["rule"])})
        except (KeyError, TypeError) as error:
            raise StoreError(
                f"The settings of a segmenter are not those of this version ({error}); fit it "
                "again."
            ) from error


HUMMINGBIRD = PatchSettings(
    k=30, nearness="cosine", sampling="hummingbird", memory_size=1_024_000, search="exact"
)
"""As published by I. Balažević et al., Towards in-context scene understanding (2023)."""

DINOV2_ROCKS = PatchSettings(
    k=250,
    rule=VoteRule("uniform"),
    nearness="cosine",
    side_px=560,
    cells=128,
    window_px=560,
    stride_px=560,
    memory_size=1_000_000,
    search="exact",
    upsampling="nearest",
)
"""As DINOv2 was tried on rocks: images squashed to 560 px, features interpolated to 128×128 cells.

F. Brondolo and S. Beaussant, DINOv2 rocks geological image analysis (2024): 250 uniform neighbours.
Their distances are Euclidean and their cells have one class; here they are cosines, and shares.
"""
