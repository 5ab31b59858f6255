"""Probabilities, presence and names by words, worked out by hand."""

import numpy as np
import pytest
from dual_fakes import DualEncoder
from fakes import FakeEncoder
from scipy.special import expit, softmax

from georetrieve.errors import EncoderError, StoreError, VocabularyError
from georetrieve.probes.zero_shot import (
    ClassTexts,
    Comparison,
    PresenceRule,
    ZeroShotProbe,
    class_texts,
    read_names,
)
from georetrieve.probes.zero_shot.rivals import rival_prompts
from georetrieve.vocabulary import load_vocabulary
from georetrieve.vocabulary.null_words import null_words

VECTORS = np.eye(3, dtype=np.float32)
# Cosines with (1, 0, 0): 0.1, 0.2, 0.3, 0.4.
RIVALS = np.float32([[x, 0, (1 - x * x) ** 0.5] for x in (0.1, 0.2, 0.3, 0.4)])
IMAGES = np.float32([[2, 0, 0], [3, 4, 0]])


def compared(words):
    return Comparison(words, "raw")


GENERAL = compared("general")


def probe(bias=0.0, kinds=("general",) * 3, rivals=None):
    names = ("red", "green", "blue")
    texts = ClassTexts(names, tuple((name,) for name in names), tuple(map(compared, kinds)))
    return ZeroShotProbe(
        texts, VECTORS, rivals or {GENERAL: RIVALS}, logit_scale=2.0, logit_bias=bias
    )


def test_one_of_the_classes_is_the_softmax_of_the_networks_score():
    shares = probe().predict_proba(IMAGES)
    np.testing.assert_allclose(shares[1], softmax([1.2, 1.6, 0.0]), rtol=1e-6)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    np.testing.assert_allclose(probe(bias=-9.0).predict_proba(IMAGES), shares, rtol=1e-6)


def test_a_network_of_the_sigmoid_loss_has_a_probability_for_each_class():
    own = probe(bias=-1.0).score(IMAGES).probabilities()
    np.testing.assert_allclose(own[1], expit([1.2 - 1, 1.6 - 1, -1]), rtol=1e-6)


def test_exactly_one_of_independent_classes_is_the_softmax():
    one = probe(bias=-1.0)
    own = one.score(IMAGES).probabilities()[1]
    alone = np.array([np.prod(np.where(np.arange(3) == c, own, 1 - own)) for c in range(3)])
    np.testing.assert_allclose(alone / alone.sum(), one.predict_proba(IMAGES)[1], rtol=1e-6)


def test_a_network_without_them_says_so():
    with pytest.raises(EncoderError, match="rule rivals"):
        probe().present(IMAGES, PresenceRule(by="sigmoid"))


def test_fits_are_standard_deviations_above_rivals():
    # Of the first image those score 0.25 ± 0.1291.
    spread = np.std([0.1, 0.2, 0.3, 0.4], ddof=1)
    expected = (np.array([1, 0, 0]) - 0.25) / spread
    np.testing.assert_allclose(probe().score(IMAGES).fits()[0], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("quantile", "there"),
    [
        (0.2, [0, 1, 1, 1, 1]),
        (0.6, [0, 0, 0, 1, 1]),
        (0.61, [0, 0, 0, 0, 1]),
        (0.8, [0, 0, 0, 0, 1]),
    ],
)
def test_a_class_is_there_above_a_rank_of_those(quantile, there):
    # Rank ⌈(4 + 1) quantile⌉ of 0.1, 0.2, 0.3, 0.4, as split conformal prediction has it.
    cosines = (0.09, 0.11, 0.29, 0.31, 0.41)
    classes = np.float32([[x, (1 - x * x) ** 0.5, 0] for x in cosines])
    texts = ClassTexts(("a", "b", "c", "d", "e"), (("x",),) * 5, (GENERAL,) * 5)
    one = ZeroShotProbe(texts, classes, {GENERAL: RIVALS}, logit_scale=1.0)
    np.testing.assert_array_equal(one.present(IMAGES[:1], PresenceRule(quantile=quantile)), [there])


def test_a_quantile_that_the_words_cannot_tell_is_refused():
    with pytest.raises(StoreError, match=r"4 other words .* quantile of 0\.9; take 0\.8 or less"):
        probe().present(IMAGES, PresenceRule(quantile=0.9))


def test_each_class_is_judged_by_its_own_rivals():
    high = np.float32([[0.99, 0, 0.141]] * 4)
    two = probe(kinds=("a", "b", "a"), rivals={compared("a"): RIVALS, compared("b"): high})
    image = np.float32([[0.8, 0.9, 0]])  # cosines 0.66, 0.75, 0; limits 0.27 and 0.66
    np.testing.assert_array_equal(
        two.present(image, PresenceRule(quantile=0.8)), [[True, True, False]]
    )
    lower = np.float32([[0.9, 0.8, 0]])  # cosines 0.75, 0.66; limits 0.30 and 0.74
    np.testing.assert_array_equal(
        two.present(lower, PresenceRule(quantile=0.8)), [[True, False, False]]
    )


def test_the_best_are_as_many_as_asked_for_or_all():
    np.testing.assert_array_equal(
        probe().present(IMAGES, PresenceRule(by="top", k=1)), [[1, 0, 0], [0, 1, 0]]
    )
    assert probe().present(IMAGES, PresenceRule(by="top", k=9)).all()


@pytest.mark.parametrize(
    "wrong",
    [{"by": "all"}, {"quantile": 1.0}, {"quantile": 0.0}, {"probability": 1.1}, {"k": 0}],
)
def test_rules_out_of_range_are_refused(wrong):
    with pytest.raises(StoreError):
        PresenceRule(**wrong)


