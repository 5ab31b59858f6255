"""Outlines of specimens: where they run, and that they are of what was cut."""

import json

import numpy as np
import pytest
import shapely
from array_raster import ArrayRaster
from outlined_slide import glass
from shapely.geometry import shape

from georetrieve.sources.cut import CutOptions, plan_cuts
from georetrieve.sources.opening import open_raster
from georetrieve.sources.synthetic.layout import lay_out
from georetrieve.sources.synthetic.slide import write_slide
from georetrieve.sources.synthetic.truth import write_truth
from georetrieve.sources.tracing import Trace, match_traces, trace_mask, trace_specimens
from georetrieve.types import Region


def iou(one, other):
    both = one.intersection(other).area
    return both / (one.area + other.area - both)


class Told:
    """Progress that counts."""

    def __init__(self):
        self.stages, self.steps = [], 0

    def start(self, stage, total, unit="items"):
        self.stages.append((stage, total, unit))

    def advance(self, steps=1):
        self.steps += steps

    def finish(self):
        pass


def test_the_outline_of_a_square_is_its_edge_with_the_corners_cut():
    mask = np.zeros((6, 7), bool)
    mask[1:5, 2:6] = True
    # Corner pixels lose the outer half of a quarter: an eighth of a pixel each.
    outline = shapely.Polygon(trace_mask(mask))
    assert outline.bounds == (2, 1, 6, 5)
    assert outline.area == 16 - 4 / 8


def test_the_largest_body_is_outlined_and_holes_are_not():
    mask = np.zeros((20, 20), bool)
    mask[2:12, 2:12] = True
    mask[5:8, 5:8] = False
    mask[15:18, 15:18] = True
    assert shapely.Polygon(trace_mask(mask)).area == 100 - 4 / 8


def test_outlines_have_few_points_and_stay_where_they_were():
    rows, columns = np.mgrid[:400, :400]
    angle = np.arctan2(rows - 200, columns - 200)
    star = np.hypot(rows - 200, columns - 200) < 150 + 30 * np.sin(8 * angle)
    whole = shapely.Polygon(trace_mask(star, most_points=10_000))
    for most in (60, 12):
        points = trace_mask(star, most_points=most)
        assert 4 <= len(points) <= most
    assert iou(shapely.Polygon(trace_mask(star)), whole) > 0.95


def test_set_back_an_outline_is_smaller_unless_too_little_were_left():
    mask = np.zeros((40, 40), bool)
    mask[5:35, 5:35] = True
    assert shapely.Polygon(trace_mask(mask, set_back_px=2)).bounds == pytest.approx((7, 7, 33, 33))
    fibre = np.zeros((40, 40), bool)
    fibre[20:23, 5:35] = True
    assert shapely.Polygon(trace_mask(fibre, set_back_px=1)).bounds == pytest.approx(
        (5, 20, 35, 23), abs=0.5
    )


def test_outlines_are_of_the_boxes_that_are_cut():
    # 0.5 µm a pixel: masks have half the pixels along each side; one disc is cut by the border.
    discs = [(100, 100, 30), (300, 200, 40), (374, 200, 36), (599, 399, 50)]
    raster, options = ArrayRaster(glass(discs)), CutOptions(items="specimens")
    traces = trace_specimens(raster, options)
    cuts = [cut.region for cut in plan_cuts(raster, options)]
    assert len(cuts) == 4
    assert {trace.region for trace in traces} == set(cuts)
    by_region = {trace.region: shapely.Polygon(trace.ring) for trace in traces}
    for x, y, radius in discs:
        region = next(one for one in cuts if shapely.box(*one.box).contains(shapely.Point(x, y)))
        disc = shapely.Point(x, y).buffer(radius).intersection(shapely.box(0, 0, 600, 400))
        assert by_region[region].is_valid
        assert iou(by_region[region], disc) > 0.85
        assert shapely.box(0, 0, 600, 400).contains(by_region[region])


def test_progress_is_told_of_looking_and_of_outlining():
    told = Told()
    trace_specimens(ArrayRaster(glass([(100, 100, 30)])), CutOptions(), progress=told)
    assert told.stages == [
        ("looking at the slide", 1, "tiles"),
        ("outlining particles", 1, "tiles"),
    ]


def test_boxes_are_matched_exactly_else_by_what_they_share():
    one, other = Region(0, 0, 10, 10), Region(20, 0, 10, 10)
    traces = [Trace(one, ((0, 0), (1, 0), (1, 1))), Trace(other, ((20, 0), (21, 0), (21, 1)))]
    moved, away = Region(22, 0, 10, 10), Region(26, 0, 10, 10)  # 80 of 120, 40 of 160 shared
    assert match_traces([other, one, moved, away], traces) == [
        traces[1].ring,
        traces[0].ring,
        traces[1].ring,
        None,
    ]
    assert match_traces([one], []) == [None]
    assert match_traces([], traces) == []


def test_traced_outlines_agree_with_what_was_drawn(tmp_path):
    """Mean intersection over union with the truth, against that of the boxes."""
    plan = lay_out((1500, 1200), seed=2, touching=0.1)
    write_slide(tmp_path / "slide.tif", plan)
    _, drawn = write_truth(tmp_path / "slide", plan)
    features = json.loads(drawn.read_text())["features"]
    truth = [shape(one["geometry"]).buffer(0) for one in features]
    assert all(len(one["properties"]["classification"]["color"]) == 3 for one in features)
    with open_raster(tmp_path / "slide.tif") as raster:
        traces = trace_specimens(raster, CutOptions())
    traced, boxed = [], []
    for trace in traces:
        box = shapely.box(*trace.region.box)
        best = max(truth, key=lambda one: iou(one, box))
        traced.append(iou(shapely.Polygon(trace.ring), best))
        boxed.append(iou(box, best))
    # 0.948 and 0.482 of 18 specimens.
    assert np.mean(traced) > 0.9
    assert np.mean(boxed) < 0.6
