"""How soon the hub starts a service again that has died."""

from __future__ import annotations

from jupyterhub.services import service

LOOK_EVERY = 1
"""Seconds. The hub's own is 30: for that long nobody could start, stop or see anything after a crash of ours."""


def look_often() -> None:
    """Make the hub look every ``LOOK_EVERY`` seconds whether the services that it manages are there.

    Its configuration has no word for it: what it starts services with is given no configuration.
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
