"""What annotations of QuPath say of items."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from georetrieve.errors import SourceError
from georetrieve.search.outlines import ItemOutline
from georetrieve.search.qupath.objects import PREDICTED
from georetrieve.search.qupath.places import Places
from georetrieve.sources.annotations import Annotation, parse_annotations, unpack_annotations

__all__ = ["MatchedAnnotations", "match_annotations"]

MOST_ANNOTATIONS = 500_000
MOST_VERTICES = 100_000
"""Of one annotation."""


@dataclass(frozen=True, slots=True)
class MatchedAnnotations:
    """What annotations say of items.

    Attributes:
        labels: Class by item id, of the items whose label it would change.
        unchanged: Number of items that have the label already.
        conflicts: Classes by item id, where there are several; none of them counts.
        unmatched: Of no item, named as the labels are spelt; see
            :func:`~georetrieve.indexing.add_drawn.add_drawn`.
        passed_over: Reason → number of annotations that say nothing of a class.
    """

    labels: dict[str, str]
    unchanged: int = 0
    conflicts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unmatched: tuple[Annotation, ...] = ()
    passed_over: Mapping[str, int] = field(default_factory=dict)


def match_annotations(
    data: str | bytes, outlines: Sequence[ItemOutline], *, name: str = "The file"
) -> MatchedAnnotations:
    """Tell which item each annotation is of, and what label it gives.

    An annotation that was exported from here is known by its id. Any other one is of the item with
    whose outline or box it agrees best (intersection over union of at least 0.5), else of the
    specimen that alone holds its middle, unless it is more than twice as large.

    Nothing is said by annotations without a class, by classes that QuPath ignores (``Ignore*``,
    ``Region*``), and by classes that are still ``predicted``.

    Args:
        data: GeoJSON, as it is or packed by QuPath as a zip.
        outlines: Of the file that the annotations were drawn on.
        name: What ``data`` is called in messages.

    Raises:
        SourceError: It is no GeoJSON, or too much of it.
    """
    packed = data.encode() if isinstance(data, str) else data
    read = parse_annotations(unpack_annotations(packed, name), name, most_vertices=MOST_VERTICES)
    if len(read.found) > MOST_ANNOTATIONS:
        raise SourceError(
            f"{name} holds {len(read.found):,} annotations; at most {MOST_ANNOTATIONS:,} are read, "
            "so export fewer at once."
        )
    passed = Counter(read.left_out)
    said: dict[str, set[str]] = defaultdict(set)
    unmatched: list[Annotation] = []
    places = Places(outlines)
    spelt = {
        _as_class(name): name for one in outlines for name in (one.predicted, one.label) if name
    }
    for annotation in read.found:
        label = spelt.get(_as_class(annotation.name), " ".join(annotation.name.split()))
        why = _silent(label) or places.foreign(annotation)
        if why:
            passed[why] += 1
            continue
        one = places.item(annotation)
        if one is None:
            unmatched.append(replace(annotation, name=label))
        else:
            said[one].add(label)
    return _result(outlines, said, tuple(unmatched), passed)


def _silent(label: str) -> str:
    if not label:
        return "without a class"
    if label.endswith("*"):
        return "of a class that QuPath ignores (…*)"
    if label.endswith(f": {PREDICTED}"):
        return "still predicted"
    return ""


def _result(
    outlines: Sequence[ItemOutline],
    said: Mapping[str, set[str]],
    unmatched: tuple[Annotation, ...],
    passed: Mapping[str, int],
) -> MatchedAnnotations:
    before = {one.id: one.label for one in outlines}
    conflicts = {one: tuple(sorted(said[one])) for one in before if len(said.get(one, ())) > 1}
    agreed = {one: next(iter(names)) for one, names in said.items() if len(names) == 1}
    labels = {one: agreed[one] for one in before if one in agreed and agreed[one] != before[one]}
    return MatchedAnnotations(labels, len(agreed) - len(labels), conflicts, unmatched, dict(passed))


def _as_class(label: str) -> str:
    """A label as QuPath spells it, which takes what colons part for classes within classes."""
    return ": ".join(" ".join(part.split()) for part in label.split(":"))
