"""Puts the extension together in a Jupyter server that starts, and takes it apart when that ends."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from jupyter_core.paths import jupyter_data_dir
from jupyter_server.extension.application import ExtensionApp

from .handlers import SETTING, Parts, handlers
from .platform import Platform
from .results import Placed, Placer
from .service import Service

REMEMBERED = "primehub-results.json"


class PrimeHubExtension(ExtensionApp):
    """The endpoints below ``primehub/``, and the placing of results."""

    name = "jupyter_primehub_ext"
    task: asyncio.Task[None] | None = None

    def initialize_settings(self) -> None:
        """Find the platform; a server that PrimeHub did not start has none."""
        self.parts = Parts(None, None)
        platform = Platform.of_environment()
        if platform is None:
            self.log.info("PrimeHub: this server was not started by PrimeHub")
        else:
            contents = self.serverapp.contents_manager
            root = getattr(contents, "root_dir", "")
            server = os.environ.get("JUPYTERHUB_SERVER_NAME", "")
            service = Service(platform, root=Path(root) if root else None, server=server)
            self.parts = Parts(service, Placer(service, contents, Placed(Path(jupyter_data_dir()) / REMEMBERED)))
            self.serverapp.io_loop.add_callback(self._begin)
        self.settings[SETTING] = self.parts

    def initialize_handlers(self) -> None:
        """Add the endpoints."""
        self.handlers.extend(handlers())

    async def _begin(self) -> None:
        assert self.parts.placer is not None
        self.task = asyncio.ensure_future(self.parts.placer.run())

    async def stop_extension(self) -> None:
        """End what goes on: a thread that writes a file would keep the server from ending."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
