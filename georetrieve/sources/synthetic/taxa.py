"""Taxa drawn by rule: the morphologies a palynologist sorts by, one function each.

Shapes follow the usual descriptive terms (Punt et al. 2007, "Glossary of pollen and spore
terminology"; Williams et al. 2000, "A glossary of the terminology applied to dinoflagellates").
They are types, not species: what matters is that a method has to tell outline, wall, processes,
ornament, aperture and colour apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from georetrieve.sources.synthetic import cysts, pollen
from georetrieve.sources.synthetic.canvas import Canvas

__all__ = ["DEBRIS", "TAXA", "Taxon"]


@dataclass(frozen=True, slots=True)
class Taxon:
    """How a taxon looks.

    Attributes:
        draw: Adds its density to a canvas.
        um: Smallest and largest length, µm.
        tint: Range on the colour scale, 0 pale yellow to 1 dark brown.
        strength: Range of the optical density of one wall.
        folds: Largest number of folds.
    """

    draw: Callable[[Canvas], None]
    um: tuple[float, float]
    tint: tuple[float, float]
    strength: tuple[float, float]
    folds: int = 2


TAXA: dict[str, Taxon] = {
    "acanthomorph": Taxon(cysts.acanthomorph, (30, 50), (0.35, 0.75), (0.30, 0.45), 0),
    "bisaccate_pollen": Taxon(pollen.bisaccate_pollen, (70, 110), (0.3, 0.8), (0.30, 0.5), 1),
    "cavate_cyst": Taxon(cysts.cavate_cyst, (70, 110), (0.2, 0.6), (0.30, 0.45), 1),
    "chorate_cyst": Taxon(cysts.chorate_cyst, (60, 100), (0.2, 0.6), (0.26, 0.42), 1),
    "fusiform_cyst": Taxon(cysts.fusiform_cyst, (110, 170), (0.1, 0.4), (0.28, 0.42), 0),
    "inaperturate_pollen": Taxon(pollen.inaperturate_pollen, (35, 60), (0.3, 0.75), (0.3, 0.5), 1),
    "leiosphere": Taxon(cysts.leiosphere, (40, 90), (0.05, 0.4), (0.22, 0.4), 3),
    "massula": Taxon(pollen.massula, (80, 130), (0.6, 1.0), (0.35, 0.55), 0),
    "monolete_spore": Taxon(pollen.monolete_spore, (40, 65), (0.3, 0.8), (0.35, 0.6), 1),
    "peridinioid_cyst": Taxon(cysts.peridinioid_cyst, (60, 100), (0.05, 0.45), (0.24, 0.4), 2),
    "reticulate_pollen": Taxon(pollen.reticulate_pollen, (35, 65), (0.3, 0.75), (0.3, 0.5), 0),
    "tabulate_cyst": Taxon(cysts.tabulate_cyst, (50, 85), (0.2, 0.65), (0.26, 0.42), 0),
    "tricolpate_pollen": Taxon(pollen.tricolpate_pollen, (25, 45), (0.3, 0.7), (0.35, 0.55), 0),
    "trilete_spore": Taxon(pollen.trilete_spore, (35, 70), (0.4, 0.9), (0.35, 0.6), 1),
}
"""Palynomorphs by name."""

DEBRIS: dict[str, Taxon] = {
    "amorphous": Taxon(pollen.amorphous, (25, 80), (0.4, 0.9), (0.3, 0.5), 0),
    "phytoclast": Taxon(pollen.phytoclast, (20, 90), (1.2, 1.6), (0.6, 0.9), 0),
}
"""What else floats in a palynological residue, by name."""
