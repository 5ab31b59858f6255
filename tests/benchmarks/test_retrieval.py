import dataclasses
import json
import warnings

import numpy as np
import pytest
from sklearn.metrics import auc, f1_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

from georetrieve.benchmarks.labelled import labelled_vectors
from georetrieve.benchmarks.record import RunRecord
from georetrieve.benchmarks.retrieval import headline, run_retrieval, scampi_summary
from georetrieve.errors import StoreError
from georetrieve.types import EncoderSpec

KS = [1, *range(10, 200, 10), 500]
SPEC = EncoderSpec(name="fake", family="fake", weights="", sha256="0", dim=6, transform={})


def clustered(count=240, n_classes=6, dim=6, seed=0, spread=1.2):
    rng = np.random.default_rng(seed)
    codes = np.sort(rng.integers(0, n_classes, size=count))
    vectors = (
        rng.normal(size=(n_classes, dim))[codes] + spread * rng.normal(size=(count, dim))
    ).astype(np.float32)
    labels = [f"class{code}" for code in codes]
    ids = [f"{label}/image{number:04d}.jpg" for number, label in enumerate(labels)]
    return vectors, labels, ids, codes


def published_protocol(vectors, codes):
    """The published evaluation, written down anew with a full argsort for every k."""
    distance = np.sqrt(((vectors[:, None].astype(float) - vectors[None]) ** 2).sum(-1))
    np.fill_diagonal(distance, np.inf)
    relevant = np.bincount(codes)[codes] - 1
    points = []
    for k in ["N_R", *KS]:
        hits = np.zeros(len(codes))
        depth = relevant if k == "N_R" else np.full(len(codes), k)
        for i in range(len(codes)):
            nearest = np.argsort(distance[i], kind="stable")[: min(depth[i], len(codes) - 1)]
            hits[i] = (codes[nearest] == codes[i]).sum()
        points.append(((hits / relevant).mean(), (hits / depth).mean()))
    recall, precision = np.array(points).T
    order = np.lexsort((-precision, recall))
    area = auc([0, *recall[order], 1], [1, *precision[order], 0])
    f1 = []
    for seed in range(10):
        train, test = train_test_split(
            np.arange(len(codes)), test_size=0.2, stratify=codes, random_state=seed
        )
        called = KNeighborsClassifier(1).fit(vectors[train], codes[train]).predict(vectors[test])
        f1.append(f1_score(codes[test], called, average="macro"))
    return {
        "nn_f1": np.mean(f1),
        "p_at_nr": precision[0],
        "pr_auc": area,
        "precision_at": dict(zip(map(str, KS), precision[1:], strict=True)),
        "recall_at": dict(zip(map(str, KS), recall[1:], strict=True)),
    }


@pytest.mark.parametrize("dim", [6, 40])
def test_published_protocol(dim):
    vectors, labels, ids, codes = clustered(dim=dim)
    expected = published_protocol(vectors, codes)
    # The order in which items come out of an index must not matter.
    order = np.random.default_rng(1).permutation(len(ids))
    record = run_retrieval(
        vectors[order], [labels[i] for i in order], [ids[i] for i in order], protocol="scampi"
    )
    found = scampi_summary(record)
    for name in ("nn_f1", "p_at_nr", "pr_auc"):
        assert found[name] == pytest.approx(expected[name], abs=1e-9)
    assert found["precision_at"] == pytest.approx(expected["precision_at"], abs=1e-9)
    assert found["recall_at"] == pytest.approx(expected["recall_at"], abs=1e-9)
    assert list(found["p_at_nr_by_class"]) == sorted(set(labels))
    assert np.average(
        list(found["p_at_nr_by_class"].values()), weights=np.bincount(codes)
    ) == pytest.approx(expected["p_at_nr"])
    json.dumps(found)
    assert record.metrics["p_at_nr"].low is None


def test_items_are_sorted_as_an_image_folder_is_read():
    ids = ["b/1.jpg", "a b/1.jpg", "a/sub/0.jpg", "a/2.jpg", "a/10.jpg", "a/2.jpg#4,0,2,2"]
    data = labelled_vectors(np.arange(6.0)[:, None], ["x"] * 6, ids)
    assert data.ids == (
        "a/10.jpg",
        "a/2.jpg",
        "a/2.jpg#4,0,2,2",
        "a/sub/0.jpg",
        "a b/1.jpg",
        "b/1.jpg",
    )
    assert data.vectors[:, 0].tolist() == [4, 3, 5, 2, 1, 0]


