"""Names that nothing had before: what a first try made stays, and a second one makes its own."""

from __future__ import annotations

from uuid import uuid4


def unique(word: str) -> str:
    """The word, and what makes it a name of its own on a platform that several tests share."""
    return f"{word}-{uuid4().hex[:6]}"
