"""An index is a LanceDB database: LanceDB itself opens its tables and searches its vectors."""

import numpy as np
import pytest
from fakes import fake_vector, solid

from georetrieve.indexing.build import index_folder
from georetrieve.indexing.options import IndexOptions
from georetrieve.search import Index, Query


@pytest.mark.usefixtures("fake_family")
def test_lancedb_finds_what_a_search_finds(tmp_path):
    import lancedb  # slow: every worker that collects tests would wait for it

    slides = tmp_path / "slides"
    slides.mkdir()
    for number, red in enumerate((0, 40, 90, 160, 255)):
        solid(red, 0, 0).save(slides / f"{number}.png")
    index_folder(slides, tmp_path / "index", IndexOptions(encoder="fake"))
    query = fake_vector(100, 0, 0)
    database = lancedb.connect(tmp_path / "index")
    items = database.open_table("items")
    rows = items.search(query, vector_column_name="vector_fake").limit(3).to_list()
    ours = Index.open(tmp_path / "index").search(Query.vector(query), k=3).hits
    assert [row["id"] for row in rows] == [hit.id for hit in ours] == ["2.png", "1.png", "3.png"]
    # LanceDB's distance is squared, ours is not.
    squared = [row["_distance"] for row in rows]
    np.testing.assert_allclose(squared, [hit.distance**2 for hit in ours], rtol=1e-4)
    assert database.open_table("files").count_rows("status = 'done'") == 5