def test_the_full_protocol_surrounds_the_published_numbers():
    vectors, labels, ids, _ = clustered()
    plain = run_retrieval(vectors, labels, ids, protocol="scampi")
    full = run_retrieval(vectors, labels, ids, protocol="full", draws=200, encoder=SPEC, index="x")
    for name, estimate in plain.metrics.items():
        assert full.metrics[name].value == estimate.value
        assert full.metrics[name].low <= estimate.value <= full.metrics[name].high
    assert full.metrics["nn_f1"].low > full.metrics["nn_f1"].chance
    assert "cosine/p_at_nr" in full.metrics
    assert not any(name.startswith("group_out") for name in full.metrics)
    assert any("No groups" in note for note in full.notes)
    assert full.encoder.name == "fake"
    assert full.data.n_queries == 240
    assert RunRecord.from_json(full.to_json()).to_json() == full.to_json()


def test_class_balance_and_classwise_table():
    # Class a: three close together. Class b: two, each nearer to a's than to its own.
    vectors = np.array([[3.0], [3.1], [3.2], [4.0], [2.0]])
    labels = list("aaabb")
    record = run_retrieval(vectors, labels, [f"{n}.jpg" for n in range(5)], draws=20)
    assert record.metrics["p_at_nr"].value == pytest.approx(3 / 5)
    assert record.metrics["p_at_nr_class_balanced"].value == pytest.approx(1 / 2)
    # Chance: a has 2 of 4 others, b 1 of 4.
    assert record.metrics["p_at_nr"].chance == pytest.approx((3 * 2 / 4 + 2 * 1 / 4) / 5)
    first, second = record.tables["per_class"]
    assert (first["class"], first["items"], first["p_at_nr"]) == ("a", 3, 1)
    assert (second["p_at_nr"], second["taken_for"], second["taken_for_count"]) == (0, "a", 2)
    assert record.tables["confusion"] == [
        {"true": "a", "nearest": "a", "count": 3},
        {"true": "b", "nearest": "a", "count": 2},
    ]
    assert record.metrics["nn_f1"].value is None
    assert "label 6 items or more" in record.metrics["nn_f1"].reason


def test_leaving_the_group_out():
    # Each specimen was photographed twice, almost alike; its class lies elsewhere.
    rng = np.random.default_rng(0)
    specimens = rng.normal(size=(30, 5))
    vectors = np.repeat(specimens, 2, axis=0) + 1e-4 * rng.normal(size=(60, 5))
    labels = [f"c{n // 2 % 3}" for n in range(60)]
    ids = [f"{n:02d}.jpg" for n in range(60)]
    groups = [f"specimen{n // 2}" for n in range(60)]
    record = run_retrieval(vectors, labels, ids, groups=groups, draws=50)
    assert record.metrics["precision_at_1"].value == 1
    assert record.metrics["group_out/precision_at_1"].value < 0.6
    assert record.settings["bootstrap_unit"] == "group"
    near = next(row for row in record.tables["duplicates"] if row["kind"].startswith("near"))
    assert (near["pairs"], near["items"], near["across_groups"]) == (30, 60, 0)
    assert near["test_items_leaked_per_split"] > 5


def test_groups_that_are_the_classes_leave_nothing_to_find():
    vectors, labels, ids, _ = clustered(60, 3)
    record = run_retrieval(vectors, labels, ids, groups=labels, draws=20)
    assert record.metrics["group_out/p_at_nr"].value is None
    assert any("No class occurs in two groups" in note for note in record.notes)
    assert record.settings["bootstrap_unit"] == "query"


def test_one_group_cannot_be_left_out():
    vectors, labels, ids, _ = clustered(60, 3)
    record = run_retrieval(vectors, labels, ids, groups=["well 7"] * 60, draws=20)
    assert any("one group (well 7)" in note for note in record.notes)


def test_what_has_no_label_or_no_company_is_counted():
    vectors, labels, ids, _ = clustered(60, 3)
    labels[0], labels[1], labels[2] = None, "", "alone"
    record = run_retrieval(vectors, labels, ids, draws=20)
    assert record.data.n_items == 60
    assert record.data.n_labelled == 58
    assert record.data.n_queries == 57
    assert record.data.excluded == {"unlabelled": 2, "only one of its class": 1}
    assert any(note.startswith("1 items are the only ones") for note in record.notes)
    alone = next(row for row in record.tables["per_class"] if row["class"] == "alone")
    assert alone["p_at_nr"] is None
    assert alone["nn_f1"] is None
    record.to_json()


