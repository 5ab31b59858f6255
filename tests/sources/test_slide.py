"""Slides and TIFFs, read by region: sizes, levels, scales, exact pixels, refusals."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tifffile
from PIL import Image

from georetrieve.errors import SourceError
from georetrieve.sources import regions, tiff_segments
from georetrieve.sources.opening import ReadOptions, open_raster
from georetrieve.sources.scale import SCALE_UNKNOWN
from georetrieve.sources.slide import level_remarks
from georetrieve.types import Region

RED = np.uint8([255, 0, 0])


@pytest.fixture
def colours():
    """(H, W, 3) pixels that differ everywhere."""
    y, x = np.mgrid[:300, :420]
    return np.stack([x % 256, y % 256, (x + y) % 256], axis=2).astype(np.uint8)


def write_pyramid(path, pixels, levels=3, *, subifds=True, **options):
    """A tiled pyramid by factors of two; every reduced level is one colour, (level, 0, 0)."""
    options = {"tile": (64, 64), "photometric": "rgb", **options}
    with tifffile.TiffWriter(path) as writer:
        writer.write(pixels, subifds=levels - 1 if subifds else 0, **options)
        for level in range(1, levels):
            reduced = np.zeros_like(pixels[:: 2**level, :: 2**level])
            reduced[..., 0] = level
            writer.write(reduced, subfiletype=1 if subifds else 0, **options)


@pytest.mark.parametrize("subifds", [True, False])
def test_a_pyramid_is_a_slide_read_from_the_right_level(tmp_path, colours, subifds):
    write_pyramid(tmp_path / "a.tif", colours, subifds=subifds)
    with open_raster(tmp_path / "a.tif") as raster:
        assert raster.kind == "slide"
        assert raster.levels == ((420, 300), (210, 150), (105, 75))
        region = Region(100, 60, 160, 80)
        assert (np.asarray(raster.read(region)) == colours[60:140, 100:260]).all()
        # 1.9 level-0 pixels a pixel: level 0; 2 and 3.9: level 1; 4: level 2.
        seen = [
            raster.read(region, size).getpixel((5, 5)) for size in ((80, 40), (41, 21), (40, 20))
        ]
        assert seen == [(1, 0, 0), (1, 0, 0), (2, 0, 0)]
        assert raster.read(region, (84, 42)).getpixel((5, 5))[2] > 2


@pytest.mark.parametrize(
    "options",
    [
        {"tile": (64, 64)},
        {"tile": (128, 64), "compression": "deflate", "predictor": True},
        {"rowsperstrip": 7},
        {"rowsperstrip": 300, "compression": "lzw"},
        {"tile": (64, 64), "planarconfig": "separate"},
        {"rowsperstrip": 11, "planarconfig": "separate", "compression": "zstd"},
        {"tile": (64, 64), "bigtiff": True, "byteorder": ">"},
    ],
)
def test_regions_of_every_layout_are_exact(tmp_path, colours, options):
    stored = np.moveaxis(colours, 2, 0) if "planarconfig" in options else colours
    flags = {name: options.pop(name) for name in ("bigtiff", "byteorder") if name in options}
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", **flags, **options)
    with open_raster(tmp_path / "a.tif") as raster:
        assert (raster.kind, raster.size) == ("image", (420, 300))
        for region in (Region(0, 0, 420, 300), Region(63, 127, 2, 3), Region(400, 290, 20, 10)):
            left, top, right, bottom = region.box
            assert (np.asarray(raster.read(region)) == colours[top:bottom, left:right]).all()


def test_one_large_uncompressed_strip_is_mapped(tmp_path, colours, monkeypatch):
    deep = colours.astype(">u2") * 257
    tifffile.imwrite(tmp_path / "a.tif", deep, photometric="rgb", rowsperstrip=300, byteorder=">")
    monkeypatch.setattr(tiff_segments, "MAPPED_STRIP_BYTES", 1000)
    monkeypatch.setattr(tiff_segments.TiffHandle, "segment", None)
    with open_raster(tmp_path / "a.tif") as raster:
        assert (np.asarray(raster.read(Region(5, 7, 30, 40))) == colours[7:47, 5:35]).all()


def test_segments_are_kept_up_to_a_bound(tmp_path, colours, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", colours, photometric="rgb", tile=(64, 64))
    monkeypatch.setattr(tiff_segments, "KEPT_BYTES", 3 * 64 * 64 * 3)
    with open_raster(tmp_path / "a.tif") as raster:
        raster.read(Region(0, 0, 420, 300))
        assert len(raster._handle._kept) == 3
        with ThreadPoolExecutor(4) as pool:
            rows = list(
                pool.map(lambda y: np.asarray(raster.read(Region(0, y, 420, 1))), range(300))
            )
    assert (np.concatenate(rows) == colours).all()


def test_tiles_left_out_are_white(tmp_path):
    pixels = np.full((64, 128, 3), 9, np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pixels, tile=(64, 64), photometric="rgb")
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+") as tiff:
        tiff.pages[0].tags["TileByteCounts"].overwrite([0, 64 * 64 * 3])
    with open_raster(tmp_path / "a.tif") as raster:
        image = raster.read(Region(0, 0, 128, 64))
        assert (image.getpixel((3, 3)), image.getpixel((100, 3))) == ((255,) * 3, (9,) * 3)


@pytest.mark.parametrize(
    ("photometric", "stored", "expected"),
    [
        ("minisblack", np.uint8([[0, 200]]), [[0, 0, 0], [200] * 3]),
        ("miniswhite", np.uint8([[0, 200]]), [[255] * 3, [55] * 3]),
        ("minisblack", np.uint16([[0, 65535]]), [[0, 0, 0], [255] * 3]),
        ("minisblack", np.float32([[0, np.nan]]), [[0, 0, 0], [0, 0, 0]]),
        ("minisblack", np.float32([[-1, 3]]), [[0, 0, 0], [255] * 3]),
        ("minisblack", np.array([[False, True]]), [[0, 0, 0], [255] * 3]),
        ("separated", np.uint8([[[255, 0, 0, 0], [0, 0, 0, 255]]]), [[0, 255, 255], [0, 0, 0]]),
    ],
)
def test_tiff_colours_become_rgb(tmp_path, whole, photometric, stored, expected):
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric=photometric)
    assert whole(tmp_path / "a.tif")[0].tolist() == expected


def test_alpha_of_both_kinds_is_composited(tmp_path, whole):
    for kind, red in (("unassalpha", 100), ("assocalpha", 50), ("unspecified", 100)):
        stored = np.uint8([[[red, 0, 255 if kind == "unassalpha" else 128, 128]] * 2])
        tifffile.imwrite(tmp_path / f"{kind}.tif", stored, photometric="rgb", extrasamples=[kind])
    assert whole(tmp_path / "unassalpha.tif")[0, 0].tolist() == [177, 127, 255]
    assert whole(tmp_path / "assocalpha.tif")[0, 0].tolist() == [177, 127, 255]
    assert whole(tmp_path / "unspecified.tif")[0, 0].tolist() == [100, 0, 128]


def test_palette_tiffs_show_their_colours(tmp_path, whole):
    palette = np.zeros((3, 256), np.uint16)
    palette[:, 7] = (65535, 0, 32896)
    tifffile.imwrite(
        tmp_path / "a.tif", np.uint8([[7, 0]]), photometric="palette", colormap=palette
    )
    assert whole(tmp_path / "a.tif").tolist() == [[[255, 0, 128], [0, 0, 0]]]


def test_orientation_of_a_tiff_is_applied(tmp_path, whole):
    pixels = np.zeros((2, 3, 3), np.uint8)
    pixels[0, 0] = RED
    tifffile.imwrite(
        tmp_path / "a.tif", pixels, photometric="rgb", extratags=[(274, 3, 1, 6, True)]
    )
    turned = whole(tmp_path / "a.tif")
    assert turned.shape == (3, 2, 3)
    assert turned[0, 1].tolist() == RED.tolist()


def test_fluorescence_channels_as_pages_are_red_green_blue(tmp_path, whole):
    channels = np.stack([np.full((20, 30), value, np.uint8) for value in (10, 20, 30, 40)])
    tifffile.imwrite(
        tmp_path / "a.ome.tif", channels, metadata={"axes": "CYX"}, photometric="minisblack"
    )
    assert whole(tmp_path / "a.ome.tif")[5, 5].tolist() == [10, 20, 30]


def test_of_focal_planes_the_middle_one_is_read(tmp_path):
    planes = np.stack([np.full((64, 64, 3), value, np.uint8) for value in (10, 20, 30)])
    with tifffile.TiffWriter(tmp_path / "a.ome.tif") as writer:
        options = {"photometric": "rgb", "tile": (32, 32)}
        writer.write(planes, subifds=1, metadata={"axes": "ZYXS"}, **options)
        writer.write(planes[:, ::2, ::2], subfiletype=1, **options)
    with open_raster(tmp_path / "a.ome.tif") as raster:
        assert (raster.kind, raster.levels) == ("slide", ((64, 64), (32, 32)))
        assert raster.read(Region(0, 0, 64, 64)).getpixel((9, 9)) == (20, 20, 20)
        assert raster.read(Region(0, 0, 64, 64), (32, 32)).getpixel((9, 9)) == (20, 20, 20)
        assert "more than one focal plane; the middle one is read" in raster.remarks


def test_shrinking_does_not_depend_on_the_block_size(tmp_path, colours, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", colours, photometric="rgb", tile=(64, 64))
    with open_raster(tmp_path / "a.tif") as raster:
        at_once = np.asarray(raster.read(Region(3, 5, 400, 290), (40, 29)))
        monkeypatch.setattr(regions, "BLOCK_PX", 50)
        by_blocks = np.asarray(raster.read(Region(3, 5, 400, 290), (40, 29)))
    assert (at_once == by_blocks).all()


SCALES = {
    "cm": ({"resolution": (20_000, 20_000), "resolutionunit": "CENTIMETER"}, 0.5),
    "inch": ({"resolution": (50_800, 50_800), "resolutionunit": "INCH"}, 0.5),
    "print": ({"resolution": (300, 300), "resolutionunit": "INCH"}, None),
    "screen": ({"resolution": (28.3465, 28.3465), "resolutionunit": "CENTIMETER"}, None),
    "no unit": ({"resolution": (20_000, 20_000), "resolutionunit": "NONE"}, None),
    "imagej": ({"imagej": True, "resolution": (2, 2), "metadata": {"unit": "micron"}}, 0.5),
    "imagej nm": ({"imagej": True, "resolution": (0.002, 0.002), "metadata": {"unit": "nm"}}, 0.5),
    "ome": ({"ome": True, "metadata": {"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}}, 0.5),
    "ome nm": (
        {"ome": True, "metadata": {"PhysicalSizeX": 500, "PhysicalSizeXUnit": "nm"}}, 0.5,
    ),
    "ome mm": (
        {"ome": True, "metadata": {"PhysicalSizeX": 5e-4, "PhysicalSizeXUnit": "mm",
                                   "PhysicalSizeY": 5e-4, "PhysicalSizeYUnit": "mm"}}, 0.5,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SCALES)
def test_scale_from_whatever_states_it(tmp_path, case):
    options, expected = SCALES[case]
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((20, 20), np.uint8), **options)
    with open_raster(tmp_path / "a.tif") as raster:
        assert raster.um_per_px == (None if expected is None else pytest.approx(expected))
        assert (SCALE_UNKNOWN in raster.remarks) == (expected is None)


def test_a_given_scale_wins_and_the_difference_is_said(tmp_path):
    options, _ = SCALES["cm"]
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((20, 20), np.uint8), **options)
    with open_raster(tmp_path / "a.tif", ReadOptions(um_per_px=0.25)) as raster:
        assert raster.um_per_px == 0.25
        assert any("0.5 µm a pixel; 0.25 as asked for" in line for line in raster.remarks)


def test_contradictions_are_remarked_upon(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.ome.tif",
        np.zeros((20, 20), np.uint8),
        resolution=(20_000, 10_000),
        resolutionunit="CENTIMETER",
        metadata={"PhysicalSizeX": 0.25, "PhysicalSizeY": 0.25},
    )
    with open_raster(tmp_path / "a.ome.tif") as raster:
        assert raster.um_per_px == 0.25
        assert any("not square (0.5 × 1 µm)" in line for line in raster.remarks)
        assert any("0.25 µm a pixel, the resolution tag 0.75" in line for line in raster.remarks)


def test_levels_that_are_no_reduction_are_remarked_upon():
    assert level_remarks(((300, 250), (150, 125), (75, 62), (37, 31))) == []
    assert len(level_remarks(((3000, 2500), (1500, 1250), (750, 700)))) == 1


def test_truncated_pyramids_are_refused_at_opening(tmp_path, colours):
    write_pyramid(tmp_path / "a.tif", colours)
    content = (tmp_path / "a.tif").read_bytes()
    for share in (0.01, 0.3, 0.9, 0.999):
        (tmp_path / "cut.tif").write_bytes(content[: int(len(content) * share)])
        with pytest.raises(SourceError, match="truncated"):
            open_raster(tmp_path / "cut.tif")


def test_a_damaged_tile_is_named_and_the_others_are_read(tmp_path, colours):
    tifffile.imwrite(
        tmp_path / "a.tif", colours, photometric="rgb", tile=(64, 64), compression="deflate"
    )
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        offset = tiff.pages[0].dataoffsets[8]
    content = bytearray((tmp_path / "a.tif").read_bytes())
    content[offset : offset + 50] = b"\xff" * 50
    (tmp_path / "a.tif").write_bytes(content)
    with open_raster(tmp_path / "a.tif") as raster:
        with pytest.raises(SourceError, match="tile 8 cannot be decoded"):
            raster.read(Region(64, 64, 64, 64))
        assert (np.asarray(raster.read(Region(0, 0, 64, 64))) == colours[:64, :64]).all()


def test_a_closed_slide_is_not_read(tmp_path, colours):
    write_pyramid(tmp_path / "a.tif", colours)
    raster = open_raster(tmp_path / "a.tif")
    raster.close()
    raster.close()
    with pytest.raises(SourceError, match="closed"):
        raster.read(Region(300, 200, 10, 10))


def test_a_mirax_slide_without_its_folder_is_refused(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.mrxs", "JPEG")
    with pytest.raises(SourceError, match="companion files"):
        open_raster(tmp_path / "a.mrxs")


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "levels", "um_per_px"),
    [
        ("boxes.tiff", ((300, 250), (150, 125), (75, 62), (37, 31)), None),
        ("small.svs", ((16, 16),), 0.499),
        ("OS-1-detail.ome.tif", ((1101, 1101),), 0.2271),
        ("OS-2-ndpi.ome.tif", ((2202, 2202),), 0.2271),
        ("OS-2-vsi.ome.tif", ((1445, 1445),), 0.34605),
    ],
)
def test_real_slides(testdata, name, levels, um_per_px):
    with open_raster(testdata / "slides" / name) as raster:
        assert (raster.kind, raster.levels) == ("slide", levels)
        expected = None if um_per_px is None else pytest.approx(um_per_px, rel=1e-4)
        assert raster.um_per_px == expected
        region = Region(3, 2, 12, 11)
        expected = np.asarray(raster.read(Region(0, 0, *raster.size)))[2:13, 3:15]
        assert (np.asarray(raster.read(region)) == expected).all()


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["OS-1-detail.ome.tif", "OS-2-ndpi.ome.tif", "OS-2-vsi.ome.tif"])
def test_real_ome_tiffs_equal_tifffile(testdata, whole, name):
    path = testdata / "slides" / name
    assert (whole(path) == tifffile.imread(path)).all()


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("unopenable.tiff", "tile 0 cannot be decoded .52479"),
        ("unreadable.svs", "cannot be decoded"),
    ],
)
def test_unusable_slides_are_refused_at_opening(testdata, name, why):
    with pytest.raises(SourceError, match=why):
        open_raster(testdata / "slides" / name)
