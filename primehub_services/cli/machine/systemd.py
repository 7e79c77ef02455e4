"""A systemd unit for this installation, and telling systemd when the platform is ready."""

from __future__ import annotations

import os
import shlex
import socket
import sys
from collections.abc import Sequence
from pathlib import Path


def unit(arguments: Sequence[str], *, data: Path, user: str) -> str:
    """The text of ``primehub.service``. ``arguments`` are those of ``primehub up``."""
    command = [sys.executable, "-m", "primehub_services.cli.main", "up", "--data", str(data), *arguments]
    # KillMode=process: after a crash of `primehub up` alone its restart finds notebooks and proxy as they were
    return f"""[Unit]
Description=PrimeHub
After=network-online.target
Wants=network-online.target

[Service]
Type=notify
User={user}
ExecStart={" ".join(_quoted(word) for word in command)}
Restart=on-failure
RestartSec=2
KillMode=process
TimeoutStartSec=600
TimeoutStopSec=90
Delegate=yes
UMask=0022

[Install]
WantedBy=multi-user.target
"""


def _quoted(word: str) -> str:
    return shlex.quote(word).replace("%", "%%").replace("$", "$$")


def notify(message: str) -> None:
    """Tell systemd, where it started us; nothing otherwise. ``message`` is like ``READY=1``."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        try:
            sender.connect(address)
            sender.sendall(message.encode())
        except OSError:
            return  # systemd then says that the start took too long


def is_service() -> bool:
    """Whether systemd started us: what we print is then kept in the system's log."""
    return "INVOCATION_ID" in os.environ and "NOTIFY_SOCKET" in os.environ
