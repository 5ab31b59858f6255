"""A person looks for what looks like something, in a real browser."""

import base64
import re
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from trained_dual import ores_index, trained_weights

from georetrieve.stores.lance import IndexStore

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect

SPECIMEN = "slide_00.tif#2464,16,126,148"
PASTED = "<img src=x onerror=alert(1)>.png"
PASTE = """([data, name]) => {
  const bytes = Uint8Array.from(atob(data), (sign) => sign.charCodeAt(0));
  const clipboardData = new DataTransfer();
  clipboardData.items.add(new File([bytes], name, { type: "image/png" }));
  document.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
}"""


@pytest.fixture
def pictures(sample_slides):
    """Image files of the sample slides."""
    root = Path(IndexStore.open(sample_slides).manifest.sources[0].root)
    return sorted(root.glob("crops/massula/*.png"))


def cards(tab):
    return tab.locator(".card")


def parts(tab):
    return tab.locator(".part")


def act(card, name):
    card.hover()
    card.locator(f"[data-action={name}]").click()


def explained(dialog):
    """The first time the encoder is loaded, and what draws."""
    overlay = dialog.locator("img")
    expect(overlay).to_have_js_property("naturalWidth", 1000, timeout=60_000)
    expect(dialog.get_by_text("Squares of one number and colour")).to_be_visible()


def test_more_like_this_and_less_like_that(tab, served):
    tab.goto(served.url)
    cards(tab).first.locator("img").click()
    expect(parts(tab)).to_have_count(1)
    expect(cards(tab)).to_have_count(24)
    expect(cards(tab).first.locator("img")).to_have_js_property("naturalWidth", 160)
    first, last = (cards(tab).nth(place).get_attribute("data-id") for place in (0, 23))
    act(cards(tab).first, "more")
    expect(parts(tab)).to_have_count(2)
    expect(tab.locator(f'.card[data-id="{first}"]')).to_have_count(0)  # it is in the query now
    act(tab.locator(f'.card[data-id="{last}"]'), "less")
    expect(parts(tab)).to_have_count(3)
    expect(tab).to_have_url(re.compile(r"unlike=" + quote(last, safe="")))
    parts(tab).last.get_by_title(re.compile("Less like this")).click()
    expect(tab).not_to_have_url(re.compile("unlike="))
    parts(tab).last.get_by_title(re.compile("Counts 1×")).click()
    expect(parts(tab).last.locator(".weigh")).to_have_text("2×")
    expect(tab).to_have_url(re.compile("weights=1(,|%2C)1(,|%2C)2"))
    parts(tab).first.get_by_title(re.compile("out of the query")).click()
    expect(parts(tab)).to_have_count(2)
    tab.reload()
    expect(parts(tab)).to_have_count(2)
    expect(parts(tab).last.locator(".weigh")).to_have_text("2×")
    tab.get_by_role("button", name="Clear").click()
    expect(tab.get_by_text("Drop, paste or upload an image")).to_be_visible()


def test_own_slide_is_left_out_and_ticks_are_kept(tab, served):
    asked = {"like": SPECIMEN, "where": "kind = 'specimen'", "k": 12}
    tab.goto(f"{served.url}/query?{urlencode(asked)}")
    expect(cards(tab)).to_have_count(12)
    own = tab.locator('.card[data-id^="slide_00.tif"]')
    expect(own.first).to_be_visible()
    tab.get_by_text("Leave out the query's own slide").click()
    expect(own).to_have_count(0)
    expect(cards(tab)).to_have_count(12)
    for place in range(2):
        cards(tab).nth(place).hover()
        cards(tab).nth(place).locator(".tick").click()
        expect(tab.get_by_role("link", name=f"Label the {place + 1} ticked")).to_be_visible()
    with tab.expect_download() as download:
        tab.get_by_role("button", name="CSV").click()
    lines = download.value.path().read_text(encoding="utf-8").splitlines()
    assert len(lines) == 13
    assert lines[0].startswith("rank,id,score")


def test_a_neighbour_is_enlarged_and_explained(tab, served):
    tab.goto(f"{served.url}/query?like={quote(SPECIMEN)}&k=6")
    second = cards(tab).nth(1).get_attribute("data-id")
    cards(tab).first.locator("img").click()
    dialog = tab.get_by_role("dialog")
    expect(dialog.locator("canvas").first).to_be_visible()
    expect(dialog.get_by_text("1 of 6")).to_be_visible()
    dialog.get_by_role("button", name="Next").click()
    expect(dialog.get_by_text("2 of 6")).to_be_visible()
    expect(dialog.get_by_text(second)).to_be_visible()
    dialog.get_by_role("button", name="Why similar?").click()
    explained(dialog)
    tab.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    act(cards(tab).first, "why")
    explained(dialog)


