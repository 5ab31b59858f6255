import pytest

from georetrieve.errors import StoreError
from georetrieve.search.browse import list_items
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.manifest import Manifest
from georetrieve.types import Item


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = IndexStore.create(tmp_path_factory.mktemp("browse") / "index", Manifest(name="b"))
    depths = [30, 10, None, 20, 10]
    items = [
        Item(
            path=f"{name}.png",
            kind="image",
            label="azolla" if depth == 10 else None,
            metadata={"depth": depth},
            thumbnail=name.encode(),
        )
        for name, depth in zip("abcde", depths, strict=True)
    ]
    store.add_items(items, {})
    return store


def names(listing):
    return "".join(one[0] for one in listing.ids())


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "abcde"),
        ({"descending": True}, "edcba"),
        ({"sort": "depth"}, "bedac"),
        ({"sort": "depth", "descending": True}, "adbec"),
        ({"where": "label = 'azolla'"}, "be"),
        ({"where": "depth > 10", "sort": "depth"}, "da"),
        ({"ids": ["d.png", "a.png", "no.png"]}, "ad"),
    ],
)
def test_order_and_conditions(store, options, expected):
    assert names(list_items(store, **options)) == expected


def test_pages(store):
    listing = list_items(store, sort="depth")
    page = listing.page(1, 2)
    assert [row["id"] for row in page.rows] == ["d.png", "a.png"]
    assert [row["thumbnail"] for row in page.rows] == [b"d", b"a"]
    assert (page.number, page.pages, page.total) == (1, 3, 5)
    assert [row["id"] for row in listing.page(99, 2).rows] == ["c.png"]
    assert listing.page(-1, 2).number == 0


def test_nothing_found_is_one_empty_page(store):
    page = list_items(store, "label = 'none'").page(0, 10)
    assert (page.pages, page.total, page.rows) == (1, 0, [])


def test_bad_columns_conditions_and_sizes(store):
    with pytest.raises(StoreError, match=r"no column 'dept' to sort by\. Did you mean 'depth'"):
        list_items(store, sort="dept")
    with pytest.raises(StoreError, match="nothing"):
        list_items(store, "nothing = 1")
    with pytest.raises(StoreError, match="1 or more"):
        list_items(store).page(0, 0)


def test_rows_are_the_right_ones_wherever_they_lie(tmp_path):
    store = IndexStore.create(tmp_path / "index", Manifest(name="b"))
    for place in range(0, 60, 5):  # pieces of their own, whose rows are not in the order of ids
        names = [f"{(37 * one) % 60:02}.png" for one in range(place, place + 5)]
        store.add_items(
            [Item(path=name, kind="image", metadata={"depth": int(name[:2])}) for name in names], {}
        )
    store.remove_ids([f"{one:02}.png" for one in range(0, 60, 7)])
    store._items._dataset.optimize.compact_files(target_rows_per_fragment=15)
    store.remove_ids(["01.png", "33.png"])
    store.add_items([Item(path="20.png", kind="tile", metadata={"depth": 20})], {})
    left = [one for one in range(60) if one % 7 and one not in (1, 33)]
    for where, expected in ((None, left), ("depth > 30", [one for one in left if one > 30])):
        listing = list_items(store, where, sort="depth", descending=True)
        rows = [row for page in range(5) for row in listing.page(page, 12).rows]
        assert [row["depth"] for row in rows[: len(listing)]] == expected[::-1]
        assert listing.ids() == [f"{one:02}.png" for one in expected[::-1]]
    (changed,) = list_items(store, "kind = 'tile'").page(0, 9).rows
    assert changed["id"] == "20.png"
