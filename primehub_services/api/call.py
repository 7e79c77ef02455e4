"""One request to one route, as the handlers see it: checked, with its actor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from ..domain.identity import Actor
from ..domain.problems import Unauthenticated
from ..operations import actors
from ..store.unit_of_work import UnitOfWork
from .auth import Identity
from .context import ApiContext
from .route import Route
from .uploads import Upload

if TYPE_CHECKING:
    from .handler import ApiHandler

P = ParamSpec("P")
R = TypeVar("R")


class Call:
    """What a handler works with. ``body`` and ``query`` are the route's models, already validated."""

    def __init__(
        self, handler: ApiHandler, route: Route, path: Mapping[str, str], identity: Identity | None, query: Any
    ) -> None:
        self.handler = handler
        self.route = route
        self.path = path
        self.query = query
        self.body: Any = None
        self.upload: Upload | None = None
        """Where the body went, on a route that takes a file."""
        self._identity = identity

    @property
    def context(self) -> ApiContext:
        """The parts of this process."""
        return self.handler.context

    @property
    def identity(self) -> Identity:
        """Whose request it is. Raises ``Unauthenticated`` for nobody's."""
        if self._identity is None:
            raise anonymous()
        return self._identity

    async def authenticate(self) -> None:
        """Find out whose request it is, on a route that checks itself."""
        self._identity = await self.context.authenticator.identify(self.handler)

    def __getitem__(self, parameter: str) -> str:
        return self.path[parameter]

    async def actor(self) -> Actor:
        """The actor as the store has it now, for what is not one transaction."""
        return await self.context.database.read(actors.actor_for, self.identity.model)

    async def read(
        self, operation: Callable[Concatenate[UnitOfWork, Actor, P], R], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """The operation's result, its actor found in the same transaction."""
        return await self.context.database.read(_as_actor, self.identity.model, operation, *args, **kwargs)

    async def write(
        self, operation: Callable[Concatenate[UnitOfWork, Actor, P], R], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """The operation's result, committed; its actor found in the same transaction."""
        return await self.context.database.write(_as_actor, self.identity.model, operation, *args, **kwargs)

    def tag(self, version: str | int) -> None:
        """Give the answer its version. Whoever has that one (If-None-Match) gets status 304, and no body."""
        tag = f'"{version}"'
        self.handler.set_header("ETag", tag)
        if self.handler.request.headers.get("If-None-Match") == tag:
            self.handler.set_status(304)
            self.handler.finish()


def _as_actor(
    uow: UnitOfWork, model: Mapping[str, Any], operation: Callable[..., R], /, *args: Any, **kwargs: Any
) -> R:
    return operation(uow, actors.actor_for(uow, model), *args, **kwargs)


def anonymous() -> Unauthenticated:
    """The problem of a request that is nobody's."""
    return Unauthenticated("Send a token as 'Authorization: Bearer <token>', or sign in to the portal.")
