"""Masks beside images: by name, by size, and what is left over."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from georetrieve.errors import SourceError
from georetrieve.sources.masks.classes import ClassTable
from georetrieve.sources.masks.legend import UnknownValueError
from georetrieve.sources.masks.pairing import label_fields
from georetrieve.sources.masks.rule import MaskRule
from georetrieve.sources.views import open_fields

MASK = np.zeros((4, 6), int)


def names(labelled):
    return [one.field.name for one in labelled.fields]


def test_masks_are_found_by_name_with_and_without_an_ending(field, put_mask, tmp_path):
    for name in ("a.png", "b_mask.tif", "c-label.png", "s/d_seg.png", "core_z007.png", "v.png"):
        put_mask(f"masks/{name}", MASK)
    fields = [field(name) for name in ("a.jpg", "b.png", "c.png", "s/d.png", "core.raw#z=7", "v")]
    with label_fields(fields, tmp_path / "masks") as labelled:
        assert names(labelled) == [one.name for one in fields]
        assert labelled.failed == []
        assert labelled.fields[0].truth.read(fields[0].whole).tolist() == MASK.tolist()


def test_a_mask_elsewhere_is_found_by_a_name_only_it_has(field, put_mask, tmp_path):
    put_mask("masks/deep/a.png", MASK)
    put_mask("masks/one/b.png", MASK)
    put_mask("masks/two/b.png", MASK)
    with label_fields([field("x/a.png"), field("b.png")], tmp_path / "masks") as labelled:
        assert names(labelled) == ["x/a.png"]
        assert ("b.png", f"has no mask in {tmp_path / 'masks'}") in labelled.failed


def test_what_has_no_partner_is_reported_and_the_rest_goes_on(field, put_mask, tmp_path):
    put_mask("masks/a.png", MASK)
    put_mask("masks/z.png", MASK)
    with label_fields([field("a.png"), field("b.png")], tmp_path / "masks") as labelled:
        assert names(labelled) == ["a.png"]
        assert labelled.failed == [
            ("b.png", f"has no mask in {tmp_path / 'masks'}"),
            ("z.png", "is a mask without an image"),
        ]


def test_a_mask_of_another_size_gives_both_sizes(field, put_mask, tmp_path):
    put_mask("masks/a.png", MASK)
    put_mask("masks/b.png", np.zeros((5, 6)))
    fields = [field("a.png"), field("b.png")]
    with label_fields(fields, tmp_path / "masks") as labelled:
        assert names(labelled) == ["a.png"]
        ((name, why),) = labelled.failed
        assert name == "b.png"
        assert "6×4 px" in why
        assert "6×5 px" in why
    with pytest.raises(SourceError, match=r"No image has a mask of use.*6×4 px and its mask 6×5"):
        label_fields(fields[1:], tmp_path / "masks/b.png")


def test_what_is_wrong_with_a_mask_is_said_before_that_others_have_none(field, put_mask, tmp_path):
    put_mask("masks/b.png", np.zeros((5, 6)))
    fields = [field("a.png"), field("b.png")]
    with pytest.raises(SourceError, match=r"b\.png: is .*6×5 px.*\(and 1 more\)"):
        label_fields(fields, tmp_path / "masks")


def test_a_damaged_mask_is_reported(field, put_mask, tmp_path):
    put_mask("masks/a.png", MASK)
    (tmp_path / "masks/b.png").write_bytes(b"\x89PNG")
    with label_fields([field("a.png"), field("b.png")], tmp_path / "masks") as labelled:
        assert names(labelled) == ["a.png"]
        assert labelled.failed[0][0] == "b.png"


def test_one_mask_belongs_to_the_only_image_or_the_one_of_its_name(field, put_mask):
    path = put_mask("truth.png", MASK)
    with label_fields([field("a.png")], path) as labelled:
        assert names(labelled) == ["a.png"]
    with label_fields([field("a.png"), field("truth.tif")], path) as labelled:
        assert names(labelled) == ["truth.tif"]
    with pytest.raises(SourceError, match="is one mask and there are 2 images"):
        label_fields([field("a.png"), field("b.png")], path)


def test_void_stays_void_and_masks_without_labels_are_refused(field, put_mask, tmp_path):
    half = MASK.copy()
    half[:, 3:] = 255
    put_mask("masks/a.png", half)
    put_mask("masks/b.png", np.full((4, 6), 255))
    rule = MaskRule(void=(255,))
    with label_fields([field("a.png"), field("b.png")], tmp_path / "masks", rule=rule) as labelled:
        assert labelled.classes.codes == (0,)
        assert labelled.fields[0].truth.read(labelled.fields[0].field.whole)[0].tolist() == [
            0, 0, 0, -1, -1, -1,
        ]  # fmt: skip
        assert labelled.failed == [("b.png", "b.png has no labelled pixel: all of it is void.")]
    with pytest.raises(SourceError, match="No pixel of any mask is labelled"):
        label_fields([field("b.png")], tmp_path / "masks/b.png", rule=rule)


def test_unknown_codes_stop_everything(field, put_mask, tmp_path):
    put_mask("masks/a.png", MASK)
    put_mask("masks/b.png", MASK + 3)
    fields = [field("a.png"), field("b.png")]
    table = ClassTable.of_names(["pore"])
    with pytest.raises(UnknownValueError, match=r"b.png holds code 3 \(24 pixels\)"):
        label_fields(fields, tmp_path / "masks", classes=table)
    forgiving = MaskRule(unknown_is_void=True)
    with label_fields(fields, tmp_path / "masks", classes=table, rule=forgiving) as labelled:
        assert names(labelled) == ["a.png"]


def test_masks_of_two_kinds_are_refused(field, put_mask, tmp_path):
    put_mask("masks/a.png", MASK)
    put_mask("masks/b.png", np.zeros((4, 6, 3)))
    with pytest.raises(SourceError, match="of two kinds"):
        label_fields([field("a.png"), field("b.png")], tmp_path / "masks")


def test_outlines_of_several_images_share_their_classes(field, tmp_path):
    for name, said in (("a", "quartz"), ("b", "pore")):
        ring = [[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]
        values = {
            "type": "Feature",
            "geometry": {"type": "Polygon", "coordinates": [ring]},
            "properties": {"classification": {"name": said, "color": [1, 2, 3]}},
        }
        (tmp_path / f"{name}.geojson").write_text(json.dumps(values))
    (tmp_path / "c.geojson").write_text("no")
    fields = [field(f"{name}.png") for name in "abc"]
    with label_fields(fields, tmp_path) as labelled:
        assert labelled.classes.names == ("pore", "quartz")
        found = [one.truth.read(one.field.whole)[0, 0] for one in labelled.fields]
        assert found == [1, 0]
        assert [path for path, _ in labelled.failed] == ["c.geojson"]


def test_clicks_label_the_images_they_name(field, tmp_path):
    path = tmp_path / "clicks.csv"
    path.write_text("path,x,y,class\nb.png,1,1,only\n")
    with label_fields([field("a.png"), field("b.png")], path, rule=MaskRule(radius_px=0)) as found:
        assert names(found) == ["b.png"]
        assert found.classes.names == ("only",)
        assert (found.fields[0].truth.read(found.fields[0].field.whole) == 0).sum() == 1
    path.write_text("x,y,class\n1,1,p\n1,1,q\n")
    with pytest.raises(SourceError, match=r"No click of .* counts"):
        label_fields([field("a.png")], path)


def test_an_empty_or_missing_folder_is_an_error(field, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match=r"a.png: has no mask"):
        label_fields([field("a.png")], tmp_path / "empty")
    with pytest.raises(SourceError, match="does not exist"):
        label_fields([field("a.png")], tmp_path / "nowhere")


@pytest.mark.realdata
def test_real_masks_fit_their_images():
    folder = os.environ.get("GEORETRIEVE_TESTDATA")
    if not folder:
        pytest.skip("GEORETRIEVE_TESTDATA names no folder of real data")
    section, ct = Path(folder) / "thin_section", Path(folder) / "sandstone_ct"
    with (
        open_fields(section, views=["ppl", "xpl"]) as opened,
        label_fields(opened.fields, section / "labels") as labelled,
    ):
        assert [one.size for one in opened.fields] == [(1200, 1200)]
        assert labelled.classes.codes == (0, 1, 2, 3)
    with open_fields(ct / "images") as opened, label_fields(opened.fields, ct / "masks") as found:
        assert len(found.fields) == 10
        assert found.failed == []
        assert found.classes.codes == (0, 1, 2, 3)
