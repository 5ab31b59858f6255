"""Images Pillow decodes: every pixel kind, and every bad kind."""

import io
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageDraw

from georetrieve.errors import SourceError
from georetrieve.sources import raster as raster_module
from georetrieve.sources.opening import ReadOptions, open_raster
from georetrieve.sources.scale import SCALE_UNKNOWN
from georetrieve.types import Region


@pytest.mark.parametrize("suffix", ["png", "bmp", "webp", "tif", "gif", "ppm", "jp2"])
def test_lossless_formats_give_the_stored_pixels(tmp_path, whole, ramp, suffix):
    grey = ramp(6, 9)
    pixels = np.repeat(grey[..., None], 3, axis=2)
    options = {"webp": {"lossless": True}, "jp2": {"irreversible": False}}.get(suffix, {})
    Image.fromarray(pixels).save(tmp_path / f"a.{suffix}", **options)
    assert (whole(tmp_path / f"a.{suffix}") == pixels).all()


def test_jpeg_is_decoded_as_pillow_does(tmp_path, whole):
    image = Image.linear_gradient("L").convert("RGB")
    image.save(tmp_path / "a.jpg", quality=95)
    with Image.open(tmp_path / "a.jpg") as expected:
        assert (whole(tmp_path / "a.jpg") == np.asarray(expected)).all()


def test_adobe_cmyk_jpeg_is_not_inverted(tmp_path, whole):
    Image.new("CMYK", (16, 16), (0, 0, 0, 0)).save(tmp_path / "a.jpg", quality=100)
    assert whole(tmp_path / "a.jpg").min() >= 250


def test_transparent_palette_entries_are_white(tmp_path, whole):
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((1, 0), 1)
    image.save(tmp_path / "a.png", transparency=1)
    assert whole(tmp_path / "a.png").tolist() == [[[255, 0, 0], [255, 255, 255]]]


def test_one_bit_is_black_and_white(tmp_path, whole):
    image = Image.new("1", (2, 1))
    image.putpixel((1, 0), 1)
    image.save(tmp_path / "a.png")
    assert whole(tmp_path / "a.png")[0, :, 0].tolist() == [0, 255]


def test_sixteen_bit_grey_maps_the_types_range(tmp_path, whole):
    values = np.array([[0, 257, 384, 386, 65535]], np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    # 257 values a step: 384/257 = 1.494, 386/257 = 1.502.
    assert whole(tmp_path / "a.png")[0, :, 1].tolist() == [0, 1, 1, 2, 255]
    assert whole(tmp_path / "a.png", intensity="percentile")[0, :, 1].tolist()[-1] == 255


def test_sixteen_bit_colour_keeps_its_low_byte_until_the_map(tmp_path, whole):
    values = np.array([[[384, 386, 65535], [0, 257, 512]]], np.uint16)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(values))
    assert whole(tmp_path / "a.png").tolist() == [[[1, 2, 255], [0, 1, 2]]]


def test_only_the_first_frame_is_read_and_said_so(tmp_path):
    frames = [Image.new("RGB", (3, 2), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], lossless=True)
    for name in ("a.gif", "a.webp"):
        with open_raster(tmp_path / name) as raster:
            assert raster.read(Region(0, 0, 3, 2)).getpixel((1, 1)) == (255, 0, 0)
            assert any("first is read" in remark for remark in raster.remarks)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, orientation):
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[0, 0] = (255, 0, 0)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    # Where the stored top left corner must appear (EXIF 2.3, tag 274).
    corner = {1: "tl", 2: "tr", 3: "br", 4: "bl", 5: "tl", 6: "tr", 7: "br", 8: "bl"}[orientation]
    with open_raster(tmp_path / "a.png") as raster:
        width, height = raster.size
        assert (width, height) == ((6, 4) if orientation < 5 else (4, 6))
        image = raster.read(Region(0, 0, width, height))
    x, y = (width - 1 if "r" in corner else 0), (height - 1 if "b" in corner else 0)
    assert image.getpixel((x, y)) == (255, 0, 0)


