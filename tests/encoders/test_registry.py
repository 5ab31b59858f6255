import shutil
from dataclasses import replace

import numpy as np
import pytest
from checkpoints import SMALL_ARCH, save_checkpoint, save_dino
from contracts_encoder import blobs
from fakes import fake_vector, solid

from georetrieve.encoders import registry
from georetrieve.encoders.registry import families, load_encoder, load_for_spec
from georetrieve.encoders.runtime import Runtime
from georetrieve.errors import EncoderError, SpecMismatchError


def test_names_and_forms_do_not_overlap():
    names = [name for family in families() for name in family.names]
    assert len(names) == len(set(names))
    for family in families():
        examples = [*family.all_names, *family.forms]
        assert examples, family.name
        for example in examples:
            assert [owner.name for owner in families() if owner.owns(example)] == [family.name]


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("bundeld", r"Did you mean 'bundled'\?"),
        ("vit_small_patch16_224", r"Did you mean 'timm:vit_small_patch16_224\.dino'\?"),
        ("", r"Known: bundled, clip-"),
        ("Zirkon", r"Known: bundled, clip-"),
    ],
)
def test_an_unknown_name_suggests_the_nearest(typed, hint):
    with pytest.raises(EncoderError, match=f"Unknown encoder {typed!r}.*{hint}"):
        load_encoder(typed)


def test_a_further_family_is_one_line(fake_family):
    assert fake_family in families()
    vectors = load_encoder("fake").encode_images([solid(255, 0, 0)])
    np.testing.assert_array_equal(vectors, [fake_vector(255, 0, 0)])


@pytest.fixture
def vit(tmp_path):
    return load_encoder(
        f"{SMALL_ARCH}@{save_checkpoint(tmp_path / 'weights.pth')}", runtime=Runtime(device="cpu")
    )


@pytest.fixture
def index_dir(tmp_path):
    (tmp_path / "index" / "encoders").mkdir(parents=True)
    return tmp_path / "index"


def test_weights_that_moved_are_found_in_the_index(vit, tmp_path, index_dir):
    images = [blobs(0)]
    shutil.move(tmp_path / "weights.pth", index_dir / "encoders" / "weights.pth")
    again = load_for_spec(vit.spec, index_dir, runtime=Runtime(device="cpu"))
    np.testing.assert_array_equal(again.encode_images(images), vit.encode_images(images))


def test_weights_that_are_gone_are_named_with_the_remedy(vit, tmp_path, index_dir):
    (tmp_path / "weights.pth").unlink()
    with pytest.raises(EncoderError) as caught:
        load_for_spec(vit.spec, index_dir)
    assert str(tmp_path / "weights.pth") in str(caught.value)
    assert vit.spec.sha256[:12] in str(caught.value)
    assert str(index_dir / "encoders" / "weights.pth") in str(caught.value)


def test_weights_that_changed_are_refused(vit, tmp_path, index_dir):
    save_checkpoint(tmp_path / "weights.pth", seed=1)
    with pytest.raises(EncoderError, match="content has changed"):
        load_for_spec(vit.spec, index_dir)


def test_changed_weights_do_not_hide_the_copy_in_the_index(vit, tmp_path, index_dir):
    shutil.move(tmp_path / "weights.pth", index_dir / "encoders" / "weights.pth")
    save_checkpoint(tmp_path / "weights.pth", seed=1)
    assert load_for_spec(vit.spec, index_dir).spec.sha256 == vit.spec.sha256


def test_the_part_of_a_checkpoint_is_remembered(tmp_path, index_dir):
    name = f"{SMALL_ARCH}@{save_dino(tmp_path / 'checkpoint.pth')}"
    teacher, named, student = (load_encoder(name + part) for part in ("", "#teacher", "#student"))
    assert teacher.spec.fingerprint == named.spec.fingerprint != student.spec.fingerprint
    assert teacher.spec.column != student.spec.column
    for encoder in (teacher, named, student):
        again = load_for_spec(encoder.spec, index_dir, runtime=Runtime(device="cpu"))
        assert again.spec == encoder.spec
        np.testing.assert_array_equal(
            again.encode_images([blobs(0)]), encoder.encode_images([blobs(0)])
        )


def test_an_encoder_that_changed_between_versions_is_refused_by_what_changed(vit, index_dir):
    older = replace(vit.spec, transform={**vit.spec.transform, "squash": 999})
    with pytest.raises(SpecMismatchError, match=r"transform was .*999.* and is"):
        load_for_spec(older, index_dir)


def test_a_family_of_the_future_is_refused(vit, index_dir):
    with pytest.raises(EncoderError, match=r"family 'timmy'.*Did you mean 'timm'"):
        load_for_spec(replace(vit.spec, family="timmy"), index_dir)


def test_listing_is_what_loading_uses(monkeypatch):
    monkeypatch.setattr(registry, "FAMILIES", ())
    with pytest.raises(EncoderError, match="Unknown encoder 'bundled'"):
        load_encoder("bundled")
