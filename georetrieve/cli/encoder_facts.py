"""What ``georetrieve encoders`` shows of an encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from georetrieve.encoders.catalogue.entry import Entry

__all__ = ["catalogue_facts", "list_row", "loaded_facts"]


def list_row(entry: Entry) -> dict[str, Any]:
    """An encoder of the catalogue in the list of all."""
    return {
        "name": entry.name,
        "family": entry.family,
        "dim": entry.dim,
        "patch": entry.patch_px,
        "MB": entry.megabytes,
        "licence": entry.licence,
        "text": "yes" if entry.text else "no",
        "here": _here(entry),
        "summary": entry.summary,
    }


def _here(entry: Entry) -> str:
    from georetrieve.encoders.catalogue.weights_folder import WeightsFolder
    from georetrieve.errors import EncoderError

    try:
        return "yes" if WeightsFolder.default().is_here(entry) else "no"
    except EncoderError:
        return "damaged"


def loaded_facts(name: str) -> dict[str, Any]:
    """What an encoder is that is loaded to learn it: the bundled one, or a file of yours."""
    from georetrieve.encoders.registry import load_encoder

    spec = load_encoder(name).spec
    return {**spec.to_json(), "fingerprint": spec.fingerprint, "column": spec.column}


def catalogue_facts(name: str) -> dict[str, Any]:
    """What is known of a published encoder, and of its weights on this machine."""
    from georetrieve.encoders.catalogue.weights_folder import WeightsFolder
    from georetrieve.encoders.registry import find_entry

    entry, kept = find_entry(name), WeightsFolder.default()
    ledger = kept.ledger(name)
    values: dict[str, Any] = {
        "name": entry.name,
        "summary": entry.summary,
        "family": entry.family,
        "arch": entry.arch,
        "dim": entry.dim,
        "patch_px": entry.patch_px,
        "trained at, px": entry.side_px,
        "transform": entry.transform.to_json(),
        "metric": entry.metric,
        "encodes texts": "yes" if entry.text else "no",
        "paper": entry.paper,
        "page": entry.page,
        "licence": entry.licence,
        "licence_url": entry.licence_url,
        "must be accepted": "yes" if entry.gated else "no",
        "accepted": ledger.accepted if ledger else "",
        "megabytes": entry.megabytes,
        "here": _here(entry),
        "folder": str(kept.folder(name)),
    }
    for file in entry.files:
        facts = ledger.files.get(file.name) if ledger else None
        values[f"{file.name}: sources"] = ", ".join(file.sources)
        digest = facts.sha256 if facts else file.sha256
        values[f"{file.name}: SHA-256"] = digest or "recorded when it is first fetched"
        if facts:
            values[f"{file.name}: from"] = f"{facts.url}, {facts.fetched}"
    return values
