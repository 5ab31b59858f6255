import pytest

from georetrieve.errors import SourceError
from georetrieve.sources.members import member_files


def test_one_file_and_a_source_that_is_a_file(tmp_path):
    (tmp_path / "a.png").touch()
    assert member_files(tmp_path, "a.png") == [tmp_path / "a.png"]
    assert member_files(tmp_path / "a.png", "a.png") == [tmp_path / "a.png"]


def test_slices_come_by_their_numbers(tmp_path):
    for name in ("c[1]_2.tif", "c[1]_10.tif", "c[1]_1.tif", "c[1]_x.tif", "c1_3.tif"):
        (tmp_path / name).touch()
    names = [path.name for path in member_files(tmp_path, "c[1]_*.tif")]
    assert names == ["c[1]_1.tif", "c[1]_2.tif", "c[1]_10.tif"]


@pytest.mark.parametrize("path", ["gone.png", "gone_*.tif", "no/folder_*.tif"])
def test_what_is_gone_is_named(tmp_path, path):
    with pytest.raises(SourceError, match="is not there any more"):
        member_files(tmp_path, path)
