"""Who may call a route: the API says, and is asked again every few seconds."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from ..client.base import ApiProblem
from ..client.routes import RoutesClient
from ..domain.problems import Forbidden, NotFound, Problem, Unauthenticated, Unavailable
from ..domain.routes import Access, Route

KEPT = 3.0
"""Seconds that an answer is good for. With the API's own 5 s, who leaves is kept out within 10."""
GRACE = 60.0
"""Seconds for which who was let in goes on while the API does not answer."""
MOST = 10_000
"""Answers that are remembered."""


@dataclass(frozen=True, slots=True)
class _Answer:
    at: float
    refusal: Problem | None


def nothing_at(path: str) -> NotFound:
    """The same words for what is not there and for what somebody may not know of."""
    return NotFound(f"There is nothing at {path[:200]} that you can call.")


class Gate:
    """Decides about each request, and about each connection that stays open."""

    def __init__(self, api: RoutesClient, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._api = api
        self._clock = clock
        self._answers: OrderedDict[tuple[bytes, str], _Answer] = OrderedDict()
        self._asking: dict[tuple[bytes, str], asyncio.Task[_Answer]] = {}

    async def check(self, route: Route | None, path: str, token: str | None) -> Route:
        """The route, where who bears the token may call it.

        Raises ``Unauthenticated`` for nobody, whatever the path but for public ones, so that nobody learns what there
        is; ``NotFound`` for outsiders; ``Forbidden`` for a token without the scope; ``Unavailable``.
        """
        if route is not None and route.access is Access.PUBLIC:
            return route
        if token is None:
            msg = "Sign in, or send a token of yours with the scope custom:primehub:read as Authorization: Bearer ..."
            raise Unauthenticated(msg)
        if route is None or route.access is Access.KEY:
            raise nothing_at(path)
        refusal = await self._refusal(route.group, token)
        if isinstance(refusal, NotFound):
            raise nothing_at(path)
        if refusal is not None:
            raise refusal
        return route

    async def _refusal(self, group: str, token: str) -> Problem | None:
        # by its digest, so that no token of anybody stays in memory
        key = (hashlib.sha256(token.encode()).digest(), group)
        known = self._answers.get(key)
        if known is not None and self._clock() - known.at < KEPT:
            return known.refusal
        asking = self._asking.get(key)
        if asking is None:
            asking = self._asking[key] = asyncio.create_task(self._ask(group, token))
            asking.add_done_callback(lambda _: self._asking.pop(key, None))
        try:
            answer = await asyncio.shield(asking)
        except Unavailable:
            if known is not None and known.refusal is None and self._clock() - known.at < GRACE:
                return None
            raise
        self._remember(key, answer)
        return answer.refusal

    async def _ask(self, group: str, token: str) -> _Answer:
        began = self._clock()
        try:
            await self._api.caller(group, token)
        except ApiProblem as problem:
            return _Answer(began, _refusal_of(problem))
        return _Answer(began, None)

    def _remember(self, key: tuple[bytes, str], answer: _Answer) -> None:
        self._answers[key] = answer
        self._answers.move_to_end(key)
        while len(self._answers) > MOST:
            self._answers.popitem(last=False)


def _refusal_of(problem: ApiProblem) -> Problem:
    kinds: dict[int, type[Problem]] = {401: Unauthenticated, 403: Forbidden, 404: NotFound}
    kind = kinds.get(problem.status)
    if kind is None:
        msg = "PrimeHub cannot say just now who may call this. Try again in a moment."
        raise Unavailable(msg) from problem
    return kind(problem.detail)
