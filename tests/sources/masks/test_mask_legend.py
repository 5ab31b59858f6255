"""Which values stand for which class."""

import numpy as np
import pytest

from georetrieve.errors import SourceError
from georetrieve.sources.masks.classes import ClassTable, MapClass
from georetrieve.sources.masks.legend import (
    Legend,
    UnknownValueError,
    count_values,
    derive_classes,
)
from georetrieve.sources.masks.rule import MaskRule
from georetrieve.sources.masks.stored import open_stored
from georetrieve.sources.options import ReadOptions

TABLE = ClassTable((MapClass("pore", 10, (0, 0, 255)), MapClass("quartz", 3, (255, 0, 0))))


def census(path, values="auto"):
    return count_values(path, open_stored(path, ReadOptions(), values))


def test_codes_become_numbers_of_classes_and_void_stays_void():
    legend = Legend(TABLE, MaskRule(void=(255,)), colours=False)
    values = np.array([[10, 3], [255, 10]])
    np.testing.assert_array_equal(legend.numbers(values), [[0, 1], [-1, 0]])


def test_colours_become_numbers_of_classes():
    legend = Legend(TABLE, MaskRule(void=(0,)), colours=True)
    values = np.array([[0x0000FF, 0xFF0000, 0]])
    np.testing.assert_array_equal(legend.numbers(values), [[0, 1, -1]])


def test_unknown_codes_are_named_with_their_number_and_file(put_mask):
    path = put_mask("m.png", [[10, 3, 9, 9], [4, 9, 10, 10]])
    legend = Legend(TABLE, MaskRule(), colours=False)
    with pytest.raises(
        UnknownValueError, match=r"m.png holds code 9 \(3 pixels\), code 4 \(1 pixels\)"
    ):
        legend.check(census(path))
    forgiving = Legend(TABLE, MaskRule(unknown_is_void=True), colours=False)
    assert forgiving.check(census(path)) == 4
    np.testing.assert_array_equal(forgiving.numbers(np.array([[9, 3]])), [[-1, 1]])


def test_unknown_colours_are_named_the_commonest_first(put_mask):
    path = put_mask("m.png", [[[0, 0, 255], [1, 2, 3], [1, 2, 3], [9, 9, 9]]])
    with pytest.raises(UnknownValueError, match=r"#010203 \(2 pixels\), colour #090909 \(1"):
        Legend(TABLE, MaskRule(), colours=True).check(census(path))


def test_an_unknown_code_of_a_palette_asks_about_its_colours(put_mask):
    path = put_mask("m.png", [[0, 1]], palette=[(0, 0, 255), (255, 0, 0)])
    with pytest.raises(UnknownValueError, match="--mask-values colours"):
        Legend(TABLE, MaskRule(), colours=False).check(census(path))
    assert Legend(TABLE, MaskRule(), colours=True).check(census(path, "colours")) == 2


def test_classes_of_one_colour_cannot_be_told_by_it():
    table = ClassTable((MapClass("a", 0, (1, 2, 3)), MapClass("b", 1, (1, 2, 3))))
    with pytest.raises(SourceError, match="'a' and 'b' have one colour, #010203"):
        Legend(table, MaskRule(), colours=True)
    Legend(table, MaskRule(), colours=False)


def test_classes_are_derived_from_codes(put_mask):
    found = [census(put_mask("a.png", [[7, 0]])), census(put_mask("b.png", [[255, 2]]))]
    table = derive_classes(found, MaskRule(void=(255,)))
    assert table.names == ("class 0", "class 2", "class 7")
    assert table.codes == (0, 2, 7)


def test_classes_are_derived_from_palettes_and_colours(put_mask):
    path = put_mask("p.png", [[0, 2]], palette=[(1, 1, 1), (2, 2, 2), (3, 3, 3)])
    assert derive_classes([census(path)], MaskRule()).colours == ((1, 1, 1), (3, 3, 3))
    path = put_mask("c.png", [[[255, 136, 0], [0, 0, 0]]])
    table = derive_classes([census(path)], MaskRule())
    assert (table.names, table.codes) == (("#000000", "#ff8800"), (0, 1))
    assert table.colours == ((0, 0, 0), (255, 136, 0))


def test_a_photograph_and_an_empty_mask_give_no_classes(put_mask):
    with pytest.raises(SourceError, match="256 different values"):
        derive_classes([census(put_mask("a.png", np.arange(256).reshape(16, 16)))], MaskRule())
    with pytest.raises(SourceError, match="No pixel of any mask is labelled"):
        derive_classes([census(put_mask("b.png", [[255, 255]]))], MaskRule(void=(255,)))


def test_negative_codes_are_refused(tmp_path):
    np.save(tmp_path / "m.npy", np.array([[-1, 0]], np.int16))
    with pytest.raises(SourceError, match="code -1"):
        derive_classes([census(tmp_path / "m.npy")], MaskRule())


@pytest.mark.parametrize(
    "wrong", [{"values": "color"}, {"radius_px": -1.0}, {"radius_px": float("nan")}]
)
def test_rules_are_checked(wrong):
    with pytest.raises(SourceError):
        MaskRule(**wrong)
