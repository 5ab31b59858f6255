"""What every vector store must do, whoever wrote it.

Inherit :class:`ExactStoreContract` and give it a method ``make_store(spec, tmp_path)`` that returns
an empty store. An approximate store inherits :class:`StoreContract` alone.

What is right is computed here, without anything of ``georetrieve.stores``: distances by differences
in double precision, order by ``np.lexsort``, conditions by SQLite.
"""

import sqlite3
from itertools import product

import numpy as np
import pytest

from georetrieve.errors import SpecMismatchError, StoreError
from georetrieve.types import EncoderSpec, Item, Region

WHERES = (
    None,
    "label = 'a'",
    "label = 'o''clock' OR depth > 70",
    "label = 'a;b' OR depth = 7",
    "`group` IN ('g0', 'g1') AND label IS NOT NULL",
    "depth BETWEEN 10 AND 30 AND NOT label = 'b'",
    "well LIKE 'N%'",
    "depth > 1e9",
    "depth >= 17.5 AND depth < 40",
)


def make_spec(dim, metric="euclidean", name="fake", sha256="0" * 64):
    return EncoderSpec(
        name=name,
        family="fake",
        weights="none",
        sha256=sha256,
        dim=dim,
        transform={},
        metric=metric,
    )


def make_items(count):
    """Items with labels, groups (some without) and metadata, their ids not in order."""
    labels = ("a", "b", "o'clock", None)
    return [
        Item(
            path=f"folder {n % 7}/{(n * 37) % 1000:03d}.png",
            kind="tile",
            region=Region(n, 0, 8, 8) if n % 2 else None,
            group=None if n % 11 == 0 else f"g{n % 5}",
            label=labels[n % 4],
            metadata={"depth": n, "well": ("North Sea", "Barents")[n % 2]},
        )
        for n in range(count)
    ]


