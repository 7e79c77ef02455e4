"""Puts the extension together in a Jupyter server that starts."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_data_dir

from .handlers import SETTING, Parts, handlers
from .platform import Platform
from .results import Placed, Placer
from .service import Service

REMEMBERED = "primehub-results.json"


def load(server: Any) -> None:
    """Add the endpoints, and place results from now on. ``server`` is a ``ServerApp``."""
    platform = Platform.of_environment()
    parts = Parts(None, None)
    if platform is None:
        server.log.info("PrimeHub: this server was not started by PrimeHub")
    else:
        contents = server.contents_manager
        root = getattr(contents, "root_dir", "")
        service = Service(
            platform, root=Path(root) if root else None, server=os.environ.get("JUPYTERHUB_SERVER_NAME", "")
        )
        placer = Placer(service, contents, Placed(Path(jupyter_data_dir()) / REMEMBERED))
        parts = Parts(service, placer)
        server.io_loop.add_callback(_begin, parts)
    server.web_app.settings[SETTING] = parts
    server.web_app.add_handlers(".*$", handlers(server.web_app.settings["base_url"]))


async def _begin(parts: Parts) -> None:
    assert parts.placer is not None
    parts.task = asyncio.ensure_future(parts.placer.run())
