"""A person looks at the map of the sample slides, draws round items, and labels them."""

import re

import numpy as np
import pytest

from georetrieve.probes.item_map.kept import kept_map
from georetrieve.probes.item_map.making import make_map
from georetrieve.search import Index
from georetrieve.stores.lance import IndexStore

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect


def open_map(tab, served, **parameters):
    make_map(Index.open(served.index))  # the page does so too, in a process of its own
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    tab.goto(f"{served.url}/map?{query}")
    expect(tab.locator(".map[data-state=ready][data-view]")).to_be_visible(timeout=30_000)


def on_screen(tab, places):
    """Where places of the map are drawn, pixels of the page."""
    x, y, scale = map(float, tab.locator(".map").get_attribute("data-view").split())
    box = tab.locator(".stage").bounding_box()
    middle = np.array([box["x"] + box["width"] / 2, box["y"] + box["height"] / 2])
    return middle + (places - [x, y]) * [scale, -scale]


def draw_round(tab, corners):
    first, *rest = [*corners, corners[0]]
    tab.mouse.move(*first)
    tab.mouse.down()
    for corner in rest:
        tab.mouse.move(*corner, steps=3)
    tab.mouse.up()


def map_and_labels(index):
    store = IndexStore.open(index)
    made = kept_map(store, store.manifest.encoder())
    labels = store.take(made.ids, ["label"]).column("label").to_pylist()
    return made, np.array([label or "" for label in labels])


def test_lasso_and_label_and_undo(tab, served_own):
    open_map(tab, served_own)
    made, labels = map_and_labels(served_own.index)
    spots = on_screen(tab, made.places)
    wanted = spots[labels == "chorate_cyst"]
    (left, top), (right, bottom) = wanted.min(axis=0) - 6, wanted.max(axis=0) + 6
    inside = ((spots > [left, top]) & (spots < [right, bottom])).all(axis=1)
    ids = {one for one, within in zip(made.ids, inside, strict=True) if within}
    assert 10 < len(ids) < len(labels) / 2

    tab.get_by_role("button", name="Draw round items to choose them").click()
    draw_round(tab, [(left, top), (right, top), (right, bottom), (left, bottom)])
    expect(tab.get_by_text(f"{len(ids)} ticked")).to_be_visible()
    expect(tab.locator(".card.chosen").first).to_be_visible()
    expect(tab.locator(".map")).to_have_attribute("data-ticked", str(len(ids)))

    name = "<img src=x onerror=alert(1)> **a** :red[b]"
    give = tab.get_by_role("button", name=f"Label {len(ids)} items")
    expect(give).to_be_visible()  # and so is the last field, which is before it
    field = tab.get_by_role("combobox", name="Label").last
    field.fill(name)
    field.press("Enter")
    give.click()
    expect(tab.locator(".legend .entry", has_text=name)).to_contain_text(str(len(ids)))
    expect(tab.get_by_role("status")).to_contain_text(f"{len(ids)} items: <img src=x")
    made, after = map_and_labels(served_own.index)
    assert {one for one, label in zip(made.ids, after, strict=True) if label == name} == ids

    tab.get_by_role("button", name="Undo").click()
    expect(tab.locator(".legend .entry", has_text=name)).to_have_count(0)
    assert (map_and_labels(served_own.index)[1] == labels).all()


def test_hover_click_legend_and_zoom(tab, served_own):
    open_map(tab, served_own, map_by="label", where="kind = 'specimen'")
    made, labels = map_and_labels(served_own.index)
    field = tab.locator(".map")
    row = int(np.flatnonzero(labels == "leiosphere")[0])
    x, y = on_screen(tab, made.places)[row]
    tab.mouse.move(x, y)
    expect(tab.locator(".peek .name")).to_contain_text("leiosphere")
    shown = "image => image.decode().then(() => image.naturalWidth)"
    assert tab.locator(".peek img").evaluate(shown) > 100
    hovered = field.get_attribute("data-hovered")

    entry = tab.locator(".legend .entry", has_text="leiosphere")
    entry.click()
    expect(entry).to_have_attribute("aria-pressed", "false")
    count = int((labels == "leiosphere").sum())
    expect(field).to_have_attribute("data-shown", str(len(labels) - count))
    # What is hidden or does not meet the condition is not chosen.
    tab.get_by_role("button", name="Choose every item that is in view").click()
    store = IndexStore.open(served_own.index)
    met = store.count("kind = 'specimen' AND (label IS NULL OR label != 'leiosphere')")
    expect(field).to_have_attribute("data-ticked", str(met))
    entry.click()

    before = float(field.get_attribute("data-view").split()[2])
    tab.mouse.move(x, y)
    tab.mouse.wheel(0, -600)
    expect(field).not_to_have_attribute("data-shown", str(len(labels)))
    assert float(field.get_attribute("data-view").split()[2]) > 2 * before
    tab.locator("canvas").last.focus()
    tab.keyboard.press("0")
    expect(field).to_have_attribute("data-shown", str(len(labels)))

    assert hovered in made.ids
    tab.mouse.click(*on_screen(tab, made.places)[made.ids.index(hovered)])
    expect(tab).to_have_url(re.compile(r"/query\?.*like="))
