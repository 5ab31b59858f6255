"""PPL and XPL photographs of one field are told by folders or by names."""

import pytest

from georetrieve.errors import SourceError
from georetrieve.sources.view_names import check_views, group_views, view_groups, view_of

VIEWS = ("ppl", "xpl")


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("ppl/a.png", ("ppl", "a")),
        ("core/XPL/deep/a.png", ("xpl", "core/deep/a")),
        ("a_ppl.png", ("ppl", "a")),
        ("s/a-XPL.tif", ("xpl", "s/a")),
        ("xpl_a.png", ("xpl", "a")),
        ("ppl/a_xpl.png", ("ppl", "a_xpl")),
        ("a.png", None),
        ("appl.png", None),
        ("ppl.png", None),
    ],
)
def test_a_view_is_told_by_folder_or_name(path, told):
    assert view_of(path, VIEWS) == told


def test_files_are_grouped_and_what_lacks_a_partner_is_named():
    fields, failed, others = group_views(
        ["ppl/a.png", "xpl/a.tif", "ppl/b.png", "c_ppl.png", "c_xpl.png", "c_XPL.tif", "d.png"],
        VIEWS,
    )
    assert fields == {"a": ("ppl/a.png", "xpl/a.tif")}
    assert others == ["d.png"]
    assert [path for path, _ in failed] == ["c_XPL.tif", "ppl/b.png"]
    assert "comes twice: c_XPL.tif, c_xpl.png" in failed[0][1]
    assert "the view xpl of 'b' is missing" in failed[1][1]


@pytest.mark.parametrize("wrong", [("ppl", "PPL"), ("ppl", ""), ("a/b",)])
def test_views_need_names_of_their_own(wrong):
    with pytest.raises(SourceError, match="not names of their own"):
        check_views(wrong)


def test_pairs_are_found_among_other_files():
    paths = ["s/a_ppl.png", "s/a_xpl.png", "b.png", "ppl/c.tif", "xpl/c.tif", "d_ppl.png"]
    assert view_groups(paths) == {
        "s/a": {"ppl": "s/a_ppl.png", "xpl": "s/a_xpl.png"},
        "c": {"ppl": "ppl/c.tif", "xpl": "xpl/c.tif"},
    }
