"""From a LaunchPlan to a SandboxSpec: the same paths on one machine as in a pod. Pure but for ``Machine``'s answers."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from primehub_services.domain.launch import LaunchPlan, LeftOut, Mount, MountKind
from primehub_services.domain.units import GIB
from primehub_services.domain.volumes import GitSource, HostPathSource, NfsSource, PvcSource
from primehub_services.domain.workloads import FILES, InputFile

from . import extension
from .errors import WorkloadError
from .layout import Layout
from .spec import HOME, Bind, GivenFile, Limits, Link, NetworkMode, Rendered, SandboxSpec, Tmpfs

GPU_DEVICES = ("/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidia-modeset")
GIT = "/gitsync"
"""Where the folders of repositories are; what is shown of each is a link in it."""
MARK = "PRIMEHUB_WORKLOAD_KEY"
"""Variable by which processes of a workload without a sandbox are found again."""
SYSTEM_FOLDERS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_SYSTEM_FILES = (
    "/etc/alternatives",
    "/etc/bash.bashrc",
    "/etc/ca-certificates",
    "/etc/fonts",
    "/etc/inputrc",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/pip.conf",
    "/etc/pki",
    "/etc/profile",
    "/etc/protocols",
    "/etc/services",
    "/etc/ssl",
    "/etc/terminfo",
    "/etc/timezone",
    "/sys/devices/system",
)


@dataclass(frozen=True, slots=True)
class Machine:
    """What rendering asks about the machine; tests answer for it."""

    exists: Callable[[str], bool]
    """Whether a path is there and the workload's user may see it."""
    real: Callable[[str], str] = posixpath.normpath
    """A path with its symbolic links followed."""
    unreachable: Callable[[str], str] = lambda path: ""
    """Why the workload's user cannot come to a path; empty where it can."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Those of /bin, /lib, ... that are symbolic links, with their targets."""
    interpreter: Sequence[str] = ()
    """Folders outside /usr that the environment's interpreter needs, its own prefix first."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where and as whom the workload runs."""

    sandboxed: bool
    network: NetworkMode
    uid: int
    gid: int
    host_path_roots: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Process:
    """What runs: its command, its own variables, its ports."""

    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    port: int | None = None
    forward_out: tuple[int, ...] = ()
    cwd: str = HOME
    grace_s: float = 30
    files: Mapping[str, InputFile] = field(default_factory=dict)
    masked: tuple[str, ...] = ()
    extension: str = ""
    """Folder of this machine with what JupyterLab gets of PrimeHub."""


def render(plan: LaunchPlan, layout: Layout, process: Process, target: Target, machine: Machine) -> Rendered:
    """The spec of ``plan``. A mount that cannot be found is left out with the reason; the rest starts.

    Raises ``WorkloadError`` (``environment``) where the image has no environment on this machine.
    """
    if not plan.image_location:
        msg = f"The image {plan.image} has no environment on this machine: build it, or choose another image."
        raise WorkloadError(msg, code="environment")
    binds, links, roots, left_out = _data(plan, layout, target, machine)
    if not any(bind.path == HOME for bind in binds):
        # no person's home here (safe mode, a job): a scratch folder that ends with the workload
        binds.insert(0, Bind(source=str(layout.workload(plan.start_id) / "home"), path=HOME, read_only=False))
    if process.files:
        binds.append(Bind(source=str(layout.workload(plan.start_id) / "files"), path=FILES))
    if process.extension:
        binds.append(Bind(source=process.extension, path=extension.SHOWN_AT))
    env = _environment(plan, process, target)
    spec = SandboxSpec(
        key=plan.start_id,
        argv=tuple(process.argv),
        env=env,
        masked=process.masked,
        cwd=process.cwd,
        hostname=f"primehub-{plan.user_slug}",
        sandboxed=target.sandboxed,
        binds=(*system_binds(machine, plan.gpu_indices), *binds) if target.sandboxed else tuple(binds),
        system_links=(*(Link(path=path, target=to) for path, to in sorted(machine.links.items())), *roots)
        if target.sandboxed
        else (),
        links=tuple(links),
        files=tuple(
            GivenFile(name=name, text=file.text, source=None if file.source is None else str(file.source))
            for name, file in sorted(process.files.items())
        ),
        profiles=plan.profiles,
        tmpfs=(Tmpfs(path="/tmp", size=_half(plan.limits.memory)),) if target.sandboxed else (),
        limits=Limits(
            cpu=plan.limits.cpu or None,
            cpu_share=plan.requests.cpu or plan.limits.cpu or None,
            memory=plan.limits.memory or None,
        ),
        gpu_indices=plan.gpu_indices,
        network=target.network if target.sandboxed else NetworkMode.SHARED,
        forward_in=process.port,
        forward_out=process.forward_out,
        uid=target.uid,
        gid=target.gid,
        grace_s=process.grace_s,
        labels=plan.labels,
    )
    if not target.sandboxed:
        spec = _on_the_machine(spec)
    return Rendered(spec=spec, left_out=tuple(left_out))