def test_the_content_decides_not_the_suffix(tmp_path, whole):
    Image.new("RGB", (2, 2), (7, 8, 9)).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    assert whole(tmp_path / "a.jpg")[0, 0].tolist() == [7, 8, 9]


def test_regions_are_cut_and_resampled(tmp_path, ramp):
    Image.fromarray(ramp(8, 8)).save(tmp_path / "a.png")
    with open_raster(tmp_path / "a.png") as raster:
        cut = np.asarray(raster.read(Region(2, 1, 3, 2)))
        assert cut[..., 0].tolist() == [[10, 11, 12], [18, 19, 20]]
        small = np.asarray(raster.read(Region(0, 0, 8, 8), (2, 2)))
        # The box filter halves first; bicubic then leaves the point-symmetric middle at 31.5.
        assert small.shape == (2, 2, 3)
        assert small[..., 0].mean() == pytest.approx(31.5, abs=1)
        with pytest.raises(SourceError, match=r"outside a\.png, which has 8×8"):
            raster.read(Region(6, 0, 3, 1))
        with pytest.raises(SourceError, match="no volume"):
            raster.read(Region(0, 0, 3, 1, 0, "z"))


def test_facts_of_an_image(tmp_path):
    Image.new("L", (5, 3)).save(tmp_path / "a.png", dpi=(300, 300))
    with open_raster(tmp_path / "a.png") as raster:
        assert (raster.kind, raster.size, raster.depth) == ("image", (5, 3), 1)
        assert (raster.levels, raster.um_per_px) == (((5, 3),), None)
        assert raster.remarks == (SCALE_UNKNOWN,)
    with open_raster(tmp_path / "a.png", ReadOptions(um_per_px=0.5)) as raster:
        assert (raster.um_per_px, raster.remarks) == (0.5, ())


def test_a_reduced_jpeg_does_not_depend_on_earlier_reads(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (256, 320, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.jpg")
    region = Region(0, 0, 320, 256)
    with open_raster(tmp_path / "a.jpg") as raster:
        fresh = np.asarray(raster.read(region, (20, 16)))
    with open_raster(tmp_path / "a.jpg") as raster:
        full = raster.read(region)
        assert (np.asarray(raster.read(region, (20, 16))) == fresh).all()
    reference = np.asarray(full.resize((20, 16), Image.Resampling.BOX)).astype(int)
    assert np.abs(reference - fresh).mean() < 8


def test_an_image_is_decoded_once_for_many_regions(tmp_path, monkeypatch, ramp):
    Image.fromarray(ramp(8, 8)).save(tmp_path / "a.png")
    with open_raster(tmp_path / "a.png") as raster:
        calls = []
        decode = raster._decode
        monkeypatch.setattr(raster, "_decode", lambda step: calls.append(step) or decode(step))
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda y: raster.read(Region(0, y, 8, 1)), range(8)))
        assert calls == [1]


def test_drawing_on_what_was_read_leaves_the_image_alone(tmp_path, ramp):
    Image.fromarray(ramp(12, 12)).convert("RGB").save(tmp_path / "a.png")
    with open_raster(tmp_path / "a.png") as raster:
        region = Region(0, 0, *raster.size)
        first = raster.read(region)
        first.paste((1, 2, 3), (0, 0, *first.size))
        ImageDraw.Draw(raster.read(region)).rectangle((0, 0, 9, 9), fill=(1, 2, 3))
        np.testing.assert_array_equal(np.asarray(raster.read(region))[..., 0], ramp(12, 12))


def test_profiles_of_a_file_do_not_travel_on(tmp_path, ramp):
    exif = Image.Exif()
    exif[0x010E] = "a secret"
    Image.fromarray(ramp(12, 12)).save(tmp_path / "a.jpg", exif=exif, icc_profile=b"profile")
    with open_raster(tmp_path / "a.jpg") as raster:
        assert raster.read(Region(0, 0, *raster.size)).info == {}


