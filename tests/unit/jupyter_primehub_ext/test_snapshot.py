"""What is sent of a notebook, and when two of them are the same."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from jupyter_primehub_ext import snapshot
from jupyter_primehub_ext.service import result_name
from primehub_services.blobs import check_upload
from primehub_services.domain import notebook_runs
from primehub_services.domain.snapshots import SnapshotFormat, notebook_digest


def notebook(source: Any = "print('é')", **metadata: Any) -> dict[str, Any]:
    cell = {"cell_type": "code", "source": source, "metadata": metadata, "outputs": [{"x": 1}], "execution_count": 3}
    text = {"cell_type": "markdown", "source": "# T", "metadata": {}}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": {"name": "k"}}, "cells": [cell, text]}


def test_outputs_stay_here() -> None:
    sent = json.loads(snapshot.content(notebook()))
    assert (sent["cells"][0]["outputs"], sent["cells"][0]["execution_count"]) == ([], None)
    assert sent["cells"][0]["source"] == "print('é')"
    assert notebook()["cells"][0]["outputs"]


@pytest.mark.parametrize("made", [notebook(), notebook(["a\n", "b"]), notebook(tags=["b", "a"]), notebook("\ud83d")])
def test_platform_and_server_mean_the_same_by_a_difference(made: dict[str, Any]) -> None:
    assert snapshot.digest(made) == notebook_digest(made)


def test_what_is_no_notebook_has_no_digest() -> None:
    for made in (None, {}, [], {"cells": [{}], "metadata": {}}, {"cells": 3}):
        assert snapshot.digest(made) is None


def test_the_platforms_name_of_a_result_is_known_here() -> None:
    for path in ("a.ipynb", "deep/a.b.ipynb", "x" * 300 + ".ipynb", "no-suffix"):
        job = {"id": "job-202611221200-abcdef", "notebook": {"path": path}}
        assert result_name(job) == notebook_runs.result_name(job["id"], path)


def test_a_folder_is_packed_without_what_no_run_needs(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    hidden = (".git/config", ".netrc", "deep/.git-credentials")
    for name in ("train.ipynb", "helper.py", "deep/data.csv", "deep/__pycache__/x.pyc", "artifacts/o", *hidden):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("as saved")
    (folder / "link").symlink_to("/etc/passwd")
    (folder / "shared").symlink_to("/etc")
    target = tmp_path / "folder.zip"
    snapshot.pack(folder, "train.ipynb", notebook(), target, 1_000_000)
    with zipfile.ZipFile(target) as packed:
        assert sorted(packed.namelist()) == ["deep/data.csv", "helper.py", "train.ipynb"]
        assert json.loads(packed.read("train.ipynb"))["cells"][0]["source"] == "print('é')"
    format, digest = check_upload(target, "train.ipynb", 1_000_000)
    assert (format, digest) == (SnapshotFormat.FOLDER, snapshot.digest(notebook()))


def test_a_folder_that_is_too_large_is_refused_with_the_limit(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "noise").write_bytes(os.urandom(2_100_000))
    with pytest.raises(snapshot.TooLarge, match="more than 2 MB"):
        snapshot.pack(folder, "train.ipynb", notebook(), tmp_path / "folder.zip", 2_000_000)


def test_a_folder_has_changed_once_a_file_of_it_was_written_but_for_results_and_what_is_not_sent(
    tmp_path: Path,
) -> None:
    for name in ("helper.py", "train-1.ipynb", ".netrc", "artifacts/o", "deep/data.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
        os.utime(tmp_path / name, (100, 100))
    for name in ("train-1.ipynb", ".netrc", "artifacts/o"):
        os.utime(tmp_path / name, (300, 300))
    assert not snapshot.changed_since(tmp_path, 200)
    os.utime(tmp_path / "deep/data.csv", (201, 201))
    assert snapshot.changed_since(tmp_path, 200)
