"""Items as objects of QuPath, and what people made of them there: GeoJSON both ways.

QuPath 0.4 and later read a class only together with its colour, and keep an object's id where it
is a UUID; 0.5 and later keep metadata of every object, 0.4 that of annotations.
"""

from georetrieve.search.qupath.annotated import (
    MatchedAnnotations,
    match_annotations,
)
from georetrieve.search.qupath.files import WrittenOutlines, write_outlines
from georetrieve.search.qupath.objects import class_colours, object_id, outlines_geojson

__all__ = [
    "MatchedAnnotations",
    "WrittenOutlines",
    "class_colours",
    "match_annotations",
    "object_id",
    "outlines_geojson",
    "write_outlines",
]
