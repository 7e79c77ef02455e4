"""Parts that a machine may lack: a test is skipped without one, unless the run says that the part must be there."""

from __future__ import annotations

import os

import pytest

REQUIRED = "PRIMEHUB_TEST_REQUIRE"
PARTS = frozenset({"postgres", "sandbox", "browser", "keycloak", "pasta", "helm", "cluster", "node", "definitions"})


def require(part: str, condition: object, reason: str) -> None:
    """Go on where ``condition`` holds; else skip with the reason, or fail where the environment requires the part.

    ``PRIMEHUB_TEST_REQUIRE`` is a list of parts, separated by commas, or ``all``.
    """
    assert part in PARTS, f"{part} is not one of {sorted(PARTS)}"
    if condition:
        return
    required = {name.strip() for name in os.environ.get(REQUIRED, "").split(",")}
    if part in required or "all" in required:
        pytest.fail(f"{part} is required by {REQUIRED}, but: {reason}", pytrace=False)
    pytest.skip(f"{part}: {reason}")
