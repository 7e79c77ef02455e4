"""Secrets: written and used, never read back; who may know of them; the change of keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from primehub_services.domain.identity import Actor
from primehub_services.domain.model import Model
from primehub_services.domain.paging import PageQuery
from primehub_services.domain.problems import Conflict, Forbidden, Invalid, NotFound
from primehub_services.domain.secrets import Secret, SecretCreate, SecretUpdate
from primehub_services.operations import audit, secrets
from primehub_services.store import secrets as store
from primehub_services.store.crypto import Keyring
from primehub_services.store.database import Database
from primehub_services.store.orm import ChangeRow, SecretRow
from tests.support import factories
from tests.support.factories import Cast

VALUE = "correct-horse-battery"
PULL = {"kind": "pull", "registry": "r.example", "username": "robot"}


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    """Fresh keys."""
    return Keyring.load_or_create(tmp_path / "encryption.key")


def _create(database: Database, keyring: Keyring, actor: Actor, name: str = "token", **fields: Any) -> Secret:
    spec = SecretCreate.model_validate({"name": name, "kind": "env", "value": VALUE} | fields)
    return database.write_now(secrets.create, actor, spec, keyring=keyring)


def _names(database: Database, actor: Actor, **options: Any) -> list[str]:
    return [s.name for s in database.read_now(secrets.list_, actor, PageQuery(), **options).items]


def _value(database: Database, keyring: Keyring, secret: Secret) -> str | None:
    value = database.read_now(store.secret_value, keyring, secret.id)
    return value.get_secret_value() if value else None


def test_a_value_is_kept_encrypted_and_is_in_no_answer_log_or_repr(
    database: Database, cast: Cast, keyring: Keyring
) -> None:
    made = _create(database, keyring, cast.member)
    change = SecretUpdate(version=made.version, value=SecretStr(VALUE + "2"))
    after = database.write_now(secrets.update, cast.member, made.slug, change, keyring=keyring)
    assert _value(database, keyring, made) == VALUE + "2"
    assert VALUE not in repr(database.read_now(store.secret_value, keyring, made.id))
    listed = database.read_now(secrets.list_, cast.member, PageQuery())
    events = database.read_now(audit.list_, cast.platform_admin, PageQuery())
    assert VALUE not in repr((made, after, listed, events, change))
    answers: list[Model] = [made, after, *listed.items, *events.items]
    assert not [answer for answer in answers if VALUE in answer.model_dump_json()]
    assert events.items[0].details["value"] == "changed"

    def everything(uow: Any) -> str:
        return repr(uow.session.execute(sa.select(SecretRow.__table__)).all()) + repr(
            [change.__dict__ for change in uow.session.scalars(sa.select(ChangeRow))]
        )

    assert VALUE not in database.read_now(everything)


def test_who_knows_of_which_secret(database: Database, cast: Cast, keyring: Keyring) -> None:
    _create(database, keyring, cast.member, "anns")
    _create(database, keyring, cast.outsider, "olgas")
    _create(database, keyring, cast.group_admin, "groups", group="research")
    _create(database, keyring, cast.platform_admin, "registry", **PULL, groups=["research"])
    assert _names(database, cast.member) == ["anns", "groups"]
    assert _names(database, cast.group_admin) == ["groups", "registry"]
    assert _names(database, cast.outsider) == ["olgas"]
    assert _names(database, cast.platform_admin) == ["anns", "groups", "olgas", "registry"]
    assert _names(database, cast.group_admin, group="research") == ["groups", "registry"]
    with pytest.raises(NotFound):
        database.read_now(secrets.list_, cast.outsider, PageQuery(), group="research")
    for name in ("anns", "groups", "registry", "absent"):
        with pytest.raises(NotFound, match=f"There is no secret '{name}' that you can see"):
            database.read_now(secrets.get, cast.outsider, name)
    for actor in (cast.notebook, cast.spawner):
        with pytest.raises(Forbidden):
            database.read_now(secrets.list_, actor, PageQuery())
        with pytest.raises(Forbidden):
            database.read_now(secrets.get, actor, "groups")


def test_who_may_make_which_secret(database: Database, cast: Cast, keyring: Keyring) -> None:
    for actor in (cast.member, cast.group_admin, cast.notebook, cast.spawner):
        with pytest.raises(Forbidden):
            _create(database, keyring, actor, **PULL)
    for actor in (cast.member, cast.notebook):
        with pytest.raises(Forbidden):
            _create(database, keyring, actor, group="research")
    with pytest.raises(Forbidden):
        _create(database, keyring, cast.notebook)
    for group in ("research", "absent"):
        with pytest.raises(Invalid, match=f"There is no group '{group}' that you can see"):
            _create(database, keyring, cast.outsider, group=group)


def test_who_may_change_and_delete(database: Database, cast: Cast, keyring: Keyring) -> None:
    anns = _create(database, keyring, cast.member, "anns")
    groups = _create(database, keyring, cast.group_admin, "groups", group="research")
    registry = _create(database, keyring, cast.platform_admin, "registry", **PULL, groups=["research"])
    for actor, secret, problem in (
        (cast.member, groups, Forbidden),
        (cast.member, registry, NotFound),
        (cast.group_admin, anns, NotFound),
        (cast.group_admin, registry, Forbidden),
        (cast.outsider, groups, NotFound),
        (cast.notebook, anns, Forbidden),
    ):
        change = SecretUpdate(version=secret.version, display_name="x")
        with pytest.raises(problem):
            database.write_now(secrets.update, actor, secret.slug, change, keyring=keyring)
        with pytest.raises(problem):
            database.write_now(secrets.delete, actor, secret.slug)
    database.write_now(secrets.delete, cast.member, "anns")
    database.write_now(secrets.delete, cast.platform_admin, "groups")
    assert _names(database, cast.platform_admin) == ["registry"]


def test_a_deleted_value_is_gone(database: Database, cast: Cast, keyring: Keyring) -> None:
    made = _create(database, keyring, cast.member)
    database.write_now(secrets.delete, cast.member, "token")
    assert _value(database, keyring, made) is None
    ciphertexts = database.read_now(lambda uow: uow.session.scalars(sa.select(SecretRow.ciphertext)).all())
    assert ciphertexts == [b""]
    assert _create(database, keyring, cast.member).slug != made.slug


def test_names_are_each_owners_own_and_tell_nothing_of_others(database: Database, cast: Cast, keyring: Keyring) -> None:
    mine = _create(database, keyring, cast.member)
    groups = _create(database, keyring, cast.group_admin, group="research")
    theirs = _create(database, keyring, cast.outsider)
    assert len({mine.slug, groups.slug, theirs.slug}) == 3
    assert {len(s.slug) for s in (mine, groups, theirs)} == {len("token-12345678")}
    assert database.read_now(secrets.get, cast.member, "token").id == mine.id, "one's own first"
    with pytest.raises(Conflict):
        _create(database, keyring, cast.member)


def test_a_secret_in_use_cannot_be_deleted(database: Database, cast: Cast, keyring: Keyring) -> None:
    _create(database, keyring, cast.platform_admin, "registry", **PULL)
    source = {"type": "container", "url": "r.example/x", "pull_secret": "registry"}
    database.write_now(lambda uow: factories.image(uow, "torch", source=source) and None)
    with pytest.raises(Conflict, match="image torch"):
        database.write_now(secrets.delete, cast.platform_admin, "registry")


def test_a_secret_is_not_taken_from_a_group_whose_image_is_fetched_with_it(
    database: Database, cast: Cast, keyring: Keyring
) -> None:
    both = ["research", "other"]
    made = _create(database, keyring, cast.platform_admin, "registry", groups=both, **PULL)
    source = {"type": "container", "url": "r.example/x", "pull_secret": made.slug}
    owned = {"all_groups": False, "owner_group_id": cast.group.id}
    database.write_now(lambda uow: factories.image(uow, "nlp", source=source, **owned) and None)

    def share(groups: list[str]) -> Secret:
        version = database.read_now(secrets.get, cast.platform_admin, made.slug).version
        change = SecretUpdate(version=version, groups=groups)
        return database.write_now(secrets.update, cast.platform_admin, made.slug, change, keyring=keyring)

    with pytest.raises(Invalid, match="the images nlp") as caught:
        share(["other"])
    assert caught.value.errors[0].field == "groups"
    assert share(["research"]).groups == ("research",), "the other group has no image of its own"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({**PULL, "group": "research"}, "group"),
        ({"groups": ["research"]}, "groups"),
        ({"registry": "r.example"}, "registry"),
        ({"kind": "git", "username": "x"}, "username"),
        ({**PULL, "groups": ["absent"]}, "groups"),
    ],
)
def test_what_does_not_fit_the_kind_is_refused_by_field(
    database: Database, cast: Cast, keyring: Keyring, fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        _create(database, keyring, cast.platform_admin, **fields)
    assert caught.value.errors[0].field == field


def test_an_update_of_an_old_version_is_refused_without_the_value(
    database: Database, cast: Cast, keyring: Keyring
) -> None:
    made = _create(database, keyring, cast.member)
    change = SecretUpdate(version=made.version, display_name="first")
    database.write_now(secrets.update, cast.member, made.slug, change, keyring=keyring)
    with pytest.raises(Conflict) as caught:
        database.write_now(secrets.update, cast.member, made.slug, change, keyring=keyring)
    assert caught.value.extra["current"]["display_name"] == "first"
    assert VALUE not in repr(caught.value.extra)


def test_after_a_rotation_every_value_is_under_one_new_key(database: Database, cast: Cast, keyring: Keyring) -> None:
    old = keyring.newest
    made = [_create(database, keyring, cast.member, f"s{i}") for i in range(3)]
    other_process = Keyring.load_or_create(keyring.path)
    assert store.rotate(database, keyring) == 3
    assert keyring.ids == (keyring.newest,)
    assert keyring.newest != old
    assert database.read_now(store.used_keys) == {keyring.newest}
    assert [_value(database, other_process, secret) for secret in made] == [VALUE] * 3
    # a process that still held the old key does not bring it back
    late = _create(database, other_process, cast.member, "late")
    assert _value(database, Keyring.load_or_create(keyring.path), late) == VALUE


class _Crash(BaseException):
    """A kill at this line."""


@pytest.mark.parametrize("where", ["reencrypt", "drop_all_but", "used_keys"])
def test_a_rotation_that_is_killed_anywhere_loses_nothing_and_the_next_finishes(
    database: Database, cast: Cast, keyring: Keyring, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    made = [_create(database, keyring, cast.member, f"s{i}") for i in range(3)]

    def crash(*_args: object) -> None:
        raise _Crash

    with monkeypatch.context() as patch:
        patch.setattr(Keyring if where == "drop_all_but" else store, where, crash)
        with pytest.raises(_Crash):
            store.rotate(database, keyring)
    restarted = Keyring.load_or_create(keyring.path)
    assert [_value(database, restarted, secret) for secret in made] == [VALUE] * 3
    store.rotate(database, restarted)
    assert restarted.ids == (restarted.newest,)
    assert [_value(database, restarted, secret) for secret in made] == [VALUE] * 3
