"""A person looks at a sample slide in a real browser, and goes to QuPath and back."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from georetrieve.stores.lance import IndexStore

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect

CYST = "slide_00.tif#3568,612,156,182"
UM_PER_PX = 0.5


def item_at(index, one):
    """The middle of an item."""
    row = IndexStore.open(index).take([one], ["x", "y", "width", "height"]).to_pylist()[0]
    return row["x"] + row["width"] / 2, row["y"] + row["height"] / 2


class Slide:
    """The viewer of a tab."""

    def __init__(self, tab, url):
        self.tab = tab
        tab.goto(url)
        self.host, self.canvas = tab.locator(".viewer"), tab.locator(".viewer canvas")
        self.ready()

    def ready(self):
        expect(self.host).to_have_attribute("data-ready", "true")
        expect(self.host).not_to_have_attribute("data-shapes", "")

    def zoomed_in(self):
        """Wait until less than 1500 pixels of the image are seen across."""
        narrow = re.compile(r"^\S+ \S+ (\d{1,3}|1[0-4]\d\d)\.")
        expect(self.host).to_have_attribute("data-view", narrow)
        self.ready()

    @property
    def view(self):
        """(x, y, width, height) that is seen, pixels of the image."""
        return [float(side) for side in self.host.get_attribute("data-view").split()]

    @property
    def scale(self):
        return float(self.host.get_attribute("data-scale"))

    def on_screen(self, x, y):
        box, view = self.canvas.bounding_box(), self.view
        return box["x"] + (x - view[0]) * self.scale, box["y"] + (y - view[1]) * self.scale

    def drag(self, start, end):
        start, end = self.on_screen(*start), self.on_screen(*end)
        self.tab.mouse.move(*start)
        self.tab.mouse.down()
        self.tab.mouse.move(*end, steps=5)
        self.tab.mouse.up()


@pytest.fixture(scope="module")
def started(served, browser):
    """The server, when it has answered for the first page; links to others work from then on."""
    page = browser.new_page()
    page.goto(served.url)
    expect(page.get_by_role("link", name="Slide")).to_be_visible()
    page.close()
    return served


def test_zoom_click_a_specimen_and_ask_for_its_neighbours(tab, started, sample_slides):
    slide = Slide(tab, f"{started.url}/slide?file=slide_00.tif")
    expect(slide.host).to_have_attribute("data-shapes", "128")
    assert slide.view[2] >= 4096 or slide.view[3] >= 3072  # all of it
    place = item_at(sample_slides, CYST)
    tab.mouse.move(*slide.on_screen(*place))
    before = slide.on_screen(*place)
    tab.mouse.wheel(0, -900)
    slide.zoomed_in()
    # What was under the pointer still is.
    assert slide.on_screen(*place) == pytest.approx(before, abs=2)
    bar = tab.locator(".bar .length")
    length = re.fullmatch(r"(\d+) µm", bar.inner_text())
    width = bar.bounding_box()["width"]
    assert int(length[1]) == pytest.approx(width / slide.scale * UM_PER_PX, rel=0.02)
    tab.mouse.click(*slide.on_screen(*place))
    expect(tab.get_by_text("specimen, 78 × 91 µm")).to_be_visible()
    expect(tab).to_have_url(re.compile("item="))
    assert parse_qs(urlsplit(tab.url).query)["item"] == [CYST]
    assert slide.view[2] < 1500  # the view stays
    tab.get_by_role("button", name="Find neighbours").click()
    expect(tab).to_have_url(re.compile(r"/query\?.*like="))
    assert parse_qs(urlsplit(tab.url).query)["like"] == [CYST]


def test_an_item_asked_for_is_zoomed_to_and_the_view_is_kept(tab, started, sample_slides):
    slide = Slide(tab, f"{started.url}/slide?item={CYST.replace('#', '%23')}")
    x, y, width, height = slide.view
    across, down = item_at(sample_slides, CYST)
    assert width < 1500
    assert (x + width / 2, y + height / 2) == pytest.approx((across, down), abs=3)
    slide.canvas.focus()
    tab.keyboard.press("ArrowLeft")
    tab.keyboard.press("ArrowLeft")
    expect(slide.host).not_to_have_attribute("data-view", re.compile(f"^{x:.2f} "))
    slide.ready()
    moved = slide.view
    tab.get_by_role("link", name="Browse").click()
    expect(tab.locator(".card").first).to_be_visible()
    tab.get_by_role("link", name="Slide").click()
    slide.ready()
    assert slide.view == pytest.approx(moved, abs=0.1)
    slide.canvas.focus()
    tab.keyboard.press("0")
    expect(slide.host).to_have_attribute("data-view", re.compile(r" 4096\.00| 3072\.00"))


def test_a_class_is_hidden_by_its_entry_of_the_legend(tab, started):
    slide = Slide(tab, f"{started.url}/slide?file=slide_00.tif")
    entry = tab.get_by_role("button", name="bisaccate_pollen")
    expect(entry).to_have_attribute("aria-pressed", "true")
    entry.click()
    expect(slide.host).to_have_attribute("data-shapes", "112")
    expect(tab).to_have_url(re.compile("hide=bisaccate_pollen"))
    expect(tab.get_by_text("112 of 128 items")).to_be_visible()


def test_region_is_drawn_changed_and_asked_for(tab, started):
    slide = Slide(tab, f"{started.url}/slide?file=slide_00.tif")
    tab.get_by_text("Draw a region").click()
    expect(slide.host).to_have_attribute("data-mode", "region")
    slide.drag((1000, 1000), (1800, 1600))
    expect(
        tab.get_by_text(re.compile("A region of 400 × 300 µm|A region of 40[01] × 30[01] µm"))
    ).to_be_visible()
    slide.drag((1800, 1600), (2200, 1600))  # a corner
    expect(tab.get_by_text(re.compile(r"A region of 60[01] × 30[01] µm"))).to_be_visible()
    tab.get_by_role("button", name="Find what looks like it").click()
    expect(tab).to_have_url(re.compile(r"/query\?(?=.*region=).*of="))
    asked = parse_qs(urlsplit(tab.url).query)
    x, y, width, height = map(int, asked["region"][0].split(","))
    assert (x, y, width, height) == pytest.approx((1000, 1000, 1200, 600), abs=8)
    assert asked["of"][0].startswith("slide_00.tif#")


def test_labels_go_to_qupath_and_come_back(tab, served_own, tmp_path):
    tab.goto(served_own.url)
    expect(tab.locator(".card").first).to_be_visible()
    slide = Slide(tab, f"{served_own.url}/slide?file=slide_00.tif")
    tab.get_by_role("button", name="QuPath").click()
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Download GeoJSON").click()
    collection = json.loads(download.value.path().read_text(encoding="utf-8"))
    assert download.value.suggested_filename == "slide_00.tif.geojson"
    assert len(collection["features"]) == 128
    named = "<img src=x onerror=alert(1)> :red[b] $x$"
    changed = next(
        one for one in collection["features"] if one["properties"]["metadata"]
        == {"georetrieve item": CYST}
    )  # fmt: skip
    changed["properties"]["classification"]["name"] = named
    back = tmp_path / "back.geojson"
    back.write_text(json.dumps(collection), encoding="utf-8")
    tab.locator("input[type=file]").set_input_files(back)
    expect(tab.get_by_text("Of the labels, 1 would change")).to_be_visible()
    tab.get_by_role("button", name="Give 1 label").click()
    expect(tab.get_by_text("1 item labelled: <img src=x onerror=alert(1)>")).to_be_visible()
    expect(tab.get_by_role("button", name=named)).to_be_visible()  # of the legend, as text
    slide.ready()
    row = IndexStore.open(served_own.index).take([CYST], ["label"]).to_pylist()[0]
    assert row["label"] == named


def test_what_was_drawn_in_qupath_around_nothing_becomes_items(tab, served_own, tmp_path):
    def drawn(x, y, width, height, name):
        corners = [[x, y], [x + width, y], [x + width / 2, y + height], [x, y]]
        geometry = {"type": "Polygon", "coordinates": [corners]}
        named = {"classification": {"name": name, "color": [1, 2, 3]}}
        return {"type": "Feature", "geometry": geometry, "properties": named}

    tab.goto(served_own.url)
    expect(tab.locator(".card").first).to_be_visible()
    slide = Slide(tab, f"{served_own.url}/slide?file=slide_00.tif")
    expect(slide.host).to_have_attribute("data-shapes", "128")
    back = tmp_path / "drawn.geojson"
    two = [drawn(1940, 1460, 120, 80, "megaspore"), drawn(2240, 1520, 120, 160, "megaspore")]
    back.write_text(json.dumps([*two, drawn(-900, 10, 300, 90, "megaspore")]), encoding="utf-8")
    tab.get_by_role("button", name="QuPath").click()
    tab.locator("input[type=file]").set_input_files(back)
    expect(tab.get_by_text("Cannot become items: 1 more than half outside")).to_be_visible()
    tab.get_by_role("button", name="Add 2 as items").click()
    expect(tab.get_by_text("2 items added. 2 items labelled: megaspore")).to_be_visible()
    expect(slide.host).to_have_attribute("data-shapes", "130")
    expect(tab.get_by_role("button", name="megaspore")).to_be_visible()  # of the legend
    slide.ready()
    tab.mouse.click(*slide.on_screen(2000, 1490))
    expect(tab.get_by_text("specimen, 67 × 47 µm")).to_be_visible()
    tab.get_by_role("button", name="Find neighbours").click()
    expect(tab).to_have_url(re.compile(r"/query\?.*like="))
    expect(tab.locator(".card").first).to_be_visible()
    assert IndexStore.open(served_own.index).count("label = 'megaspore'") == 2


def test_why_tiles_fail_is_said_as_text(tab, started):
    why = "slide_00.tif is not there any more; <b>bring it back</b>."
    tab.route(
        re.compile("/tile|/lent/"), lambda route: route.fulfill(status=404, json={"error": why})
    )
    tab.goto(f"{started.url}/slide?file=slide_00.tif")
    alert = tab.locator(".viewer .trouble")
    expect(alert).to_contain_text(why)
    tab.unroute(re.compile("/tile|/lent/"))
    alert.get_by_role("button", name="Try again").click()
    expect(alert).to_be_hidden()
    expect(tab.locator(".viewer")).to_have_attribute("data-ready", "true")
    expect(tab.locator(".viewer")).to_have_attribute("data-shapes", "128")
