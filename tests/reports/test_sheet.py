import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from georetrieve.errors import GeoRetrieveError
from georetrieve.reports.sheet import SheetCell, SheetRow, place_text, save_sheet, score_text
from georetrieve.reports.sheet_png import draw_sheet
from georetrieve.reports.theme import DARK, LIGHT


def picture(colour="red", size=(40, 20)):
    return Image.new("RGB", size, colour)


def webp(colour="blue"):
    buffer = io.BytesIO()
    picture(colour).save(buffer, "WEBP", lossless=True)
    return buffer.getvalue()


@pytest.fixture
def rows():
    hits = [
        SheetCell(webp("lime"), "wetzeliella", "a/1.jpg", -3.25, True),
        SheetCell(picture("blue"), "azolla", place_text("slide.svs#10,20,30,40"), -12.345, False),
        SheetCell(None, "", "", 0.5),
    ]
    return [SheetRow(SheetCell(picture(), "wetzeliella", "q.jpg"), hits)]


def has(image, colour):
    return (
        (np.asarray(image) == np.array(Image.new("RGB", (1, 1), colour))[0, 0]).all(axis=-1).any()
    )


def test_picture_shows_every_image_and_verdict(rows, tmp_path):
    path = save_sheet(tmp_path / "deep" / "sheet.png", rows, title="Found", caption="by colour")
    with Image.open(path) as drawn:
        for colour in ("red", "lime", "blue", LIGHT.right, LIGHT.wrong, LIGHT.page):
            assert has(drawn, colour), colour
    dark = draw_sheet(rows, dark=True)
    assert dark.getpixel((0, 0)) == tuple(int(DARK.page[i : i + 2], 16) for i in (1, 3, 5))


def test_long_rows_are_wrapped(rows):
    hit = rows[0].hits[0]
    ten, eleven = (draw_sheet([SheetRow(rows[0].query, [hit] * n)]) for n in (10, 11))
    assert eleven.width == ten.width
    assert eleven.height > 1.7 * ten.height


def test_more_rows_make_it_taller_and_none_is_still_a_picture(rows):
    assert draw_sheet(rows * 3).height > draw_sheet(rows).height
    assert draw_sheet([], title="Nothing").height > 0
    draw_sheet([SheetRow(rows[0].query, [])])


@pytest.mark.parametrize(
    "text", ["", "a", "very/" * 60 + "end.jpg", "nobreak" * 40, "line\nbreak", "日本 ñ µ ✓"]
)
def test_any_text_can_be_drawn(text):
    cell = SheetCell(picture(), text, text, 1e9, True)
    draw_sheet([SheetRow(cell, [cell])], title=text, caption=text)


@pytest.mark.parametrize("size", [(1, 1), (1, 4000), (3000, 1)])
def test_any_shape_can_be_drawn(size):
    cell = SheetCell(picture(size=size))
    draw_sheet([SheetRow(cell, [cell])])


def test_parts_of_a_query_stand_one_below_the_other(rows, tmp_path):
    query, hits = rows[0].query, rows[0].hits
    part = SheetCell(picture("yellow"), remark="less of this")
    one, two = (draw_sheet([SheetRow(query, hits, further)]) for further in ([], [part]))
    assert two.height > 1.7 * one.height
    assert has(two, "yellow")
    page = save_sheet(tmp_path / "s.html", [SheetRow(query, hits, [part])]).read_text("utf-8")
    assert page.count("<img ") == 4
    assert "less of this" in page


def test_any_mode_can_be_drawn(tmp_path):
    cells = [SheetCell(Image.new(mode, (8, 8))) for mode in ("L", "RGBA", "P", "CMYK", "1")]
    for name in ("s.png", "s.html"):
        save_sheet(tmp_path / name, [SheetRow(cells[0], cells)])


def test_bytes_that_are_no_picture_leave_a_blank(tmp_path):
    rows = [SheetRow(SheetCell(b"junk"), [SheetCell(b"")])]
    draw_sheet(rows)
    page = save_sheet(tmp_path / "s.html", rows).read_text(encoding="utf-8")
    assert page.count("no picture") == 2


def test_page_is_one_file_that_loads_nothing(rows, tmp_path):
    page = save_sheet(tmp_path / "s.HTML", rows, title="Found").read_text(encoding="utf-8")
    assert page.count("data:image/webp;base64,") == 3
    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert all(source.startswith("data:") for source in sources)
    assert "url(" not in page
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert "prefers-color-scheme:dark" in page
    first = base64.b64decode(re.search(r"base64,([^\"]+)", page).group(1))
    with Image.open(io.BytesIO(first)) as shown:
        assert shown.size == (40, 20)
    assert "−3.250" in page
    assert "<br>10,<wbr>20,<wbr>30,<wbr>40" in page


def test_everything_is_escaped(tmp_path):
    evil = "\"><script>alert('x')</script><img src=x onerror=alert(1)>&"
    cell = SheetCell(picture(), evil, evil, 1.0, True, remark=evil)
    page = save_sheet(tmp_path / "s.html", [SheetRow(cell, [cell])], title=evil, caption=evil)
    text = page.read_text(encoding="utf-8")
    assert "<script" not in text
    assert "<img src=x" not in text
    assert '""><' not in text
    assert text.count("&lt;script&gt;") >= 8


def test_other_endings_are_refused(rows, tmp_path):
    with pytest.raises(GeoRetrieveError, match=r"'sheet\.pdf': end the name with \.png or \.html"):
        save_sheet(tmp_path / "sheet.pdf", rows)


def test_a_place_that_cannot_be_written(rows, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(GeoRetrieveError, match="cannot be written"):
        save_sheet(tmp_path / "file" / "sheet.png", rows)


@pytest.mark.parametrize(
    ("score", "text"),
    [
        (0.91234, "0.912"),
        (-3.25, "−3.250"),
        (-12.345, "−12.35"),
        (1234.56, "1234.6"),
        (0.0, "0.000"),
    ],
)
def test_scores(score, text):
    assert score_text(score) == text


def test_region_stands_on_its_own_line():
    assert place_text("a#b/s.svs#1,2,3,4") == "a#b/s.svs\n1,2,3,4"
    assert place_text("a/b.jpg") == "a/b.jpg"
