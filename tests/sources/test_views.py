"""Images, folders, slides, volumes and registered views as fields of view."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from georetrieve.errors import SourceError
from georetrieve.sources.options import ReadOptions
from georetrieve.sources.views import open_fields
from georetrieve.types import Region


@pytest.fixture
def put(tmp_path):
    """Write plain images below a folder and return it."""

    def write(*names, size=(6, 4), value=0):
        for number, name in enumerate(names):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", size, (value + number, 0, 0)).save(path)
        return tmp_path

    return write


def red(field, view=0):
    return np.asarray(field.read(field.whole)[view])[0, 0, 0]


def test_each_image_of_a_folder_is_a_field(put):
    with open_fields(put("a.png", "s/b.png"), ReadOptions(um_per_px=2.5)) as opened:
        assert [one.name for one in opened.fields] == ["a.png", "s/b.png"]
        assert [red(one) for one in opened.fields] == [0, 1]
        assert opened.fields[0].size == (6, 4)
        assert opened.fields[0].um_per_px == 2.5
        assert opened.fields[0].group == ""
        assert set(opened.stamps) == {"a.png", "s/b.png"}


def test_bad_files_are_reported_and_the_rest_goes_on(put):
    root = put("a.png")
    (root / "b.png").write_bytes(b"")
    with open_fields(root) as opened:
        assert [one.name for one in opened.fields] == ["a.png"]
        ((path, why),) = opened.failed
        assert path == "b.png"
        assert "empty" in why
    with pytest.raises(SourceError, match=r"Nothing in .*b.png can be mapped.*empty"):
        open_fields(root / "b.png")


def test_nothing_to_map_is_an_error(tmp_path):
    with pytest.raises(SourceError, match="holds no image"):
        open_fields(tmp_path)
    with pytest.raises(SourceError, match="does not exist"):
        open_fields(tmp_path / "nowhere")


def test_fields_are_closed_with_what_was_opened(put):
    with open_fields(put("a.png")) as opened:
        field = opened.fields[0]
    with pytest.raises(SourceError, match="closed"):
        field.read(field.whole)


def test_many_images_are_read_in_turn(put):
    names = [f"i{number}.png" for number in range(7)]
    with open_fields(put(*names)) as opened:
        for _ in range(2):
            assert [red(one) for one in opened.fields] == list(range(7))


def test_registered_views_in_folders_are_one_field(put):
    root = put("ppl/a.png", "xpl/a.png", "labels/a.png")
    with open_fields(root, views=["PPL", "xpl"]) as opened:
        (field,) = opened.fields
        assert (field.name, field.view_names) == ("a", ("ppl", "xpl"))
        assert (red(field, 0), red(field, 1)) == (0, 1)
        assert any("labels/a.png" in line for line in opened.remarks)


def test_the_order_of_views_is_the_one_asked_for(put):
    with open_fields(put("a_ppl.png", "a_xpl.png"), views=["xpl", "ppl"]) as opened:
        assert (red(opened.fields[0], 0), red(opened.fields[0], 1)) == (1, 0)


@pytest.mark.parametrize("names", [("ppl/a.png", "XPL/a.png"), ("s/a_ppl.png", "s/a_xpl.png")])
def test_one_view_finds_its_partner(put, names):
    root = put(*names, "ppl/other.png")
    for name in names:
        with open_fields(root / name, views=["ppl", "xpl"]) as opened:
            (field,) = opened.fields
            assert field.name == "a"
            assert (red(field, 0), red(field, 1)) == (0, 1)


def test_a_field_that_is_named_twice_is_one(put):
    folder = put("a_ppl.png", "a_xpl.png", "b.png")
    both = [folder / "a_ppl.png", folder / "a_xpl.png"]
    with open_fields(both, views=("ppl", "xpl")) as opened:
        assert [one.name for one in opened.fields] == ["a"]
    with open_fields([folder / "b.png", folder / "b.png"]) as opened:
        assert [one.name for one in opened.fields] == ["b.png"]


def test_a_missing_partner_is_named(put):
    root = put("ppl/a.png", "xpl/a.png", "ppl/b.png")
    with open_fields(root, views=["ppl", "xpl"]) as opened:
        assert [one.name for one in opened.fields] == ["a"]
        assert opened.failed[0][0] == "ppl/b.png"
        assert "view xpl of 'b' is missing" in opened.failed[0][1]
    with pytest.raises(SourceError, match="view xpl of 'b' is missing"):
        open_fields(root / "ppl/b.png", views=["ppl", "xpl"])
    with pytest.raises(SourceError, match="tells by neither folder nor name"):
        open_fields(put("c.png") / "c.png", views=["ppl", "xpl"])


def test_views_of_two_sizes_give_both(put):
    put("ppl/a.png")
    root = put("xpl/a.png", size=(6, 5))
    with pytest.raises(SourceError, match=r"ppl/a.png is 6×4 px and xpl/a.png 6×5 px"):
        open_fields(root, views=["ppl", "xpl"])


def test_pairs_that_are_not_asked_for_are_pointed_out(put):
    with open_fields(put("a_ppl.png", "a_xpl.png")) as opened:
        assert len(opened.fields) == 2
        assert any("--views ppl,xpl" in line for line in opened.remarks)


def test_a_volume_gives_a_field_a_slice(tmp_path):
    volume = np.arange(4 * 3 * 5, dtype=np.uint8).reshape(4, 3, 5)
    np.save(tmp_path / "core.npy", volume)
    with open_fields(tmp_path / "core.npy", slices="1:4:2") as opened:
        assert [one.name for one in opened.fields] == ["core.npy#z=1", "core.npy#z=3"]
        assert {one.group for one in opened.fields} == {"core.npy"}
        found = np.asarray(opened.fields[1].read(Region(1, 0, 3, 2))[0])[..., 0]
        np.testing.assert_array_equal(found, volume[3, :2, 1:4])
    with open_fields(tmp_path / "core.npy", axis="y") as opened:
        assert [one.size for one in opened.fields] == [(5, 4)] * 3
    with pytest.raises(SourceError, match="has 4 slices, 0 to 3"):
        open_fields(tmp_path / "core.npy", slices="9")


def test_numbered_slices_are_a_volume_or_images(tmp_path):
    for number in range(8):
        tifffile.imwrite(tmp_path / f"core_{number}.tif", np.full((3, 4), number, np.uint8))
    with open_fields(tmp_path, slices="2,7") as opened:
        assert [one.name for one in opened.fields] == ["core_*.tif#z=2", "core_*.tif#z=7"]
        assert [red(one) for one in opened.fields] == [2, 7]
    with open_fields(tmp_path, ReadOptions(volumes="never")) as opened:
        assert len(opened.fields) == 8


def test_several_inputs_are_called_after_their_folders(put):
    root = put("one/a.png", "two/a.png", "b.png")
    with open_fields([root / "one", root / "two", root / "b.png", root / "no"]) as opened:
        assert [one.name for one in opened.fields] == ["one/a.png", "two/a.png", "b.png"]
        assert opened.failed[0][0] == str(root / "no")


def test_groups_are_as_an_index_takes_them(put):
    with open_fields(put("well1/a.png", "well2/b.png"), groups="folder") as opened:
        assert [one.group for one in opened.fields] == ["well1", "well2"]
