import pytest

from georetrieve.vocabulary import Entry, Vocabulary
from georetrieve.vocabulary.entry import name_key

GALENA = Entry(
    name="galena",
    kind="ore mineral",
    group="sulphide",
    symbols=("Gn",),
    synonyms=("lead glance",),
    foreign=("galène",),
)
SILVER = Entry(name="silver", kind="ore mineral", group="native element", symbols=("Ag",))
ACANTHITE = Entry(
    name="acanthite", kind="ore mineral", group="sulphide", synonyms=("silver glance",)
)
ORTHOCLASE = Entry(
    name="orthoclase", kind="rock-forming mineral", group="feldspar", symbols=("Or",)
)
K_FELDSPAR = Entry(name="K-feldspar", kind="rock-forming mineral", group="feldspar")
CYST = Entry(
    name="Spiniferites",
    kind="palynomorph",
    group="dinoflagellate cyst",
    varieties=("Spiniferites ramosus",),
)
KNOWN = Vocabulary([GALENA, SILVER, ACANTHITE, ORTHOCLASE, K_FELDSPAR, CYST], {})


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Åkermanites", "akermanite"),
        ("K-feldspars", "k feldspar"),
        ("  lead   glance ", "lead glance"),
        ("LEAD_GLANCE", "lead glance"),
        ("geodes", "geode"),
        ("quartzes", "quartz"),
        ("varieties", "variety"),
        ("glass", "glass"),
        ("gas", "gas"),
        ("…", ""),
    ],
)
def test_what_counts_of_a_name(text, key):
    assert name_key(text) == key


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("galena", GALENA),
        ("GALENAS", GALENA),
        ("Galene", GALENA),
        ("lead-glance", GALENA),
        ("Gn", GALENA),
        (" Gn ", GALENA),
        ("gn", None),
        ("or", None),
        ("Or", ORTHOCLASE),
        ("k feldspar", K_FELDSPAR),
        ("spiniferites", CYST),
        ("Spiniferites ramosus", CYST),
        ("lead", None),
        ("", None),
        ("...", None),
    ],
)
def test_find(text, entry):
    assert KNOWN.find(text) is entry


def test_suggestions_are_names_spelt_alike_one_an_entry():
    assert KNOWN.suggest("galenna") == ["galena"]
    assert KNOWN.suggest("led glance") == ["lead glance", "silver glance"]
    assert KNOWN.suggest("spinifirites") == ["Spiniferites"]
    assert KNOWN.suggest("bicycle") == []


def test_entries_are_in_order_and_by_kind():
    assert [one.name for one in KNOWN.entries()] == [
        "acanthite",
        "galena",
        "K-feldspar",
        "orthoclase",
        "silver",
        "Spiniferites",
    ]
    assert KNOWN.entries("palynomorph") == (CYST,)


def test_mentions_are_the_longest_names_and_where_they_stand():
    text = "Silver glance on galenas, and silver"
    found = [(one.entry.name, text[one.start : one.end]) for one in KNOWN.mentions(text)]
    assert found == [("acanthite", "Silver glance"), ("galena", "galenas"), ("silver", "silver")]


def test_symbols_are_no_mentions():
    assert KNOWN.mentions("this Or that") == []


def test_an_empty_vocabulary_knows_nothing():
    nothing = Vocabulary([], {})
    assert (len(nothing), nothing.find("galena"), nothing.suggest("galena")) == (0, None, [])
    assert nothing.mentions("galena") == []
