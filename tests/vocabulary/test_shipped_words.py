"""The vocabulary that comes with the package: complete, cited, without contradictions."""

import importlib.resources
import re
import tomllib

import pytest

from georetrieve.vocabulary import load_vocabulary
from georetrieve.vocabulary.entry import KINDS, LIGHTS
from georetrieve.vocabulary.reading import SHIPPED

DATA = importlib.resources.files("georetrieve.vocabulary") / "data"
SCAMPI = (
    "alisocysta",
    "areoligera",
    "areosphaeridium",
    "azolla",
    "bisaccate",
    "cleistosphaeridium",
    "deflandrea",
    "eatonicysta",
    "glaphyrocysta",
    "hystrichokolpoma",
    "hystrichosphaeridium",
    "inaperturopollenites",
    "isabelidinium",
    "palaeocystodinium",
    "palaeoperidinium",
    "phthanoperidinium",
    "spiniferites",
    "subtilisphaera",
    "svalbardella",
    "wetzeliella",
)


@pytest.fixture(scope="module")
def known():
    return load_vocabulary()


def test_there_are_many_of_each_kind(known):
    assert len(known.entries("ore mineral")) >= 60
    assert len(known.entries("rock-forming mineral")) >= 60
    assert len(known.entries("palynomorph")) >= 60
    assert len(known) == sum(len(known.entries(kind)) for kind in KINDS) >= 120


def test_every_entry_of_the_files_is_loaded(known):
    files = [tomllib.loads((DATA / name).read_text(encoding="utf-8")) for name in SHIPPED]
    assert sum(len(one["entry"]) for one in files) == len(known)
    keys = [key for one in files for key in one["sources"]]
    assert len(keys) == len(set(keys))


def test_every_entry_cites_works_of_the_table_and_every_work_is_cited(known):
    cited = {key for entry in known.entries() for key in entry.sources}
    assert cited == set(known.sources)
    assert all(entry.sources for entry in known.entries())
    for citation in known.sources.values():
        assert re.search(r"\b(19|20)\d\d\b", citation), citation


def test_entries_hold_what_their_kind_has(known):
    for entry in known.entries():
        mineral = entry.kind != "palynomorph"
        assert not (mineral and entry.age), entry.name
        assert mineral or not (entry.formula or entry.symbols), entry.name
        assert set(entry.looks) <= (set(LIGHTS[:3]) if mineral else {"transmitted"}), entry.name
        assert all(re.fullmatch(r"[A-Z][a-zö]{0,3}", one) for one in entry.symbols), entry.name
        assert all(len(look) <= 110 for look in entry.looks.values()), entry.name
        assert mineral or entry.looks


def test_formulas_are_balanced_and_of_elements(known):
    for entry in known.entries():
        assert entry.formula.count("(") == entry.formula.count(")"), entry.name
        assert re.fullmatch(r"(?:[A-Z][a-z]?|[(),·nx\d-])*", entry.formula), entry.name


@pytest.mark.parametrize("genus", SCAMPI)
def test_classes_of_the_scampi_benchmark_are_there(known, genus):
    assert known.find(genus).kind == "palynomorph"


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("lead glance", "galena"),
        ("Bleiglanz", "galena"),
        ("kvarts", "quartz"),
        ("sphene", "titanite"),
        ("fool's gold", "pyrite"),
        ("amethyst", "quartz"),
        ("heavy spar", "baryte"),
        ("Qz", "quartz"),
        ("Po", "pyrrhotite"),
        ("Pyh", "pyrrhotite"),
        ("Corollina", "Classopollis"),
        ("Spiniferites ramosus", "Spiniferites"),
    ],
)
def test_well_known_names_lead_to_their_entry(known, word, name):
    assert known.find(word).name == name
