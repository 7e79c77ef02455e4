"""Environments: a Python with JupyterLab and packages, which images of one machine are.

One is built as a workload of its own, since what a package's installer does is anybody's code: it sees the folder of
the new environment, a package cache of that image alone, and the internet. So it also outlives the platform, and a
build that is found running is watched, not begun again. The folder counts as an environment once its record is
written, which is the last step; the record also says which base it has, since what is in the folder was written by the
build.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from primehub_services.domain.images import EnvironmentSource
from primehub_services.domain.names import is_slug

from . import records
from .build_output import BuildView, explain, read_output
from .errors import WorkloadError
from .layout import make_folder, prepare, workload_identity
from .pip_settings import local_sources, loopback_ports, pip_environment
from .pythons import BasePython, choose_base, interpreter_folders, record_path
from .render import SYSTEM_FOLDERS, Machine, system_binds
from .spec import HOME, Bind, Limits, Link, NetworkMode, SandboxSpec
from .tools import system_links
from .workloads import Workloads, visible

REQUIRED = {"jupyterlab": "jupyterlab>=4,<5", "jupyterhub": "jupyterhub>=6.1,<7"}
"""What every environment needs to serve notebooks, and gets where its packages do not name it."""
KIND = "image-build"
LIMIT_S = 3600.0
"""Seconds that a build may take. One at a time is made, and the others' people wait."""
_CACHE, _REMOVED = ".cache", ".removed-"
_LOOK_S = 0.3
_NAME = re.compile(r"(?P<slug>.+)-[0-9a-f]{12}")
_MEMORY = 4 * 1024**3
_RECIPE = "2"
"""Changes when environments are made in another way, so that none of the old way is taken for one of the new."""
_USER_SITE = """\
# Lets people install packages beside the environment's, which nobody can write: pip then puts them into ~/.local.
# They come after the environment's own, so that none of them can keep JupyterLab from starting.
import os, site, sys

def add_user_site():
    folder = site.getusersitepackages()
    try:
        os.makedirs(folder, exist_ok=True)  # what is not there now would not be looked at later
    except OSError:
        pass
    site.ENABLE_USER_SITE = True
    site.addsitedir(folder)

def then(customize=site.execsitecustomize):
    add_user_site()
    customize()

# by now it is not known yet that this is a virtual environment, which by itself has no user's packages
if not (sys.flags.no_user_site or sys.flags.isolated):
    site.execsitecustomize = then
"""
_SCRIPT = f"""\
set -e
base="$1"; prefix="$2"; shift 2
echo "primehub: making the environment"
"$base" -m venv --clear "$prefix"
echo "primehub: installing packages"
"$prefix/bin/python" -m pip install --no-input --progress-bar off "$@"
for site in "$prefix"/lib/python3*/site-packages; do
  cat >"$site/primehub_user_site.py" <<'END'
{_USER_SITE}END
  echo 'import primehub_user_site' >"$site/primehub_user_site.pth"
done
echo "primehub: checking"
"$prefix/bin/python" -c 'import jupyterlab, ipykernel'
"$prefix/bin/python" -m jupyterhub.singleuser --version
echo "primehub: complete"
"""
_CHECK = 'import jupyterlab, ipykernel, jupyterhub.singleuser; print("primehub: complete")'
Progress = Callable[[int, str], None]


class BuildFailed(Exception):
    """An environment cannot be made. The text is a sentence for who asked for it, with the package's name.

    ``code``: ``no-such-package``, ``no-network``, ``conflict``, ``cannot-build``, ``disk-full``, ``not-usable``,
    ``cancelled``, ``too-long``, ``base-python``, ``failed``, or a ``WorkloadError``'s.
    """

    def __init__(self, message: str, *, code: str = "failed") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Build:
    """One environment being made."""

    name: str
    """Of its folder: image slug and digest."""
    key: str
    prefix: Path
    base: BasePython
    packages: tuple[str, ...]


