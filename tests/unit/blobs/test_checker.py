"""Checking uploads that are too large to be read into the services themselves."""

from __future__ import annotations

import asyncio
import json
import resource
import zipfile
from pathlib import Path

import pytest

from primehub_services import limited
from primehub_services.blobs import UploadChecker, check_upload, checker
from primehub_services.blobs import snapshots as blobs
from primehub_services.domain.problems import Invalid, TooMany
from primehub_services.domain.snapshots import SnapshotFormat
from tests.support.waiting import wait_for_async

LIMIT = 50_000_000
CELL = {"cell_type": "code", "source": "print(1)", "metadata": {}, "outputs": []}


def notebook(size: int = 0, **more: object) -> bytes:
    whole = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [CELL], "padding": "x" * size, **more}
    return json.dumps(whole).encode()


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.fixture
def nothing_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails whatever is read in this process."""

    def read(*_: object) -> None:
        pytest.fail("a large upload was read in place")

    monkeypatch.setattr(checker, "check_upload", read)


@pytest.mark.usefixtures("nothing_here")
async def test_a_large_upload_is_checked_elsewhere_with_the_same_answer(tmp_path: Path) -> None:
    plain = written(tmp_path / "a.ipynb", notebook(2 * blobs.SMALL))
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("é/a.ipynb", plain.read_bytes())
    found = UploadChecker()
    assert await found.check(plain, "a.ipynb", LIMIT) == check_upload(plain, "a.ipynb", LIMIT)
    assert (await found.check(tmp_path / "a.zip", "é/a.ipynb", LIMIT))[0] is SnapshotFormat.FOLDER
    with pytest.raises(Invalid, match="format 3") as raised:
        await found.check(written(plain, notebook(2 * blobs.SMALL, nbformat=3)), "a.ipynb", LIMIT)
    assert raised.value.errors[0].field == "body"
    assert raised.value.errors[0].fix


@pytest.mark.usefixtures("nothing_here")
async def test_json_that_would_fill_the_memory_is_refused_and_takes_none_of_ours(tmp_path: Path) -> None:
    path = written(tmp_path / "a.ipynb", b'{"nbformat": 4, "cells": [' + b"[[]]," * 9_000_000 + b"0]}")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    checking = asyncio.create_task(UploadChecker().check(path, "a.ipynb", LIMIT))
    with pytest.raises(Invalid) as raised:
        await checking
    assert raised.value.errors[0].field == "body"
    assert raised.value.errors[0].fix
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024  # KiB


async def test_what_takes_too_long_or_too_much_is_ended_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "a.ipynb", notebook(2 * blobs.SMALL))
    monkeypatch.setattr(checker, "_COMMAND", ("-c", "import time; time.sleep(60)"))
    with pytest.raises(Invalid, match="takes more than"):
        await UploadChecker(timeout=0.3).check(path, "a.ipynb", LIMIT)
    hog = "from primehub_services import limited; limited.restrict(); bytearray(limited.MEMORY)"
    monkeypatch.setattr(checker, "_COMMAND", ("-c", hog))
    with pytest.raises(Invalid, match="too much time or memory"):
        await UploadChecker().check(path, "a.ipynb", LIMIT)
    assert limited.MEMORY >= 1024**3


async def test_few_large_ones_are_checked_at_once_few_wait_and_small_ones_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = written(tmp_path / "a.ipynb", notebook(2 * blobs.SMALL))
    small = written(tmp_path / "b.ipynb", notebook())
    command = checker._COMMAND
    monkeypatch.setattr(checker, "_COMMAND", ("-c", "import time; time.sleep(60)"))
    monkeypatch.setattr(checker, "WAITING", 0)
    found = UploadChecker()
    with pytest.raises(TooMany) as raised:
        await found.check(large, "a.ipynb", LIMIT)
    assert raised.value.extra["retry_after_s"] == 5
    assert (await found.check(small, "b.ipynb", LIMIT))[0] is SnapshotFormat.NOTEBOOK
    monkeypatch.setattr(checker, "WAITING", 1)
    waiting = asyncio.create_task(found.check(large, "a.ipynb", LIMIT))
    await wait_for_async(lambda: found._waiting, what="the check")
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    monkeypatch.setattr(checker, "_COMMAND", command)
    assert (await found.check(large, "a.ipynb", LIMIT))[0] is SnapshotFormat.NOTEBOOK
