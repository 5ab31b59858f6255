import pytest

from app.filters import _scale
from georetrieve.labelling import give_labels
from georetrieve.sources.label_table import counted
from georetrieve.stores.lance import IndexStore

EVIL = "<img src=x onerror=alert(1)> '; DROP **a** :red[b]"


def total(page):
    return next(one.value for one in page.caption if " · page" in one.value)


def test_all_of_a_url_is_one_condition(page_test, sample_slides):
    chosen = {"label": "massula", "columns": "kind", "in_kind": "specimen", "under": "slide_00"}
    page = page_test("browse", **chosen, where="x > 9")
    assert not page.exception
    condition = page.code[0].value
    assert condition == (
        "`label` IN ('massula') AND (x > 9\n) AND starts_with(`path`, 'slide_00') "
        "AND `kind` IN ('specimen')"
    )
    assert total(page).startswith(counted(IndexStore.open(sample_slides).count(condition), "item"))


def test_the_file_that_the_slide_page_shows_is_no_filter(page_test, sample_slides):
    page = page_test("browse", file="slide_00.tif")
    assert total(page).startswith(counted(IndexStore.open(sample_slides).count(), "item"))


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


@pytest.fixture
def given(own_slides):
    """Six items that two people labelled."""
    ids = IndexStore.open(own_slides).scan(["id"], "label IS NULL", limit=6).column("id")
    give_labels(own_slides, dict.fromkeys(ids.to_pylist()[:4], "opal"), who="Ana <b>")
    give_labels(own_slides, dict.fromkeys(ids.to_pylist()[4:], "chert"), who="Bob")
    return own_slides


def test_labelled_by_somebody_since_a_day(page_test, given):
    page = page_test("browse", index=given, labelled_by="Ana <b>")
    assert total(page).startswith("4 items")
    assert not page.code  # of ids nobody wants to read
    assert any("labelled here by Ana" in one.value for one in page.caption)
    assert "Bob" in page.multiselect(key="labelled_by").options
    both = page_test("browse", index=given, labelled_by=["Ana <b>", "Bob"], label="chert")
    assert total(both).startswith("2 items")
    assert both.code[0].value == "`label` IN ('chert')"
    never = page_test("browse", index=given, labelled_since="2030-01-01", where="nope = 1")
    assert never.error[0].value.startswith("The condition '\\(nope")
    next(one for one in both.button if one.label == "Clear the filters").click().run()
    assert "473 items" in total(both)


def test_labels_given_meanwhile_are_among_them(page_test, given):
    page = page_test("browse", index=given, labelled_since="2020-01-01")
    assert total(page).startswith("6 items")
    one = IndexStore.open(given).scan(["id"], "label IS NULL", limit=1).column("id")[0].as_py()
    give_labels(given, {one: "opal"}, who="Cid")
    assert total(page.run()).startswith("7 items")
    assert page.multiselect(key="labelled_by").options == ["Ana <b>", "Bob", "Cid"]


def test_who_labelled_is_only_asked_where_somebody_did(page_test):
    page = page_test("browse", labelled_by="Ana", labelled_since="no day")
    assert not page.exception
    assert "473 items" in total(page)
    assert "labelled_by" not in {one.key for one in page.multiselect}


def test_a_damaged_journal_leaves_the_rest_of_the_page(page_test, given):
    (given / "labels.jsonl").write_text("<b>no act</b>\n{}\n")
    page = page_test("browse", index=given)
    assert not page.exception
    assert "is damaged" in page.error[0].value
    assert "473 items" in total(page)


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
