"""The cutoff below which a text fits nothing, worked out by hand and by leaving texts out."""

import numpy as np
import pytest

from georetrieve.errors import StoreError
from georetrieve.search.cutoff import NullScores, calibrate
from georetrieve.stores.gallery import HeldVectors
from georetrieve.vocabulary import load_vocabulary
from georetrieve.vocabulary.null_words import null_words


def unit(rng, *shape):
    vectors = rng.standard_normal(shape).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def test_fits_by_hand():
    texts = np.float32([[1, 0], [0, 1], [-1, 0]])
    nulls = calibrate(HeldVectors(np.float32([[2, 0]])), texts)
    # Cosines 1, 0, -1. Against the other two: (1 + .5) / √.5, 0 / √2, (-1 - .5) / √.5.
    np.testing.assert_allclose(nulls.best, [-(4.5**0.5), 0, 4.5**0.5], atol=1e-5)
    # Mean 0 and standard deviation 1 of all three: the fit of a text is its cosine.
    found = nulls.fits(np.float32([[5, 0]]), np.float32([[0.6, 0.8], [-1, 0]]))
    np.testing.assert_allclose(found, [[0.6, -1]], atol=1e-6)


def test_the_best_fit_of_a_text_is_against_the_others(monkeypatch):
    monkeypatch.setattr("georetrieve.search.cutoff.ROWS", 7)
    rng = np.random.default_rng(0)
    items, texts = 3 * unit(rng, 30, 5), unit(rng, 9, 5)
    expected = []
    for number in range(9):
        others = items @ np.delete(texts, number, axis=0).T / 3
        fits = (items @ texts[number] / 3 - others.mean(axis=1)) / others.std(axis=1, ddof=1)
        expected.append(fits.max())
    np.testing.assert_allclose(
        calibrate(HeldVectors(items), texts).best, sorted(expected), rtol=1e-4
    )


def test_the_cutoff_is_a_conformal_quantile():
    nulls = NullScores(unit(np.random.default_rng(0), 19, 4), np.arange(1.0, 20.0))
    # The 19th of 19 texts: of 20 that are alike, one is expected above it.
    assert nulls.cutoff(0.95) == 19
    assert nulls.cutoff(0.9) == 18
    assert nulls.cutoff(0.5) == 10
    for quantile in (0.951, 0, 1, 1.5, -1, float("nan")):
        with pytest.raises(StoreError, match=r"from 0\.01 to 0\.95"):
            nulls.cutoff(quantile)


def test_texts_that_fit_nothing_rarely_pass():
    """Of texts drawn as the null texts are, about one in twenty finds something."""
    rng = np.random.default_rng(1)
    middle = unit(rng, 16)
    passed = 0
    for _ in range(20):
        items, texts = unit(rng, 300, 16), unit(rng, 220, 16) + middle
        nulls = calibrate(HeldVectors(items), texts[:120])
        passed += int((nulls.fits(items, texts[120:]).max(axis=0) > nulls.cutoff(0.95)).sum())
    assert 60 <= passed <= 140  # of 2000


def test_items_near_to_all_texts_are_judged_by_themselves():
    """An item near to every text has high cosines; only what stands out among them counts."""
    rng = np.random.default_rng(2)
    texts = unit(rng, 50, 8) + np.float32([3, 0, 0, 0, 0, 0, 0, 0])
    texts /= np.linalg.norm(texts, axis=1, keepdims=True)
    hub, other = np.eye(8, dtype=np.float32)[[0, 1]]
    text = np.float32([[0.9, 0.4, 0, 0, 0, 0, 0, 0]])
    nulls = calibrate(HeldVectors(np.stack([hub, other])), texts)
    fits = nulls.fits(np.stack([hub, other]), text)[:, 0]
    assert text[0] @ hub > text[0] @ other
    assert fits[0] < 1 < fits[1]


def test_equal_scores_are_no_reason_to_fail():
    nulls = calibrate(HeldVectors(np.float32([[1, 0]])), np.float32([[1, 0], [1, 0], [1, 0]]))
    assert np.isfinite(nulls.best).all()
    assert np.isfinite(nulls.fits(np.float32([[1, 0]]), np.float32([[1, 0]]))).all()


def test_null_words_name_nothing_that_is_looked_for():
    words, vocabulary = null_words(), load_vocabulary()
    assert len(set(words)) == len(words) >= 100
    assert [word for word in words if vocabulary.find(word) or vocabulary.mentions(word)] == []
