"""``georetrieve label`` to QuPath and back."""

import json

import pytest
from outlined_slide import outlined_index
from typer.testing import CliRunner

from georetrieve.cli.app import app
from georetrieve.errors import GeoRetrieveError, SourceError
from georetrieve.labelling import label_history
from georetrieve.stores.lance import IndexStore


def run(*words):
    """What a command printed; its errors are raised."""
    done = CliRunner().invoke(app, ["label", *map(str, words)])
    if isinstance(done.exception, GeoRetrieveError):
        raise done.exception
    return done


@pytest.fixture
def index(tmp_path):
    return outlined_index(tmp_path).path


def labels(index):
    table = IndexStore.open(index).scan(["id", "label"])
    found = dict(zip(*(table.column(name).to_pylist() for name in ("id", "label")), strict=True))
    return [label for _, label in sorted(found.items())]


def test_classes_corrected_in_qupath_become_labels_in_one_act(index, tmp_path):
    path = tmp_path / "slide.geojson"
    assert "3 items, 3 of them traced" in run("export", index, "--geojson", "--file", "slide.png",
                                              "-o", path).output  # fmt: skip
    drawn = json.loads(path.read_text())
    for feature in drawn["features"]:
        feature["properties"]["classification"] = {"name": "tasmanites", "color": [1, 2, 3]}
    path.write_text(json.dumps(drawn))
    before = labels(index)
    dry = run("import", index, path, "--file", "slide.png", "--dry-run").output
    assert dry.count("tasmanites") == 3
    assert labels(index) == before
    said = run("import", index, path, "--file", "slide.png", "--who", "ada").output
    assert "3 items have a new label" in said
    assert labels(index) == ["tasmanites"] * 3
    (act,) = label_history(index)
    assert (act["who"], act["how"], act["items"]) == ("ada", "imported", 3)
    again = run("import", index, path, "--file", "slide.png").output
    assert "3 items have their label already" in again
    assert "no item has a new label" in again


def test_what_gives_no_label_is_said(index, tmp_path):
    def box(x, y, side, name):
        ring = [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]
        named = {"classification": {"name": name}}
        geometry = {"type": "Polygon", "coordinates": [ring]}
        return {"type": "Feature", "geometry": geometry, "properties": named}

    path = tmp_path / "drawn.geojson"
    drawn = [box(270, 170, 60, "a"), box(272, 170, 60, "b"), box(10, 300, 30, "new")]
    path.write_text(json.dumps([*drawn, box(0, 0, 9, "Ignore*")]))
    before = labels(index)
    said = " ".join(run("import", index, path, "--file", "slide.png", "--boxes").output.split())
    assert "left as it is, being annotated as a and as b" in said
    assert "no item at 10,300,30,30: new" in said
    assert "1 annotations passed over: of a class that QuPath ignores" in said
    assert labels(index) == before


def test_what_is_of_no_item_becomes_one_when_asked(tmp_path, fake_family):
    from outlined_slide import DISCS, glass
    from PIL import Image

    from georetrieve.indexing.build import index_folder
    from georetrieve.indexing.options import IndexOptions

    index, slides = tmp_path / "index", tmp_path / "slides"
    slides.mkdir()
    Image.fromarray(glass(DISCS)).save(slides / "slide.png")
    cutting = {"items": "specimens", "max_um": 38.0}  # too little for the second disc
    options = IndexOptions(encoder="fake", reading={"um_per_px": 0.5}, cutting=cutting)
    index_folder(slides, index, options)
    x, y, radius = DISCS[1]
    ring = [[x - radius, y], [x, y - radius], [x + radius, y], [x, y + radius], [x - radius, y]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    drawn = {"geometry": geometry, "properties": {"classification": {"name": "tasmanites"}}}
    path = tmp_path / "drawn.geojson"

    def import_(*more, name="tasmanites"):
        drawn["properties"]["classification"]["name"] = name
        path.write_text(json.dumps([drawn]))
        return " ".join(run("import", index, path, "--file", "slide.png", *more).output.split())

    assert "--add would make items of those that match none" in import_()
    assert "1 items would be added" in import_("--add", "--dry-run")
    with pytest.raises(GeoRetrieveError, match="characters that cannot be seen"):
        import_("--add", name="a\x07b")
    assert len(labels(index)) == 2
    said = import_("--add", "--who", "ada")
    assert "1 items added 1 items have a new label" in said
    assert labels(index).count("tasmanites") == 1
    (act,) = label_history(index)
    assert (act["who"], act["how"], act["items"]) == ("ada", "imported", 1)
    again = import_("--add")
    assert "1 items have their label already no item has a new label" in again
    run("undo", index)
    assert labels(index) == [None] * 3
    assert "1 items have a new label" in import_(), "the item has stayed"


@pytest.mark.parametrize(
    "words",
    [
        ("export", "--geojson"),
        ("export", "--geojson", "-o", "x", "--slice", "z=1"),
        ("export", "--geojson", "-o", "x", "--file", "slide.png", "--slice", "12"),
        ("import", "x.geojson"),
    ],
)
def test_what_is_missing_is_asked_for(index, words):
    done = run(words[0], index, *words[1:])
    assert done.exit_code == 2


def test_a_file_that_is_not_there_says_so(index, tmp_path):
    with pytest.raises(SourceError, match="cannot be read"):
        run("import", index, tmp_path / "none.geojson", "--file", "slide.png")
