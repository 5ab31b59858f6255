"""Charts of a web report that are part of the page: bars in tables and the map of the items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from georetrieve.benchmarks.record import Estimate
from georetrieve.sources.masks.classes import distinct_colours

__all__ = ["CHART_STYLE", "item_map", "value_cell"]

CHART_STYLE = """
td.value{min-width:11rem}
.number{font-variant-numeric:tabular-nums;font-weight:600}
.interval,.chance{color:var(--muted);font-size:.82rem;font-variant-numeric:tabular-nums}
.bar{position:relative;height:.5rem;margin:.3rem 0 .1rem;border-radius:3px;background:var(--panel)}
.bar i{position:absolute;inset:0 auto 0 0;border-radius:3px;background:var(--right);
width:calc(var(--v)*100%);opacity:.75}
.bar b{position:absolute;top:50%;height:2px;margin-top:-1px;background:var(--text);
left:calc(var(--l)*100%);width:calc((var(--h) - var(--l))*100%)}
.bar u{position:absolute;top:-3px;bottom:-3px;width:2px;background:var(--wrong);
left:calc(var(--c)*100%)}
.map{display:grid;grid-template-columns:minmax(0,44rem) minmax(11rem,1fr);gap:1.25rem;
align-items:start}
.map svg{width:100%;height:auto;background:var(--panel);border-radius:8px}
.map .dots>*{stroke:var(--panel);stroke-width:.6}
.map fieldset{border:0;margin:0;padding:0;max-height:34rem;overflow:auto;columns:1}
.map label{display:flex;gap:.5rem;align-items:center;padding:.12rem 0;font-size:.85rem;
cursor:pointer}
.map input{margin:0;accent-color:var(--text)}
.map .swatch{width:.8rem;height:.8rem;flex:none}
.map .count{color:var(--muted);margin-left:auto;padding-right:.5rem}
@media(max-width:52rem){.map{grid-template-columns:1fr}.map fieldset{columns:2}}
"""
_SIDE, _MARGIN, _DOT = 640.0, 16.0, 4.2
_SHAPES = ("circle", "square", "triangle", "diamond")
_CORNERS: dict[str, tuple[tuple[float, float], ...]] = {
    "triangle": ((0, -1.25), (1.15, 0.9), (-1.15, 0.9)),
    "diamond": ((0, -1.35), (1.2, 0), (0, 1.35), (-1.2, 0)),
}
_HIGHLIGHTED = 60
"""Classes beyond which one cannot be picked out: the list would be longer than the map."""


def value_cell(estimate: Estimate | None, *, bar: bool = True) -> str:
    """A table cell: the number, its interval, a bar with chance where it lies within 0 to 1.

    Args:
        estimate: The number; None where it was not measured.
        bar: Whether it is a share at all, and not a time or a rate.
    """
    if estimate is None:
        return "<td>–</td>"
    if estimate.value is None:
        return (
            f'<td class="value"><span class="chance">{escape(estimate.reason or "–")}</span></td>'
        )
    lines = [f'<span class="number">{estimate.value:.3f}</span>']
    if estimate.low is not None and estimate.high is not None:
        lines.append(f' <span class="interval">{estimate.low:.3f} to {estimate.high:.3f}</span>')
    if bar and 0 <= estimate.value <= 1:
        lines.append(_bar(estimate))
    if estimate.chance is not None:
        lines.append(f'<span class="chance">chance {estimate.chance:.3f}</span>')
    return f'<td class="value">{"".join(lines)}</td>'


def _bar(estimate: Estimate) -> str:
    parts = [f'<i style="--v:{estimate.value:.4f}"></i>']
    if estimate.low is not None and estimate.high is not None:
        parts.append(f'<b style="--l:{estimate.low:.4f};--h:{estimate.high:.4f}"></b>')
    if estimate.chance is not None and 0 <= estimate.chance <= 1:
        parts.append(f'<u style="--c:{estimate.chance:.4f}"></u>')
    return f'<div class="bar">{"".join(parts)}</div>'


def item_map(points: Mapping[str, Sequence[float | str]], ident: str) -> str:
    """A scatter of items; a class can be picked out of it without a script.

    Args:
        points: ``x``, ``y`` and ``label`` of each item, and ``id`` if known.
        ident: Unique on the page; letters and digits.
    """
    labels = [str(label) for label in points["label"]]
    names, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    xs, ys = (_scaled(points[axis]) for axis in ("x", "y"))
    ids = points.get("id", labels)
    colours = [_hex(colour) for colour in distinct_colours(min(len(names), 8))]
    dots = [
        _dot(x, y, int(code), colours, f"{label}: {one}" if one != label else label)
        for x, y, code, label, one in zip(xs, ys, codes, labels, map(str, ids), strict=True)
    ]
    picked = len(names) <= _HIGHLIGHTED
    rules = "".join(
        f"#{ident}:has(#{ident}-{code}:checked) .dots>:not(.c{code}){{opacity:.07}}"
        for code in range(len(names) if picked else 0)
    )
    style = f"<style>{rules}</style>" if rules else ""
    key = _key(names.tolist(), counts.tolist(), colours, ident) if picked else ""
    return (
        f'{style}<div class="map" id="{ident}"><svg viewBox="0 0 {_SIDE:.0f} {_SIDE:.0f}" '
        f'role="img" aria-label="Map of the items"><g class="dots">{"".join(dots)}</g></svg>'
        f"{key}</div>"
    )


def _scaled(values: Sequence[float | str]) -> list[float]:
    numbers = np.asarray(values, np.float64)
    span = float(np.ptp(numbers)) or 1.0
    scaled = (numbers - numbers.min()) / span * (_SIDE - 2 * _MARGIN) + _MARGIN
    return [float(value) for value in scaled]


def _dot(x: float, y: float, code: int, colours: Sequence[str], title: str) -> str:
    """A mark; its shape changes when the colours begin again."""
    shape = _shape(code, len(colours), x, y, _DOT)
    return (
        f'<{shape} class="c{code}" fill="{colours[code % len(colours)]}">'
        f"<title>{escape(title)}</title></{shape.split()[0]}>"
    )


def _shape(code: int, colours: int, x: float, y: float, r: float) -> str:
    kind = _SHAPES[code // colours % len(_SHAPES)]
    if kind == "circle":
        return f'circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}"'
    if kind == "square":
        return f'rect x="{x - r:.1f}" y="{y - r:.1f}" width="{2 * r:.1f}" height="{2 * r:.1f}"'
    points = " ".join(f"{x + r * dx:.1f},{y + r * dy:.1f}" for dx, dy in _CORNERS[kind])
    return f'polygon points="{points}"'


def _key(names: Sequence[str], counts: Sequence[int], colours: Sequence[str], ident: str) -> str:
    rows = [
        f'<label><input type="radio" name="{ident}" id="{ident}-all" checked> all classes</label>'
    ]
    for code, (name, count) in enumerate(zip(names, counts, strict=True)):
        shape = _shape(code, len(colours), 5, 5, 4)
        mark = (
            f'<svg class="swatch" viewBox="0 0 10 10"><{shape} '
            f'fill="{colours[code % len(colours)]}"/></svg>'
        )
        rows.append(
            f'<label><input type="radio" name="{ident}" id="{ident}-{code}">{mark}'
            f'{escape(str(name))}<span class="count">{count}</span></label>'
        )
    return f"<fieldset>{''.join(rows)}</fieldset>"


def _hex(colour: tuple[int, int, int]) -> str:
    return "#" + "".join(f"{part:02x}" for part in colour)
