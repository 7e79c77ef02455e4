"""Volumes of kind git: a repository's files on this machine, kept as they are there.

Git runs as a workload of its own, since what a server sends it is anybody's: it sees the work folder of that volume,
its secret and the network, and runs no hooks. It clones beside what is shown; only a whole clone is moved into the
volume's folder, where a link says which clone is shown. Notebooks see that folder and go through the link, so that a new
commit is there in the moment the link changes, and never half of it.

``volumes/<slug>/<commit>-<source>/``  a clone; the one before stays a while for programs that are still in it
``volumes/<slug>/<slug>``              the link to the one that is shown
``volumes/.git/<slug>/``               what git writes: the clone being made, the servers' keys
``volumes/.git/<slug>.json``           which is shown, and of which source
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from primehub_services.domain.volumes import GitSource

from . import records
from .errors import WorkloadError
from .git_output import explain
from .git_settings import SCRIPT, git_environment, private_files, secret_problem
from .launch import passing_mode
from .layout import check_passable, make_folder, prepare, workload_identity
from .pip_settings import certificates, loopback_ports, proxies
from .render import SYSTEM_FOLDERS, Machine, host_path_refusal, system_binds
from .spec import Bind, Limits, Link, NetworkMode, SandboxSpec, WorkloadStatus
from .tools import system_links
from .workloads import Workloads, visible

KIND = "git-fetch"
LONGEST_S = 3600.0
_PATH = "/usr/local/bin:/usr/bin:/bin"
_LOOK_S = 0.2
_MEMORY = 4 * 1024**3
_RESULT = re.compile(r"(same|new) ([0-9a-f]{40}|[0-9a-f]{64})\n?\Z")
_CLONE = re.compile(r"[0-9a-f]{40,64}-[0-9a-f]{8}\Z")


class FetchFailed(Exception):
    """A repository cannot be fetched. The text is a sentence for the administrators, with what to do."""


class Repositories:
    """The git volumes of a data folder. One process of the platform fetches at a time."""

    def __init__(
        self, workloads: Workloads, environ: Mapping[str, str] | None = None, known_hosts: Sequence[str] = ()
    ) -> None:
        self._workloads = workloads
        self._known_hosts = known_hosts
        self._layout = workloads.layout
        self._environ = os.environ if environ is None else environ
        self._locks: dict[str, threading.Lock] = {}

    def fetch(
        self,
        slug: str,
        source: GitSource,
        *,
        secret: str | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        longest_s: float = LONGEST_S,
    ) -> str:
        """Makes the volume show the newest commit of ``source`` and returns its id. Call it in a thread.

        ``secret`` is an SSH private key, or a token for https. Where it fails, what was shown before stays. Raises
        ``FetchFailed``.
        """
        problem = secret_problem(source.url, secret)
        if problem:
            raise FetchFailed(problem)
        # one that was cancelled may still be ending
        with self._lock(slug):
            try:
                self._end_earlier(slug)
                deadline = time.monotonic() + longest_s
                self._clone(slug, source, secret, cancelled, deadline)
                return self._take(slug, source)
            except (WorkloadError, OSError) as error:
                raise FetchFailed(_sentence(error)) from error

    def _lock(self, slug: str) -> threading.Lock:
        """Whoever holds it is alone at the files of that volume."""
        return self._locks.setdefault(slug, threading.Lock())

    # -- running git

    def _clone(
        self, slug: str, source: GitSource, secret: str | None, cancelled: Callable[[], bool], deadline: float
    ) -> None:
        key = f"git-{slug}-{secrets.token_hex(4)}"
        try:
            status = self._run(key, slug, source, secret, cancelled, deadline)
            said = self._workloads.read_log(key, -8000).data.decode(errors="replace")
        finally:
            self._end(key)
        if status is None or status.code != 0:
            sentence = explain(said, status.reason if status is not None else "Lost")
            raise FetchFailed(sentence.replace(secret.strip(), "***") if secret else sentence)

    def _run(
        self,
        key: str,
        slug: str,
        source: GitSource,
        secret: str | None,
        cancelled: Callable[[], bool],
        deadline: float,
    ) -> WorkloadStatus | None:
        prepare(self._layout)
        owner = workload_identity(self._workloads.options.workload_uid)
        make_folder(self._layout.repository(slug).parent, mode=0o711)
        make_folder(self._layout.repository(slug), owner=owner)
        records.remove_tree(self._layout.repository(slug) / "new")
        spec = self._spec(key, slug, source, secret)
        self._write_private(key, secret, owner)
        self._workloads.start(spec)
        while (status := self._workloads.status(key)) is not None and status.alive:
            if cancelled():
                msg = "The fetch was cancelled."
                raise FetchFailed(msg)
            if time.monotonic() > deadline:
                msg = "The repository could not be fetched in time. Look whether its server answers."
                raise FetchFailed(msg)
            time.sleep(_LOOK_S)
        return status

    def _spec(self, key: str, slug: str, source: GitSource, secret: str | None) -> SandboxSpec:
        git = shutil.which("git", path=_PATH)
        if git is None:
            msg = "git is not installed on this machine. Install the package git."
            raise FetchFailed(msg)
        # who makes volumes is a platform admin: git may run without protection where there is none
        sandbox = self._workloads.require_sandbox(allow_unsandboxed=True)
        uid, gid = workload_identity(self._workloads.options.workload_uid)
        machine = Machine(exists=visible, real=os.path.realpath, links=system_links(SYSTEM_FOLDERS))
        folder, work = self._layout.repository(slug), self._layout.workload(key)
        trust, through = certificates(self._environ), proxies(self._environ)
        binds = [
            # first, since what is shown may lie below it
            Bind(source=str(work / "tmp"), path="/tmp", read_only=False),
            *system_binds(machine),
            *(Bind(source=path, path=path) for path in trust.values() if visible(path)),
            *self._local_repository(source, machine, uid),
            Bind(source=str(work / "private"), path=str(work / "private")),
            Bind(source=str(folder), path=str(folder), read_only=False),
        ]
        env = {
            **through,
            **trust,
            **git_environment(source.url, secret, str(work / "private"), str(folder), self._known_hosts),
            "PATH": _PATH,
            "LANG": "C.UTF-8",
            "HOME": "/tmp" if sandbox.sandboxed else str(work / "tmp"),
            "TMPDIR": "/tmp" if sandbox.sandboxed else str(work / "tmp"),
            "PRIMEHUB_WORKLOAD_KEY": key,
        }
        known = self._shown(slug, source)
        return SandboxSpec(
            key=key,
            argv=("/bin/sh", "-c", SCRIPT, "fetch", source.url, source.ref, known.partition("-")[0]),
            env=env,
            cwd=str(folder),
            hostname="primehub-git",
            sandboxed=sandbox.sandboxed,
            binds=tuple(binds) if sandbox.sandboxed else tuple(b for b in binds if b.source.startswith(str(work))),
            system_links=tuple(Link(path=path, target=to) for path, to in sorted(machine.links.items())),
            limits=Limits(memory=_MEMORY),
            network=NetworkMode.ISOLATED if sandbox.network_isolated else NetworkMode.SHARED,
            forward_out=loopback_ports({**through, "url": source.url}),
            uid=uid,
            gid=gid,
            labels={"primehub.io/kind": KIND, "primehub.io/volume": slug},
        )

    def _local_repository(self, source: GitSource, machine: Machine, uid: int) -> list[Bind]:
        """A repository on this machine; looked at anew each time, since a link may have been changed."""
        parts = urlsplit(source.url)
        if parts.scheme != "file":
            return []
        refusal = host_path_refusal(parts.path, self._layout, self._workloads.options.host_path_roots, machine)
        if refusal:
            raise FetchFailed(refusal)
        real = Path(os.path.realpath(parts.path))
        if not real.is_dir():
            msg = f"There is no folder {parts.path} on this machine."
            raise FetchFailed(msg)
        check_passable(real, uid, own=False)
        return [Bind(source=str(real), path=parts.path)]

    def _write_private(self, key: str, secret: str | None, owner: tuple[int, int]) -> None:
        """Puts the secret where only this run of git sees it; it goes with the workload's folder."""
        work = self._layout.workload(key)
        make_folder(work, mode=passing_mode())
        make_folder(work / "private", owner=owner)
        for name, (text, mode) in private_files(secret, self._known_hosts).items():
            handle = os.open(work / "private" / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                os.fchmod(handle, mode)
                if os.geteuid() == 0:
                    os.fchown(handle, *owner)

    def _end_earlier(self, slug: str) -> None:
        """Ends what a process of the platform that was killed has left."""
        with contextlib.suppress(FileNotFoundError):
            for name in os.listdir(self._layout.workloads):
                if re.fullmatch(rf"git-{re.escape(slug)}-[0-9a-f]{{8}}", name):
                    self._end(name)

    def _end(self, key: str) -> None:
        """Ends git if it runs, and drops its log and its secret."""
        self._workloads.stop(key, 2)
        deadline = time.monotonic() + 15
        while True:
            try:
                self._workloads.remove(key)
            except WorkloadError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return

    # -- showing what was fetched

    def _take(self, slug: str, source: GitSource) -> str:
        work = self._layout.repository(slug)
        result = _RESULT.match(_read_small(work / "result"))
        if result is None:
            msg = "git ended without saying what it fetched."
            raise FetchFailed(msg)
        commit = result[2]
        before = self._shown(slug, source)
        if result[1] == "same" and before.startswith(commit):
            return commit
        folder = self._layout.volume(slug)
        make_folder(folder, mode=0o755)
        name = f"{commit}-{_digest(source)}"
        if not (folder / name).exists():
            made = work / "new"
            if made.is_symlink() or not made.is_dir():
                msg = "git ended without a clone."
                raise FetchFailed(msg)
            made.rename(folder / name)
        earlier = _read_link(folder / slug)
        temporary = folder / ".shown"
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(name)
        temporary.replace(folder / slug)
        records.write(self._record_path(slug), {"shown": name, "source": _digest(source)})
        for path in folder.iterdir():
            if _CLONE.match(path.name) and path.name not in (name, earlier):
                records.remove_tree(path)
        return commit

    def _shown(self, slug: str, source: GitSource) -> str:
        """The name of the clone that is shown, if it is one of this source; else empty."""
        record = records.read(self._record_path(slug)) or {}
        name = str(record.get("shown", ""))
        folder = self._layout.volume(slug)
        right = record.get("source") == _digest(source) and _read_link(folder / slug) == name
        return name if right and (folder / name).is_dir() else ""

    def _record_path(self, slug: str) -> Path:
        folder = self._layout.repository(slug)
        return folder.with_name(f"{folder.name}.json")


def _digest(source: GitSource) -> str:
    return hashlib.sha256(f"{source.url}\n{source.ref}".encode()).hexdigest()[:8]


def _read_small(path: Path) -> str:
    """A small file that git's sandbox wrote; empty where it is none."""
    with contextlib.suppress(OSError), open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        return file.read(200).decode(errors="replace")
    return ""


def _read_link(path: Path) -> str:
    with contextlib.suppress(OSError):
        return os.readlink(path)
    return ""


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.filename or 'The data folder'}: {error.strerror or error}"
    return str(error)
