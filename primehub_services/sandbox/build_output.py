"""Reads what pip prints: how far a build is, and why it failed. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

_COLLECTING = re.compile(r"^Collecting (\S+?)(?:[<>=!~\[;(].*)?(?:\s.*)?$")
_BUILDING = re.compile(r"^\s*Building wheel for (\S+)")
_NO_VERSION = re.compile(r"No matching distribution found for ([^\s(]+)")
_CANNOT_BUILD = re.compile(r"(?:Failed building wheel for|Failed to build) ([^\s(]+)")
_UNREACHABLE = (
    "NewConnectionError",
    "Temporary failure in name resolution",
    "Name or service not known",
    "Network is unreachable",
    "Connection refused",
    "Connection reset",
    "Connection aborted",
    "Read timed out",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ProxyError",
    "SSLError",
    "CERTIFICATE_VERIFY_FAILED",
)
_GIVEN_UP = ("Retry(total=0", "Max retries exceeded", "CERTIFICATE_VERIFY_FAILED")
"""What pip prints before it takes an index that it cannot reach for an empty one."""
_NONE_AT_ALL = " (The package index has no version of it at all, or does not answer.)"
_KEPT_LINES = 60


@dataclass(frozen=True, slots=True)
class BuildView:
    """What the output told so far."""

    installing: bool = False
    collected: tuple[str, ...] = ()
    building: str = ""
    to_install: int = 0
    """Packages that pip installs, once it knows."""
    checking: bool = False
    complete: bool = False
    failures: tuple[str, ...] = ()
    """Lines that may say why it failed."""
    last: tuple[str, ...] = field(default=())
    rest: str = ""
    """A line that is not whole yet."""


def read_output(view: BuildView, text: str) -> BuildView:
    """The view after more output."""
    *lines, rest = (view.rest + text).split("\n")
    for line in lines:
        view = _read_line(view, line.rstrip("\r"))
    return replace(view, rest=rest[-4096:])


def _read_line(view: BuildView, line: str) -> BuildView:
    if match := _COLLECTING.match(line):
        return replace(view, collected=(*view.collected, match[1]), building="")
    if match := _BUILDING.match(line):
        return replace(view, building=match[1])
    if line.startswith("Installing collected packages: "):
        return replace(view, to_install=line.count(",") + 1, building="")
    if line.startswith("primehub: "):
        return replace(
            view,
            installing=view.installing or line.endswith("installing packages"),
            checking=view.checking or line.endswith("checking"),
            complete=view.complete or line.endswith("complete"),
        )
    if "ERROR" in line or "rror:" in line or any(word in line for word in (*_UNREACHABLE, *_GIVEN_UP)):
        view = replace(view, failures=(*view.failures, line)[-_KEPT_LINES:])
    return replace(view, last=(*view.last, line)[-5:] if line.strip() else view.last)


def explain(view: BuildView, reason: str) -> tuple[str, str]:
    """Code and sentence for a build that failed; ``reason`` is how its workload ended."""
    text = "\n".join(view.failures)
    if reason == "OOMKilled":
        return "failed", "The build took more memory than the 4 GiB it may. Choose packages that come as wheels."
    if reason in ("Stopped", "Killed"):
        return "cancelled", "The build was stopped."
    if reason == "Lost":
        return "failed", "The build was cut off: the machine was restarted, or its supervisor was killed. Build again."
    if "No space left on device" in text:
        return "disk-full", "The disk of the data folder is full: make room and build again."
    asked = _NO_VERSION.search(text)
    if any(word in text for word in _GIVEN_UP) or (not asked and any(word in text for word in _UNREACHABLE)):
        what = f" for {asked[1]}" if asked else ""
        return "no-network", f"The package index cannot be reached{what}: {_cause(view)}"
    if asked:
        return (
            "no-such-package",
            f"There is no package {asked[1]} for this Python: mind its spelling and version, or take it off the list."
            + (_NONE_AT_ALL if "(from versions: none)" in text else ""),
        )
    if "ResolutionImpossible" in text or "conflicting dependencies" in text:
        return "conflict", f"The packages contradict each other: {_conflict(view)}"
    if failed := _CANNOT_BUILD.search(text):
        return "cannot-build", f"The package {failed[1]} cannot be built here: choose a version that comes as a wheel."
    if view.checking:
        return "not-usable", f"The packages are installed, but JupyterLab does not start with them: {_last(view)}"
    return "failed", f"The build failed: {_last(view)}"


def _cause(view: BuildView) -> str:
    for line in view.failures:
        for word in _UNREACHABLE:
            if word in line:
                return f"{word}. See whether this machine reaches it (proxy and certificate settings are passed on)."
    return _last(view)


def _conflict(view: BuildView) -> str:
    lines = [line for line in view.failures if "Cannot install" in line]
    return lines[-1].removeprefix("ERROR: ") if lines else _last(view)


def _last(view: BuildView) -> str:
    errors = [line for line in view.failures if line.startswith("ERROR")]
    lines = errors or list(view.failures) or list(view.last)
    return lines[-1].removeprefix("ERROR: ").strip() if lines else "it said nothing"
