import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from georetrieve.benchmarks.record import DataFacts, EncoderFacts, Estimate, RunRecord
from georetrieve.benchmarks.run import BenchmarkRun, Picture
from georetrieve.errors import GeoRetrieveError
from georetrieve.reports.html import write_html_report
from georetrieve.reports.html_charts import item_map, value_cell
from georetrieve.reports.words import measure_words

EVIL = "<script>alert('x')</script>"


def record(encoder="bundled", **changes):
    facts = DataFacts(
        index=EVIL, n_items=9, n_labelled=6, n_queries=6, classes={EVIL: 4, "quartz": 2}
    )
    values = {
        "task": "segmentation",
        "protocol": "by image",
        "data": facts,
        "encoder": EncoderFacts(name=encoder),
        "metrics": {
            "mean_iou": Estimate(0.625, 0.5, 0.75, 0.25, 6),
            "knn_5/macro_f1": Estimate(None, reason="No class repeats."),
        },
        "settings": {"method": "patch-nn", "ks": [1, 5]},
        "tables": {
            "per_class": [
                {"class": EVIL, "items": 4, "iou": 0.5, "recall": None},
                {"class": "quartz", "items": 2, "iou": 0.75, "recall": 1.0},
            ],
            "confusion": [
                {"truth": EVIL, "predicted": "quartz", "count": 1},
                {"truth": "quartz", "predicted": "quartz", "count": 2},
            ],
            "per_image": [{"image": EVIL, "iou": 0.125}],
        },
        "curves": {
            "item_map": {
                "x": [0.0, 1.0],
                "y": [0.0, 2.0],
                "label": [EVIL, "quartz"],
                "id": ["a", "b"],
            }
        },
        "notes": (f"Mind {EVIL}.",),
        "command": f"georetrieve bench {EVIL}",
    }
    return RunRecord(**{**values, **changes})


def page(tmp_path, runs, **options):
    path = write_html_report(tmp_path / "new" / "report.html", runs, title=EVIL, **options)
    return path.read_text(encoding="utf-8")


def picture():
    return Picture("overlay", EVIL, "What is seen.", Image.new("RGB", (40, 20), "red"))


def test_page_is_one_file_that_runs_and_loads_nothing(tmp_path):
    text = page(tmp_path, [BenchmarkRun(record(), (picture(),))])
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in text
    assert not re.search(r"(src|href)=[\"'](?!data:)", text)
    assert not re.search(r"url\(|@import|https?:", text)


def test_numbers_intervals_chance_and_reasons_are_shown(tmp_path):
    text = page(tmp_path, [BenchmarkRun(record())])
    assert "0.625" in text
    assert "0.500 to 0.750" in text
    assert "chance 0.250" in text
    assert "No class repeats." in text
    assert "9 items, 6 labelled, 2 classes" in text
    assert "Each class, beside chance" in text
    assert "Which class is taken for which" in text
    assert "Table: per image" in text
    assert "0.125" in text


def test_runs_stand_side_by_side_under_names_that_differ(tmp_path):
    runs = [BenchmarkRun(record(name)) for name in ("bundled", "dino", "dino")]
    text = page(tmp_path, runs)
    heads = re.findall(r"<h2>(.*?)</h2>", text)
    assert heads == [
        "At a glance",
        "patch-nn · bundled",
        "patch-nn · dino (1)",
        "patch-nn · dino (2)",
    ]
    assert text.count('<td class="value"><span class="number">0.625') == 6  # glance and all


def test_a_bare_record_makes_a_page(tmp_path):
    bare = record(tables={}, curves={}, metrics={}, notes=(), command="", encoder=None, settings={})
    text = page(tmp_path, [BenchmarkRun(bare)])
    assert "<h2>by image</h2>" in text
    assert "At a glance" not in text


def test_examples_are_shown_with_their_pictures(tmp_path):
    hit = {"id": "b", "label": "quartz", "score": -0.5, "correct": True}
    query = {"id": "a", "label": "quartz", "p_at_nr": 0.5, "hits": [hit]}
    with_examples = replace(record(), examples={"best": [query]})
    text = page(
        tmp_path,
        [BenchmarkRun(with_examples)],
        thumbnails=lambda ids: {one: Image.new("RGB", (8, 8)) for one in ids},
    )
    assert "Best queries" in text
    assert "query, P@N_R 0.50" in text
    assert "Best queries" not in page(tmp_path, [BenchmarkRun(with_examples)])


def test_no_run_is_refused(tmp_path):
    with pytest.raises(GeoRetrieveError, match="no run to report"):
        write_html_report(tmp_path / "r.html", [], title="x")


def test_unwritable_place_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(GeoRetrieveError, match="cannot be written"):
        write_html_report(tmp_path / "file" / "r.html", [BenchmarkRun(record())], title="x")


def test_map_has_a_mark_an_item_inside_its_frame_and_a_choice_a_class():
    rng = np.random.default_rng(0)
    labels = [f"c{number % 20:02d}" for number in range(100)]
    points = {
        "x": rng.normal(size=100).tolist(),
        "y": rng.normal(size=100).tolist(),
        "label": labels,
    }
    text = item_map(points, "m0")
    dots = text[text.index("<g ") : text.index("</g>")]
    assert dots.count("<title>") == 100
    assert text.count('type="radio"') == 21
    assert text.count(":has(") == 20
    places = [float(value) for value in re.findall(r'c[xy]="([\d.]+)"', dots)]
    assert min(places) >= 16
    assert max(places) <= 624
    # Eight colours; the shape tells apart what shares one.
    assert {"circle", "rect", "polygon"} == set(re.findall(r"<(circle|rect|polygon) ", dots))


def test_one_item_and_many_classes_make_a_map():
    assert "<circle" in item_map({"x": [3.0], "y": [3.0], "label": ["a"]}, "m")
    many = {"x": range(100), "y": range(100), "label": [str(n) for n in range(100)]}
    assert "<fieldset>" not in item_map(many, "m")


def test_a_measure_beyond_one_has_no_bar():
    assert 'class="bar"' in value_cell(Estimate(0.5))
    assert 'class="bar"' not in value_cell(Estimate(2.5))
    assert value_cell(None) == "<td>–</td>"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("p_at_nr", "P@N_R"),
        ("precision_at_10", "P@10"),
        ("knn_5/macro_f1", "Macro-F1, k = 5"),
        ("group_out/p_at_nr", "P@N_R, own group left out"),
        ("iou_heavy_mineral", "IoU of heavy mineral"),
        ("something_new", "Something new"),
    ],
)
def test_words(name, words):
    assert measure_words(name) == words
