"""Passwords: argon2id, in threads of their own, and the rules for new ones."""

from __future__ import annotations

import asyncio
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, TypeVarTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import SecretStr

from ..domain.names import normalized
from ..domain.problems import Invalid

R = TypeVar("R")
Ts = TypeVarTuple("Ts")
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # without the signs that people read for each other
_AT_ONCE = 2
"""Hashes computed side by side: each takes 64 MiB and several cores."""


def check_kept(kept: bool, *, field: str) -> None:
    """Raises ``Invalid`` for ``field`` where the platform has no accounts with a password."""
    if not kept:
        raise Invalid.field(
            field,
            "nobody signs in with a password here (accounts.local is off)",
            "people get an account when they sign in through the provider; a link into a group takes them there",
        )


class Passwords:
    """Hashing and checking. ``hasher`` sets the cost; hashes of another cost are renewed at sign-in."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="passwords")
        self._nobodys: str | None = None

    async def hash(self, password: SecretStr) -> str:
        """The password's hash, with a fresh salt."""
        return await self._run(self._hash, password)

    async def verify(self, password_hash: str | None, password: SecretStr) -> bool:
        """Whether the password is the hash's. Takes as long where there is no hash."""
        return await self._run(self._verify, password_hash, password)

    def is_outdated(self, password_hash: str) -> bool:
        """Whether the hash was made at another cost than new ones are."""
        return self._hasher.check_needs_rehash(password_hash)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=True)

    async def _run(self, function: Callable[[*Ts], R], *args: *Ts) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *args)

    def _hash(self, password: SecretStr) -> str:
        return self._hasher.hash(_bytes(password))

    def _verify(self, password_hash: str | None, password: SecretStr) -> bool:
        if password_hash is None:
            self._nobodys = self._nobodys or self._hasher.hash(secrets.token_bytes(16))
        try:
            self._hasher.verify(password_hash or self._nobodys or "", _bytes(password))
        except (VerificationError, InvalidHashError):
            return False
        return password_hash is not None


def _bytes(password: SecretStr) -> bytes:
    # the same characters give the same password on every keyboard
    return unicodedata.normalize("NFKC", password.get_secret_value()).encode("utf-8", "surrogatepass")


def temporary_password() -> SecretStr:
    """A random password of 100 bits that can be read out and typed."""
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))
    return SecretStr("-".join(groups))


def check_new_password(
    password: SecretStr, *, field: str, user: str, min_length: int, old: SecretStr | None = None
) -> None:
    """Raises ``Invalid`` for ``field`` where a rule for new passwords is broken."""
    text = password.get_secret_value()
    if len(text) < min_length:
        raise Invalid.field(field, f"must have at least {min_length} characters", "choose a longer one")
    if normalized(text) == normalized(user):
        raise Invalid.field(field, "must not be the username", "choose another one")
    if old is not None and text == old.get_secret_value():
        raise Invalid.field(field, "must differ from the old one", "choose another one")