def test_upload_paste_and_a_region_of_it(tab, served, pictures):
    tab.goto(f"{served.url}/query?k=6")
    tab.get_by_role("button", name="Upload").click()
    tab.locator("input[type=file]").set_input_files(pictures[0])
    expect(parts(tab)).to_have_count(1)
    expect(cards(tab)).to_have_count(6)
    expect(cards(tab).first.locator(".label")).to_have_text("massula")
    tab.evaluate(PASTE, [base64.b64encode(pictures[1].read_bytes()).decode(), PASTED])
    expect(parts(tab)).to_have_count(2)
    expect(parts(tab).last.locator(".name")).to_have_text(PASTED)
    expect(parts(tab).last.locator("img")).to_have_js_property("naturalWidth", 160)
    parts(tab).first.get_by_title(re.compile("out of the query")).click()
    expect(parts(tab)).to_have_count(1)
    parts(tab).first.get_by_title(re.compile("draw a region")).click()
    viewer = tab.get_by_role("dialog").locator(".viewer")
    expect(viewer).to_have_attribute("data-ready", "true")
    expect(viewer).to_have_attribute("data-mode", "region")
    canvas = viewer.locator("canvas").first
    box = canvas.bounding_box()
    middle = box["x"] + box["width"] / 2
    tab.mouse.move(middle - 100, box["y"] + 80)
    tab.mouse.down()
    tab.mouse.move(middle + 100, box["y"] + 300, steps=4)
    tab.mouse.up()
    tab.get_by_role("button", name="Look for this region").click()
    expect(tab).to_have_url(re.compile(r"region=\d+%2C\d+%2C\d+%2C\d+&of=upload"))
    expect(parts(tab).first.locator("img")).to_have_attribute("src", re.compile("^data:image/webp"))
    expect(tab.locator(".stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(cards(tab)).to_have_count(6)
    act(cards(tab).first, "why")
    explained(tab.get_by_role("dialog"))


def test_a_file_that_is_too_large_is_refused(tab, served, tmp_path):
    scan = tmp_path / "scan.tif"
    with scan.open("wb") as file:
        file.truncate(200 << 20)
    tab.goto(f"{served.url}/query")
    tab.get_by_role("button", name="Upload").click()
    tab.locator("input[type=file]").set_input_files(scan)
    expect(tab.get_by_text(re.compile(r"64(\.0)? ?MB or smaller"))).to_be_visible()
    expect(parts(tab)).to_have_count(0)


def test_uploads_go_with_the_server(tab, serve, sample_slides, pictures, tmp_path, monkeypatch):
    kept = tmp_path / "temporary"
    kept.mkdir()
    monkeypatch.setenv("TMPDIR", str(kept))
    running = serve(sample_slides)
    tab.goto(f"{running.url}/query")
    tab.get_by_role("button", name="Upload").click()
    tab.locator("input[type=file]").set_input_files(pictures[0])
    expect(parts(tab)).to_have_count(1)
    (folder,) = kept.glob("georetrieve-uploads-*")
    assert [path.read_bytes() for path in folder.iterdir()] == [pictures[0].read_bytes()]
    running.stop()  # by SIGTERM
    assert not folder.exists()


@pytest.fixture
def served_ores(serve):
    """The page over sections whose encoder takes words."""
    script = Path(__file__).with_name("with_captioned_encoder.py")
    return serve(ores_index(), program=(str(script), str(trained_weights())))


def test_words(tab, served_ores):
    tab.goto(f"{served_ores.url}/query")
    words = tab.get_by_placeholder("Words")
    words.fill("lead glance")
    words.press("Enter")
    expect(tab.get_by_text("of the 52 nearest fit the words")).to_be_visible()
    for place in range(4):
        expect(cards(tab).nth(place).locator(".label")).to_have_text("galena")
    words.fill("covellite")
    words.press("Enter")
    expect(tab.get_by_text("Nothing here shows “covellite”")).to_be_visible()
    expect(cards(tab)).to_have_count(0)
    tab.get_by_text("Show what does not fit, too", exact=True).click()
    expect(cards(tab)).to_have_count(24)
