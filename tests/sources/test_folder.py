"""The walk: what is an image, what belongs together, what is passed over."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from georetrieve.errors import SourceError
from georetrieve.sources.folder import content_hash, has_changed, walk
from georetrieve.sources.opening import open_raster


@pytest.fixture
def put(tmp_path):
    """Write files below a folder and return it."""

    def write(*names, content=b"x"):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return tmp_path

    return write


@pytest.fixture
def put_images(tmp_path):
    """Write small images below a folder and return it."""

    def write(*names, shape=(4, 5), dtype=np.uint8):
        for number, name in enumerate(names):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full(shape, number, dtype)).save(path)
        return tmp_path

    return write


def paths(found):
    return [file.path for file in found.files]


def test_images_are_listed_sorted_and_the_rest_counted(put):
    root = put("b.PNG", "a.jpg", "c/d.tif", "c/e/f.svs", "notes.txt", "c/labels.csv")
    found = walk(root)
    assert paths(found) == ["a.jpg", "b.PNG", "c/d.tif", "c/e/f.svs"]
    assert (found.ignored, found.remarks) == (2, [])
    assert [file.kind_hint for file in found.files] == ["image", "image", "image", "slide"]
    assert paths(walk(root, recursive=False)) == ["a.jpg", "b.PNG"]


def test_what_nobody_put_there_is_passed_over(put):
    root = put("a.jpg", "._a.jpg", ".hidden.png", "Thumbs.db", ".git/b.png", "__MACOSX/a.jpg")
    found = walk(root)
    assert (paths(found), found.ignored) == (["a.jpg"], 0)


def test_size_and_time_are_the_files(put):
    root = put("a.jpg", content=b"12345")
    os.utime(root / "a.jpg", ns=(7, 1234567890123456789))
    (file,) = walk(root).files
    assert (file.size, file.mtime_ns) == (5, 1234567890123456789)
    assert file.files == (root / "a.jpg",)


def test_one_file_may_be_the_root(put):
    root = put("a.jpg", "b.jpg", "notes.txt")
    assert paths(walk(root / "a.jpg")) == ["a.jpg"]
    found = walk(root / "notes.txt")
    assert (found.files, found.ignored) == ([], 1)
    with pytest.raises(SourceError, match="does not exist"):
        walk(root / "none")


def test_links_that_lead_back_up_end(put):
    root = put("c/a.jpg")
    (root / "c" / "up").symlink_to(root, target_is_directory=True)
    (root / "c" / "gone.png").symlink_to(root / "nowhere.png")
    assert paths(walk(root)) == ["c/a.jpg"]


def test_links_to_other_folders_are_followed(put, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "b.png").write_bytes(b"x")
    root = put("a.jpg")
    (root / "linked").symlink_to(other, target_is_directory=True)
    assert paths(walk(root)) == ["a.jpg", "linked/b.png"]


def test_a_folder_without_access_is_remarked_upon(put, monkeypatch):
    root = put("a.jpg", "locked/b.jpg")
    scandir = os.scandir

    def refuse(path):
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = walk(root)
    assert paths(found) == ["a.jpg"]
    assert found.remarks == ["folder locked cannot be read (Permission denied)"]


def test_names_that_are_no_text_become_text(put):
    root = put()
    name = os.fsdecode(b"caf\xe9.png")
    try:
        (root / name).write_bytes(b"x")
    except OSError:
        pytest.skip("the file system takes UTF-8 names only")
    (file,) = walk(root).files
    assert file.path == "caf\\xe9.png"
    assert file.path.encode("utf-8")
    assert content_hash(file)


def test_numbered_grey_slices_are_one_volume(put_images):
    root = put_images(*[f"core/z_{z:04d}.tif" for z in range(8, 18)])
    found = walk(root)
    assert paths(found) == ["core/z_*.tif"]
    (file,) = found.files
    assert [path.name for path in file.files] == [f"z_{z:04d}.tif" for z in range(8, 18)]
    assert file.kind_hint == "volume"
    assert "10 numbered slices are taken as one volume" in found.remarks[0]
    assert len(paths(walk(root, volumes="never"))) == 10
    with open_raster(file.files) as raster:
        assert (raster.kind, raster.depth, raster.size) == ("volume", 10, (5, 4))


def test_slices_are_ordered_by_number(put_images):
    root = put_images(*[f"s{z}.png" for z in range(1, 13)])
    (file,) = walk(root).files
    assert [path.stem for path in file.files] == [f"s{z}" for z in range(1, 13)]


@pytest.mark.parametrize(
    ("names", "shape"),
    [
        ([f"z_{z:04d}.tif" for z in range(7)], (4, 5)),  # too few
        ([f"z_{z:04d}.tif" for z in range(0, 500, 50)], (4, 5)),  # not one after the other
        ([f"image{z}.jpg" for z in range(20)], (4, 5)),  # photographs
        ([f"image{z}.png" for z in range(20)], (4, 5, 3)),  # in colours
        ([f"{c}.tif" for c in "abcdefghij"], (4, 5)),  # not numbered
    ],
)
def test_ordinary_folders_are_no_volumes(put_images, names, shape):
    assert len(paths(walk(put_images(*names, shape=shape)))) == len(names)


def test_slices_of_two_sizes_are_no_volume(put_images):
    put_images(*[f"z_{z:04d}.tif" for z in range(9)])
    root = put_images("z_0009.tif", shape=(9, 9))
    assert len(paths(walk(root))) == 10


def test_always_takes_gaps_and_small_stacks(put_images):
    root = put_images("z_0.tif", "z_50.tif", "a_1.tif", "other.tif")
    assert paths(walk(root, volumes="always")) == ["a_1.tif", "other.tif", "z_*.tif"]


def test_images_and_masks_in_one_folder_are_two_volumes(put_images):
    root = put_images(*[f"{kind}_{z:03d}.tif" for kind in ("ct", "mask") for z in range(9)])
    assert paths(walk(root)) == ["ct_*.tif", "mask_*.tif"]


def test_a_mirax_folder_belongs_to_its_slide(put):
    root = put("a.mrxs", "a/Data0000.dat", "a/Slidedat.ini", "a/inner.jpg", "b/c.jpg")
    found = walk(root)
    assert paths(found) == ["a.mrxs", "b/c.jpg"]
    slide = found.files[0]
    assert slide.files == (root / "a.mrxs",)
    assert [path.name for path in slide.companions] == ["Data0000.dat", "Slidedat.ini", "inner.jpg"]
    assert slide.size == 4
    (root / "a" / "Data0000.dat").write_bytes(b"longer")
    assert has_changed(slide)


def test_vms_tiles_belong_to_their_slide(put):
    root = put("t-0.jpg", "t-1.jpg", "t_map.jpg", "alone.jpg")
    text = "[Virtual Microscope Specimen]\nImageFile=t-0.jpg\nImageFile(1,0)=t-1.jpg\n"
    (root / "t.vms").write_text(text + "MapFile=t_map.jpg\nNoise=..\\alone.jpg\n")
    assert paths(walk(root)) == ["alone.jpg", "t.vms"]


def dicom(series):
    study, uid = b"1.2.3\0", series.encode()
    head = b"\x20\x00\x0d\x00UI" + len(study).to_bytes(2, "little") + study
    return (
        bytes(128) + b"DICM" + head + b"\x20\x00\x0e\x00UI" + len(uid).to_bytes(2, "little") + uid
    )


def test_files_of_one_dicom_series_are_one_slide(tmp_path):
    for name, series in (("1.dcm", "1.5"), ("2.dcm", "1.6"), ("3.dcm", "1.5")):
        (tmp_path / name).write_bytes(dicom(series) + b"\x20\x00\x11\x00IS")
    (tmp_path / "odd.dcm").write_bytes(b"no DICOM")
    found = walk(tmp_path)
    assert paths(found) == ["1.dcm", "2.dcm", "odd.dcm"]
    assert found.files[0].companions == (tmp_path / "3.dcm",)


def test_hash_follows_content_and_not_place(put, put_images):
    root = put("a.jpg", "b.jpg", "c/d.jpg", content=b"same")
    put("e.jpg", content=b"other")
    hashes = {file.path: content_hash(file) for file in walk(root).files}
    assert hashes["a.jpg"] == hashes["b.jpg"] == hashes["c/d.jpg"] != hashes["e.jpg"]
    # BLAKE2b of "same", 16 bytes.
    assert len(hashes["a.jpg"]) == 32


def test_a_renamed_slide_or_volume_keeps_its_hash(put, put_images):
    root = put("a.mrxs", "a/x.dat")
    put_images(*[f"core/z_{z:03d}.tif" for z in range(8)])
    before = [content_hash(file) for file in walk(root).files]
    (root / "a.mrxs").rename(root / "b.mrxs")
    (root / "a").rename(root / "b")
    (root / "core").rename(root / "kern")
    assert [content_hash(file) for file in walk(root).files] == before
    (root / "b" / "x.dat").write_bytes(b"y")
    assert content_hash(walk(root).files[0]) != before[0]


def test_changes_and_losses_are_seen(put):
    root = put("a.jpg", "b.jpg")
    first, second = walk(root).files
    assert not has_changed(first)
    os.utime(root / "a.jpg", ns=(1, 1))
    assert has_changed(first)
    (root / "b.jpg").unlink()
    assert has_changed(second)
    with pytest.raises(OSError, match=r"b\.jpg"):
        content_hash(second)


@pytest.mark.realdata
def test_real_folders(testdata):
    assert len(walk(testdata / "scampi" / "imagefolder_20").files) == 697
    assert len(walk(testdata / "sandstone_ct" / "images").files) == 10
