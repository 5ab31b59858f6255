"""``georetrieve info``, ``prune`` and ``doctor``."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from georetrieve.cli.engines import ENGINE_COLUMNS
from georetrieve.cli.output import Format, emit, file_line, remark, rows_table

if TYPE_CHECKING:
    from georetrieve.upkeep import IndexFacts

__all__ = ["doctor", "info", "prune"]

Index = Annotated[str, typer.Argument(metavar="INDEX", help="Name under indexes/, or a path.")]


def info(
    index: Index,
    failures: Annotated[
        bool, typer.Option("--failures", help="List every failed file with its reason.")
    ] = False,
    form: Annotated[Format, typer.Option("--format")] = Format.table,
) -> None:
    """Show what an index holds: encoders, counts, scale, and what failed and why."""
    from georetrieve.search import find_index
    from georetrieve.upkeep import describe

    facts = describe(find_index(index))
    if failures:
        rows = [{"path": path, "reason": reason} for path, reason in facts.failures]
        emit(rows, form, ["path", "reason"])
    elif form is Format.json:
        values = asdict(facts)
        # JSON has no null keys.
        values["scales"] = [
            {"um_per_px": scale, "items": count} for scale, count in facts.scales.items()
        ]
        print(json.dumps(values, indent=2, ensure_ascii=False))
    elif form is Format.csv:
        emit(facts.encoders, form, ["name", "column", "dim", "metric", "adapted", "items"])
    else:
        _show(facts)


def _show(facts: IndexFacts) -> None:
    print(f"{facts.path}: {facts.items:,} items, {facts.size_bytes / 1e6:,.1f} MB")
    for key, root in facts.sources.items():
        print(f"source {key or '(first)'}: {root}")
    print("kinds: " + (_counts(facts.kinds) or "none"))
    labelled = {label: count for label, count in facts.labels.items() if label}
    unlabelled = facts.labels.get("", 0)
    print(f"labels: {len(labelled)} on {sum(labelled.values()):,} items; {unlabelled:,} unlabelled")
    print(f"groups: {facts.groups:,}")
    scales = {
        "scale unknown" if scale is None else f"{scale:.4g} µm/px": count
        for scale, count in facts.scales.items()
    }
    print("scale: " + (_counts(scales) or "none"))
    print("files: " + (_counts(facts.files) or "none"))
    rows_table(
        facts.encoders, ["name", "dim", "metric", "adapted", "items", "fingerprint"], "encoders"
    )
    if facts.engines:
        rows_table(facts.engines, ENGINE_COLUMNS, "FAISS indexes")
    if labelled:
        ranked = sorted(labelled.items(), key=lambda pair: -pair[1])
        rows_table(
            [{"label": label, "items": count} for label, count in ranked], ["label", "items"]
        )
    for path, reason in facts.failures:
        print(f"failed: {file_line(path, reason)}")
    for path, reason in facts.remarks:
        print(f"remark: {file_line(path, reason)}")


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())


def prune(
    index: Index,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    gone_too: Annotated[
        bool, typer.Option("--gone-too", help="Also files of source folders that are gone whole.")
    ] = False,
) -> None:
    """Remove the items of files that are no longer on disk."""
    from georetrieve.search import find_index
    from georetrieve.upkeep import prune_index

    report = prune_index(find_index(index), dry_run=dry_run, gone_too=gone_too)
    for folder in report.skipped:
        remark(
            f"{folder} is not there (not mounted?); its files are kept. --gone-too removes them."
        )
    for path in report.files:
        print(path)
    verb = "would be removed" if dry_run else "removed"
    remark(f"{len(report.files)} files with {report.items:,} items {verb}")


def doctor(form: Annotated[Format, typer.Option("--format")] = Format.table) -> None:
    """Check versions, devices, the shipped encoder, OpenSlide and write access."""
    from georetrieve.upkeep import examine

    checks = [asdict(check) for check in examine()]
    emit(checks, form, ["name", "found", "ok", "remedy"])
    if not all(check["ok"] for check in checks):
        raise typer.Exit(1)
