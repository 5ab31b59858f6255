"""Labels, groups and metadata: from folder names, a table, or a pattern in the file name."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from georetrieve.sources.label_rules import Annotation, FolderRule, Rule, make_rule
from georetrieve.sources.options import VolumeRule
from georetrieve.types import Region, Scalar

__all__ = ["Annotation", "Annotator"]


class Annotator:
    """Gives every item its label, group and metadata; thread-safe.

    A group is, in this order: what ``groups`` says; what the table or pattern of ``labels`` says;
    the file itself for items cut from a slide, a volume or a larger image; else none.

    Attributes:
        columns: Metadata column → ``int``, ``float``, ``bool`` or ``str``; all are in every
            annotation.
    """

    def __init__(self, labels: Rule | None, groups: Rule | None, *, grouped: bool = True) -> None:
        self._labels, self._groups, self._grouped = labels, groups, grouped
        self.columns: dict[str, str] = {}
        for rule in (groups, labels):
            if rule is not None:
                self.columns |= rule.columns

    @classmethod
    def from_options(
        cls,
        labels: str | None,
        groups: str | None,
        root: Path,
        *,
        volumes: VolumeRule = "auto",
    ) -> Annotator:
        r"""Make an annotator from what a user writes.

        Args:
            labels: ``none``; ``folder`` (the name of the folder a file lies in); a CSV file,
                looked for from here and from ``root``; or ``regex:PATTERN``, searched in the path
                below the root, with groups ``(?P<label>…)``, ``(?P<group>…)`` and any other name
                for metadata (``(?P<depth>\d+)`` gives a number).
            groups: Likewise; ``folder`` is the folder's path below the root, ``none`` no groups at
                all, None the default of the class.
            root: The source folder.
            volumes: As the folder is walked, see :func:`georetrieve.sources.folder.walk`.

        Raises:
            SourceError: No such file, not a table, or not a pattern.
        """
        label_rule = make_rule(labels, root, volumes, "labels")
        same = groups is not None and groups == labels
        group_rule = label_rule if same else make_rule(groups, root, volumes, "groups")
        return cls(label_rule, group_rule, grouped=groups != "none")

    def annotate(self, path: str, kind: str, region: Region | None = None) -> Annotation:
        """Return label, group and metadata of an item.

        Args:
            path: POSIX path below the root.
            kind: ``image``, ``slide`` or ``volume``: what the file is.
            region: Where in the file the item lies; None for a whole image.
        """
        said = self._labels.look_up(path, region) if self._labels else None
        grouping = self._groups.look_up(path, region) if self._groups else None
        group = grouping.group if grouping else None
        if group is None and said is not None and not isinstance(self._labels, FolderRule):
            group = said.group
        if group is None and (kind in ("slide", "volume") or region is not None):
            group = path
        metadata: dict[str, Scalar] = dict.fromkeys(self.columns)
        for one in (grouping, said):
            if one is not None:
                metadata.update(one.metadata)
        label = said.label if said else None
        return Annotation(label, group if self._grouped else None, metadata)

    @property
    def digest(self) -> str:
        """16 hex digits that change when the annotation of any file may have changed."""
        state = [rule.state() if rule else None for rule in (self._labels, self._groups)]
        text = json.dumps([state, self._grouped], sort_keys=True)
        return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()

    def report(self) -> list[str]:
        """What the user should know: rows without a file, files without a row, odd values."""
        rules = [rule for rule in (self._labels, self._groups) if rule is not None]
        lines = [line for rule in rules for line in rule.report()]
        return list(dict.fromkeys(lines))
