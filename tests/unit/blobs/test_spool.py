"""What sidecars sent: there whole, and gone at once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from primehub_services.blobs import FolderSpool
from primehub_services.domain.reports import EndReport
from primehub_services.domain.workloads import InputFile


def test_what_a_workload_is_given_is_there_whole_and_stays(tmp_path: Path) -> None:
    spool = FolderSpool(tmp_path)
    source = tmp_path / "snapshot"
    source.write_bytes(b"large")
    spool.begin("one", {"command": InputFile(text="echo\n"), "snapshot": InputFile(source=source)})
    spool.begin("one", {"command": InputFile(text="another\n")})
    assert spool.inputs("one") == ("command", "snapshot")
    file = spool.open_input("one", "command")
    assert file is not None
    with file:
        assert file.read() == b"echo\n"
    assert spool.open_input("one", "../../snapshot") is None


def test_a_workload_is_gone_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = FolderSpool(tmp_path)
    spool.write_log("one", 0, b"hello\n")
    seen: list[bool] = []
    remove = shutil.rmtree

    def watched(path: Path, **options: bool) -> None:
        seen.append(spool.exists("one"))
        remove(path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(shutil, "rmtree", watched)
    spool.drop("one")
    spool.drop("one")
    assert seen
    assert not any(seen)
    assert spool.workloads() == []


def test_files_take_the_place_of_folders_and_the_other_way_round(tmp_path: Path) -> None:
    spool = FolderSpool(tmp_path)

    def put(path: str) -> None:
        upload, file = spool.begin_upload()
        with file:
            file.write(b"x")
        spool.put_file("one", path, upload, 5)

    for path in ("artifacts/a", "artifacts/a/b", "artifacts/a"):
        put(path)
    assert spool.size("one") == (1, 1)
    spool.remove_file("one", "artifacts/a")
    assert spool.size("one") == (0, 0)


def test_a_file_that_is_forgotten_leaves_no_folder(tmp_path: Path) -> None:
    spool = FolderSpool(tmp_path)
    for path in ("artifacts/a/b/c/one", "artifacts/a/two"):
        upload, file = spool.begin_upload()
        file.close()
        spool.put_file("one", path, upload, 5)
    spool.remove_file("one", "artifacts/a/b/c/one")
    assert sorted(path.name for path in spool.home("one").rglob("*")) == ["a", "artifacts", "two"]
    spool.remove_file("one", "artifacts/a/two")
    assert list(spool.home("one").iterdir()) == []


def test_an_end_was_not_before_the_permit_nor_is_it_yet_to_come(tmp_path: Path) -> None:
    spool = FolderSpool(tmp_path)
    before = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=1)
    spool.note_permit("one")
    forged = EndReport(code=0, began_at=before - timedelta(days=900), ended_at=before + timedelta(days=90_000))
    spool.put_end("one", forged)
    found = spool.end("one")
    assert found is not None
    assert found.began_at is not None
    assert found.ended_at is not None
    assert before <= found.began_at <= found.ended_at <= datetime.now(UTC)


def test_keys_that_are_none_are_refused(tmp_path: Path) -> None:
    spool = FolderSpool(tmp_path)
    for key in ("../x", "", ".scratch", "a/b"):
        with pytest.raises(ValueError, match="not a workload's key"):
            spool.put_end(key, EndReport())


WRITER = """
import sys
from pathlib import Path
from primehub_services.blobs import FolderSpool
spool, text = FolderSpool(Path(sys.argv[1])), Path(sys.argv[2]).read_bytes()
sys.stdin.readline()
for offset in range(0, len(text), 1000):
    spool.write_log("w", offset, text[offset : offset + 1500])
"""


def test_pieces_that_come_to_several_processes_at_once_are_each_there_once(tmp_path: Path) -> None:
    text = b"".join(b"line %d\n" % number for number in range(20_000))
    (tmp_path / "text").write_bytes(text)
    command = [sys.executable, "-c", WRITER, str(tmp_path), str(tmp_path / "text")]
    writers = [subprocess.Popen(command, stdin=subprocess.PIPE) for _ in range(3)]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write(b"go\n")
        writer.stdin.close()
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    chunk = FolderSpool(tmp_path).read_log("w", 0, len(text) + 1)
    assert (chunk.data, chunk.size) == (text, len(text))
