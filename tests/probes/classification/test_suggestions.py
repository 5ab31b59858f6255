"""What items may be, and the order in which a person should look at them."""

import numpy as np
import pytest

from georetrieve.errors import StoreError
from georetrieve.labelling import give_labels
from georetrieve.probes.classification.contradicted import find_contradicted
from georetrieve.probes.classification.run import ClassifyOptions
from georetrieve.probes.classification.spread import spread_out
from georetrieve.probes.classification.suggestions import suggest
from georetrieve.probes.vote import VoteRule

# Votes by distance, so that shares can be worked out: 1 / |level - level|.
OPTIONS = ClassifyOptions(k=4, rule=VoteRule("distance"), voters=0)
LABELLED = {
    "a0.png": (0, "slide 1", "dark"),
    "a1.png": (10, "slide 2", "dark"),
    "b0.png": (200, "slide 1", "light"),
    "b1.png": (210, "slide 2", "light"),
}


def grey(level):
    return (level, None, None)


def test_spread_out_is_farthest_first_from_what_came_before():
    line = np.array([[0.0], [1.0], [1.0], [9.0], [10.0]], np.float32)
    alike = np.ones(5)
    from_zero = line[:, 0]
    # The farthest of 0 is 10; then 1 is 1 from 0, 9 is 1 from 10; the second 1 is a copy.
    assert spread_out(line, alike, from_zero, "euclidean") == [4, 1, 3, 0, 2]


def test_spread_out_weighs():
    line = np.array([[0.0], [4.0], [10.0]], np.float32)
    weights = np.array([0.0, 1.0, 0.3])
    assert spread_out(line, weights, line[:, 0], "euclidean") == [1, 2, 0]  # 4 · 1 > 10 · 0.3


def test_spread_out_is_of_cosines_too():
    turned = np.array([[1, 0], [2, 0.1], [0, 1]], np.float32)
    assert spread_out(turned, np.ones(3), np.ones(3), "cosine") == [0, 2, 1]


def test_doubtful_items_are_between_classes(make_index):
    greys = LABELLED | {f"m{level}.png": grey(level) for level in (5, 104, 105, 106, 160, 205)}
    with make_index(greys) as index:
        found = suggest(index, options=OPTIONS)
        assert set(found.doubtful) <= {"m5.png", "m205.png"}  # the others are far
        wide = ClassifyOptions(
            k=4, rule=VoteRule("distance"), voters=0, far_percentile=100, candidates=(1,)
        )
        order = suggest(index, options=wide).doubtful
    # The one in the very middle, then one unlike it: not its look-alikes 104 and 106.
    assert order[0] == "m105.png"
    assert order[1] == "m160.png"


def test_far_items_are_the_farthest_first_and_never_sure(make_index):
    greys = LABELLED | {"m90.png": grey(90), "m106.png": grey(106), "m5.png": grey(5)}
    with make_index(greys) as index:
        found = suggest(index, options=OPTIONS)
        assert found.far == ["m106.png", "m90.png"]
        assert found["m106.png"].far
        assert not found["m5.png"].far
        assert found.sure(0.51) == {"m5.png": "dark"}
        assert found.doubtful == ["m5.png"]
        with pytest.raises(StoreError, match=r"0\.5 cannot be a threshold"):
            found.sure(0.5)


def test_a_suggestion_says_what_else(make_index):
    with make_index(LABELLED | {"m40.png": grey(40)}) as index:
        said = suggest(index, options=OPTIONS)["m40.png"]
    # 1/40 + 1/30 against 1/160 + 1/170
    dark, light = 1 / 40 + 1 / 30, 1 / 160 + 1 / 170
    assert (said.label, said.runner_up) == ("dark", "light")
    assert said.probability == pytest.approx(dark / (dark + light), rel=1e-4)
    assert said.runner_up_probability == pytest.approx(light / (dark + light), rel=1e-4)


def test_order_by_class_and_counts(make_index):
    greys = LABELLED | {"z.png": grey(4), "x.png": grey(204), "y.png": grey(2)}
    with make_index(greys) as index:
        found = suggest(index, options=OPTIONS)
        assert found.by_class == ["y.png", "z.png", "x.png"]
        assert list(found.sure(0.9)) == ["y.png", "z.png", "x.png"]
        assert found.counts(["x.png", "y.png", "z.png", "a0.png"]) == {"dark": 2, "light": 1}
        assert "a0.png" not in found
        with pytest.raises(StoreError, match="no suggestion for 'a0"):
            found["a0.png"]


def test_one_class_decides_nothing(make_index):
    with make_index({"a.png": (0, None, "dark"), "b.png": grey(3)}) as index:
        found = suggest(index)
        assert found.one_class
        assert found.sure(0.6) == {}
        assert found["b.png"].label == "dark"


def test_of_five_voters_some_may_disagree(make_index):
    """With k = 1, which is chosen else, every suggestion would have all the votes."""
    greys = {f"d{level}.png": (level, None, "dark") for level in range(80, 104, 4)}
    greys |= {f"l{level}.png": (level, None, "light") for level in range(104, 128, 4)}
    with make_index(greys | {"m102.png": grey(102)}) as index:
        found = suggest(index)
    assert "k = 5" in found.classification.probe
    assert found["m102.png"].probability < 0.99


def test_a_condition(make_index):
    greys = LABELLED | {"m5.png": (5, "well 3", None), "m205.png": (205, "well 4", None)}
    with make_index(greys) as index:
        assert suggest(index, where="group = 'well 3'").by_class == ["m5.png"]


WRONG = {
    **{f"d{level}.png": (level, None, "dark") for level in (0, 4, 8, 12)},
    **{f"l{level}.png": (level, None, "light") for level in (200, 204, 208, 212)},
    "wrong.png": (6, None, "light"),
    "alone.png": (10, None, "odd"),
}


def test_labels_that_their_neighbours_contradict(make_index):
    options = ClassifyOptions(k=4, rule=VoteRule("distance"), voters=0)
    with make_index(WRONG) as index:
        found = find_contradicted(index, options=options)
        # The only one of a class has nobody to vote for it, and so is not suspected.
        assert found.labels == {"wrong.png": "light"}
        assert found.suggestions["wrong.png"].label == "dark"
        give_labels(index.path, {"wrong.png": "dark"})
        assert find_contradicted(index.refreshed(), options=options).labels == {}


def test_a_label_that_somebody_confirmed_is_not_suspected_again(make_index):
    options = ClassifyOptions(k=4, rule=VoteRule("distance"), voters=0)
    with make_index(WRONG) as index:
        give_labels(index.path, {"wrong.png": "light"}, who="ada")
        assert find_contradicted(index.refreshed(), options=options).labels == {}


def test_of_very_many_labels_some_are_checked(make_index, monkeypatch):
    monkeypatch.setattr("georetrieve.probes.classification.contradicted.CHECKED", 3)
    with make_index(WRONG) as index:
        found = find_contradicted(index)
    assert len(found.suggestions) == 3
    assert "3 of 10 labelled items are checked, drawn at random" in found.remarks
