"""The first start: what an empty platform is given, once, whole or not at all."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from primehub_services.domain.bootstrap import MachineFacts, first_things
from primehub_services.domain.identity import Role
from primehub_services.domain.images import EnvironmentSource, ImagePhase
from primehub_services.domain.paging import PageQuery
from primehub_services.domain.units import GIB, MIB
from primehub_services.operations import bootstrap, groups, instance_types, members
from primehub_services.store import images as image_store
from primehub_services.store import instance_types as instance_type_store
from primehub_services.store.database import Database
from primehub_services.store.orm import AccountRow, GroupRow, InstanceTypeRow, MembershipRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories

SMALL = MachineFacts(cpu=2000, memory=24 * GIB)
BASE = EnvironmentSource(packages=("jupyterlab>=4.6,<5",))


def _start(uow: UnitOfWork, admin: str | None = "root") -> bool:
    return bootstrap.first_start(uow, SMALL, image=BASE, admin=admin)


def _admin(uow: UnitOfWork) -> None:
    factories.account(uow, "root", platform_admin=True)


def test_the_first_start_gives_something_to_use(database: Database) -> None:
    database.write_now(_admin)
    assert database.write_now(_start)

    def look(uow: UnitOfWork) -> None:
        row = uow.session.scalars(sa.select(GroupRow)).one()
        person = factories.actor(uow, uow.session.scalars(sa.select(AccountRow)).one())
        assert person.roles == {row.id: Role.ADMIN}
        names = [t.name for t in instance_type_store.for_groups(uow, frozenset({row.id}))]
        assert names == ["cpu-1", "cpu-2", "cpu-small"]
        (image,) = image_store.for_groups(uow, frozenset({row.id}))
        assert (image.slug, image.phase, image.source) == ("base", ImagePhase.PENDING, BASE)
        assert [build.slug for build in image_store.pending_builds(uow)] == ["base"]
        group = groups.get(uow, person, "research")
        assert (group.user_quota.cpu, group.group_quota.cpu, group.group_quota.memory) == (2000, 2000, 24 * GIB)

    database.read_now(look)


def test_a_second_start_does_nothing(database: Database) -> None:
    database.write_now(_admin)
    assert database.write_now(_start)
    assert not database.write_now(_start)
    count = database.read_now(lambda uow: uow.session.scalar(sa.select(sa.func.count()).select_from(InstanceTypeRow)))
    assert count == 3


def test_it_does_nothing_where_everything_was_deleted(database: Database) -> None:
    def used(uow: UnitOfWork) -> None:
        factories.group(uow, "gone", deleted_at=uow.now)

    database.write_now(used)
    assert not database.write_now(lambda uow: _start(uow, None))


def test_a_failure_half_way_leaves_nothing_and_the_next_start_does_all(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.write_now(_admin)

    def crash(*_args: object, **_kwargs: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(members, "put", crash)
        with pytest.raises(KeyboardInterrupt):
            database.write_now(_start)
    assert database.read_now(lambda uow: uow.session.scalars(sa.select(GroupRow)).all()) == []
    assert database.write_now(_start)
    assert len(database.read_now(lambda uow: uow.session.scalars(sa.select(MembershipRow)).all())) == 1


def test_without_a_local_administrator_the_group_is_empty(database: Database) -> None:
    assert database.write_now(lambda uow: _start(uow, None))
    assert database.read_now(lambda uow: uow.session.scalars(sa.select(MembershipRow)).all()) == []


def test_gpu_types_come_only_with_gpus() -> None:
    without = first_things(MachineFacts(cpu=32_000, memory=256 * GIB), BASE)
    assert not any(t.gpu_limit for t in without.instance_types)
    one = first_things(MachineFacts(cpu=32_000, memory=256 * GIB, gpu=1), BASE)
    assert [t.name for t in one.instance_types if t.gpu_limit] == ["gpu-1"]
    small = first_things(MachineFacts(cpu=1000, memory=4 * GIB, gpu=1), BASE)
    assert [(t.name, t.cpu_limit) for t in small.instance_types if t.gpu_limit] == [("gpu-1", 1000)]


@given(cpu=st.integers(1, 512_000), memory=st.integers(MIB, 8192 * GIB), gpu=st.integers(0, 16))
def test_every_type_fits_the_machine_and_one_person_can_start_each(cpu: int, memory: int, gpu: int) -> None:
    things = first_things(MachineFacts(cpu=cpu, memory=memory, gpu=gpu), BASE)
    assert things.instance_types
    quota = things.group.user_quota
    for kind in things.instance_types:
        assert kind.cpu_limit <= cpu
        assert kind.memory_limit <= memory
        assert kind.gpu_limit <= gpu
        assert kind.cpu_limit <= (quota.cpu or 0)
        assert kind.memory_limit <= (quota.memory or 0)
        assert kind.gpu_limit <= (quota.gpu or 0)


def test_the_list_of_instance_types_is_what_was_made(database: Database) -> None:
    database.write_now(_admin)
    database.write_now(_start)

    def listed(uow: UnitOfWork) -> list[str]:
        admin = factories.actor(uow, uow.session.scalars(sa.select(AccountRow)).one())
        return [t.name for t in instance_types.list_(uow, admin, PageQuery(sort="-cpu_limit")).items]

    assert database.read_now(listed) == ["cpu-2", "cpu-1", "cpu-small"]
