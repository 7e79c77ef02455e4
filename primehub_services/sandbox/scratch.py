"""The walk over a workload's scratch home, without trust in any of it. Standard library only: sidecars do it too.

Everything is opened relative to the folder above it and never through a link, so that nothing that the workload swaps
under our feet leads elsewhere. Only regular files are read, not the fifo that would make us wait; and where the folder
shares its disk with others, only those of the workload's own user, not one of somebody else's that a hard link shows.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field

PIECE = 1 << 20
MAX_DEPTH = 32
MAX_ENTRIES = 20_000
"""Files and folders that are looked at."""
MAX_PATH = 300
"""Characters; what names a file in a URL is no longer."""
NAMED = 100
"""Of what is left out, so many are named."""
_MAX_LINKS = 4
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_OUTSIDE = "it is a link to outside the folder"


class NotTaken(Exception):
    """Why something is left out."""


@dataclass
class LeftOut:
    """What was not taken, as paths with their reasons: the first of them, and how many they are."""

    named: list[tuple[str, str]] = field(default_factory=list)
    count: int = 0

    def add(self, path: str, reason: str) -> None:
        """One more."""
        self.count += 1
        if len(self.named) < NAMED:
            self.named.append((_printable(path), reason))


class Scratch:
    """The files below ``home``, which the workload calls ``root``, as far as they are ``uid``'s; None is anybody's."""

    def __init__(self, home: str, uid: int | None, root: str) -> None:
        self._home = home
        self._uid = uid
        self._root = root

    @contextlib.contextmanager
    def opened(self, path: str) -> Iterator[int | None]:
        """The handle of one file; None where there is none to read."""
        folder, _, rest = path.partition("/")
        handle = None
        if rest and _fit_to_name(path):
            with contextlib.suppress(OSError, NotTaken), self.folder(folder, LeftOut()) as top:
                handle = None if top is None else self._open_file(top, folder, rest)
        try:
            yield handle
        finally:
            if handle is not None:
                os.close(handle)

    @contextlib.contextmanager
    def folder(self, folder: str, left_out: LeftOut) -> Iterator[int | None]:
        """A handle of a folder of the home; it may be a link to another place in it."""
        handle: int | None = None
        try:
            home = os.open(self._home, _FLAGS | os.O_DIRECTORY)
        except OSError:
            yield None
            return
        try:
            try:
                handle = _open_below(home, _followed(home, folder, self._root), directory=True)
            except FileNotFoundError:
                pass
            except (OSError, NotTaken) as error:
                reason = str(error) if isinstance(error, NotTaken) else "it cannot be opened as a folder"
                left_out.add(folder, reason)
            yield handle
        finally:
            os.close(home)
            if handle is not None:
                os.close(handle)

    def walk(self, top: int, base: str, left_out: LeftOut) -> Iterator[tuple[str, int]]:
        """Path and open handle of each file: those of a folder by name, then its folders. A handle is closed when the
        next is asked for."""
        looked = 0
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            try:
                names, more = _names(top, folder, MAX_ENTRIES - looked)
            except OSError:
                left_out.add(folder, "it cannot be read")
                continue
            looked += len(names)
            if more:
                left_out.add(folder or ".", f"only {MAX_ENTRIES} files and folders are looked at")
            folders = []
            for name in names:
                path = f"{folder}/{name}" if folder else name
                try:
                    if self._is_folder(top, path):
                        folders.append(path)
                        continue
                    handle = self._open_file(top, base, path)
                except (OSError, NotTaken) as error:
                    left_out.add(path, str(error) if isinstance(error, NotTaken) else "it cannot be read")
                    continue
                try:
                    yield path, handle
                finally:
                    os.close(handle)
            waiting += reversed(folders)

    def _is_folder(self, top: int, path: str) -> bool:
        if not _fit_to_name(path):
            raise NotTaken(f"its path has characters that are not kept, or more than {MAX_PATH}: rename it")
        folder = path.rpartition("/")[0]
        above = _open_below(top, folder, directory=True)
        try:
            found = os.stat(path.rpartition("/")[2], dir_fd=above, follow_symlinks=False)
        finally:
            os.close(above)
        if not stat.S_ISDIR(found.st_mode):
            if not (stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode)):
                raise NotTaken("it is no regular file")
            return False
        if path.count("/") >= MAX_DEPTH:
            raise NotTaken(f"more than {MAX_DEPTH} folders in one another are not looked at")
        return True

    def _open_file(self, top: int, base: str, path: str) -> int:
        handle = _open_below(top, _followed(top, path, f"{self._root}/{base}"))
        try:
            found = os.fstat(handle)
            if stat.S_ISDIR(found.st_mode):
                raise NotTaken("it is a link to a folder")
            if not stat.S_ISREG(found.st_mode):
                raise NotTaken("it is no regular file")
            if self._uid is not None and found.st_uid != self._uid:
                raise NotTaken("it belongs to somebody else")
        except BaseException:
            os.close(handle)
            raise
        return handle


def _open_below(top: int, path: str, *, directory: bool = False) -> int:
    """Opens what is at ``path`` below a folder, through folders alone."""
    parts = [part for part in path.split("/") if part]
    if ".." in parts or "\0" in path:
        raise NotTaken(_OUTSIDE)
    at = os.dup(top)
    try:
        for number, part in enumerate(parts):
            last = number == len(parts) - 1
            flags = _FLAGS if last and not directory else _FLAGS | os.O_DIRECTORY
            below = os.open(part, flags, dir_fd=at)
            os.close(at)
            at = below
    except BaseException:
        os.close(at)
        raise
    return at


def _followed(top: int, path: str, root: str) -> str:
    """``path``, or where the link at its place leads, as long as that is below ``top``, which workloads call ``root``."""
    for _ in range(_MAX_LINKS):
        folder, _, name = path.rpartition("/")
        above = _open_below(top, folder, directory=True)
        try:
            target = os.readlink(name, dir_fd=above)
        except OSError:
            return path  # no link
        finally:
            os.close(above)
        path = _joined(folder, target, root)
    raise NotTaken("it is a link to a link, and so on")


def _joined(folder: str, target: str, root: str) -> str:
    if target.startswith("/"):
        if not target.startswith(f"{root}/"):
            raise NotTaken(_OUTSIDE)
        folder, target = "", target.removeprefix(f"{root}/")
    parts = [part for part in folder.split("/") if part]
    for part in target.split("/"):
        if part == "..":
            if not parts:
                raise NotTaken(_OUTSIDE)
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    if not parts:
        raise NotTaken("it is a link to a folder")
    return "/".join(parts)


def _names(top: int, folder: str, most: int) -> tuple[list[str], bool]:
    """The names in a folder in their order, and whether there are more than ``most``."""
    handle = _open_below(top, folder, directory=True)
    try:
        names: list[str] = []
        with os.scandir(handle) as entries:
            for entry in entries:
                if len(names) >= most:
                    return sorted(names), True
                names.append(entry.name)
        return sorted(names), False
    finally:
        os.close(handle)


def _fit_to_name(path: str) -> bool:
    """Whether the path can be kept, put into a URL and unpacked anywhere."""
    return len(path) <= MAX_PATH and path.isprintable() and "\\" not in path


def _printable(path: str) -> str:
    text = path if path.isprintable() else ascii(path)[1:-1]
    return text if len(text) <= MAX_PATH else f"{text[:MAX_PATH]}..."


def refusal(size: int, files: int, room: int, *, most: int, most_bytes: int) -> str:
    """Why a file of ``size`` bytes is not kept beside so many, with ``room`` bytes left; empty where it is."""
    if files >= most:
        return f"more than {most} files are not kept"
    if size > room:
        return f"with its {size} bytes it would be more than the {most_bytes} that are kept"
    return ""


class Unreadable(Exception):
    """A file that was opened and cannot be read."""


class Counted:
    """The content of an open file, at most ``size`` bytes, however much it grows meanwhile."""

    def __init__(self, handle: int, size: int) -> None:
        self._handle = handle
        self._size = size
        self.read = 0

    def __iter__(self) -> Iterator[bytes]:
        while self.read < self._size:
            try:
                piece = os.pread(self._handle, min(PIECE, self._size - self.read), self.read)
            except OSError as error:
                raise Unreadable("it cannot be read") from error
            if not piece:
                return
            self.read += len(piece)
            yield piece
