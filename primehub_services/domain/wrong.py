"""The one exception of checks on values: what is wrong, and what would be right."""

from __future__ import annotations


class WrongValue(ValueError):
    """A value that cannot be. Both texts are clauses that follow the field's name, and never repeat what may be a secret."""

    def __init__(self, message: str, fix: str, *, field: str = "") -> None:
        """``field`` is the one to change, below what is checked: of a check over several fields, or of an object's keys."""
        super().__init__(message)
        self.fix = fix
        self.field = field
