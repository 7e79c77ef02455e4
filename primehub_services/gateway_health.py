"""How the gateway is doing, for the health page."""

from __future__ import annotations

import httpx

from .api.replies import Part, State

PATH = "/services/primehub-gateway/healthz"
PATIENCE = 2.0
"""Seconds: who looks at the health page waits for it."""
WORDS = {
    "current": (State.OK, "It serves the routes that there are.", ""),
    "kept": (
        State.DEGRADED,
        "It serves the routes that it was told last: it cannot ask for new ones.",
        "Look at its log, which says what the API answers it.",
    ),
    "none": (State.DEGRADED, "It has not been told yet which routes there are.", "Look at its log if that stays so."),
}


async def part(url: str) -> Part:
    """Ask the gateway at this address."""
    try:
        async with httpx.AsyncClient(timeout=PATIENCE, trust_env=False) as http:
            said = (await http.get(url + PATH)).json()["table"]
        state, message, help_ = WORDS[said]
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        message, help_ = "It does not answer.", "It is started again by itself. If that does not help, look at its log."
        return Part(name="gateway", status=State.DEGRADED, message=message, help=help_)
    return Part(name="gateway", status=state, message=message, help=help_)