def _half(memory: int) -> int:
    return memory // 2 if memory else 4 * GIB


def system_binds(machine: Machine, gpu_indices: Sequence[int] = ()) -> list[Bind]:
    """The read-only part: programs, certificates, the interpreter, the GPUs' device files."""
    sources = ["/usr", *(f for f in SYSTEM_FOLDERS if f not in machine.links), *_SYSTEM_FILES]
    binds = [Bind(source=path, path=path) for path in sources if machine.exists(path)]
    binds += [Bind(source=path, path=path) for path in machine.interpreter if not path.startswith("/usr/")]
    if gpu_indices:
        devices = (*GPU_DEVICES, *(f"/dev/nvidia{index}" for index in gpu_indices))
        binds += [Bind(source=path, path=path, device=True) for path in devices if machine.exists(path)]
        binds += [Bind(source="/sys", path="/sys")]
    return binds


def _data(
    plan: LaunchPlan, layout: Layout, target: Target, machine: Machine
) -> tuple[list[Bind], list[Link], list[Link], list[LeftOut]]:
    """Mounts, links in the home folder, links elsewhere, and what is left out."""
    binds: list[Bind] = []
    links: list[Link] = []
    roots: list[Link] = []
    left_out = list(plan.left_out)
    for mount in sorted(plan.mounts, key=lambda m: m.path.count("/")):
        source, reason = _source(mount, plan, layout, target, machine)
        if not reason and not machine.exists(source):
            reason = f"its folder {source} is not there"
        if not reason and isinstance(mount.source, HostPathSource):
            reason = machine.unreachable(source)
        if reason:
            left_out.append(LeftOut(volume=mount.slug, reason=reason))
            continue
        if isinstance(mount.source, GitSource) and target.sandboxed:
            # the folder around the link to what is shown: a link that was changed is seen, a mount would stay
            around = f"{GIT}/{mount.slug}"
            binds.append(Bind(source=str(Path(source).parent), path=around))
            roots.append(Link(path=mount.path, target=f"{around}/{mount.slug}"))
        else:
            binds.append(Bind(source=source, path=mount.path, read_only=mount.read_only))
        links += [Link(path=path, target=mount.path) for path in mount.links]
    return binds, links, roots, left_out


def _source(mount: Mount, plan: LaunchPlan, layout: Layout, target: Target, machine: Machine) -> tuple[str, str]:
    """The folder of a mount, and why it cannot be mounted (empty where it can)."""
    match mount.kind:
        case MountKind.HOME:
            return str(layout.home(mount.slug)), ""
        case MountKind.PROJECT:
            return str(layout.project(mount.slug)), ""
        case MountKind.SCRATCH:
            return str(layout.workload(plan.start_id) / "scratch" / mount.slug), ""
    match mount.source:
        case None | PvcSource():
            return str(layout.volume(mount.slug)), ""
        case GitSource():
            return str(layout.volume(mount.slug) / mount.slug), ""
        case HostPathSource(path=path):
            return machine.real(path), host_path_refusal(path, layout, target.host_path_roots, machine)
        case NfsSource():
            return "", "nfs needs a cluster; mount the share on this machine and make the volume a hostPath"
    return "", "it is not a folder"


