"""Labels, groups and metadata from folders, tables and patterns."""

import pytest

from georetrieve.errors import SourceError
from georetrieve.sources.label_table import column_name, read_table, typed_column
from georetrieve.sources.labels import Annotator
from georetrieve.types import Region


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "slides"
    for name in ("quartz/a.jpg", "quartz/b.jpg", "clay/a.jpg", "top.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return folder


@pytest.fixture
def table(root):
    def write(text, encoding="utf-8"):
        (root / "labels.csv").write_bytes(text.encode(encoding))
        return root / "labels.csv"

    return write


def annotator(root, labels=None, groups=None):
    return Annotator.from_options(None if labels is None else str(labels), groups, root)


def test_without_rules_slides_and_volumes_are_their_own_group(root):
    none = annotator(root)
    assert none.annotate("quartz/a.jpg", "image").group is None
    assert none.annotate("quartz/a.jpg", "image", Region(0, 0, 4, 4)).group == "quartz/a.jpg"
    assert none.annotate("s.svs", "slide").group == "s.svs"
    assert none.annotate("v.npy", "volume").group == "v.npy"
    assert annotator(root, groups="none").annotate("s.svs", "slide").group is None
    assert (none.annotate("s.svs", "slide").label, none.report()) == (None, [])


def test_folder_labels_are_names_and_groups_paths(root):
    rule = annotator(root, "folder", "folder")
    said = rule.annotate("well/quartz/a.jpg", "image")
    assert (said.label, said.group) == ("quartz", "well/quartz")
    assert annotator(root, "folder").annotate("quartz/a.jpg", "image").group is None
    assert rule.annotate("top.jpg", "image").label is None
    assert rule.report() == [
        "no labels for 1 file (in no folder below the source, so without a folder name)"
    ]


def test_patterns_give_labels_groups_and_typed_metadata(root):
    pattern = r"regex:(?P<label>\w+)/(?P<group>w\d)_(?P<depth>\d+)m_(?P<um>\d+\.\d+)_(?P<who>\w+)\."
    rule = annotator(root, pattern)
    said = rule.annotate("quartz/w7_1203m_0.5_kim.jpg", "image")
    assert (said.label, said.group) == ("quartz", "w7")
    assert said.metadata == {"depth": 1203, "um": 0.5, "who": "kim"}
    assert rule.columns == {"depth": "int", "um": "float", "who": "str"}
    missed = rule.annotate("quartz/other.jpg", "image")
    assert (missed.label, missed.metadata) == (None, {"depth": None, "um": None, "who": None})
    assert "does not match 1 file (for instance quartz/other.jpg)" in rule.report()[0]


def test_a_pattern_may_give_groups_beside_other_labels(root):
    rule = annotator(root, "folder", r"regex:(?P<group>\d+)")
    assert rule.annotate("quartz/17_xpl.jpg", "image").group == "17"


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("regex:(?P<label>", "not a regular expression"),
        ("regex:abc", "no named group"),
        ("foldr", "Did you mean 'folder'"),
        ("none.csv", "no file here or in"),
    ],
)
def test_impossible_options_are_refused(root, option, message):
    with pytest.raises(SourceError, match=message):
        annotator(root, option)


def test_a_table_gives_labels_groups_and_metadata(root, table):
    rows = "path,label,group,depth,dry,comment\nquartz/a.jpg,Quartz,W1,1200,yes,\n"
    path = table(
        rows + 'clay\\a.jpg,Clay,,1300.5,no,"grey, soft"\nquartz/b.jpg,,W2,,,x\ntop.jpg,T,,,,\n'
    )
    rule = annotator(root, path)
    first, second = (rule.annotate(name, "image") for name in ("quartz/a.jpg", "clay/a.jpg"))
    assert (first.label, first.group) == ("Quartz", "W1")
    assert first.metadata == {"depth": 1200.0, "dry": True, "comment": None}
    assert (second.label, second.group) == ("Clay", None)
    assert second.metadata == {"depth": 1300.5, "dry": False, "comment": "grey, soft"}
    assert rule.annotate("quartz/b.jpg", "image").label is None
    assert rule.columns == {"depth": "float", "dry": "bool", "comment": "str"}
    assert rule.report() == []


def test_a_table_is_found_below_the_root_too(root, table):
    table("path,label\ntop.jpg,T\n")
    assert annotator(root, "labels.csv").annotate("top.jpg", "image").label == "T"


def test_bare_names_fit_where_they_are_unambiguous(root, table):
    rule = annotator(root, table("path,label\nb.jpg,B\na.jpg,A\nnone.jpg,N\nslides/top.jpg,T\n"))
    assert rule.annotate("quartz/b.jpg", "image").label == "B"
    assert rule.annotate("top.jpg", "image").label == "T"
    assert rule.annotate("quartz/a.jpg", "image").label is None
    assert rule.report() == [
        "labels.csv: no file is there for 1 row (none.jpg)",
        "labels.csv: more than one file fits 1 row (a.jpg); write the folder too",
        "labels.csv: no row for 2 files (for instance clay/a.jpg)",
    ]


def test_a_volume_may_be_named_by_its_folder(root, table):
    from PIL import Image

    (root / "core").mkdir()
    for z in range(9):
        Image.new("L", (4, 4)).save(root / "core" / f"z_{z:03d}.tif")
    rule = annotator(root, table("path,label\ncore,Berea\n"))
    assert rule.annotate("core/z_*.tif", "volume").label == "Berea"


