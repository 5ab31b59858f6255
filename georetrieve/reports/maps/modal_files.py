"""Percentages of a map as CSV and JSON."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from georetrieve.probes.segmentation.modal import ModalAnalysis

__all__ = ["modal_rows", "save_modal_csv", "save_modal_json"]

COLUMNS = ["class", "code", "pixels", "percent", "area_mm2", "uncertainty"]


def modal_rows(modal: ModalAnalysis) -> list[dict[str, Any]]:
    """One row a class, in the order of the table; None where a number is unknown."""
    return [
        {
            "class": one.name,
            "code": one.code,
            "pixels": one.pixels,
            "percent": round(one.percent, 4),
            "area_mm2": None if one.area_mm2 is None else _rounded(one.area_mm2),
            "uncertainty": None if math.isnan(one.uncertainty) else round(one.uncertainty, 4),
        }
        for one in modal.shares
    ]


def _rounded(value: float) -> float:
    """Six significant digits."""
    return float(f"{value:.6g}")


def save_modal_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of :func:`modal_rows`, or of several maps with a column ``image``."""
    columns = [*(["image"] if rows and "image" in rows[0] else []), *COLUMNS]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def save_modal_json(path: Path, modal: ModalAnalysis, facts: Mapping[str, Any]) -> None:
    """Write what a map is and what it says."""
    mean = modal.uncertainty
    values = {
        **facts,
        "pixels": modal.pixels,
        "void_pixels": modal.void_pixels,
        "uncertainty": None if math.isnan(mean) else round(mean, 4),
        "classes": modal_rows(modal),
    }
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
