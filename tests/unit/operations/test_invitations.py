"""Links: who makes them, what they show, and that they work once."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa

from primehub_services.domain.handshake import (
    InvitationJoin,
    InvitationRedeem,
    PasswordSignIn,
    ProviderSignIn,
    TokenInspection,
)
from primehub_services.domain.identity import AccountUpdate, Actor, MembershipPut, Role
from primehub_services.domain.paging import PageQuery
from primehub_services.domain.problems import Conflict, Forbidden, Invalid, NotFound
from primehub_services.domain.system import InvitationCreate, InvitationCreated, SystemSettings
from primehub_services.operations import accounts, groups, invitations, members
from primehub_services.operations import sign_in as sign_in_module
from primehub_services.operations.actors import person
from primehub_services.operations.sign_in import SignIn, SignInPolicy
from primehub_services.store.database import Database
from primehub_services.store.orm import AccountRow, InvitationRow, SettingRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories
from tests.support.clock import FixedClock
from tests.support.factories import Cast
from tests.support.identity import (
    PASSWORD,
    SERVICES,
    account_row,
    audited,
    changes,
    cheap_passwords,
    expected,
    outcome,
    outcomes,
    rows,
)

JOIN = InvitationCreate(group="research")
HIDDEN = dict.fromkeys(("outsider", *SERVICES), "not-found")


@pytest.fixture
def sign_in(database: Database) -> Iterator[SignIn]:
    made = SignIn(database, SignInPolicy(), cheap_passwords())
    yield made
    made.close()


def invite(database: Database, actor: Actor, **fields: Any) -> InvitationCreated:
    return database.write_now(invitations.create, actor, InvitationCreate(**fields))


def redemption(token: Any, username: str = "", password: str = PASSWORD) -> InvitationRedeem:
    text = token if isinstance(token, str) else token.get_secret_value()
    return InvitationRedeem.model_validate({"token": text, "username": username, "password": password})


def let_members_invite(database: Database) -> None:
    value = SystemSettings(members_may_invite=True).model_dump(mode="json", exclude={"version"})
    database.write_now(lambda uow: uow.session.add(SettingRow(key="system", value=value)))


def test_group_admins_invite_and_members_only_where_the_settings_say_so(database: Database, cast: Cast) -> None:
    admins = expected("forbidden", group_admin="ok", platform_admin="ok") | HIDDEN
    assert outcomes(database, cast, invitations.create, JOIN) == admins
    let_members_invite(database)
    assert outcomes(database, cast, invitations.create, JOIN) == admins | {"member": "ok"}
    as_admin = InvitationCreate(group="research", role=Role.ADMIN)
    assert outcomes(database, cast, invitations.create, as_admin) == admins


def test_only_platform_admins_make_links_to_accounts(database: Database, cast: Cast) -> None:
    to_ann = InvitationCreate(user="ann")
    assert outcomes(database, cast, invitations.create, to_ann) == expected("forbidden", platform_admin="ok")


@pytest.mark.parametrize("fields", [{}, {"group": "research", "user": "ann"}])
def test_a_link_is_for_a_group_or_for_an_account(database: Database, cast: Cast, fields: dict[str, str]) -> None:
    with pytest.raises(Invalid, match="either group or user"):
        invite(database, cast.platform_admin, **fields)


def test_a_link_to_nobody_or_to_a_providers_person_is_refused(database: Database, cast: Cast) -> None:
    database.write_now(lambda uow: factories.account(uow, "pat", issuer="https://idp", subject="1"))
    for user in ("nobody", "pat"):
        with pytest.raises(Invalid) as refused:
            invite(database, cast.platform_admin, user=user)
        assert refused.value.errors[0].field == "user"


def test_the_token_is_kept_as_a_digest_and_in_no_log(database: Database, cast: Cast) -> None:
    made = invite(database, cast.group_admin, group="research")
    token = made.token.get_secret_value()
    [row] = rows(database, sa.select(InvitationRow))
    assert row.token_digest == hashlib.sha256(token.encode()).hexdigest()
    assert audited(database) == [("gil", "invitation.create", made.id)]
    assert changes(database) == [("invitation", "create", cast.group.id, None)]
    assert token not in repr(made)


def test_who_lists_and_revokes_which_links(database: Database, cast: Cast) -> None:
    let_members_invite(database)
    by_admin = invite(database, cast.group_admin, group="research")
    by_member = invite(database, cast.member, group="research")
    elsewhere = invite(database, cast.outsider, group="other")
    to_account = invite(database, cast.platform_admin, user="ann")

    def listed(actor: Actor, **kwargs: Any) -> set[str]:
        return {item.id for item in database.read_now(invitations.list_, actor, PageQuery(), **kwargs).items}

    assert listed(cast.platform_admin) == {by_admin.id, by_member.id, elsewhere.id, to_account.id}
    assert listed(cast.platform_admin, group="other") == {elsewhere.id}
    assert listed(cast.group_admin) == listed(cast.group_admin, group="research") == {by_admin.id, by_member.id}
    assert listed(cast.member) == {by_member.id}
    assert listed(cast.outsider) == {elsewhere.id}
    assert listed(cast.notebook) == set()
    assert outcome(database, invitations.list_, cast.member, PageQuery(), group="research") == "forbidden"
    assert outcome(database, invitations.list_, cast.outsider, PageQuery(), group="research") == "not-found"
    assert outcome(database, invitations.list_, cast.spawner, PageQuery()) == "forbidden"

    may = expected("not-found", platform_admin="ok", group_admin="ok") | {name: "forbidden" for name in SERVICES}
    assert outcomes(database, cast, invitations.revoke, by_admin.id) == may
    assert outcomes(database, cast, invitations.revoke, by_member.id) == may | {"member": "ok"}
    assert outcomes(database, cast, invitations.revoke, to_account.id) == may | {"group_admin": "not-found"}


async def test_a_revoked_link_is_worthless(database: Database, cast: Cast, sign_in: SignIn) -> None:
    made = invite(database, cast.group_admin, group="research")
    database.write_now(invitations.revoke, cast.group_admin, made.id)
    with pytest.raises(NotFound, match="withdrawn"):
        await sign_in.redeem(cast.authenticator, redemption(made.token, "newcomer"))


def test_the_holder_sees_what_the_link_is_for_and_no_more(database: Database, cast: Cast) -> None:
    join = invite(database, cast.group_admin, group="research")
    account = invite(database, cast.platform_admin, user="ann")

    def see(made: InvitationCreated) -> dict[str, Any]:
        view = database.read_now(invitations.inspect, cast.authenticator, TokenInspection(token=made.token))
        return view.model_dump()

    assert see(join) == {"kind": "join", "group": cast.group.display_name, "username": None}
    assert see(account) == {"kind": "account", "group": None, "username": "ann"}
    service = expected("forbidden", authenticator="ok")
    assert outcomes(database, cast, invitations.inspect, TokenInspection(token=join.token)) == service


async def test_a_link_into_a_group_makes_an_account_there(database: Database, cast: Cast, sign_in: SignIn) -> None:
    made = invite(database, cast.group_admin, group="research", role=Role.ADMIN)
    state = await sign_in.redeem(cast.authenticator, redemption(made.token, "newcomer"))
    assert (state.name, state.groups, state.must_change_password) == ("newcomer", ("research",), False)
    assert database.read_now(person, "newcomer").roles == {cast.group.id: Role.ADMIN}
    signed = await sign_in.authenticate(cast.authenticator, PasswordSignIn(username="newcomer", password=PASSWORD))
    assert signed == state
    [row] = rows(database, sa.select(InvitationRow))
    assert (row.used_by, row.used_at is not None) == ("newcomer", True)
    with pytest.raises(Conflict, match="newcomer"):
        database.write_now(invitations.revoke, cast.group_admin, made.id)


async def test_a_link_to_an_account_sets_its_password_and_ends_a_lockout(
    database: Database, cast: Cast, sign_in: SignIn, clock: FixedClock
) -> None:
    made = invite(database, cast.platform_admin, user="ann")
    state = await sign_in.redeem(cast.authenticator, redemption(made.token))
    assert state.name == "ann"
    state = await sign_in.authenticate(cast.authenticator, PasswordSignIn(username="ann", password=PASSWORD))
    assert state.groups == ("research",)


async def test_a_link_works_once_even_when_used_many_times_at_once(
    database: Database, cast: Cast, sign_in: SignIn
) -> None:
    made = invite(database, cast.group_admin, group="research")
    before = len(rows(database, sa.select(AccountRow)))

    def race(name: str) -> str:
        async def redeem() -> str:
            return (await racer.redeem(cast.authenticator, redemption(made.token, name))).name

        racer = SignIn(database, SignInPolicy(), cheap_passwords())
        try:
            return asyncio.run(redeem())
        except NotFound as refused:
            return str(refused.extra["reason"])
        finally:
            racer.close()

    results = await asyncio.gather(*(asyncio.to_thread(race, f"p{i}") for i in range(6)))
    assert sorted(results)[1:] == ["used"] * 5
    assert len(rows(database, sa.select(AccountRow))) == before + 1


def test_two_transactions_cannot_both_use_a_link(database: Database, cast: Cast) -> None:
    """Beneath the one writer of a process: as two replicas would."""
    token = invite(database, cast.group_admin, group="research").token
    together = Barrier(4)

    def redeem(name: str) -> str:
        together.wait(10)
        try:
            return database.write_now(sign_in_module._redeem, cast.authenticator, redemption(token, name), "hash").name
        except NotFound:
            return "refused"

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(redeem, ["pa", "pb", "pc", "pd"]))
    assert results.count("refused") == 3


async def test_a_refusal_does_not_use_the_link_up(database: Database, cast: Cast, sign_in: SignIn) -> None:
    made = invite(database, cast.group_admin, group="research")
    for name, password, problem, field in (
        ("gil", PASSWORD, Conflict, "username"),
        ("Not A Name", PASSWORD, Invalid, "username"),
        ("", PASSWORD, Invalid, "username"),
        ("newcomer", "short", Invalid, "password"),
        ("long-enough-name", "Long.Enough-Name", Invalid, "password"),
    ):
        with pytest.raises(problem) as refused:
            await sign_in.redeem(cast.authenticator, redemption(made.token, name, password))
        assert refused.value.errors[0].field == field
    assert (await sign_in.redeem(cast.authenticator, redemption(made.token, "newcomer"))).name == "newcomer"


async def test_a_link_expires(database: Database, cast: Cast, sign_in: SignIn, clock: FixedClock) -> None:
    made = invite(database, cast.group_admin, group="research", expires_in=60)
    clock.advance(60)
    with pytest.raises(NotFound) as refused:
        await sign_in.redeem(cast.authenticator, redemption(made.token, "newcomer"))
    assert refused.value.extra["reason"] == "expired"


async def test_an_unknown_token_is_refused(database: Database, cast: Cast, sign_in: SignIn) -> None:
    with pytest.raises(NotFound) as refused:
        await sign_in.redeem(cast.authenticator, redemption("guess", "newcomer"))
    assert refused.value.extra["reason"] == "unknown"


async def test_only_the_authenticator_redeems(database: Database, cast: Cast, sign_in: SignIn) -> None:
    made = invite(database, cast.group_admin, group="research")
    for actor in (cast.member, cast.platform_admin, cast.notebook, cast.spawner):
        with pytest.raises(Forbidden):
            await sign_in.redeem(actor, redemption(made.token, "newcomer"))


async def test_links_do_not_outlive_their_group_or_their_account(
    database: Database, cast: Cast, sign_in: SignIn
) -> None:
    into_group = invite(database, cast.group_admin, group="research")
    to_account = invite(database, cast.platform_admin, user="olga")
    database.write_now(groups.delete, cast.platform_admin, "research")
    database.write_now(accounts.delete, cast.platform_admin, "olga")
    for made in (into_group, to_account):
        with pytest.raises(NotFound):
            await sign_in.redeem(cast.authenticator, redemption(made.token, "newcomer"))


async def test_a_disabled_account_is_not_opened_by_its_link(database: Database, cast: Cast, sign_in: SignIn) -> None:
    made = invite(database, cast.platform_admin, user="ann")

    def disable(uow: UnitOfWork) -> None:
        uow.session.execute(sa.update(AccountRow).where(AccountRow.name == "ann").values(enabled=False))

    database.write_now(disable)
    with pytest.raises(Forbidden, match="disabled"):
        await sign_in.redeem(cast.authenticator, redemption(made.token))


def test_a_second_link_to_an_account_ends_the_first(database: Database, cast: Cast) -> None:
    first = invite(database, cast.platform_admin, user="ann")
    second = invite(database, cast.platform_admin, user="ann")
    assert [row.id for row in rows(database, sa.select(InvitationRow))] == [second.id] != [first.id]


async def test_the_first_start_makes_one_administrator_without_a_password(
    database: Database, sign_in: SignIn, clock: FixedClock
) -> None:
    authenticator = factories.service(factories.Scope.ACCOUNTS)
    token = database.write_now(invitations.bootstrap_admin)
    assert token is not None
    admin = account_row(database, "admin")
    assert (admin.platform_admin, admin.password_hash) == (True, None)

    # not used yet: a fresh link at every start, also after it has expired, and the earlier ones die
    clock.advance(2 * 86_400)
    again = database.write_now(invitations.bootstrap_admin)
    assert again not in (None, token)
    with pytest.raises(NotFound):
        await sign_in.redeem(authenticator, redemption(token))
    assert again is not None
    assert (await sign_in.redeem(authenticator, redemption(again))).platform_admin
    assert database.write_now(invitations.bootstrap_admin) is None
    await sign_in.authenticate(authenticator, PasswordSignIn(username="admin", password=PASSWORD))
    assert database.write_now(invitations.bootstrap_admin) is None
    assert len(rows(database, sa.select(AccountRow))) == 1


def test_a_store_with_people_gets_no_new_administrator(database: Database, cast: Cast) -> None:
    assert database.write_now(invitations.bootstrap_admin) is None


def test_no_fresh_link_once_an_administrator_has_signed_in_otherwise(database: Database, clock: FixedClock) -> None:
    database.write_now(invitations.bootstrap_admin)
    database.write_now(
        lambda uow: factories.account(uow, "pat", issuer="idp", platform_admin=True, last_seen_at=uow.now)
    )
    assert database.write_now(invitations.bootstrap_admin) is None


def test_a_first_name_that_cannot_be_one_is_refused(database: Database) -> None:
    with pytest.raises(ValueError, match="a-z"):
        database.write_now(invitations.bootstrap_admin, "The Boss")


def test_members_links_die_when_they_leave(database: Database, cast: Cast) -> None:
    let_members_invite(database)
    invite(database, cast.member, group="research")
    database.write_now(members.put, cast.group_admin, "research", "olga", MembershipPut())
    database.write_now(members.delete, cast.group_admin, "research", "ann")
    assert rows(database, sa.select(InvitationRow)) == []


# with an account that is there


def joining(made: InvitationCreated, username: str) -> InvitationJoin:
    return InvitationJoin(token=made.token, username=username)


def arrive(database: Database, cast: Cast, username: str = "pat") -> None:
    claim = ProviderSignIn(issuer="https://idp.example", subject=username, username=username)
    database.write_now(sign_in_module.provider_sign_in, cast.authenticator, claim)


def test_a_providers_person_joins_by_a_link_and_stays_whatever_the_provider_says(
    database: Database, cast: Cast
) -> None:
    arrive(database, cast)
    made = invite(database, cast.group_admin, group="research", role=Role.ADMIN)
    assert outcomes(database, cast, sign_in_module.join, joining(made, "pat")) == expected("forbidden") | {
        "authenticator": "ok"
    }
    state = database.write_now(sign_in_module.join, cast.authenticator, joining(made, "pat"))
    assert state.groups == ("research",)
    assert database.read_now(person, "pat").roles == {cast.group.id: Role.ADMIN}
    claim = ProviderSignIn(issuer="https://idp.example", subject="pat", username="pat", groups=())
    assert database.write_now(sign_in_module.provider_sign_in, cast.authenticator, claim).groups == ("research",)
    assert (cast.authenticator.name, "membership.create", "pat") in audited(database)
    [row] = rows(database, sa.select(InvitationRow))
    assert row.used_by == "pat"
    arrive(database, cast, "quinn")
    with pytest.raises(NotFound, match="used already"):
        database.write_now(sign_in_module.join, cast.authenticator, joining(made, "quinn"))


def test_a_link_that_gives_somebody_nothing_is_not_used_up(database: Database, cast: Cast) -> None:
    made = invite(database, cast.group_admin, group="research")
    for inside in ("ann", "gil"):
        with pytest.raises(Conflict, match="already"):
            database.write_now(sign_in_module.join, cast.authenticator, joining(made, inside))
    assert database.read_now(person, "gil").roles == {cast.group.id: Role.ADMIN}
    arrive(database, cast)
    assert database.write_now(sign_in_module.join, cast.authenticator, joining(made, "pat")).groups == ("research",)


def test_a_member_becomes_an_admin_by_a_link_for_one(database: Database, cast: Cast) -> None:
    made = invite(database, cast.group_admin, group="research", role=Role.ADMIN)
    database.write_now(sign_in_module.join, cast.authenticator, joining(made, "ann"))
    assert database.read_now(person, "ann").roles == {cast.group.id: Role.ADMIN}


def test_nobody_joins_by_a_link_to_an_account_or_while_disabled(database: Database, cast: Cast) -> None:
    to_account = invite(database, cast.platform_admin, user="ann")
    with pytest.raises(Conflict, match="set a password"):
        database.write_now(sign_in_module.join, cast.authenticator, joining(to_account, "gil"))
    arrive(database, cast)
    version = account_row(database, "pat").version
    database.write_now(accounts.update, cast.platform_admin, "pat", AccountUpdate(version=version, enabled=False))
    made = invite(database, cast.group_admin, group="research")
    with pytest.raises(Forbidden, match="disabled"):
        database.write_now(sign_in_module.join, cast.authenticator, joining(made, "pat"))


# where nobody has a password


async def test_without_passwords_there_are_no_links_for_one_and_links_into_groups_make_no_account(
    database: Database, cast: Cast
) -> None:
    to_ann = invite(database, cast.platform_admin, user="ann")
    into = database.write_now(invitations.create, cast.group_admin, JOIN, local_accounts=False)
    with pytest.raises(Invalid) as refused:
        database.write_now(invitations.create, cast.platform_admin, InvitationCreate(user="ann"), local_accounts=False)
    [error] = refused.value.errors
    assert (error.field, "accounts.local" in error.message, "provider" in error.fix) == ("user", True, True)
    off = SignIn(database, SignInPolicy(local_accounts=False), cheap_passwords())
    for request in (redemption(to_ann.token), redemption(into.token, "newcomer")):
        with pytest.raises(Invalid, match=r"accounts\.local"):
            await off.redeem(cast.authenticator, request)
    with pytest.raises(Invalid, match=r"accounts\.local"):
        await off.reset_password(cast.platform_admin, "ann")
    off.close()
    arrive(database, cast)
    assert database.write_now(sign_in_module.join, cast.authenticator, joining(into, "pat")).groups == ("research",)
