"""A folder with every kind of input that goes wrong, and what should become of each.

``write_bad_folder`` makes the files small, so that a test over all of them takes seconds. Every
good image shows the same gradient.
"""

import contextlib
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

__all__ = ["Expectation", "write_bad_folder"]

SIDE = 64
BOMB_SIDE = 100_000


@dataclass(frozen=True)
class Expectation:
    """What should become of a file.

    Attributes:
        outcome: ``done`` (in the index), ``failed`` (in the ledger, with a reason) or ``refused``
            (not in the index, and nothing hangs or stops; a ledger row, if any, is a failed one).
        reason: Regular expression that the reason must contain, whatever the case.
    """

    outcome: str
    reason: str = ""


DONE = Expectation("done")
REFUSED = Expectation("refused")


def failed(reason):
    return Expectation("failed", reason)


def gradient(side=SIDE):
    """(side, side, 3) uint8: red grows to the right, green downwards, blue is even."""
    ramp = np.linspace(0, 255, side)
    red, green = np.meshgrid(ramp, ramp)
    return np.stack([red, green, np.full_like(red, 90)], axis=-1).astype(np.uint8)


def write_bad_folder(folder):
    """Fill ``folder``; return what is expected of each file, by its POSIX path below the folder.

    Bytes of a name that are no UTF-8 stand as ``\\xff`` in the path, as in an index.

    What this machine cannot make is left out: files without permission when the tests run as root,
    names that are no text where the file system refuses them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    expected = {}
    for writer in (_healthy, _cut_short, _mislabelled, _pixel_types, _colour_modes, _shapes):
        expected |= writer(folder)
    for writer in (_claims, _slides, _names, _not_files):
        expected |= writer(folder)
    return expected


def _save(folder, name, array, mode=None, **options):
    image = Image.fromarray(array)
    image = image.convert(mode) if mode else image
    image.save(folder / name, **options)


def _healthy(folder):
    _save(folder, "healthy.png", gradient())
    (folder / "notes.txt").write_text("Sampled on Tuesday.", encoding="utf-8")
    return {"healthy.png": DONE, "notes.txt": REFUSED}


def _cut_short(folder):
    noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    expected = {}
    for suffix in ("jpg", "png", "tif", "bmp", "webp", "gif"):
        path = folder / f"cut.{suffix}"
        Image.fromarray(noise).save(path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        expected[path.name] = failed("truncated or damaged|is truncated: its pixels")
        (folder / f"header only.{suffix}").write_bytes(path.read_bytes()[:10])
        expected[f"header only.{suffix}"] = failed("truncated|damaged|not an image|cannot")
    for suffix in ("png", "tif", "svs"):
        (folder / f"nothing.{suffix}").touch()
        expected[f"nothing.{suffix}"] = failed("empty|0 bytes|no content")
    return expected


def _mislabelled(folder):
    _save(folder, "png named.jpg", gradient(), format="PNG")
    _save(folder, "jpeg named.png", gradient(), format="JPEG")
    _save(folder, "tiff named.jpg", gradient(), format="TIFF")
    (folder / "text named.png").write_text("<html>404 not found</html>", encoding="utf-8")
    (folder / "text named.tif").write_text("depth,label\n1203,quartz\n", encoding="utf-8")
    (folder / "noise named.tif").write_bytes(np.random.default_rng(1).bytes(2000))
    return {
        "png named.jpg": DONE,
        "jpeg named.png": DONE,
        "tiff named.jpg": DONE,
        "text named.png": failed("not an image|damaged"),
        "text named.tif": failed("not|damaged"),
        "noise named.tif": failed("not|damaged"),
    }


def _pixel_types(folder):
    grey = gradient()[..., 0]
    speckled = grey.astype(np.float32) / 7
    speckled[3, 4], speckled[5, 6], speckled[7, 8] = np.nan, np.inf, -np.inf
    tiffs = {
        "bits16.tif": grey.astype(np.uint16) * 257,
        "int32.tif": grey.astype(np.int32) * 1000 - 50_000,
        "float with NaN.tif": speckled,
        "float64.tif": grey.astype(np.float64),
        "signed.tif": (grey.astype(np.int16) - 128).astype(np.int8),
        "bits16 colour.tif": gradient().astype(np.uint16) * 257,
    }
    for name, array in tiffs.items():
        tifffile.imwrite(folder / name, array)
    _save(folder, "bits16.png", grey.astype(np.uint16) * 257)
    only_nan, complex_ = np.full((SIDE, SIDE), np.nan, np.float32), grey.astype(np.complex64)
    tifffile.imwrite(folder / "only NaN.tif", only_nan)
    tifffile.imwrite(folder / "complex.tif", complex_)
    return {
        **dict.fromkeys([*tiffs, "bits16.png"], DONE),
        "only NaN.tif": failed("finite|NaN"),
        "complex.tif": failed("complex"),
    }


def _colour_modes(folder):
    rgb = gradient()
    _save(folder, "cmyk.jpg", rgb, "CMYK")
    _save(folder, "cmyk.tif", rgb, "CMYK")
    _save(folder, "grey.png", rgb, "L")
    _save(folder, "one bit.png", rgb, "1")
    _save(folder, "grey and alpha.png", rgb, "LA")
    _save(folder, "ycbcr.tif", rgb, "YCbCr")
    _save(folder, "palette.png", rgb, "P", transparency=3)
    clear = np.dstack([rgb, np.zeros((SIDE, SIDE), np.uint8)])
    clear[: SIDE // 2, :, 3] = 255
    _save(folder, "half clear.png", clear)
    frames = [Image.fromarray(np.roll(rgb, shift, axis=1)) for shift in (0, 9, 18)]
    for name in ("animated.gif", "animated.webp", "animated.png"):
        frames[0].save(folder / name, save_all=True, append_images=frames[1:], duration=50)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    _save(folder, "turned by EXIF.jpg", rgb[: SIDE // 2], exif=exif)
    names = ["cmyk.jpg", "cmyk.tif", "grey.png", "one bit.png", "grey and alpha.png", "ycbcr.tif"]
    names += ["palette.png", "half clear.png", "animated.gif", "animated.webp", "animated.png"]
    return dict.fromkeys([*names, "turned by EXIF.jpg"], DONE)


def _shapes(folder):
    _save(folder, "one pixel.png", gradient()[:1, :1])
    _save(folder, "thin.png", np.repeat(gradient()[:, :1], 79, axis=0)[:5000])
    _save(folder, "flat.png", np.repeat(gradient()[:1], 79, axis=1)[:, :5000])
    for name, value in (("all black.png", 0), ("all white.png", 255)):
        _save(folder, name, np.full((SIDE, SIDE, 3), value, np.uint8))
    names = ["one pixel.png", "thin.png", "flat.png", "all black.png", "all white.png"]
    return dict.fromkeys(names, DONE)


def _chunk(kind, content):
    crc = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)


def _claims(folder):
    """Files that claim 10,000,000,000 pixels in a few bytes."""
    header = struct.pack(">IIBBBBB", BOMB_SIDE, BOMB_SIDE, 8, 2, 0, 0, 0)
    body = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(bytes(10_000)))
    (folder / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + body + _chunk(b"IEND", b""))
    path = folder / "bomb.tif"
    tifffile.imwrite(path, gradient(), compression="zlib", metadata=None)
    with tifffile.TiffFile(path, mode="r+") as tiff:
        for tag in ("ImageWidth", "ImageLength", "RowsPerStrip"):
            tiff.pages[0].tags[tag].overwrite(BOMB_SIDE)
    return {
        "bomb.png": failed(f"{BOMB_SIDE}.*pixels"),
        "bomb.tif": failed(f"{BOMB_SIDE}.*pixels|damaged|truncated"),
    }


def _slides(folder):
    _save(folder, "alone.mrxs", gradient(), format="JPEG")
    noise = np.random.default_rng(2).integers(0, 256, (512, 512, 3), dtype=np.uint8)
    path = folder / "cut.svs"
    description = "Aperio Image Library v11.2.1\r\n512x512 (256x256) JPEG|AppMag = 20|MPP = 0.5"
    tifffile.imwrite(
        path, noise, tile=(256, 256), photometric="rgb", description=description, metadata=None
    )
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    (folder / "text named.ndpi").write_text("no slide at all", encoding="utf-8")
    return {
        "alone.mrxs": failed("alone|companion|folder"),
        "cut.svs": failed("damaged|truncated|cannot be"),
        "text named.ndpi": failed("not|damaged|cannot"),
    }


def _names(folder):
    names = [
        "new\nline.png",
        "snail 🐌.png",
        "quote'; DROP TABLE items --.png",
        " lead.png",
        "%20.png",
    ]
    names += ["Ünïcödé.png", "#1,2,3,4.png", "UPPER.PNG", "many.dots.in.it.jpeg"]
    for name in names:
        _save(folder, name, gradient())
    hidden = ["._mac resource.png", ".hidden.png"]
    for name in hidden:
        (folder / name).write_bytes(b"\0\5\26\7")
    with contextlib.suppress(OSError, UnicodeError):
        healthy = (folder / "healthy.png").read_bytes()
        Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.png")).write_bytes(healthy)
        names.append(r"caf\xe9.png")
    return {**dict.fromkeys(names, DONE), **dict.fromkeys(hidden, REFUSED)}


def _not_files(folder):
    inner = folder / "folder.jpg"
    inner.mkdir()
    _save(inner, "inside.png", gradient())
    expected = {"folder.jpg": REFUSED, "folder.jpg/inside.png": DONE}
    links = {"loop": ".", "itself.png": "itself.png", "nowhere.png": "gone.png"}
    for name, target in links.items():
        (folder / name).symlink_to(target)
    os.mkfifo(folder / "pipe.png")
    expected |= dict.fromkeys([*links, "pipe.png"], REFUSED)
    if os.geteuid() != 0:
        _save(folder, "locked.png", gradient())
        (folder / "locked.png").chmod(0)
        expected["locked.png"] = failed("permission")
    return expected