def make_vectors(count, dim, seed=0):
    """Clustered vectors, every tenth the same as the one before it: ties are the normal case."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 3, (5, dim))
    vectors = centres[rng.integers(0, 5, count)] + rng.normal(0, 1, (count, dim))
    vectors[10::10] = vectors[9:-1:10]
    return vectors.astype(np.float32)


def expected(items, vectors, queries, k, metric, where=None, groups=None, ids=None):
    """Naive (ids, scores) of the k nearest, padded with "" and -inf."""
    allowed = matching(items, where)
    names = np.array([item.id for item in items], dtype=object)
    found = np.full((len(queries), k), "", dtype=object)
    best = np.full((len(queries), k), -np.inf, np.float32)
    exact, asked = vectors.astype(np.float64), queries.astype(np.float64)
    for number, query in enumerate(asked):
        if metric == "euclidean":
            scores = 0.0 - np.sqrt(((exact - query) ** 2).sum(axis=1))
        else:
            lengths = np.sqrt((exact**2).sum(axis=1) * (query**2).sum())
            scores = np.clip((exact * query).sum(axis=1) / lengths, -1, 1)
        scores = scores.astype(np.float32)
        group = groups[number] if groups else None
        own = ids[number] if ids else None
        keep = [
            place
            for place in np.lexsort((np.argsort(np.argsort(names)), -scores))
            if place in allowed
            and (group is None or items[place].group != group)
            and (own is None or names[place] != own)
        ][:k]
        found[number, : len(keep)], best[number, : len(keep)] = names[keep], scores[keep]
    return found, best


def matching(items, where):
    """Places of the items that meet a condition, by SQLite."""
    if where is None:
        return set(range(len(items)))
    table = sqlite3.connect(":memory:")
    table.execute("CREATE TABLE items (place, label, `group`, depth, well)")
    rows = [
        (n, i.label, i.group, i.metadata["depth"], i.metadata["well"]) for n, i in enumerate(items)
    ]
    table.executemany("INSERT INTO items VALUES (?, ?, ?, ?, ?)", rows)
    found = {place for (place,) in table.execute(f"SELECT place FROM items WHERE {where}")}
    table.close()
    return found


class StoreContract:
    """Inherit, and give a method ``make_store(spec, tmp_path)``."""

    COUNT, DIM = 120, 8

    @pytest.fixture(params=["euclidean", "cosine"])
    def metric(self, request):
        return request.param

    @pytest.fixture
    def filled(self, metric, tmp_path):
        """A store with items added in three parts, the items and their vectors."""
        store = self.make_store(make_spec(self.DIM, metric), tmp_path)
        items, vectors = make_items(self.COUNT), make_vectors(self.COUNT, self.DIM)
        for start in range(0, self.COUNT, 50):
            part = slice(start, start + 50)
            store.add(items[part], vectors[part])
        return store, items, vectors

    def test_length_counts_items(self, filled):
        assert len(filled[0]) == self.COUNT

    def test_spec_is_the_one_given(self, filled, metric):
        assert filled[0].spec == make_spec(self.DIM, metric)

    def test_an_empty_store_finds_nothing(self, tmp_path):
        hits = self.make_store(make_spec(3), tmp_path).search(np.ones((2, 3), np.float32), 4)
        assert (hits.ids == "").all()
        assert hits.ids.shape == (2, 4)
        assert np.isneginf(hits.scores).all()

    def test_an_item_finds_itself_first_at_no_distance(self, filled, metric):
        store, items, vectors = filled
        # Items 1 to 8 have no twin.
        hits = store.search(vectors[1:9], 1)
        assert hits.metric == metric
        assert hits.ids[:, 0].tolist() == [item.id for item in items[1:9]]
        np.testing.assert_array_equal(hits.distances[:, 0], 0)

    def test_no_queries_give_no_hits(self, filled):
        hits = filled[0].search(np.empty((0, self.DIM), np.float32), 3)
        assert hits.ids.shape == (0, 3)

    def test_an_item_of_the_same_id_is_replaced(self, filled):
        store, items, vectors = filled
        store.add([items[3]], -vectors[3:4])
        assert len(store) == self.COUNT
        hits = store.search(-vectors[3:4], 1)
        assert hits.ids[0, 0] == items[3].id
        assert store.search(vectors[3:4], 1).ids[0, 0] != items[3].id

    def test_removed_items_are_not_found_and_unknown_ones_ignored(self, filled):
        store, items, vectors = filled
        store.remove([items[3].id, items[4].id, "never there"])
        assert len(store) == self.COUNT - 2
        hits = store.search(vectors[3:5], self.COUNT)
        assert not {items[3].id, items[4].id} & set(hits.ids.ravel())
        assert (hits.ids[:, -2:] == "").all()

    @pytest.mark.parametrize(
        ("value", "what"), [(0.0, "zero"), (np.nan, "non-finite"), (np.inf, "non-finite")]
    )
    def test_a_vector_without_direction_is_refused_by_name(self, filled, value, what):
        store, _, vectors = filled
        new = make_items(self.COUNT + 2)[self.COUNT :]
        bad = vectors[:2].copy()
        bad[1] = value
        with pytest.raises(StoreError, match=f"{new[1].id}.*{what}"):
            store.add(new, bad)
        assert len(store) == self.COUNT  # nothing of the batch is there
        with pytest.raises(StoreError, match=what):
            store.search(bad, 1)

    def test_another_width_is_refused(self, filled):
        store, items, _ = filled
        with pytest.raises(SpecMismatchError, match=r"width 9.*fake.*8"):
            store.add(items[:1], np.ones((1, 9), np.float32))
        with pytest.raises(SpecMismatchError, match=r"width 9.*fake.*8"):
            store.search(np.ones((1, 9), np.float32), 1)

    def test_items_and_vectors_are_as_many(self, filled):
        store, items, vectors = filled
        with pytest.raises(StoreError, match="2 items"):
            store.add(items[:2], vectors[:3])

    def test_an_id_comes_once_in_a_batch(self, filled):
        store, items, vectors = filled
        with pytest.raises(StoreError, match="twice"):
            store.add([items[0], items[0]], vectors[:2])

    @pytest.mark.parametrize("k", [0, -1])
    def test_at_least_one_neighbour_is_asked_for(self, filled, k):
        with pytest.raises(StoreError, match=f"k = {k}"):
            filled[0].search(np.ones((1, self.DIM), np.float32), k)

    @pytest.mark.parametrize(
        "where", ["label =", "no_such_column = 3", "label = 'a' AND", "'", "depth = 1; x"]
    )
    def test_a_condition_that_is_none_names_the_columns(self, filled, where):
        with pytest.raises(StoreError, match=r"cannot be used.*label.*depth") as caught:
            filled[0].search(np.ones((1, self.DIM), np.float32), 1, where=where)
        assert "\n" not in str(caught.value)

    def test_group_and_names_in_double_quotes_need_no_care(self, filled):
        store, items, vectors = filled
        for where in ("group = 'g2'", "GROUP = 'g2'", "\"group\" = 'g2'", "`group`='g2'"):
            hits = store.search(vectors[:1], self.COUNT, where=where)
            found = set(hits.ids[0]) - {""}
            assert found == {item.id for item in items if item.group == "g2"}

    def test_memory_order_and_type_of_queries_do_not_matter(self, filled):
        store, _, vectors = filled
        wanted = store.search(vectors[:6], 5)
        for queries in (
            vectors[:6].astype(np.float64),
            np.asfortranarray(vectors[:6]),
            vectors[:6],
        ):
            found = store.search(queries, 5)
            np.testing.assert_array_equal(found.ids, wanted.ids)


class ExactStoreContract(StoreContract):
    """The same answers as the naive computation: ids, scores and ties."""

    def test_equals_the_oracle(self, filled, metric):
        store, items, vectors = filled
        rng = np.random.default_rng(1)
        own = rng.choice(len(items), 12, replace=False)
        strangers = rng.normal(0, 3, (4, self.DIM)).astype(np.float32)
        queries = np.concatenate([vectors[own], strangers])
        nobody = [None] * 4
        groups = [items[place].group for place in own] + nobody
        ids = [items[place].id for place in own] + nobody
        groups[0], ids[1], groups[-1], ids[-1] = None, None, "no such group", "no such id"
        asked = product(WHERES, (1, 10, 500), (None, groups), (None, ids))
        for where, k, some_groups, some_ids in asked:
            hits = store.search(
                queries, k, where=where, exclude_groups=some_groups, exclude_ids=some_ids
            )
            wanted = expected(items, vectors, queries, k, metric, where, some_groups, some_ids)
            np.testing.assert_array_equal(hits.scores, wanted[1], f"{where}, k = {k}")
            np.testing.assert_array_equal(hits.ids, wanted[0], f"{where}, k = {k}")

    def test_equals_the_oracle_after_changes(self, filled, metric):
        store, items, vectors = filled
        store.remove([item.id for item in items[20:60]])
        store.add(items[30:35], vectors[30:35] + 1)
        kept = [*range(20), *range(30, 35), *range(60, self.COUNT)]
        moved = vectors.copy()
        moved[30:35] += 1
        hits = store.search(vectors[:9], 20, where="label = 'a'")
        wanted = expected(
            [items[n] for n in kept], moved[kept], vectors[:9], 20, metric, "label = 'a'"
        )
        np.testing.assert_array_equal(hits.ids, wanted[0])
        np.testing.assert_array_equal(hits.scores, wanted[1])

    @pytest.mark.parametrize("offset", [0, 100, 3000])
    def test_close_vectors_far_from_the_origin_keep_their_order(self, metric, offset, tmp_path):
        # |q|² + |x|² - 2 q·x in single precision would be noise here.
        rng = np.random.default_rng(2)
        items = make_items(100)
        vectors = (offset + rng.normal(0, 0.01, (100, 16))).astype(np.float32)
        store = self.make_store(make_spec(16, metric), tmp_path)
        store.add(items, vectors)
        hits = store.search(vectors, 7)
        wanted = expected(items, vectors, vectors, 7, metric)
        np.testing.assert_array_equal(hits.ids, wanted[0])
        np.testing.assert_array_equal(hits.scores, wanted[1])

    def test_equal_vectors_come_in_the_order_of_their_ids(self, metric, tmp_path):
        items = make_items(300)
        store = self.make_store(make_spec(4, metric), tmp_path)
        store.add(items, np.tile(np.float32([1, 2, 3, 4]), (300, 1)))
        hits = store.search(np.float32([[1, 2, 3, 5]]), 250)
        assert hits.ids[0].tolist() == sorted(item.id for item in items)[:250]

    def test_very_long_and_very_short_vectors(self, metric, tmp_path):
        rng = np.random.default_rng(3)
        scales = 10.0 ** rng.uniform(-6, 6, (200, 1))
        vectors = (rng.normal(0, 1, (200, 8)) * scales).astype(np.float32)
        items = make_items(200)
        store = self.make_store(make_spec(8, metric), tmp_path)
        store.add(items, vectors)
        hits = store.search(vectors[:50], 5)
        wanted = expected(items, vectors, vectors[:50], 5, metric)
        np.testing.assert_array_equal(hits.scores, wanted[1])
        np.testing.assert_array_equal(hits.ids, wanted[0])
