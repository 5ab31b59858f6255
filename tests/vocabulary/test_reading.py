import pytest

from georetrieve.errors import VocabularyError
from georetrieve.vocabulary import check_vocabulary, load_vocabulary
from georetrieve.vocabulary.reading import VARIABLE

OWN = """
[sources]
own = "A. Petrographer, Field notes, 2024"

[[entry]]
name = "glimmerite"
kind = "rock-forming mineral"
group = "mica rock"
synonyms = ["biotitite"]
looks.ppl = "brown flakes only"
sources = ["own", "dhz2013"]
"""


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "words.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture(autouse=True)
def no_variable(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)


def test_an_entry_of_ones_own_is_added(write):
    known = load_vocabulary(write(OWN))
    entry = known.find("Biotitites")
    assert (entry.name, entry.sources) == ("glimmerite", ("own", "dhz2013"))
    assert known.sources["own"] == "A. Petrographer, Field notes, 2024"
    assert len(known) == len(load_vocabulary()) + 1
    assert load_vocabulary().find("glimmerite") is None


def test_fields_that_are_given_replace_those_of_the_same_name_and_others_stay(write):
    shipped = load_vocabulary().find("galena")
    known = load_vocabulary(write('[[entry]]\nname = "Galena"\nsynonyms = ["potter\'s ore"]'))
    entry = known.find("potter's ore")
    assert (entry.name, entry.synonyms) == ("Galena", ("potter's ore",))
    assert (entry.formula, entry.sources) == (shipped.formula, shipped.sources)
    assert known.find("lead glance") is None
    assert len(known) == len(load_vocabulary())


def test_the_environment_names_a_file_and_an_argument_goes_before_it(write, monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(write(OWN)))
    assert load_vocabulary().find("glimmerite")
    other = tmp_path / "other.toml"
    other.write_text("", encoding="utf-8")
    assert load_vocabulary(other).find("glimmerite") is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (OWN.replace("synonyms", "synonym"), "unknown key 'synonym'. Did you mean 'synonyms'?"),
        (OWN.replace('name = "glimmerite"', ""), "number 1: it has no name"),
        (OWN.replace('name = "glimmerite"', 'name = " "'), "name must be a text, and not empty"),
        (OWN.replace('"rock-forming mineral"', '"rock forming"'), "unknown kind 'rock forming'"),
        (OWN.replace('["biotitite"]', '"biotitite"'), "synonyms must be a list of texts"),
        (OWN.replace('["biotitite"]', '[""]'), "synonyms must be a list of texts"),
        (OWN.replace("looks.ppl", "looks.uv"), "unknown light 'uv'"),
        (OWN.replace("looks.ppl", "looks"), "looks must be a table of reflected"),
        (OWN.replace('"brown flakes only"', "3"), "looks.ppl must be a text"),
        (OWN.replace('sources = ["own", "dhz2013"]', ""), "glimmerite has no sources"),
        (OWN.replace('group = "mica rock"', ""), "glimmerite has no group"),
        (OWN.replace('"dhz2013"', '"dhz2012"'), "'dhz2012', which is not in [sources]. Did you"),
        (OWN.replace('own = "A. Petrographer, Field notes, 2024"', 'own = ""'), "has no text"),
        (OWN.replace("own =", "dhz2013 ="), "source dhz2013 already stands for"),
        (OWN.replace("biotitite", "lead-glances"), "is a name of galena and glimmerite"),
        (OWN.replace("biotitite", "Glimmerite"), "is a name of glimmerite, twice"),
        (OWN + 'symbols = ["Gn"]', "'symbol Gn' is a name of galena and glimmerite"),
        (OWN + OWN[OWN.index("[[entry]]") :], "glimmerite is there twice"),
        (OWN.replace("[[entry]]", "[[entries]]"), "unknown table 'entries'. Did you mean 'entry'?"),
        ("entry = 3", "it must have a table [sources] and tables [[entry]]"),
        ("entry = [3]", "it is no table"),
    ],
)
def test_what_is_wrong_is_said(write, text, problem):
    path = write(text)
    assert any(problem in one for one in check_vocabulary(path)), check_vocabulary(path)
    with pytest.raises(VocabularyError, match=r"words\.toml: "):
        load_vocabulary(path)


def test_all_problems_are_found_at_once_and_counted(write):
    path = write(OWN.replace("group", "grup").replace("looks.ppl", "looks.uv"))
    assert len(check_vocabulary(path)) == 2
    with pytest.raises(VocabularyError, match="1 more: georetrieve words --check"):
        load_vocabulary(path)


def test_a_good_file_has_no_problem(write):
    assert check_vocabulary(write(OWN)) == []


@pytest.mark.parametrize("content", [b"name = ", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_refused(tmp_path, content):
    path = tmp_path / "words.toml"
    path.write_bytes(content)
    with pytest.raises(VocabularyError, match=r"words\.toml"):
        load_vocabulary(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(VocabularyError, match="cannot be read"):
        check_vocabulary(tmp_path / "none.toml")
