"""Sign-ins of programs: how many wait at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from primehub_services.domain.problems import NotFound, TooMany
from primehub_services.domain.tokens import LoginRequestCreate, LoginRequestCreated
from primehub_services.operations import logins
from primehub_services.store.crypto import Keyring
from primehub_services.store.database import Database
from tests.support.clock import FixedClock
from tests.support.factories import Cast


def test_the_oldest_that_nobody_approved_makes_room_for_a_new_one(
    database: Database, cast: Cast, clock: FixedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logins, "MOST", 3)
    keyring = Keyring.load_or_create(tmp_path / "encryption.key")

    def ask() -> LoginRequestCreated:
        clock.advance(1)
        return database.write_now(logins.create, LoginRequestCreate(), path="/p")

    def approve(asked: LoginRequestCreated) -> None:
        database.write_now(logins.reserve, cast.member, asked.code)
        made = logins.Fetchable("a-token", "a7")
        database.write_now(logins.approve, cast.member, asked.code, made, keyring=keyring)

    def state(asked: LoginRequestCreated) -> str:
        return database.write_now(logins.poll, asked.id, asked.secret, keyring=keyring).state.value

    approved, denied, waiting = ask(), ask(), ask()
    approve(approved)
    database.write_now(logins.deny, cast.member, denied.code)
    newer = ask()
    with pytest.raises(NotFound):
        state(denied)
    newest = ask()
    with pytest.raises(NotFound):
        state(waiting)
    assert [state(asked) for asked in (newer, newest)] == ["pending", "pending"]
    for asked in (newer, newest):
        approve(asked)
    with pytest.raises(TooMany):  # a token waits in each
        ask()
    assert [state(asked) for asked in (approved, newer, newest)] == ["approved"] * 3
