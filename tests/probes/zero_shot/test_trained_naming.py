"""With an encoder that was trained on captions: what is there is named, what is not is not."""

import numpy as np
import pytest
from trained_dual import NAME, PAIRS, TAUGHT, picture, trained_weights

from georetrieve.encoders.registry import load_encoder
from georetrieve.encoders.runtime import Runtime
from georetrieve.metrics.multilabel import set_scores
from georetrieve.probes.zero_shot import PresenceRule, ZeroShotProbe

# Unlike anything that it was taught.
ABSENT = ("gypsum", "halite", "talc", "zircon", "gold", "topaz", "kyanite", "beryl")
SEEDS = range(5000, 5008)


@pytest.fixture(scope="module")
def encoder():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEORETRIEVE_WEIGHTS", str(trained_weights()))
        yield load_encoder(NAME, runtime=Runtime(device="cpu"))


def pictures_of(encoder, names):
    """(Q, D) vectors of sections, and (Q, C) whether each mineral that was taught is in them."""
    shown = [(name, seed) for name in names for seed in SEEDS]
    vectors = encoder.encode_images([picture(name, seed) for name, seed in shown])
    return vectors, np.array([[one in name.split(" and ") for one in TAUGHT] for name, _ in shown])


def test_minerals_are_named(encoder):
    vectors, there = pictures_of(encoder, TAUGHT)
    shares = ZeroShotProbe.of(encoder, TAUGHT).predict_proba(vectors)
    assert (shares.argmax(axis=1) == there.argmax(axis=1)).mean() > 0.85


def test_what_is_there_is_found_by_its_rivals_far_above_chance(encoder):
    vectors, there = pictures_of(encoder, [*TAUGHT, *map(" and ".join, PAIRS)])
    said = ZeroShotProbe.of(encoder, TAUGHT).present(vectors)
    found = set_scores(there, said)
    shuffled = set_scores(there, np.random.default_rng(0).permuted(said, axis=1))
    assert found.recall.mean() > 0.6
    assert found.f1.mean() > 2 * shuffled.f1.mean()


@pytest.mark.parametrize("quantile", [0.8, 0.9, 0.95])
def test_what_is_not_there_is_said_to_be_about_as_often_as_the_quantile_allows(encoder, quantile):
    vectors, _ = pictures_of(encoder, TAUGHT)
    said = ZeroShotProbe.of(encoder, ABSENT).present(vectors, PresenceRule(quantile=quantile))
    # Eight names are few, so that their share strays from the expected one.
    assert said.mean() < 1.5 * (1 - quantile) + 0.03