class EnvironmentBuilder:
    """Makes environments in a data folder, and checks given ones."""

    def __init__(self, workloads: Workloads, environ: Mapping[str, str] | None = None) -> None:
        self._workloads = workloads
        self._layout = workloads.layout
        self._environ = os.environ if environ is None else environ

    def build(
        self,
        slug: str,
        source: EnvironmentSource,
        *,
        revision: str = "",
        progress: Progress = lambda percent, sentence: None,
        output: Callable[[bytes], object] = lambda data: None,
        cancelled: Callable[[], bool] = lambda: False,
        allow_unsandboxed: bool = False,
    ) -> str:
        """Makes the environment, or finds it made, and returns its prefix. Takes minutes; call it in a thread.

        ``revision`` makes another build of the same packages another environment. ``progress`` gets 0 to 99 and what
        is being done, ``output`` everything that pip prints. Raises ``BuildFailed``.
        """
        try:
            if source.prefix is not None:
                return self._check_given(slug, source.prefix, allow_unsandboxed=allow_unsandboxed)
            build = self.plan(slug, source, revision=revision)
            if not _is_complete(build.prefix):
                self._begin(build, allow_unsandboxed=allow_unsandboxed)
                try:
                    self._follow(build, progress, output, cancelled)
                except BuildFailed:
                    self._drop(build)
                    raise
                self._record(build)
        except WorkloadError as error:
            raise BuildFailed(str(error), code=error.code) from error
        return str(build.prefix)

    def plan(self, slug: str, source: EnvironmentSource, *, revision: str = "") -> Build:
        """What would be built for ``source``. Raises ``WorkloadError`` where no base can be used."""
        uid, gid = workload_identity(self._workloads.options.workload_uid)
        preferred = source.base or str(self._workloads.options.base_python or "")
        base = choose_base(preferred or None, uid, gid)
        named = {_project(package) for package in source.packages}
        packages = (*source.packages, *(text for name, text in REQUIRED.items() if name not in named))
        facts = "\n".join([_RECIPE, slug, base.executable, *map(str, base.version), revision, *sorted(packages)])
        name = f"{slug}-{hashlib.sha256(facts.encode()).hexdigest()[:12]}"
        return Build(name, f"build-{name}", self._layout.environments / name, base, packages)

    def made(self) -> list[str]:
        """What ``remove`` would take: environments, also half made ones; removals that were cut off; caches of images that
        have no environment."""
        folder = self._layout.environments
        names = _folders(folder)
        found = [name for name in names if _slug_of(name.removeprefix(_REMOVED))]
        used = {_slug_of(name) for name in names}
        caches = [f"{_CACHE}/{name}" for name in _folders(folder / _CACHE) if is_slug(name) and name not in used]
        return [str(folder / name) for name in (*found, *caches)]

    def remove(self, prefix: str) -> None:
        """Deletes what ``made`` names. Given ones and what is elsewhere stay, and one that is being built or is another's
        base. Cut off anywhere, what is left is named by ``made``."""
        path = Path(prefix)
        if prefix not in self.made():
            return
        if path.parent == self._layout.environments and not path.name.startswith(_REMOVED):
            status = self._workloads.status(f"build-{path.name}")
            if (status is not None and status.alive) or self._is_base(path):
                return
            self._workloads.remove(f"build-{path.name}")
            aside = path.with_name(f"{_REMOVED}{path.name}")
            records.remove_tree(aside)
            record_path(path).unlink(missing_ok=True)
            path.rename(aside)
            path = aside
        records.remove_tree(path)

    def has(self, prefix: str) -> bool:
        """Whether an environment that ``build`` made is there, and complete."""
        path = Path(prefix)
        return path.parent == self._layout.environments and _is_complete(path)

    def _is_base(self, prefix: Path) -> bool:
        others = [name for name in _folders(prefix.parent) if _slug_of(name) and name != prefix.name]
        found = [records.read(record_path(prefix.parent / name)) or {} for name in others]
        return any(Path(base).is_relative_to(prefix) for record in found for base in record.get("base", ()))

    # -- building

    def _begin(self, build: Build, *, allow_unsandboxed: bool) -> None:
        status = self._workloads.status(build.key)
        if status is not None and (status.alive or status.code == 0):
            return  # an earlier process of the platform began it
        self._workloads.remove(build.key)
        prepare(self._layout)
        uid, gid = workload_identity(self._workloads.options.workload_uid)
        cache = self._layout.environments / _CACHE / build.name.rpartition("-")[0]
        record_path(build.prefix).unlink(missing_ok=True)
        make_folder(cache.parent, mode=0o711)
        for folder in (build.prefix, cache):
            make_folder(folder, mode=0o755, owner=(uid, gid))
        self._workloads.start(self._spec(build, cache, allow_unsandboxed=allow_unsandboxed))

    def _spec(self, build: Build, cache: Path, *, allow_unsandboxed: bool) -> SandboxSpec:
        sandbox = self._workloads.require_sandbox(allow_unsandboxed=allow_unsandboxed)
        uid, gid = workload_identity(self._workloads.options.workload_uid)
        pip = pip_environment(self._environ)
        work = self._layout.workload(build.key)
        home = str(work / "home")
        machine = Machine(exists=visible, links=system_links(SYSTEM_FOLDERS), interpreter=self._base_folders(build))
        binds = [
            # first, since what is shown may lie below it
            Bind(source=str(work / "tmp"), path="/tmp", read_only=False),
            *system_binds(machine),
            *(Bind(source=path, path=path) for path in local_sources(pip)),
            Bind(source=home, path=HOME, read_only=False),
            Bind(source=str(build.prefix), path=str(build.prefix), read_only=False),
            Bind(source=str(cache), path=str(cache), read_only=False),
        ]
        env = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            **pip,
            "HOME": HOME if sandbox.sandboxed else home,
            "TMPDIR": "/tmp" if sandbox.sandboxed else str(work / "tmp"),
            "PIP_CACHE_DIR": str(cache),
            "PYTHONUNBUFFERED": "1",
            "PRIMEHUB_WORKLOAD_KEY": build.key,
        }
        return SandboxSpec(
            key=build.key,
            argv=("/bin/sh", "-c", _SCRIPT, "build", build.base.executable, str(build.prefix), *build.packages),
            env=env,
            cwd=HOME if sandbox.sandboxed else home,
            hostname="primehub-build",
            sandboxed=sandbox.sandboxed,
            binds=tuple(binds) if sandbox.sandboxed else tuple(b for b in binds if b.source.startswith(str(work))),
            system_links=tuple(Link(path=path, target=to) for path, to in sorted(machine.links.items())),
            # packages run code of their own while they are installed: it has its part beside notebooks, and an end
            limits=Limits(memory=_MEMORY, cpu_share=1000),
            network=NetworkMode.ISOLATED if sandbox.network_isolated else NetworkMode.SHARED,
            forward_out=loopback_ports(pip),
            uid=uid,
            gid=gid,
            labels={"primehub.io/kind": KIND, "primehub.io/environment": build.name},
        )

    def _base_folders(self, build: Build) -> tuple[str, ...]:
        outside = [build.base.prefix, str(Path(build.base.executable).parent.parent)]
        return tuple(p for p in dict.fromkeys(outside) if p != "/usr" and not p.startswith("/usr/"))

    def _follow(
        self, build: Build, progress: Progress, output: Callable[[bytes], object], cancelled: Callable[[], bool]
    ) -> None:
        """Waits for the build's end, telling how far it is. Raises ``BuildFailed``."""
        offset, view, told = 0, BuildView(), ("", -1)
        deadline = time.monotonic() + LIMIT_S
        while True:
            status = self._workloads.status(build.key)
            while chunk := self._workloads.read_log(build.key, offset):
                if not chunk.data:
                    break
                output(chunk.data)
                view = read_output(view, chunk.data.decode(errors="replace"))
                offset = chunk.next_offset
            if status is None or not status.alive:
                break
            if cancelled():
                msg = "The build was cancelled."
                raise BuildFailed(msg, code="cancelled")
            if time.monotonic() > deadline:
                msg = f"The build took longer than the {LIMIT_S // 60:.0f} minutes it may. Choose packages that come as wheels."
                raise BuildFailed(msg, code="too-long")
            installed = len(list(build.prefix.glob("lib/python*/site-packages/*.dist-info"))) if view.to_install else 0
            percent, sentence = progress_of(view, installed)
            if (sentence, percent) != told:
                told = (sentence, percent)
                progress(percent, sentence)
            time.sleep(_LOOK_S)
        if status is None or status.code != 0 or not view.complete:
            reason = status.reason if status is not None else "Lost"
            code, message = explain(view, reason)
            raise BuildFailed(message, code=code)

    def _record(self, build: Build) -> None:
        try:
            records.write(
                record_path(build.prefix),
                {"base": list(self._base_folders(build)), "packages": list(build.packages)},
                mode=0o644,
            )
        except OSError as error:
            msg = f"{record_path(build.prefix)}: {error.strerror}"
            raise BuildFailed(msg, code="disk-full" if error.errno == 28 else "folder") from error
        self._workloads.remove(build.key)

    # -- given ones

    def _check_given(self, slug: str, prefix: str, *, allow_unsandboxed: bool) -> str:
        """Whether a given environment serves notebooks, found out by importing them in a sandbox that shows it."""
        folders = interpreter_folders(prefix, self._layout.data_dir)
        sandbox = self._workloads.require_sandbox(allow_unsandboxed=allow_unsandboxed)
        uid, gid = workload_identity(self._workloads.options.workload_uid)
        key = f"check-{hashlib.sha256(f'{slug}{prefix}{time.time_ns()}'.encode()).hexdigest()[:20]}"
        machine = Machine(exists=visible, links=system_links(SYSTEM_FOLDERS), interpreter=folders)
        spec = SandboxSpec(
            key=key,
            argv=(f"{prefix}/bin/python", "-c", _CHECK),
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/tmp", "PRIMEHUB_WORKLOAD_KEY": key},
            cwd="/",
            sandboxed=sandbox.sandboxed,
            binds=tuple(system_binds(machine)) if sandbox.sandboxed else (),
            system_links=tuple(Link(path=path, target=to) for path, to in sorted(machine.links.items())),
            limits=Limits(memory=_MEMORY),
            network=NetworkMode.ISOLATED if sandbox.network_isolated else NetworkMode.SHARED,
            uid=uid,
            gid=gid,
            labels={"primehub.io/kind": KIND},
        )
        try:
            self._workloads.start(spec)
            deadline = time.monotonic() + 120
            while (status := self._workloads.status(key)) is not None and status.alive:
                if time.monotonic() > deadline:
                    self._workloads.stop(key, 0)
                time.sleep(0.1)
            said = self._workloads.read_log(key, -2000).data.decode(errors="replace").strip()
        finally:
            self._forget(key)
        if "primehub: complete" not in said:
            last = said.splitlines()[-1] if said else "it said nothing"
            msg = (
                f"{prefix} cannot serve notebooks: {last}. Install jupyterlab and jupyterhub in it, "
                f"and let uid {uid} read it."
            )
            raise BuildFailed(msg, code="not-usable")
        return prefix

    def _drop(self, build: Build) -> None:
        """Leaves nothing of a build that failed or was cancelled."""
        self._forget(build.key)
        records.remove_tree(build.prefix)

    def _forget(self, key: str) -> None:
        self._workloads.stop(key, 2)
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            try:
                self._workloads.remove(key)
            except WorkloadError:
                time.sleep(0.05)
            else:
                return


