"""Clicks that are kept with an index."""

import json
import threading
from pathlib import Path

import pytest

from georetrieve.errors import SourceError, StoreError, UnknownFormatError
from georetrieve.search import drafts
from georetrieve.search.drafts import DraftShelf
from georetrieve.sources.masks.classes import ClassTable, MapClass
from georetrieve.sources.masks.clicks import Click
from georetrieve.sources.masks.draft import Draft
from georetrieve.sources.masks.draft_file import draft_text, read_draft

NAME = "0123456789abcdef"
HOSTILE = "<b>pore</b> '; DROP \N{SNOWMAN} \\"


@pytest.fixture
def mask(tmp_path):
    path = tmp_path / "loaded.png"
    path.write_bytes(b"pixels")
    return path


@pytest.fixture
def draft(mask):
    made = Draft()
    made.add_class(HOSTILE)
    made.add_class("quartz", (1, 2, 255))
    made.click("../../a\udce9.png", 3.1, 4, HOSTILE, reach=1)  # a file name that is no UTF-8
    made.add_clicks([Click(7, "b.png#z=3", 1 / 3, 6, "quartz", radius=2.5)])
    made.add_mask("b.png", mask, ClassTable((MapClass("quartz", 0, (0, 0, 0)),)))
    made.add_mask("c.png", mask, ClassTable((MapClass("mica", 3, (9, 9, 9)),)))
    made.remove_class("mica")
    return made


@pytest.fixture
def shelf(tmp_path):
    (tmp_path / "index").mkdir()
    return DraftShelf(tmp_path / "index")


@pytest.fixture
def into(tmp_path):
    (tmp_path / "into").mkdir()
    return tmp_path / "into"


def file_of(shelf):
    return shelf._folder / f"{NAME}.json"


def test_round_trip(shelf, draft, into, mask):
    shelf.keep(NAME, draft)
    mask.unlink()  # what was uploaded goes with the server
    again = shelf.read(NAME, into)
    assert again.classes == draft.classes
    said = [(one.path, one.x, one.y, one.name, one.radius) for one in draft.clicks]
    assert [(one.path, one.x, one.y, one.name, one.radius) for one in again.clicks] == said
    assert [(one.image, one.names) for one in again.masks] == [
        ("b.png", ("quartz",)),
        ("c.png", (None,)),
    ]
    assert {one.file.parent for one in again.masks} == {into}
    assert again.masks[0].file.read_bytes() == b"pixels"
    assert not again.can_undo
    shelf.keep(NAME, again)
    (kept,) = shelf.listing()
    assert (kept.name, kept.classes, kept.clicks) == (NAME, 2, 2)
    assert kept.images == ("../../a\udce9.png", "b.png#z=3", "b.png", "c.png")


def test_a_mask_that_is_left_out_goes_and_comes_back(shelf, draft, into):
    shelf.keep(NAME, draft)
    for image in ("b.png", "c.png"):
        draft.remove_mask(image)
    shelf.keep(NAME, draft)
    assert [one.name for one in shelf._folder.iterdir()] == [f"{NAME}.json"]
    draft.undo()
    shelf.keep(NAME, draft)
    assert [one.image for one in shelf.read(NAME, into).masks] == ["c.png"]


def test_an_empty_draft_is_not_kept(shelf, draft, into):
    shelf.keep(NAME, Draft())
    shelf.keep(NAME, draft)
    draft.clear()
    shelf.keep(NAME, draft)
    assert shelf.read(NAME, into) is None
    assert not list(shelf._folder.iterdir())
    draft.undo()
    shelf.keep(NAME, draft)
    assert shelf.read(NAME, into).classes == draft.classes


@pytest.mark.parametrize(
    "name", ["", "../manifest", "/etc/passwd", "x" * 16, NAME[:-1], NAME + "\n", NAME.upper()]
)
def test_only_names_made_here_are_names(shelf, draft, into, name):
    assert shelf.read(name, into) is None
    with pytest.raises(StoreError, match="no name of a draft"):
        shelf.keep(name, draft)


def kept_text(draft):
    text = draft_text(
        draft,
        {one.file: "0" * 32 + ".png" for one in draft.masks},
        when="2026-01-01T00:00:00+00:00",
    )
    return json.loads(text)


