"""Labels that people give: written to the index under its lock, kept with who and when, undone.

A label given here outlasts everything: indexing again, with other tables or folder names, does not
change it, and a file that is renamed keeps it.
"""

from __future__ import annotations

import csv
import getpass
import io
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from pathlib import Path

from georetrieve.errors import StoreError
from georetrieve.stores.label_journal import Act, How, LabelJournal
from georetrieve.stores.lance import IndexStore
from georetrieve.stores.lock import write_lock
from georetrieve.types import Scalar

__all__ = ["clean_label", "give_labels", "label_history", "labels_csv", "undo_labels", "user_name"]

LONGEST = 200


def give_labels(
    index: Path, labels: Mapping[str, str | None], *, who: str = "", how: How = "given"
) -> Act:
    """Give items their labels, in one act that can be undone.

    Args:
        index: Folder of the index.
        labels: Label by item id; None takes a label away.
        who: Says so; the user of this machine by default.
        how: By hand, by a suggestion that was accepted, or from a table.

    Returns:
        The act; it names only the items whose label changed.

    Raises:
        IndexLockedError: Somebody else is writing to the index.
        StoreError: There is nothing to give, an id is unknown, or a label cannot be one.
    """
    if not labels:
        raise StoreError("No item was named, so there is nothing to label.")
    cleaned = {one: clean_label(label) for one, label in labels.items()}
    with write_lock(index, "label items"):
        store = IndexStore.open(index)
        before = _labels(store, list(cleaned))
        changed = {
            one: (before[one], label) for one, label in cleaned.items() if before[one] != label
        }
        # Said again counts as said: it stands even if what said it before is changed.
        said = changed or {one: (before[one], label) for one, label in cleaned.items()}
        act = LabelJournal(index).give(said, who=who or user_name(), how=how)
        store.update_items({one: {"label": after} for one, (_, after) in changed.items()})
    return act


def undo_labels(index: Path, *, batch: str | None = None, who: str = "") -> tuple[Act, int]:
    """Take back an act, the last that stands by default.

    Items that were labelled again since keep what was said then.

    Args:
        index: Folder of the index.
        batch: Which act.
        who: Takes it back; the user of this machine by default.

    Returns:
        The act, and how many items changed.

    Raises:
        IndexLockedError: Somebody else is writing to the index.
        StoreError: There is nothing to undo, or no such act.
    """
    with write_lock(index, "undo labels"):
        store, journal = IndexStore.open(index), LabelJournal(index)
        standing = [act.batch for act in journal.acts if not act.undone]
        if batch is None and not standing:
            raise StoreError(f"Index {store.manifest.name!r} has no labels to undo.")
        act = journal.take_back(batch or standing[-1], who=who or user_name())
        said, found = journal.said(), journal.found()
        table = store.scan(["id", "label"])
        names = (table.column(name).to_pylist() for name in ("id", "label"))
        back: dict[str, dict[str, Scalar]] = {
            one: {"label": said.get(one, found[one])}
            for one, label in zip(*names, strict=True)
            if one in act.labels and label != said.get(one, found[one])
        }
        store.update_items(back)
    return act, len(back)


def label_history(index: Path) -> list[dict[str, Scalar]]:
    """What was said, one row an act, the newest first."""
    rows: list[dict[str, Scalar]] = []
    for act in reversed(LabelJournal(index).acts):
        given = sorted({after or "(none)" for _, after in act.labels.values()})
        rows.append(
            {
                "act": act.batch,
                "when": act.when,
                "who": act.who,
                "how": act.how,
                "items": len(act.labels),
                "labels": ", ".join(given[:5]) + (" …" if len(given) > 5 else ""),
                "undone": act.undone,
            }
        )
    return rows


def labels_csv(
    index: Path, *, given: bool = False, by: Collection[str] = (), since: date | None = None
) -> str:
    """The labelled items as a CSV that ``georetrieve index --labels`` reads.

    Columns: ``path`` (an item's id), ``label``, ``group``, ``labelled_by``, ``labelled_at``,
    ``labelled_how``; the last three are empty for labels that came with the files.

    Args:
        index: Folder of the index.
        given: Only labels that people gave here.
        by: Only those that these people gave here; none named: anybody.
        since: Only those given here on this day, UTC, or later.

    Raises:
        StoreError: Nobody of such a name has given a label that stands.
    """
    store, sayings = IndexStore.open(index), LabelJournal(index).standing(by=by, since=since)
    given = given or bool(by) or since is not None
    table = store.scan(["id", "label", "group"], "label IS NOT NULL", order_by_id=True)
    text = io.StringIO()
    names = ["path", "label", "group", "labelled_by", "labelled_at", "labelled_how"]
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    for row in table.to_pylist():
        act = sayings.get(row["id"])
        if act is None and given:
            continue
        facts = {"path": row["id"], "label": row["label"], "group": row["group"]}
        if act is not None:
            facts |= {"labelled_by": act.who, "labelled_at": act.when, "labelled_how": act.how}
        writer.writerow(facts)
    return text.getvalue()


def clean_label(label: str | None) -> str | None:
    """A label without stray spaces; None where there is none.

    Raises:
        StoreError: It is too long, or holds characters that cannot be seen.
    """
    if label is None:
        return None
    text = " ".join(unicodedata.normalize("NFC", label).split())
    if any(unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co") for letter in text):
        raise StoreError(f"The label {label!r} holds characters that cannot be seen; type it anew.")
    if len(text) > LONGEST:
        raise StoreError(
            f"A label of {len(text)} characters is a remark; use at most {LONGEST}, and a column "
            "of your own for more."
        )
    return text or None


def user_name() -> str:
    """The user of this machine, or "unknown"."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


def _labels(store: IndexStore, ids: Sequence[str]) -> dict[str, str | None]:
    table = store.take(ids, ["label"])
    return dict(zip(ids, table.column("label").to_pylist(), strict=True))