@pytest.mark.parametrize(
    ("text", "encoding", "remarks"),
    [
        ("path,label\nä.jpg,Ö\n", "utf-8", 0),
        ("path,label\nä.jpg,Ö\n", "utf-8-sig", 0),
        ("path,label\r\nä.jpg,Ö\r\n", "utf-16", 0),
        ("path;label\nä.jpg;Ö\n", "utf-8", 0),
        ("Path\tLabel\nä.jpg\tÖ\n", "utf-8", 0),
        ("path,label\nä.jpg,Ö\n", "cp1252", 1),
        ('"path","label"\n"ä.jpg","Ö"\n', "utf-8", 0),
        ("filename,label\n./ä.jpg,Ö\n\n", "utf-8", 0),
    ],
)
def test_tables_are_read_as_people_write_them(table, text, encoding, remarks):
    read = read_table(table(text, encoding))
    assert read.rows == {"ä.jpg": ("Ö", None, {})}
    assert len(read.remarks) == remarks


def test_odd_rows_are_left_out_and_reported(table):
    read = read_table(table("path,label\na,1\na,2\n,3\nb,4,5\nc\n"))
    assert {name: row[0] for name, row in read.rows.items()} == {"a": "1", "c": None}
    assert read.remarks == [
        "labels.csv: 1 row left out: more fields than the header (a comma that is not quoted?) "
        "(line 5)",
        "labels.csv: 1 row left out: no file is named (line 4)",
        "labels.csv: 1 row left out: names what an earlier row names, and the earlier row counts "
        "(line 3)",
    ]


def test_what_other_programs_write_for_nothing_is_no_label(table):
    read = read_table(table("path,label,group\na.jpg,NA,w1\nb.jpg,nan,N/A\nc.jpg,Na,NaN\n"))
    assert [(label, group) for label, group, _ in read.rows.values()] == [
        (None, "w1"), (None, None), ("Na", None)
    ]  # fmt: skip
    assert read.remarks == [
        "labels.csv: 4 cells of label or group that say NA or NaN are read as empty"
    ]


def test_columns_that_clash_are_renamed_and_said_so(table):
    read = read_table(table("path,label,width,Depth (m),id\na,x,3,4,5\n"))
    assert read.columns == {"user_width": "int", "Depth_m": "int", "user_id": "int"}
    assert len(read.remarks) == 3


@pytest.mark.parametrize("text", ["", "name,label\na,b\n", 'path,label\n"a,b\n'])
def test_unusable_tables_are_refused(table, text):
    with pytest.raises(SourceError, match=r"empty|no column 'path'|quotation marks"):
        read_table(table(text))


def test_a_table_without_labels_says_so(table):
    assert "no column 'label'" in read_table(table("path,depth\na,1\n")).remarks[0]


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (["1", "-2", ""], "int", [1, -2, None]),
        (["1", "2.5", "nan"], "float", [1.0, 2.5, None]),
        (["1e3", "2"], "float", [1000.0, 2.0]),
        (["true", "No"], "bool", [True, False]),
        (["007", "12"], "str", ["007", "12"]),
        (["1", "two"], "str", ["1", "two"]),
        (["", ""], "str", [None, None]),
        (["99999999999999999999"], "float", [1e20]),
    ],
)
def test_columns_take_the_narrowest_type(values, kind, expected):
    assert typed_column(values, decimal_comma=False) == (kind, expected)


def test_decimal_commas_count_where_semicolons_separate():
    assert typed_column(["2,5", "3"], decimal_comma=True) == ("float", [2.5, 3.0])
    assert typed_column(["2,5", "3"], decimal_comma=False)[0] == "str"


def test_column_names_can_be_used_in_filters():
    assert column_name("Depth (m)") == "Depth_m"
    assert column_name("2nd") == "c_2nd"
    assert column_name("vector_x") == "user_vector_x"


def test_the_digest_changes_when_answers_do(root, table):
    first = annotator(root, table("path,label\ntop.jpg,T\n")).digest
    assert annotator(root, root / "labels.csv").digest == first
    second = annotator(root, table("path,label\ntop.jpg,U\n")).digest
    assert len({first, second, annotator(root).digest, annotator(root, "folder").digest}) == 4
    assert annotator(root, groups="none").digest != annotator(root).digest


def test_rows_with_a_box_are_said_of_what_lies_there(root, table):
    table(
        "path,label,x,y,width,height,depth\n"
        "top.jpg,Deflandrea,100,100,50,40,7\n"
        "top.jpg,Azolla,104,100,50,40,8\n"
        '"top.jpg#300,300,20,20",Spiniferites,,,,,9\n'
        "top.jpg,any,,,,,1\n"
        "top.jpg,broken,1,2,zero,4,1\n"
    )
    rule = annotator(root, "labels.csv")
    near = rule.annotate("top.jpg", "slide", Region(105, 101, 50, 40))
    assert (near.label, near.metadata) == ("Azolla", {"depth": 8})
    assert rule.annotate("top.jpg", "slide", Region(98, 99, 52, 42)).label == "Deflandrea"
    assert rule.annotate("top.jpg", "slide", Region(300, 300, 20, 20)).label == "Spiniferites"
    # Half covered by no box: what is said of the file holds.
    assert rule.annotate("top.jpg", "slide", Region(140, 100, 50, 40)).label == "any"
    assert rule.annotate("top.jpg", "slide").label == "any"
    assert any("not four whole numbers of a box (line 6)" in line for line in rule.report())


def test_a_box_in_one_slice_is_not_said_of_another(root, table):
    table('path,label\n"top.jpg#z=3,0,0,9,9",vug\n')
    rule = annotator(root, "labels.csv")
    assert rule.annotate("top.jpg", "volume", Region(0, 0, 9, 9, 3, "z")).label == "vug"
    assert rule.annotate("top.jpg", "volume", Region(0, 0, 9, 9, 4, "z")).label is None