def test_large_pixels_wait_in_a_temporary_file(tmp_path, whole, ramp, monkeypatch):
    Image.fromarray(ramp(8, 8)).save(tmp_path / "a.png")
    expected = whole(tmp_path / "a.png")
    monkeypatch.setattr("georetrieve.sources.pillow.KEPT_BYTES", 10)
    monkeypatch.setattr("georetrieve.sources.pillow.BAND_PIXELS", 30)
    monkeypatch.setattr(raster_module, "LARGE_PIXELS", 10)
    assert (whole(tmp_path / "a.png") == expected).all()


def test_a_closed_image_is_not_read(tmp_path):
    Image.new("L", (2, 2)).save(tmp_path / "a.png")
    raster = open_raster(tmp_path / "a.png")
    raster.close()
    raster.close()
    with pytest.raises(SourceError, match="closed"):
        raster.read(Region(0, 0, 1, 1))


def _png_header(width, height):
    def chunk(name, data):
        crc = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0"))


def test_a_decompression_bomb_is_refused_before_decoding(tmp_path):
    (tmp_path / "bomb.png").write_bytes(_png_header(60_000, 60_000))
    with pytest.raises(SourceError, match=r"60000×60000 pixels.*pyramidal TIFF"):
        open_raster(tmp_path / "bomb.png")


def test_the_pixel_limit_is_the_readers_own(tmp_path):
    Image.new("L", (20, 10)).save(tmp_path / "a.png")
    with pytest.raises(SourceError, match="more than the 199"):
        open_raster(tmp_path / "a.png", ReadOptions(max_pixels=199))
    open_raster(tmp_path / "a.png", ReadOptions(max_pixels=200)).close()


def test_pillows_own_limit_plays_no_part(tmp_path, whole, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    Image.new("RGB", (30, 10), (1, 2, 3)).save(tmp_path / "a.png")
    assert whole(tmp_path / "a.png").shape == (10, 30, 3)


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "webp", "gif", "tif", "jp2"])
def test_truncated_files_are_refused(tmp_path, suffix):
    noise = np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(
        buffer, {"jpg": "JPEG", "tif": "TIFF", "jp2": "JPEG2000"}.get(suffix, suffix)
    )
    path = tmp_path / f"cut.{suffix}"
    path.write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    with (
        pytest.raises(SourceError, match=r"cut\.\w+ .*(truncated|damaged)"),
        open_raster(path) as raster,
    ):
        raster.read(Region(0, 0, 64, 64))


def test_a_failure_is_remembered(tmp_path):
    noise = np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(content[:2000])
    with open_raster(tmp_path / "a.png") as raster:
        for _ in range(2):
            with pytest.raises(SourceError, match=r"a\.png cannot be decoded"):
                raster.read(Region(0, 0, 8, 8))


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "svs", "npy", "raw"])
def test_empty_files_say_so(tmp_path, suffix):
    (tmp_path / f"a.{suffix}").write_bytes(b"")
    with pytest.raises(SourceError, match=r"is empty \(0 bytes\)"):
        open_raster(tmp_path / f"a.{suffix}")


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "ndpi", "bmp"])
def test_what_is_no_image_says_so(tmp_path, suffix):
    (tmp_path / f"a.{suffix}").write_text("<html>404 not found, and some more text</html>")
    with pytest.raises(SourceError, match="not an image of a known format"):
        open_raster(tmp_path / f"a.{suffix}")


@pytest.mark.parametrize(
    "head", [b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"RIFF\0\0\0\0WEBP"]
)
def test_a_mere_header_is_refused(tmp_path, head):
    (tmp_path / "a.img").write_bytes(head)
    with pytest.raises(SourceError), open_raster(tmp_path / "a.img") as raster:
        raster.read(Region(0, 0, 1, 1))


def test_a_file_that_vanishes_is_the_systems_error(tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    with open_raster(tmp_path / "a.png") as raster:
        (tmp_path / "a.png").unlink()
        with pytest.raises(FileNotFoundError):
            raster.read(Region(0, 0, 4, 4))
