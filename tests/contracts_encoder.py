"""What every encoder must do, whoever wrote it.

Encoders of the registry are checked by ``tests/encoders/test_contract.py``, with no edit for a new
one. To check another, inherit :class:`EncoderContract` and give it a fixture ``encoder``.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from fakes import solid
from PIL import Image

from georetrieve.protocols import (
    AdaptableEncoder,
    AttentiveEncoder,
    DensePatchEncoder,
    ImageEncoder,
    LocalPatchEncoder,
    PatchEncoder,
    TextEncoder,
)
from georetrieve.types import EncoderSpec

BATCH_TOLERANCE = 1e-5


def blobs(seed, size=(120, 90)):
    """A smooth random image: neither flat nor noise."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def varied_images():
    """Images of several sizes and shapes, the thinnest and the flattest among them."""
    return [
        blobs(0),
        blobs(1, (300, 200)),
        blobs(2, (17, 400)),
        solid(0, 0, 0, (64, 64)),
        solid(255, 255, 255, (64, 64)),
        solid(9, 90, 200, (1, 1)),
        solid(200, 90, 9, (1, 1000)),
    ]


def varied_texts():
    """Short, empty, in other scripts, and longer than any encoder takes."""
    return ["a photo of quartz", "", "µ 石英 🪨 ооид", "grain " * 500, "  \t\n ", "a"]


def largest(values):
    return float(np.abs(values).max())


