"""Encryption of secrets at rest: AES-256-GCM with keys in one file that only the platform can read."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE = 12
_OTHERS = 0o007


class KeyringError(Exception):
    """The keys cannot be used, or are not those that a secret was encrypted with; the text says what to do."""


class Keyring:
    """The keys, newest first. New values are encrypted with the newest; each row remembers which it was.

    Another process may rotate the keys meanwhile: ``refresh`` before encrypting inside the lock that rotation takes.
    """

    def __init__(self, path: Path, keys: Mapping[str, bytes]) -> None:
        self.path = path
        self._keys = dict(keys)

    def __repr__(self) -> str:
        return f"Keyring({str(self.path)!r}, {len(self._keys)} keys)"

    @classmethod
    def load_or_create(cls, path: Path) -> Keyring:
        """The keys of the file; a new one, made once by however many processes start together, where there is none.

        Raises ``KeyringError`` where the file cannot be used.
        """
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary = _write_temporary(path, [_new_key()])
            try:
                os.link(temporary, path)  # unlike a rename, never replaces what another process was first with
            except FileExistsError:
                pass
            finally:
                temporary.unlink()
            _sync_folder(path.parent)
        return cls(path, _read(path))

    @property
    def newest(self) -> str:
        """Id of the key that new values are encrypted with."""
        return next(iter(self._keys))

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of all keys, newest first."""
        return tuple(self._keys)

    def refresh(self) -> None:
        """Read the file again."""
        self._keys = _read(self.path)

    def encrypt(self, value: str, *, row_id: str) -> tuple[str, bytes]:
        """The key's id and the ciphertext, which is good for the row ``row_id`` alone."""
        nonce = secrets.token_bytes(_NONCE)
        sealed = AESGCM(self._keys[self.newest]).encrypt(nonce, value.encode(), row_id.encode())
        return self.newest, nonce + sealed

    def decrypt(self, key_id: str, ciphertext: bytes, *, row_id: str) -> str:
        """The value. Raises ``KeyringError`` where the key is not there or the ciphertext is not this row's."""
        if key_id not in self._keys:
            self.refresh()
        key = self._keys.get(key_id)
        if key is None:
            msg = f"A secret was encrypted with the key {key_id}, which is not in {self.path}. Restore that file."
            raise KeyringError(msg)
        try:
            return AESGCM(key).decrypt(ciphertext[:_NONCE], ciphertext[_NONCE:], row_id.encode()).decode()
        except InvalidTag:
            msg = "A secret cannot be decrypted: it was changed, or belongs to another row. Set its value again."
            raise KeyringError(msg) from None

    @contextmanager
    def rotating(self) -> Iterator[None]:
        """Within, a new key is the newest, already in the file; no other process rotates. Old keys stay."""
        with _locked(self.path):
            keys = [_new_key(), *_read(self.path).items()]
            _replace(self.path, keys)
            self.refresh()
            yield

    def drop_all_but(self, used: Collection[str]) -> None:
        """Remove keys that no row needs any more; the newest always stays. Only within ``rotating``."""
        keys = [(key_id, key) for key_id, key in _read(self.path).items() if key_id in used or key_id == self.newest]
        _replace(self.path, keys)
        self.refresh()


def _new_key() -> tuple[str, bytes]:
    return secrets.token_hex(8), AESGCM.generate_key(256)


def new_keys() -> str:
    """What a file with one new key holds."""
    return _text([_new_key()])


def _text(keys: Collection[tuple[str, bytes]]) -> str:
    return json.dumps({"keys": [{"id": key_id, "key": base64.b64encode(key).decode()} for key_id, key in keys]})


def _read(path: Path) -> dict[str, bytes]:
    try:
        if path.stat().st_mode & _OTHERS:
            msg = f"{path} can be read by everyone on this machine. Run: chmod 600 {path}"
            raise KeyringError(msg)
        keys = {entry["id"]: base64.b64decode(entry["key"]) for entry in json.loads(path.read_bytes())["keys"]}
    except OSError as error:
        msg = f"{path} holds the keys of all secrets and cannot be read: {error.strerror}."
        raise KeyringError(msg) from error
    except (ValueError, KeyError, TypeError) as error:
        keys = {}
        del error  # its text could hold a part of a key
    if not keys or any(len(key) != 32 for key in keys.values()):
        msg = f"{path} does not hold PrimeHub's keys. Restore it from a backup; without it no secret can be read."
        raise KeyringError(msg)
    return keys


def _write_temporary(path: Path, keys: Collection[tuple[str, bytes]]) -> Path:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(_text(keys).encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError:  # a disk that is full
        temporary.unlink()
        raise
    return temporary


def _replace(path: Path, keys: Collection[tuple[str, bytes]]) -> None:
    _write_temporary(path, keys).replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = os.open(path.with_name(f".{path.name}.lock"), os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
