"""What the hub's authenticators ask. Every function is for the service that holds the scope ``accounts``.

``state``, ``provider_sign_in``, ``provider_refusal``, ``inspect`` and ``join`` are operations like all others. What needs a
password is on ``SignIn``, whose methods are coroutines: hashing takes a tenth of a second on purpose, and happens between a read and a write,
never inside a transaction.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

from pydantic import SecretStr

from ..domain.handshake import AccountState, InvitationJoin, InvitationRedeem, PasswordChange, PasswordSignIn
from ..domain.identity import LOCAL_ISSUER, Actor, Origin, Role, TemporaryPassword
from ..domain.names import check_hub_name
from ..domain.permissions import require
from ..domain.problems import Conflict, Invalid, NotFound, TooMany, Unauthenticated
from ..domain.system import InvitationKind
from ..domain.wrong import WrongValue
from ..store import accounts as store
from ..store import groups as group_store
from ..store import invitations as invitation_store
from ..store import members as member_store
from ..store import strangers
from ..store.database import Database
from ..store.orm import AccountRow, GroupRow, InvitationRow
from ..store.unit_of_work import UnitOfWork
from . import accounts
from .invitations import inspect, usable
from .passwords import Passwords, check_kept, check_new_password, temporary_password
from .provider_sign_in import disabled, provider_refusal, provider_sign_in, state_of

__all__ = ["SignIn", "SignInPolicy", "inspect", "join", "provider_refusal", "provider_sign_in", "state"]
LONGEST_WAIT = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class SignInPolicy:
    """The rules of local accounts; the composition root takes them from the settings."""

    local_accounts: bool = True
    """Whether people may have a password here; else they sign in through a provider alone."""
    password_min_length: int = 10
    lockout_after: int = 5
    """Failed sign-ins in a row after which each next one must wait, twice as long each time."""

    def wait_after(self, failures: int) -> timedelta | None:
        """How long the next try must wait after so many failures in a row: 1 s, 2 s, 4 s, ... 15 min."""
        if failures < self.lockout_after:
            return None
        return min(timedelta(seconds=2 ** min(failures - self.lockout_after, 20)), LONGEST_WAIT)


@dataclass(frozen=True, slots=True)
class _Credentials:
    account_id: str
    password_hash: str | None


def state(uow: UnitOfWork, actor: Actor, user: str) -> AccountState:
    """How things stand with an account now: the hub asks again and again. Raises ``NotFound`` for a deleted one."""
    require(actor, "accounts")
    return state_of(uow, user)


def join(uow: UnitOfWork, actor: Actor, request: InvitationJoin) -> AccountState:
    """Use a link into a group for an account that is there, whoever keeps its password.

    The hub has seen who they are. Raises ``NotFound`` where the link is no good, ``Conflict`` where it is for
    something else or gives them nothing, ``Forbidden`` where the account is disabled. A refusal does not use the link up.
    """
    require(actor, "accounts")
    link = usable(uow, request.token.get_secret_value())
    if link.kind != InvitationKind.JOIN.value:
        msg = "This link is to set a password, not into a group."
        raise Conflict(msg)
    group = _group_of(uow, link)
    row = store.by_name(uow, request.username, lock=True)
    if row is None:
        raise NotFound.of("user", request.username)
    if not row.enabled:
        raise disabled()
    action = _give(uow, row, group, Role(link.role))
    _use(uow, link, row.name)
    uow.audit(
        actor,
        f"membership.{action}",
        row.name,
        group_id=group.id,
        group=group.slug,
        role=link.role,
        invitation=link.id,
        invited_by=link.created_by,
    )
    uow.changed("membership", row.id, action, group_id=group.id, account_id=row.id)
    uow.changed("invitation", link.id, "update", group_id=group.id)
    return state_of(uow, row.name)


def _give(uow: UnitOfWork, row: AccountRow, group: GroupRow, role: Role) -> str:
    """Make them a member, or an admin of the group that they are in; what was done, as the audit log says it."""
    held = {place.origin: place for place in member_store.of(uow, row.id, group.id, lock=True)}
    if held and (role is Role.MEMBER or member_store.strongest([place.role for place in held.values()]) is role):
        msg = f"You are in {group.display_name} already. The link is still good for somebody else."
        raise Conflict(msg)
    own = held.get(Origin.LOCAL.value)
    if own is None:
        member_store.add(uow, row.id, group.id, role, Origin.LOCAL)
    else:
        own.role = role.value
    uow.session.flush()
    return "update" if own else "create"


class SignIn:
    """Sign-ins with a password, and all else that needs one hashed. One for the whole process, on one event loop."""

    def __init__(self, database: Database, policy: SignInPolicy, passwords: Passwords | None = None) -> None:
        self._database = database
        self._policy = policy
        self._passwords = passwords or Passwords()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def local_accounts(self) -> bool:
        """Whether people may have a password here."""
        return self._policy.local_accounts

    async def authenticate(self, actor: Actor, request: PasswordSignIn) -> AccountState:
        """Who a name and a password belong to.

        Raises ``Unauthenticated`` in the same words, after the same time, where there is no such account and where
        the password is wrong; ``TooMany`` where the next try must wait; ``Forbidden`` for a disabled account, to
        those who know its password.
        """
        name = request.username.strip().lower()
        async with self._turn(name):
            found = await self._verified(actor, name, request.password, "The username or the password is wrong.")
            renewed = None
            if found.password_hash and self._passwords.is_outdated(found.password_hash):
                renewed = await self._passwords.hash(request.password)
            return await self._database.write(_succeeded, found, renewed)

    async def change_password(self, actor: Actor, request: PasswordChange) -> AccountState:
        """A person's own change, which ends a temporary password too.

        Raises ``Unauthenticated`` where the old one is wrong (which counts as a failed sign-in), ``TooMany``,
        ``Forbidden`` for a disabled account, and ``Invalid`` for ``new_password``.
        """
        require(actor, "accounts")
        check_new_password(
            request.new_password,
            field="new_password",
            user=request.username,
            min_length=self._policy.password_min_length,
            old=request.old_password,
        )
        async with self._turn(request.username):
            found = await self._verified(actor, request.username, request.old_password, "The old password is wrong.")
            new_hash = await self._passwords.hash(request.new_password)
            return await self._database.write(_change_password, actor, found, new_hash)

    async def redeem(self, actor: Actor, request: InvitationRedeem) -> AccountState:
        """Use a link: a new account in the link's group, or a password for the link's account.

        Raises ``NotFound`` where the link is no good, ``Conflict`` where the username is taken, ``Invalid`` for
        ``username`` or ``password`` (also where nobody has one), ``Forbidden`` where the account is disabled. A refusal does not use the link up.
        """
        name = await self._database.read(_name_to_be, actor, request)
        check_kept(self.local_accounts, field="password")
        check_new_password(request.password, field="password", user=name, min_length=self._policy.password_min_length)
        password_hash = await self._passwords.hash(request.password)
        return await self._database.write(_redeem, actor, request, password_hash)

    async def reset_password(self, actor: Actor, user: str) -> TemporaryPassword:
        """For platform admins: a temporary password for a local account, to be changed at the next sign-in."""
        await self._database.read(accounts.check_has_password, actor, user, local_accounts=self.local_accounts)
        password = temporary_password()
        password_hash = await self._passwords.hash(password)
        return await self._database.write(
            accounts.set_temporary_password, actor, user, password.get_secret_value(), password_hash
        )

    def close(self) -> None:
        """End the hashing threads."""
        self._passwords.close()

    def _turn(self, name: str) -> asyncio.Lock:
        # one try at a time for one name: else many at once would all be checked before the first is counted
        turn = self._turns.get(name)
        if turn is None:
            turn = self._turns[name] = asyncio.Lock()
        return turn

    async def _verified(self, actor: Actor, name: str, password: SecretStr, wrong: str) -> _Credentials:
        found, locked_until = await self._database.read(_credentials, actor, name)
        _check_not_locked(locked_until, self._database.clock())
        if await self._passwords.verify(found.password_hash if found else None, password) and found is not None:
            return found
        # a transaction of its own, committed before the refusal; for a name that nobody has as well
        await self._database.write(_failed, actor, name, found, self._policy)
        raise Unauthenticated(wrong)


def _check_not_locked(locked_until: datetime | None, now: datetime) -> None:
    if locked_until is not None and locked_until > now:
        seconds = max(1, round((locked_until - now).total_seconds() + 0.499))
        msg = f"Too many failed sign-ins. Try again in {seconds} s, or ask a platform admin for a new password."
        raise TooMany(msg, retry_after_s=seconds)


def _credentials(uow: UnitOfWork, actor: Actor, name: str) -> tuple[_Credentials | None, datetime | None]:
    """Those of the name, if somebody has it, and until when its next try has to wait."""
    require(actor, "accounts")
    row = store.by_name(uow, name)
    if row is None:
        return None, strangers.locked_until(uow, name)
    return _Credentials(row.id, row.password_hash), row.locked_until


def _failed(uow: UnitOfWork, actor: Actor, name: str, found: _Credentials | None, policy: SignInPolicy) -> None:
    if found is None:
        wait = policy.wait_after(strangers.count_failure(uow, name))
        if wait is not None:
            strangers.lock_until(uow, name, uow.now + wait)
        return
    failures = store.count_failure(uow, found.account_id)
    wait = policy.wait_after(failures)
    if wait is not None:
        store.lock_until(uow, found.account_id, uow.now + wait)
        uow.audit(actor, "account.lockout", name, failures=failures, seconds=int(wait.total_seconds()))


def _still_theirs(uow: UnitOfWork, found: _Credentials) -> AccountRow:
    """The account, locked, if nothing about its sign-in changed since the password was checked."""
    row = store.by_id(uow, found.account_id, lock=True)
    if row is None or row.password_hash != found.password_hash:
        msg = "The password was changed meanwhile. Sign in again."
        raise Unauthenticated(msg)
    _check_not_locked(row.locked_until, uow.now)
    if not row.enabled:
        raise disabled()
    return row


def _succeeded(uow: UnitOfWork, found: _Credentials, renewed: str | None) -> AccountState:
    row = _still_theirs(uow, found)
    rehashed = (row.password_hash, renewed) if renewed and row.password_hash else None
    store.signed_in(uow, row.id, rehashed=rehashed)
    return state_of(uow, row.name)


def _change_password(uow: UnitOfWork, actor: Actor, found: _Credentials, new_hash: str) -> AccountState:
    row = _still_theirs(uow, found)
    store.set_password(uow, row, new_hash)
    store.signed_in(uow, row.id)
    uow.audit(actor, "account.password-change", row.name)
    uow.changed("account", row.id, "update", account_id=row.id)
    return state_of(uow, row.name)


def _name_to_be(uow: UnitOfWork, actor: Actor, request: InvitationRedeem) -> str:
    """The username that the link's new password is for. Raises what can be known before hashing it."""
    require(actor, "accounts")
    link = usable(uow, request.token.get_secret_value())
    if link.account_id is not None:
        return _account_of(uow, link).name
    try:
        name = check_hub_name(request.username)
    except WrongValue as error:
        raise Invalid.field("username", str(error), error.fix) from None
    _check_free(uow, name)
    return name


