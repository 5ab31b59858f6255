"""Fields of view of known files."""

import numpy as np
import pytest
from PIL import Image

from georetrieve.errors import SourceError
from georetrieve.sources.fields import cropped
from georetrieve.sources.opened_field import opened_field
from georetrieve.types import Region


@pytest.fixture
def put(tmp_path):
    def write(name, size=(7, 5), grey=40):
        path = tmp_path / name
        pixels = np.full((size[1], size[0], 3), grey, np.uint8)
        pixels[2, 3] = 255
        Image.fromarray(pixels).save(path)
        return path

    return write


def test_views_are_read_together(put):
    files = {"ppl": [put("a_ppl.png", grey=40)], "xpl": [put("a_xpl.png", grey=90)]}
    with opened_field("a", files, um_per_px=2.0) as field:
        assert (field.size, field.view_names, field.um_per_px) == ((7, 5), ("ppl", "xpl"), 2.0)
        ppl, xpl = field.read(Region(3, 2, 2, 1))
        assert np.asarray(ppl)[0, :, 0].tolist() == [255, 40]
        assert np.asarray(xpl)[0, :, 0].tolist() == [255, 90]


def test_a_part_is_a_field_of_its_own(put):
    with opened_field("a", {"": [put("a.png")]}) as field:
        part = cropped(field, Region(2, 1, 4, 3))
        assert (part.size, part.name) == ((4, 3), "a#2,1,4,3")
        assert np.asarray(part.read(part.whole)[0])[..., 0].tolist() == [
            [40] * 4, [40, 255, 40, 40], [40] * 4
        ]  # fmt: skip
        with pytest.raises(SourceError, match="reaches beyond"):
            cropped(field, Region(4, 1, 4, 3))


def test_a_slice_of_a_volume(tmp_path):
    pages = [Image.fromarray(np.full((9, 8), grey, np.uint8)) for grey in (10, 20, 30)]
    path = tmp_path / "core.tif"
    pages[0].save(path, save_all=True, append_images=pages[1:])
    with opened_field("core#z=1", {"": [path]}, index=1) as field:
        assert np.asarray(field.read(field.whole)[0])[0, 0].tolist() == [20, 20, 20]
    with pytest.raises(SourceError, match="0 to 2"), opened_field("core", {"": [path]}):
        pass


def test_views_of_two_sizes_and_files_that_are_gone(put, tmp_path):
    files = {"ppl": [put("a.png")], "xpl": [put("b.png", size=(8, 5))]}
    with pytest.raises(SourceError, match="8×5"), opened_field("a", files):
        pass
    with pytest.raises(SourceError), opened_field("a", {"": [tmp_path / "gone.png"]}):
        pass
