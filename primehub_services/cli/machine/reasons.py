"""Finds the reason in the log of a part that ended. Pure."""

from __future__ import annotations

import re

_SERVICES = "PrimeHub's services cannot start: "
_HUB = re.compile(r"^\[[EC] [^\]]*\] (?P<text>.+)")
_NO_REASON = re.compile(r"exited with status|jupyterhub upgrade-db|If you recently upgraded JupyterHub")
"""What the hub says of an end without saying why."""
_EXCEPTION = re.compile(r"^(?:\w+\.)*\w*(?:Error|Exception)(?: \[\w+\])?: \S.*")
"""The last line of a traceback, of Python's and of Node's."""
LINES = 200
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


def why(part: str, log: str) -> str:
    """That the part does not start, and why: a sentence, or the last lines of its log where that has none."""
    found = reason(log)
    if found:
        return f"The {part} does not start: {found}"
    return "\n".join([f"The {part} does not start. Its last words:", *log.splitlines()[-SHOWN:]])
