"""Who is in a group, by which origin, and what follows when a membership ends."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from primehub_services.domain.identity import MembershipPut, Origin, Role
from primehub_services.domain.paging import PageQuery
from primehub_services.domain.problems import Conflict, NotFound
from primehub_services.domain.system import InvitationCreate
from primehub_services.operations import groups, invitations, members
from primehub_services.operations.actors import person
from primehub_services.store.database import Database
from primehub_services.store.orm import AccountRow, GroupVolumeRow, InvitationRow, VolumeRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories
from tests.support.factories import Cast
from tests.support.identity import SERVICES, audited, changes, expected, notebook, outcomes, rows, stop_requests

ALL = PageQuery(page_size=200)
MEMBER, ADMIN = MembershipPut(), MembershipPut(role=Role.ADMIN)
HIDDEN = dict.fromkeys(("outsider", *SERVICES), "not-found")
EDITORS = expected("forbidden", group_admin="ok", platform_admin="ok") | HIDDEN


def by_provider(database: Database, cast: Cast, name: str, role: Role = Role.MEMBER) -> None:
    def join(uow: UnitOfWork) -> None:
        account = uow.session.scalars(sa.select(AccountRow).filter_by(name=name)).one()
        factories.membership(uow, account, cast.group, role, Origin.PROVIDER)

    database.write_now(join)


def test_members_read_the_list_and_outsiders_do_not_learn_of_it(database: Database, cast: Cast) -> None:
    by_provider(database, cast, "ann", Role.ADMIN)
    page = database.read_now(members.list_, cast.member, "research", ALL)
    assert [(item.user, item.display_name, item.role, item.origins) for item in page.items] == [
        ("ann", "Ann", Role.ADMIN, (Origin.LOCAL, Origin.PROVIDER)),
        ("gil", "Gil", Role.ADMIN, (Origin.LOCAL,)),
    ]
    assert page.total == 2
    assert outcomes(database, cast, members.list_, "research", ALL) == expected("ok", notebook="forbidden") | HIDDEN


def test_the_list_is_searched_and_paged_by_person(database: Database, cast: Cast) -> None:
    by_provider(database, cast, "ann")
    query = PageQuery(page=2, page_size=1, sort="-user")
    page = database.read_now(members.list_, cast.member, "research", query)
    assert ([item.user for item in page.items], page.total) == (["ann"], 2)
    found = database.read_now(members.list_, cast.member, "research", PageQuery(search="GI"))
    assert [item.user for item in found.items] == ["gil"]


def test_who_takes_people_in_and_out(database: Database, cast: Cast) -> None:
    assert outcomes(database, cast, members.put, "research", "olga", MEMBER) == EDITORS
    assert outcomes(database, cast, members.delete, "research", "ann") == EDITORS


def test_a_person_is_taken_in_and_sees_the_group(database: Database, cast: Cast) -> None:
    put = database.write_now(members.put, cast.group_admin, "research", "olga", ADMIN)
    assert (put.user, put.group, put.role, put.origins) == ("olga", "research", Role.ADMIN, (Origin.LOCAL,))
    olga = database.read_now(person, "olga")
    assert database.read_now(groups.get, olga, "research").slug == "research"
    assert changes(database) == [("membership", "create", cast.group.id, cast.outsider.account.id)]
    assert audited(database) == [("gil", "membership.create", "olga")]


def test_a_role_is_changed_and_saying_it_again_changes_nothing(database: Database, cast: Cast) -> None:
    for _ in range(2):
        assert database.write_now(members.put, cast.group_admin, "research", "ann", ADMIN).role is Role.ADMIN
    assert [action for _, action, _ in audited(database)] == ["membership.update"]


def test_an_unknown_person_is_named(database: Database, cast: Cast) -> None:
    with pytest.raises(NotFound, match="nobody"):
        database.write_now(members.put, cast.group_admin, "research", "nobody", MEMBER)
    with pytest.raises(NotFound, match="olga"):
        database.write_now(members.delete, cast.group_admin, "research", "olga")


def test_leaving_stops_the_persons_notebooks_in_that_group_at_once(database: Database, cast: Cast) -> None:
    def run(uow: UnitOfWork) -> list[str]:
        return [
            notebook(uow, cast.member.account.id, cast.group).id,
            notebook(uow, cast.member.account.id, cast.other_group, server_name="b").id,
            notebook(uow, cast.group_admin.account.id, cast.group).id,
        ]

    mine, elsewhere, others = database.write_now(run)
    database.write_now(members.delete, cast.group_admin, "research", "ann")
    assert stop_requests(database) == {mine: "left the group", elsewhere: None, others: None}
    assert database.read_now(person, "ann").roles == {}
    assert changes(database) == [
        ("notebook", "update", cast.group.id, cast.member.account.id),
        ("membership", "delete", cast.group.id, cast.member.account.id),
    ]
    assert audited(database) == [("gil", "membership.delete", "ann")]


def test_leaving_stops_what_was_started_elsewhere_with_the_groups_folders(database: Database, cast: Cast) -> None:
    ann = cast.member.account.id

    def run(uow: UnitOfWork) -> list[str]:
        for slug, holders in (("only-here", [cast.group]), ("both", [cast.group, cast.other_group])):
            volume = VolumeRow(
                name=slug, slug=slug, source={}, all_groups=False, launch_group_only=False, created_at=uow.now
            )
            uow.session.add(volume)
            uow.session.flush()
            uow.session.add_all(GroupVolumeRow(group_id=g.id, volume_id=volume.id, writable=True) for g in holders)
        mounts = [
            [{"kind": "project", "slug": "research"}],
            [{"kind": "dataset", "slug": "only-here"}],
            [{"kind": "dataset", "slug": "both"}],
            [{"kind": "project", "slug": "other"}, {"kind": "home", "slug": "research"}],
        ]
        return [
            notebook(uow, ann, cast.other_group, server_name=f"s{i}", plan={"mounts": m}).id
            for i, m in enumerate(mounts)
        ]

    ids = database.write_now(run)
    database.write_now(members.delete, cast.platform_admin, "research", "ann")
    asked = stop_requests(database)
    assert [asked[i] is not None for i in ids] == [True, True, False, False]


def test_a_providers_membership_cannot_be_ended_here(database: Database, cast: Cast) -> None:
    by_provider(database, cast, "olga")
    with pytest.raises(Conflict, match="identity provider"):
        database.write_now(members.delete, cast.group_admin, "research", "olga")


def test_who_is_in_by_both_stays_by_the_provider(database: Database, cast: Cast) -> None:
    by_provider(database, cast, "ann")
    running = database.write_now(lambda uow: notebook(uow, cast.member.account.id, cast.group).id)
    database.write_now(members.delete, cast.group_admin, "research", "ann")
    left = database.read_now(members.list_, cast.group_admin, "research", ALL).items
    assert [item.origins for item in left if item.user == "ann"] == [(Origin.PROVIDER,)]
    assert stop_requests(database) == {running: None}


def test_a_providers_admin_cannot_be_made_less_here(database: Database, cast: Cast) -> None:
    by_provider(database, cast, "olga", Role.ADMIN)
    with pytest.raises(Conflict, match="identity provider"):
        database.write_now(members.put, cast.group_admin, "research", "olga", MEMBER)


@pytest.mark.parametrize("how", ["taken out", "made a member"])
def test_links_die_with_the_right_to_make_them(database: Database, cast: Cast, how: str) -> None:
    database.write_now(invitations.create, cast.group_admin, InvitationCreate(group="research"))
    if how == "taken out":
        database.write_now(members.delete, cast.platform_admin, "research", "gil")
    else:
        database.write_now(members.put, cast.platform_admin, "research", "gil", MEMBER)
    assert rows(database, sa.select(InvitationRow)) == []
