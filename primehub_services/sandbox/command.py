"""From a SandboxSpec to the arguments of pasta and bwrap. Pure, compared whole in tests.

Processes, outermost first: the supervisor; pasta, which makes the network namespace; a script that execs bwrap (old
versions of pasta take options after a command's name for their own); bwrap, its own init as PID 1 of the workload's
PID namespace; the runner, a few lines of sh that make the links and then become the workload, as PID 2. So orphans are
reaped by bwrap's init, signals mean to the workload what they mean anywhere, and its exit code is kept.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from primehub_services.domain.prelude import link_lines, profile_lines

from .spec import HOME, SANDBOX_GID, SANDBOX_UID, NetworkMode, SandboxSpec

INNER = "/run/primehub"
"""Where the sandbox sees the files that the platform made for it."""
RUNNER = "runner.sh"
SCRIPT = "launch.sh"
ARGUMENTS = "arguments"
BWRAP_STATUS = "bwrap.json"
INNER_FOLDER = "inner"
READY = "ready"
FILTER = "filter"
ETC_FILES = ("passwd", "group", "hosts", "hostname", "nsswitch.conf", "resolv.conf")


@dataclass(frozen=True, slots=True)
class Tools:
    """The programs that make a sandbox, by absolute path, and what this machine lets them do."""

    bwrap: str = ""
    pasta: str = ""
    disable_userns: bool = True
    """Whether bwrap can forbid user namespaces inside."""
    resolv_conf: str = ""
    """Content of /etc/resolv.conf inside: name servers that are reached from a network namespace."""
    shell: str = "/bin/sh"
    """What runs the runner; bash where it is there, since dash drops variables with ``-`` or ``.`` in their names."""
    closed: tuple[str, ...] = ()
    """Networks that are not reached from a network namespace, though pasta could."""
    seccomp: bytes = b""
    """The filter of system calls; empty is none."""
    limit_processes: bool = False
    """Whether the limit on a user's processes counts each user namespace by itself (Linux 5.14)."""


def outer_command(spec: SandboxSpec, tools: Tools, folder: str) -> list[str]:
    """What the supervisor executes; ``folder`` is the launch folder, with the files of ``launch_files``."""
    script = f"{folder}/{SCRIPT}"
    if not spec.sandboxed:
        return [tools.shell, script]
    if spec.network is NetworkMode.SHARED:
        return ["/bin/sh", script]
    return [tools.pasta, *_pasta_arguments(spec), script]


def _pasta_arguments(spec: SandboxSpec) -> Iterator[str]:
    yield from ("--config-net", "--no-map-gw", "-f")
    yield from ("-t", f"127.0.0.1/{spec.forward_in}" if spec.forward_in else "none", "-u", "none")
    yield from ("-T", ",".join(map(str, spec.forward_out)) or "none", "-U", "none")


def launch_files(spec: SandboxSpec, tools: Tools, folder: str) -> dict[str, str]:
    """The files of the launch folder by their path in it: script, bwrap's arguments, runner."""
    if not spec.sandboxed:
        return {SCRIPT: _unsandboxed_script(spec, tools), RUNNER: runner_script(spec, tools)}
    return {
        SCRIPT: _script(spec, tools, folder),
        ARGUMENTS: "".join(f"{argument}\0" for argument in bwrap_arguments(spec, tools, folder)),
        **({FILTER: tools.seccomp.decode(errors="surrogateescape")} if tools.seccomp else {}),
        f"{INNER_FOLDER}/{RUNNER}": runner_script(spec, tools),
        **{f"etc/{name}": text for name, text in _etc(spec, tools).items()},
    }


def _etc(spec: SandboxSpec, tools: Tools) -> dict[str, str]:
    return {
        "passwd": f"root:x:0:0:root:/root:/usr/sbin/nologin\n"
        f"jovyan:x:{SANDBOX_UID}:{SANDBOX_GID}:jovyan:{HOME}:/bin/bash\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
        "group": f"root:x:0:\nusers:x:{SANDBOX_GID}:\nnogroup:x:65534:\n",
        "hosts": f"127.0.0.1 localhost {spec.hostname}\n::1 localhost\n",
        "hostname": f"{spec.hostname}\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
        "resolv.conf": tools.resolv_conf,
    }


