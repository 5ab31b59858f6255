"""Find what looks like this: queries, filters, hits."""

from georetrieve.search.index import Index
from georetrieve.search.places import find_index, index_path
from georetrieve.search.query import Query, QueryImage, QueryItem, QueryText, QueryVector
from georetrieve.search.result import QueryPicture, SearchHit, SearchResult

__all__ = [
    "Index",
    "Query",
    "QueryImage",
    "QueryItem",
    "QueryPicture",
    "QueryText",
    "QueryVector",
    "SearchHit",
    "SearchResult",
    "find_index",
    "index_path",
]
