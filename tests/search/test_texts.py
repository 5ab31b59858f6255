"""Vectors of texts: prompts averaged, bounded batches, encoders without texts."""

import numpy as np
import pytest
from fakes import FakeEncoder

from georetrieve.errors import EncoderError
from georetrieve.search import texts
from georetrieve.search.texts import as_text_encoder, text_vector, text_vectors

TABLE = {"east": (1, 0), "far east": (7, 0), "north": (0, 2), "west": (-3, 0)}


class Words(FakeEncoder):
    """Texts by table; counts how many are encoded at once."""

    def __init__(self):
        super().__init__()
        self.spec = self.spec.__class__(**{**self.spec.to_json(), "dim": 2})
        self.batches = []

    def encode_texts(self, prompts, *, batch_size=256):
        self.batches.append(len(prompts))
        return np.float32([TABLE[prompt] for prompt in prompts])


def test_one_prompt_is_its_direction():
    np.testing.assert_array_equal(text_vector(Words(), ["far east"]), [1, 0])


def test_prompts_count_alike_whatever_their_length():
    # Unit vectors (1, 0), (1, 0), (0, 1): mean (2, 1) / 3, of length 1 (2, 1) / √5.
    found = text_vector(Words(), ["east", "far east", "north"])
    np.testing.assert_allclose(found, np.array([2, 1]) / 5**0.5, rtol=1e-6)
    assert found.dtype == np.float32


def test_many_texts_are_encoded_in_bounded_batches(monkeypatch):
    monkeypatch.setattr(texts, "PROMPTS_AT_ONCE", 3)
    words = Words()
    found = text_vectors(
        words, [["east"], ["north", "east"], ["west"], ["north"] * 5, ["far east"]]
    )
    assert words.batches == [3, 1, 5, 1]
    diagonal = 0.5**0.5
    expected = [[1, 0], [diagonal, diagonal], [-1, 0], [0, 1], [1, 0]]
    np.testing.assert_allclose(found, expected, atol=1e-7)
    assert text_vectors(words, []).shape == (0, 2)


@pytest.mark.parametrize("prompts", [[], [""], ["east", " \t"]])
def test_an_empty_text_is_refused(prompts):
    with pytest.raises(EncoderError, match="empty"):
        text_vector(Words(), prompts)


def test_prompts_that_cancel_out_are_refused():
    with pytest.raises(EncoderError, match="no direction for 'east'"):
        text_vector(Words(), ["east", "west"])


def test_an_encoder_without_texts_says_which_has_some():
    words = Words()
    assert as_text_encoder(words) is words
    with pytest.raises(EncoderError, match=r"fake has no texts.*encoders pull siglip2-vitb16"):
        as_text_encoder(FakeEncoder())
