import pytest
from hypothesis import given
from hypothesis import strategies as st

from georetrieve.benchmarks.segmentation.splits import Fold, in_order, plan_splits
from georetrieve.errors import StoreError

SLICES = [f"Versa{z:04d}.tif" for z in (0, 50, 100, 150, 180, 200, 250, 300, 350, 400)]


def split(kind, names=SLICES, groups=None, **options):
    return plan_splits(names, groups or [""] * len(names), kind, **options)


def test_names_are_ordered_by_their_numbers():
    names = ["b.tif", "a10.tif", "a9.tif", "core.tif#z=2", "core.tif#z=11"]
    assert [names[place] for place in in_order(names)] == [
        "a9.tif",
        "a10.tif",
        "b.tif",
        "core.tif#z=2",
        "core.tif#z=11",
    ]


def test_slices_trained_on_are_spread_evenly_and_the_rest_is_tested():
    plans = split("even", train=[1, 2, 4, 6])
    chosen = [plan.folds[0].train for plan in plans]
    assert chosen == [(5,), (2, 7), (1, 3, 6, 8), (0, 2, 4, 5, 7, 9)]
    assert plans[1].folds[0].test == (0, 1, 3, 4, 5, 6, 8, 9)
    assert [plan.train for plan in plans] == [1, 2, 4, 6]
    assert plans[1].name == "2 trained on"


def test_slices_are_spread_over_z_and_not_over_the_order_they_came_in():
    shuffled = list(reversed(SLICES))
    (plan,) = split("even", shuffled, train=[2])
    assert sorted(shuffled[place] for place in plan.folds[0].train) == [SLICES[2], SLICES[7]]


def test_each_is_left_out_once():
    (plan,) = split("leave-one-out", SLICES[:3])
    assert [fold.test for fold in plan.folds] == [(0,), (1,), (2,)]
    assert [fold.train for fold in plan.folds] == [(1, 2), (0, 2), (0, 1)]


def test_folds_are_of_neighbours():
    (plan,) = split("folds", folds=3)
    assert [fold.test for fold in plan.folds] == [(0, 1, 2), (3, 4, 5), (6, 7, 8, 9)]
    assert plan.name == "3 folds"


def test_groups_stay_together_and_an_image_of_none_takes_no_part():
    groups = ["A", "B", "A", "", "C"]
    (plan,) = split("groups", SLICES[:5], groups)
    assert [fold.test for fold in plan.folds] == [(0, 2), (1,), (4,)]
    assert plan.folds[0].train == (1, 4)


@given(
    count=st.integers(2, 30),
    kind=st.sampled_from(["even", "leave-one-out", "folds", "groups"]),
    number=st.integers(2, 6),
    data=st.data(),
)
def test_no_image_is_ever_trained_on_and_tested(count, kind, number, data):
    groups = data.draw(st.lists(st.sampled_from("ABC"), min_size=count, max_size=count))
    groups[:2] = "AB"
    train = min(number, count - 1)
    for plan in split(kind, list(map(str, range(count))), groups, train=[train], folds=number):
        tested = [place for fold in plan.folds for place in fold.test]
        assert len(tested) == len(set(tested)) == plan.tested
        for fold in plan.folds:
            assert not set(fold.train) & set(fold.test)
            if kind == "groups":
                held = {groups[place] for place in fold.test}
                assert not held & {groups[place] for place in fold.train}
        if kind != "even":
            assert sorted(tested) == list(range(count))


def test_a_fold_that_shares_an_image_cannot_be_made():
    with pytest.raises(StoreError, match="no image may be in both"):
        Fold((0, 1), (1, 2))


@pytest.mark.parametrize(
    ("kind", "names", "options", "message"),
    [
        ("even", SLICES[:1], {}, "needs two images"),
        ("even", SLICES[:3], {"train": [3]}, "train on 2 at most"),
        ("leave-one-out", [], {}, "there is 0"),
        ("groups", SLICES, {}, "two groups; there are 0"),
    ],
)
def test_too_few_are_refused(kind, names, options, message):
    with pytest.raises(StoreError, match=message):
        split(kind, names, **options)
