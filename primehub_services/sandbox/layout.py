"""The folders of a data folder that workloads see or leave something in."""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from primehub_services.domain.names import is_slug

from .errors import WorkloadError


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are below ``data_dir``. Paths are made of slugs alone, so that no name can lead elsewhere."""

    data_dir: Path

    def home(self, user_slug: str) -> Path:
        """A person's files, in every group."""
        return self.data_dir / "homes" / _checked(user_slug)

    def project(self, group_slug: str) -> Path:
        """What a group shares."""
        return self.data_dir / "projects" / _checked(group_slug)

    def volume(self, volume_slug: str) -> Path:
        """A data volume that the platform keeps itself."""
        return self.data_dir / "volumes" / _checked(volume_slug)

    def repository(self, volume_slug: str) -> Path:
        """Where the repository of a volume of kind git is fetched; what is shown is in ``volume``."""
        return self.data_dir / "volumes" / ".git" / _checked(volume_slug)

    @property
    def environments(self) -> Path:
        """Environments that the platform made, and pip's cache."""
        return self.data_dir / "environments"

    @property
    def workloads(self) -> Path:
        """One folder for each workload: spec, status, log."""
        return self.data_dir / "workloads"

    def workload(self, key: str) -> Path:
        """The folder of one workload."""
        return self.workloads / key


def _checked(slug: str) -> str:
    if not is_slug(slug):
        msg = f"{slug!r} cannot name a folder"
        raise WorkloadError(msg, code="folder")
    return slug


def workload_identity(workload_uid: int) -> tuple[int, int]:
    """uid and gid of workloads: the platform's own, or as root ``workload_uid`` for both."""
    if os.geteuid() == 0:
        return workload_uid, workload_uid
    return os.getuid(), os.getgid()


def prepare(layout: Layout) -> None:
    """Makes the folders. Others than the owner may pass through them where that is root, but list nothing.

    Raises ``WorkloadError`` naming the folder that cannot be made or entered.
    """
    passing = 0o711 if os.geteuid() == 0 else 0o700
    for folder in (
        layout.data_dir,
        layout.workloads,
        layout.data_dir / "homes",
        layout.data_dir / "projects",
        layout.data_dir / "volumes",
    ):
        make_folder(folder, mode=passing)
    make_folder(layout.environments, mode=0o755)


def make_folder(path: Path, *, mode: int = 0o700, owner: tuple[int, int] | None = None) -> None:
    """Makes one folder with its parents, and gives it mode and owner. What is there already stays.

    The last part of ``path`` must not be a symbolic link. Raises ``WorkloadError`` naming the folder.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            found = os.fstat(handle)
            if owner is not None and os.geteuid() == 0 and (found.st_uid, found.st_gid) != owner:
                os.fchown(handle, *owner)
            if stat.S_IMODE(found.st_mode) != mode and (os.geteuid() in (0, found.st_uid)):
                os.fchmod(handle, mode)
        finally:
            os.close(handle)
    except OSError as error:
        msg = f"The folder {path} cannot be made or used: {error.strerror}. {_advice(error)}"
        raise WorkloadError(msg, code="disk-full" if _is_full(error) else "folder") from error


def _is_full(error: OSError) -> bool:
    return error.errno in {28, 122}  # ENOSPC, EDQUOT


def _advice(error: OSError) -> str:
    if _is_full(error):
        return "Make room on that disk."
    return "Give the platform's user the right to write there, or choose another data folder."


def check_passable(path: Path, uid: int, *, own: bool = True) -> None:
    """Raises ``WorkloadError`` where ``uid`` cannot pass through a parent of ``path``, naming that parent.

    ``own``: the path is in the data folder, so that another data folder would help.
    """
    if os.geteuid() != 0:
        return
    for parent in reversed(path.resolve().parents):
        found = parent.stat()
        bit = stat.S_IXUSR if found.st_uid == uid else stat.S_IXGRP if found.st_gid == uid else stat.S_IXOTH
        if not found.st_mode & bit:
            where = f"Choose a folder elsewhere{' (PRIMEHUB_DATA)' if own else ''}, or run: chmod o+x {parent}"
            msg = f"Workloads run as uid {uid}, and it cannot enter {parent}. {where}"
            raise WorkloadError(msg, code="folder")
