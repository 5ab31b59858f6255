import numpy as np

from georetrieve.benchmarks.item_map import item_map


def clusters(count=60):
    rng = np.random.default_rng(0)
    codes = np.arange(count) % 2
    vectors = 20.0 * codes[:, None] + rng.normal(size=(count, 5))
    return vectors, [f"class{code}" for code in codes], [f"{number}.png" for number in range(count)]


def test_like_lie_side_by_side_and_again_the_same():
    vectors, labels, ids = clusters()
    places = item_map(vectors, labels, ids)
    assert places == item_map(vectors, labels, ids)
    assert (places["id"], places["label"]) == (ids, labels)
    points = np.stack([places["x"], places["y"]], axis=1)
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    nearest = apart.argmin(axis=1)
    assert all(labels[one] == labels[other] for one, other in enumerate(nearest))


def test_of_many_items_some_are_drawn():
    vectors, labels, ids = clusters()
    places = item_map(vectors, labels, ids, most=20)
    assert len(places["x"]) == 20
    assert len(set(places["id"])) == 20


def test_what_cannot_be_drawn_is_not():
    vectors, labels, ids = clusters()
    assert item_map(vectors[:3], labels[:3], ids[:3]) == {}
    assert item_map(np.ones((9, 5)), labels[:9], ids[:9]) == {}


def test_copies_and_four_items_are_drawn():
    vectors, labels, ids = clusters()
    vectors[1::2] = vectors[1]
    assert np.isfinite(item_map(vectors, labels, ids)["x"]).all()
    assert np.isfinite(item_map(vectors[:4], labels[:4], ids[:4])["y"]).all()
