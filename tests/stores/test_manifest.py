import json
from dataclasses import replace

import pytest
from contracts_store import make_spec

from georetrieve.errors import IndexNotFoundError, StoreError
from georetrieve.stores.manifest import MANIFEST_NAME, SCHEMA_VERSION, Manifest, SourceRoot


def test_what_is_saved_is_loaded(manifest, tmp_path):
    full = replace(
        manifest,
        sources=(*manifest.sources, SourceRoot(key="more", root="/data/more µm")),
        encoders=(*manifest.encoders, make_spec(7, "cosine", name="other")),
        annotation={"": {"labels": "folder", "digest": "abc"}},
        reading={"um_per_px": 0.5, "raw_shape": None},
    )
    full.save(tmp_path)
    assert Manifest.load(tmp_path) == full


@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.replace"])
def test_a_manifest_is_replaced_whole_or_not_at_all(manifest, tmp_path, monkeypatch, step):
    manifest.save(tmp_path)

    def fail(*args):
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(step, fail)
        with pytest.raises(StoreError, match="No space"):
            replace(manifest, name="new").save(tmp_path)
    assert Manifest.load(tmp_path).name == "slides"
    assert [path.name for path in tmp_path.iterdir()] == [MANIFEST_NAME]


def test_a_later_schema_is_refused_with_the_remedy(manifest, tmp_path):
    later = replace(manifest, schema_version=SCHEMA_VERSION + 1, georetrieve_version="9.1")
    later.save(tmp_path)
    with pytest.raises(StoreError, match=r"schema version 2, written by georetrieve 9\.1.*Update"):
        Manifest.load(tmp_path)


def test_a_later_schema_is_refused_even_if_it_says_things_unheard_of(tmp_path):
    (tmp_path / MANIFEST_NAME).write_text(json.dumps({"schema_version": 7, "novelty": 1}))
    with pytest.raises(StoreError, match=r"schema version 7.*Update"):
        Manifest.load(tmp_path)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "3", '{"name": "x"}', '{"schema_version": "1", "sources": [], "encoders": []}',
     '{"schema_version": 1, "sources": [3], "encoders": []}',
     '{"schema_version": 1, "name": "x", "sources": [], "encoders": [{"name": "x"}]}'],
)  # fmt: skip
def test_a_damaged_manifest_is_one_line_that_names_the_file(tmp_path, text):
    (tmp_path / MANIFEST_NAME).write_text(text)
    with pytest.raises(StoreError, match=r"manifest\.json is damaged.*index again") as caught:
        Manifest.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_no_manifest_is_no_index(tmp_path):
    with pytest.raises(IndexNotFoundError, match="holds no index"):
        Manifest.load(tmp_path)


def test_encoders_by_name_by_column_and_by_default(manifest):
    two = replace(manifest, encoders=(make_spec(4), make_spec(7, name="dino/small")))
    assert two.encoder().name == "fake"
    assert two.encoder("dino/small").dim == 7
    assert two.encoder("vector_dino_small").dim == 7
    with pytest.raises(StoreError, match=r"Did you mean 'dino/small'\?.*--encoder dino/smal$"):
        two.encoder("dino/smal")
    with pytest.raises(StoreError, match="no encoder yet"):
        replace(manifest, encoders=()).encoder()


def test_two_encoders_do_not_share_a_column(manifest):
    with pytest.raises(StoreError, match="share the column 'vector_a_b'"):
        replace(manifest, encoders=(make_spec(4, name="a-b"), make_spec(4, name="A b")))
