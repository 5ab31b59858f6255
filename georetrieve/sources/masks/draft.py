"""What a person says of images, while they say it: classes, clicks, masks, and each step back."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from georetrieve.errors import SourceError, did_you_mean
from georetrieve.sources.masks.classes import ClassTable, MapClass, class_name, distinct_colours
from georetrieve.sources.masks.clicks import Click

__all__ = ["Draft", "DraftMask"]

MOST_CLASSES = 64
MOST_CLICKS = 20_000
MOST_STEPS_BACK = 200

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class DraftMask:
    """A file with a mask or outlines of an image.

    Attributes:
        image: Name of the field it belongs to.
        file: Where it lies.
        names: Of the draft's classes, one for each class of the file in its order; None where what
            it says is not used.
    """

    image: str
    file: Path
    names: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class _Said:
    """Everything at one moment."""

    classes: tuple[tuple[str, Colour], ...] = ()
    clicks: tuple[Click, ...] = ()
    masks: tuple[DraftMask, ...] = ()


class Draft:
    """Classes, the clicks on images that show them, and masks; every change can be taken back.

    Args:
        classes: (name, colour) of those there are from the beginning.
        clicks: Of these classes.
        masks: Of these classes.

    Raises:
        SourceError: They contradict each other, or are too many.
    """

    def __init__(
        self,
        classes: Sequence[tuple[str, Colour]] = (),
        clicks: Sequence[Click] = (),
        masks: Sequence[DraftMask] = (),
    ) -> None:
        self._now = _Said()
        self._before: list[_Said] = []
        for name, colour in classes:
            self.add_class(name, colour)
        self.add_clicks(clicks, known=self.names)
        for name in (one for mask in masks for one in mask.names if one is not None):
            self._check(name)
        self._now = replace(self._now, masks=tuple(masks))
        self._before.clear()

    @property
    def classes(self) -> tuple[tuple[str, Colour], ...]:
        """Name and colour of each, in the order they came."""
        return self._now.classes

    @property
    def names(self) -> tuple[str, ...]:
        """Of the classes, in the order they came."""
        return tuple(name for name, _ in self.classes)

    @property
    def clicks(self) -> tuple[Click, ...]:
        """Of all images; :attr:`Click.path` is the name of the image."""
        return self._now.clicks

    @property
    def masks(self) -> tuple[DraftMask, ...]:
        """At most one an image."""
        return self._now.masks

    @property
    def images(self) -> tuple[str, ...]:
        """Names of the images of which something is said, in the order that was done."""
        named = [one.path for one in self.clicks] + [one.image for one in self.masks]
        return tuple(dict.fromkeys(named))

    @property
    def table(self) -> ClassTable:
        """The classes; their codes count from 0.

        Raises:
            SourceError: There is none.
        """
        return ClassTable(
            tuple(MapClass(name, code, shade) for code, (name, shade) in enumerate(self.classes))
        )

    def counts(self, image: str | None = None) -> Counter[str]:
        """Clicks of each class, on one image or on all."""
        return Counter(one.name for one in self.clicks if image in (None, one.path))

    def add_class(self, name: str, colour: Colour | None = None) -> str:
        """Add a class, and return its name without stray spaces.

        Args:
            name: As people say it.
            colour: By default one that is easily told from those there are.

        Raises:
            SourceError: It is empty, too long, there already, or there are too many.
        """
        name = self._fresh_name(name)
        if len(self.names) >= MOST_CLASSES:
            raise SourceError(
                f"There are {len(self.names)} classes, and no more can be told apart; take one "
                "away first."
            )
        taken = {shade for _, shade in self.classes}
        spare = distinct_colours(len(taken) + 1)
        shade = colour or next((one for one in spare if one not in taken), spare[-1])
        self._say(replace(self._now, classes=(*self.classes, (name, shade))))
        return name

    def rename_class(self, name: str, new: str) -> str:
        """Call a class otherwise, its clicks too.

        Raises:
            SourceError: There is no such class, or the new name is none.
        """
        self._check(name)
        if new.strip() == name:
            return name
        new = self._fresh_name(new)

        def called(one: str | None) -> str | None:
            return new if one == name else one

        self._say(
            _Said(
                tuple((new if one == name else one, shade) for one, shade in self.classes),
                tuple(replace(one, name=called(one.name) or "") for one in self.clicks),
                tuple(replace(one, names=tuple(map(called, one.names))) for one in self.masks),
            )
        )
        return new

    def colour_class(self, name: str, colour: Colour) -> None:
        """Draw a class in another colour.

        Raises:
            SourceError: There is no such class.
        """
        self._check(name)
        changed = tuple((one, colour if one == name else shade) for one, shade in self.classes)
        self._say(replace(self._now, classes=changed))

    def remove_class(self, name: str) -> None:
        """Take a class away, with its clicks.

        Raises:
            SourceError: There is no such class.
        """
        self._check(name)
        self._say(
            _Said(
                tuple(one for one in self.classes if one[0] != name),
                tuple(one for one in self.clicks if one.name != name),
                tuple(
                    replace(mask, names=tuple(None if one == name else one for one in mask.names))
                    for mask in self.masks
                ),
            )
        )

    def click(self, image: str, x: float, y: float, name: str, *, reach: float) -> bool:
        """Say what is at a point; a click on a click takes that away.

        Args:
            image: Name of the field.
            x: Pixels from its left edge.
            y: Pixels from its top edge.
            name: Class.
            reach: How near a click is the same, pixels.

        Returns:
            Whether a click was added.

        Raises:
            SourceError: There is no such class, or there are too many clicks.
        """
        self._check(name)
        near = [
            (math.hypot(one.x - x, one.y - y), place)
            for place, one in enumerate(self.clicks)
            if one.path == image
        ]
        away, place = min(near, default=(math.inf, -1))
        if away <= reach:
            kept = (*self.clicks[:place], *self.clicks[place + 1 :])
            self._say(replace(self._now, clicks=kept))
            return False
        self.add_clicks([Click(0, image, x, y, name)])
        return True

    def add_clicks(self, clicks: Sequence[Click], *, known: Collection[str] | None = None) -> None:
        """Add clicks, and the classes they name.

        Args:
            clicks: With the names of their images.
            known: Classes there may be; None: any.

        Raises:
            SourceError: There would be too many, or a class is not one that is known.
        """
        if len(self.clicks) + len(clicks) > MOST_CLICKS:
            raise SourceError(
                f"{len(self.clicks) + len(clicks):,} clicks are more than {MOST_CLICKS:,}; draw "
                "areas in QuPath and load these as a mask."
            )
        with self._one_step():
            for name in dict.fromkeys(one.name for one in clicks):
                if known is not None and name not in known:
                    raise SourceError(f"There is no class {name!r}.{did_you_mean(name, known)}")
                if name not in self.names:
                    self.add_class(name)
            self._now = replace(self._now, clicks=(*self.clicks, *clicks))

    def add_mask(self, image: str, file: Path, classes: ClassTable) -> None:
        """Let a mask, or outlines, say what of an image they know; instead of an earlier one.

        Args:
            image: Name of the field.
            file: That was read.
            classes: It holds; those that are not there yet are added, in their colours.

        Raises:
            SourceError: There would be too many classes.
        """
        with self._one_step():
            names = tuple(
                one.name if one.name in self.names else self.add_class(one.name, one.colour)
                for one in classes.classes
            )
            others = tuple(one for one in self.masks if one.image != image)
            mask = DraftMask(image, file, names)
            self._now = replace(self._now, masks=(*others, mask))

    def remove_mask(self, image: str) -> None:
        """Use the mask of an image no longer."""
        self._say(replace(self._now, masks=tuple(one for one in self.masks if one.image != image)))

    def clear(self) -> None:
        """Take everything away."""
        if self._now != _Said():
            self._say(_Said())

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to take back."""
        return bool(self._before)

    def undo(self) -> bool:
        """Take the last change back; False where there is none."""
        if not self._before:
            return False
        self._now = self._before.pop()
        return True

    def _say(self, said: _Said) -> None:
        self._before.append(self._now)
        del self._before[:-MOST_STEPS_BACK]
        self._now = said

    @contextmanager
    def _one_step(self) -> Iterator[None]:
        """All that is said meanwhile is one change; none, if it fails."""
        now, before = self._now, self._before.copy()
        try:
            yield
        except SourceError:
            self._now, self._before = now, before
            raise
        after, self._now, self._before = self._now, now, before
        self._say(after)

    def _check(self, name: str) -> None:
        if name not in self.names:
            raise SourceError(f"There is no class {name!r}.{did_you_mean(name, self.names)}")

    def _fresh_name(self, name: str) -> str:
        clean = class_name(name)
        if clean in self.names:
            raise SourceError(f"There is a class {clean!r} already; choose it, or another name.")
        return clean
