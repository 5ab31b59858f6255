import csv
import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from georetrieve.baselines import methods
from georetrieve.benchmarks.record import load_record
from georetrieve.benchmarks.segmentation import report
from georetrieve.benchmarks.segmentation import run as run_module
from georetrieve.benchmarks.segmentation.files import RecordFolder, summary_rows, write_tables
from georetrieve.benchmarks.segmentation.measure import class_pixels
from georetrieve.benchmarks.segmentation.previews import PreviewMaker, entropy, sampled_views
from georetrieve.benchmarks.segmentation.run import run_segmentation, run_segmentation_folder
from georetrieve.benchmarks.segmentation.settings import task_settings, with_choices
from georetrieve.benchmarks.tasks import Task, load_task, task_names
from georetrieve.cli.app import app
from georetrieve.encoders.registry import load_encoder
from georetrieve.errors import SourceError, StoreError
from georetrieve.probes.segmentation.interface import Band
from georetrieve.sources.fields import FieldOfView, LabelledField
from georetrieve.sources.masks.arrays import ArrayTruth
from georetrieve.sources.masks.classes import ClassTable

CLASSES = ClassTable.of_names(["pore", "quartz"])


def field_of(numbers, *, wrong=0, name="z1", group=""):
    """Grey values that follow the classes, except in the first ``wrong`` pixels."""
    numbers = np.asarray(numbers)
    shown = numbers.copy()
    shown.ravel()[:wrong] = 1 - shown.ravel()[:wrong]
    pixels = np.repeat((shown * 180 + 20).astype(np.uint8)[..., None], 3, axis=-1)
    image = Image.fromarray(pixels)
    view = FieldOfView(
        name=name, size=image.size, views=(lambda region: image.crop(region.box),), group=group
    )
    return LabelledField(view, ArrayTruth(numbers))