DAMAGE = {
    "nothing": lambda said: "",
    "half": lambda said: json.dumps(said)[:-20],
    "a list": lambda said: "[]",
    "deep": lambda said: "[" * 200_000,
    "no clicks": lambda said: json.dumps({**said, "clicks": None}),
    "no classes": lambda said: json.dumps({one: said[one] for one in said if one != "classes"}),
    "not finite": lambda said: json.dumps({**said, "clicks": [["a", float("nan"), 1, "quartz"]]}),
    "endless": lambda said: json.dumps({**said, "clicks": [["a", 10**400, 1, "quartz"]]}),
    "text for x": lambda said: json.dumps({**said, "clicks": [["a", "1", 1, "quartz"]]}),
    "yes for x": lambda said: json.dumps({**said, "clicks": [["a", True, 1, "quartz"]]}),
    "short click": lambda said: json.dumps({**said, "clicks": [["a"]]}),
    "stranger": lambda said: json.dumps({**said, "clicks": [["a", 1, 1, "no such"]]}),
    "twice": lambda said: json.dumps({**said, "classes": said["classes"] * 2}),
    "colour": lambda said: json.dumps({**said, "classes": [{"name": "a", "colour": "red;"}]}),
    "no time": lambda said: json.dumps({**said, "when": "<b>now</b>"}),
    "a path": lambda said: json.dumps(
        {**said, "masks": [{"image": "a", "file": "../../secret.png", "names": ["quartz"]}]}
    ),
    "gone mask": lambda said: json.dumps(
        {**said, "masks": [{"image": "a", "file": "1" * 32 + ".png", "names": ["quartz"]}]}
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_damaged_is_set_aside_whole(shelf, draft, into, damage):
    shelf.keep(NAME, draft)
    text = DAMAGE[damage](kept_text(draft))
    file_of(shelf).write_text(text)
    with pytest.raises(StoreError, match="set aside") as told:
        shelf.read(NAME, into)
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 500
    (aside,) = shelf._folder.glob("*.damaged")
    assert aside.name in str(told.value)
    assert aside.read_text() == text
    assert shelf.read(NAME, into) is None
    assert shelf.listing() == []


def test_bytes_that_are_no_text(shelf, draft, into):
    shelf.keep(NAME, draft)
    file_of(shelf).write_bytes(b"\x80\xff\x00")
    with pytest.raises(StoreError, match="no text"):
        shelf.read(NAME, into)


def test_another_version_stays_where_it_is(shelf, draft, into):
    shelf.keep(NAME, draft)
    text = json.dumps({"format": 2})
    file_of(shelf).write_text(text)
    with pytest.raises(StoreError, match="another version"):
        shelf.read(NAME, into)
    assert file_of(shelf).read_text() == text
    with pytest.raises(UnknownFormatError):
        read_draft(text, Path)


def test_what_is_too_large_is_refused_and_what_was_kept_stays(shelf, draft, into, monkeypatch):
    shelf.keep(NAME, draft)
    draft.click("a", 1, 1, "quartz", reach=1)
    for bound, message in (("MOST_BYTES", "CSV"), ("MOST_MASK_BYTES", "masks are")):
        with monkeypatch.context() as patched:
            patched.setattr(drafts, bound, 10)
            with pytest.raises(StoreError, match=message):
                shelf.keep(NAME, draft)
    assert len(shelf.read(NAME, into).clicks) == 2
    monkeypatch.setattr(drafts, "MOST_DRAFTS", 1)
    with pytest.raises(StoreError, match="no more are kept"):
        shelf.keep(NAME[::-1], draft)
    shelf.keep(NAME, draft)
    monkeypatch.setattr(drafts, "MOST_BYTES", 10)
    with pytest.raises(StoreError, match="MiB large"):
        shelf.read(NAME, into)


def test_a_folder_that_cannot_be_written_is_said(tmp_path, draft):
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "drafts").write_text("no folder")  # a root may write anywhere else
    with pytest.raises(StoreError, match="cannot be written"):
        DraftShelf(tmp_path / "index").keep(NAME, draft)


def test_many_threads_keep_one_draft(shelf, draft, into):
    failed = []

    def keep():
        try:
            for _ in range(10):
                shelf.keep(NAME, draft)
        except StoreError as error:
            failed.append(error)

    threads = [threading.Thread(target=keep) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not failed
    assert shelf.read(NAME, into).classes == draft.classes
    assert sorted(one.suffix for one in shelf._folder.iterdir()) == ["", ".json"]


def test_the_newest_is_listed_first(shelf, draft):
    for number in range(3):
        shelf.keep(f"{number:016x}", draft)
        place = shelf._folder / f"{number:016x}.json"
        said = json.loads(place.read_text())
        place.write_text(json.dumps({**said, "when": f"2026-01-0{number + 1}T00:00:00+00:00"}))
    assert [int(one.name) for one in shelf.listing()] == [2, 1, 0]


def test_a_draft_holds_only_classes_it_knows(mask):
    with pytest.raises(SourceError, match="no class 'b'"):
        Draft([("a", (0, 0, 0))], [Click(0, "x", 1, 1, "b")])
