"""Groups: names, quotas, rights, two editors, and the end."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import ValidationError

from primehub_services.domain.groups import GroupCreate, GroupUpdate
from primehub_services.domain.identity import Actor, MembershipPut
from primehub_services.domain.names import is_slug
from primehub_services.domain.paging import PageQuery
from primehub_services.domain.permissions import Scope
from primehub_services.domain.pod_security import PodSecurity
from primehub_services.domain.problems import Conflict, Forbidden, Invalid, NotFound
from primehub_services.operations import actors, groups, members
from primehub_services.store.database import Database
from primehub_services.store.orm import AuditRow, InvitationRow, MembershipRow, NotebookRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support.factories import Cast
from tests.support.identity import SERVICES, audited, changes, expected, notebook, outcomes, rows, stop_requests

ALL = PageQuery(page_size=200)


def create(database: Database, cast: Cast, name: str, **fields: Any):
    return database.write_now(groups.create, cast.platform_admin, GroupCreate(name=name, **fields))


@pytest.mark.parametrize("name", ["data-science", "Data_Science", "Größe", "研究所", "हिन्दी", "x" * 63, "a.b"])
def test_a_group_of_any_name_gets_a_slug_and_is_found_by_both(database: Database, cast: Cast, name: str) -> None:
    made = create(database, cast, name)
    assert is_slug(made.slug)
    assert (made.name, made.display_name) == (name, name)
    for reference in (made.slug, name):
        assert database.read_now(groups.get, cast.platform_admin, reference) == made


def test_names_that_normalize_alike_get_different_slugs(database: Database, cast: Cast) -> None:
    slugs = [create(database, cast, name).slug for name in ("data-lab", "Data-Lab", "data_lab", "DATA.LAB")]
    assert len(set(slugs)) == 4


def test_a_name_is_found_in_either_unicode_form(database: Database, cast: Cast) -> None:
    made = create(database, cast, "Gro\u0308ße")
    assert made.name == "Gr\u00f6ße"
    assert database.read_now(groups.get, cast.platform_admin, "Gro\u0308ße").id == made.id


def test_a_taken_name_is_refused_by_its_field(database: Database, cast: Cast) -> None:
    with pytest.raises(Invalid) as refused:
        create(database, cast, "research")
    assert refused.value.errors[0].field == "name"


def test_a_name_that_is_another_groups_slug_is_refused(database: Database, cast: Cast) -> None:
    slug = create(database, cast, "Research_Lab").slug
    with pytest.raises(Invalid, match="identifier"):
        create(database, cast, slug)


def test_a_deleted_groups_name_may_be_used_again_but_never_its_slug(database: Database, cast: Cast) -> None:
    database.write_now(groups.delete, cast.platform_admin, "research")
    again = create(database, cast, "research")
    assert again.name == "research"
    assert again.slug != "research"
    assert database.read_now(groups.get, cast.platform_admin, "research").id == again.id


def test_the_defaults_are_the_original_products(database: Database, cast: Cast) -> None:
    shown = create(database, cast, "plain").model_dump(mode="json")
    assert shown["user_quota"] == {"cpu": 0.5, "memory": None, "gpu": 0}
    assert shown["group_quota"] == {"cpu": None, "memory": None, "gpu": None}
    assert (shown["shared_volume"], shown["launch_group_only"]) == (True, True)


def test_fractions_of_cores_and_bytes_beyond_32_bits_are_kept(database: Database, cast: Cast) -> None:
    quota = {"cpu": "1.25", "memory": "4096Gi", "gpu": 3}
    made = create(database, cast, "big", user_quota=quota, group_quota=quota)
    read = database.read_now(groups.get, cast.platform_admin, "big")
    assert read == made
    assert read.model_dump(mode="json")["group_quota"] == {"cpu": 1.25, "memory": "4096Gi", "gpu": 3}


def test_an_update_changes_what_it_names_and_null_means_no_limit(database: Database, cast: Cast) -> None:
    made = create(database, cast, "lab", shared_volume_capacity=5, job_timeout=60, description="old")
    update = GroupUpdate(version=made.version, job_timeout=None, display_name="The lab")
    changed = database.write_now(groups.update, cast.platform_admin, "lab", update)
    assert (changed.job_timeout, changed.display_name) == (None, "The lab")
    assert (changed.shared_volume_capacity, changed.description) == (5, "old")
    assert changed.version > made.version


def test_an_update_that_changes_nothing_tells_nobody(database: Database, cast: Cast) -> None:
    made = create(database, cast, "lab")
    before = changes(database)
    same = database.write_now(
        groups.update, cast.platform_admin, "lab", GroupUpdate(version=made.version, description="")
    )
    assert same == made
    assert changes(database) == before


def test_a_null_where_none_can_be_is_refused_by_its_field(database: Database, cast: Cast) -> None:
    made = create(database, cast, "lab")
    with pytest.raises(Invalid) as refused:
        database.write_now(
            groups.update, cast.platform_admin, "lab", GroupUpdate(version=made.version, shared_volume=None)
        )
    assert refused.value.errors[0].field == "shared_volume"


def test_the_merged_quotas_are_checked(database: Database, cast: Cast) -> None:
    made = create(database, cast, "lab", user_quota={"cpu": 2}, group_quota={"cpu": 4})
    update = GroupUpdate(version=made.version, group_quota={"cpu": 1})
    with pytest.raises(Invalid) as refused:
        database.write_now(groups.update, cast.platform_admin, "lab", update)
    assert refused.value.errors[0].field == "user_quota.cpu"
    assert database.read_now(groups.get, cast.platform_admin, "lab") == made


def test_the_second_of_two_editors_is_told_and_shown_the_row(database: Database, cast: Cast) -> None:
    made = create(database, cast, "lab")
    database.write_now(
        groups.update, cast.platform_admin, "lab", GroupUpdate(version=made.version, description="first")
    )
    with pytest.raises(Conflict) as refused:
        database.write_now(
            groups.update, cast.platform_admin, "lab", GroupUpdate(version=made.version, description="second")
        )
    assert refused.value.extra["current"]["description"] == "first"


def test_group_admins_set_the_job_timeout_and_nothing_else(database: Database, cast: Cast) -> None:
    version = database.read_now(groups.get, cast.member, "research").version
    allowed = expected("forbidden", group_admin="ok", platform_admin="ok", outsider="not-found")
    allowed |= dict.fromkeys(SERVICES, "not-found")
    timeout = GroupUpdate(version=version, job_timeout=5)
    assert outcomes(database, cast, groups.update, "research", timeout) == allowed
    both = GroupUpdate(version=version, job_timeout=5, description="mine")
    assert outcomes(database, cast, groups.update, "research", both) == allowed | {"group_admin": "forbidden"}


def test_a_group_admin_who_asks_for_more_is_told_by_field_what_is_not_theirs(database: Database, cast: Cast) -> None:
    version = database.read_now(groups.get, cast.member, "research").version
    more = GroupUpdate(version=version, job_timeout=5, pod_security=PodSecurity.BASELINE)
    with pytest.raises(Forbidden, match="Only a platform admin may change pod_security") as refused:
        database.write_now(groups.update, cast.group_admin, "research", more)
    assert [(error.field, error.fix) for error in refused.value.errors] == [("pod_security", "leave it out")]
    now = database.read_now(groups.get, cast.member, "research")
    assert (now.pod_security, now.job_timeout) == (PodSecurity.RESTRICTED, None)


def test_what_a_groups_pods_may_do_is_a_platform_admins_to_say_and_is_written_down(
    database: Database, cast: Cast
) -> None:
    assert create(database, cast, "open", pod_security=PodSecurity.BASELINE).pod_security is PodSecurity.BASELINE
    made = create(database, cast, "lab")
    assert made.pod_security is PodSecurity.RESTRICTED
    change = GroupUpdate(version=made.version, pod_security=PodSecurity.BASELINE)
    changed = database.write_now(groups.update, cast.platform_admin, "lab", change)
    assert changed.pod_security is PodSecurity.BASELINE
    [detail] = [row.details for row in rows(database, sa.select(AuditRow).where(AuditRow.action == "group.update"))]
    assert detail["changes"] == {"pod_security": {"from": "restricted", "to": "baseline"}}
    nothing = GroupUpdate(version=changed.version, pod_security=None)
    with pytest.raises(Invalid) as refused:
        database.write_now(groups.update, cast.platform_admin, "lab", nothing)
    assert refused.value.errors[0].field == "pod_security"
    with pytest.raises(ValidationError):
        GroupUpdate.model_validate({"version": 1, "pod_security": "privileged"})


def test_who_sees_a_group(database: Database, cast: Cast) -> None:
    hidden = dict.fromkeys(("outsider", *SERVICES), "not-found")
    assert outcomes(database, cast, groups.get, "research") == expected("ok", **hidden)


@pytest.mark.parametrize("reference", ["", "re\0search", "x" * 300, "%", "../research"])
def test_a_reference_that_cannot_be_one_is_not_found(database: Database, cast: Cast, reference: str) -> None:
    with pytest.raises(NotFound):
        database.read_now(groups.get, cast.platform_admin, reference)


def test_a_text_with_a_nul_is_refused_by_its_field() -> None:
    with pytest.raises(ValidationError) as refused:
        GroupCreate(name="lab", description="a\0b")
    assert refused.value.errors()[0]["loc"] == ("description",)


def test_what_is_hidden_and_what_does_not_exist_read_the_same(database: Database, cast: Cast) -> None:
    with pytest.raises(NotFound) as hidden:
        database.read_now(groups.get, cast.outsider, "research")
    with pytest.raises(NotFound) as missing:
        database.read_now(groups.get, cast.outsider, "missing")
    assert hidden.value.detail.replace("research", "missing") == missing.value.detail


def test_who_makes_and_deletes_groups(database: Database, cast: Cast) -> None:
    nobody = expected("forbidden", platform_admin="ok")
    assert outcomes(database, cast, groups.create, GroupCreate(name="new")) == nobody
    hidden = dict.fromkeys(("outsider", *SERVICES), "not-found")
    assert outcomes(database, cast, groups.delete, "research") == nobody | hidden


def test_the_list_is_of_ones_own_groups(database: Database, cast: Cast) -> None:
    def names(actor, **kwargs):
        return [group.name for group in database.read_now(groups.list_, actor, ALL, **kwargs).items]

    assert names(cast.member) == ["research"]
    assert names(cast.notebook) == ["research"]
    assert names(cast.outsider) == ["other"]
    assert names(cast.platform_admin) == []
    assert names(cast.platform_admin, all=True) == ["other", "research"]
    assert outcomes(database, cast, groups.list_, ALL, all=True) == expected("forbidden", platform_admin="ok")


def test_a_token_without_the_admin_scope_does_not_list_everything(database: Database, cast: Cast) -> None:
    weak = Actor(account=cast.platform_admin.account, scopes=frozenset({Scope.READ, Scope.WRITE}))
    with pytest.raises(Forbidden, match="scope"):
        database.read_now(groups.list_, weak, ALL, all=True)


def test_search_sort_and_pages(database: Database, cast: Cast) -> None:
    for name in ("lab-c", "lab-a", "lab-b", "50p"):
        create(database, cast, name)

    def found(**query: Any):
        return database.read_now(groups.list_, cast.platform_admin, PageQuery(**query), all=True)

    assert [group.name for group in found(search="LAB", sort="-name").items] == ["lab-c", "lab-b", "lab-a"]
    second = found(search="lab", page=2, page_size=2)
    assert ([group.name for group in second.items], second.total) == (["lab-c"], 3)
    assert found(search="%").total == 0
    with pytest.raises(Invalid, match="sort"):
        found(sort="password")


def test_deleting_a_group_puts_its_people_out_and_stops_its_notebooks(database: Database, cast: Cast) -> None:
    assert cast.member.account
    ann = cast.member.account.id

    def run(uow):
        inside = notebook(uow, ann, cast.group).id
        outside = notebook(uow, ann, cast.other_group, server_name="b").id
        ended = notebook(uow, ann, cast.group, phase="STOPPED").id
        return inside, outside, ended

    inside, outside, ended = database.write_now(run)
    database.write_now(groups.delete, cast.platform_admin, "research")

    assert stop_requests(database) == {inside: "the group was deleted", outside: None, ended: None}
    left = database.read_now(lambda uow: uow.session.scalars(sa.select(MembershipRow.group_id)).all())
    assert set(left) == {cast.other_group.id}
    assert database.read_now(actors.person, "ann").roles == {}
    assert ("membership", "delete", cast.group.id, ann) in changes(database)
    assert ("group", "delete", cast.group.id, None) in changes(database)
    assert audited(database) == [("root", "group.delete", "research")]
    with pytest.raises(NotFound):
        database.read_now(groups.get, cast.platform_admin, "research")


def test_deleting_a_group_reads_the_notebooks_of_its_people_alone(database: Database, cast: Cast) -> None:
    def run(uow: UnitOfWork) -> tuple[set[str], set[str]]:
        shared = {"mounts": [{"kind": "project", "slug": cast.group.slug}]}
        ann, olga = cast.member.account.id, cast.outsider.account.id
        elsewhere = notebook(uow, ann, cast.other_group, plan=shared).id
        # of somebody whose membership ended while it was being stopped
        left = notebook(uow, olga, cast.group, server_name="a").id
        strange = {notebook(uow, olga, cast.other_group, server_name=f"s{number}").id for number in range(20)}
        return {elsewhere, left}, strange

    touched, strange = database.write_now(run)
    read: list[str] = []

    def loaded(row: NotebookRow, _context: object) -> None:
        read.append(row.id)

    sa.event.listen(NotebookRow, "load", loaded)
    try:
        database.write_now(groups.delete, cast.platform_admin, "research")
    finally:
        sa.event.remove(NotebookRow, "load", loaded)

    assert set(read) == touched
    requests = stop_requests(database)
    assert {start_id for start_id, reason in requests.items() if reason} == touched
    assert strange <= requests.keys()


def test_nobody_joins_a_deleted_group(database: Database, cast: Cast) -> None:
    database.write_now(groups.delete, cast.platform_admin, "research")
    with pytest.raises(NotFound):
        database.write_now(members.put, cast.platform_admin, "research", "olga", MembershipPut())
    assert rows(database, sa.select(InvitationRow)) == []


def test_what_a_group_would_take_with_it_is_counted(database: Database, cast: Cast) -> None:
    assert cast.member.account is not None
    account_id = cast.member.account.id
    database.write_now(lambda uow: notebook(uow, account_id, cast.group).id)

    losses = database.read_now(groups.losses, cast.platform_admin, "research")

    assert (losses.people, losses.notebooks, losses.jobs, losses.schedules) == (2, 1, 0, 0)
    assert losses.shared_volume
    assert outcomes(database, cast, groups.losses, "research") == expected(
        "forbidden", platform_admin="ok", outsider="not-found"
    ) | dict.fromkeys(SERVICES, "not-found")
