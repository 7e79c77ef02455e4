"""configurable-http-proxy: installed from npm once, pinned by the lock file that ships with PrimeHub."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from ... import proxy as _package
from .addresses import Address
from .errors import StartError
from .node import Node

MANIFESTS = Path(_package.__file__).parent
_MAIN = "node_modules/configurable-http-proxy/bin/configurable-http-proxy"


def install(node: Node, data: Path, say: Callable[[str], None]) -> Path:
    """The proxy's script, installed beside this Python or, where that cannot be written, in the data folder.

    Raises ``StartError`` with npm's last words where npm cannot install it.
    """
    places = [Path(sys.prefix) / "share" / "primehub", data]
    name = f"proxy-{_digest()}"
    for place in places:
        if (place / name / _MAIN).exists():
            return place / name / _MAIN
    for place in places:
        try:
            place.mkdir(parents=True, exist_ok=True)
            temporary = Path(tempfile.mkdtemp(prefix=".proxy-", dir=place))
        except OSError:
            continue
        say("Installing the proxy from npm (once)")
        try:
            _npm(node, temporary)
            temporary.chmod(0o755)
            try:
                temporary.rename(place / name)
            except OSError:  # another start was quicker
                if not (place / name / _MAIN).exists():
                    raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return place / name / _MAIN
    msg = f"The proxy cannot be installed: neither {places[0]} nor {places[1]} can be written."
    raise StartError(msg, "Make the data folder writable.")


def _npm(node: Node, folder: Path) -> None:
    for manifest in ("package.json", "package-lock.json"):
        shutil.copy(MANIFESTS / manifest, folder)
    command = [*node.npm, "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"]
    # where there is no network, ten seconds of trying are enough
    command += ["--no-update-notifier", "--loglevel=error", "--fetch-retry-mintimeout=1000"]
    command += ["--fetch-retry-maxtimeout=5000"]
    done = subprocess.run(
        command, cwd=folder, env=node.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode:
        msg = f"npm could not install the proxy: {_why(done.stderr or done.stdout)}"
        raise StartError(msg, "Check that this machine reaches the npm registry (npm's own settings are used).")


def _why(output: str) -> str:
    """npm's own reason: the line that has one, else the last lines."""
    lines = [line.removeprefix("npm error").strip() for line in output.strip().splitlines()]
    for line in lines:
        if "reason:" in line or "rror: " in line:
            return line
    return "\n  ".join(["", *lines[-5:]])


def _digest() -> str:
    return hashlib.sha256((MANIFESTS / "package-lock.json").read_bytes()).hexdigest()[:12]


def command(node: Node, script: Path, address: Address, *, api_port: int, hub_port: int) -> list[str]:
    """The proxy's command line. Its token is in its environment, as CONFIGPROXY_AUTH_TOKEN."""
    hub = f"http://127.0.0.1:{hub_port}"
    line = [str(node.node), str(script), "--ip", address.host, "--port", str(address.port)]
    line += ["--api-ip", "127.0.0.1", "--api-port", str(api_port)]
    line += ["--default-target", hub, "--error-target", f"{hub}/hub/error", "--log-level", "warn"]
    if address.cert and address.key:
        line += ["--ssl-cert", os.fspath(address.cert), "--ssl-key", os.fspath(address.key)]
    if address.behind_proxy:  # of several values the last one counts: the other proxy's, not ours
        line.append("--no-x-forward")
    return line