def test_classes_are_encoded_in_prompts_and_found():
    found = ZeroShotProbe.of(DualEncoder(), ["red", "blue"], load_vocabulary())
    np.testing.assert_allclose(found.score(IMAGES).cosines, [[1, 0], [0.6, 0]], atol=1e-6)
    assert found.names == ("red", "blue")
    assert not found.score(IMAGES).has_probabilities
    # Words that fit nothing lie in the half space of positive cosines with red or blue.
    np.testing.assert_array_equal(found.present(np.float32([[0.9, -0.9, 0]])), [[True, False]])


def test_one_class_is_all_there_is():
    one = ZeroShotProbe.of(DualEncoder(), ["red"])
    np.testing.assert_allclose(one.predict_proba(IMAGES), [[1], [1]])


def test_an_encoder_without_texts_says_what_to_use():
    with pytest.raises(EncoderError, match=r"fake has no texts; use .* pull siglip2-vitb16"):
        ZeroShotProbe.of(FakeEncoder(), ["red"])


def test_an_encoder_without_a_score_says_so():
    class Unscored(FakeEncoder):
        def encode_texts(self, texts, *, batch_size=256):
            return np.ones((len(texts), self.spec.dim), np.float32)

    with pytest.raises(EncoderError, match="no score of an image and a text"):
        ZeroShotProbe.of(Unscored(), ["red"])


def test_no_class_is_refused():
    with pytest.raises(VocabularyError, match="name one or more"):
        class_texts([], load_vocabulary())


def test_an_empty_name_is_refused():
    with pytest.raises(VocabularyError, match="empty"):
        class_texts(["quartz", " "], load_vocabulary())


def test_a_second_name_of_the_same_is_left_out_and_said():
    texts = class_texts(
        ["galena", "Red", "lead glance", "reds", "amethyst", "quartz", "Gn"], load_vocabulary()
    )
    assert texts.names == ("galena", "Red", "amethyst", "quartz")
    assert "'lead glance' is the same as 'galena' and left out" in texts.remarks
    assert "'reds' is the same as 'Red' and left out" in texts.remarks
    minerals = Comparison("petrographic", "petrographic")
    assert texts.comparisons == (minerals, Comparison("general", "general"), minerals, minerals)


def test_what_is_nearly_a_name_is_remarked_upon_and_taken_at_its_word():
    texts = class_texts(["galenna", "a bicycle"], load_vocabulary())
    assert texts.names == ("galenna", "a bicycle")
    (remark,) = texts.remarks
    assert "'galenna' is not in the vocabulary" in remark
    assert "'galena'" in remark


def test_ten_thousand_classes_are_encoded_in_bounded_batches():
    encoder = DualEncoder()
    names = [
        f"thing {number} red" if number == 77 else f"thing {number}" for number in range(10_000)
    ]
    many = ZeroShotProbe.of(encoder, names, style="raw")
    assert many.predict_proba(IMAGES[:1]).shape == (1, 10_000)
    assert many.predict_proba(IMAGES[:1]).argmax() == 77
    assert max(encoder.texts_at_once) <= 4096


def test_names_are_read_from_a_list_or_a_file(tmp_path, monkeypatch):
    assert read_names("quartz, K-feldspar ,,") == ["quartz", "K-feldspar"]
    assert read_names(" ") == []
    path = tmp_path / "ores.txt"
    path.write_text("# ores\ngalena\n\nlead, native  # a comma is part of a name here\n")
    assert read_names(str(path)) == ["galena", "lead, native"]
    path.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(VocabularyError, match="UTF-8"):
        read_names(str(path))


def names_of(prompts):
    return {ensemble[0] for ensemble in prompts}


def test_minerals_are_compared_with_other_minerals_and_genera_with_genera():
    known = load_vocabulary()
    texts = class_texts(["orthoclase", "Wetzeliella", "a bicycle"], known)
    prompts, remarks = rival_prompts(texts, known)
    minerals, genera, others = (prompts[one] for one in texts.comparisons)
    assert {"galena", "quartz"} <= names_of(minerals)
    assert "Deflandrea" in names_of(genera)
    assert "Wetzeliella" not in names_of(genera)
    assert names_of(others) == set(null_words())
    assert remarks == []
    # What it is, and what it is one of, is no rival of a class; its sisters are.
    assert not names_of(minerals) & {"orthoclase", "alkali feldspar", "feldspar"}
    assert {"microcline", "plagioclase"} <= names_of(minerals)


def test_what_is_one_of_a_class_is_no_rival():
    known = load_vocabulary()
    prompts, _ = rival_prompts(class_texts(["pyroxene", "bright garnets"], known), known)
    (minerals,) = prompts.values()
    kin = {"pyroxene", "clinopyroxene", "augite", "orthopyroxene", "enstatite", "garnet", "pyrope"}
    assert not names_of(minerals) & kin


def test_words_are_compared_in_the_prompts_they_are_put_into():
    known = load_vocabulary()
    texts = class_texts(["granite", "quartz"], known, style="petrographic")
    assert set(texts.comparisons) == {Comparison("petrographic", "petrographic")}
    texts = class_texts(["granite", "quartz"], known, style="raw")
    assert texts.comparisons == (Comparison("general", "raw"), Comparison("petrographic", "raw"))
    prompts, _ = rival_prompts(texts, known)
    assert prompts[texts.comparisons[0]][0] == [null_words()[0]]


def test_where_hardly_a_rival_is_left_words_that_fit_nothing_are_taken_and_it_is_said():
    known = load_vocabulary()
    genera = [entry.name for entry in known.entries("palynomorph")]
    prompts, (remark,) = rival_prompts(class_texts(genera, known), known)
    assert "only 0 other names" in remark
    assert names_of(*prompts.values()) == set(null_words())
