"""The event stream: who hears what, from where, and when it ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from primehub_services.api import events, stream
from primehub_services.api.events import QUEUE, ChangeFeed, Subscription
from primehub_services.api.followed import Followed
from primehub_services.blobs import FolderLogStore, attempt_key, build_key, notebook_key
from primehub_services.domain.claims import MachineCapacity
from primehub_services.domain.identity import AccountUpdate
from primehub_services.domain.jobs import JobPhase
from primehub_services.domain.launch import LaunchRequest
from primehub_services.domain.problems import Unavailable
from primehub_services.domain.system import Change
from primehub_services.operations import accounts, members, notebooks
from primehub_services.store import images
from primehub_services.store.database import Database
from primehub_services.store.orm import AttemptRow, JobRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories
from tests.support.api import Api, problem
from tests.support.factories import Cast
from tests.support.results import JOB, attempt_row, job_row
from tests.support.waiting import wait_for_async

Event = tuple[str, Any, str]


class Listening:
    """A client of the stream."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.events: list[Event] = []
        self.comments: list[str] = []
        self.ended = False
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        event, data, number = "", "", ""
        async for line in self.response.aiter_lines():
            key, _, value = line.partition(": ")
            if line == "":
                if data:
                    self.events.append((event, json.loads(data), number))
                event, data = "", ""
            elif key == "":
                self.comments.append(value)
            elif key == "event":
                event = value
            elif key == "data":
                data = value
            elif key == "id":
                number = value
        self.ended = True

    def of(self, kind: str) -> list[Any]:
        return [data for event, data, _ in self.events if event == kind]

    async def until(self, kind: str, count: int = 1) -> list[Any]:
        await wait_for_async(lambda: len(self.of(kind)) >= count, what=f"{count} of {kind} in {self.events[-5:]}")
        return self.of(kind)

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@asynccontextmanager
async def listening(client: httpx.AsyncClient, path: str = "/events", **headers: str) -> AsyncIterator[Listening]:
    async with client.stream("GET", path, headers=headers) as response:
        assert response.status_code == 200, await response.aread()
        found = Listening(response)
        await wait_for_async(lambda: found.events, what="the first event")
        yield found
        await found.close()


def _tell(uow: UnitOfWork, kind: str, target: str, **of: str) -> None:
    uow.changed(kind, target, "update", **of)


async def test_a_person_hears_of_the_own_group_and_of_no_other(
    api: Api, cast: Cast, people: dict[str, httpx.AsyncClient]
) -> None:
    async with listening(people["member"]) as member, listening(people["platform_admin"]) as admin:
        database = api.context.database
        await database.write(_tell, "notebook", "theirs", group_id=cast.other_group.id)
        await database.write(_tell, "notebook", "ours", group_id=cast.group.id)
        assert [c["id"] for c in await member.until("change")] == ["ours"]
        assert [c["id"] for c in await admin.until("change", 2)] == ["theirs", "ours"]


