"""How far an item is from anything labelled, measured by how far labelled items are apart."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from georetrieve.probes.classification.left_out import LeftOut
from georetrieve.types import FloatArray

__all__ = ["FAR_PERCENTILE", "LabelledDistances"]

FAR_PERCENTILE = 99.0


class LabelledDistances:
    """What distance to the nearest labelled item is ordinary.

    The measure is the labelled items themselves: each one's distance to the nearest labelled item
    of another group (of all others where no groups are known). An item is **far** when its own
    distance lies above the 99th percentile of these: of labelled items one in a hundred would be
    called far too, so what is flagged is either a rare stray or something of which nothing was
    labelled. A lower threshold would flag ordinary items by the thousand in a large collection; a
    higher one would hang on the single oddest label. With fewer than a hundred labelled items the
    99th percentile is their largest distance, and a further item of the same kind lies beyond it
    with probability 1 / (M + 1): with ten labels one in eleven is flagged for nothing.

    An item of a group in which something is labelled is held to the distances between groups, so
    it is called far less readily.

    Args:
        left_out: Labelled items looked up among those of other groups.
    """

    def __init__(self, left_out: LeftOut) -> None:
        nearest = left_out.neighbours.distances[:, :1].ravel()
        self._sorted = np.sort(nearest[np.isfinite(nearest)])

    def __len__(self) -> int:
        return len(self._sorted)

    def percentiles(self, distances: FloatArray) -> npt.NDArray[np.float64]:
        """(Q,) per cent of the labelled items that are nearer to another than a query is to one.

        Args:
            distances: (Q,) of each query to its nearest labelled item.

        Returns:
            NaN where no two labelled items could be compared.
        """
        if not len(self):
            return np.full(len(distances), np.nan)
        nearer = np.searchsorted(self._sorted, distances)
        percent: npt.NDArray[np.float64] = 100.0 * nearer / len(self)
        return percent

    def remark(self, threshold: float) -> str:
        """What a user should know of the flag; "" when it means what it says."""
        if not len(self):
            return "far: unknown, because no two labelled items can be compared"
        if len(self) * (100 - threshold) < 100 - 1e-9:
            return (
                f"far: measured by {len(self)} labelled items, so a further one of the same kind "
                f"is flagged once in {len(self) + 1}"
            )
        return ""
