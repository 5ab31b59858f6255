import io
import json
from dataclasses import dataclass

import numpy as np

from georetrieve.probes.items import join_items, write_items


@dataclass(frozen=True, slots=True, kw_only=True)
class Some:
    ids: list
    values: np.ndarray
    pairs: np.ndarray


def test_parts_stand_one_after_the_other():
    one = Some(ids=["a"], values=np.array([1]), pairs=np.zeros((1, 2)))
    two = Some(ids=["b", "c"], values=np.array([2, 3]), pairs=np.ones((2, 2)))
    joined = join_items([one, two])
    assert joined.ids == ["a", "b", "c"]
    assert joined.values.tolist() == [1, 2, 3]
    assert joined.pairs.shape == (3, 2)


def test_what_is_written_is_json_with_an_item_a_line():
    for rows in ([], [{"id": "é"}], [{"id": "a"}, {"id": "b"}]):
        stream = io.StringIO()
        write_items(stream, {"index": "i", "counts": {}}, iter(rows))
        text = stream.getvalue()
        assert json.loads(text) == {"index": "i", "counts": {}, "items": rows}
        assert all(f'\n    {{"id": "{row["id"]}"}}' in text for row in rows)
