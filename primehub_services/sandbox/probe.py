"""What sandboxes this machine can run, found out by running them: ``python -m primehub_services.sandbox.probe``."""

from __future__ import annotations

import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from primehub_services.domain.model import Model
from primehub_services.own_command import own_command

from . import cgroups, seccomp, tools
from .command import Tools, closing
from .layout import workload_identity
from .pythons import as_user
from .spec import SandboxOptions

APPARMOR_SWITCH = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
APPARMOR_PROFILE = Path("/etc/apparmor.d/primehub-bwrap")
_KEPT_S = 60.0
_NOBODYS = ("240.0.0.1/32",)
"""An address that no machine has."""
_BWRAP = ("--ro-bind", "/", "/", "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--proc", "/proc")


class Check(Model):
    """One thing that was tried."""

    ok: bool
    sentence: str
    fix: str = ""
    """What to do, where it is not as it should be."""


class SandboxStatus(Model):
    """What workloads are protected by on this machine. For the start message and the health page."""

    sandbox: Check
    network: Check
    addresses: Check | None = None
    """Whether a network of its own leads to this machine's other addresses; null where the network is shared."""
    limits: Check

    @property
    def checks(self) -> dict[str, Check]:
        """All that was tried, by name."""
        addresses = {} if self.addresses is None else {"addresses": self.addresses}
        return {"sandbox": self.sandbox, "network": self.network, **addresses, "limits": self.limits}

    @property
    def sandboxed(self) -> bool:
        """Whether workloads see only their own files and processes."""
        return self.sandbox.ok

    @property
    def network_isolated(self) -> bool:
        """Whether workloads cannot reach each other's ports."""
        return self.sandbox.ok and self.network.ok

    @property
    def warnings(self) -> tuple[str, ...]:
        """A sentence with its remedy for each thing that is not as it should be."""
        return tuple(f"{check.sentence} {check.fix}".strip() for check in self.checks.values() if not check.ok)

    def who_may_start(self, allow_unsandboxed: bool) -> str:
        """Who may start workloads where no sandbox can run; empty where one can."""
        if self.sandboxed:
            return ""
        if allow_unsandboxed:
            return "Everyone may start notebooks and jobs all the same: local.allow_unsandboxed is set."
        return "Only platform admins may start notebooks here, and no jobs run, unless local.allow_unsandboxed is set."

    @property
    def exposures(self) -> tuple[str, ...]:
        """A sentence for each way in which workloads are open to each other: what concerns who starts one."""
        return tuple(check.sentence for check in (self.sandbox, self.network) if not check.ok)


@dataclass(frozen=True, slots=True)
class Probed:
    """The status, and the programs to use."""

    status: SandboxStatus
    tools: Tools


_lock = threading.Lock()
_kept: dict[tuple[Path, SandboxOptions], tuple[float, Probed]] = {}


def probe(data_dir: Path, options: SandboxOptions) -> Probed:
    """What can run here. Kept for this process's life where all is well, else for a minute."""
    with _lock:
        at, probed = _kept.get((data_dir, options), (0.0, None))
        if probed is not None and (not probed.status.warnings or time.monotonic() - at < _KEPT_S):
            return probed
        probed = _probe(data_dir, options)
        _kept[(data_dir, options)] = (time.monotonic(), probed)
        return probed


def forget() -> None:
    """Makes the next ``probe`` look anew, after something was installed."""
    with _lock:
        _kept.clear()


def _probe(data_dir: Path, options: SandboxOptions) -> Probed:
    uid, gid = workload_identity(options.workload_uid)
    sandbox, found = _probe_bwrap(data_dir, options, uid, gid)
    network, pasta = _probe_pasta(options, found, uid, gid)
    addresses = _probe_addresses(pasta, uid, gid) if pasta else None
    status = SandboxStatus(sandbox=sandbox, network=network, addresses=addresses, limits=_probe_limits())
    made = Tools(
        bwrap=found.bwrap,
        pasta=pasta,
        disable_userns=found.disable_userns,
        resolv_conf=tools.resolv_conf(),
        shell="/bin/bash" if Path("/bin/bash").exists() else "/bin/sh",
        seccomp=seccomp.program(platform.machine()),
        limit_processes=tools.counts_processes_per_namespace(),
    )
    return Probed(status, made)


def _probe_bwrap(data_dir: Path, options: SandboxOptions, uid: int, gid: int) -> tuple[Check, Tools]:
    if options.sandbox == "off":
        sentence = "Sandboxes are switched off: workloads see each other's files and processes."
        return Check(ok=False, sentence=sentence, fix="Set local.sandbox to auto."), Tools()
    reason = ""
    for bwrap in tools.bwrap_candidates(data_dir, uid):
        for extra in (("--disable-userns",), ()):
            error = _run([bwrap, *_BWRAP, *extra, "/bin/true"], uid, gid)
            if not error:
                sentence = "Workloads run in sandboxes of bubblewrap."
                return Check(ok=True, sentence=sentence), Tools(bwrap=bwrap, disable_userns=bool(extra))
            reason = reason or error
    return _no_sandbox(reason), Tools()


