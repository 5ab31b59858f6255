"""The sides that images may have."""

from __future__ import annotations

from georetrieve.errors import EncoderError

__all__ = ["check_whole_patches"]


def check_whole_patches(side: int, patch_px: int) -> None:
    """Accept a side that is a multiple of a patch.

    Raises:
        EncoderError: It is none.
    """
    if side < patch_px or side % patch_px:
        below = max(1, side // patch_px) * patch_px
        raise EncoderError(
            f"An image side of {side} px is not whole patches of {patch_px} px; use {below} or "
            f"{below + patch_px}."
        )