class EncoderContract:
    """Inherit, and give a fixture ``encoder``."""

    def test_has_the_protocol(self, encoder):
        assert isinstance(encoder, ImageEncoder)

    def test_spec_survives_json(self, encoder):
        spec = EncoderSpec.from_json(encoder.spec.to_json())
        assert spec == encoder.spec
        assert spec.fingerprint == encoder.spec.fingerprint
        assert spec.name
        assert spec.family
        assert len(spec.sha256) == 64

    def test_vectors_are_finite_float32_of_a_length_that_the_spec_allows(self, encoder):
        images = varied_images()
        vectors = encoder.encode_images(images)
        assert vectors.shape == (len(images), encoder.spec.dim)
        assert vectors.dtype == np.float32
        assert np.isfinite(vectors).all()
        lengths = np.linalg.norm(vectors, axis=1)
        assert (lengths > 1e-6).all()
        assert np.allclose(lengths, 1, atol=1e-5) is encoder.spec.normalised

    def test_no_images_give_no_vectors(self, encoder):
        assert encoder.encode_images([]).shape == (0, encoder.spec.dim)
        assert encoder.encode_prepared([]).shape == (0, encoder.spec.dim)

    def test_a_vector_does_not_depend_on_its_batch(self, encoder):
        images = varied_images()
        together = encoder.encode_images(images, batch_size=len(images))
        alone = np.concatenate([encoder.encode_images([image]) for image in images])
        backwards = encoder.encode_images(images[::-1], batch_size=2)[::-1]
        scale = max(1.0, largest(together))
        for other in (alone, backwards):
            assert largest(together - other) <= BATCH_TOLERANCE * scale

    def test_the_two_steps_are_the_whole(self, encoder):
        images = varied_images()[:4]
        prepared = [encoder.prepare(image) for image in images]
        np.testing.assert_array_equal(
            encoder.encode_prepared(prepared), encoder.encode_images(images, batch_size=len(images))
        )

    def test_prepared_arrays_are_alike_in_shape_and_type(self, encoder):
        prepared = [encoder.prepare(image) for image in varied_images()]
        assert len({(array.shape, array.dtype) for array in prepared}) == 1

    def test_prepare_is_thread_safe_and_leaves_the_image_alone(self, encoder):
        images = varied_images() * 2
        before = [image.tobytes() for image in images]
        expected = [encoder.prepare(image) for image in images]
        with ThreadPoolExecutor(4) as pool:
            threaded = list(pool.map(encoder.prepare, images))
        for one, other in zip(expected, threaded, strict=True):
            np.testing.assert_array_equal(one, other)
        assert [image.tobytes() for image in images] == before

    def test_encoding_leaves_prepared_arrays_alone(self, encoder):
        prepared = [encoder.prepare(blobs(seed)) for seed in range(2)]
        before = [array.copy() for array in prepared]
        encoder.encode_prepared(prepared)
        for one, other in zip(before, prepared, strict=True):
            np.testing.assert_array_equal(one, other)

    def test_other_images_give_other_vectors(self, encoder):
        one, other, again = encoder.encode_images([blobs(3), blobs(4), blobs(3)])
        apart, together = largest(one - other), largest(one - again)
        assert apart > 100 * together
        assert apart > 1e-3

    def test_patches_form_a_grid(self, encoder):
        patches = grid_of(encoder, varied_images())
        count, rows, columns, width = patches.shape
        assert count == len(varied_images())
        assert rows == columns
        assert width >= 1
        assert patches.dtype == np.float32
        assert np.isfinite(patches).all()
        assert grid_of(encoder, []).shape == (0, rows, columns, width)

    def test_patches_do_not_depend_on_their_batch(self, encoder):
        images = varied_images()
        together = grid_of(encoder, images)
        alone = np.concatenate([grid_of(encoder, [image]) for image in images])
        assert largest(together - alone) <= BATCH_TOLERANCE * max(1.0, largest(together))

    @pytest.mark.parametrize(("row", "column"), [(0, 0), (0, 1), (1, 0), (1, 1)])
    def test_patches_lie_where_they_were_seen(self, encoder, row, column):
        """Rows from the top, then columns from the left: a spot moves the patches under it most."""
        image, side = blobs(5, (224, 224)), 56
        spotted = image.copy()
        left, top = 84 + (column * 2 - 1) * 42, 84 + (row * 2 - 1) * 42
        spotted.paste((255, 0, 255), (left, top, left + side, top + side))
        plain, changed = grid_of(encoder, [image, spotted])
        moved = np.linalg.norm(changed - plain, axis=-1)
        halves = np.array_split(np.arange(len(moved)), 2)
        quarters = np.array([[moved[np.ix_(r, c)].mean() for c in halves] for r in halves])
        assert np.unravel_index(quarters.argmax(), (2, 2)) == (row, column)

    def test_windows_have_a_patch_grid_of_their_own_size(self, encoder):
        encoder = of_kind(encoder, DensePatchEncoder)
        windows = windows_of(encoder, [blobs(6), solid(0, 0, 0), blobs(7)], 4, 6)
        before = windows.copy()
        windows.flags.writeable = False
        grids = encoder.patch_grids(windows)
        assert grids.shape == (3, 4, 6, encoder.patch_dim)
        assert grids.dtype == np.float32
        assert np.isfinite(grids).all()
        assert (np.linalg.norm(grids, axis=-1) > 1e-6).all()
        np.testing.assert_array_equal(windows, before)

    def test_windows_do_not_depend_on_their_batch_or_thread(self, encoder):
        encoder = of_kind(encoder, DensePatchEncoder)
        windows = windows_of(encoder, [blobs(seed) for seed in range(4)], 4, 4)
        together = encoder.patch_grids(windows)
        with ThreadPoolExecutor(4) as pool:
            alone = np.concatenate(list(pool.map(encoder.patch_grids, windows[:, None])))
        assert largest(together - alone) <= BATCH_TOLERANCE * max(1.0, largest(together))

    def test_what_lies_beyond_the_reach_says_nothing(self, encoder):
        encoder = of_kind(encoder, LocalPatchEncoder)
        patch = encoder.patch_px
        columns = -(-encoder.reach_px // patch) + 6
        image, other = windows_of(encoder, [blobs(8), blobs(8)], 4, columns)
        other[:, :patch] = 255 - other[:, :patch]
        one, changed = encoder.patch_grids(np.stack([image, other]))
        far = np.abs(one - changed)[:, columns - 5 :].max()
        assert far <= BATCH_TOLERANCE * largest(one)
        assert largest(one - changed) > 1e-2 * largest(one)

    def test_attention_is_a_share_of_each_patch(self, encoder):
        images = varied_images()
        maps = of_kind(encoder, AttentiveEncoder).attention(images)
        count, *_, rows, columns = maps.shape
        assert count == len(images)
        assert (rows, columns) == grid_of(encoder, images[:1]).shape[1:3]
        assert maps.dtype == np.float32
        assert maps.min() >= 0
        assert maps.sum(axis=(2, 3)).max() <= 1 + BATCH_TOLERANCE
        assert encoder.attention([]).shape[2:] == (rows, columns)
        assert largest(encoder.attention(images[:1]) - maps[:1]) <= BATCH_TOLERANCE

    def test_texts_lie_in_the_space_of_the_images(self, encoder):
        texts = varied_texts()
        vectors = of_kind(encoder, TextEncoder).encode_texts(texts)
        assert vectors.shape == (len(texts), encoder.spec.dim)
        assert vectors.dtype == np.float32
        assert np.isfinite(vectors).all()
        lengths = np.linalg.norm(vectors, axis=1)
        assert np.allclose(lengths, 1, atol=1e-5) is encoder.spec.normalised
        assert encoder.encode_texts([]).shape == (0, encoder.spec.dim)

    def test_the_vector_of_a_text_does_not_depend_on_its_batch(self, encoder):
        texts = varied_texts()
        together = of_kind(encoder, TextEncoder).encode_texts(texts)
        alone = np.concatenate([encoder.encode_texts([text]) for text in texts])
        pairs = encoder.encode_texts(texts, batch_size=2)
        for other in (alone, pairs):
            assert largest(together - other) <= BATCH_TOLERANCE
        np.testing.assert_array_equal(encoder.encode_texts(texts), together)

    def test_other_texts_give_other_vectors(self, encoder):
        encode = of_kind(encoder, TextEncoder).encode_texts
        one, other = encode(["a photo of quartz", "a shell"])
        assert largest(one - other) > 1e-3

    @pytest.mark.slow
    def test_adapting_is_repeatable_and_recorded(self, encoder):
        encoder = adaptable(encoder)
        images = [blobs(seed) for seed in range(encoder.min_images_to_adapt)]
        prepared = [encoder.prepare(image) for image in images]
        before = encoder.encode_images(images[:3])
        one, other = encoder.adapt(prepared, seed=0), encoder.adapt(prepared, seed=0)
        assert one.spec.adapted
        assert one.spec.column == encoder.spec.column
        assert one.spec.fingerprint == other.spec.fingerprint != encoder.spec.fingerprint
        np.testing.assert_array_equal(
            one.encode_images(images[:3]), other.encode_images(images[:3])
        )
        np.testing.assert_array_equal(encoder.encode_images(images[:3]), before)


def of_kind(encoder, protocol):
    if not isinstance(encoder, protocol):
        pytest.skip(f"no {protocol.__name__}")
    return encoder


def windows_of(encoder, images, rows, columns):
    """(N, rows, columns) patches of images that are squashed to them."""
    size = (columns * encoder.patch_px, rows * encoder.patch_px)
    return np.stack([np.array(image.resize(size)) for image in images])


def grid_of(encoder, images):
    return of_kind(encoder, PatchEncoder).encode_patches(images)


def adaptable(encoder):
    return of_kind(encoder, AdaptableEncoder)