def stripes(height=20, width=10):
    return np.tile([0, 1], (height, width // 2))


def task_of(**tables):
    return Task(name="stripes", kind="segmentation", title="Stripes", **tables)


THREE = [field_of(stripes(), wrong=wrong, name=f"z{wrong}") for wrong in (0, 10, 40)]
OTSU = {"methods": ("otsu",), "draws": 50}


def test_numbers_by_hand():
    (run,) = run_segmentation(
        task_of(split={"kind": "even", "train": [1]}, probe=OTSU), THREE, CLASSES, name="made"
    )
    record = run.record
    # Trained on the middle one, tested on the first (all right) and the last (40 of 200 wrong).
    assert record.settings["folds"] == [{"trained_on": ["z10"], "tested": ["z0", "z40"]}]
    assert record.metrics["pixel_accuracy"].value == pytest.approx(360 / 400)
    # Of each class 180 of 200 are right, and 20 of the other are called by its name.
    assert record.metrics["iou_pore"].value == pytest.approx(180 / 220)
    assert record.metrics["mean_iou"].value == pytest.approx(180 / 220)
    assert record.metrics["mean_iou"].n == 400
    # Drawn by halves: of 200 true ones 100 are met, and 100 of the other class.
    assert record.metrics["mean_iou"].chance == pytest.approx(100 / 300)
    assert record.metrics["mean_iou"].low < 180 / 220 < record.metrics["mean_iou"].high
    assert [row["count"] for row in record.tables["confusion"]] == [180, 20, 20, 180]
    assert record.tables["no_skill"][1]["pixel_accuracy"] == pytest.approx(0.5)
    assert [row["mean_iou"] for row in record.queries] == pytest.approx([1, 80 / 120])
    assert record.data.classes == {"pore": 300, "quartz": 300}
    assert (record.data.n_labelled, record.data.n_queries) == (3, 2)


def test_leaving_each_out_tests_each():
    (run,) = run_segmentation(task_of(split={"kind": "leave-one-out"}, probe=OTSU), THREE, CLASSES)
    assert run.record.metrics["pixel_accuracy"].value == pytest.approx(550 / 600)
    assert [row["image"] for row in run.record.queries] == ["z0", "z10", "z40"]
    assert [row["fold"] for row in run.record.queries] == [0, 1, 2]


def test_void_is_not_judged():
    numbers = stripes()
    numbers[:10] = -1
    fields = [THREE[0], field_of(stripes(), name="z1"), THREE[2]]
    fields[2] = LabelledField(fields[2].field, ArrayTruth(numbers))  # the wrong ones are void
    (run,) = run_segmentation(task_of(split={"train": [1]}, probe=OTSU), fields, CLASSES)
    assert run.record.metrics["pixel_accuracy"].value == 1
    assert run.record.metrics["pixel_accuracy"].n == 300


def test_methods_and_encoders_stand_side_by_side_and_each_train_size_by_itself():
    kept = []
    runs = run_segmentation(
        task_of(split={"train": [1, 2]}, probe={**OTSU, "methods": ("otsu", "kmeans")}),
        THREE,
        CLASSES,
        keep=kept.append,
    )
    assert [row["method"] for row in summary_rows(runs)] == ["otsu", "kmeans"] * 2
    assert [run.record.settings["train"] for run in runs] == [1, 1, 2, 2]
    assert kept == [run.record for run in runs]


@pytest.mark.parametrize("error", [SourceError("no such light"), RuntimeError("out of memory")])
def test_a_method_that_fails_does_not_lose_the_others(monkeypatch, error):
    real = methods.fit_segmenter

    def fails(method, *args, **options):
        if method == "kmeans":
            raise error
        return real(method, *args, **options)

    monkeypatch.setattr(run_module, "fit_segmenter", fails)
    probe = {**OTSU, "methods": ("kmeans", "otsu")}
    failed, fine = run_segmentation(task_of(split={"train": [1]}, probe=probe), THREE, CLASSES)
    assert failed.record.metrics["mean_iou"].value is None
    assert failed.record.metrics["mean_iou"].reason == str(error)
    assert failed.pictures == ()
    assert fine.record.metrics["mean_iou"].value > 0.8
    assert summary_rows([failed])[0]["failed"] == str(error)


def test_an_encoder_that_cannot_be_loaded_is_named_and_the_others_go_on():
    probe = {"methods": ("patch-nn", "otsu"), "encoders": ("bundeld",), "draws": 0}
    failed, fine = run_segmentation(task_of(split={"train": [1]}, probe=probe), THREE, CLASSES)
    assert "Unknown encoder 'bundeld'" in failed.record.metrics["mean_iou"].reason
    assert failed.record.encoder.name == "bundeld"
    assert fine.record.metrics["mean_iou"].low is None  # no draws, no interval


def test_several_encoders_stand_side_by_side():
    probe = {"methods": ("patch-nn",), "encoders": ("bundled", "mine"), "draws": 0}
    mine = load_encoder("bundled")
    runs = run_segmentation(
        task_of(split={"train": [1]}, probe=probe), THREE, CLASSES, encoders={"mine": mine}
    )
    assert [run.record.encoder.fingerprint for run in runs] == [mine.spec.fingerprint] * 2
    assert [run.record.settings["patches"]["seed"] for run in runs] == [0, 0]
    one, other = (run.record.metrics["mean_iou"].value for run in runs)
    assert one == other > 0.6


def test_pictures_show_the_best_the_median_and_the_worst():
    (run,) = run_segmentation(task_of(split={"kind": "leave-one-out"}, probe=OTSU), THREE, CLASSES)
    best, median, worst = run.pictures
    assert [one.title.split(": ")[1].split()[0] for one in run.pictures] == [
        "best",
        "median",
        "worst",
    ]
    assert best.caption.startswith("z0:")
    assert median.caption.startswith("z10:")
    assert worst.caption.startswith("z40:")
    # Image, truth, map; below them uncertainty, errors: 10×20 px each, 8 px between.
    assert worst.image.size[0] == 3 * 10 + 2 * 8
    errors = np.asarray(worst.image)[28:48, 18:28]
    orange = (errors == (213, 94, 0)).all(axis=-1)
    assert orange.sum() == 40


def test_records_and_tables_are_written_and_read_back(tmp_path):
    folder = RecordFolder(tmp_path)
    probe = {**OTSU, "methods": ("otsu", "forest")}
    runs = run_segmentation(
        task_of(split={"train": [1]}, probe=probe), THREE, CLASSES, keep=folder.keep
    )
    names = sorted(path.name for path in tmp_path.glob("record-*.json"))
    assert names == ["record-forest-1-trained-on.json", "record-otsu-1-trained-on.json"]
    assert load_record(tmp_path / names[1]) == runs[0].record
    with (tmp_path / "record-otsu-1-trained-on.queries.csv").open(encoding="utf-8") as file:
        assert [row["image"] for row in csv.DictReader(file)] == ["z0", "z40"]
    write_tables(runs, tmp_path)
    with (tmp_path / "confusion.csv").open(encoding="utf-8") as file:
        first = next(csv.DictReader(file))
    assert first == {
        "method": "otsu",
        "encoder": "",
        "split": "1 trained on",
        "true": "pore",
        "predicted": "pore",
        "count": "180",
    }
    with pytest.raises(StoreError, match="never overwritten"):
        RecordFolder(tmp_path)


def test_groups_on_both_sides_are_said_and_many_are_drawn_whole(monkeypatch):
    monkeypatch.setattr(report, "FEWEST_GROUPS", 2)
    fields = [field_of(stripes(), name=f"z{n}", group="AABB"[n]) for n in range(4)]
    (run,) = run_segmentation(task_of(split={"train": [2]}, probe=OTSU), fields, CLASSES)
    assert any("both trained on and tested" in note for note in run.record.notes)
    assert run.record.settings["bootstrap_by_group"] is True
    (run,) = run_segmentation(task_of(split={"kind": "groups"}, probe=OTSU), fields, CLASSES)
    assert not run.record.notes


def test_a_class_that_training_lacks_is_said_and_counts_as_missed():
    fields = [field_of(np.zeros((4, 4), int), name="z0"), field_of(stripes(), name="z1")]
    probe = {**OTSU, "methods": ("kmeans",)}
    (run,) = run_segmentation(
        task_of(split={"kind": "leave-one-out"}, probe=probe), fields, CLASSES
    )
    assert any("a class that the images trained on have not" in note for note in run.record.notes)
    assert run.record.metrics["iou_quartz"].value is not None


def test_a_class_that_is_nowhere_has_no_iou_and_says_why():
    table = ClassTable.of_names(["pore", "quartz", "gold"])
    (run,) = run_segmentation(task_of(split={"train": [1]}, probe=OTSU), THREE, table)
    assert run.record.metrics["iou_gold"].value is None
    assert "Neither the truth nor the map" in run.record.metrics["iou_gold"].reason
    assert run.record.metrics["mean_iou"].value == pytest.approx(180 / 220)


def test_one_image_cannot_be_split():
    with pytest.raises(StoreError, match="needs two images"):
        run_segmentation(task_of(), THREE[:1], CLASSES)


def test_folders_of_images_and_masks_are_measured_and_bad_files_are_said(tmp_path):
    said = []

    class Heard:
        def start(self, *_args, **_options):
            pass

        advance = grow = finish = start

        def say(self, message):
            said.append(message)

    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for number in range(3):
        mask = stripes().astype(np.uint8)
        Image.fromarray(mask * 180 + 20).save(tmp_path / "images" / f"s{number}.png")
        Image.fromarray(mask * 7).save(tmp_path / "masks" / f"s{number}.png")
    (tmp_path / "images" / "s3.png").write_bytes(b"no image")
    Image.fromarray(mask[:5]).save(tmp_path / "images" / "s4.png")
    task = task_of(
        data={"classes": ["pore", "quartz"], "codes": [0, 7]}, split={"train": [1]}, probe=OTSU
    )
    (run,) = run_segmentation_folder(
        task, tmp_path / "images", tmp_path / "masks", progress=Heard()
    )
    assert run.record.metrics["mean_iou"].value == 1
    assert run.record.data.n_items == 5
    assert run.record.data.n_labelled == 3
    assert run.record.data.excluded == {"no usable image or mask": 2}
    assert any("s3.png" in line for line in said)
    assert any("s4.png" in line for line in said)


def test_sections_in_two_views_are_measured(tmp_path):
    """Two of three kinds look alike in each view; both views together tell all three."""
    numbers = np.tile([0, 1, 2], (18, 6))
    for folder, greys in (("ppl", [60, 60, 200]), ("xpl", [40, 180, 180])):
        (tmp_path / "sections" / folder).mkdir(parents=True)
        for name in "ab":
            pixels = np.array(greys, np.uint8)[numbers]
            Image.fromarray(pixels).save(tmp_path / "sections" / folder / f"{name}.png")
    (tmp_path / "masks").mkdir()
    for name in "ab":
        Image.fromarray(numbers.astype(np.uint8)).save(tmp_path / "masks" / f"{name}.png")
    task = with_choices(load_task("thin-section", "segmentation"), methods=["kmeans"])
    (run,) = run_segmentation_folder(task, tmp_path / "sections", tmp_path / "masks")
    assert run.record.data.n_labelled == 2
    assert run.record.metrics["mean_iou"].value == 1
    # Six panels in two rows, as there is one more for the second view; and a row of names.
    assert run.pictures[0].image.size == (3 * 18 + 2 * 8, 2 * (18 + 8) + 3 * 30)


@pytest.fixture
def folders(tmp_path):
    """Three images with masks that say 0 and 1, and a place for what comes out."""
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for number in range(3):
        mask = stripes().astype(np.uint8)
        Image.fromarray(mask * 180 + 20).save(tmp_path / "images" / f"s{number}.png")
        Image.fromarray(mask).save(tmp_path / "masks" / f"s{number}.png")
    return tmp_path


def bench(folders, *words):
    command = ["bench", "segmentation", "masks", "--images", str(folders / "images")]
    command += ["--masks", str(folders / "masks"), "-o", str(folders / "out"), *words]
    return CliRunner().invoke(app, command)


def test_the_command(folders):
    answer = bench(
        folders, "--method", "otsu", "--method", "kmeans", "--train", "1,2", "--format", "json"
    )
    assert answer.exit_code == 0, answer.output
    rows = json.loads(answer.stdout)
    assert [(row["method"], row["split"]) for row in rows] == [
        ("otsu", "1 trained on"),
        ("kmeans", "1 trained on"),
        ("otsu", "2 trained on"),
        ("kmeans", "2 trained on"),
    ]
    assert [row["mean_iou"] for row in rows] == [1, 1, 1, 1]
    written = {path.name for path in (folders / "out").iterdir()}
    assert {"summary.csv", "per_class.csv", "confusion.csv", "report.html"} < written
    assert "record-otsu-1-trained-on.json" in written
    again = bench(folders, "--method", "otsu")
    assert again.exit_code == 1
    assert isinstance(again.exception, StoreError)


def test_the_command_fails_when_every_method_does(folders):
    answer = bench(folders, "--method", "patch-nn", "-e", "nobody", "--train", "1")
    assert answer.exit_code == 1
    assert "Unknown encoder 'nobody'" in answer.output
    assert load_record(folders / "out" / "record-patch-nn-nobody-1-trained-on.json")


@pytest.mark.parametrize("words", [["--train", "two"], ["--split", "pixels"], ["--folds", "1"]])
def test_the_command_refuses_what_it_does_not_know(folders, words):
    assert bench(folders, "--method", "otsu", *words).exit_code == 2


@pytest.mark.realdata
def test_otsu_on_real_slices(testdata):
    """Fixed by hand: a change of the numbers is a change of the method."""
    folder = testdata / "sandstone_ct"
    task = with_choices(load_task("sandstone-ct", "segmentation"), methods=["otsu"], train=[2])
    (run,) = run_segmentation_folder(task, folder / "images", folder / "masks")
    assert run.record.metrics["mean_iou"].value == pytest.approx(0.6617, abs=5e-4)
    assert run.record.metrics["iou_quartz"].value == pytest.approx(0.9247, abs=5e-4)
    assert run.record.data.n_queries == 8


@pytest.mark.parametrize("name", task_names("segmentation"))
def test_the_tasks_that_come_along_are_usable(name):
    assert task_settings(load_task(name, "segmentation")).probe.methods


def test_choices_replace_what_the_task_says():
    task = load_task("masks", "segmentation")
    chosen = task_settings(with_choices(task, methods=["otsu"], encoders=["a", "b"], train=[2, 4]))
    assert chosen.probe.methods == ("otsu",)
    assert chosen.probe.encoders == ("a", "b")
    assert (chosen.split.kind, chosen.split.train) == ("even", (2, 4))
    assert task_settings(with_choices(task)) == task_settings(task)
    assert task_settings(with_choices(task, kind="groups", folds=3)).split.folds == 3


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"data": {"classes": ["a"], "codes": [1, 2]}}, "names 1 classes and data.codes gives 2"),
        ({"split": {"kind": "pixels"}}, "Unknown split 'pixels'"),
        ({"split": {"train": [0]}}, "from 1 on"),
        ({"split": {"folds": 1}}, "two or more"),
        ({"probe": {"methods": ["forrest"]}}, "Did you mean 'forest'"),
        ({"probe": {"methods": []}}, "at least one"),
        ({"probe": {"draws": -1}}, "0 or more"),
        ({"probe": {"seeds": 3}}, "unknown key 'seeds'"),
    ],
)
def test_tasks_that_cannot_be_are_refused(tables, message):
    with pytest.raises(StoreError, match=message):
        task_settings(task_of(**tables))


