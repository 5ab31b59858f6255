import re

import numpy as np
import pytest
from PIL import Image

from georetrieve.benchmarks.record import load_record
from georetrieve.benchmarks.retrieval import run_retrieval
from georetrieve.errors import StoreError
from georetrieve.reports.examples import example_sheet_rows
from georetrieve.reports.figures import confusion_figure, per_class_figure, precision_recall_figure
from georetrieve.reports.markdown import retrieval_markdown, table
from georetrieve.reports.retrieval import write_report
from georetrieve.types import EncoderSpec

EVIL = "<script>|*x*`$a_b$"


@pytest.fixture(scope="module")
def record():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, size=80)
    vectors = rng.normal(size=(4, 5))[codes] + rng.normal(size=(80, 5))
    labels = [EVIL if code == 0 else f"taxon{code}" for code in codes]
    spec = EncoderSpec(
        name="bundled", family="b", weights="", sha256="0", dim=5, transform={}, adapted=True
    )
    return run_retrieval(
        vectors,
        labels,
        range_ids(80),
        groups=["well 6407/6-5"] * 80,
        content_hashes=[str(n) for n in range(80)],
        index="slides",
        encoder=spec,
        draws=50,
    )


def range_ids(count):
    return [f"{number:03d}.jpg" for number in range(count)]


def thumbnails(ids):
    return {item: Image.new("RGB", (8, 8)) for item in ids}


def test_report_says_what_a_reader_must_know(record):
    text = retrieval_markdown(record, figures={"A plot": "plot.png", "A page": "page.html"})
    value, metrics = record.metrics["p_at_nr"], record.metrics
    assert (
        f"| {value.value:.3f} | {value.low:.3f} to {value.high:.3f} | {value.chance:.3f} |" in text
    )
    assert f"**{metrics['precision_at_1'].value:.0%}** of cases" in text
    assert "fitted, without labels, to this collection" in text
    assert "one group (well 6407/6-5)" in text
    assert "Cosine instead of Euclidean" in text
    assert "![A plot](plot.png)" in text
    assert "[A page](page.html)" in text
    assert "identical content" in text
    assert "taxon1" in text
    for k in record.settings["ks"]:
        assert re.search(rf"^\| {k} \| 0\.\d+", text, re.MULTILINE)


def test_names_cannot_break_out_of_the_report(record):
    text = retrieval_markdown(record)
    assert "<script" not in text
    row = next(line for line in text.splitlines() if "&lt;script" in line)
    assert row.startswith(r"| &lt;script&gt;\|\*x\*\`$a_b$ |")


def test_every_table_is_rectangular(record):
    lines = retrieval_markdown(record).splitlines()
    blocks, block = [], []
    for line in [*lines, ""]:
        if line.startswith("|"):
            block.append(len(re.findall(r"(?<!\\)\|", line)))
        elif block:
            blocks.append(set(block))
            block = []
    assert len(blocks) == 5
    assert all(len(widths) == 1 for widths in blocks)


def test_table():
    assert table([["a|b", "1"]], ["x", "y"], "lr") == "| x | y |\n| --- | ---: |\n| a\\|b | 1 |"


def test_the_plain_protocol_has_a_report_too():
    plain = run_retrieval(np.eye(4), list("aabb"), list("wxyz"), protocol="scampi")
    text = retrieval_markdown(plain)
    assert "## Numbers" in text
    assert "Cosine" not in text
    assert "Copies" not in text


def test_report_of_what_could_not_be_measured(tmp_path):
    record = run_retrieval(np.eye(3), list("abc"), list("xyz"))
    text = write_report(record, tmp_path, thumbnails).read_text(encoding="utf-8")
    assert "Nothing could be measured" in text
    assert not (tmp_path / "precision_recall.png").exists()


def test_folder_holds_all_and_refuses_a_second_run(record, tmp_path):
    report = write_report(record, tmp_path / "run", thumbnails)
    names = {path.name for path in report.parent.iterdir()}
    assert names == {
        "record.json", "record.queries.csv", "report.md", "precision_recall.png", "per_class.png",
        "report.html", "confusion.png", "best.png", "best.html", "worst.png", "worst.html",
    }  # fmt: skip
    linked = re.findall(r"\]\(([^)]+)\)", report.read_text(encoding="utf-8"))
    unlinked = {"record.json", "record.queries.csv", "report.md", "report.html"}
    assert set(linked) == names - unlinked
    assert load_record(report.parent / "record.json").to_json() == record.to_json()
    with pytest.raises(StoreError, match="never overwritten"):
        write_report(record, tmp_path / "run", thumbnails)


def test_report_can_be_written_again_from_a_record_read_back(record, tmp_path):
    write_report(record, tmp_path / "one")
    read = load_record(tmp_path / "one" / "record.json")
    again = write_report(read, tmp_path / "two")
    assert again.read_text(encoding="utf-8") == (tmp_path / "one" / "report.md").read_text(
        encoding="utf-8"
    )


def test_sheets_show_the_examples(record):
    rows = example_sheet_rows(record.examples["best"], lambda ids: {ids[0]: b"x"})
    example = record.examples["best"][0]
    assert rows[0].query.title == example["label"]
    assert rows[0].query.remark == f"query, P@N_R {example['p_at_nr']:.2f}"
    assert [hit.correct for hit in rows[0].hits] == [hit["correct"] for hit in example["hits"]]
    assert len(rows) == 10


@pytest.mark.parametrize("draw", [precision_recall_figure, per_class_figure, confusion_figure])
def test_figures_are_pictures(record, draw, tmp_path):
    path = draw(record, tmp_path / "f.png")
    with Image.open(path) as drawn:
        assert min(drawn.size) > 300
        assert len(drawn.convert("RGB").getcolors(2**24)) > 20


def test_figures_name_classes_in_any_script(tmp_path):
    labels = ["日本", "ñandú $x$"] * 20
    record = run_retrieval(np.random.default_rng(0).normal(size=(40, 3)), labels, range_ids(40))
    for draw in (per_class_figure, confusion_figure):
        assert draw(record, tmp_path / "f.png").exists()


def test_figures_without_data_are_left_out(tmp_path):
    record = run_retrieval(np.eye(3), list("abc"), list("xyz"))
    for draw in (precision_recall_figure, per_class_figure, confusion_figure):
        assert draw(record, tmp_path / "f.png") is None
