"""A person makes a mineral map of a granite from some clicks, in a real browser."""

import io
import json
import re
import zipfile

import numpy as np
import pytest
from PIL import Image

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect

# Where a person sees them on the sample section; pixels of the image.
CLICKS = {
    "quartz": [(318, 213), (418, 235)],
    "alkali feldspar": [(395, 445), (452, 372)],
    "biotite": [(482, 460), (520, 620)],
}
REGION = (280, 180, 300, 320)
HOSTILE = "<b>opaque</b> **x**"


class Viewer:
    """The viewer of the page, by pixels of the image."""

    def __init__(self, tab):
        self.tab, self.host = tab, tab.locator(".viewer")
        expect(self.host).to_have_attribute("data-ready", "true", timeout=30_000)

    def place(self, x, y):
        box = self.host.bounding_box()
        left, top, _, _ = map(float, self.host.get_attribute("data-view").split())
        scale = float(self.host.get_attribute("data-scale"))
        return box["x"] + (x - left) * scale, box["y"] + (y - top) * scale

    def click(self, x, y):
        self.tab.mouse.click(*self.place(x, y))

    def drag(self, x, y, width, height):
        self.tab.mouse.move(*self.place(x, y))
        self.tab.mouse.down()
        self.tab.mouse.move(*self.place(x + width, y + height), steps=4)
        self.tab.mouse.up()


def row(tab, name):
    return tab.locator(f'.row[data-name="{name}"]')


def add_class(tab, name):
    tab.get_by_label("Add a class").fill(name)
    tab.get_by_label("Add a class").press("Enter")
    expect(row(tab, name)).to_have_attribute("aria-selected", "true")


def choose(tab, name):
    tab.get_by_role("radio", name=name, exact=True).click()


def test_from_clicks_to_a_map_and_its_files(tab, served, tmp_path):
    tab.goto(f"{served.url}/segment")
    viewer = Viewer(tab)
    for name, places in CLICKS.items():
        add_class(tab, name)
        for count, place in enumerate(places, 1):
            viewer.click(*place)
            expect(row(tab, name).locator(".clicks")).to_have_text(re.compile(f"^{count} click"))
    viewer.click(*CLICKS["biotite"][1])  # a click on a click takes it away
    expect(row(tab, "biotite").locator(".clicks")).to_have_text("1 click")
    tab.get_by_role("button", name="Undo").click()
    expect(row(tab, "biotite").locator(".clicks")).to_have_text("2 clicks")
    choose(tab, "Region")
    expect(viewer.host).to_have_attribute("data-mode", "region")
    viewer.drag(*REGION)
    expect(tab.get_by_role("radio", name="Whole image")).to_be_visible()
    expect(tab.get_by_role("radio", name="Region", exact=True).last).to_be_checked()
    tab.get_by_role("button", name="Map", exact=True).click()
    expect(tab.locator(".amount")).to_have_count(3, timeout=90_000)
    shares = [float(text.rstrip(" %")) for text in tab.locator(".amount").all_inner_texts()]
    assert sum(shares) == pytest.approx(100, abs=0.2)
    assert min(shares) > 1

    with tab.expect_download() as download:
        tab.get_by_role("button", name="Take the map away").click()
    archive = tmp_path / "map.zip"
    download.value.save_as(archive)
    with zipfile.ZipFile(archive) as found:
        files = {name.rpartition("_")[2]: found.read(name) for name in found.namelist()}
    ends = "mask.png overlay.png uncertainty.tif uncertainty.png modal.csv modal.json"
    assert set(files) >= {*ends.split(), "outlines.geojson", "clicks.csv", "clicks.segmenter"}
    mask = np.asarray(Image.open(io.BytesIO(files["mask.png"])))
    assert mask.shape == pytest.approx((REGION[3], REGION[2]), abs=3)
    counts = np.bincount(mask.ravel(), minlength=3)
    np.testing.assert_allclose(100 * counts / mask.size, shares, atol=0.1)
    assert len(json.loads(files["outlines.geojson"])["features"]) >= 3
    assert files["clicks.csv"].decode().count("section_00_granite") == 6

    tab.reload()  # nothing is lost
    expect(tab.locator(".amount")).to_have_count(3, timeout=20_000)
    expect(row(tab, "quartz").locator(".clicks")).to_have_text("2 clicks")


def test_whoever_is_faster_than_the_page_loses_no_click(tab, served):
    tab.goto(f"{served.url}/segment?image=section_01_sandstone")
    viewer = Viewer(tab)
    add_class(tab, "pore")
    add_class(tab, "quartz")
    places = [(x, y) for x in range(150, 650, 100) for y in (200, 350)]
    for place in places:
        viewer.click(*place)  # and wait for nothing
    tab.keyboard.press("1")
    for x, y in places[:4]:
        viewer.click(x + 50, y + 60)
    tab.get_by_role("button", name="Undo").click()
    expect(row(tab, "pore").locator(".clicks")).to_have_text("3 clicks")
    expect(row(tab, "quartz").locator(".clicks")).to_have_text("10 clicks")


@pytest.mark.slow
def test_names_are_shown_as_they_are_and_can_be_mended(tab, served):
    tab.goto(f"{served.url}/segment?image=section_01_sandstone")
    Viewer(tab).click(400, 300)
    expect(tab.get_by_text("Name a class first")).to_be_visible()
    add_class(tab, HOSTILE)
    expect(tab.locator(".row .name")).to_have_text(HOSTILE)
    tab.locator(".row .name").dblclick()
    tab.get_by_label(f"New name of {HOSTILE}").fill("pore")
    tab.get_by_label(f"New name of {HOSTILE}").press("Enter")
    expect(tab.locator(".row .name")).to_have_text("pore")
    add_class(tab, "quartz")
    tab.keyboard.press("Escape")
    tab.locator(".viewer canvas").focus()
    tab.keyboard.press("1")
    expect(row(tab, "pore")).to_have_attribute("aria-selected", "true")
    row(tab, "quartz").hover()
    tab.get_by_label("Remove quartz").click()
    expect(tab.locator(".row")).to_have_count(1)
    tab.get_by_role("button", name="Undo").click()
    expect(tab.locator(".row")).to_have_count(2)


@pytest.mark.slow
def test_clicks_outlive_the_server(tab, served_own, serve):
    tab.goto(f"{served_own.url}/segment")
    viewer = Viewer(tab)
    add_class(tab, "quartz")
    for count, place in enumerate(CLICKS["quartz"], 1):
        viewer.click(*place)
        expect(row(tab, "quartz").locator(".clicks")).to_have_text(re.compile(f"^{count} click"))
    tab.goto("about:blank")
    served_own.stop()
    tab.goto(f"{serve(served_own.index).url}/segment")
    Viewer(tab)
    tab.get_by_role("combobox", name="Earlier clicks").click()
    tab.get_by_role("option", name=re.compile("2 clicks")).click()
    expect(row(tab, "quartz").locator(".clicks")).to_have_text("2 clicks")
