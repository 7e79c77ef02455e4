"""Secrets in files."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hub_config.secret_files import SecretFileError, secret_file


def test_many_that_ask_at_once_get_the_same_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: secret_file(tmp_path / "s" / "token"), range(32)))
    assert len(found) == 1
    assert [f.name for f in (tmp_path / "s").iterdir()] == ["token"]


def test_a_file_that_others_may_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("abc\n")
    path.chmod(0o644)
    assert secret_file(path) == "abc"
    assert path.stat().st_mode & 0o077 == 0


def test_an_empty_file_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "token").touch()
    with pytest.raises(SecretFileError, match="Delete it and start again"):
        secret_file(tmp_path / "token")


def test_a_folder_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "token").mkdir()
    with pytest.raises(SecretFileError, match="token"):
        secret_file(tmp_path / "token")
