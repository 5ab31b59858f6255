"""Uploads are kept under names made here, bounded, and looked at before they are decoded."""

import gc
import io
import struct
import time
import weakref
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from georetrieve.errors import SourceError, StoreError, UnknownFormatError
from georetrieve.serving.uploads import UploadTray


@pytest.fixture
def tray():
    made = UploadTray(max_mb=2, max_files=3)
    yield made
    made.close()


def encoded(image, form="PNG"):
    buffer = io.BytesIO()
    image.save(buffer, form)
    return buffer.getvalue()


def picture(seed=0, size=(90, 60)):
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    return encoded(Image.fromarray(noise))


def png_of_zeros(width, height):
    """A grey PNG whose header says this size, with some rows of zeros."""

    def chunk(name, data):
        checked = name + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(width + 1) * 100, 9)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def tiff_of_zeros(side, tile):
    """A tiled, compressed TIFF of zeros without an overview."""
    buffer = io.BytesIO()
    tiles = (np.zeros((tile, tile), np.uint8) for _ in range((-(-side // tile)) ** 2))
    with tifffile.TiffWriter(buffer) as writer:
        writer.write(
            tiles, shape=(side, side), dtype=np.uint8, tile=(tile, tile), compression="zlib"
        )
    return buffer.getvalue()


def tiff_whose_strip_lies(n_bytes):
    """It claims 64×64 pixels; its only strip inflates to much more."""
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, np.zeros((64, 64), np.uint8), compression="zlib", rowsperstrip=64)
    data = bytearray(buffer.getvalue())
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as tiff:
        tags = tiff.pages[0].tags
        places = [tags[name].valueoffset for name in ("StripOffsets", "StripByteCounts")]
        order = tiff.byteorder
    packing = zlib.compressobj(9)
    bomb = b"".join(packing.compress(bytes(1 << 20)) for _ in range(n_bytes >> 20))
    bomb += packing.flush()
    struct.pack_into(order + "I", data, places[0], len(data))
    struct.pack_into(order + "I", data, places[1], len(bomb))
    return bytes(data) + bomb


def peak_mib(*, anew=False):
    """Most memory this process has held, or has since it was asked anew; 0 but on Linux."""
    status, forget = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if not forget.exists():
        return 0
    if anew:
        forget.write_text("5")
    line = next(one for one in status.read_text().splitlines() if one.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def test_what_was_sent_can_be_read_and_shown(tray):
    upload = tray.take("my slide.png", picture())
    assert (upload.name, upload.size_px, upload.um_per_px) == ("my slide.png", (90, 60), None)
    assert tray.get(upload.token) == upload
    assert upload.token in tray
    facts = tray.facts(upload.token)
    assert (facts.path, facts.size, facts.levels) == ("my slide.png", (90, 60), 8)
    with Image.open(io.BytesIO(tray.tile(upload.token, 7, 0, 0))) as tile:
        assert (tile.format, tile.size) == ("JPEG", (90, 60))
    with Image.open(io.BytesIO(tray.thumbnail(upload.token))) as small:
        assert (small.format, small.size) == ("WEBP", (90, 60))
    with pytest.raises(SourceError, match="no tile 5, 0"):
        tray.tile(upload.token, 7, 5, 0)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..\\..\\boot.ini", "/root/x.png", "", "a\nb"]
)
def test_the_given_name_names_no_file(tray, name):
    upload = tray.take(name, picture())
    assert upload.path.parent == tray.take("other", picture(1)).path.parent
    assert upload.path.name == upload.token
    assert "/" not in upload.name
    assert "\n" not in upload.name


def test_the_content_decides_what_it_is(tray):
    data = encoded(Image.new("RGB", (8, 8), "red"), "JPEG")
    assert tray.take("report.pdf", data).size_px == (8, 8)
    with pytest.raises(UnknownFormatError, match=r"photo\.png is not an image"):
        tray.take("photo.png", b"<html><script>alert(1)</script>")
    with pytest.raises(SourceError, match=r"photo\.png is empty"):
        tray.take("photo.png", b"")


def test_the_same_bytes_are_kept_once(tray):
    one, again = tray.take("one.png", picture()), tray.take("two.png", picture())
    assert one == again
    assert len(list(one.path.parent.iterdir())) == 1


def test_the_oldest_go_first(tray):
    uploads = [tray.take("x.png", picture(seed)) for seed in range(5)]
    assert [one.token in tray for one in uploads] == [False, False, True, True, True]
    assert [one.path.exists() for one in uploads] == [False, False, True, True, True]
    with pytest.raises(StoreError, match="no longer kept"):
        tray.get(uploads[0].token)
    with pytest.raises(StoreError, match="no longer kept"):
        tray.tile("../../etc/passwd", 0, 0, 0)


def test_all_together_are_bounded():
    tray = UploadTray(max_mb=1, max_total_mb=1)
    data = [picture(seed, (500, 400)) for seed in range(2)]  # 0.6 MB each: noise
    first, second = (tray.take("x.png", one) for one in data)
    assert first.token not in tray
    assert second.token in tray
    tray.close()


def test_a_file_beyond_the_limit_is_refused(tray):
    with pytest.raises(SourceError, match=r"scan\.tif has 200 MiB; more than 2 are not taken"):
        tray.take("scan.tif", bytes(200 << 20))
    assert not list(tray.take("x.png", picture()).path.parent.glob("*scan*"))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: png_of_zeros(60_000, 60_000), r"claims 60000×60000 pixels"),
        (lambda: tiff_of_zeros(20_000, 4_000), r"claims 20000×20000 pixels"),
        (lambda: tiff_whose_strip_lies(256 << 20), r"cannot be decoded"),
    ],
    ids=["png", "tiff of tiles", "tiff whose strip lies"],
)
def test_bombs_are_refused_quickly_and_without_the_memory(tray, make, said):
    data = make()
    before = peak_mib(anew=True)
    start = time.perf_counter()
    with pytest.raises(SourceError, match=said) as refused:
        tray.take("bomb.png", data)
    assert time.perf_counter() - start < 3
    assert peak_mib() - before < 100
    assert "bomb.png" in str(refused.value)
    assert "--max-pixels" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_large_slide_with_overviews_is_taken(tray):
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        options = {"tile": (1024, 1024), "compression": "zlib", "photometric": "rgb"}
        sides = (12_288, 3072)
        for place, side in enumerate(sides):
            tiles = (np.zeros((1024, 1024, 3), np.uint8) for _ in range((side // 1024) ** 2))
            kind = {"subifds": 1} if place == 0 else {"subfiletype": 1}
            writer.write(tiles, shape=(side, side, 3), dtype=np.uint8, **options, **kind)
    upload = tray.take("slide.tif", buffer.getvalue())
    assert upload.size_px == (12_288, 12_288)
    facts = tray.facts(upload.token)
    assert tray.tile(upload.token, facts.levels - 1, 20, 20)


def test_a_stack_is_refused(tray):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, np.zeros((5, 32, 32), np.uint8), photometric="minisblack")
    with pytest.raises(SourceError, match=r"ct\.tif is a stack of 5 slices"):
        tray.take("ct.tif", buffer.getvalue())


def test_files_go_with_the_tray():
    tray = UploadTray()
    upload = tray.take("x.png", picture())
    tray.tile(upload.token, 0, 0, 0)
    folder, seen = upload.path.parent, weakref.ref(tray)
    del tray
    gc.collect()
    assert seen() is None
    assert not folder.exists()
