import pytest

from georetrieve.errors import StoreError
from georetrieve.search import conditions
from georetrieve.search.column_facts import column_facts
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import Manifest
from georetrieve.types import Item

NASTY = [
    "'; DROP TABLE items; --",
    "O'Brien",
    '"quoted"',
    "back`tick",
    "back\\slash",
    "100 %_",
    "Größe µm 礫岩",
    "two\nlines",
    "label' OR '1'='1",
]
COLUMNS = ['of "who"', "it's", "select", "Tiefe (m)", "礫 岩", "a; b", "1st", "-- no", "LABEL"]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = IndexStore.create(tmp_path_factory.mktemp("facts") / "index", Manifest(name="c"))
    items = [
        Item(
            path=f"well/{value}.png",
            kind="image",
            label=value if number else None,
            metadata={
                "remark": value,
                "depth": 1000.5 + number,
                "bed": number or None,
                "seen": bool(number % 2),
                **dict.fromkeys(COLUMNS, str(number)),
            },
            thumbnail=b"x",
        )
        for number, value in enumerate(NASTY)
    ]
    store.add_items(items, {})
    return store


def numbers(store, where):
    found = store.scan(["depth"], where).column("depth").to_pylist()
    return sorted(round(depth - 1000.5) for depth in found)


@pytest.mark.parametrize("number", range(len(NASTY)))
def test_values_are_never_sql(store, number):
    value = NASTY[number]
    assert numbers(store, conditions.one_of("remark", [value])) == [number]
    assert numbers(store, conditions.begins_with("path", f"well/{value}")) == [number]
    both = conditions.one_of("label", [value], or_nothing=True)
    assert numbers(store, both) == sorted({0, number} if number else {0})


@pytest.mark.parametrize("column", COLUMNS)
def test_names_are_never_sql(store, column):
    assert numbers(store, conditions.one_of(column, ["3", "5"])) == [3, 5]
    assert numbers(store, conditions.begins_with(column, "7")) == [7]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        (conditions.between("depth", 1001, 1003.5), [1, 2, 3]),
        (conditions.between("depth", None, 1000.5), [0]),
        (conditions.between("bed", 6.5, None), [7, 8]),
        (conditions.between("depth", -1e30, 1e-07), []),
        (conditions.is_true("seen", true=True), [1, 3, 5, 7]),
        (conditions.is_true("seen", true=False), [0, 2, 4, 6, 8]),
        (conditions.one_of("label", [], or_nothing=True), [0]),
        (conditions.begins_with("path", "well/"), list(range(9))),
        (conditions.begins_with("path", "w%"), []),
    ],
)
def test_what_is_found(store, condition, found):
    assert numbers(store, condition) == found


def test_nothing_asked_is_no_condition():
    asked = [
        conditions.one_of("label", []),
        conditions.between("depth", None, None),
        conditions.begins_with("path", ""),
        conditions.written(" \n"),
    ]
    assert asked == [None] * 4
    assert conditions.all_of(asked) is None


def test_written_condition_stands_by_itself(store):
    mine = conditions.written("depth < 1002 OR bed = 5 -- the two")
    where = conditions.all_of([mine, None, conditions.is_true("seen", true=True)])
    assert numbers(store, where) == [1, 5]


def test_refused():
    with pytest.raises(StoreError, match="backticks"):
        conditions.one_of("a` OR 1=1 OR `a", ["x"])
    for bound in (float("nan"), float("inf")):
        with pytest.raises(StoreError, match="cannot bound"):
            conditions.between("depth", bound, None)


def test_facts_of_columns(store):
    facts = column_facts(store)
    assert not {"id", "thumbnail", "content_hash"} & set(facts)
    depth, bed, seen, kind = (facts[name] for name in ("depth", "bed", "seen", "kind"))
    assert (depth.kind, depth.low, depth.high, depth.whole) == ("number", 1000.5, 1008.5, False)
    assert (bed.low, bed.high, bed.whole, bed.filled, bed.distinct) == (1, 8, True, 8, 8)
    assert (seen.kind, seen.filled, seen.distinct) == ("truth", 9, 2)
    assert (kind.kind, dict(kind.counts)) == ("text", {"image": 9})
    assert (facts["source"].filled, facts["source"].counts) == (0, {})  # empty text is nothing
    assert set(facts["remark"].counts) == set(NASTY)


def test_many_values_are_not_counted_one_by_one(store):
    facts = column_facts(store, most=8)
    assert (facts["remark"].distinct, facts["remark"].counts) == (9, {})
    assert len(facts["label"].counts) == 8  # of 9 items one has none


def test_facts_of_an_empty_index(tmp_path):
    facts = column_facts(IndexStore.create(tmp_path / "index", Manifest(name="e")))
    assert (facts["x"].low, facts["x"].distinct, facts["label"].counts) == (None, 0, {})


def test_items_by_their_ids(store):
    ids = store.scan(["id"], limit=3).column("id").to_pylist()
    assert store.count(conditions.among(ids)) == 3
    assert store.count(conditions.among([*NASTY, "'"])) == 0
    assert store.count(conditions.among([])) == 0
