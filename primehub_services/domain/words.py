"""Clauses as sentences. Pure."""

from __future__ import annotations


def sentence(clause: str) -> str:
    """The clause with a capital letter and its full stop, where it has no other end; empty stays so."""
    text = clause[:1].upper() + clause[1:]
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."
