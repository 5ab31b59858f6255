import numpy as np
import pytest

from georetrieve.errors import StoreError
from georetrieve.probes.item_map.layout import MapOptions, lay_out, place_beside
from georetrieve.probes.item_map.nearest import nearest_of_each, nearest_to
from georetrieve.probes.item_map.quality import neighbours_kept
from tests.probes.item_map.conftest import clustered


def nearest_code(places, codes):
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    return codes[apart.argmin(axis=1)]


@pytest.mark.parametrize("drawn", [20_000, 100])
def test_groups_stay_together_and_again_the_same(drawn):
    vectors, codes = clustered(300)
    options = MapOptions(drawn=drawn, perplexity=10)
    places = lay_out(vectors, options=options)
    assert places.shape == (300, 2)
    assert places.dtype == np.float32
    assert (nearest_code(places, codes) == codes).mean() > 0.98
    np.testing.assert_array_equal(places, lay_out(vectors, options=options))
    quality = neighbours_kept(vectors, places)
    assert quality.kept > 5 * quality.chance
    other = lay_out(vectors, options=MapOptions(drawn=drawn, perplexity=10, seed=1))
    assert not np.array_equal(places, other)


def test_of_cosine_lengths_do_not_matter():
    vectors, _ = clustered(60)
    longer = vectors * np.linspace(1, 30, 60, dtype=np.float32)[:, None]
    one, other = (lay_out(some, metric="cosine") for some in (vectors, longer))
    measured = neighbours_kept(longer, other, metric="cosine", k=5)
    assert measured.kept > 0.5
    assert neighbours_kept(vectors, one, metric="cosine", k=5).kept > 0.5


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 7])
def test_few_items(count):
    places = lay_out(clustered(count)[0])
    assert places.shape == (count, 2)
    assert np.isfinite(places).all()
    assert len(np.unique(places, axis=0)) == count


def test_all_the_same_and_many_copies():
    assert np.isfinite(lay_out(np.ones((9, 5), np.float32))).all()
    copies = np.repeat(clustered(6)[0], 40, axis=0)
    places = lay_out(copies, options=MapOptions(perplexity=5))
    assert np.isfinite(places).all()
    assert (nearest_code(places, np.repeat(np.arange(6), 40)) == np.repeat(np.arange(6), 40)).all()


def test_a_width_of_one():
    assert lay_out(np.arange(20, dtype=np.float32)[:, None]).shape == (20, 2)


def test_what_cannot_be_laid_out_is_said():
    vectors = clustered(9)[0]
    vectors[3, 3] = np.nan
    with pytest.raises(StoreError, match="not finite"):
        lay_out(vectors)
    for wrong in ({"perplexity": 1}, {"perplexity": 501}, {"seed": -1}, {"drawn": 2}):
        with pytest.raises(StoreError):
            MapOptions(**wrong)


def test_beside_the_nearest():
    known, codes = clustered(60)
    middles = 100 * np.stack([np.cos(np.arange(6)), np.sin(np.arange(6))], axis=1)
    more, more_codes = clustered(120)
    places = place_beside(more, known, middles[codes])
    assert np.linalg.norm(places - middles[more_codes], axis=1).max() < 10


def test_progress_is_told():
    said = []

    class Told:
        def start(self, stage, total, unit="items"):
            said.append([stage, total, 0])

        def advance(self, steps=1):
            said[-1][2] += steps

        def finish(self):
            pass

    lay_out(clustered(60)[0], options=MapOptions(drawn=30), progress=Told())
    assert {"finding neighbours", "laying out 30 items", "laying out 60 items"} == {
        stage for stage, _, _ in said
    }
    assert all(total == done for _, total, done in said)


def test_nearest_leaves_out_the_point_itself_even_among_copies():
    points = np.zeros((30, 3), np.float32)
    points[20:] = np.arange(10)[:, None]
    rows, distances = nearest_of_each(points, 5)
    assert (rows != np.arange(30)[:, None]).all()
    assert rows[29, 0] == 28
    assert distances[29, 0] == pytest.approx(np.sqrt(3))
    assert nearest_to(points[:0], points, 2)[0].shape == (0, 2)


def test_many_points_are_looked_through_in_lists(monkeypatch):
    from georetrieve.probes.item_map import nearest

    points = np.random.default_rng(0).normal(size=(3000, 8)).astype(np.float32)
    exact = nearest_of_each(points, 10)[0]
    monkeypatch.setattr(nearest, "EXACT", 100)
    listed = nearest_of_each(points, 10)[0]
    assert listed.min() >= 0
    found = np.mean(
        [len(set(one) & set(other)) / 10 for one, other in zip(exact, listed, strict=True)]
    )
    assert found > 0.6


def test_quality_by_hand():
    line = np.arange(10, dtype=np.float32)[:, None]
    perfect = neighbours_kept(line, np.hstack([line, 0 * line]), k=1)
    assert (perfect.kept, perfect.chance, perfect.asked) == (1.0, pytest.approx(1 / 9), 10)
    dealt = np.random.default_rng(0).normal(size=(2000, 2)).astype(np.float32)
    random = neighbours_kept(clustered(2000)[0], dealt)
    assert random.kept < 3 * random.chance
    assert neighbours_kept(line[:2], dealt[:2]) is None
    assert "10 nearest" in random.told()
    assert "0.5 %" in random.told()