def host_path_refusal(path: str, layout: Layout, roots: Iterable[Path], machine: Machine) -> str:
    """Why a folder of this machine may not be shown; empty where it may."""
    if path != "/" and posixpath.normpath(path) != path.rstrip("/"):
        return f"{path} must be a plain absolute path"
    # a link planted in a shared folder must not lead out of it
    real, roots = Path(machine.real(path)), tuple(roots)
    allowed = [Path(machine.real(str(root))) for root in roots]
    if not any(real.is_relative_to(root) for root in allowed):
        return f"{path} is not under one of the folders that local.host_path_roots allows"
    data = Path(machine.real(str(layout.data_dir)))
    if real.is_relative_to(data) or data.is_relative_to(real):
        return f"{path} holds the platform's own data"
    named = [*zip(roots, allowed, strict=True), *zip(allowed, allowed, strict=True)]
    if not any(_without_links(Path(path), real, root, real_root) for root, real_root in named):
        # not where to: whoever could change the link would learn what else there is
        return f"{path} leads through a link below the folders that local.host_path_roots allows"
    return ""


def _without_links(path: Path, real: Path, root: Path, real_root: Path) -> bool:
    """Whether nothing of the path below the root, which the administrator named, is a link."""
    return path.is_relative_to(root) and real_root / path.relative_to(root) == real


def _environment(plan: LaunchPlan, process: Process, target: Target) -> dict[str, str]:
    home = {
        "HOME": HOME,
        "USER": "jovyan",
        "LOGNAME": "jovyan",
        "NB_USER": "jovyan",
        "SHELL": "/bin/bash",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TMPDIR": "/tmp",
        "PATH": f"{plan.image_location}/bin:/usr/local/bin:/usr/bin:/bin",
        "VIRTUAL_ENV": plan.image_location or "",
        # kernels talk through sockets in this folder, whose path must be short
        "JUPYTER_RUNTIME_DIR": "/tmp/jupyter",
    }
    limits = {}
    if plan.limits.memory:
        limits["MEM_LIMIT"] = str(plan.limits.memory)
        limits["MEM_GUARANTEE"] = str(plan.requests.memory)
    if plan.limits.cpu:
        limits["CPU_LIMIT"] = str(plan.limits.cpu / 1000)
        limits["CPU_GUARANTEE"] = str(plan.requests.cpu / 1000)
    shown = {extension.VARIABLE: extension.SHOWN_AT} if process.extension else {}
    return {**home, **plan.environment, **process.env, **shown, **limits, **_gpus(plan, target), MARK: plan.start_id}


def _gpus(plan: LaunchPlan, target: Target) -> dict[str, str]:
    numbers = ",".join(map(str, plan.gpu_indices))
    if not plan.gpu_indices:
        return {"CUDA_VISIBLE_DEVICES": "", "NVIDIA_VISIBLE_DEVICES": "none"}
    if target.sandboxed:
        # only these have device files inside, and CUDA numbers what it can open
        return {"NVIDIA_VISIBLE_DEVICES": numbers}
    return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": numbers, "NVIDIA_VISIBLE_DEVICES": numbers}


def _on_the_machine(spec: SandboxSpec) -> SandboxSpec:
    """The spec without a sandbox: every path of a pod replaced by the folder that stands for it."""
    scratch = f"/tmp/primehub-{spec.key}"
    prefix = spec.env["VIRTUAL_ENV"]
    # the environment stays where it is, also below /tmp
    places = {bind.path: bind.source for bind in spec.binds} | {"/tmp": scratch, prefix: prefix}

    def real(text: str) -> str:
        for path in sorted(places, key=len, reverse=True):
            if text == path or text.startswith(f"{path}/"):
                return places[path] + text[len(path) :]
        return text

    def value(text: str) -> str:
        head, separator, tail = text.partition("=")
        if text.startswith("--") and separator:
            return f"{head}={real(tail)}"
        return real(text)

    links = tuple(Link(path=real(link.path), target=real(link.target)) for link in spec.links)
    return spec.model_copy(
        update={
            "argv": tuple(value(argument) for argument in spec.argv),
            "env": {name: real(text) for name, text in spec.env.items()},
            "cwd": real(spec.cwd),
            "links": links,
            "profiles": tuple(real(path) for path in spec.profiles),
        }
    )
