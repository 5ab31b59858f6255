import json
from dataclasses import replace

import pytest

from georetrieve.benchmarks.comparison import compare
from georetrieve.benchmarks.comparison_rows import (
    class_measures,
    class_rows,
    confusions,
    fact_rows,
    main_measures,
    measure_rows,
)
from georetrieve.benchmarks.found_records import (
    FoundRecord,
    find_records,
    read_records,
    record_files,
    report_places,
)
from georetrieve.benchmarks.record import DataFacts, EncoderFacts, Estimate, RunRecord, save_record
from georetrieve.errors import StoreError

CLASSES = {"azolla": 3, "pyrite": 1}
DATA = DataFacts(index="few", version="3", n_items=4, n_labelled=4, n_queries=4, classes=CLASSES)


def record(name="one", day=1, **changes):
    values = {
        "task": "retrieval",
        "protocol": "full",
        "data": DATA,
        "encoder": EncoderFacts(name=name, fingerprint=f"{name}-digest"),
        "metrics": {
            "p_at_nr": Estimate(0.5, 0.4, 0.6, 0.25, 4),
            "nn_f1": Estimate(None, reason="No class repeats."),
        },
        "settings": {"ks": [1]},
        "seconds": 1.5,
        "created": f"2026-01-{day:02}T10:00:00+00:00",
        "command": f"georetrieve bench retrieval few -e {name}",
        "georetrieve_version": "1",
    }
    return RunRecord(**(values | changes))


def found(tmp_path, *records):
    for number, one in enumerate(records):
        save_record(one, tmp_path / f"run-{number}" / "record.json", queries=True)
    return find_records([tmp_path])


def better(value=0.75, low=0.65, high=0.85):
    return {"p_at_nr": Estimate(value, low, high, 0.25, 4), "log_loss": Estimate(1.5)}


# --- which may be compared ------------------------------------------------------------------------


def test_the_same_measurement_is_compared_oldest_first(tmp_path):
    runs = found(tmp_path, record("new", day=3), record("old", day=1)).records
    (together,) = compare(runs)
    assert [one.record.encoder.name for one in together.records] == ["old", "new"]
    assert together.baseline.name == "run-1"
    assert together.title == "Retrieval, full: few, 4 queries of 4 items"
    assert together.remarks == ()
    assert compare(runs, baseline="run-0")[0].baseline.name == "run-0"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"protocol": "scampi"}, "its protocol is scampi, not full"),
        ({"data": replace(DATA, n_items=5)}, "it has 5 items, not 4"),
        ({"data": replace(DATA, n_queries=3)}, "it has 3 queries, not 4"),
        ({"data": replace(DATA, classes={"azolla": 2, "pyrite": 2})}, "its classes are others"),
        ({"data": replace(DATA, groups={"slide": 4})}, "its groups are others"),
    ],
)
def test_what_is_not_comparable_stands_apart_and_says_why(tmp_path, changes, why):
    runs = found(tmp_path, record(day=2), record(day=1, **changes)).records
    first, second = compare(runs)
    assert [one.name for one in first.records] == ["run-0"]
    assert first.remarks == (f"run-1 is not compared: {why}.",)
    assert len(second.records) == 1
    assert len(second.remarks) == 1


def test_another_task_is_no_remark(tmp_path):
    runs = found(tmp_path, record(), record(task="segmentation")).records
    assert [one.remarks for one in compare(runs)] == [(), ()]


def test_differences_that_a_reader_must_know(tmp_path):
    other = record(
        day=2,
        data=replace(DATA, version="7"),
        settings={"ks": [1, 5], "method": "knn"},
        georetrieve_version="2",
    )
    (together,) = compare(found(tmp_path, record(), other).records)
    version, settings, program = together.remarks
    assert "few 3, few 7 (index and version)" in version
    assert settings == "Settings differ: ks."  # that methods differ is why they are compared
    assert program == "Measured by georetrieve 1, 2."


def test_unknown_baseline(tmp_path):
    with pytest.raises(StoreError, match=r"no record 'run-00'. Did you mean 'run-0'"):
        compare(found(tmp_path, record()).records, baseline="run-00")


# --- numbers --------------------------------------------------------------------------------------


def rows_of(tmp_path, *records, **options):
    (together,) = compare(found(tmp_path, *records).records)
    rows = measure_rows(together, **options)
    return {(row["measure"], row["record"]): row for row in rows}


def test_values_and_differences(tmp_path):
    rows = rows_of(tmp_path, record(day=1), record(day=2, metrics=better()))
    base, other = rows["p_at_nr", "run-0"], rows["p_at_nr", "run-1"]
    assert (base["value"], base["low"], base["high"], base["chance"]) == (0.5, 0.4, 0.6, 0.25)
    assert (base["difference"], base["intervals"]) == (None, None)
    assert (other["difference"], other["intervals"]) == (0.25, "apart")
    assert (other["difference_low"], other["pairs"]) == (None, None)  # queries are not kept
    assert rows["nn_f1", "run-0"]["reason"] == "No class repeats."
    assert ("nn_f1", "run-1") not in rows
    assert rows["log_loss", "run-1"]["intervals"] is None


