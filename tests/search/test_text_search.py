"""Words that find what they name: with an encoder trained on captions, and by hand with a fake."""

import json
import shutil

import numpy as np
import pytest
from fakes import FakeEncoder, fake_vector
from safetensors.numpy import load_file
from trained_dual import NAME, PRESENT, picture
from typer.testing import CliRunner

from georetrieve.cli.app import app
from georetrieve.encoders.runtime import Runtime
from georetrieve.errors import EncoderError, StoreError
from georetrieve.search import Index, Query, QueryImage, QueryText
from georetrieve.search.mixing import score_spreads
from georetrieve.search.texts import text_vector
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import Manifest
from georetrieve.types import EncoderSpec, Item
from georetrieve.vocabulary import Entry, Vocabulary, load_vocabulary, prompts_for


def labels(result):
    return [hit.label for hit in result.hits]


def ask(index, *words, **options):
    return index.search(index.parse([], texts=words), **options)


@pytest.mark.parametrize("mineral", PRESENT)
def test_a_mineral_is_found_by_its_name(ores, mineral):
    result = ask(ores, mineral, k=8)
    assert result.encoder == NAME
    assert labels(result)[0] == mineral
    # Of 52 items 8 show it alone, 14 or 20 with another: by chance a quarter or a third.
    assert sum(mineral in label for label in labels(result)) >= 7


def test_a_synonym_finds_what_the_name_finds(ores):
    by_name, by_synonym = ask(ores, "galena"), ask(ores, "Lead Glance")
    assert [hit.id for hit in by_synonym.hits] == [hit.id for hit in by_name.hits]
    (wording,) = by_synonym.texts
    assert (wording.text, wording.entry) == ("Lead Glance", "galena")
    assert {"galena", "lead glance"} <= set(wording.words)
    assert "a photomicrograph of lead glance in thin section" in wording.prompts


def test_what_is_absent_is_not_found(ores):
    result = ask(ores, "covellite")
    assert list(result.hits) == []
    assert (result.cutoff.above, result.cutoff.nearest) == (0, len(ores))
    assert "Nothing matches" in result.remarks[-1]
    everything = ask(ores, "covellite", show_all=True)
    assert len(everything.hits) == 10
    assert all(hit.fit <= everything.cutoff.fit for hit in everything.hits)
    assert "--all" not in everything.remarks[-1]
    assert ask(ores, "sphalerite").cutoff.above <= 1  # grey, as some quartz is


def test_what_is_present_stays_above_the_cutoff(ores):
    for mineral in PRESENT:
        result = ask(ores, mineral, k=50)
        shown = [hit for hit in result.hits if hit.label == mineral]
        assert len(shown) >= 7, mineral
        assert all(hit.fit > result.cutoff.fit for hit in result.hits)
        assert result.cutoff.above == len(result.hits) < len(ores)
        assert f"{len(result.hits)} of the {len(ores)} nearest" in result.remarks[-1]


def test_without_a_cutoff_nothing_is_compared(ores):
    result = ask(ores, "covellite", cutoff=None)
    assert len(result.hits) == 10
    assert result.cutoff is None
    assert {hit.fit for hit in result.hits} == {None}
    with pytest.raises(StoreError, match=r"quantile from 0\.01 to 0\.99"):
        ask(ores, "covellite", cutoff=0.999)


def test_more_of_one_and_less_of_another(ores):
    both = ask(ores, "galena + quartz", k=4)
    assert labels(both).count("galena and quartz") >= 2
    without = ask(ores, "galena - quartz", k=8)
    # Another processor's rounding trains slightly other weights.
    assert labels(without)[0] == "galena"
    assert labels(without).count("galena") >= 6
    assert without.query == "+ text:galena - text:quartz"


def test_words_and_images_are_mixed(ores, tmp_path):
    picture("quartz", 500).save(tmp_path / "q.png")
    less = ores.search(ores.parse(["-", str(tmp_path / "q.png")], texts=["galena"]), 8)
    assert labels(less).count("galena") >= 6
    more = ores.search(ores.parse(["+", str(tmp_path / "q.png")], texts=["galena"]), 6)
    assert "galena and quartz" in labels(more)
    assert more.cutoff is None
    assert "no hit is left out" in more.remarks[-1]
    # An image alone is as it was: percentiles, no words.
    alone = ores.search(Query.image(tmp_path / "q.png"), 1)
    assert alone.hits[0].percentile is not None
    assert (alone.hits[0].fit, alone.texts) == (None, [])


def test_filters_hold_for_words(ores):
    result = ask(ores, "galena", where="depth >= 300 AND label = 'galena'", k=50)
    assert {hit.metadata["depth"] for hit in result.hits} == {300, 400, 500, 600, 700}
    assert list(ask(ores, "galena", where="depth > 9999").hits) == []
    item = ores.parse(["galena/00.png"], texts=["galena"])
    result = ores.search(item, 20, exclude_group=True)
    assert {hit.group for hit in result.hits} == {"well 1"}