def _no_sandbox(reason: str, *, restricted: bool | None = None) -> Check:
    """Why no sandbox can run, from bwrap's own words (empty where there is no bwrap)."""
    if restricted is None:
        restricted = APPARMOR_SWITCH.exists() and APPARMOR_SWITCH.read_text().strip() == "1"
    start = "No sandbox can run here: workloads would see each other's files and processes."
    if not reason:
        return Check(ok=False, sentence=start, fix="Install bubblewrap (apt-get install bubblewrap).")
    if restricted:
        return Check(
            ok=False,
            sentence=f"{start} AppArmor on this machine forbids user namespaces to programs without a profile.",
            fix=f"Run `sudo {own_command(by_sudo=True)} sandbox enable`, which installs one for bubblewrap.",
        )
    if "namespace" in reason or "clone" in reason or "uid map" in reason:
        fix = (
            "Allow user namespaces: sysctl user.max_user_namespaces=15000, and kernel.unprivileged_userns_clone=1 "
            "where there is such a setting; in a container, start it with --security-opt seccomp=unconfined."
        )
    elif "proc" in reason:
        fix = "In a container, start it with --security-opt systempaths=unconfined."
    else:
        fix = "See whether bubblewrap works by itself: bwrap --ro-bind / / --unshare-user true"
    words = reason.removeprefix("bwrap: ").rstrip(".")
    return Check(ok=False, sentence=f"{start} bubblewrap says: {words}.", fix=fix)


def _probe_pasta(options: SandboxOptions, found: Tools, uid: int, gid: int) -> tuple[Check, str]:
    shared = "Workloads share the machine's network: they can reach each other's ports."
    if not found.bwrap:
        return Check(ok=False, sentence=shared, fix=""), ""
    if options.network == "shared":
        return Check(ok=False, sentence=shared, fix="Set local.network to auto."), ""
    pasta = shutil.which("pasta")
    if pasta is None:
        return Check(ok=False, sentence=shared, fix="Install pasta (apt-get install passt)."), ""
    error = _run_in_network(pasta, f"exec {shlex.join([found.bwrap, *_BWRAP, '/bin/true'])}\n", uid, gid)
    if not error:
        return Check(ok=True, sentence="Each workload has a network of its own."), pasta
    if not _may_open("/dev/net/tun", uid, gid):
        fix = f"pasta needs /dev/net/tun, which uid {uid} cannot open: chmod 666 /dev/net/tun (modprobe tun first)."
    else:
        fix = f"pasta does not work here: {error}"
    return Check(ok=False, sentence=shared, fix=fix), ""


def _run_in_network(pasta: str, script: str, uid: int, gid: int) -> str:
    """Runs a script as root of a network of pasta's; what went wrong, else empty."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        path = Path(folder, "try.sh")
        path.write_text(f"#!/bin/sh\n{script}")
        path.chmod(0o755)
        arguments = ("--config-net", "--no-map-gw", "-f", "-t", "none", "-u", "none", "-T", "none", "-U", "none")
        return _run([pasta, *arguments, str(path)], uid, gid)


def _probe_addresses(pasta: str, uid: int, gid: int) -> Check:
    if not _run_in_network(pasta, closing(_NOBODYS), uid, gid):
        return Check(ok=True, sentence="This machine's other addresses are closed to them.")
    return Check(
        ok=False,
        sentence="Workloads reach what listens on this machine's other addresses, and what a cloud tells it of itself.",
        fix="Install iproute2 (apt-get install iproute2): its program ip closes them.",
    )


def _may_open(path: str, uid: int, gid: int) -> bool:
    question = f'[ -r "{path}" ] && [ -w "{path}" ]'
    return not _run(["/bin/sh", "-c", question], uid, gid)


def _probe_limits() -> Check:
    name = f"primehub-probe-{os.getpid()}"
    cgroup = cgroups.make(name)
    try:
        if cgroup is not None:
            cgroup.limit(cpu=1000, memory=64 * 1024**2, pids=100)
            return Check(ok=True, sentence=f"Limits are kept by control groups (v{cgroup.version}).")
    except OSError:
        pass
    finally:
        if cgroup is not None:
            cgroup.remove()
    return Check(
        ok=False,
        sentence="Limits are watched, not enforced: control groups cannot be written here. "
        "Memory is checked four times a second, CPU is limited to whole cores.",
        fix="Run the platform as a systemd unit with Delegate=yes, or as root.",
    )


def _run(argv: list[str], uid: int, gid: int) -> str:
    """Runs a program as ``uid``. Returns an empty text, or the last line of what it says went wrong."""
    try:
        done = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=20,
            stdin=subprocess.DEVNULL,
            cwd="/",
            env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
            check=False,
            **as_user(uid, gid),  # type: ignore[call-overload]
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return ""
    lines = (done.stderr or done.stdout).strip().splitlines()
    return lines[-1] if lines else f"ended with code {done.returncode}"


def apparmor_profile(bwrap: str) -> str:
    """The AppArmor profile that lets ``bwrap`` make user namespaces, for ``APPARMOR_PROFILE``.

    Load it with ``apparmor_parser -r``.
    """
    return (
        "# lets PrimeHub's sandboxes have user namespaces (Ubuntu 24.04 and later forbid them otherwise)\n"
        "abi <abi/4.0>,\n"
        "include <tunables/global>\n\n"
        f'profile primehub-bwrap "{bwrap}" flags=(unconfined) {{\n'
        "  userns,\n"
        "  include if exists <local/primehub-bwrap>\n"
        "}\n"
    )


def main() -> None:
    """Prints what can run here, as JSON."""
    data_dir = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.gettempdir())
    json.dump(probe(data_dir, SandboxOptions()).status.model_dump(mode="json"), sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
