"""CT volumes: stacks, folders of slices, .npy and .raw; slices across every axis."""

import tracemalloc

import numpy as np
import pytest
import tifffile
from PIL import Image

from georetrieve.errors import SourceError
from georetrieve.sources import volume
from georetrieve.sources.opening import ReadOptions, open_raster
from georetrieve.sources.volume import slice_count, slice_size
from georetrieve.sources.volume_opening import raw_layout
from georetrieve.types import Region


@pytest.fixture
def voxels():
    """(5, 7, 9) uint8, value = 50 z + 7 y + x < 256."""
    z, y, x = np.mgrid[:5, :7, :9]
    return (48 * z + 7 * y + x).astype(np.uint8)


def write_slices(folder, voxels, name="core_{:04d}.tif"):
    folder.mkdir(exist_ok=True)
    paths = [folder / name.format(z) for z in range(len(voxels))]
    for path, plane in zip(paths, voxels, strict=True):
        Image.fromarray(plane).save(path)
    return paths


def write_npy(folder, voxels):
    np.save(folder / "a.npy", voxels)
    return folder / "a.npy", {}


def write_fortran(folder, voxels):
    np.save(folder / "a.npy", np.asfortranarray(voxels))
    return folder / "a.npy", {}


def write_raw(folder, voxels):
    (folder / "a.raw").write_bytes(voxels.tobytes())
    return folder / "a.raw", {"raw_shape": voxels.shape, "raw_dtype": voxels.dtype.str}


def write_tiff(folder, voxels):
    tifffile.imwrite(folder / "a.tif", voxels, photometric="minisblack")
    return folder / "a.tif", {}


def write_packed_tiff(folder, voxels):
    tifffile.imwrite(folder / "a.tif", voxels, photometric="minisblack", compression="deflate")
    return folder / "a.tif", {}


def write_pillow_tiff(folder, voxels):
    first, *others = (Image.fromarray(plane) for plane in voxels)
    first.save(folder / "a.tif", save_all=True, append_images=others)
    return folder / "a.tif", {}


def write_imagej(folder, voxels):
    tifffile.imwrite(folder / "a.tif", voxels, imagej=True, metadata={"axes": "ZYX"})
    return folder / "a.tif", {}


def write_imagej_in_one_page(folder, voxels):
    tifffile.imwrite(folder / "a.tif", voxels, imagej=True, truncate=True, metadata={"axes": "ZYX"})
    return folder / "a.tif", {}


def write_ome(folder, voxels):
    tifffile.imwrite(folder / "a.ome.tif", voxels, metadata={"axes": "ZYX"})
    return folder / "a.ome.tif", {}


def write_folder(folder, voxels):
    return write_slices(folder / "core", voxels), {}


def write_png_folder(folder, voxels):
    return write_slices(folder / "core", voxels, "s{}.png"), {}


WRITERS = [
    write_npy,
    write_fortran,
    write_raw,
    write_tiff,
    write_packed_tiff,
    write_pillow_tiff,
    write_imagej,
    write_imagej_in_one_page,
    write_ome,
    write_folder,
    write_png_folder,
]


@pytest.mark.parametrize("write", WRITERS)
def test_every_storage_gives_the_same_slices(tmp_path, voxels, write):
    path, options = write(tmp_path, voxels)
    with open_raster(path, ReadOptions(**options)) as raster:
        assert (raster.kind, raster.size, raster.depth, raster.levels) == (
            "volume",
            (9, 7),
            5,
            ((9, 7),),
        )
        for z in range(5):
            image = np.asarray(raster.read(Region(0, 0, 9, 7, z, "z")))
            assert (image == voxels[z][..., None]).all()
        for y in (6, 0, 3):
            image = np.asarray(raster.read(Region(1, 2, 8, 3, y, "y")))
            assert (image == voxels[2:5, y, 1:9, None]).all()
        for x in (8, 0):
            image = np.asarray(raster.read(Region(0, 1, 7, 4, x, "x")))
            assert (image == voxels[1:5, :, x, None]).all()
        part = np.asarray(raster.read(Region(2, 3, 4, 2, 1, "z")))
        assert (part == voxels[1, 3:5, 2:6, None]).all()


def test_sizes_across_each_axis(tmp_path, voxels):
    path, _ = write_npy(tmp_path, voxels)
    with open_raster(path) as raster:
        assert [slice_count(raster, axis) for axis in "zyx"] == [5, 7, 9]
        assert [slice_size(raster, axis) for axis in "zyx"] == [(9, 7), (9, 5), (7, 5)]


def test_slices_are_resampled(tmp_path, voxels):
    path, _ = write_npy(tmp_path, voxels)
    with open_raster(path) as raster:
        assert raster.read(Region(0, 0, 9, 7, 2, "z"), (3, 4)).size == (3, 4)
        assert raster.read(Region(2, 1, 7, 6, 2, "z"), (3, 4)).size == (3, 4)
        assert raster.read(Region(0, 0, 9, 5, 2, "y"), (18, 10)).size == (18, 10)


