import re
import time
from dataclasses import replace

import pytest

from georetrieve.benchmarks.record import DataFacts, EncoderFacts, Estimate, RunRecord, save_record
from georetrieve.labelling import give_labels
from georetrieve.stores.lance import IndexStore

EVIL = "<img src=x onerror=alert(1)> **a** :red[b] $x$ `c`"


def record(encoder, day, value):
    facts = DataFacts(index=EVIL, n_items=9, n_labelled=6, n_queries=6, classes={EVIL: 4, "b": 2})
    share = Estimate(value, value - 0.1, value + 0.1, 0.2, 6)
    return RunRecord(
        task="retrieval",
        protocol="full",
        data=facts,
        encoder=EncoderFacts(name=encoder),
        metrics={"p_at_nr": share, "log_loss": Estimate(2.0)},
        tables={
            "per_class": [{"class": EVIL, "items": 4, "p_at_nr": value}],
            "confusion": [{"true": EVIL, "nearest": "b", "count": 1}],
        },
        notes=(EVIL,),
        command=f"georetrieve bench retrieval {EVIL}",
        created=f"2026-01-{day:02}T10:00:00+00:00",
    )


@pytest.fixture
def measured(own_slides):
    """The index with two comparable runs, one that is not, and one that is damaged."""
    reports = own_slides / "reports"
    save_record(record("first", 1, 0.5), reports / "one" / "record.json")
    save_record(record("second", 2, 0.75), reports / "two" / "record.json")
    other = replace(record("third", 3, 0.6), protocol="scampi")
    save_record(other, reports / "three" / "record.json")
    (reports / "four").mkdir()
    (reports / "four" / "record.json").write_text('{"task": "retrieval", ')
    return own_slides


def test_without_a_run_the_command_is_told(page_test):
    page = page_test("benchmarks")
    assert not page.exception
    assert "No benchmark has been run" in page.info[0].value
    assert page.code[0].value.startswith("georetrieve bench retrieval ")


def test_runs_that_may_be_compared_are_offered_together(page_test, measured):
    page = page_test("benchmarks", index=measured)
    assert not page.exception
    assert "scampi" in page.selectbox(key="measured").options[0]  # the newest
    assert page.multiselect(key="runs").options == ["third · three"]
    page.selectbox(key="measured").select_index(1).run()
    assert not page.exception
    assert page.multiselect(key="runs").value == ["second · two", "first · one"]
    table = page.dataframe[0].value
    row = table[table["Run"] == "second · two"].iloc[0]
    assert (row["Measure"], row["Value"], row["Difference"]) == ("P@N_R", 0.75, 0.25)
    assert "Not read" in page.warning[0].value


@pytest.mark.parametrize("view", ["Measures", "Classes", "Confusions", "About the runs"])
def test_every_view_shows_hostile_names_as_they_are(page_test, measured, view):
    page = page_test("benchmarks", index=measured, view=view)
    page.selectbox(key="measured").select_index(1).run()
    assert not page.exception
    assert page.segmented_control(key="view").value == view
    shown = [*page.markdown, *page.caption, *page.title]
    assert not any(re.search(r"(?<!\\)(<img|:red\[|\*\*a)", one.value) for one in shown)


def test_another_baseline_turns_the_difference(page_test, measured):
    page = page_test("benchmarks", index=measured)
    page.selectbox(key="measured").select_index(1).run()
    page.selectbox(key="beside").select("second · two").run()
    table = page.dataframe[0].value
    assert table[table["Run"] == "first · one"].iloc[0]["Difference"] == -0.25


def test_what_a_url_names_that_is_not_there_is_left(page_test, measured):
    page = page_test(
        "benchmarks", index=measured, measured="../../etc", runs="../x", view="<b>", beside="no"
    )
    assert not page.exception
    assert page.multiselect(key="runs").value


def test_a_measurement_that_fails_says_why(page_test, own_slides):
    """Nothing is labelled, so nothing can be measured."""
    ids = IndexStore.open(own_slides).scan(["id"], "label IS NOT NULL").column("id").to_pylist()
    give_labels(own_slides, dict.fromkeys(ids, None))
    page = page_test("benchmarks", index=own_slides)
    page.button(key="measure").click().run()
    assert not page.exception
    end = time.monotonic() + 60
    while not page.error and time.monotonic() < end:
        time.sleep(0.3)
        page.run()
    assert "label" in page.error[0].value
    assert not page.button(key="measure").disabled
