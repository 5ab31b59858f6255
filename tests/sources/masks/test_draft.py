"""What is clicked, named and taken back."""

import pytest

from georetrieve.errors import SourceError
from georetrieve.sources.masks.classes import ClassTable, MapClass
from georetrieve.sources.masks.clicks import Click, clicks_csv, read_clicks
from georetrieve.sources.masks.draft import Draft


@pytest.fixture
def draft():
    made = Draft()
    made.add_class("quartz")
    made.add_class("pore")
    made.click("a.png", 3, 4, "quartz", reach=1)
    made.click("b.png", 5, 6, "pore", reach=1)
    return made


def test_classes_and_clicks_are_counted(draft):
    assert draft.names == ("quartz", "pore")
    assert draft.counts() == {"quartz": 1, "pore": 1}
    assert draft.counts("a.png") == {"quartz": 1}
    assert draft.images == ("a.png", "b.png")
    assert draft.table.codes == (0, 1)
    assert len(set(draft.table.colours)) == 2


def test_a_click_on_a_click_takes_it_away_on_its_own_image_only(draft):
    assert not draft.click("a.png", 3.5, 4, "pore", reach=1)
    assert draft.counts("a.png") == {}
    assert draft.click("a.png", 5, 6, "pore", reach=1)
    assert draft.counts() == {"pore": 2}


def test_of_two_clicks_the_nearer_goes(draft):
    draft.click("a.png", 5, 4, "pore", reach=1)
    draft.click("a.png", 4.2, 4, "pore", reach=2)
    assert [one.x for one in draft.clicks if one.path == "a.png"] == [3]


def test_every_change_can_be_taken_back(draft):
    said = [(draft.clicks, draft.names, draft.table.colours)]
    for change in (
        lambda: draft.rename_class("pore", "void"),
        lambda: draft.colour_class("quartz", (1, 2, 3)),
        lambda: draft.add_clicks(
            [Click(2, "a.png", 1, 1, "clay"), Click(3, "a.png", 9, 1, "mica")]
        ),
        lambda: draft.remove_class("quartz"),
    ):
        change()
        said.append((draft.clicks, draft.names, draft.table.colours))
    for before in reversed(said[:-1]):
        assert draft.undo()
        assert (draft.clicks, draft.names, draft.table.colours) == before
    for _ in range(4):
        assert draft.undo()
    assert not draft.can_undo
    assert not draft.undo()


def test_a_class_takes_its_clicks_along(draft):
    draft.rename_class("quartz", "  alpha   quartz ")
    assert draft.counts() == {"alpha quartz": 1, "pore": 1}
    draft.remove_class("alpha quartz")
    assert draft.counts() == {"pore": 1}


def test_a_new_class_has_a_colour_no_other_has(draft):
    first = draft.table.colours[0]
    draft.remove_class("quartz")
    draft.add_class("mica")
    assert draft.table.colours[-1] == first


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("  ", "needs a name"),
        ("a\x00b", "can be read"),
        ("quartz", "already"),
        ("x" * 81, "81 letters"),
    ],
)
def test_names_that_are_none(draft, name, message):
    with pytest.raises(SourceError, match=message):
        draft.add_class(name)


def test_an_unknown_class_is_no_class(draft):
    for act in (
        lambda: draft.click("a.png", 1, 1, "quarz", reach=1),
        lambda: draft.remove_class("quarz"),
        lambda: draft.rename_class("quarz", "x"),
        lambda: draft.colour_class("quarz", (0, 0, 0)),
    ):
        with pytest.raises(SourceError, match="Did you mean 'quartz'"):
            act()


def test_too_much_at_once_changes_nothing(draft):
    many = [Click(2, "a.png", 1, 1, f"class {number}") for number in range(70)]
    with pytest.raises(SourceError, match="64 classes"):
        draft.add_clicks(many)
    assert draft.names == ("quartz", "pore")
    with pytest.raises(SourceError, match="20,000"):
        draft.add_clicks([Click(2, "a.png", 1, 1, "pore")] * 20_000)


def test_a_mask_brings_its_classes_and_follows_their_names(draft, tmp_path):
    table = ClassTable((MapClass("pore", 7, (9, 9, 9)), MapClass("clay", 8, (1, 2, 3))))
    draft.add_mask("a.png", tmp_path / "m.png", table)
    assert draft.names == ("quartz", "pore", "clay")
    assert draft.table.colours[2] == (1, 2, 3)
    draft.rename_class("clay", "illite")
    draft.remove_class("pore")
    assert draft.masks[0].names == (None, "illite")
    draft.remove_mask("a.png")
    assert not draft.masks


def test_what_is_saved_is_read_again(draft, tmp_path):
    draft.add_class('"<b>, x')
    draft.click("a b.png", 0.25, 1234.5, '"<b>, x', reach=1)
    path = tmp_path / "clicks.csv"
    path.write_text(clicks_csv(draft.clicks), encoding="utf-8")
    found = read_clicks(path).points
    assert [(one.path, one.x, one.y, one.name) for one in found] == [
        (one.path, one.x, one.y, one.name) for one in draft.clicks
    ]


def test_radii_are_saved_where_there_are_any(tmp_path):
    points = [Click(2, "a", 1, 2, "x", 3.5), Click(3, "a", 4, 5, "y")]
    path = tmp_path / "clicks.csv"
    path.write_text(clicks_csv(points), encoding="utf-8")
    assert read_clicks(path).points == points


def test_everything_is_cleared_in_one_step(draft):
    said = draft.classes, draft.clicks
    draft.clear()
    assert not draft.classes
    assert not draft.clicks
    draft.clear()  # nothing is no step
    assert draft.undo()
    assert (draft.classes, draft.clicks) == said


def test_many_clicks_at_once_are_one_step_however_many_came_before(draft):
    for _ in range(300):
        draft.click("a.png", 50, 50, "pore", reach=1)
    before = draft.names, draft.clicks
    draft.add_clicks([Click(0, "a.png", 1, 1, "mica"), Click(0, "a.png", 2, 2, "zircon")])
    draft.undo()
    assert (draft.names, draft.clicks) == before
    draft.undo()
    assert draft.names == before[0]
    assert draft.clicks != before[1]
