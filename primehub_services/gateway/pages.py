"""What the gateway answers itself: whether it is ready, its numbers, the end of a sign-in, and nothing else."""

from __future__ import annotations

import hmac

from ..domain.problems import Unauthenticated
from .access import nothing_at
from .base import BaseHandler
from .table import TableState


class HealthHandler(BaseHandler):
    """``/healthz``: ready once there is a table, an old one too. Anybody may ask."""

    def get(self) -> None:
        """The state of the table, and nothing of what is in it."""
        state = self.context.table.state
        self.set_status(503 if state is TableState.NONE else 200)
        self.finish({"table": state.value})

    head = get


class MetricsHandler(BaseHandler):
    """``/metrics``, for who has the token."""

    def get(self) -> None:
        """All numbers."""
        context = self.context
        sent = self.request.headers.get("Authorization", "").partition(" ")[2]
        if not (context.metrics_token and hmac.compare_digest(sent.encode(), context.metrics_token.encode())):
            msg = "Send the token in metrics.token as Authorization: Bearer ..."
            raise Unauthenticated(msg)
        context.metrics.routes.set(len(context.table.routes))
        context.metrics.current.set(context.table.state is TableState.CURRENT)
        self.set_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.finish(context.metrics.text())


class CallbackHandler(BaseHandler):
    """Where the hub sends people back to who have signed in."""

    async def get(self) -> None:
        """Begin their session."""
        await self.context.sign_in.finish(self, secure=self.is_https)


class UnknownHandler(BaseHandler):
    """Everything that is not under the gateway's address."""

    def prepare(self) -> None:
        """Whatever the method."""
        self.problem(nothing_at(self.request.path))
