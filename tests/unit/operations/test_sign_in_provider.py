"""People whom a provider vouches for: never one account for two of them, and memberships that know their origin."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa

from primehub_services.domain.groups import GroupCreate
from primehub_services.domain.handshake import AccountState, ProviderRefusal, ProviderSignIn, TokenInspection
from primehub_services.domain.identity import AccountUpdate, MembershipPut, Origin, Role
from primehub_services.domain.names import check_hub_name
from primehub_services.domain.problems import Conflict, Forbidden, Invalid, NotFound
from primehub_services.domain.system import InvitationCreate
from primehub_services.operations import accounts, actors, groups, invitations, members
from primehub_services.operations.provider_sign_in import REFUSED, hub_name_of
from primehub_services.operations.sign_in import provider_refusal, provider_sign_in
from primehub_services.store.database import Database
from primehub_services.store.orm import AccountRow, MembershipRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories
from tests.support.clock import FixedClock
from tests.support.factories import Cast
from tests.support.identity import account_row, audited, changes, expected, notebook, outcomes, rows, stop_requests


def claim(subject: str = "s1", username: str = "pat", **fields: Any) -> ProviderSignIn:
    return ProviderSignIn(issuer="https://idp.example", subject=subject, username=username, **fields)


def arrive(database: Database, cast: Cast, subject: str = "s1", username: str = "pat", **fields: Any) -> AccountState:
    return database.write_now(provider_sign_in, cast.authenticator, claim(subject, username, **fields))


def origins(database: Database, name: str) -> set[tuple[str, str]]:
    account_id = account_row(database, name).id
    found = rows(database, sa.select(MembershipRow).where(MembershipRow.account_id == account_id))
    return {(row.group_id, row.origin) for row in found}


def test_the_first_sign_in_makes_the_account(database: Database, cast: Cast, clock: FixedClock) -> None:
    state = arrive(database, cast, username="Pat", display_name="Pat\u200b \nP." + "x" * 150, email="pat@example.org")
    assert (state.name, state.enabled, state.platform_admin, state.groups) == ("pat", True, False, ())
    row = account_row(database, "pat")
    assert (row.issuer, row.subject, row.email) == ("https://idp.example", "s1", "pat@example.org")
    assert row.password_hash is None
    assert row.last_seen_at == clock()
    assert row.display_name.startswith("Pat P.x")
    assert len(row.display_name) <= 100
    assert [action for _, action, _ in audited(database)] == ["account.create"]


def test_a_person_seen_before_keeps_the_account_whatever_the_login_is_now(database: Database, cast: Cast) -> None:
    arrive(database, cast)
    assert arrive(database, cast, username="patricia").name == "pat"
    assert arrive(database, cast, username="ann").name == "pat"
    assert len([row for row in rows(database, sa.select(AccountRow)) if row.issuer != "local"]) == 1


@pytest.mark.parametrize("login", ["pat.p", "Pat_P", "PAT-P", "pat p", "pät-p"])
def test_a_login_like_an_accounts_name_is_refused(database: Database, cast: Cast, login: str) -> None:
    arrive(database, cast, "s1", "pat-p")
    with pytest.raises(Conflict, match="another account"):
        arrive(database, cast, "s2", login)


def test_a_login_that_is_a_local_accounts_name_is_refused(database: Database, cast: Cast) -> None:
    with pytest.raises(Conflict, match="never shared"):
        arrive(database, cast, "s2", "Ann")
    assert account_row(database, "ann").issuer == "local"


def test_a_login_that_the_provider_gives_to_somebody_else_gets_no_account(database: Database, cast: Cast) -> None:
    arrive(database, cast, "s1", "pat")
    arrive(database, cast, "s1", "renamed")
    with pytest.raises(Conflict):
        arrive(database, cast, "s2", "pat")


def test_the_same_subject_of_another_issuer_is_another_person(database: Database, cast: Cast) -> None:
    arrive(database, cast, "s1", "pat")
    other = ProviderSignIn(issuer="https://other.example", subject="s1", username="pat")
    with pytest.raises(Conflict):
        database.write_now(provider_sign_in, cast.authenticator, other)
    nobody_local = ProviderSignIn(issuer="https://other.example", subject="s1", username="chris")
    assert database.write_now(provider_sign_in, cast.authenticator, nobody_local).name == "chris"


@pytest.mark.parametrize("login", ["Zoë Größe", "研究所", "a" * 200, "_x_", "x@y.example", "..", "O'Neil, Jr."])
def test_every_login_gives_a_hub_name(login: str) -> None:
    assert check_hub_name(hub_name_of(login)) == hub_name_of(login)


def test_logins_without_a_latin_letter_do_not_meet() -> None:
    assert hub_name_of("研究") != hub_name_of("所究")


@pytest.mark.parametrize("how", ["disabled", "deleted"])
def test_who_was_shown_out_does_not_come_back_in(database: Database, cast: Cast, how: str) -> None:
    arrive(database, cast)
    version = account_row(database, "pat").version
    if how == "disabled":
        database.write_now(accounts.update, cast.platform_admin, "pat", AccountUpdate(version=version, enabled=False))
    else:
        database.write_now(accounts.delete, cast.platform_admin, "pat")
    for login in ("pat", "another"):
        with pytest.raises(Forbidden, match="disabled"):
            arrive(database, cast, username=login)


def test_claimed_groups_are_found_by_slug_name_and_path_and_unknown_ones_ignored(
    database: Database, cast: Cast
) -> None:

    made = database.write_now(groups.create, cast.platform_admin, GroupCreate(name="Data_Lab"))
    state = arrive(database, cast, groups=("research", "/Data_Lab", "nowhere", "/a/b", "nul\0"))
    assert state.groups == tuple(sorted(("research", made.slug)))
    assert origins(database, "pat") == {(cast.group.id, "provider"), (made.id, "provider")}


def test_the_providers_memberships_follow_its_claim_and_ours_stay(database: Database, cast: Cast) -> None:
    arrive(database, cast, groups=("research", "other"))
    pat = account_row(database, "pat").id

    def also_here(uow: UnitOfWork) -> tuple[str, str]:

        factories.membership(uow, uow.session.get(AccountRow, pat), cast.other_group, Role.ADMIN, Origin.LOCAL)
        return notebook(uow, pat, cast.group).id, notebook(uow, pat, cast.other_group, server_name="b").id

    in_research, in_other = database.write_now(also_here)
    state = arrive(database, cast, groups=())
    assert state.groups == ("other",)
    assert origins(database, "pat") == {(cast.other_group.id, "local")}
    assert stop_requests(database) == {in_research: "left the group", in_other: None}
    assert ("membership", "delete", cast.group.id, pat) in changes(database)
    assert ("membership", "update", cast.other_group.id, pat) in changes(database)


def test_a_claim_without_groups_leaves_them_alone(database: Database, cast: Cast) -> None:
    arrive(database, cast, groups=("research",))
    before = changes(database)
    assert arrive(database, cast, groups=None).groups == ("research",)
    assert arrive(database, cast, groups=("research",)).groups == ("research",)
    assert changes(database) == before


def test_the_provider_says_who_is_a_platform_admin_if_it_says_anything(database: Database, cast: Cast) -> None:
    assert arrive(database, cast, platform_admin=True).platform_admin
    assert arrive(database, cast, platform_admin=None).platform_admin
    assert not arrive(database, cast, platform_admin=False).platform_admin


def test_links_die_with_the_right_that_the_provider_takes_away(database: Database, cast: Cast) -> None:
    arrive(database, cast, platform_admin=True)
    pat = database.write_now(actors.person, "pat")
    made = [
        database.write_now(invitations.create, pat, InvitationCreate.model_validate(target))
        for target in ({"user": "root"}, {"group": "research"})
    ]
    arrive(database, cast, platform_admin=False)
    for link in made:
        with pytest.raises(NotFound, match="withdrawn"):
            database.write_now(invitations.inspect, cast.authenticator, TokenInspection(token=link.token))


def test_a_renewal_is_no_sign_in_and_lets_nobody_new_in(database: Database, cast: Cast, clock: FixedClock) -> None:
    with pytest.raises(NotFound):
        arrive(database, cast, renewal=True)
    arrive(database, cast, groups=("research",))
    signed_in_at = clock()
    clock.advance(3600)
    assert arrive(database, cast, groups=(), renewal=True).groups == ()
    assert account_row(database, "pat").last_seen_at == signed_in_at


def refuse(database: Database, cast: Cast, **whom: str) -> None:
    whom = {"issuer": "https://idp.example", "subject": "s1"} | whom
    database.write_now(provider_refusal, cast.authenticator, ProviderRefusal.model_validate(whom))


def test_whom_the_provider_refuses_loses_what_it_gave_and_what_runs(database: Database, cast: Cast) -> None:
    arrive(database, cast, groups=("research",))
    pat = account_row(database, "pat").id

    def local_too(uow: UnitOfWork) -> str:
        factories.membership(uow, uow.session.get(AccountRow, pat), cast.other_group, Role.MEMBER, Origin.LOCAL)
        return notebook(uow, pat, cast.other_group).id

    running = database.write_now(local_too)
    for _ in range(2):
        refuse(database, cast)
    assert origins(database, "pat") == {(cast.other_group.id, "local")}
    assert stop_requests(database) == {running: REFUSED}
    assert account_row(database, "pat").enabled
    assert arrive(database, cast, groups=("research",)).groups == ("other", "research")


def test_a_refusal_is_for_a_providers_people_alone(database: Database, cast: Cast) -> None:
    refuse(database, cast, subject="nobody")
    with pytest.raises(Invalid):
        refuse(database, cast, issuer="local", subject=account_row(database, "ann").subject)


def test_a_provider_cannot_take_the_last_platform_admin_away(database: Database, cast: Cast) -> None:
    arrive(database, cast, platform_admin=True)
    version = account_row(database, "root").version
    change = AccountUpdate(version=version, platform_admin=False)
    database.write_now(accounts.update, cast.platform_admin, "root", change)
    assert arrive(database, cast, platform_admin=False).platform_admin


def test_a_display_name_that_the_person_chose_stays(database: Database, cast: Cast) -> None:
    arrive(database, cast, display_name="From the provider")
    version = account_row(database, "pat").version
    change = AccountUpdate(version=version, display_name="Chosen")
    database.write_now(accounts.update, cast.platform_admin, "pat", change)
    assert arrive(database, cast, display_name="From the provider").display_name == "Chosen"


def at_once(database: Database, cast: Cast, claims: list[ProviderSignIn]) -> list[str]:
    together = Barrier(len(claims))

    def run(request: ProviderSignIn) -> str:
        together.wait(10)
        try:
            return database.write_now(provider_sign_in, cast.authenticator, request).name
        except Conflict:
            return "refused"

    with ThreadPoolExecutor(len(claims)) as pool:
        return list(pool.map(run, claims))


def test_two_people_with_like_logins_at_once_never_share(database: Database, cast: Cast) -> None:
    results = at_once(database, cast, [claim(f"s{i}", login) for i, login in enumerate(["p.q", "p-q", "P_q", "p_q"])])
    assert results.count("refused") == 3
    assert len({row.subject for row in rows(database, sa.select(AccountRow)) if row.normalized_name == "p-q"}) == 1


def test_one_person_twice_at_once_gets_one_account(database: Database, cast: Cast) -> None:
    assert at_once(database, cast, [claim(groups=("research",))] * 4) == ["pat"] * 4
    assert origins(database, "pat") == {(cast.group.id, "provider")}


def test_only_the_authenticator_vouches(database: Database, cast: Cast) -> None:
    assert outcomes(database, cast, provider_sign_in, claim()) == expected("forbidden", authenticator="ok")


def test_no_provider_can_speak_for_local_accounts(database: Database, cast: Cast) -> None:
    ann = account_row(database, "ann")
    with pytest.raises(Invalid) as refused:
        database.write_now(
            provider_sign_in,
            cast.authenticator,
            ProviderSignIn(issuer=ann.issuer, subject=ann.subject, username="ann"),
        )
    assert refused.value.errors[0].field == "issuer"


def test_sign_ins_beside_a_group_admins_edits_never_wait_for_each_other_for_ever(
    database: Database, cast: Cast
) -> None:
    arrive(database, cast, groups=("research",))

    def sign_in(turn: int) -> str:
        return arrive(database, cast, groups=("research", "other") if turn % 2 else ()).name

    def edit(turn: int) -> str:
        role = Role.ADMIN if turn % 2 else Role.MEMBER
        return database.write_now(members.put, cast.group_admin, "research", "pat", MembershipPut(role=role)).user

    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(work, turn) for turn in range(12) for work in (sign_in, edit)]
        assert {future.result(30) for future in futures} == {"pat"}