def _folders(folder: Path) -> list[str]:
    """Names of the real folders in it; a link to one is none."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _slug_of(name: str) -> str | None:
    """The image whose environment a folder of this name is; None for one that the platform does not give."""
    found = _NAME.fullmatch(name)
    return found["slug"] if found is not None and is_slug(found["slug"]) else None


def _is_complete(prefix: Path) -> bool:
    return record_path(prefix).exists() and (prefix / "bin/python").exists()


def progress_of(view: BuildView, installed: int = 0) -> tuple[int, str]:
    """How far a build is (0 to 99) and what it does, from its output and the number of installed packages."""
    if view.checking:
        return 97, "Checking that JupyterLab starts"
    if view.to_install:
        done = min(installed, view.to_install)
        return 60 + 36 * done // view.to_install, f"Installing packages ({done} of {view.to_install})"
    if view.collected:
        # how many there will be is known at the end only
        percent = 5 + round(50 * (1 - math.exp(-len(view.collected) / 60)))
        doing = f"Building {view.building}" if view.building else f"Collecting {view.collected[-1]}"
        return percent, f"{doing} ({len(view.collected)} packages so far)"
    return (4, "Asking for packages") if view.installing else (1, "Building the environment")


def _project(requirement: str) -> str:
    """The normalized project name of a requirement."""
    name = requirement
    for separator in "[<>=!~ ;@":
        name = name.partition(separator)[0]
    return name.strip().lower().replace("_", "-").replace(".", "-")
