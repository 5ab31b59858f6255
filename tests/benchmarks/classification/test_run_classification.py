import dataclasses
import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, f1_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

from georetrieve.benchmarks.classification.run import run_classification
from georetrieve.benchmarks.labelled import labelled_vectors
from georetrieve.benchmarks.record import RunRecord
from georetrieve.benchmarks.tasks import load_task
from georetrieve.errors import StoreError


def task(name="folders", **tables):
    """A task that comes with the package, with some values of its tables changed."""
    loaded = load_task(name, "classification")
    changed = {table: {**getattr(loaded, table), **values} for table, values in tables.items()}
    return dataclasses.replace(loaded, **changed)


def clustered(count=120, n_classes=4, dim=6, seed=0, spread=1.0):
    rng = np.random.default_rng(seed)
    codes = np.sort(rng.integers(0, n_classes, size=count))
    vectors = rng.normal(size=(n_classes, dim))[codes] + spread * rng.normal(size=(count, dim))
    labels = [f"class{code}" for code in codes]
    ids = [f"{label}/image{number:04d}.jpg" for number, label in enumerate(labels)]
    return vectors.astype(np.float32), labels, ids


def measured(made, vectors, labels, ids, *, groups=None, draws=0, with_map=False, **options):
    data = labelled_vectors(vectors, labels, ids, groups=groups, **options)
    return run_classification(made, data, draws=draws, with_map=with_map)


def test_five_items_by_hand():
    # On a line: a a a | b b. Left out in turn by group, the middle one (at 2.9) is called b.
    vectors = np.array([[0.0], [1.0], [2.9], [4.0], [5.0]], np.float32)
    labels, ids = list("aaabb"), [f"{number}.png" for number in range(5)]
    made = task(split={"kinds": ["groups"]}, probe={"kinds": ["knn"], "ks": [1]})
    record = measured(made, vectors, labels, ids, groups=list("vwxyz")).record
    assert record.metrics["groups/knn_1/accuracy"].value == pytest.approx(4 / 5)
    assert record.metrics["balanced_accuracy"].value == pytest.approx((2 / 3 + 1) / 2)
    first, second = record.tables["per_class"]
    counted = ("true_positives", "false_positives", "false_negatives", "true_negatives")
    assert [first[name] for name in counted] == [2, 0, 1, 2]
    assert [second[name] for name in counted] == [2, 1, 0, 2]
    assert (first["specificity"], second["specificity"]) == (1.0, pytest.approx(2 / 3))
    assert (first["taken_for"], first["taken_for_count"]) == ("b", 1)
    assert {"truth": "a", "predicted": "b", "count": 1} in record.tables["confusion"]


def test_equal_to_scikit_learn():
    vectors, labels, ids = clustered()
    made = task(
        split={"kinds": ["stratified"], "seeds": [0, 1, 2]},
        probe={"kinds": ["knn", "linear"], "ks": [1, 5]},
    )
    found = measured(made, vectors, labels, ids).record.metrics
    codes = np.unique(labels, return_inverse=True)[1]
    expected = {name: [] for name in ("f1", "balanced", "loss", "linear")}
    for seed in (0, 1, 2):
        train, test = train_test_split(
            np.arange(len(codes)), test_size=0.2, stratify=codes, random_state=seed
        )
        called = KNeighborsClassifier(5).fit(vectors[train], codes[train]).predict(vectors[test])
        expected["f1"].append(f1_score(codes[test], called, average="macro"))
        expected["balanced"].append(balanced_accuracy_score(codes[test], called))
        model = LogisticRegression(max_iter=10_000, class_weight="balanced", random_state=seed)
        shares = model.fit(vectors[train], codes[train]).predict_proba(vectors[test])
        expected["loss"].append(log_loss(codes[test], shares))
        expected["linear"].append(f1_score(codes[test], shares.argmax(1), average="macro"))
    means = {name: np.mean(values) for name, values in expected.items()}
    assert found["stratified/knn_5/f1"].value == pytest.approx(means["f1"])
    assert found["stratified/knn_5/balanced_accuracy"].value == pytest.approx(means["balanced"])
    assert found["stratified/linear/log_loss"].value == pytest.approx(means["loss"], abs=1e-6)
    assert found["stratified/linear/f1"].value == pytest.approx(means["linear"])


