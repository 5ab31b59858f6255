"""What was found, as cards and in words."""

from __future__ import annotations

from collections.abc import Mapping

from app.colours import NO_LABEL, label_colours
from app.components.gallery import Card
from app.components.shares import Share
from app.opened import Opened
from georetrieve.reports.sheet import score_text
from georetrieve.search import SearchHit, SearchResult

__all__ = ["described", "hit_card", "hit_facts", "label_shares"]

MEASURES = {"cosine": "cosine", "euclidean": "minus the distance"}


def hit_facts(hit: SearchHit, result: SearchResult) -> dict[str, str]:
    """What is known of a neighbour, by name."""
    facts = {"score": f"{score_text(hit.score)} ({MEASURES[result.metric]})"}
    if hit.percentile is not None:
        facts["percentile"] = f"{hit.percentile:.2g} % of the pairs in the index are nearer"
    if hit.fit is not None:
        facts["fit"] = f"{hit.fit:.2f} standard deviations above words that fit nothing"
    facts["label"] = hit.label or "none"
    if hit.group:
        facts["group"] = hit.group
    if hit.um_per_px is not None:
        facts["scale"] = f"{hit.um_per_px:.4g} µm a pixel"
    if hit.region is not None:
        facts["region"] = str(hit.region)
    for name, value in hit.metadata.items():
        if value not in (None, ""):
            facts[name] = f"{value:.4g}" if isinstance(value, float) else str(value)
    return facts


def hit_card(
    opened: Opened, hit: SearchHit, result: SearchResult, hashes: Mapping[str, str]
) -> Card:
    """The card of a neighbour."""
    facts = hit_facts(hit, result)
    return Card(
        id=hit.id,
        src=opened.picture(
            {"id": hit.id, "content_hash": hashes[hit.id], "thumbnail": hit.thumbnail}
        ),
        title="\n".join([hit.id, *(f"{name}: {value}" for name, value in facts.items())]),
        label=hit.label or "",
        colour=label_colours(opened).get(hit.label or "", ""),
        note=score_text(hit.score),
    )


def label_shares(opened: Opened, result: SearchResult) -> list[Share]:
    """How many neighbours carry each label."""
    colours = label_colours(opened)
    return [
        Share(name=label or "no label", count=count, colour=colours.get(label, NO_LABEL))
        for label, count in result.labels().items()
    ]


def described(result: SearchResult) -> list[str]:
    """What to know of a result: how it was found, what was left out; lines."""
    how = "" if result.engine == "exact" else f" · {result.engine}"
    if result.recall_at_10 < 1:
        how += f" finds {result.recall_at_10:.1%} of the true ten nearest"
    lines = [f"{len(result.hits):,} neighbours · {result.encoder}{how}"]
    cutoff = result.cutoff
    told = set() if cutoff is None else {cutoff.told(shown=shown) for shown in (False, True)}
    lines += [line for line in result.remarks if line not in told]
    if cutoff is not None:
        lines.append(
            f"{cutoff.above:,} of the {cutoff.nearest:,} nearest fit the words better than words "
            "that fit nothing do."
        )
    return lines