def test_a_name_that_is_nearly_one_is_suggested_and_searched_all_the_same(ores):
    result = ask(ores, "galenna", show_all=True)
    assert "did you mean 'galena'?" in result.remarks[0]
    assert len(result.hits) == 10
    assert result.texts[0].entry is None
    assert not any("did you mean" in line for line in ask(ores, "a heap of stones").remarks)


def test_the_result_says_how_words_were_put(ores):
    values = json.loads(ask(ores, "galena - 2*quartz", k=1).to_json())
    first, second = values["texts"]
    assert (first["text"], first["weight"], first["style"]) == ("galena", 1, "petrographic")
    assert (second["text"], second["weight"], second["entry"]) == ("quartz", -2, "quartz")
    assert values["cutoff"]["quantile"] == 0.95
    assert values["hits"][0]["fit"] > values["cutoff"]["fit"]
    raw = ores.search(Query.text("bright white", style="raw"), 1, show_all=True)
    assert raw.texts[0].prompts == ("bright white",)


def test_a_vocabulary_of_ones_own(ores):
    own = Entry(name="galena", kind="ore mineral", group="sulphide", synonyms=("shiny lead",))
    with Index.open(ores.path, vocabulary=Vocabulary([own], {})) as index:
        (wording,) = ask(index, "Shiny lead", k=1, cutoff=None).texts
    assert (wording.entry, wording.words) == ("galena", ("galena", "shiny lead"))


def test_the_score_is_the_cosine_with_the_mean_of_the_prompts(ores):
    prompts = prompts_for("galena", load_vocabulary())
    vector = text_vector(ores.encoder(), prompts)
    hit = ask(ores, "galena", k=1).hits[0]
    _, stored = ores.store.vectors(ores.manifest.encoders[0].column, f"id = '{hit.id}'")
    assert hit.score == pytest.approx(float(stored[0] @ vector), abs=1e-5)


def test_words_that_fit_nothing_are_encoded_once(ores, monkeypatch):
    assert ask(ores, "quartz", k=1).cutoff is not None
    kept = sorted((ores.path / "cache" / "texts").glob("*petrographic*.safetensors"))
    assert len(kept) == 1
    with Index.open(ores.path, runtime=Runtime(device="cpu")) as again:
        encoder, encoded = again.encoder(), []
        plain = encoder.encode_texts
        monkeypatch.setattr(
            encoder, "encode_texts", lambda texts, **kw: encoded.extend(texts) or plain(texts, **kw)
        )
        first = ask(again, "quartz")
        assert len(encoded) == len(first.texts[0].prompts)
    for damage in (b"damaged", b"", kept[0].read_bytes()[:999]):
        kept[0].write_bytes(damage)
        with Index.open(ores.path, runtime=Runtime(device="cpu")) as again:
            assert ask(again, "quartz").cutoff == first.cutoff
        assert load_file(kept[0])["texts"].shape == (120, 64)


def test_what_was_kept_of_other_items_is_found_anew(ores, tmp_path):
    copy = shutil.copytree(ores.path, tmp_path / "copy")
    with Index.open(copy, runtime=Runtime(device="cpu")) as index:
        before = ask(index, "pyrite").cutoff
        index.store.remove_ids([f"pyrite/{number:02d}.png" for number in range(4)])
    with Index.open(copy, runtime=Runtime(device="cpu")) as index:
        after = ask(index, "pyrite").cutoff
    assert after.nearest == before.nearest - 4
    assert after.fit <= before.fit


def test_spreads_by_hand():
    items = np.float32([[1, 0], [0, 1]])
    # Cosines 1, 0: mean .5, standard deviation .5; .6, .8: .1.
    np.testing.assert_allclose(score_spreads(np.float32([[2, 0], [3, 4]]), items), [0.5, 0.1], 1e-5)
    np.testing.assert_array_equal(score_spreads(np.float32([[1, 1]]), items), [1])  # all alike
    np.testing.assert_array_equal(score_spreads(np.float32([[1, 2]]), items[:1]), [1])


# --- by hand --------------------------------------------------------------------------------------


class FakeDual(FakeEncoder):
    """Colours named in a text."""

    COLOURS = (("red", (255, 0, 0)), ("green", (0, 255, 0)), ("blue", (0, 0, 255)))

    def __init__(self, name="fake-dual"):
        super().__init__(2, name)
        facts = {**self.spec.to_json(), "metric": "cosine", "normalised": True}
        self.spec = EncoderSpec.from_json(facts)

    def encode_texts(self, texts, *, batch_size=256):
        named = [[colour for name, colour in self.COLOURS if name in text] for text in texts]
        mixed = [np.sum(colours or [(60, 60, 60)], axis=0) for colours in named]
        return np.stack([fake_vector(*colour) for colour in mixed])


