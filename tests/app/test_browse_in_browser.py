"""A person leafs through the sample slides, in a real browser."""

import re

import pytest

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect


def cards(tab):
    return tab.locator(".card")


def test_first_page_filter_and_sort(tab, served):
    tab.goto(served.url)
    expect(cards(tab)).to_have_count(48)
    expect(cards(tab).locator("img").first).to_have_js_property("naturalWidth", 160)
    tab.get_by_role("textbox", name="Expression").fill("kind = 'specimen'")
    tab.get_by_role("textbox", name="Expression").press("Enter")
    expect(tab.get_by_text(re.compile(r"\d+ items · page 1 of"))).to_be_visible()
    expect(tab).to_have_url(re.compile("where="))
    tab.reload()
    expect(tab.get_by_role("textbox", name="Expression")).to_have_value("kind = 'specimen'")


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