def _script(spec: SandboxSpec, tools: Tools, folder: str) -> str:
    # the environment goes through a file: a command line can be read by everyone on the machine
    here = shlex.quote(folder)
    seccomp = f" --seccomp 6 6<{here}/{FILTER}" if tools.seccomp else ""
    return (
        "#!/bin/sh\n"
        f"{closing(tools.closed) if spec.network is NetworkMode.ISOLATED else ''}"
        f"exec {shlex.quote(tools.bwrap)} --args 4 4<{here}/{ARGUMENTS}"
        f" --json-status-fd 3 3>{here}/{BWRAP_STATUS} 5>{here}/{READY}{seccomp}"
        f" -- {tools.shell} {INNER}/{RUNNER} {shlex.join(spec.argv)}\n"
    )


def closing(networks: tuple[str, ...]) -> str:
    """Shell that closes networks: pasta runs the script as root of the namespace, which the workload never is."""
    if not networks:
        return ""
    routes = "".join(f"route add unreachable {network}\n" for network in networks)
    return f"command -v ip >/dev/null && ip -force -batch - >/dev/null 2>&1 <<'END'\n{routes}END\n"


def _unsandboxed_script(spec: SandboxSpec, tools: Tools) -> str:
    return f'#!/bin/sh\nexec {tools.shell} "${{0%/*}}/{RUNNER}" {shlex.join(spec.argv)} 5>"${{0%/*}}/{READY}"\n'


def bwrap_arguments(spec: SandboxSpec, tools: Tools, folder: str) -> list[str]:
    """bwrap's options: namespaces, what is mounted in order, environment."""
    return [*_namespaces(spec, tools), *_mounts(spec, folder), *_environment(spec)]


def _namespaces(spec: SandboxSpec, tools: Tools) -> Iterator[str]:
    yield from ("--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try")
    yield from ("--uid", str(SANDBOX_UID), "--gid", str(SANDBOX_GID), "--hostname", spec.hostname)
    if tools.disable_userns:
        yield "--disable-userns"
    # die-with-parent: a supervisor that is killed takes its workload along
    yield from ("--cap-drop", "ALL", "--new-session", "--die-with-parent", "--clearenv", "--chdir", spec.cwd)


def _mounts(spec: SandboxSpec, folder: str) -> Iterator[str]:
    shm = spec.limits.memory
    yield from ("--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys", "--dev", "/dev")
    for tmpfs in (*((("/dev/shm", shm),) if shm else ()), *((t.path, t.size) for t in spec.tmpfs)):
        path, size = tmpfs
        if size is not None:
            yield from ("--size", str(size))
        yield from ("--perms", "1777", "--tmpfs", path)
    for bind in spec.binds:
        option = "--dev-bind" if bind.device else "--ro-bind" if bind.read_only else "--bind"
        yield from (option, bind.source, bind.path)
    for link in spec.system_links:
        yield from ("--symlink", link.target, link.path)
    for name in ETC_FILES:
        yield from ("--ro-bind", f"{folder}/etc/{name}", f"/etc/{name}")
    yield from ("--ro-bind", f"{folder}/{INNER_FOLDER}", INNER, "--remount-ro", "/")


def _environment(spec: SandboxSpec) -> Iterator[str]:
    for name, value in sorted(spec.env.items()):
        yield from ("--setenv", name, value)


def runner_script(spec: SandboxSpec, tools: Tools) -> str:
    """Makes links in the home folder, drops those that lead nowhere any more, and becomes the workload.

    It runs as the workload and inside its sandbox, so that a link planted in a home folder leads to nothing else.
    """
    lines = ["#!/bin/sh", f"cd {shlex.quote(spec.cwd)} 2>/dev/null || cd /"]
    lines += link_lines((link.path, link.target) for link in spec.links)
    if spec.sandboxed and tools.limit_processes:
        # what holds where no pids cgroup can be had; dash calls it -p
        lines.append(f"ulimit -u {spec.limits.pids} 2>/dev/null || ulimit -p {spec.limits.pids} 2>/dev/null")
    # the supervisor waits for a line on 5; none of the launcher's handles is left to the workload
    lines.append("echo ready >&5")
    lines.append("exec 3>&- 4>&- 5>&-")
    lines += profile_lines(spec.profiles, tools.shell)
    lines.append('exec "$@"')
    return "\n".join(lines) + "\n"