def test_blocks_do_not_change_slices(tmp_path, voxels, monkeypatch):
    path, _ = write_npy(tmp_path, voxels)
    monkeypatch.setattr(volume, "BLOCK_BYTES", 2 * 5 * 9)
    with open_raster(path) as raster:
        for y in (0, 1, 2, 6, 5, 0, 4):
            image = np.asarray(raster.read(Region(0, 0, 9, 5, y, "y")))
            assert (image == voxels[:, y, :, None]).all()
        assert len(raster._blocks) <= volume.KEPT_BLOCKS
        assert {block.shape for block in raster._blocks.values()} <= {(5, 2, 9), (5, 1, 9)}


@pytest.mark.parametrize("write", WRITERS)
def test_one_map_of_intensities_serves_all_slices(tmp_path, voxels, write):
    deep = voxels.astype(np.uint16) * 100
    path, options = write(tmp_path, deep)
    with open_raster(path, ReadOptions(intensity="percentile", **options)) as raster:
        low, high = np.percentile(deep, (0.5, 99.5))
        expected = np.rint(np.clip((deep - low) / (high - low), 0, 1) * 255)
        for z in range(5):
            image = np.asarray(raster.read(Region(0, 0, 9, 7, z, "z")))[..., 0]
            assert (image == expected[z]).all()


def test_float_volumes_take_their_own_range(tmp_path, voxels):
    values = voxels / 10.0 - 3
    values[2, 3, 4] = np.nan
    path, _ = write_npy(tmp_path, values.astype(np.float32))
    with open_raster(path) as raster:
        assert raster.read(Region(0, 0, 1, 1, 0, "z")).getpixel((0, 0)) == (0, 0, 0)
        assert raster.read(Region(8, 6, 1, 1, 4, "z")).getpixel((0, 0)) == (255,) * 3
        assert raster.read(Region(4, 3, 1, 1, 2, "z")).getpixel((0, 0)) == (0, 0, 0)


def test_regions_must_name_a_slice_that_exists(tmp_path, voxels):
    path, _ = write_npy(tmp_path, voxels)
    with open_raster(path) as raster:
        with pytest.raises(SourceError, match="volume of 5 slices; say which"):
            raster.read(Region(0, 0, 2, 2))
        with pytest.raises(SourceError, match="has 5 slices across z"):
            raster.read(Region(0, 0, 2, 2, 5, "z"))
        with pytest.raises(SourceError, match="which has 7×5 pixels"):
            raster.read(Region(0, 0, 9, 7, 0, "x"))


def test_an_odd_slice_is_named(tmp_path, voxels):
    paths = write_slices(tmp_path / "core", voxels)
    Image.fromarray(voxels[2, :5]).save(paths[2])
    with pytest.raises(SourceError, match=r"core_0002\.tif has 9×5 pixels but core_0000\.tif 9×7"):
        open_raster(paths)
    Image.fromarray(voxels[2].astype(np.uint16)).save(paths[2])
    with pytest.raises(SourceError, match=r"core_0002\.tif holds uint16 but core_0000\.tif uint8"):
        open_raster(paths)
    Image.fromarray(np.dstack([voxels[2]] * 3)).save(paths[2])
    with pytest.raises(SourceError, match=r"core_0002\.tif is not grey"):
        open_raster(paths)


def test_npy_of_two_axes_is_an_image_and_of_four_refused(tmp_path, voxels, whole):
    np.save(tmp_path / "flat.npy", voxels[1])
    assert (whole(tmp_path / "flat.npy") == voxels[1][..., None]).all()
    colours = np.random.default_rng(0).integers(0, 255, (6, 5, 3), np.uint8)
    np.save(tmp_path / "rgb.npy", colours)
    assert (whole(tmp_path / "rgb.npy") == colours).all()
    np.save(tmp_path / "four.npy", voxels[None])
    with pytest.raises(SourceError, match=r"has 4 axes \(1, 5, 7, 9\)"):
        open_raster(tmp_path / "four.npy")


def test_npy_with_objects_is_never_unpickled(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[print]], object), allow_pickle=True)
    with pytest.raises(SourceError, match="never loaded"):
        open_raster(tmp_path / "a.npy")


def test_truncated_npy_is_refused(tmp_path, voxels):
    path, _ = write_npy(tmp_path, voxels)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(SourceError, match="truncated"):
        open_raster(path)


@pytest.mark.parametrize("write", [write_tiff, write_packed_tiff, write_pillow_tiff])
@pytest.mark.parametrize("lost", [60, 200])
def test_truncated_stacks_are_refused_at_opening(tmp_path, voxels, write, lost):
    path, _ = write(tmp_path, voxels)
    path.write_bytes(path.read_bytes()[:-lost])
    with pytest.raises(SourceError, match=r"truncated|damaged"):
        open_raster(path)


