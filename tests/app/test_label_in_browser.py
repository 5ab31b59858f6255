"""A person labels items of the sample slides, in a real browser."""

import csv
import re
from collections import Counter

import pytest

from georetrieve.labelling import give_labels, label_history
from georetrieve.stores.lance import IndexStore

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect

HOSTILE = "<img src=x onerror=alert(1)> **a** :red[b]"


@pytest.fixture
def desk(tab, served_own):
    """The label page; nothing on the first slide is labelled yet."""
    index = served_own.index
    table = IndexStore.open(index).scan(["id", "label"], "group = 'slide_00.tif'")
    give_labels(index, dict.fromkeys(table.column("id").to_pylist()), who="ada")
    tab.index, tab.truth = index, Counter(table.column("label").to_pylist())
    tab.goto(served_own.url)
    tab.get_by_role("link", name="Label").click()
    return tab


def queue(tab, name, told):
    tab.get_by_test_id("stButtonGroup").get_by_text(name, exact=True).click()
    expect(tab.get_by_text(f"items · {told}")).to_be_visible()
    settle(tab)


def settle(tab):
    """Wait for the gallery, which comes after what is over it."""
    expect(tab.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def cards(tab):
    return tab.locator(".card")


def toast(tab, text):
    expect(tab.get_by_test_id("stToast").filter(has_text=text).first).to_be_visible()
    settle(tab)


def labels(tab, ids):
    return IndexStore.open(tab.index).take(ids, ["label"]).column("label").to_pylist()


def tick(tab, count):
    """Tick the first cards, quickly, one after the other; their ids and suggestions."""
    some = [cards(tab).nth(place) for place in range(count)]
    for card in some:
        card.locator("img").click()
    expect(tab.get_by_role("button", name=f"Untick {count}")).to_be_enabled()
    ids = [card.get_attribute("data-id") for card in some]
    return ids, [card.locator(".label").text_content() for card in some]


def test_ten_items_are_labelled_undone_and_exported(desk):
    queue(desk, "No label", "All without a label")
    ids, suggested = tick(desk, 10)
    assert labels(desk, ids) == [None] * 10
    before = IndexStore.open(desk.index).count("label IS NOT NULL")
    desk.get_by_role("textbox", name="Your name").fill("grace")
    desk.get_by_role("textbox", name="Your name").press("Enter")
    desk.get_by_role("button", name="Accept 10 suggested").click()
    toast(desk, "10 items labelled")
    expect(desk.get_by_text(f"{before + 10} of 473 labelled")).to_be_visible()
    assert labels(desk, ids) == suggested

    desk.get_by_role("button", name="History").click()
    newest = desk.get_by_role("dialog")
    expect(newest).to_contain_text("suggested, accepted")
    expect(newest).to_contain_text("grace")
    desk.keyboard.press("Escape")
    desk.get_by_role("button", name="Download").click()
    with desk.expect_download() as getting:
        desk.get_by_role("button", name="Only those given here").click()
    with getting.value.path().open(encoding="utf-8", newline="") as stream:
        rows = {row["path"]: row for row in csv.DictReader(stream)}
    assert sorted(rows) == sorted(ids)
    assert {row["labelled_by"] for row in rows.values()} == {"grace"}
    assert [rows[one]["label"] for one in ids] == suggested

    desk.keyboard.press("Escape")
    desk.get_by_role("button", name="Undo").click()
    toast(desk, "Taken back what grace said")
    assert labels(desk, ids) == [None] * 10
    assert [act["undone"] for act in label_history(desk.index)] == [True, False]


def test_all_suggestions_above_a_threshold_are_accepted_in_one_act(desk):
    queue(desk, "Sure", "Suggested with that share")
    button = desk.get_by_role("button", name=re.compile(r"Accept all \d+"))
    expect(button).to_be_visible()
    count = int(re.search(r"\d+", button.text_content()).group())
    button.click()
    dialog = desk.get_by_role("dialog")
    expect(dialog).to_contain_text("One act: Undo takes all of it back.")
    dialog.get_by_role("button", name=f"Label {count} items").click()
    toast(desk, f"{count} items labelled")
    act = label_history(desk.index)[0]
    assert (act["how"], act["items"]) == ("suggested", count)
    assert count > 60
    # The sample slides are easy: what is accepted is right.
    table = IndexStore.open(desk.index).scan(["label"], "group = 'slide_00.tif'")
    given = Counter(filter(None, table.column("label").to_pylist()))
    assert sum((given - desk.truth).values()) <= 2

    desk.get_by_role("button", name="History").click()
    desk.get_by_role("dialog").get_by_role("button", name="Undo").first.click()
    toast(desk, "Taken back")
    table = IndexStore.open(desk.index).scan(["label"], "group = 'slide_00.tif'")
    assert not any(table.column("label").to_pylist())


def test_keys_label_and_a_new_label_is_shown_as_it_is(desk):
    queue(desk, "No label", "All without a label")
    cards(desk).nth(0).locator("img").click()
    cards(desk).nth(4).locator("img").click(modifiers=["Shift"])  # a range
    expect(desk.get_by_role("button", name="Untick 5")).to_be_enabled()
    ids = [cards(desk).nth(place).get_attribute("data-id") for place in range(5)]
    box = desk.get_by_role("combobox", name="Label to give")
    box.fill(HOSTILE)
    box.press("Enter")
    desk.get_by_role("button", name="Label 5").click()
    toast(desk, f"5 items labelled: {HOSTILE.partition(':')[0]}")
    assert labels(desk, ids) == [HOSTILE] * 5
    assert not desk.locator("img[src=x]").count()

    ids, _ = tick(desk, 2)
    first = desk.locator(".st-key-digit_1 button").text_content().removesuffix("1")
    desk.keyboard.press("1")
    toast(desk, f"2 items labelled: {first}")
    assert labels(desk, ids) == [first.replace("\N{WORD JOINER}", "")] * 2
    desk.keyboard.press("u")
    toast(desk, "Taken back")
    assert labels(desk, ids) == [None] * 2

    # A key pressed before the page knows of the last tick means that one too.
    for card in (cards(desk).nth(place) for place in range(3)):
        card.locator("img").click()
    desk.keyboard.press("1")
    toast(desk, f"3 items labelled: {first}")


def test_keys_mean_what_was_ticked_when_they_were_pressed(desk):
    queue(desk, "No label", "All without a label")
    names = [desk.locator(f".st-key-digit_{digit} button").text_content()[:-1] for digit in (1, 2)]
    ids = [cards(desk).nth(place).get_attribute("data-id") for place in range(6)]
    for first, digit in ((0, "1"), (3, "2")):  # and wait for nothing
        for place in range(first, first + 3):
            cards(desk).nth(place).locator("img").click()
        desk.keyboard.press(digit)
    cards(desk).nth(6).locator("img").click()  # not meant by any key
    expect(desk.get_by_role("button", name="Untick 1", exact=False)).to_be_enabled()
    toast(desk, f"3 items labelled: {names[1]}")
    assert labels(desk, ids) == [names[0]] * 3 + [names[1]] * 3
