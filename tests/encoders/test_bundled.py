"""The bundled encoder, beyond what the contract of every encoder asks."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

from georetrieve.encoders.bundled import BundledEncoder
from georetrieve.encoders.registry import load_encoder
from georetrieve.encoders.runtime import FASTEST, Runtime
from georetrieve.errors import EncoderError
from georetrieve.sources.synthetic.specimen import draw_specimen

TAXA = ("chorate_cyst", "trilete_spore", "bisaccate_pollen", "leiosphere")
PER_TAXON = 16


@pytest.fixture(scope="module")
def shipped():
    return BundledEncoder.shipped()


@pytest.fixture(scope="module")
def specimens():
    return [
        Image.fromarray(draw_specimen(taxon, np.random.default_rng([9, number]), 160)[0])
        for taxon in TAXA
        for number in range(PER_TAXON)
    ]


@pytest.fixture(scope="module")
def prepared(shipped, specimens):
    return [shipped.prepare(image) for image in specimens]


@pytest.fixture(scope="module")
def adapted(shipped, prepared):
    return shipped.adapt(prepared)


def nearest_is_of_same_taxon(vectors):
    labels = np.repeat(np.arange(len(TAXA)), PER_TAXON)
    distances = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    return float((labels[distances.argmin(axis=1)] == labels).mean())


def test_the_shipped_codebook_is_small_and_says_what_it_is(shipped):
    spec = shipped.spec
    assert (spec.name, spec.family, spec.adapted) == ("bundled", "bundled", False)
    assert (spec.dim, spec.patch_size, spec.metric) == (512, 8, "euclidean")
    data = Path(__file__).parents[2] / "georetrieve" / "encoders" / "data"
    assert (data / "bundled.safetensors").stat().st_size < 8e6
    card = (data / "MODEL_CARD.md").read_text()
    assert spec.fingerprint in card
    assert "fit-bundled" in card


def test_taxa_are_told_apart_and_adapting_does_not_harm(shipped, adapted, prepared):
    before = nearest_is_of_same_taxon(shipped.encode_prepared(prepared))
    after = nearest_is_of_same_taxon(adapted.encode_prepared(prepared))
    assert before > 0.9
    assert after >= before - 0.03


def test_vectors_are_the_same_bits_alone_together_and_in_threads(shipped, prepared):
    sample = prepared[::8]
    together = shipped.encode_prepared(sample)
    alone = np.concatenate([shipped.encode_prepared([image]) for image in sample])
    with ThreadPoolExecutor(3) as pool:
        threaded = np.concatenate(
            list(pool.map(lambda one: shipped.encode_prepared([one]), sample))
        )
    np.testing.assert_array_equal(alone, together)
    np.testing.assert_array_equal(threaded, together)


def test_encoding_leaves_the_number_of_threads_as_it_was(shipped, prepared):
    before = torch.get_num_threads()
    shipped.encode_prepared(prepared[:2])
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda one: shipped.encode_prepared([one]), prepared[:6]))
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(("turns", "nearness"), [(1, 0.999), (2, 0.999), (0.5, 0.8)])
def test_a_turned_specimen_is_nearly_the_same(shipped, specimens, turns, nearness):
    """Quarter turns change nothing but rounding; half a quarter turn changes the sampling."""
    image = specimens[0]
    turned = image.rotate(90 * turns, Image.Resampling.BICUBIC, fillcolor=image.getpixel((0, 0)))
    one, other = shipped.encode_images([image, turned])
    assert float(one @ other) > nearness


def test_grey_constant_and_tiny_images_have_vectors_of_length_one(shipped):
    grey = Image.linear_gradient("L").convert("RGB")
    flat = [Image.new("RGB", (s, s), c) for s in (1, 64) for c in ("black", "white", "#7f3310")]
    vectors = shipped.encode_images([grey, *flat, Image.new("RGB", (5000, 1), "grey")])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_black_and_white_images_differ(shipped):
    black, white = shipped.encode_images([Image.new("RGB", (9, 9), c) for c in ("black", "white")])
    assert np.linalg.norm(black - white) > 0.05


def test_only_rgb_is_taken(shipped):
    with pytest.raises(EncoderError, match=r"mode 'L' .* takes RGB"):
        shipped.prepare(Image.new("L", (9, 9)))


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        ({"device": "cuda"}, "device"),
        ({"backend": "onnx"}, "backend"),
        ({"precision": "bf16"}, "precision"),
    ],
)
def test_it_runs_in_one_way_and_says_so(asked, what):
    assert load_encoder("bundled", runtime=FASTEST).spec.dim
    with pytest.raises(EncoderError, match=f"bundled encoder runs with {what}"):
        load_encoder("bundled", runtime=Runtime(**asked))


def test_it_has_no_layers():
    with pytest.raises(EncoderError, match="no option 'size=448'"):
        load_encoder("bundled,size=448")


def test_patches_of_a_moved_texture_move_with_it(shipped):
    """A patch does not know where in the image it lies: 64 px to the right are 8 patches."""
    coarse = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((256, 256), Image.Resampling.BICUBIC)
    moved = Image.fromarray(np.roll(np.asarray(image), 64, axis=1))
    one, other = shipped.encode_patches([image, moved])
    assert one.shape == (32, 32, 89)
    # Away from the seam, and as far from it as the largest cells reach.
    np.testing.assert_allclose(other[:, 13:27], one[:, 5:19], atol=0.05)
    assert np.abs(other[:, 13:27] - one[:, 13:27]).max() > 1


def test_patches_are_whitened(adapted, specimens):
    patches = adapted.encode_patches(specimens[::4]).reshape(-1, 89)
    assert np.abs(patches.mean(axis=0)).max() < 1
    assert 0.3 < np.median(patches.std(axis=0)) < 2


def test_too_few_images_are_refused(shipped, prepared):
    few = prepared[: shipped.min_images_to_adapt - 1]
    with pytest.raises(EncoderError, match=r"63 images are too few .* use it as shipped"):
        shipped.adapt(few)


def test_images_that_are_all_alike_are_refused(shipped, prepared):
    with pytest.raises(EncoderError, match="cannot be told apart"):
        shipped.adapt([np.zeros_like(prepared[0])] * shipped.min_images_to_adapt)


def test_a_saved_encoder_is_the_same_encoder(adapted, prepared, tmp_path):
    adapted.save(tmp_path / "kept.safetensors")
    loaded = BundledEncoder.load(tmp_path / "kept.safetensors")
    assert loaded.spec.fingerprint == adapted.spec.fingerprint
    assert loaded.spec.adapted
    np.testing.assert_array_equal(
        loaded.encode_prepared(prepared[:3]), adapted.encode_prepared(prepared[:3])
    )
    assert stat.S_IMODE((tmp_path / "kept.safetensors").stat().st_mode) & 0o044


def damaged(path, change):
    """Write the codebook of ``path`` again with something changed."""
    with safe_open(path, framework="pt") as file:
        facts = json.loads(file.metadata()["georetrieve"])
        names = file.keys()
        tensors = {name: file.get_tensor(name) for name in names}
    change(tensors, facts)
    save_file(tensors, path, metadata={"georetrieve": json.dumps(facts)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensors, facts: tensors.pop("colour.means"), "colour.means. Fit it anew"),
        (lambda tensors, facts: tensors.update(extra=torch.ones(1)), "too many: extra"),
        (
            lambda tensors, facts: tensors.update(
                {"axes.bytes": tensors["axes.bytes"][:-1].clone()}
            ),
            "axes are of shape",
        ),
        (
            lambda tensors, facts: tensors.update({"colour.centre": torch.ones(19)}),
            "the shapes of colour are",
        ),
        (
            lambda tensors, facts: tensors["gradient.means"].fill_(torch.nan),
            "gradient.means holds values that are not finite",
        ),
        (lambda tensors, facts: facts.update(format="other-9"), "its format is 'other-9'"),
    ],
)
def test_a_codebook_that_does_not_fit_is_refused(adapted, tmp_path, change, message):
    path = tmp_path / "changed.safetensors"
    adapted.save(path)
    damaged(path, change)
    with pytest.raises(EncoderError, match=message) as caught:
        BundledEncoder.load(path)
    assert "\n" not in str(caught.value)


def test_files_that_are_none_are_refused(adapted, tmp_path):
    whole, cut = tmp_path / "whole.safetensors", tmp_path / "cut.safetensors"
    adapted.save(whole)
    cut.write_bytes(whole.read_bytes()[:10_000])
    (tmp_path / "empty.safetensors").write_bytes(b"")
    for name in ("cut", "empty", "missing"):
        with pytest.raises(EncoderError, match=rf"{name}.safetensors cannot be read"):
            BundledEncoder.load(tmp_path / f"{name}.safetensors")
    with pytest.raises(EncoderError, match="cannot be written"):
        adapted.save(tmp_path / "nowhere" / "kept.safetensors")
