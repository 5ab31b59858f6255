"""A random forest on a bank of filters, by scikit-learn and scikit-image.

L. Breiman, Random forests (2001); as trainable segmentation tools for microscopy do it (I.
Arganda-Carreras et al., Trainable Weka Segmentation, 2017; S. Berg et al., ilastik, 2019).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from georetrieve.baselines.training_pixels import TrainingPixels
from georetrieve.errors import StoreError
from georetrieve.types import FloatArray

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.tree._tree import Tree

__all__ = ["ForestModel", "fit_forest", "read_forest"]

TREES = 50


@dataclass(frozen=True, slots=True)
class ForestModel:
    """A fitted forest.

    Attributes:
        forest: Of trees grown on labelled pixels.
        n_classes: C; the forest knows those of them that were labelled.
    """

    forest: RandomForestClassifier
    n_classes: int

    def probabilities(self, values: FloatArray) -> FloatArray:
        """(N, C) mean over the trees of the shares in the leaf a pixel falls into."""
        out = np.zeros((len(values), self.n_classes), np.float32)
        out[:, self.forest.classes_] = self.forest.predict_proba(values)
        return out

    def tensors(self) -> Mapping[str, npt.NDArray[Any]]:
        """The forest as skops writes it, which is no pickle."""
        from skops.io import dumps

        return {"forest": np.frombuffer(dumps(self.forest), np.uint8)}


def fit_forest(pixels: TrainingPixels, seed: int = 0) -> ForestModel:
    """Grow the trees."""
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(TREES, n_jobs=-1, random_state=seed).fit(
        pixels.values, pixels.labels
    )
    # Tiles are judged side by side already, and trees summed by threads add up a little otherwise
    # each time.
    forest.set_params(n_jobs=1)
    return ForestModel(forest, pixels.n_classes)


def read_forest(
    tensors: Mapping[str, npt.NDArray[Any]], n_classes: int, n_features: int
) -> ForestModel:
    """Inverse of :meth:`ForestModel.tensors`.

    Raises:
        StoreError: It is no forest, or one whose trees point beyond themselves.
    """
    from skops.io import loads
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        # Trees are trusted only until they are checked, right below: scikit-learn follows their
        # branches without looking, so a branch must lead into the tree.
        forest = loads(tensors["forest"].tobytes(), trusted=["sklearn.tree._tree.Tree"])
        sound = _sound(forest, n_classes, n_features)
    except (
        UntrustedTypesFoundException,
        BadZipFile,
        AttributeError,
        KeyError,
        TypeError,
        ValueError,
    ) as error:
        raise StoreError(
            f"The model holds no random forest that can be read ({error}); fit it again."
        ) from error
    if not sound:
        raise StoreError("The random forest in the model is damaged; fit it again.")
    return ForestModel(forest, n_classes)


def _sound(forest: object, n_classes: int, n_features: int) -> bool:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.tree import DecisionTreeClassifier

    if not isinstance(forest, RandomForestClassifier):
        return False
    known = np.asarray(forest.classes_)
    if not (known.dtype.kind == "i" and known.min() >= 0 and known.max() < n_classes):
        return False
    return all(
        isinstance(one, DecisionTreeClassifier) and _inside(one.tree_, n_features)
        for one in forest.estimators_
    )


def _inside(tree: Tree, n_features: int) -> bool:
    """Whether every branch leads to a later node of the tree, and asks for a feature there is."""
    nodes = np.arange(tree.node_count)
    inner = tree.children_left != -1
    for children in (tree.children_left[inner], tree.children_right[inner]):
        if not ((children > nodes[inner]).all() and (children < tree.node_count).all()):
            return False
    asked = tree.feature[inner]
    return bool(tree.n_features == n_features and (asked >= 0).all() and (asked < n_features).all())