@pytest.fixture
def colours(tmp_path, fake_family, monkeypatch):
    """An index with two columns: the first has no texts, the second has."""
    duals = {"fake-dual": FakeDual}
    monkeypatch.setattr("fakes.load_named", lambda name, *a, **kw: duals.get(name, FakeEncoder)())
    specs = (FakeEncoder().spec, FakeDual().spec)
    store = IndexStore.create(tmp_path / "i", Manifest(name="i", encoders=specs))
    items = [Item(path=f"{name}.png", kind="image", label=name) for name, _ in FakeDual.COLOURS]
    vectors = np.stack([fake_vector(*colour) for _, colour in FakeDual.COLOURS])
    store.add_items(items, {spec.column: vectors for spec in specs})
    with Index.open(tmp_path / "i", runtime=Runtime(device="cpu")) as opened:
        yield opened


def test_the_first_column_that_takes_texts_is_searched(colours):
    result = ask(colours, "red", cutoff=None)
    assert (labels(result)[0], result.encoder) == ("red", "fake-dual")
    assert result.remarks == ["fake has no texts; searched with fake-dual, which has."]
    with pytest.raises(EncoderError, match="fake has no texts; use an encoder that has"):
        ask(colours, "red", encoder="fake")


def test_an_index_without_texts_says_how_to_get_them(index):
    message = r"fake has no texts; add an encoder.*--index index -e siglip2-vitb16.*encoders pull"
    with pytest.raises(EncoderError, match=message):
        ask(index, "galena")


def test_one_item_and_none(tmp_path, fake_family, monkeypatch):
    monkeypatch.setattr("fakes.load_named", lambda name, *a, **kw: FakeDual())
    spec = FakeDual().spec
    store = IndexStore.create(tmp_path / "i", Manifest(name="i", encoders=(spec,)))
    with Index.open(tmp_path / "i") as index:
        assert list(ask(index, "red").hits) == []
    store.add_items([Item(path="a.png", kind="image")], {spec.column: fake_vector(255, 0, 0)[None]})
    with Index.open(tmp_path / "i") as index:
        assert len(ask(index, "red - blue", show_all=True).hits) == 1


# --- as it is typed -------------------------------------------------------------------------------


def words(text):
    return [(part.text, part.weight) for part in Query.parse([], is_item=bool, texts=[text]).parts]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("galena", [("galena", 1)]),
        ("lead glance", [("lead glance", 1)]),
        ("galena - quartz", [("galena", 1), ("quartz", -1)]),
        ("galena -quartz +pyrite", [("galena", 1), ("quartz", -1), ("pyrite", 1)]),
        ("- quartz", [("quartz", -1)]),
        ("+galena", [("galena", 1)]),
        ("2*galena - .5*lead glance", [("galena", 2), ("lead glance", -0.5)]),
        ("K-feldspar in plane-polarised light", [("K-feldspar in plane-polarised light", 1)]),
        ("石英 - µ", [("石英", 1), ("µ", -1)]),
    ],
)
def test_signs_within_words(text, expected):
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("galena -", "no words after '-'"),
        ("galena - + quartz", "no words after '-'"),
        ("-", "no words after '-'"),
        ("2*", "no words"),
        ("0*galena", "weight"),
    ],
)
def test_words_that_are_none(text, message):
    with pytest.raises(StoreError, match=message):
        words(text)


def test_words_among_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.jpg", "text:a.jpg"):
        (tmp_path / name).touch()
    query = Query.parse(
        ["text:lead glance", "-", "2*text:a.jpg", "+", "a.jpg"],
        is_item=lambda one: one in {"text:a.jpg", "text:lead glance"},
        style="raw",
    )
    assert query.parts == (
        QueryText("lead glance", 1, "raw"),
        QueryText("a.jpg", -2, "raw"),  # never a file, nor an id
        QueryImage(tmp_path.joinpath("a.jpg").relative_to(tmp_path)),
    )
    assert str(query) == "+ text:lead glance - 2*text:a.jpg + a.jpg"
    with pytest.raises(StoreError, match="words text:galena"):
        Query.parse(["galena"], is_item=lambda one: False)
    with pytest.raises(StoreError, match="empty"):
        Query.parse(["text: "], is_item=lambda one: False)


def test_the_command(ores, tmp_path):
    run = CliRunner()
    quartz = str(ores.path.parent / "sections/quartz/00.png")
    asked = ["search", str(ores.path), "--text", "galena", "-", quartz]
    found = run.invoke(app, [*asked, "-k", "3", "--format", "json", "--device", "cpu"])
    assert found.exit_code == 0, found.output
    values = json.loads(found.stdout)
    assert [hit["label"] for hit in values["hits"]] == ["galena"] * 3
    assert "11 of" in found.stderr or "nearest score above" in found.stderr
    table = run.invoke(
        app, ["search", str(ores.path), "text:covellite", "--save", str(tmp_path / "s.html")]
    )
    assert table.exit_code == 0, table.output
    assert "Nothing matches" in table.stderr
    assert "text:covellite" in (tmp_path / "s.html").read_text()
    everything = run.invoke(
        app, ["search", str(ores.path), "--text", "covellite", "--all", "--prompts", "raw"]
    )
    assert "fit" in everything.stdout
    assert run.invoke(app, ["search", str(ores.path), "--region", "0,0,9,9"]).exit_code == 2