def test_intervals_that_touch_overlap(tmp_path):
    rows = rows_of(tmp_path, record(), record(day=2, metrics=better(0.7, 0.6, 0.8)))
    assert rows["p_at_nr", "run-1"]["intervals"] == "overlap"


def test_chosen_and_unknown_measures(tmp_path):
    assert list(rows_of(tmp_path, record(), measures=["nn_f1"])) == [("nn_f1", "run-0")]
    (together,) = compare(find_records([tmp_path]).records)
    with pytest.raises(StoreError, match=r"Did you mean 'nn_f1'"):
        measure_rows(together, ["nnf1"])


def queries(*values):
    return [
        {"id": f"i{place}", "group": "", "relevant": 1, "p_at_nr": value}
        for place, value in enumerate(values)
    ]


def test_differences_query_by_query(tmp_path):
    """Each query gains 0.25: no draw of queries can change that."""
    one = record(queries=queries(0.0, 0.5, 0.5, 1.0))
    gains = [*queries(0.25, 0.75, 0.75, 1.25), {"id": "lone", "relevant": 0, "p_at_nr": None}]
    two = record(day=2, metrics=better(), queries=gains)
    row = rows_of(tmp_path, one, two)["p_at_nr", "run-1"]
    assert (row["difference_low"], row["difference_high"], row["pairs"]) == (0.25, 0.25, 4)


def test_an_uncertain_difference_has_an_interval_around_it(tmp_path):
    one = record(queries=queries(0.0, 0.5, 0.5, 1.0))
    two = record(day=2, metrics=better(), queries=queries(1.0, 0.5, 0.5, 1.0))
    row = rows_of(tmp_path, one, two)["p_at_nr", "run-1"]
    # One of four gains 1: a draw of four has 0 of it in 32 % of cases, 3 or more in 5 %.
    assert row["difference_low"] == 0.0
    assert 0.5 <= row["difference_high"] <= 0.75


@pytest.mark.parametrize(
    "other",
    [
        queries(0.25, 0.75, 0.75),  # other queries
        queries(0.25, 0.75, 0.75, 0.25),  # their mean is not what the record says
        [],
    ],
)
def test_queries_that_do_not_belong_together_are_not_paired(tmp_path, other):
    one = record(queries=queries(0.0, 0.5, 0.5, 1.0))
    two = record(day=2, metrics=better(), queries=other)
    assert rows_of(tmp_path, one, two)["p_at_nr", "run-1"]["pairs"] is None


