"""Pictures of maps: colours, legend, scale bar."""

import numpy as np
import pytest
from PIL import Image

from georetrieve.reports.maps.pictures import (
    LegendRow,
    colour_overlay,
    compose,
    shrunk_image,
    uncertainty_picture,
)
from georetrieve.reports.maps.scale_bar import bar_length, length_text


@pytest.mark.parametrize(
    ("width", "um_per_px", "length", "label"),
    [
        (1000, 2.5, 200, "500 µm"),
        (1000, 4.0, 250, "1 mm"),
        (1000, 0.1, 200, "20 µm"),
        (1000, 60.0, 1e4 / 60, "1 cm"),
        (1000, 0.001, 200, "200 nm"),
        (1000, None, 200, "200 px"),
        (3, None, 1, "1 px"),
    ],
)
def test_scale_bars_are_round_and_at_most_a_quarter(width, um_per_px, length, label):
    found, words = bar_length(width, um_per_px)
    assert found == pytest.approx(length)
    assert words == label


def test_lengths_are_said_in_the_unit_people_use():
    words = [length_text(um) for um in (0.5, 1, 500, 1000, 20_000)]
    assert words == ["500 nm", "1 µm", "500 µm", "1 mm", "2 cm"]


def test_classes_are_drawn_over_the_image_and_void_is_not(table):
    grey = Image.new("RGB", (6, 2), (100, 100, 100))
    classes = np.array([[1] * 5 + [-1]] * 2, np.int32)
    found = np.asarray(colour_overlay(grey, classes, table))
    assert found[0, 0].tolist() == [165, 130, 50]  # half of it, half of (230, 159, 0)
    assert found[0, 4].tolist() == [217, 153, 10], "a border is nearly the pure colour"
    assert found[0, 5].tolist() == [100, 100, 100]


def test_a_larger_map_is_averaged_down(table):
    grey = Image.new("RGB", (1, 1), (100, 100, 100))
    found = np.asarray(colour_overlay(grey, np.full((4, 4), 1, np.int32), table))
    assert found.tolist() == [[[165, 130, 50]]]


def test_uncertainty_goes_from_dark_to_bright():
    image, rows = uncertainty_picture(np.array([[0, 255]], np.uint8), (2, 1))
    pixels = np.asarray(image).astype(int)
    assert pixels[0, 0].sum() < 20
    assert pixels[0, 1].sum() > 600
    assert rows[0].colour == tuple(pixels[0, 1])


def test_a_page_holds_the_picture_a_bar_and_the_legend():
    picture = Image.new("RGB", (800, 600), (0, 90, 0))
    rows = [
        LegendRow("quartz", (250, 0, 0), "12.5 %", "1 mm²"),
        LegendRow("x" * 99, (0, 0, 250), ""),
    ]
    page = compose(picture, rows, title="a" * 200, lines=["one"], um_per_px=1.0)
    pixels = np.asarray(page)
    assert page.size == (800 + 300 + 3 * 24, 600 + 2 * 24)
    assert (pixels[30, 30] == (0, 90, 0)).all()
    white = (pixels[24:624, 24:824] == 255).all(axis=2)
    assert white[:, :].any(axis=0).sum() >= 200, "the bar of 200 px"
    for colour in ((250, 0, 0), (0, 0, 250)):
        assert (pixels == colour).all(axis=2).sum() >= 18 * 18
    assert (pixels[:, -10:] == 255).all(), "nothing runs off the page"


def test_a_tiny_picture_is_enlarged_and_a_long_legend_cut():
    rows = [LegendRow(str(number), (250, 0, number), "") for number in range(60)]
    page = compose(Image.new("RGB", (10, 5)), rows, title="t", lines=[], um_per_px=None)
    pixels = np.asarray(page)
    assert page.width > 640 + 300
    drawn = [row for row in rows if (pixels == row.colour).all(axis=2).any()]
    assert 2 <= len(drawn) < 60


def test_an_image_is_shrunk_from_blocks(field):
    assert shrunk_image(field((900, 300)), (90, 30)).size == (90, 30)
