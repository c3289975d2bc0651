"""Numbers of things in words."""

from __future__ import annotations


def format_count(number: int, thing: str, plural: str = "") -> str:
    """``1 clip``, ``2 clips``; ``plural`` for what does not end in ``s``."""
    return f"{number} {thing if number == 1 else plural or thing + 's'}"