def test_copies_are_told_by_content_and_region():
    vectors, labels, ids, _ = clustered(60, 3)
    ids[0], ids[1], ids[2] = "s.tif#0,0,4,4", "s.tif#4,0,4,4", "copy.tif#0,0,4,4"
    hashes = ["same"] * 3 + [str(n) for n in range(57)]
    record = run_retrieval(vectors, labels, ids, content_hashes=hashes, draws=20)
    exact = next(row for row in record.tables["duplicates"] if row["kind"].startswith("identical"))
    assert (exact["pairs"], exact["across_labels"]) == (1, 0)


def test_examples_are_the_extremes_with_their_hits():
    vectors, labels, ids, _ = clustered()
    record = run_retrieval(vectors, labels, ids, draws=20)
    best, worst = record.examples["best"], record.examples["worst"]
    values = np.array([row["p_at_nr"] for row in record.queries])
    assert [row["p_at_nr"] for row in best] == sorted(values, reverse=True)[:10]
    assert [row["p_at_nr"] for row in worst] == sorted(values)[:10]
    for example in (*best, *worst):
        assert len(example["hits"]) == 9
        assert example["id"] not in {hit["id"] for hit in example["hits"]}
        scores = [hit["score"] for hit in example["hits"]]
        assert scores == sorted(scores, reverse=True)
        for hit in example["hits"]:
            assert hit["correct"] == (hit["label"] == example["label"])


def test_adapted_encoders_are_said_to_be():
    vectors, labels, ids, _ = clustered(60, 3)
    spec = EncoderSpec(
        name="b", family="b", weights="", sha256="0", dim=6, transform={}, adapted=True
    )
    record = run_retrieval(vectors, labels, ids, encoder=spec, protocol="scampi")
    assert any("fitted, without labels" in note for note in record.notes)


def test_no_class_with_two_members():
    record = run_retrieval(np.eye(3), list("abc"), list("xyz"))
    assert record.metrics["p_at_nr"].value is None
    assert scampi_summary(record)["p_at_nr"] is None
    record.to_json()


@pytest.mark.parametrize("count", [2, 3, 7])
@pytest.mark.parametrize("protocol", ["full", "scampi"])
def test_tiny_collections_are_measured_without_a_warning(count, protocol):
    vectors = np.random.default_rng(0).normal(size=(count, 4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        record = run_retrieval(vectors, ["a"] * count, list("abcdefg")[:count], protocol=protocol)
    assert record.metrics["p_at_nr"].value == 1
    record.to_json()


def test_identical_vectors_are_measured():
    record = run_retrieval(np.ones((12, 4)), list("ab") * 6, [f"{n:02d}" for n in range(12)])
    assert 0 <= record.metrics["p_at_nr"].value <= 1
    near = record.tables["duplicates"][0]
    assert near["pairs"] == 12 * 11 / 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": [None, None, "a"]}, "1 of 3 items carry a label"),
        ({"ids": ["x", "x", "y"]}, "1 ids repeat"),
        ({"groups": ["g"]}, "equally many"),
        ({"protocol": "scampy"}, "Unknown protocol"),
        ({"vectors": np.full((3, 2), np.nan)}, "finite"),
    ],
)
def test_what_cannot_be_measured(change, message):
    arguments = {"vectors": np.eye(3), "labels": ["a", "a", "b"], "ids": ["x", "y", "z"]} | change
    with pytest.raises(StoreError, match=message):
        run_retrieval(**arguments)


def test_headline_leaves_out_the_long_series():
    vectors, labels, ids, _ = clustered(60, 3)
    record = run_retrieval(vectors, labels, ids, groups=[f"g{n % 4}" for n in range(60)], draws=5)
    wanted = ["p_at_nr", "pr_auc", "precision_at_1", "precision_at_10"]
    balanced = ["p_at_nr_class_balanced", "precision_at_1_class_balanced"]
    one = ["nn_f1", *wanted, *balanced]
    assert list(headline(record)) == [p + n for p in ("", "group_out/", "cosine/") for n in one]


def test_summary_of_another_task():
    record = run_retrieval(np.eye(3), ["a", "a", "b"], ["x", "y", "z"], protocol="scampi")
    other = dataclasses.replace(record, task="specimens")
    with pytest.raises(StoreError, match="specimens"):
        scampi_summary(other)
