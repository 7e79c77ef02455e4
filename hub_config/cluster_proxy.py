"""The proxy of a cluster, seen from the hub."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import ClientResponseError
from jupyterhub.proxy import ConfigurableHTTPProxy
from tornado.ioloop import PeriodicCallback
from traitlets import Float

PATIENCE = 3.0
"""Seconds for an answer."""
PROBE = "primehub"
"""The service whose route says whether the proxy has any."""


class WatchedProxy(ConfigurableHTTPProxy):
    """A proxy that is nobody's child. One that was started anew has no routes: it gets them within seconds.

    The hub itself compares all routes once a minute, for which the whole platform would be away.
    """

    look_every = Float(2, help="Seconds between two looks.")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # a look that takes longer is waited for, not doubled
        self._watching = PeriodicCallback(self.restore, self.look_every * 1000)
        self._watching.start()

    async def restore(self) -> None:
        """Give the proxy all its routes, where it has not even that of the services."""
        service = self.app._service_map.get(PROBE)
        if service is None or service.server is None:
            return
        try:
            # a connection to a pod that was killed is never answered nor closed
            await asyncio.wait_for(self.api_request(service.proxy_spec), PATIENCE)
        except ClientResponseError as error:
            if error.status == 404:
                self.log.warning("The proxy has no routes: it was started anew, and gets them again")
                await self.check_routes(self.app.users, self.app._service_map)
        except TimeoutError:
            self.log.warning("The proxy does not answer")
