"""What the idle culler asks before it stops a server. It knows no limit of its own."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

from primehub_services.client import ApiClient, ApiProblem
from primehub_services.client.culling import CullingClient

log = logging.getLogger(__name__)
Arbiter = Callable[..., Awaitable[bool]]


def end_with_parent() -> None:
    """End this process when its parent has: a hub that was killed starts a culler of its own, and revokes our token."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def arbiter(environ: Mapping[str, str] | None = None, *, client: CullingClient | None = None) -> Arbiter:
    """A hook for ``IdleCuller.cull_arbiter_hook``. Culls nothing while the API does not answer."""
    environ = os.environ if environ is None else environ
    if client is None:
        client = CullingClient(ApiClient(environ["PRIMEHUB_API_URL"], environ["JUPYTERHUB_API_TOKEN"]))

    async def ask(*, inactive: timedelta, inactive_limit: int, server: dict[str, Any], **_: Any) -> bool:
        user, _slash, name = server["full_name"].partition("/")
        try:
            decision = await client.decision(user, name)
        except ApiProblem as problem:
            log.warning("Not culling %s: PrimeHub's API does not say whether to (%s)", server["full_name"], problem)
            return False
        if decision.cull:
            log.info("Culling %s: %s", server["full_name"], decision.reason)
        return decision.cull

    return ask
