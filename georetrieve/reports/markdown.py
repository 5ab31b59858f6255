"""A retrieval record as a Markdown report that a geologist can read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from georetrieve.benchmarks.record import Estimate, RunRecord
from georetrieve.types import Scalar

__all__ = ["retrieval_markdown", "table"]

_MAIN = {
    "nn_f1": "nn F1: called after the nearest labelled neighbour (macro-F1, ten 80/20 splits)",
    "p_at_nr": "P@N_R: share of the class among as many hits as it has members",
    "pr_auc": "Area under the precision–recall curve",
    "precision_at_1": "P@1: the first hit is of the class",
    "precision_at_10": "P@10: share of the class among the first ten",
    "p_at_nr_class_balanced": "P@N_R, each class counted alike",
    "precision_at_1_class_balanced": "P@1, each class counted alike",
}
_VARIANTS = {
    "": "As published (Euclidean)",
    "group_out/": "Own group left out (Euclidean)",
    "cosine/": "Cosine instead of Euclidean",
}
_COMPARED = ("nn_f1", "p_at_nr", "pr_auc", "precision_at_1")


def retrieval_markdown(record: RunRecord, *, figures: Mapping[str, str] | None = None) -> str:
    """Write the report of a retrieval record.

    Args:
        record: A record of task ``retrieval``.
        figures: Captions and file names of pictures that lie beside the report, in order.
    """
    parts = [
        f"# Retrieval benchmark: {_plain(record.data.index or 'unnamed index')}",
        _summary(record),
        "## What was measured",
        _measured(record),
        "## Numbers",
        _numbers(record),
        _variants(record),
        _caveats(record),
        _figures(figures or {}),
        "## Each class",
        _per_class(record),
        _duplicates(record),
        _all_k(record),
        "## How to read this, and how it was made",
        _method(record),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def table(rows: Sequence[Sequence[str]], head: Sequence[str], align: str) -> str:
    """A Markdown table.

    Args:
        rows: Cells, already formatted; what Markdown or HTML would read in them is escaped.
        head: Column headings.
        align: A letter a column: ``l`` or ``r``.
    """
    rule = ["---:" if side == "r" else "---" for side in align]
    lines = [[_plain(cell) for cell in head], rule, *([_plain(c) for c in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _plain(text: str) -> str:
    """``text`` with everything escaped that Markdown or HTML would interpret."""
    text = " ".join(str(text).split())
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*\[\]|~#]|(?<!\w)_|_(?!\w))", r"\\\1", text)


def _number(value: Scalar, digits: int = 3) -> str:
    if value is None:
        return "–"
    return f"{value:.{digits}f}" if isinstance(value, float) else f"{value:,}"


def _interval(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return "–"
    return f"{estimate.low:.3f} to {estimate.high:.3f}"


def _summary(record: RunRecord) -> str:
    first, share = record.metrics.get("precision_at_1"), record.metrics["p_at_nr"]
    if share.value is None or first is None or first.value is None:
        return f"Nothing could be measured. {_plain(share.reason)}"
    return (
        f"Asked with each of {record.data.n_queries:,} labelled items for its like, the first hit "
        f"is of the same class in **{first.value:.0%}** of cases "
        f"(chance {_percent(first.chance)}), and of as many hits as the class has members "
        f"**{share.value:.0%}** are (chance {_percent(share.chance)})."
    )


def _percent(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1%}"


def _measured(record: RunRecord) -> str:
    data, encoder = record.data, record.encoder
    lines = [
        f"- **Items**: {data.n_items:,}, of which {data.n_labelled:,} carry one of "
        f"{len(data.classes):,} labels; {data.n_queries:,} have another of their class to find.",
        f"- **Groups** (slide, well, specimen): {_groups(record)}.",
    ]
    left_out = [f"{count:,} {_plain(why)}" for why, count in data.excluded.items() if count]
    if left_out:
        lines.append(f"- **Not asked with**: {', '.join(left_out)}.")
    if encoder is not None:
        adapted = (
            "its codebook was fitted, without labels, to this collection"
            if encoder.adapted
            else "used as shipped, nothing fitted to this collection"
        )
        lines.append(
            f"- **Encoder**: {_plain(encoder.name)} ({encoder.spec.get('dim', '?')} numbers an "
            f"item, fingerprint `{encoder.fingerprint}`); {adapted}."
        )
    version = f", version {_plain(data.version)}" if data.version else ""
    lines.append(f"- **Index**: {_plain(data.index or 'unnamed')}{version}.")
    return "\n".join(lines)


def _groups(record: RunRecord) -> str:
    count = len(record.data.groups)
    return "none known" if not count else f"{count:,}"


def _numbers(record: RunRecord) -> str:
    rows = []
    for name, words in _MAIN.items():
        estimate = record.metrics.get(name)
        if estimate is None:
            continue
        cells = [_number(estimate.value), _interval(estimate), _number(estimate.chance)]
        rows.append([words, *cells])
    return table(
        rows, ["Measure (0 to 1, higher is better)", "Value", "95% interval", "Chance"], "lrrr"
    )


def _variants(record: RunRecord) -> str:
    rows = []
    for prefix, words in _VARIANTS.items():
        estimates = [record.metrics.get(prefix + name) for name in _COMPARED]
        if not any(estimates):
            continue
        rows.append([words, *(_number(e.value) if e else "–" for e in estimates)])
    if len(rows) < 2:
        return ""
    return "### The same under other rules\n\n" + table(
        rows, ["Rule", "nn F1", "P@N_R", "PR-AUC", "P@1"], "lrrrr"
    )


def _caveats(record: RunRecord) -> str:
    if not record.notes:
        return ""
    return "## Mind\n\n" + "\n".join(f"- {_plain(note)}" for note in record.notes)


def _figures(figures: Mapping[str, str]) -> str:
    if not figures:
        return ""
    shown = [
        f"![{_plain(caption)}]({name})" if name.endswith(".png") else f"[{_plain(caption)}]({name})"
        for caption, name in figures.items()
    ]
    return "## Pictures\n\n" + "\n\n".join(shown)


def _per_class(record: RunRecord) -> str:
    columns = ("p_at_nr", "p_at_nr_chance", "precision_at_1", "nn_precision", "nn_recall", "nn_f1")
    rows = []
    for row in record.tables.get("per_class", ()):
        wrong = row["taken_for"]
        taken = f"{wrong} ({row['taken_for_count']})" if wrong is not None else "–"
        numbers = [_number(row[name], 2) for name in columns]
        rows.append([str(row["class"]), _number(row["items"]), *numbers, taken])
    head = ["Class", "Items", "P@N_R", "Chance", "P@1", "nn precision", "nn recall", "nn F1"]
    return table(rows, [*head, "Most often taken for"], "lrrrrrrrl")


def _duplicates(record: RunRecord) -> str:
    found = record.tables.get("duplicates", ())
    if not found:
        return ""
    names = ("pairs", "items", "across_labels", "across_groups")
    rows = [
        [
            str(row["kind"]),
            *(_number(row[name]) for name in names),
            _number(row["test_items_leaked_per_split"], 1),
        ]
        for row in found
    ]
    head = ["Kind", "Pairs", "Items", "Across labels", "Across groups", "Test items a split"]
    share = record.settings.get("near_duplicate_share", 0)
    return (
        "## Copies and near-copies\n\n"
        + table(rows, head, "lrrrrr")
        + "\n\nA copy of the query in the gallery makes a hit easy. Near-identical: nearer than "
        f"{share:.0%} of the median distance between two items; those are copies, or images that "
        "this encoder cannot tell apart. The last column counts tested items whose copy is "
        "trained on."
    )


def _all_k(record: RunRecord) -> str:
    rows = []
    for k in record.settings.get("ks", ()):
        precision = record.metrics.get(f"precision_at_{k}")
        recall = record.metrics.get(f"recall_at_{k}")
        if precision is None or recall is None:
            continue
        numbers = [precision.value, precision.chance, recall.value, recall.chance]
        rows.append([str(k), *(_number(number) for number in numbers)])
    if not rows:
        return ""
    head = ["k", "P@k", "Chance", "R@k", "Chance"]
    return "## Precision and recall at each k\n\n" + table(rows, head, "rrrrr")


def _method(record: RunRecord) -> str:
    settings, place = record.settings, record.environment
    lines = [
        "Every labelled item is a query against all others; it never finds itself. P@k is the "
        "share of its class among the k nearest, R@k the share of its class found among them, "
        "P@N_R is P@k with k the number of other members of the class. Means are over queries. "
        "nn F1 is the macro-F1 of the nearest neighbour over stratified 80/20 splits "
        f"(scikit-learn, seeds {_seeds(settings.get('split_seeds', ()))}). These are the "
        "definitions of the SCAMPI benchmark.",
    ]
    draws = settings.get("bootstrap_draws")
    if draws:
        lines.append(
            f"Intervals: percentile bootstrap, {draws:,} draws of each "
            f"{_plain(settings.get('bootstrap_unit', 'query'))}, the gallery as it is. Chance: the "
            "exact expectation for a random ranking; for nn F1 the mean over shuffled labels."
        )
    lines.append(
        f"Made by georetrieve {_plain(record.georetrieve_version)} on {_plain(record.created)} in "
        f"{record.seconds:.1f} s (Python {_plain(str(place.get('python')))}, "
        f"{_plain(str(place.get('platform')))}, {place.get('cpu_count')} CPUs)."
    )
    if record.command:
        fence = "~~~"
        lines.append(f"{fence}\n{record.command.replace(fence, '')}\n{fence}")
    return "\n\n".join(lines)


def _seeds(seeds: Sequence[int]) -> str:
    return f"{seeds[0]}–{seeds[-1]}" if seeds else "none"
