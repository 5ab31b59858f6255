"""Tables of classes in files."""

import pytest

from georetrieve.errors import SourceError
from georetrieve.sources.masks.classes import distinct_colours
from georetrieve.sources.masks.table_file import parse_colour, read_class_table

SAME = {
    "t.csv": 'name,code,colour\npore,0,#0000ff\nquartz,10,"255, 0, 0"\n',
    "t.tsv": "Name\tCode\tColor\npore\t0\t#0000FF\nquartz\t10\t255,0,0\n",
    "t.json": '[{"name": "pore", "code": 0, "colour": [0, 0, 255]},'
    ' {"name": "quartz", "code": 10, "color": "#ff0000"}]',
    "t.toml": '[[classes]]\nname = "pore"\ncode = 0\ncolour = "0,0,255"\n'
    '[[classes]]\nname = "quartz"\ncode = 10\ncolour = [255, 0, 0]\n',
}


@pytest.fixture
def put(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("name", SAME)
def test_all_forms_say_the_same(put, name):
    table = read_class_table(put(name, SAME[name]))
    assert table.names == ("pore", "quartz")
    assert table.codes == (0, 10)
    assert table.colours == ((0, 0, 255), (255, 0, 0))


def test_codes_and_colours_may_be_left_out(put):
    table = read_class_table(put("t.csv", "name\npore\nquartz\n"))
    assert table.codes == (0, 1)
    assert list(table.colours) == distinct_colours(2)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("t.csv", "", "is empty"),
        ("t.csv", "name,code\n", "names no class"),
        ("t.csv", "code\n1\n", "no column 'name'"),
        ("t.csv", "name,code\na,1\nb,\n", "some classes a code"),
        ("t.csv", "name,code\na,1\nb,1\n", "comes twice"),
        ("t.csv", "name,code\na,x\n", "code 'x' of 'a'"),
        ("t.csv", "name,code\na,70000\n", "0 to 65535"),
        ("t.csv", "name,colour\na,#12345\n", "'a': '#12345' is no colour"),
        ("t.csv", "name,colour\na,255,0,0\n", "line 2: more fields"),
        ("t.json", "{", "is not JSON"),
        ("t.json", "3", "no list of classes"),
        ("t.json", '[{"code": 1}]', "class 1 has no name"),
        ("t.toml", "= 3", "is not TOML"),
        ("t.xlsx", "", "no table of classes"),
    ],
)
def test_what_is_no_table_says_why(put, name, text, words):
    with pytest.raises(SourceError, match=words):
        read_class_table(put(name, text))


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(SourceError, match="cannot be read"):
        read_class_table(tmp_path / "t.json")


@pytest.mark.parametrize(
    "text", ["#ff8000", "ff8000", "255,128,0", "255 128 0", "rgb(255, 128, 0)"]
)
def test_colours_are_read_as_people_write_them(text):
    assert parse_colour(text) == (255, 128, 0)


@pytest.mark.parametrize("wrong", ["red", "256,0,0", "1,2", [1, 2, -3], ""])
def test_what_is_no_colour_is_refused(wrong):
    with pytest.raises(SourceError, match="no colour"):
        parse_colour(wrong)