def _account_of(uow: UnitOfWork, link: InvitationRow, *, lock: bool = False) -> AccountRow:
    row = store.by_id(uow, link.account_id or "", lock=lock)
    if row is None or row.issuer != LOCAL_ISSUER:
        msg = "The account of this link does not exist any more."
        raise NotFound(msg, reason="unknown")
    if not row.enabled:
        raise disabled()
    return row


def _check_free(uow: UnitOfWork, name: str) -> None:
    try:
        accounts.check_free(uow, name, field="username")
    except Invalid as taken:
        raise Conflict(taken.detail, errors=taken.errors) from None


def _redeem(uow: UnitOfWork, actor: Actor, request: InvitationRedeem, password_hash: str) -> AccountState:
    link = usable(uow, request.token.get_secret_value())
    if link.kind == InvitationKind.JOIN.value:
        row, action = _join(uow, actor, request, link), "create"
    else:
        row, action = _account_of(uow, link, lock=True), "update"
        _use(uow, link, row.name)
    store.set_password(uow, row, password_hash)
    audited = "account.create" if action == "create" else "account.password-set"
    uow.audit(actor, audited, row.name, group_id=link.group_id, invitation=link.id, invited_by=link.created_by)
    uow.changed("account", row.id, action, account_id=row.id)
    uow.changed("invitation", link.id, "update", group_id=link.group_id, account_id=link.account_id)
    return state_of(uow, row.name)


def _use(uow: UnitOfWork, link: InvitationRow, name: str) -> None:
    # of several at once the one that marks it goes on; a later refusal takes the mark back
    if not invitation_store.use(uow, link, name):
        msg = "This link was used already; it works once. Ask for a new one."
        raise NotFound(msg, reason="used")


def _group_of(uow: UnitOfWork, link: InvitationRow) -> GroupRow:
    # locked, so that the group cannot be deleted under its new member
    group = group_store.by_id(uow, link.group_id or "", lock=True)
    if group is None:
        msg = "The group of this link does not exist any more."
        raise NotFound(msg, reason="unknown")
    return group


def _join(uow: UnitOfWork, actor: Actor, request: InvitationRedeem, link: InvitationRow) -> AccountRow:
    uow.lock(store.NAMES)
    group = _group_of(uow, link)
    _use(uow, link, request.username)
    _check_free(uow, request.username)
    row = store.add(uow, request.username, display_name=request.display_name)
    role = Role(link.role)
    member_store.add(uow, row.id, group.id, role, Origin.LOCAL)
    uow.audit(actor, "membership.create", row.name, group_id=group.id, group=group.slug, role=role.value)
    uow.changed("membership", row.id, "create", group_id=group.id, account_id=row.id)
    return row