def test_whole_groups_are_drawn_where_the_record_did(tmp_path):
    """Of two slides one gains 1 on all its queries: the difference is 0, a half or 1."""
    settings = {"bootstrap_unit": "group"}

    def grouped(*values):
        return [row | {"group": "ab"[place // 2]} for place, row in enumerate(queries(*values))]

    one = record(settings=settings, queries=grouped(0.0, 0.0, 1.0, 1.0))
    metrics = better(1.0, 0.9, 1.0)
    two = record(day=2, settings=settings, metrics=metrics, queries=grouped(1.0, 1.0, 1.0, 1.0))
    row = rows_of(tmp_path, one, two)["p_at_nr", "run-1"]
    assert (row["difference_low"], row["difference_high"]) == (0.0, 1.0)


def test_main_measures():
    named = record(settings={"headline": ["nn_f1", "gone"]})
    assert list(main_measures(named)) == ["nn_f1"]
    assert list(main_measures(record())) == ["p_at_nr", "nn_f1"]


# --- classes, confusions, facts -------------------------------------------------------------------


def with_classes(day, azolla, pyrite):
    table = [
        {"class": "azolla", "items": 3, "p_at_nr": azolla, "taken_for": "pyrite"},
        {"class": "pyrite", "items": 1, "p_at_nr": pyrite, "taken_for": None},
    ]
    return record(day=day, tables={"per_class": table})


def test_classes_that_differ_most_come_first(tmp_path):
    (together,) = compare(
        found(tmp_path, with_classes(1, 0.5, 0.5), with_classes(2, 0.625, 0.25)).records
    )
    assert class_measures(together) == ["p_at_nr"]
    pyrite, azolla = class_rows(together)
    assert (pyrite.name, pyrite.items, pyrite.spread) == ("pyrite", 1, -0.25)
    assert azolla.values == {"run-0": 0.5, "run-1": 0.625}
    with pytest.raises(StoreError, match="No class has measure"):
        class_rows(together, "taken_for")


def test_a_class_without_a_number_and_records_without_classes(tmp_path):
    (together,) = compare(found(tmp_path, with_classes(1, None, 0.5), record(day=2)).records)
    rows = {row.name: row for row in class_rows(together)}
    assert rows["azolla"].values == {"run-0": None, "run-1": None}
    assert rows["pyrite"].spread == 0.0
    (alone,) = compare(found(tmp_path / "other", record()).records)
    assert (class_measures(alone), class_rows(alone)) == ([], [])


@pytest.mark.parametrize(("truth", "called"), [("true", "nearest"), ("truth", "predicted")])
def test_confusions_of_every_task(truth, called):
    table = [
        {truth: "azolla", called: "azolla", "count": 3},
        {truth: "azolla", called: "pyrite", "count": 1},
    ]
    first, second = confusions(record(tables={"confusion": table}))
    assert (first["count"], first["share"]) == (3, 0.75)
    assert (second["truth"], second["called"], second["share"]) == ("azolla", "pyrite", 0.25)
    assert confusions(record()) == []


def test_facts(tmp_path):
    (together,) = compare(found(tmp_path, record("scampi")).records)
    (row,) = fact_rows(together)
    assert (row["encoder"], row["fingerprint"], row["seconds"]) == ("scampi", "scampi-digest", 1.5)
    assert (row["index"], row["version"]) == ("few", "3")
    assert row["command"].endswith("-e scampi")


# --- finding --------------------------------------------------------------------------------------


def test_other_json_is_passed_over_and_damage_is_named(tmp_path):
    save_record(record(), tmp_path / "a" / "record.json")
    text = (tmp_path / "a" / "record.json").read_text(encoding="utf-8")
    save_record(record(), tmp_path / "a" / "record-clip.json")
    (tmp_path / "package.json").write_text('{"name": "left-pad"}')
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "items.lance").mkdir()
    save_record(record(), tmp_path / "items.lance" / "record.json")
    broken = {
        "cut": text[: len(text) // 2],
        "newer": text.replace('"schema_version": 1', '"schema_version": 99'),
        "words": text.replace('"value": 0.5', '"value": "high"'),
        "nan": text.replace('"value": 0.5', '"value": NaN'),
        "classes": text.replace('"azolla": 3', '"azolla": "three"'),
        "tables": text.replace('"tables": {}', '"tables": {"per_class": [1]}'),
    }
    for name, content in broken.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "record.json").write_text(content, encoding="utf-8")
    seen = find_records([tmp_path])
    assert {one.name for one in seen.records} == {"a", "a/record-clip"}
    assert {path.parent.name for path, _ in seen.damaged} == set(broken)
    assert all("record" in reason and "\n" not in reason for _, reason in seen.damaged)


def test_links_and_depth_are_bounded(tmp_path):
    outside = tmp_path / "outside"
    save_record(record(), outside / "record.json")
    place = tmp_path / "place"
    place.mkdir()
    (place / "linked").symlink_to(outside)
    (place / "record.json").symlink_to(outside / "record.json")
    save_record(record(), place.joinpath(*"12345678") / "record.json")
    assert record_files([place, tmp_path / "none"]) == {}


def test_too_many_files_are_not_looked_through(tmp_path, monkeypatch):
    monkeypatch.setattr("georetrieve.benchmarks.found_records.MOST_FILES", 2)
    for number in range(3):
        (tmp_path / f"{number}.json").write_text("{}")
    with pytest.raises(StoreError, match="more than 2 JSON files"):
        record_files([tmp_path])


def test_a_file_that_is_named_must_be_a_record(tmp_path):
    path = save_record(record(), tmp_path / "kept.json")
    assert [one.name for one in find_records([path]).records] == [f"{tmp_path.name}/kept"]
    (tmp_path / "other.json").write_text(json.dumps({"name": "x"}))
    with pytest.raises(StoreError, match="schema version"):
        find_records([tmp_path / "other.json"])
    with pytest.raises(StoreError, match="There is nothing at"):
        find_records([tmp_path / "none"])


def test_names_stay_apart(tmp_path):
    for place in ("x", "y"):
        save_record(record(), tmp_path / place / "same" / "record.json")
    names = record_files([tmp_path / "x", tmp_path / "y"])
    assert list(names.values()) == ["same", "same (2)"]
    assert len(read_records(names).records) == 2


def test_titles_and_pages(tmp_path):
    path = save_record(record("scampi"), tmp_path / "run" / "clip" / "record.json")
    one = FoundRecord("run/clip", path, record("scampi"))
    assert one.title == "scampi · run/clip"
    assert one.page is None
    (tmp_path / "run" / "report.html").write_text("<!doctype html>")
    assert one.page == tmp_path / "run" / "report.html"
    method = FoundRecord("r", path, record(settings={"method": "forest"}, encoder=None))
    assert method.title == "forest · r"


def test_where_benchmarks_write(tmp_path, monkeypatch):
    (tmp_path / "segmentation-ct-1").mkdir()
    monkeypatch.chdir(tmp_path)
    places = [str(place) for place in report_places(tmp_path / "index")]
    assert places == [str(tmp_path / "index" / "reports"), "reports", "segmentation-ct-1"]
