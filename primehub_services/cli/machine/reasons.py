"""Finds the reason in the log of a part that ended, or waits. Pure."""

from __future__ import annotations

import re

_SERVICES = "PrimeHub's services cannot start: "
_WAIT = "PrimeHub's services wait: "
_GO_ON = "PrimeHub's services go on"
_EXITED = re.compile(r"Service primehub exited with status", re.ASCII)
_HUB = re.compile(r"^\[[EC] [^\]]*\] (?P<text>.+)")
_NO_REASON = re.compile(r"exited with status|jupyterhub upgrade-db|If you recently upgraded JupyterHub")
"""What the hub says of an end without saying why."""
_EXCEPTION = re.compile(r"^(?:\w+\.)*\w*(?:Error|Exception)(?: \[\w+\])?: \S.*")
"""The last line of a traceback, of Python's and of Node's."""
LINES = 200
ALL = 10_000
"""Lines of a start that does not come to its end; more than is kept of it."""
SHOWN = 15


def reason(log: str) -> str | None:
    """The newest sentence in the log that says why something ended; None where there is none."""
    for line in reversed(log.splitlines()[-LINES:]):
        if line.startswith(_SERVICES):
            return line.removeprefix(_SERVICES)
        match = _HUB.match(line)
        if match is not None and not _NO_REASON.search(line):
            return match["text"]
        if _EXCEPTION.match(line):
            return line
    return None


def waits(log: str) -> str | None:
    """What the services wait for, by the log of this start; None where they do not."""
    for line in reversed(log.splitlines()):
        if line.startswith(_WAIT):
            return line.removeprefix(_WAIT)
        if line.startswith(_GO_ON):
            return None
    return None


def services_exits(log: str) -> int:
    """How often the hub has told of the services' end; of the first it may tell twice."""
    return len(_EXITED.findall(log))


def why(part: str, log: str) -> str:
    """That the part does not start, and why: a sentence, or the last lines of its log where that has none."""
    told = f"The {part} {'do' if part.endswith('s') else 'does'} not start"
    found = reason(log)
    if found:
        return f"{told}: {found}"
    return "\n".join([f"{told}. The last words:", *log.splitlines()[-SHOWN:]])
