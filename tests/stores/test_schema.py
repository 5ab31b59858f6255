"""Rows, metadata types and SQL conditions."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from georetrieve.errors import StoreError
from georetrieve.stores.schema import (
    arrow_type,
    metadata_array,
    metadata_type,
    quoted_where,
    sql_in,
    sql_literal,
    wider,
)

COLUMNS = pa.schema(
    [
        ("group", pa.string()),
        ("label", pa.string()),
        ("depth", pa.int64()),
        ("Age", pa.float64()),
        ("left", pa.string()),
        ("note (m)", pa.string()),
        ("date", pa.string()),
    ]
)


@pytest.mark.parametrize(
    ("where", "wanted"),
    [
        ("group = 'x'", "`group` = 'x'"),
        ("GROUP='x' AND Label = \"group\"", "`group`='x' AND `label` = `group`"),
        ("`group` = 'group'", "`group` = 'group'"),
        ("label = 'it''s group'", "label = 'it''s group'".replace("label", "`label`")),
        ("age > 2 or AGE < 1", "`Age` > 2 or `Age` < 1"),
        ("left(label, 3) = 'abc' and left = 'b'", "left(`label`, 3) = 'abc' and `left` = 'b'"),
        ('"note (m)" is null', "`note (m)` is null"),
        ("depth in (1, 2)", "`depth` in (1, 2)"),
        ("depth in (1, 2.5)", "CAST(`depth` AS DOUBLE) in (1, 2.5)"),
        ("depth > 1e3", "CAST(`depth` AS DOUBLE) > 1e3"),
        ("depth > 3 and label = '1.5'", "`depth` > 3 and `label` = '1.5'"),
        (
            "date > '2020' or date = DATE '2020-01-31'",
            "`date` > '2020' or `date` = DATE '2020-01-31'",
        ),
        ("depth >", "`depth` >"),
        ("unknown = 'x", "unknown = 'x"),
        ("naïve = '漢'", "naïve = '漢'"),
        ("", ""),
    ],
)
def test_columns_are_quoted_and_nothing_else(where, wanted):
    assert quoted_where(where, COLUMNS) == wanted


@given(st.text())
def test_quoting_twice_is_quoting_once_and_text_stays(text):
    condition = f"label = {sql_literal(text)}"
    once = quoted_where(condition, COLUMNS)
    assert once == f"`label` = {sql_literal(text)}"
    assert quoted_where(once, COLUMNS) == once


@given(st.text(alphabet="group depth'\"`1.5e(=<>)--#\n"))
def test_any_text_can_be_quoted(text):
    quoted_where(text, COLUMNS)


def test_literals():
    assert sql_literal("o'brien") == "'o''brien'"
    assert sql_in("label", ["a", "o'b"]) == "`label` IN ('a', 'o''b')"


def test_types_of_metadata_are_the_narrowest_that_hold_all():
    assert metadata_type("m", [None, 1, True]) == pa.string()
    assert metadata_type("m", [None, 1, 2]) == pa.int64()
    assert metadata_type("m", [1, 2.5, None]) == pa.float64()
    assert metadata_type("m", [1, 2.5, "deep"]) == pa.string()
    assert metadata_type("m", [True, None]) == pa.bool_()
    assert metadata_type("m", [None, float("nan")]) is None
    assert arrow_type(2**70) == pa.string()


def test_wider_is_symmetric_and_keeps_what_it_has():
    kinds = [None, pa.bool_(), pa.int64(), pa.float64(), pa.string()]
    for one in kinds:
        assert wider(one, one) == one
        for other in kinds:
            assert wider(one, other) == wider(other, one)


def test_values_are_brought_to_the_type_of_their_column():
    assert metadata_array([1, None, 2.5], pa.float64()).to_pylist() == [1.0, None, 2.5]
    assert metadata_array([1, True, "x", float("nan")], pa.string()).to_pylist() == [
        "1", "true", "x", None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name", ["id", "width", "group", "vector_x", "_rowid", "", " ", "a.b", "a`"]
)
def test_names_the_index_needs_or_cannot_ask_for_are_refused(name):
    with pytest.raises(StoreError, match="ename it"):
        metadata_type(name, [1])
