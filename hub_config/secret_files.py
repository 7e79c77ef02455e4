"""Secrets that are made once and kept in files: service tokens, cookie secret, the proxy's token."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path


class SecretFileError(Exception):
    """A secret cannot be read or kept; the text names the file and what to do."""


def secret_file(path: Path, *, nbytes: int = 32) -> str:
    """The secret in the file, as hexadecimal digits; made (0600, its folder 0700) where there is none.

    Two processes that ask at once get the same secret: the first one's file stays. Raises ``SecretFileError``.
    """
    try:
        if not path.exists():
            _make(path, secrets.token_hex(nbytes))
        found = path.stat()
        # one of somebody else's (of a mounted Secret) has the mode that they gave it
        if found.st_mode & 0o077 and found.st_uid == os.geteuid():
            path.chmod(0o600)
        text = path.read_text().strip()
    except OSError as error:
        msg = f"{path}: {error.strerror}. The folder must be writable for the user that runs PrimeHub."
        raise SecretFileError(msg) from error
    if not text:
        msg = f"{path} is empty. Delete it and start again; a new secret is made."
        raise SecretFileError(msg)
    return text


def _make(path: Path, value: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(value)
            file.flush()
            os.fsync(file.fileno())
        # a link fails where the name is taken, so a half-written or a second secret is never seen
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(temporary)
