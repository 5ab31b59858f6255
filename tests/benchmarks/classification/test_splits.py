import numpy as np
import pytest

from georetrieve.benchmarks.classification.settings import SplitSettings
from georetrieve.benchmarks.classification.splits import plan_splits
from georetrieve.benchmarks.labelled import labelled_vectors
from georetrieve.errors import StoreError


def items(labels, groups=None, ids=None):
    ids = ids or [f"{label}/{number:03d}.png" for number, label in enumerate(labels)]
    vectors = np.arange(len(labels) * 2, dtype=np.float32).reshape(-1, 2)
    return labelled_vectors(vectors, labels, ids, groups=groups)


def slices(volumes, depth):
    """Slices of volumes: {(rock, name): ...}; the position in the id decides the order."""
    ids = [
        f"{rock}/{name}.tif#z={z},0,0,8,8" for rock, name in volumes for z in reversed(range(depth))
    ]
    labels = [one.partition("/")[0] for one in ids]
    return items(labels, [one.partition("#")[0] for one in ids], ids)


def plan(data, kind, **options):
    return plan_splits(data, SplitSettings(kinds=(kind,), **options))[0]


def position(data, row):
    return int(data.ids[row].partition("z=")[2].partition(",")[0])


def test_stratified_tests_a_fifth_of_each_class_and_no_lonely_item():
    data = items(["a"] * 10 + ["b"] * 20 + ["c"])
    made = plan(data, "stratified", seeds=(0, 1, 2))
    assert [one.name for one in made.rounds] == ["0", "1", "2"]
    for one in made.rounds:
        (split,) = one.splits
        assert np.bincount(data.labels[split.test]).tolist() == [2, 4]
        assert not set(split.train) & set(split.test)
        assert 30 not in {*split.train, *split.test}


def test_the_very_slices_are_tested_that_are_trained_on():
    data = items(["a"] * 40 + ["b"] * 5)
    made = plan(data, "same_slices", seeds=(0,), train_per_class=10, test_per_class=4)
    (split,) = made.rounds[0].splits
    assert np.bincount(data.labels[split.train]).tolist() == [10, 5]
    assert np.bincount(data.labels[split.test]).tolist() == [4, 4]
    assert set(split.test) <= set(split.train)


def test_blocks_of_slices_keep_their_distance():
    data = slices([("a", "one"), ("b", "two")], 20)
    made = plan(data, "slice_blocks", blocks=4, gap=3)
    (only,) = made.rounds
    assert sorted(only.tested) == list(range(40)), "each slice is tested once"
    for number, split in enumerate(only.splits):
        tested = {position(data, row) for row in split.test}
        assert tested == set(range(5 * number, 5 * number + 5))
        for row in split.train:
            assert min(abs(position(data, row) - z) for z in tested) > 3


def test_blocks_follow_positions_and_not_the_order_of_names():
    # As text, "z=10" comes before "z=9".
    data = slices([("a", "one"), ("b", "two")], 12)
    first = plan(data, "slice_blocks", blocks=3, gap=0).rounds[0].splits[0]
    assert {position(data, row) for row in first.test} == {0, 1, 2, 3}


def test_images_are_in_no_block():
    made = plan(items(["a"] * 9 + ["b"] * 9), "slice_blocks")
    assert not made.rounds
    assert "No item is a slice" in made.reason


def test_volumes_too_thin_for_blocks_are_said():
    made = plan(slices([("a", "one"), ("b", "two")], 3), "slice_blocks", blocks=5)
    assert "No volume has enough slices" in made.reason


def test_each_group_is_left_out_once():
    data = items(["a", "b"] * 6, ["x", "x", "y", "y", "z", "z"] * 2)
    made = plan(data, "groups")
    (only,) = made.rounds
    assert len(only.splits) == 3
    assert sorted(only.tested) == list(range(12))
    for split in only.splits:
        assert not set(data.groups[split.train]) & set(data.groups[split.test])


def test_many_groups_are_left_out_by_folds():
    data = items(["a", "b"] * 20, [f"g{number // 2}" for number in range(40)])
    made = plan(data, "groups", folds=4)
    assert len(made.rounds[0].splits) == 4
    assert "20 groups" in made.notes[0]
    for split in made.rounds[0].splits:
        assert not set(data.groups[split.train]) & set(data.groups[split.test])


def test_a_class_of_one_group_is_not_tested_and_that_is_said():
    data = items(["a", "b", "a", "b", "c", "c"], ["x", "x", "y", "y", "x", "x"])
    made = plan(data, "groups")
    tested = {data.classes[code] for code in data.labels[made.rounds[0].tested]}
    assert tested == {"a", "b"}
    assert any("2 items" in note for note in made.notes)


@pytest.mark.parametrize(
    ("labels", "groups", "kind", "said"),
    [
        (["a", "a", "a"], None, "stratified", "two classes"),
        (["a", "b", "c"], None, "stratified", "two classes"),
        (["a", "b"] * 2, None, "groups", "No groups"),
        (["a", "b"] * 2, ["x"] * 4, "groups", "one group"),
        (["a", "b"] * 2, ["x", "y"] * 2, "groups", "No class"),
        (["a", "a"], None, "same_slices", "one class"),
    ],
)
def test_no_split_has_its_reason(labels, groups, kind, said):
    made = plan(items(labels, groups), kind)
    assert not made.rounds
    assert said in made.reason


@pytest.mark.parametrize(
    "options",
    [
        {"kinds": ("at_random",)},
        {"kinds": ()},
        {"seeds": ()},
        {"test_share": 1.0},
        {"train_per_class": 5, "test_per_class": 6},
        {"blocks": 1},
        {"gap": -1},
        {"folds": 1},
    ],
)
def test_settings_that_cannot_be(options):
    with pytest.raises(StoreError):
        SplitSettings(**options)
