"""The tornado application: which handler serves which path."""

from __future__ import annotations

import asyncio
import logging

from tornado.httpserver import HTTPServer
from tornado.web import Application

from .base import Context
from .handler import GatewayHandler
from .pages import CallbackHandler, HealthHandler, MetricsHandler, UnknownHandler

log = logging.getLogger("primehub.gateway")
MAX_HEADER = 64 * 1024
IDLE_CONNECTION = 75.0
"""Seconds that a visitor's connection is kept for the next request."""


def make_application(context: Context, cookie_secret: str) -> Application:
    """Everything under the context's prefix."""
    parts = {"context": context}
    prefix = context.prefix
    return Application(
        [
            (f"{prefix}healthz", HealthHandler, parts),
            (f"{prefix}metrics", MetricsHandler, parts),
            (f"{prefix}oauth_callback", CallbackHandler, parts),
            (f"{prefix}.*", GatewayHandler, parts),
        ],
        default_handler_class=UnknownHandler,
        default_handler_args=parts,
        cookie_secret=cookie_secret,
        log_function=lambda _: None,  # each handler counts itself; paths may carry what is nobody's business
    )


def make_server(application: Application) -> HTTPServer:
    """A server with the limits of the gateway. It reads who asks itself: see ``headers.visitor``."""
    return HTTPServer(
        application, max_header_size=MAX_HEADER, idle_connection_timeout=IDLE_CONNECTION, decompress_request=False
    )


async def follow(context: Context) -> None:
    """Let go of targets that no route has any more, until cancelled."""
    changed = context.table.changed
    while True:
        await changed.wait()
        changed.clear()
        context.upstreams.keep(context.table.routes)
        await asyncio.sleep(0)
