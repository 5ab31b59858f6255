"""A person leafs through the sample slides, in a real browser."""

import re

import pytest

from georetrieve.stores.lance import IndexStore

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect
expect.set_options(timeout=15_000)


def cards(tab):
    return tab.locator(".card")


def told(tab, text):
    return expect(tab.get_by_text(re.compile(text)))


def choose(tab, name, option):
    box = tab.get_by_role("combobox", name=name)
    found = tab.get_by_role("option", name=option, exact=True)
    for _ in range(20):  # a list closes when what it belongs to is moved by what comes above it
        if found.is_visible():
            break
        box.click()
        tab.wait_for_timeout(500)
    found.click()
    tab.keyboard.press("Escape")


def test_first_page_filter_and_sort(tab, served):
    tab.goto(served.url)
    expect(cards(tab)).to_have_count(48)
    expect(cards(tab).locator("img").first).to_have_js_property("naturalWidth", 160)
    tab.get_by_role("textbox", name="Expression").fill("kind = 'specimen'")
    tab.get_by_role("textbox", name="Expression").press("Enter")
    told(tab, r"\d+ items · page 1 of").to_be_visible()
    expect(tab).to_have_url(re.compile("where="))
    tab.reload()
    expect(tab.get_by_role("textbox", name="Expression")).to_have_value("kind = 'specimen'")


def test_label_and_column_then_sorted_then_cleared(tab, served, sample_slides):
    sizes = IndexStore.open(sample_slides).scan(["area_um2"], "label = 'massula'")
    largest = max(filter(None, sizes.column("area_um2").to_pylist()))
    tab.goto(served.url)
    choose(tab, "Label", "massula")
    told(tab, "^36 items · page").to_be_visible()
    tab.get_by_text("Columns", exact=True).click()
    choose(tab, "Further columns", "area_um2")
    smallest = tab.get_by_role("slider", name="area um2").first
    for _ in range(3):
        smallest.press("PageUp")
    expect(tab).to_have_url(re.compile("in_area_um2=.*label=massula"))
    choose(tab, "Sort by", "area_um2")
    tab.get_by_text("Falling").click()
    expect(tab).to_have_url(re.compile("falling=true"))
    expect(cards(tab).first).to_have_attribute("title", re.compile(f"area um2: {largest:.4g}"))
    areas = [
        float(re.search(r"area um2: ([\d.]+)", title).group(1))
        for title in cards(tab).evaluate_all("all => all.map(card => card.title)")
    ]
    assert areas == sorted(areas, reverse=True)
    assert 0 < len(areas) < 36
    tab.get_by_text("Condition", exact=True).click()
    told(tab, "`label` IN").to_be_visible()
    tab.get_by_role("button", name="Clear the filters").click()
    told(tab, "^473 items · page").to_be_visible()
    expect(tab).not_to_have_url(re.compile("label=|in_area|columns="))


def test_ten_ticked_over_two_pages_are_looked_for(tab, served):
    tab.goto(f"{served.url}/?size=24")
    for place in range(5):
        cards(tab).nth(place).hover()
        cards(tab).nth(place).locator(".tick").click()
    expect(tab.get_by_role("button", name="Untick 5")).to_be_visible()
    first = cards(tab).first.get_attribute("data-id")
    tab.get_by_role("button", name="Page 2", exact=True).click()
    told(tab, "page 2 of 20").to_be_visible()
    expect(cards(tab).first).not_to_have_attribute("data-id", first)
    cards(tab).nth(3).hover()
    cards(tab).nth(3).locator(".tick").click()
    expect(tab.get_by_role("button", name="Untick 6")).to_be_visible()
    cards(tab).nth(6).hover()
    cards(tab).nth(6).locator(".tick").click(modifiers=["Shift"])
    expect(tab.get_by_role("button", name="Untick 9")).to_be_visible()
    cards(tab).nth(7).focus()
    tab.keyboard.press("Space")
    tab.get_by_role("button", name="Find like 10").click()
    expect(tab).to_have_url(re.compile(r"/query\?(.*like=){10}"))


def test_a_page_ticked_by_a_key_is_taken_to_labelling(tab, served):
    tab.goto(f"{served.url}/?size=24&label=massula")
    expect(cards(tab)).to_have_count(24)
    tab.keyboard.press("t")
    expect(tab.get_by_role("button", name="Find like 24")).to_be_enabled()
    tab.get_by_role("button", name="Label 24").click()
    expect(tab).to_have_url(re.compile("/label"))
    expect(tab.get_by_role("radio", name="Ticked")).to_be_checked()
    expect(tab.get_by_text(re.compile("^24 items · What you ticked"))).to_be_visible()


def test_page_beyond_the_last_of_what_is_left(tab, served):
    tab.goto(f"{served.url}/?page=6&label=massula")
    told(tab, r"^36 items · page 1 of 1").to_be_visible()
    expect(cards(tab)).to_have_count(36)


def test_enlarged_and_the_next(tab, served):
    tab.goto(f"{served.url}/?where=kind+%3D+%27specimen%27")
    cards(tab).first.hover()
    cards(tab).first.locator("[data-action=enlarge]").click()
    dialog = tab.get_by_role("dialog")
    expect(dialog.get_by_text("1 of 48")).to_be_visible()
    dialog.get_by_role("button", name="Next").click()
    expect(dialog.get_by_text("2 of 48")).to_be_visible()


def test_wrong_expression_is_one_sentence(tab, served):
    tab.goto(f"{served.url}/?where=no_such+%3D+1")
    alert = tab.get_by_role("alert")
    expect(alert).to_contain_text("The condition")
    expect(alert).to_contain_text("Columns:")


def test_click_asks_for_neighbours(tab, served):
    tab.goto(served.url)
    first = cards(tab).first
    one = first.get_attribute("data-id")
    first.locator("img").click()
    expect(tab).to_have_url(re.compile(r"/query\?.*like="))
    assert one is not None


def test_the_first_visitor_of_a_server_may_come_to_any_page(tab, serve, sample_slides):
    running = serve(sample_slides)
    tab.goto(f"{running.url}/slide?file=slide_00.tif")
    expect(tab.get_by_role("link", name="Browse")).to_be_visible()
    expect(tab.locator(".viewer")).to_be_visible()