def test_previews_take_every_few_pixels_whatever_the_bands():
    rng = np.random.default_rng(0)
    whole = rng.dirichlet(np.ones(3), (1300, 700)).astype(np.float32)
    maker = PreviewMaker((700, 1300))
    for top in range(0, 1300, 111):
        maker.add(Band(top, whole[top : top + 111]))
    preview = maker.preview()
    few = whole[::3, ::3]
    np.testing.assert_array_equal(preview.classes, few.argmax(axis=-1))
    np.testing.assert_array_equal(preview.doubt, (255 * entropy(few)).round())
    image = Image.fromarray(rng.integers(0, 256, (1300, 700, 3), np.uint8))
    field = FieldOfView(name="", size=image.size, views=(lambda r: image.crop(r.box),))
    np.testing.assert_array_equal(sampled_views(field)[0], np.asarray(image)[::3, ::3])


def test_entropy_is_none_of_the_certain_and_one_of_the_even():
    values = np.array([[1, 0, 0, 0], [0.25] * 4, [0.5, 0.5, 0, 0]], np.float32)
    np.testing.assert_allclose(entropy(values), [0, 1, 0.5], atol=1e-6)
    np.testing.assert_array_equal(entropy(np.ones((2, 1), np.float32)), 0)


def test_pixels_of_classes_are_counted_image_by_image():
    assert class_pixels([THREE[0], field_of(np.zeros((3, 3), int))], 2).tolist() == [
        [100, 100],
        [9, 0],
    ]
