"""Reference implementations in clones beside georetrieve: found, imported, and forgotten again.

None of their code is part of georetrieve, and none is on its import path: a clone is importable
only while a network is made from it.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CLONES", "Clone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clone:
    """A repository whose code networks are compared with.

    Attributes:
        repo: Owner and name on GitHub.
        marker: A file by which a clone of it is known.
        roots: Names of the modules and packages at its top that are imported from it.
    """

    repo: str
    marker: str
    roots: tuple[str, ...]

    @property
    def how(self) -> str:
        """The command that fetches it."""
        return f"git clone https://github.com/{self.repo}"

    def find(self, references: Path | None) -> Path | None:
        """The clone's folder in a folder of clones, by a usual name; None: it is not there."""
        if references is None:
            return None
        owner, name = self.repo.split("/")
        usual = (name, f"{name}-main", f"{name}-master", f"{owner}-{name}", f"{owner}+{name}")
        places = [references / one for one in usual]
        return next((place for place in places if (place / self.marker).is_file()), None)

    @contextmanager
    def importable(self, folder: Path) -> Iterator[None]:
        """Let the modules of a clone be imported, and forget them afterwards."""
        before = {name: sys.modules.pop(name) for name in list(sys.modules) if self._owns(name)}
        # DINOv2 warns of the optional kernels that it does without.
        environment = os.environ.get("XFORMERS_DISABLED")
        os.environ["XFORMERS_DISABLED"] = "1"
        sys.path.insert(0, str(folder))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        finally:
            sys.path.remove(str(folder))
            if environment is None:
                del os.environ["XFORMERS_DISABLED"]
            for name in [name for name in sys.modules if self._owns(name)]:
                del sys.modules[name]
            sys.modules.update(before)

    def _owns(self, module: str) -> bool:
        return module.partition(".")[0] in self.roots


CLONES = {
    "dino": Clone(
        repo="facebookresearch/dino",
        marker="vision_transformer.py",
        roots=("vision_transformer", "utils"),
    ),
    "dinov2": Clone(
        repo="facebookresearch/dinov2",
        marker="dinov2/hub/backbones.py",
        roots=("dinov2",),
    ),
    "hummingbird": Clone(
        repo="vpariza/open-hummingbird-eval",
        marker="hbird/hbird_eval.py",
        roots=("hbird",),
    ),
    "mae": Clone(
        repo="facebookresearch/mae",
        marker="models_vit.py",
        roots=("models_vit", "util"),
    ),
    "scampi": Clone(
        repo="equinor/scampi-benchmark",
        marker="vision_transformer.py",
        roots=("vision_transformer", "utils"),
    ),
}