def test_intervals_hold_the_score_and_chance_lies_below():
    record = measured(task(), *clustered(spread=0.5), draws=100).record
    for name, estimate in record.metrics.items():
        if name.endswith("accuracy") and estimate.value is not None:
            assert estimate.low <= estimate.value <= estimate.high
            assert 0.15 < estimate.chance < 0.4
    assert record.metrics["stratified/linear/log_loss"].chance == pytest.approx(np.log(4))


def scans(volumes=3, depth=30, seed=0):
    """Slices whose vectors know their scan well and their rock a little."""
    rng = np.random.default_rng(seed)
    vectors, labels, ids = [], [], []
    for rock in range(3):
        for number in range(volumes):
            scan = 3 * rng.normal(size=8)
            for z in range(depth):
                drift = np.sin(z / 8 + np.arange(8))
                vectors.append(scan + drift + 0.05 * rng.normal(size=8) + 0.3 * rock)
                labels.append(f"rock{rock}")
                ids.append(f"rock{rock}/{number}.tif#z={z},0,0,64,64")
    groups = [one.partition("#")[0] for one in ids]
    return np.array(vectors, np.float32), labels, ids, groups


def test_the_leak_of_neighbouring_slices_shows():
    vectors, labels, ids, groups = scans()
    made = task("rock-ct", split={"gap": 4}, probe={"kinds": ["knn"], "ks": [5, 100]})
    record = measured(made, vectors, labels, ids, groups=groups).record
    row = next(row for row in record.tables["accuracy_by_split"] if row["probe"] == "knn_5")
    assert row["same_slices"] > 0.95
    assert row["stratified"] > 0.95
    assert row["groups"] < 0.7
    assert row["easiest_minus_strictest"] == pytest.approx(row["same_slices"] - row["groups"])
    assert any("owed to" in note for note in record.notes)
    leaks = {(row["split"], row["trained_on_too"]): row for row in record.tables["leaks"]}
    same = leaks["same_slices", "the item itself"]
    assert same["of_them_leaked"] == same["tested_items"] == 60
    assert leaks["stratified", "the item itself"]["of_them_leaked"] == 0
    assert leaks["stratified", "near-identical vector"]["of_them_leaked"] > 40
    assert leaks["groups", "near-identical vector"]["of_them_leaked"] == 0
    assert record.settings["tables_of"] == "groups/knn_5"
    assert set(record.settings["headline"]) <= set(record.metrics)


def test_copies_across_the_split_are_counted():
    vectors, labels, ids = clustered(40, 2)
    hashes = [f"h{number // 2}" for number in range(40)]  # each image is there twice
    made = task(split={"kinds": ["stratified"], "seeds": [0]})
    leaks = measured(made, vectors, labels, ids, content_hashes=hashes).record.tables["leaks"]
    counted = {row["trained_on_too"]: row["of_them_leaked"] for row in leaks}
    rows = np.arange(40)
    train, test = train_test_split(rows, test_size=0.2, stratify=labels, random_state=0)
    expected = sum((one ^ 1) in train for one in test)
    assert counted["identical content"] == expected > 0


def test_per_class_draws_so_many_of_each():
    vectors, labels, ids = clustered(200, 4)
    record = measured(task("eurosat", data={"per_class": 20}), vectors, labels, ids).record
    assert record.data.classes == {f"class{code}": 20 for code in range(4)}
    assert record.data.excluded["beyond per_class"] == 120
    assert [row["tested"] for row in record.tables["per_class"]] == [40] * 4  # 4 in each of ten


