"""The data folder: made, checked, and where everything in it is."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .errors import StartError

MIB = 1024**2
NEEDED_FREE = 256 * MIB
"""Bytes that must be free for a start: databases and logs that cannot be written lose work."""


@dataclass(frozen=True, slots=True)
class Folders:
    """Paths below one data folder."""

    data: Path

    @property
    def run(self) -> Path:
        """Locks, ports, and what the running platform says of itself."""
        return self.data / "run"

    @property
    def log(self) -> Path:
        """Logs of the platform's own processes."""
        return self.data / "log"

    @property
    def secrets(self) -> Path:
        """Keys and tokens, for the platform's user alone."""
        return self.data / "secrets"

    @property
    def hub(self) -> Path:
        """The hub's working folder."""
        return self.data / "hub"

    @property
    def first_sign_in(self) -> Path:
        """The first administrator's one-time link, until it is used."""
        return self.run / "first-sign-in"


def prepare(data: Path, *, needed_free: int = NEEDED_FREE) -> Folders:
    """The folders, made where they are not there. Raises ``StartError`` where they cannot be written or are full."""
    folders = Folders(data.absolute())
    another = "Choose another data folder with --data FOLDER (or the variable PRIMEHUB_DATA)"
    if _free(folders.data) < needed_free:
        raise _full(folders.data, another)
    try:
        # workloads of a platform that root started pass through to their own folders, and see nothing on the way
        folders.data.mkdir(parents=True, exist_ok=True, mode=0o711 if os.geteuid() == 0 else 0o700)
        for folder in (folders.run, folders.log, folders.secrets, folders.hub):
            folder.mkdir(exist_ok=True, mode=0o700)
        (folders.data / "primehub.sqlite").touch(mode=0o600)
        with tempfile.TemporaryFile(dir=folders.run) as probe:
            probe.write(b"\0" * MIB)
            probe.flush()
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _full(folders.data, another) from error
        no_folder = error.errno in (errno.EEXIST, errno.ENOTDIR)
        reason = "a file is in its place" if no_folder else error.strerror
        msg = f"The data folder {folders.data} cannot be written: {reason}."
        raise StartError(msg, f"{another}, or make it writable for {_user()}.") from error
    return folders


def _full(data: Path, another: str) -> StartError:
    return StartError(
        f"The disk of the data folder {data} is full: {_free(data) // MIB} MiB are free, and a start needs "
        f"{NEEDED_FREE // MIB} MiB.",
        f"Free some space there. {another}.",
    )


def _free(data: Path) -> int:
    """Bytes that can be written where the folder is or would be."""
    there = next(folder for folder in (data, *data.parents) if os.path.exists(folder))
    usage = shutil.disk_usage(there)
    return usage.free if usage.total else NEEDED_FREE  # no disk at all, like /proc: writing says more


def _user() -> str:
    try:
        import pwd

        return f"the user {pwd.getpwuid(os.geteuid()).pw_name}"
    except (ImportError, KeyError):
        return f"uid {os.geteuid()}"


def write_private(path: Path, text: str) -> None:
    """Replace the file as a whole, readable for this user alone; a reader sees the old text or the new."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
