import pytest

from georetrieve.errors import VocabularyError
from georetrieve.vocabulary import Entry, Vocabulary, load_vocabulary, prompt_style, prompts_for
from georetrieve.vocabulary.prompts import words_for

QUARTZ = Entry(
    name="quartz",
    kind="rock-forming mineral",
    group="silica mineral",
    symbols=("Qz",),
    varieties=("amethyst",),
    foreign=("Quarz",),
    looks={"xpl": "grey"},
)
GALENA = Entry(name="galena", kind="ore mineral", group="sulphide", synonyms=("lead glance",))
CYST = Entry(
    name="Wetzeliella",
    kind="palynomorph",
    group="dinoflagellate cyst",
    looks={"transmitted": "rhombic"},
)
KNOWN = Vocabulary([QUARTZ, GALENA, CYST], {})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("galena", ["galena", "lead glance"]),
        ("Lead Glance", ["galena", "lead glance"]),
        ("Quarz", ["quartz"]),
        ("Qz", ["quartz"]),
        ("Amethyst", ["amethyst", "quartz"]),
        ("oolitic limestone", ["oolitic limestone"]),
        (" galena with pits ", ["galena with pits", "lead glance with pits"]),
        ("Bent lead glance", ["Bent lead glance", "Bent galena"]),
        ("quartz with undulose extinction", ["quartz with undulose extinction"]),
        ("amethyst geode", ["amethyst geode"]),
        ("veins of Quarz", ["veins of Quarz", "veins of quartz"]),
        ("galena on quartz", ["galena on quartz", "lead glance on quartz"]),
    ],
)
def test_words(text, words):
    assert words_for(text, KNOWN) == words


def test_at_most_six_words():
    many = Entry(
        name="x", kind="ore mineral", group="oxide", synonyms=tuple(f"x{n}" for n in range(20))
    )
    known = Vocabulary([many], {})
    assert words_for("x", known) == ["x", "x0", "x1", "x2", "x3", "x4"]
    assert len(words_for("red x", known)) == 6


def test_a_decomposed_letter_does_not_move_the_name_that_is_replaced():
    text = "pa\u0302le galena"
    assert words_for(text, KNOWN) == ["p\u00e2le galena", "p\u00e2le lead glance"]


@pytest.mark.parametrize(
    ("text", "style"),
    [
        ("galena", "petrographic"),
        ("bright galena", "petrographic"),
        ("wetzeliella", "palynological"),
        ("a bicycle", "general"),
    ],
)
def test_auto_goes_by_what_is_named(text, style):
    assert prompt_style(text, KNOWN) == style
    assert prompts_for(text, KNOWN) == prompts_for(text, KNOWN, style=style)


def test_prompts_of_a_mineral():
    prompts = prompts_for("galena", KNOWN)
    assert prompts[0] == "galena"
    assert "a photomicrograph of lead glance in thin section" in prompts
    assert "a reflected light image of galena in a polished ore section" in prompts
    assert len(prompts) == len(set(prompts))


def test_prompts_of_a_genus_say_what_it_is():
    prompts = prompts_for("wetzeliella", KNOWN)
    assert "a transmitted light photograph of the dinoflagellate cyst Wetzeliella" in prompts
    assert prompts[-1] == "the dinoflagellate cyst Wetzeliella: rhombic"


def test_looks_are_said_of_a_name_alone_in_its_own_style():
    look = "quartz under crossed polarisers: grey"
    assert prompts_for("Qz", KNOWN)[-1] == look
    assert look not in prompts_for("quartz vein", KNOWN)
    assert look not in prompts_for("quartz", KNOWN, style="general")


def test_a_mineral_in_palynological_prompts_is_no_cyst():
    prompts = prompts_for("galena", KNOWN, style="palynological")
    assert "a light micrograph of the palynomorph galena" in prompts


def test_raw_is_the_text_as_it_is():
    assert prompts_for("  Lead  glance {x}", KNOWN, style="raw") == ["  Lead  glance {x}"]


def test_braces_are_letters_like_others():
    assert "a photo of {0} {name}" in prompts_for("{0} {name}", KNOWN)


@pytest.mark.parametrize("style", ["auto", "raw"])
def test_an_empty_text_is_refused(style):
    with pytest.raises(VocabularyError, match="empty"):
        prompts_for(" \t", KNOWN, style=style)


def test_an_unknown_style_is_refused():
    with pytest.raises(VocabularyError, match="Did you mean 'petrographic'"):
        prompts_for("galena", KNOWN, style="petrografic")


@pytest.mark.parametrize("style", ["auto", "general", "petrographic", "palynological", "raw"])
def test_prompts_of_every_entry_are_sentences(style):
    known = load_vocabulary()
    for entry in known.entries():
        prompts = prompts_for(entry.name, known, style=style)
        assert all(prompt.strip() and "{" not in prompt for prompt in prompts)
        assert any(entry.name in prompt for prompt in prompts)
        assert len(prompts) <= 60