def test_scampi_writes_the_tables_of_the_script():
    vectors, labels, ids = clustered(100, 3)
    files = measured(task("scampi"), vectors, labels, ids).files
    knn = [f"scampi/summary_metrics_knn_{k}.csv" for k in (1, 3, 5, 7, 9)]
    assert sorted(files) == sorted(
        [
            "scampi/cbir_accuracy.csv",
            "scampi/cbir_classwise.csv",
            "scampi/cbir_mean_accuracy.csv",
            "scampi/class_wise_nn_stats.csv",
            "scampi/confusion_matrix_log_model.csv",
            "scampi/summary_metrics.csv",
            *knn,
        ]
    )
    rows = files["scampi/summary_metrics_knn_3.csv"]
    assert [row[""] for row in rows] == [*(f"k=3_seed={seed}" for seed in range(10)), "mean"]
    assert list(rows[0]) == ["", "balanced_accuracy", "accuracy", "mean_precision", "f1_score"]
    scores = [row["f1_score"] for row in rows]
    assert scores[-1] == pytest.approx(np.mean(scores[:-1]))
    assert list(files["scampi/cbir_accuracy.csv"][0])[:4] == [
        "",
        "label",
        "filename",
        "precision_at_k",
    ]


def test_records_are_plain_and_read_back():
    record = measured(task(), *clustered(60, 3), draws=10, with_map=True).record
    again = RunRecord.from_json(json.loads(json.dumps(record.to_json())))
    assert again.metrics == dict(record.metrics)
    places = record.curves["item_map"]
    assert {len(values) for values in places.values()} == {60}


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["a", "b", "c"], "Nothing can be classified"),
        (["a", "a", "a"], "two classes"),
        (["a", "a", "b"], "two classes"),
    ],
)
def test_three_images_are_too_few_and_that_is_said(labels, said):
    vectors = np.eye(3, dtype=np.float32)
    with pytest.raises(StoreError, match=said):
        measured(task(), vectors, labels, ["1.png", "2.png", "3.png"])


def test_four_images_say_how_many_are_needed():
    ids = [f"{number}.png" for number in range(4)]
    with pytest.raises(StoreError, match="label 6 items or more"):
        measured(task(), np.eye(4, dtype=np.float32), list("aabb"), ids)


def test_a_few_images_in_groups_are_measured():
    vectors = np.array([[0, 1], [1, 0], [0, 2], [2, 0]], np.float32)
    ids = [f"{number}.png" for number in range(4)]
    record = measured(task(), vectors, list("abab"), ids, groups=list("xxyy"), draws=10).record
    assert record.metrics["groups/knn_1/accuracy"].value == 1.0
    assert record.metrics["stratified/knn_5/accuracy"].value is None
    assert record.metrics["stratified/knn_5/accuracy"].reason


def test_lonely_classes_are_counted():
    vectors, labels, ids = clustered(60, 3)
    labels[0] = "only me"
    record = measured(task(), vectors, labels, ids).record
    assert record.data.excluded["only one of its class"] == 1
    assert any("only ones of their class" in note for note in record.notes)
    rows = {row["class"]: row for row in record.tables["per_class"]}
    assert rows["only me"]["f1"] is None


@pytest.mark.slow
def test_ten_thousand_classes():
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(10_000), 2)
    vectors = rng.normal(size=(10_000, 8))[codes] + 0.01 * rng.normal(size=(20_000, 8))
    labels = [f"{code:05d}" for code in codes]
    ids = [f"{label}/{number}.png" for number, label in enumerate(labels)]
    made = task(split={"kinds": ["stratified"], "seeds": [0], "test_share": 0.5})
    record = measured(made, vectors.astype(np.float32), labels, ids).record
    assert record.metrics["stratified/knn_1/accuracy"].value > 0.99
    assert "stratified/linear/accuracy" not in record.metrics
    assert any("linear probe is left out" in note for note in record.notes)


def test_a_linear_probe_alone_with_too_many_classes():
    vectors, labels, ids = clustered()
    made = task(probe={"kinds": ["linear"], "max_linear_classes": 2})
    with pytest.raises(StoreError, match="max_linear_classes"):
        measured(made, vectors, labels, ids)


@pytest.mark.parametrize(
    "tables",
    [
        {"probe": {"ks": [0]}},
        {"probe": {"kinds": ["forest"]}},
        {"probe": {"weighting": "softmax"}},
        {"probe": {"neighbours": 3}},
        {"data": {"per_class": 1}},
        {"split": {"seed": 3}},
    ],
)
def test_tasks_that_cannot_be(tables):
    with pytest.raises(StoreError):
        measured(task(**tables), *clustered())
