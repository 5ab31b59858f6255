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
