"""How the hub treats the services that it manages, as far as its configuration has no word for it."""

from __future__ import annotations

import asyncio
from typing import Any

from jupyterhub.services import service

LOOK_EVERY = 1
"""Seconds. The hub's own is 30: for that long nobody could start, stop or see anything after a crash of ours."""
_begun: set[asyncio.Task[bool]] = set()
_waited_not_for: set[str] = set()


def look_often() -> None:
    """Make the hub look every ``LOOK_EVERY`` seconds whether the services that it manages are there.

    What it starts services with is given no configuration.
    """
    spawner = service._ServiceSpawner
    if getattr(spawner, "looks_often", False):
        return
    begin = spawner.start_polling

    def start_polling(self: service._ServiceSpawner) -> None:
        self.poll_interval = LOOK_EVERY
        begin(self)

    spawner.start_polling = start_polling
    spawner.looks_often = True


def wait_not_for(name: str) -> None:
    """Let the hub go on while this service starts, and go on without it: it would wait, and end itself in the end.

    The service has its route at once, and is started again as others are.
    """
    from jupyterhub.app import JupyterHub

    if not _waited_not_for:
        begin = JupyterHub.start_service

        async def start_service(self: Any, service_name: str, *given: Any, **named: Any) -> bool:
            starting = begin(self, service_name, *given, **named)
            if service_name not in _waited_not_for:
                return bool(await starting)
            task = asyncio.create_task(starting)
            _begun.add(task)
            task.add_done_callback(_begun.discard)
            return True

        JupyterHub.start_service = start_service
    _waited_not_for.add(name)
