"""What the hub's own pages call the platform: admins set its name and logo while it runs."""

from __future__ import annotations

from contextlib import suppress

from primehub_services.client import ApiProblem
from primehub_services.client.accounts import AccountsClient
from primehub_services.domain.system import Branding

LOOK_EVERY = 5
"""Seconds between two questions: it is also how long after the hub's start the pages have the name."""


class KnownBranding:
    """What the API said last, so that no page waits for it."""

    def __init__(self, accounts: AccountsClient) -> None:
        self.now = Branding()
        self._accounts = accounts

    async def look(self) -> None:
        """Ask again. While the API does not answer, what it said last stays."""
        with suppress(ApiProblem):
            self.now = await self._accounts.branding(self.now.version) or self.now
