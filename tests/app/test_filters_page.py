import pytest

from app.filters import _scale
from georetrieve.labelling import give_labels
from georetrieve.sources.label_table import counted
from georetrieve.stores.lance import IndexStore

EVIL = "<img src=x onerror=alert(1)> '; DROP **a** :red[b]"


def total(page):
    return next(one.value for one in page.caption if " · page" in one.value)


def test_all_of_a_url_is_one_condition(page_test, sample_slides):
    chosen = {"label": "massula", "columns": "kind", "in_kind": "specimen", "file": "slide_00"}
    page = page_test("browse", **chosen, where="x > 9")
    assert not page.exception
    condition = page.code[0].value
    assert condition == (
        "`label` IN ('massula') AND (x > 9\n) AND starts_with(`path`, 'slide_00') "
        "AND `kind` IN ('specimen')"
    )
    assert total(page).startswith(counted(IndexStore.open(sample_slides).count(condition), "item"))


def test_without_a_label_beside_a_label(page_test, sample_slides):
    store = IndexStore.open(sample_slides)
    none, both = (store.count(one) for one in ("label IS NULL", "label IS NULL OR label='massula'"))
    assert total(page_test("browse", unlabelled="true")).startswith(f"{none} items")
    page = page_test("browse", unlabelled="true", label="massula")
    assert total(page).startswith(f"{both} items")


def test_hostile_label_is_a_value(page_test, own_slides):
    ids = IndexStore.open(own_slides).scan(["id"], limit=3).column("id").to_pylist()
    give_labels(own_slides, dict.fromkeys(ids, EVIL))
    page = page_test("browse", index=own_slides, label=EVIL)
    assert not page.exception
    assert total(page).startswith("3 items")


@pytest.mark.parametrize(
    "wrong",
    [
        {"in_area_um2": ["-5", "9999999"]},
        {"in_area_um2": ["nan", "x"]},
        {"in_kind": "no such"},
        {"label": "../../etc/passwd"},
        {"columns": "vector_bundled"},
        {"sort": "thumbnail"},
        {"page": "99999999"},
        {"size": "1000000000"},
    ],
)
def test_what_a_url_cannot_mean_is_left(page_test, wrong):
    page = page_test("browse", **({"columns": ["kind", "area_um2"]} | wrong))
    assert not page.exception
    assert not page.error
    assert "473 items" in total(page)


def test_range_of_numbers(page_test, sample_slides):
    page = page_test("browse", columns="area_um2", in_area_um2=["2000", "4000"])
    count = IndexStore.open(sample_slides).count("area_um2 >= 2000 AND area_um2 <= 4000")
    assert total(page).startswith(f"{count} items")
    assert page.slider(key="in_area_um2").value == (2000.0, 4000.0)


def test_clearing_takes_everything_away(page_test):
    page = page_test("browse", label="massula", columns="area_um2", in_area_um2=["2000", "4000"])
    next(one for one in page.button if one.label == "Clear the filters").click().run()
    assert not page.exception
    assert "473 items" in total(page)
    assert not page.code


def test_nothing_found_and_wrong_conditions_are_said(page_test):
    assert "No item meets" in page_test("browse", where="x < 0").info[0].value
    page = page_test("browse", where="nope = 1; DROP TABLE items")
    assert page.error[0].value.startswith("The condition")


@pytest.mark.parametrize(
    ("low", "high", "whole", "scale"),
    [
        (0, 3945, True, (0, 3950, 10)),
        (32, 336, True, (32, 336, 1)),
        (18.0, 166.0, False, (18.0, 166.0, 1.0)),
        (0.12345, 0.98, False, (0.123, 0.98, 0.001)),
        (-3.215, 4.5, False, (-3.22, 4.5, 0.01)),
        (1, 2, True, (1, 2, 1)),
    ],
)
def test_a_slider_holds_its_range(low, high, whole, scale):
    assert _scale(low, high, whole=whole) == scale
