"""Signing in with a password: words, time, lockout, change, reset."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from primehub_services.domain.handshake import PasswordChange, PasswordSignIn
from primehub_services.domain.identity import AccountUpdate, Actor
from primehub_services.domain.problems import Conflict, Forbidden, Invalid, NotFound, Problem, TooMany, Unauthenticated
from primehub_services.operations import accounts
from primehub_services.operations import sign_in as operations
from primehub_services.operations.passwords import Passwords
from primehub_services.operations.sign_in import SignIn, SignInPolicy
from primehub_services.store import strangers
from primehub_services.store.database import Database
from primehub_services.store.orm import StrangerRow
from tests.support import factories
from tests.support.clock import FixedClock
from tests.support.factories import Cast
from tests.support.identity import PASSWORD, account_row, audited, cheap_passwords, expected, outcomes, rows

WRONG = "wrong but long enough"
NEW = "a new one, long enough"


@pytest.fixture
def sign_in(database: Database, cast: Cast) -> Iterator[SignIn]:
    """With ``ann`` having a password."""
    made = SignIn(database, SignInPolicy(lockout_after=3), cheap_passwords())
    give_password(database, cast, made)
    yield made
    made.close()


def give_password(database: Database, cast: Cast, sign_in: SignIn, user: str = "ann", temporary: bool = False) -> None:
    hashed = asyncio.run(sign_in._passwords.hash(request(PASSWORD).password))
    database.write_now(accounts.set_temporary_password, cast.platform_admin, user, PASSWORD, hashed)
    if not temporary:
        asyncio.run(sign_in.change_password(cast.authenticator, change(PASSWORD, PASSWORD + "!", user)))
        asyncio.run(sign_in.change_password(cast.authenticator, change(PASSWORD + "!", PASSWORD, user)))


def request(password: str, username: str = "ann") -> PasswordSignIn:
    return PasswordSignIn.model_validate({"username": username, "password": password})


def change(old: str, new: str, username: str = "ann") -> PasswordChange:
    return PasswordChange.model_validate({"username": username, "old_password": old, "new_password": new})


async def tried(sign_in: SignIn, actor: Actor, password: str, username: str = "ann") -> str:
    try:
        await sign_in.authenticate(actor, request(password, username))
    except Problem as problem:
        return problem.code
    return "ok"


async def test_the_right_password_signs_in(database: Database, cast: Cast, sign_in: SignIn, clock: FixedClock) -> None:
    clock.advance(5)
    state = await sign_in.authenticate(cast.authenticator, request(PASSWORD, " Ann "))
    assert state.model_dump() == {
        "name": "ann",
        "display_name": "Ann",
        "enabled": True,
        "platform_admin": False,
        "must_change_password": False,
        "groups": ("research",),
        "issuer": "local",
    }
    assert account_row(database, "ann").last_seen_at == clock()


async def test_a_password_is_the_same_however_its_characters_are_composed(
    database: Database, cast: Cast, sign_in: SignIn
) -> None:
    await sign_in.change_password(cast.authenticator, change(PASSWORD, "G\u00e4nseblümchen"))
    assert await tried(sign_in, cast.authenticator, "Ga\u0308nseblümchen") == "ok"


async def test_unknown_names_and_wrong_passwords_are_refused_in_the_same_words_after_the_same_work(
    database: Database, cast: Cast
) -> None:
    work: list[bool] = []

    class Counting(Passwords):
        def _verify(self, password_hash: str | None, password: Any) -> bool:
            work.append(True)
            return super()._verify(password_hash, password)

    counting = SignIn(database, SignInPolicy(), Counting(cheap_passwords()._hasher))
    told = []
    for username in ("gil", "nobody", "", "../..", "x" * 255):
        with pytest.raises(Unauthenticated) as refused:
            await counting.authenticate(cast.authenticator, request(WRONG, username))
        told.append(refused.value.detail)
    assert len(set(told)) == 1
    assert len(work) == 5
    counting.close()


async def test_failures_are_counted_durably_and_lock_for_twice_as_long_each_time(
    database: Database, cast: Cast, sign_in: SignIn, clock: FixedClock
) -> None:
    for count in range(1, 4):
        assert await tried(sign_in, cast.authenticator, WRONG) == "unauthenticated"
        assert account_row(database, "ann").failed_sign_ins == count
    for wait in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900):
        with pytest.raises(TooMany) as refused:
            await sign_in.authenticate(cast.authenticator, request(PASSWORD))
        assert refused.value.extra["retry_after_s"] == wait
        clock.advance(wait)
        assert await tried(sign_in, cast.authenticator, WRONG) == "unauthenticated"
    clock.advance(900)
    assert await tried(sign_in, cast.authenticator, PASSWORD) == "ok"
    row = account_row(database, "ann")
    assert (row.failed_sign_ins, row.locked_until) == (0, None)
    assert ("service:primehub-authenticator", "account.lockout", "ann") in audited(database)


async def test_a_lockout_outlives_the_process(database: Database, cast: Cast, sign_in: SignIn) -> None:
    for _ in range(3):
        await tried(sign_in, cast.authenticator, WRONG)
    after_restart = SignIn(database, SignInPolicy(lockout_after=3), cheap_passwords())
    assert await tried(after_restart, cast.authenticator, PASSWORD) == "too-many"
    after_restart.close()


async def test_a_name_that_nobody_has_is_locked_the_same_way(cast: Cast, sign_in: SignIn, clock: FixedClock) -> None:
    known = [await tried(sign_in, cast.authenticator, WRONG) for _ in range(5)]
    unknown = [await tried(sign_in, cast.authenticator, WRONG, "nobody") for _ in range(5)]
    assert unknown == known
    clock.advance(1)
    assert await tried(sign_in, cast.authenticator, WRONG, "nobody") == "unauthenticated"


async def test_tries_through_several_processes_are_counted_together_whoever_the_name_is(
    database: Database, cast: Cast, sign_in: SignIn
) -> None:
    other = SignIn(database, SignInPolicy(lockout_after=3), cheap_passwords())
    ways = [sign_in, other] * 3
    known = [await tried(way, cast.authenticator, WRONG) for way in ways]
    unknown = [await tried(way, cast.authenticator, WRONG, "nobody") for way in ways]
    assert unknown == known
    assert known[3:] == ["too-many"] * 3
    other.close()


async def test_only_the_newest_names_that_nobody_has_are_remembered(
    database: Database, cast: Cast, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strangers, "KEPT", 2)
    for name in ("a1", "b2", "a1", "c3"):
        await tried(sign_in, cast.authenticator, WRONG, name)
    assert [row.failures for row in rows(database, sa.select(StrangerRow).order_by(StrangerRow.id))] == [2, 1]


async def test_many_tries_at_once_get_no_more_guesses_than_one_after_the_other(
    database: Database, cast: Cast, sign_in: SignIn
) -> None:
    results = await asyncio.gather(*(tried(sign_in, cast.authenticator, WRONG) for _ in range(20)))
    assert results.count("unauthenticated") == 3
    assert results.count("too-many") == 17
    assert account_row(database, "ann").failed_sign_ins == 3


async def test_people_sign_in_side_by_side(database: Database, cast: Cast, sign_in: SignIn) -> None:
    states = await asyncio.gather(*(sign_in.authenticate(cast.authenticator, request(PASSWORD)) for _ in range(8)))
    assert {state.name for state in states} == {"ann"}


async def test_failing_sign_ins_do_not_disturb_an_administrators_edit(
    database: Database, cast: Cast, sign_in: SignIn
) -> None:
    version = account_row(database, "ann").version
    await tried(sign_in, cast.authenticator, WRONG)
    await tried(sign_in, cast.authenticator, PASSWORD)
    edited = AccountUpdate(version=version, display_name="Ann A.")
    assert database.write_now(accounts.update, cast.platform_admin, "ann", edited).display_name == "Ann A."


async def test_a_disabled_account_is_told_so_only_with_its_password(
    database: Database, cast: Cast, sign_in: SignIn
) -> None:
    version = account_row(database, "ann").version
    database.write_now(accounts.update, cast.platform_admin, "ann", AccountUpdate(version=version, enabled=False))
    assert await tried(sign_in, cast.authenticator, WRONG) == "unauthenticated"
    with pytest.raises(Forbidden, match="disabled"):
        await sign_in.authenticate(cast.authenticator, request(PASSWORD))
    state = database.read_now(operations.state, cast.authenticator, "ann")
    assert (state.enabled, state.groups) == (False, ())


async def test_a_deleted_account_is_like_one_that_never_was(database: Database, cast: Cast, sign_in: SignIn) -> None:
    database.write_now(accounts.delete, cast.platform_admin, "ann")
    assert await tried(sign_in, cast.authenticator, PASSWORD) == "unauthenticated"
    with pytest.raises(NotFound):
        database.read_now(operations.state, cast.authenticator, "ann")


async def test_an_account_without_a_password_lets_nobody_in(database: Database, cast: Cast, sign_in: SignIn) -> None:
    database.write_now(lambda uow: factories.account(uow, "pat", issuer="https://idp", subject="1"))
    for user in ("gil", "pat"):
        assert await tried(sign_in, cast.authenticator, PASSWORD, user) == "unauthenticated"


async def test_a_hash_of_another_cost_is_renewed_at_sign_in(database: Database, cast: Cast, sign_in: SignIn) -> None:
    before = account_row(database, "ann")
    dearer = SignIn(database, SignInPolicy(), cheap_passwords(time_cost=2))
    assert await tried(dearer, cast.authenticator, PASSWORD) == "ok"
    after = account_row(database, "ann")
    assert "t=2" in (after.password_hash or "")
    assert after.version == before.version
    assert await tried(dearer, cast.authenticator, PASSWORD) == "ok"
    dearer.close()


def test_new_hashes_are_argon2id() -> None:
    real = Passwords()
    hashed = asyncio.run(real.hash(request(PASSWORD).password))
    assert hashed.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert asyncio.run(real.verify(hashed, request(PASSWORD).password))
    assert not asyncio.run(real.verify(hashed, request(WRONG).password))
    real.close()


async def test_a_broken_hash_lets_nobody_in() -> None:
    passwords = cheap_passwords()
    assert not await passwords.verify("not a hash", request(PASSWORD).password)
    passwords.close()


async def test_a_person_changes_the_password(database: Database, cast: Cast, sign_in: SignIn) -> None:
    await sign_in.change_password(cast.authenticator, change(PASSWORD, NEW))
    assert await tried(sign_in, cast.authenticator, NEW) == "ok"
    assert await tried(sign_in, cast.authenticator, PASSWORD) == "unauthenticated"
    assert not any(NEW in str(row) for row in audited(database))


@pytest.mark.parametrize(
    ("new", "says"),
    [("short", "at least 10"), (PASSWORD, "old one"), ("ann_of_the.hills", "username")],
)
async def test_a_new_password_that_breaks_a_rule_is_refused_by_its_field(
    database: Database, cast: Cast, sign_in: SignIn, new: str, says: str
) -> None:
    user = "ann" if new != "ann_of_the.hills" else "ann-of-the-hills"
    with pytest.raises(Invalid, match=says) as refused:
        await sign_in.change_password(cast.authenticator, change(PASSWORD, new, user))
    assert refused.value.errors[0].field == "new_password"
    assert await tried(sign_in, cast.authenticator, PASSWORD) == "ok"


async def test_guessing_through_the_change_of_a_password_counts_too(cast: Cast, sign_in: SignIn) -> None:
    for _ in range(3):
        with pytest.raises(Unauthenticated, match="old password"):
            await sign_in.change_password(cast.authenticator, change(WRONG, NEW))
    with pytest.raises(TooMany):
        await sign_in.change_password(cast.authenticator, change(PASSWORD, NEW))
    assert await tried(sign_in, cast.authenticator, PASSWORD) == "too-many"


async def test_a_temporary_password_opens_a_locked_account_and_must_be_changed(
    database: Database, cast: Cast, sign_in: SignIn
) -> None:
    for _ in range(3):
        await tried(sign_in, cast.authenticator, WRONG)
    reset = await sign_in.reset_password(cast.platform_admin, "ann")
    temporary = reset.password.get_secret_value()
    assert len(temporary) == 23
    assert temporary not in repr(reset)
    assert temporary != (await sign_in.reset_password(cast.platform_admin, "ann")).password.get_secret_value()
    temporary = (await sign_in.reset_password(cast.platform_admin, "ann")).password.get_secret_value()

    state = await sign_in.authenticate(cast.authenticator, request(temporary))
    assert state.must_change_password
    state = await sign_in.change_password(cast.authenticator, change(temporary, NEW))
    assert not state.must_change_password
    assert await tried(sign_in, cast.authenticator, temporary) == "unauthenticated"
    assert ("root", "account.password-reset", "ann") in audited(database)


async def test_only_platform_admins_reset_and_only_local_accounts(
    database: Database, cast: Cast, sign_in: SignIn
) -> None:
    for actor in (cast.member, cast.group_admin, cast.outsider, cast.notebook, cast.authenticator):
        with pytest.raises(Forbidden):
            await sign_in.reset_password(actor, "ann")
    with pytest.raises(NotFound):
        await sign_in.reset_password(cast.platform_admin, "nobody")
    database.write_now(lambda uow: factories.account(uow, "pat", issuer="https://idp", subject="1"))
    with pytest.raises(Conflict):
        await sign_in.reset_password(cast.platform_admin, "pat")


async def test_only_the_authenticator_checks_passwords(database: Database, cast: Cast, sign_in: SignIn) -> None:
    for name, actor in cast.everyone().items():
        result = await tried(sign_in, actor, PASSWORD)
        assert result == ("ok" if name == "authenticator" else "forbidden"), name
        if name != "authenticator":
            with pytest.raises(Forbidden):
                await sign_in.change_password(actor, change(PASSWORD, NEW))
    assert outcomes(database, cast, operations.state, "ann") == expected("forbidden", authenticator="ok")


async def test_a_password_that_changes_while_it_is_checked_does_not_sign_in(
    database: Database, cast: Cast, sign_in: SignIn
) -> None:
    class Slow(Passwords):
        def _verify(self, password_hash: str | None, password: Any) -> bool:
            fits = super()._verify(password_hash, password)
            database.write_now(accounts.set_temporary_password, cast.platform_admin, "ann", "x", "another hash")
            return fits

    slow = SignIn(database, SignInPolicy(), Slow(cheap_passwords()._hasher))
    assert await tried(slow, cast.authenticator, PASSWORD) == "unauthenticated"
    slow.close()
