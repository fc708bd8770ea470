"""The size of a picture that is made smaller and keeps its shape."""

from __future__ import annotations


def shrunk_size(width: int, height: int, max_side_px: int) -> tuple[int, int]:
    """Return the size with the longest side at most `max_side_px`; unchanged where it is that already."""
    longest = max(width, height)
    if longest <= max_side_px:
        return width, height
    return max(1, round(width * max_side_px / longest)), max(1, round(height * max_side_px / longest))
