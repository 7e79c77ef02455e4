"""Checks the upload that is standard input: ``python -m primehub_services.blobs.check NAME LIMIT``.

The answer is JSON on standard output: ``format`` and ``digest``, or ``detail`` and ``errors``. An exit status other
than 0 means that it took too much.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from .. import limited
from ..domain.problems import Invalid
from .snapshots import check_upload


def main(name: str, limit: int) -> int:
    """Returns the exit status."""
    limited.restrict()
    limited.give_up_rights()
    try:
        answer: dict[str, Any] = _answer(name, limit)
    except MemoryError:
        return 1
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()
    return 0


def _answer(name: str, limit: int) -> dict[str, Any]:
    try:
        format, digest = check_upload(sys.stdin.fileno(), name, limit)
    except Invalid as problem:
        return {"detail": problem.detail, "errors": [error.model_dump() for error in problem.errors]}
    return {"format": format.value, "digest": digest}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
