"""What one of several processes does while it leads, and that nothing of it goes on afterwards."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
import pytest

from primehub_services import leading
from primehub_services.api.events import ChangeFeed
from primehub_services.api.replies import Part, State
from primehub_services.controllers import Runner
from primehub_services.duties import Duties
from primehub_services.leading import Alone, Elected, WhileLeading
from primehub_services.store.database import Database
from primehub_services.store.leader import Election, Term
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support.waiting import wait_for_async

pytestmark = pytest.mark.asyncio


class Ours(Term):
    """One that the database was not asked about."""

    def guard(self, uow: UnitOfWork) -> None:
        """Nobody else writes."""


class Terms(Election):
    """An election that the test decides."""

    def __init__(self) -> None:
        self.holder = "this one"
        self._coming: asyncio.Queue[Term] = asyncio.Queue()

    def start(self) -> None:
        """Nobody else stands."""

    def stop(self) -> None:
        """Likewise."""

    async def next_term(self) -> Term:
        """What the test has given."""
        return await self._coming.get()

    def give(self) -> Term:
        """This process leads from now on."""
        term = Ours(time.monotonic() + 60)
        self._coming.put_nowait(term)
        return term


@dataclass
class Busy:
    """A controller that begins a task of its own at each step."""

    name = "busy"
    interval = 0.0
    hints = frozenset({"job"})
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def step(self, now: datetime) -> None:
        """Begin one, which begins another."""
        self.tasks.append(asyncio.create_task(self._begin()))

    async def _begin(self) -> None:
        self.tasks.append(asyncio.create_task(asyncio.Event().wait()))  # type: ignore[arg-type]
        await asyncio.Event().wait()


class Nothing:
    """An engine with nothing to keep going."""

    run: Coroutine[Any, Any, None] | None = None


async def _well(_duties: Duties) -> list[Part]:
    return [Part(name="engine", status=State.OK)]


@pytest.mark.parametrize("way", ["the term ends", "the process ends"])
async def test_every_task_that_was_begun_in_a_term_ends_with_it(database: Database, way: str) -> None:
    controller, terms = Busy(), Terms()

    async def begin(_term: Term) -> Duties:
        return Duties(Nothing(), [Runner(controller)])  # type: ignore[arg-type]

    elected = Elected(database, terms, ChangeFeed(database), begin, _well)
    running = asyncio.create_task(elected.run())
    term = terms.give()
    await wait_for_async(lambda: len(controller.tasks) > 5, what="it works")
    if way == "the term ends":
        term.end()
    else:
        running.cancel()
    await wait_for_async(lambda: all(task.done() for task in controller.tasks), what="nothing goes on")
    assert not term.holds()
    running.cancel()
    await asyncio.wait([running])
    asyncio.get_running_loop().set_task_factory(None)


async def test_a_term_that_cannot_begin_ends_so_that_another_process_can_try(database: Database) -> None:
    terms = Terms()

    async def begin(_term: Term) -> Duties:
        raise OSError

    running = asyncio.create_task(Elected(database, terms, ChangeFeed(database), begin, _well).run())
    for _ in range(2):
        term = terms.give()
        await asyncio.wait_for(term.over(), 5)
    running.cancel()
    await asyncio.wait([running])
    asyncio.get_running_loop().set_task_factory(None)


async def test_what_fails_holds_up_nothing_else_and_is_said_at_once(caplog: pytest.LogCaptureFixture) -> None:
    async def fails() -> None:
        raise OSError("the disk")

    controller = Busy()
    engine = Nothing()
    engine.run = fails  # type: ignore[assignment]
    running = asyncio.create_task(Alone(Duties(engine, [Runner(controller)]), _well).run())  # type: ignore[arg-type]
    await wait_for_async(lambda: "has ended" in caplog.text and "the disk" in caplog.text, what="it is said")
    begun = len(controller.tasks)
    await wait_for_async(lambda: len(controller.tasks) > begun, what="the other goes on")
    running.cancel()
    for task in (running, *controller.tasks):
        task.cancel()
    await asyncio.wait([running, *controller.tasks])


async def test_no_request_leaves_after_its_term(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = []

    async def send(_self: object, request: httpx.Request) -> httpx.Response:
        sent.append(request.url.path)
        return httpx.Response(204)

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", send)
    term = Term(time.monotonic() + 60)
    async with httpx.AsyncClient(transport=WhileLeading(term), base_url="http://hub") as client:
        await client.delete("/users/ann/server")
        term.end()
        with pytest.raises(httpx.ConnectError):
            await client.delete("/users/ann/server")
    assert sent == ["/users/ann/server"]


async def test_a_process_is_named_by_its_pod_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leading.socket, "gethostname", lambda: "primehub-services-x")
    monkeypatch.setattr(leading.os, "getpid", lambda: 1)
    assert leading.holder() == "primehub-services-x"
    monkeypatch.setattr(leading.os, "getpid", lambda: 7)
    assert leading.holder() == "primehub-services-x, process 7"
