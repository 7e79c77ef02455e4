"""The tornado application: which handler serves which path."""

from __future__ import annotations

import logging
from typing import Any

from tornado.web import Application, RequestHandler

from .context import ApiContext
from .handler import ApiHandler
from .handlers import HANDLERS
from .pages import AssetHandler, CallbackHandler, PortalHandler, SignOutHandler, UnknownHandler

log = logging.getLogger("primehub.access")
ASSETS = r"((?:assets/|static/).+|[A-Za-z0-9_.-]+\.(?:svg|png|ico|webmanifest|txt|js))"


def make_application(context: ApiContext) -> Application:
    """Everything under the context's prefix."""
    parts: dict[str, Any] = {"context": context}
    prefix = context.prefix
    return Application(
        [
            (rf"{prefix}api/v1(?:/.*)?", ApiHandler, parts | {"handlers": HANDLERS}),
            (rf"{prefix}oauth_callback", CallbackHandler, parts),
            (rf"{prefix}sign-out", SignOutHandler, parts),
            (rf"{prefix}{ASSETS}", AssetHandler, parts),
            (rf"{prefix}(.*)", PortalHandler, parts),
        ],
        default_handler_class=UnknownHandler,
        default_handler_args=parts,
        cookie_secret=context.cookie_secret,
        log_function=_log,
    )


def _log(handler: RequestHandler) -> None:
    """One line for each answer; paths without their queries, which may carry a code."""
    status = handler.get_status()
    level = logging.WARNING if status >= 500 else logging.DEBUG
    log.log(
        level,
        "%d %s %s %.0f ms %s",
        status,
        handler.request.method,
        handler.request.path,
        1000 * handler.request.request_time(),
        getattr(handler, "request_id", ""),
    )
