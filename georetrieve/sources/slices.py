"""Which slices of a volume a user means."""

from __future__ import annotations

from georetrieve.errors import SourceError

__all__ = ["parse_slices"]


def parse_slices(text: str | None, count: int) -> list[int]:
    """Numbers of slices: ``all``, ``3,8,12``, ``0:100:10``, or several of these with commas.

    Args:
        text: As the user wrote it; None: all.
        count: How many there are.

    Raises:
        SourceError: It is none of these, or a slice is not there.
    """
    if text is None or text.strip().lower() == "all":
        return list(range(count))
    chosen: list[int] = []
    for part in text.split(","):
        ends = part.strip().split(":")
        try:
            numbers = [int(end) if end.strip() else None for end in ends]
            if len(numbers) == 1:
                chosen.append(int(ends[0]))
            else:
                chosen += range(*slice(*numbers).indices(count))
        except (TypeError, ValueError) as error:
            raise SourceError(
                f"Slices {text!r} are not of the form 3,8,12 or start:stop:step."
            ) from error
    outside = [number for number in chosen if not 0 <= number < count]
    if outside or not chosen:
        what = f"{outside[0]} is not there" if outside else "none is meant"
        raise SourceError(
            f"Slices {text!r}: {what}; the volume has {count} slices, 0 to {count - 1}."
        )
    return sorted(set(chosen))