def test_raw_without_a_layout_says_what_would_fit(tmp_path):
    (tmp_path / "a.raw").write_bytes(bytes(6**3))
    with pytest.raises(SourceError, match=r"216 bytes.*--raw-shape.*6×6×6 uint8 would fit"):
        open_raster(tmp_path / "a.raw")


def test_raw_of_another_size_says_what_would_fit(tmp_path):
    (tmp_path / "a.raw").write_bytes(bytes(4 * 5 * 6 * 2))
    wrong = {"raw_shape": (3, 5, 6), "raw_dtype": "uint16"}
    with pytest.raises(SourceError, match=r"240 bytes.*are 180\. 4 slices of 5×6 would fit"):
        open_raster(tmp_path / "a.raw", ReadOptions(**wrong))
    with pytest.raises(SourceError, match="As uint16 this shape would fit"):
        open_raster(tmp_path / "a.raw", ReadOptions(raw_shape=(4, 5, 6), raw_dtype="float64"))
    with pytest.raises(SourceError, match="Unknown raw_dtype 'uint15'"):
        open_raster(tmp_path / "a.raw", ReadOptions(raw_shape=(4, 5, 6), raw_dtype="uint15"))


def test_the_shape_of_raw_is_enough_where_it_leaves_one_byte_a_voxel(tmp_path):
    (tmp_path / "a.raw").write_bytes(bytes(4 * 5 * 6))
    shape, dtype, remarks = raw_layout(tmp_path / "a.raw", ReadOptions(raw_shape=(4, 5, 6)))
    assert (shape, dtype) == ((4, 5, 6), np.uint8)
    assert remarks == ["type uint8 taken: the file has one byte a voxel"]
    with pytest.raises(SourceError, match=r"120 bytes, and 2×5×6 .*As uint16 this shape would fit"):
        raw_layout(tmp_path / "a.raw", ReadOptions(raw_shape=(2, 5, 6)))
    with pytest.raises(SourceError, match=r"4 slices of 5×6 would fit"):
        raw_layout(tmp_path / "a.raw", ReadOptions(raw_shape=(7, 5, 6)))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("core_4x4x4_uint8.raw", "|u1"),
        ("core_4X4X4-UINT16.raw", "<u2"),
        ("4x4x4_uint16_be.raw", ">u2"),
        ("core_4x4x4.raw", None),
        ("core_4x4x5_uint8.raw", None),
        ("core_14x4x4_uint8.raw", None),
    ],
)
def test_raw_layout_is_read_from_unambiguous_names_only(tmp_path, name, expected):
    (tmp_path / name).write_bytes(bytes(64 * (2 if expected and "u2" in expected else 1)))
    if expected is None:
        with pytest.raises(SourceError, match="no header"):
            raw_layout(tmp_path / name, ReadOptions())
    else:
        shape, dtype, remarks = raw_layout(tmp_path / name, ReadOptions())
        assert (shape, dtype.str, len(remarks)) == ((4, 4, 4), expected, 1)


def test_scale_of_a_stack_and_its_slices(tmp_path, voxels):
    options = {"resolution": (0.2, 0.2), "metadata": {"unit": "um", "spacing": 10.0, "axes": "ZYX"}}
    tifffile.imwrite(tmp_path / "a.tif", voxels, imagej=True, **options)
    with open_raster(tmp_path / "a.tif") as raster:
        assert raster.um_per_px == pytest.approx(5)
        assert any("10 µm apart but pixels 5 µm" in remark for remark in raster.remarks)


def test_colour_pages_are_no_volume(tmp_path):
    pages = np.random.default_rng(0).integers(0, 255, (4, 8, 9, 3), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="rgb")
    with open_raster(tmp_path / "a.tif") as raster:
        assert (raster.kind, raster.size) == ("image", (9, 8))
        assert (np.asarray(raster.read(Region(0, 0, 9, 8))) == pages[0]).all()
        assert any("first is read" in remark for remark in raster.remarks)


def test_slices_across_x_take_bounded_memory(tmp_path, monkeypatch):
    np.save(tmp_path / "a.npy", np.zeros((64, 256, 512), np.uint8))
    monkeypatch.setattr(volume, "BLOCK_BYTES", 1 << 19)
    with open_raster(tmp_path / "a.npy") as raster:
        tracemalloc.start()
        for x in range(0, 512, 16):
            raster.read(Region(0, 0, 256, 64, x, "x"))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 64 * 256 * 512 / 2


@pytest.mark.realdata
def test_real_raw_volume(testdata):
    path = testdata / "ct_formats" / "berea_pore.raw"
    expected = np.fromfile(path, np.uint8).reshape(110, 110, 110)
    options = ReadOptions(raw_shape=(110, 110, 110), raw_dtype="uint8")
    with open_raster(path, options) as raster:
        for axis, plane in (("z", expected[7]), ("y", expected[:, 7]), ("x", expected[:, :, 7])):
            image = np.asarray(raster.read(Region(0, 0, 110, 110, 7, axis)))
            assert (image == plane[..., None]).all()
