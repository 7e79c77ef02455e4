"""Two who make or change the same thing at once: one does, the other is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from primehub_services.domain.identity import Actor
from primehub_services.domain.images import ImageCreate
from primehub_services.domain.instance_types import InstanceTypeCreate, InstanceTypeUpdate
from primehub_services.domain.problems import Conflict, Invalid
from primehub_services.domain.secrets import SecretCreate
from primehub_services.domain.system import SystemSettingsUpdate
from primehub_services.operations import groups, images, instance_types, secrets, system
from primehub_services.store.crypto import Keyring
from primehub_services.store.database import Database
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support.clock import FixedClock
from tests.support.factories import Cast
from tests.support.waiting import wait_for

Task = Callable[[Database], object]


@pytest.fixture
def replica(database_url: str, clock: FixedClock) -> Iterator[Database]:
    """The same store, opened as another process would."""
    opened = Database(database_url, clock=clock)
    yield opened
    opened.close()


def _race(databases: tuple[Database, Database], task: Task) -> list[str]:
    """Run the task in both at once, several times over; what came of each."""
    barrier = threading.Barrier(2)
    results: list[str] = []

    def run(database: Database) -> None:
        barrier.wait(10)
        try:
            task(database)
            results.append("done")
        except Conflict:
            results.append("conflict")
        except Exception as error:
            results.append(repr(error))

    threads = [threading.Thread(target=run, args=(database,)) for database in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return sorted(results)


def _write(operation: Callable[..., object], *arguments: object) -> Task:
    return lambda database: database.write_now(operation, *arguments)


def _spec(name: str) -> InstanceTypeCreate:
    return InstanceTypeCreate.model_validate({"name": name, "cpu_limit": 1, "memory_limit": "1Gi"})


def test_a_name_is_given_once(database: Database, replica: Database, cast: Cast) -> None:
    for attempt in range(5):
        spec = _spec(f"cpu-{attempt}")
        results = _race((database, replica), _write(instance_types.create, cast.platform_admin, spec))
        assert results == ["conflict", "done"]


def test_of_two_changes_from_one_version_one_is_refused(database: Database, replica: Database, cast: Cast) -> None:
    made = database.write_now(instance_types.create, cast.platform_admin, _spec("cpu"))
    for _ in range(5):
        change = InstanceTypeUpdate(version=made.version, groups=("research",), all_groups=False)
        results = _race(
            (database, replica),
            _write(instance_types.update, cast.platform_admin, "cpu", change),
        )
        assert results == ["conflict", "done"]
        after = database.read_now(instance_types.get, cast.platform_admin, "cpu")
        assert after.version == made.version + 1
        made = after


def test_settings_that_two_change_at_once_lose_neither_silently(
    database: Database, replica: Database, cast: Cast
) -> None:
    for version in range(5):
        change = SystemSettingsUpdate(version=version, name=f"Lab {version}")
        results = _race((database, replica), _write(system.update, cast.platform_admin, change))
        assert results == ["conflict", "done"]


ENVIRONMENT = ImageCreate.model_validate(
    {"name": "own", "group": "research", "source": {"type": "environment", "packages": ["numpy"]}}
)
SECRET = SecretCreate.model_validate({"name": "own", "group": "research", "kind": "env", "value": "x"})


def _image(uow: UnitOfWork, actor: Actor, _keyring: Keyring) -> object:
    return images.create(uow, actor, ENVIRONMENT, accepts=("environment",))


def _secret(uow: UnitOfWork, actor: Actor, keyring: Keyring) -> object:
    return secrets.create(uow, actor, SECRET, keyring=keyring)


@pytest.mark.parametrize("make", [_image, _secret])
@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_nothing_is_made_for_a_group_while_it_is_deleted(
    database: Database, replica: Database, cast: Cast, tmp_path: Path, make: Callable[..., object]
) -> None:
    keyring = Keyring.load_or_create(tmp_path / "encryption.key")
    with ThreadPoolExecutor(1) as other:

        def delete(uow: UnitOfWork) -> Future[object]:
            groups.delete(uow, cast.platform_admin, "research")
            made = other.submit(replica.write_now, make, cast.group_admin, keyring)
            wait_for(lambda: made.done() or _waits(replica), what="the other to be done, or to wait for this one")
            return made

        made = database.write_now(delete)
        with pytest.raises(Invalid, match=r"^group: "):
            made.result(30)


def _waits(database: Database) -> bool:
    """Whether some transaction waits for another."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return bool(database.read_now(lambda uow: uow.session.scalar(sa.text(waiting))))