async def test_one_person_has_so_many_streams_at_once(
    api: Api, people: dict[str, httpx.AsyncClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "EACH", 2)
    async with listening(people["member"]), listening(people["platform_admin"]):
        async with listening(people["member"]):
            refused = await people["member"].get("/events")
            assert problem(refused)["status"] == 429
            assert refused.headers["Retry-After"] == "30"
        await wait_for_async(lambda: len(api.context.streams) == 2, what="the stream has ended")
        async with listening(people["member"]):
            pass


async def test_a_client_that_comes_back_gets_what_it_missed(
    api: Api, cast: Cast, people: dict[str, httpx.AsyncClient]
) -> None:
    async with listening(people["member"]) as first:
        await api.context.database.write(_tell, "notebook", "one", group_id=cast.group.id)
        await first.until("change")
        last = first.events[-1][2]
    await api.context.database.write(_tell, "notebook", "two", group_id=cast.group.id)
    await api.context.database.write(_tell, "notebook", "hidden", group_id=cast.other_group.id)
    async with listening(people["member"], **{"Last-Event-ID": last}) as again:
        assert [c["id"] for c in await again.until("change")] == ["two"]
    async with listening(people["member"], f"/events?since={last}") as asked:
        assert [c["id"] for c in await asked.until("change")] == ["two"]


async def test_a_client_from_before_the_kept_changes_is_told_to_load_everything(
    api: Api, people: dict[str, httpx.AsyncClient]
) -> None:
    async with listening(people["member"], **{"Last-Event-ID": "999999"}) as client:
        assert client.events[0][0] == "reset"


async def test_a_nonsense_number_is_named(people: dict[str, httpx.AsyncClient]) -> None:
    answer = await people["member"].get("/events", headers={"Last-Event-ID": "x"})
    assert problem(answer)["errors"][0]["field"] == "Last-Event-ID"


async def test_a_quiet_stream_says_that_it_lives(
    people: dict[str, httpx.AsyncClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT", 0.2)
    async with listening(people["member"]) as client:
        await wait_for_async(lambda: len(client.comments) >= 2, what="heartbeats")


async def test_a_stream_hears_nothing_of_a_group_after_its_person_has_left_it(
    api: Api, cast: Cast, people: dict[str, httpx.AsyncClient]
) -> None:
    database = api.context.database
    async with listening(people["member"]) as client:
        (open_stream,) = api.context.streams._open
        await database.write(members.delete, cast.group_admin, "research", "ann")
        await wait_for_async(lambda: open_stream.rights > 0, what="the stream's rights are made anew")
        heard = len(client.of("change"))
        await database.write(_tell, "notebook", "secret", group_id=cast.group.id)
        await database.write(_tell, "settings", "system")
        await wait_for_async(lambda: any(c["id"] == "system" for c in client.of("change")), what="a public change")
        assert "secret" not in [c["id"] for c in client.of("change")[heard:]]


async def test_a_stream_ends_when_its_account_is_disabled(
    api: Api, cast: Cast, people: dict[str, httpx.AsyncClient]
) -> None:
    assert cast.member.account is not None
    update = AccountUpdate(version=cast.member.account.version, enabled=False)
    async with listening(people["member"]) as client, listening(people["group_admin"]) as other:
        await api.context.database.write(accounts.update, cast.platform_admin, "ann", update)
        await client.until("gone")
        await wait_for_async(lambda: client.ended, what="the stream is over")
        assert len(api.context.streams) == 1
        assert not other.ended


async def test_a_stream_ends_when_its_token_is_revoked(
    api: Api, people: dict[str, httpx.AsyncClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "TOKEN_RECHECK", 0.1)
    monkeypatch.setattr(events, "RECHECK", 0.1)
    async with listening(people["member"]) as client:
        api.tokens.models.clear()
        await client.until("gone")


async def test_a_hub_that_is_away_ends_no_stream(
    api: Api, cast: Cast, people: dict[str, httpx.AsyncClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def away(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        raise httpx.ConnectError("no")

    monkeypatch.setattr(events, "TOKEN_RECHECK", 0.05)
    monkeypatch.setattr(events, "RECHECK", 0.05)
    async with listening(people["member"]) as client:
        api.hub.answers["POST /primehub/tokens"] = away
        await wait_for_async(lambda: len(asked) >= 2, what="the hub is asked again")
        await api.context.database.write(_tell, "notebook", "one", group_id=cast.group.id)
        await client.until("change")
        assert not client.ended


async def test_a_hub_that_does_not_answer_keeps_no_stream_of_one_who_left(
    api: Api, cast: Cast, people: dict[str, httpx.AsyncClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cast.member.account is not None
    asked = asyncio.Event()

    async def never(_tokens: Collection[str]) -> None:
        asked.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(events, "TOKEN_RECHECK", 0.05)
    monkeypatch.setattr(events, "RECHECK", 0.05)
    monkeypatch.setattr(api.context.hub, "good_tokens", never)
    async with listening(people["member"]) as client:
        await asyncio.wait_for(asked.wait(), 5)
        update = AccountUpdate(version=cast.member.account.version, enabled=False)
        await api.context.database.write(accounts.update, cast.platform_admin, "ann", update)
        await client.until("gone")


async def test_a_log_is_carried_on_from_its_offset_until_its_notebook_ends(
    api: Api, cast: Cast, people: dict[str, httpx.AsyncClient], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "RIGHTS_OF_LOGS", 0.1)
    monkeypatch.setattr(stream, "LOG_POLL", 0.05)
    database = api.context.database
    notebook = await _notebook(api, cast)
    log = FolderLogStore(tmp_path / "blobs")
    log.append(notebook_key(notebook), "0123über".encode()[:6])  # cut in the middle of a letter
    async with listening(people["member"], f"/events?logs={notebook}:4") as client:
        log.append(notebook_key(notebook), "0123über".encode()[6:])
        await wait_for_async(lambda: _text(client) == "über", what="the rest of the log")
        await database.write(notebooks.abandon, notebook, "it is over")
        await wait_for_async(lambda: client.of("log")[-1]["ended"], what="the end of the log")
        assert client.of("log")[0]["offset"] == 4


async def test_nobody_follows_the_log_of_somebody_else(
    api: Api, cast: Cast, people: dict[str, httpx.AsyncClient], tmp_path: Path
) -> None:
    notebook = await _notebook(api, cast)
    FolderLogStore(tmp_path / "blobs").append(notebook_key(notebook), b"secret")
    for name in ("group_admin", "outsider"):
        async with listening(people[name], f"/events?logs={notebook}:0") as client:
            parts = await client.until("log")
            assert [(p["text"], p["ended"]) for p in parts] == [("", True)]


async def test_the_log_of_an_images_build_is_carried_until_it_is_made_and_the_next_build_has_its_own(
    api: Api, people: dict[str, httpx.AsyncClient], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "RIGHTS_OF_LOGS", 0.1)
    monkeypatch.setattr(stream, "LOG_POLL", 0.05)
    database, log = api.context.database, FolderLogStore(tmp_path / "blobs")
    image = await database.write(lambda uow: factories.image(uow, "science", phase="BUILDING").id)
    log.append(build_key(image, 1), b"collecting numpy\n")
    async with listening(people["platform_admin"], "/events?logs=build-science/1:0") as client:
        await wait_for_async(lambda: _text(client) == "collecting numpy\n", what="the log")
        assert await database.write(images.finish_build, image, 1, "/envs/science")
        await wait_for_async(lambda: client.of("log")[-1]["ended"], what="the end of the log")
        assert {part["id"] for part in client.of("log")} == {"build-science/1"}
    async with listening(people["platform_admin"], "/events?logs=build-science/2:0") as client:
        assert [(p["text"], p["ended"]) for p in await client.until("log")] == [("", True)]
    async with listening(people["member"], "/events?logs=build-science/1:0") as client:
        assert [(p["text"], p["ended"]) for p in await client.until("log")] == [("", True)]


async def test_a_jobs_log_begins_when_the_job_does_and_goes_on_with_the_next_attempt(
    api: Api, cast: Cast, people: dict[str, httpx.AsyncClient], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "RIGHTS_OF_LOGS", 0.1)
    monkeypatch.setattr(stream, "LOG_POLL", 0.05)
    database = api.context.database
    log = FolderLogStore(tmp_path / "blobs")
    await database.write(job_row, cast, attempts=0, phase=JobPhase.PENDING)
    async with listening(people["member"], f"/events?logs={JOB}:0") as client:
        await database.write(_attempt, 1, JobPhase.RUNNING)
        log.append(attempt_key(JOB, 1), b"one\n")
        await wait_for_async(lambda: _text(client) == "one\n", what="the first attempt's line")
        log.append(attempt_key(JOB, 1), b"two\n")
        await database.write(_end_attempt, 1)
        await database.write(_attempt, 2, JobPhase.RUNNING)
        log.append(attempt_key(JOB, 2), b"again\n")
        await wait_for_async(lambda: _text(client) == "one\ntwo\nagain\n", what="the second attempt's line")
        await database.write(_end_attempt, 2, JobPhase.SUCCEEDED)
        await wait_for_async(lambda: client.of("log")[-1]["ended"], what="the end of the log")
        assert [(part["attempt"], part["offset"]) for part in client.of("log")] == [(1, 0), (1, 4), (2, 0), (2, 6)]
    async with listening(people["member"], f"/events?logs={JOB}/1:4") as client:
        await wait_for_async(lambda: client.of("log") and client.of("log")[-1]["ended"], what="the end of the log")
        assert _text(client) == "two\n"


async def test_who_is_cut_off_again_and_again_in_a_jobs_log_misses_nothing_and_sees_nothing_twice(
    api: Api, cast: Cast, people: dict[str, httpx.AsyncClient], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "LOG_POLL", 0.05)
    await api.context.database.write(job_row, cast, phase=JobPhase.RUNNING)
    log = FolderLogStore(tmp_path / "blobs")
    seen, at, said = "", 0, ""
    for number in range(4):
        said += f"line {number} \u2603\n"
        log.append(attempt_key(JOB, 1), said.encode()[at:])
        async with listening(people["member"], f"/events?logs={JOB}/1:{at}") as client:
            rest = said[len(seen) :]
            await wait_for_async(lambda client=client, rest=rest: _text(client) == rest, what="what came since the cut")
            seen, at = seen + rest, client.of("log")[-1]["next"]
        assert at == len(said.encode())
    assert seen == said


async def test_a_job_that_is_cancelled_before_it_began_has_a_log_that_ends(
    api: Api, cast: Cast, people: dict[str, httpx.AsyncClient]
) -> None:
    await api.context.database.write(job_row, cast, attempts=0, phase=JobPhase.CANCELLED)
    async with listening(people["member"], f"/events?logs={JOB}:0") as client:
        assert [(part["text"], part["ended"]) for part in await client.until("log")] == [("", True)]


async def test_a_long_log_comes_at_once_also_after_the_end(
    api: Api, cast: Cast, people: dict[str, httpx.AsyncClient], tmp_path: Path
) -> None:
    await api.context.database.write(job_row, cast)
    FolderLogStore(tmp_path / "blobs").append(attempt_key(JOB, 1), b"0123456789abcde\n" * 200_000)
    async with listening(people["member"], f"/events?logs={JOB}:0") as client:
        await wait_for_async(lambda: client.of("log") and client.of("log")[-1]["ended"], what="the end of the log")
        assert len(_text(client)) == 3_200_000


async def test_a_part_of_a_character_waits_for_the_rest_of_it(
    api: Api, cast: Cast, people: dict[str, httpx.AsyncClient], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "LOG_POLL", 0.05)
    await api.context.database.write(job_row, cast, phase=JobPhase.RUNNING)
    log = FolderLogStore(tmp_path / "blobs")
    snowman = "\u2603".encode()
    log.append(attempt_key(JOB, 1), b"a" + snowman[:1])
    async with listening(people["member"], f"/events?logs={JOB}:0") as client:
        await wait_for_async(lambda: _text(client) == "a", what="what is whole")
        log.append(attempt_key(JOB, 1), snowman[1:2])
        log.append(attempt_key(JOB, 1), snowman[2:])
        await wait_for_async(lambda: _text(client) == "a\u2603", what="the character")


async def test_a_database_that_is_away_for_a_moment_ends_no_log(
    api: Api, cast: Cast, people: dict[str, httpx.AsyncClient], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "LOG_POLL", 0.05)
    monkeypatch.setattr(stream, "RIGHTS_OF_LOGS", 0.0)
    await api.context.database.write(job_row, cast, phase=JobPhase.RUNNING)
    log = FolderLogStore(tmp_path / "blobs")
    log.append(attempt_key(JOB, 1), b"before ")
    async with listening(people["member"], f"/events?logs={JOB}:0") as client:
        await wait_for_async(lambda: _text(client) == "before ", what="what there was")
        away = []
        look = Followed.look

        def fails_twice(followed: Followed, uow: UnitOfWork, model: Any) -> Any:
            if len(away) < 2:
                away.append(followed.id)
                msg = "The database does not answer."
                raise Unavailable(msg)
            return look(followed, uow, model)

        monkeypatch.setattr(Followed, "look", fails_twice)
        await wait_for_async(lambda: len(away) == 2, what="the database to be away")
        log.append(attempt_key(JOB, 1), b"after")
        await wait_for_async(lambda: _text(client) == "before after", what="what came later")
        assert not any(part["ended"] for part in client.of("log"))


async def test_nobody_else_follows_the_log_of_a_groups_job(
    api: Api, cast: Cast, people: dict[str, httpx.AsyncClient], tmp_path: Path
) -> None:
    await api.context.database.write(job_row, cast, phase=JobPhase.RUNNING)
    FolderLogStore(tmp_path / "blobs").append(attempt_key(JOB, 1), b"secret")
    for name, seen in (("outsider", ("", True)), ("group_admin", ("secret", False)), ("notebook", ("secret", False))):
        async with listening(people[name], f"/events?logs={JOB}:0") as client:
            assert [(p["text"], p["ended"]) for p in await client.until("log")] == [seen]


def _attempt(uow: UnitOfWork, number: int, phase: JobPhase) -> None:
    job = uow.session.get_one(JobRow, JOB)
    job.attempts, job.phase = number, phase.value
    attempt_row(uow, job, number, phase, ended=False)


def _end_attempt(uow: UnitOfWork, number: int, phase: JobPhase = JobPhase.PENDING) -> None:
    uow.session.get_one(JobRow, JOB).phase = phase.value
    uow.session.get_one(AttemptRow, f"{JOB}-{number}").ended_at = uow.now


async def test_too_many_logs_are_refused(people: dict[str, httpx.AsyncClient]) -> None:
    logs = ",".join(f"{i:032x}:0" for i in range(21))
    assert problem(await people["member"].get(f"/events?logs={logs}"))["errors"][0]["field"] == "logs"
    for nonsense in ("x", f"{JOB}", f"{JOB}/0:0", f"{JOB}/1/2:0", f"{JOB}:-1", "job-1-2:0"):
        assert problem(await people["member"].get(f"/events?logs={nonsense}"))["errors"][0]["field"] == "logs"


async def test_a_service_has_no_stream(people: dict[str, httpx.AsyncClient]) -> None:
    assert problem(await people["spawner"].get("/events"))["status"] == 403


async def test_a_client_that_goes_away_leaves_nothing_behind(api: Api, people: dict[str, httpx.AsyncClient]) -> None:
    async with listening(people["member"]):
        assert len(api.context.streams) == 1
    await wait_for_async(lambda: len(api.context.streams) == 0, what="the stream is forgotten")


async def test_who_falls_behind_is_told_to_load_everything_anew() -> None:
    subscription = Subscription()
    change = Change(seq=1, kind="x", id="x", action="x", group_id=None, account_id=None)
    subscription.put([change] * (QUEUE + 1))
    assert subscription.lagged
    assert subscription.take() == []


def _tell_after_a_trial(uow: UnitOfWork, kind: str, target: str) -> None:
    trial = uow.session.begin_nested()
    uow.changed(kind, "tried", "update")
    trial.rollback()
    _tell(uow, kind, target)


@pytest.mark.parametrize("tell", [_tell, _tell_after_a_trial])
async def test_a_feed_of_another_process_hears_of_commits(migrated_postgres: str, tell: Any) -> None:
    """PostgreSQL tells: without waiting for the next look."""
    from primehub_services.store.listening import Listener

    reader, writer = Database(migrated_postgres), Database(migrated_postgres)
    feed = ChangeFeed(reader, poll=60)
    await feed.start()
    listener = Listener(reader, feed.wake)
    listener.start()
    task = asyncio.create_task(feed.run())
    subscription = feed.subscribe()
    try:
        found: list[Change] = []

        async def heard() -> bool:
            await writer.write(tell, "notebook", "elsewhere")
            await subscription.wait(1)
            found.extend(subscription.take())
            return bool(found)

        await wait_for_async(heard, what="a change of the other process")
        assert {c.id for c in found} == {"elsewhere"}
    finally:
        task.cancel()
        listener.stop()
        reader.close()
        writer.close()


def _text(client: Listening) -> str:
    return "".join(part["text"] for part in client.of("log"))


async def _notebook(api: Api, cast: Cast) -> str:
    database = api.context.database
    await database.write(factories.instance_type)
    await database.write(factories.image)
    request = LaunchRequest(group="research", instance_type="cpu-1", image="base")
    return (await database.write(notebooks.start, cast.member, request, MachineCapacity())).id
