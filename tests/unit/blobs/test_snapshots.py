"""Uploads that mean ill."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest

from primehub_services.blobs import check_upload
from primehub_services.domain.problems import Invalid
from primehub_services.domain.snapshots import SnapshotFormat

NOTEBOOK = '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}'
END = struct.Struct("<4s4H2LH")
LIMIT = 50_000_000


def packed(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.ipynb", NOTEBOOK)
    return path


def test_a_folder_is_taken(tmp_path: Path) -> None:
    assert check_upload(packed(tmp_path / "a.zip"), "a.ipynb", LIMIT)[0] is SnapshotFormat.FOLDER


def test_a_list_of_files_that_would_fill_the_memory_is_not_read(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip")
    data = path.read_bytes()
    *_, size, offset, _ = END.unpack(data[-END.size :])
    entries = data[offset : offset + size] * (20_000_000 // size)
    end = END.pack(b"PK\x05\x06", 0, 0, 1, 1, len(entries), offset, 0)
    path.write_bytes(data[:offset] + entries + end)
    with pytest.raises(Invalid, match="more than 10000 files"):
        check_upload(path, "a.ipynb", LIMIT)
