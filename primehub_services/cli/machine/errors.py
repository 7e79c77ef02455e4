"""What keeps the platform from starting, in words a person can act on."""

from __future__ import annotations


class StartError(Exception):
    """The platform cannot start or be controlled. ``message`` says what is wrong, ``fix`` what to do about it."""

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
