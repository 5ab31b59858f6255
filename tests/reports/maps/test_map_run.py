"""Many images with one model: what fails is reported, what is done is left alone."""

import csv

import numpy as np
import pytest

from georetrieve.errors import SourceError
from georetrieve.probes.segmentation.interface import Band
from georetrieve.reports.maps.run import file_stems, map_fields, total_rows


class Halves:
    """The left half is pore, the right one quartz; fails on what is called bad."""

    method, view_names = "halves", ("",)

    def __init__(self, classes):
        self.classes, self.mapped = classes, []

    def segment(self, field, *, progress=None):
        if "bad" in field.name:
            raise SourceError(f"{field.name} is bad.")
        self.mapped.append(field.name)
        width, height = field.size
        shares = np.zeros((height, width, 3), np.float32)
        shares[:, : width // 2, 0] = 1
        shares[:, width // 2 :, 1] = 1
        yield Band(0, shares)


def go(segmenter, fields, folder, **more):
    terms = {"made_by": {"model": "m"}, "stamps": {one.name: "1" for one in fields}}
    return map_fields(segmenter, fields, folder, **(terms | more))


def test_bad_images_are_reported_and_the_rest_goes_on(tmp_path, field, table):
    fields = [field((4, 2), "a.png"), field((4, 2), "bad.png"), field((8, 2), "s/c.png")]
    run = go(Halves(table), fields, tmp_path)
    assert [one.name for one in run.maps] == ["a.png", "s/c.png"]
    assert run.failed == [("bad.png", "bad.png is bad.")]
    assert (tmp_path / "s/c_mask.png").exists()
    with run.table.open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["image"], row["class"], row["pixels"]) for row in rows[:2]] == [
        ("a.png", "pore", "4"),
        ("a.png", "quartz", "4"),
    ]


def test_what_is_done_is_left_alone_until_model_or_image_change(tmp_path, field, table):
    fields = [field((4, 2), "a.png"), field((4, 2), "b.png")]
    segmenter = Halves(table)
    go(segmenter, fields[:1], tmp_path)
    run = go(segmenter, fields, tmp_path)
    assert segmenter.mapped == ["a.png", "b.png"]
    assert (run.unchanged, len(run.maps)) == (1, 2)
    changed = go(segmenter, fields, tmp_path, stamps={"a.png": "2", "b.png": "1"})
    assert [name for name, _ in changed.failed] == ["a.png"]
    assert go(segmenter, fields, tmp_path, made_by={"model": "n"}).maps == []


def test_totals_weigh_maps_by_their_pixels(tmp_path, field, table):
    run = go(Halves(table), [field((3, 1), "a.png"), field((1, 1), "b.png")], tmp_path)
    assert total_rows(run.maps) == [
        {"image": "a.png", "pore": 33.3333, "quartz": 66.6667, "clay": 0},
        {"image": "b.png", "pore": 0, "quartz": 100, "clay": 0},
        {"image": "all", "pore": 25, "quartz": 75, "clay": 0},
    ]


@pytest.mark.parametrize(
    ("names", "stems"),
    [
        (["a.png", "s/b.tif"], ["a", "s/b"]),
        (["a.png", "a.tif", "b.png"], ["a.png", "a.tif", "b"]),
        (["core.raw#z=7", "core.raw#z=12"], ["core_z07", "core_z12"]),
        (["s/core_*.tif#y=3"], ["s/core_y3"]),
        (["Se3_z000"], ["Se3_z000"]),
    ],
)
def test_files_are_named_after_fields(names, stems):
    assert file_stems(names) == stems
