"""The keys of secrets: made once, kept from others, and changed without losing anything."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from primehub_services.store.crypto import Keyring, KeyringError


def test_the_key_file_is_the_platforms_alone(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "encryption.key"
    keyring = Keyring.load_or_create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [p.name for p in path.parent.iterdir()] == ["encryption.key"]
    assert Keyring.load_or_create(path).newest == keyring.newest


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    path = tmp_path / "encryption.key"
    code = (
        "import sys, pathlib; from primehub_services.store.crypto import Keyring; sys.stdin.readline(); "
        "print(Keyring.load_or_create(pathlib.Path(sys.argv[1])).newest)"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    assert len({process.communicate(timeout=60)[0] for process in processes}) == 1


def test_what_is_encrypted_is_read_back_for_its_row_alone(tmp_path: Path) -> None:
    keyring = Keyring.load_or_create(tmp_path / "encryption.key")
    key_id, ciphertext = keyring.encrypt("s3cret ☂", row_id="a")
    assert keyring.decrypt(key_id, ciphertext, row_id="a") == "s3cret ☂"
    assert b"s3cret" not in ciphertext
    assert keyring.encrypt("s3cret ☂", row_id="a")[1] != ciphertext
    with pytest.raises(KeyringError, match="another row"):
        keyring.decrypt(key_id, ciphertext, row_id="b")
    with pytest.raises(KeyringError, match="changed"):
        keyring.decrypt(key_id, ciphertext[:-1] + bytes([ciphertext[-1] ^ 1]), row_id="a")


def test_old_values_can_be_read_until_their_key_is_dropped(tmp_path: Path) -> None:
    keyring = Keyring.load_or_create(tmp_path / "encryption.key")
    other_process = Keyring.load_or_create(tmp_path / "encryption.key")
    old = keyring.encrypt("old", row_id="a")
    with keyring.rotating():
        new = keyring.encrypt("new", row_id="a")
        assert new[0] != old[0]
        assert keyring.decrypt(*old, row_id="a") == "old"
        # a process that has not seen the rotation finds the new key
        assert other_process.decrypt(*new, row_id="a") == "new"
        keyring.drop_all_but({old[0]})
        assert keyring.decrypt(*old, row_id="a") == "old"
        keyring.drop_all_but(set())
    assert keyring.ids == (new[0],)
    with pytest.raises(KeyringError, match=old[0]):
        keyring.decrypt(*old, row_id="a")


@pytest.mark.parametrize(
    "content", [b"", b"{}", b'{"keys": []}', b'{"keys": [{"id": "a", "key": "c2hvcnQ="}]}', b"\xff"]
)
def test_a_broken_key_file_is_refused_and_never_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "encryption.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyringError, match="backup"):
        Keyring.load_or_create(path)
    assert path.read_bytes() == content


def test_a_key_file_that_everyone_can_read_is_refused_with_the_command_to_run(tmp_path: Path) -> None:
    path = tmp_path / "encryption.key"
    Keyring.load_or_create(path)
    path.chmod(0o604)
    with pytest.raises(KeyringError, match=f"chmod 600 {path}"):
        Keyring.load_or_create(path)


def test_no_key_is_in_a_repr(tmp_path: Path) -> None:
    path = tmp_path / "encryption.key"
    keyring = Keyring.load_or_create(path)
    assert repr(keyring) == f"Keyring({str(path)!r}, 1 keys)"


def test_an_unreadable_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "encryption.key").mkdir(mode=0o700)
    os.chmod(tmp_path / "encryption.key", 0o700)
    with pytest.raises(KeyringError, match="cannot be read"):
        Keyring.load_or_create(tmp_path / "encryption.key")
