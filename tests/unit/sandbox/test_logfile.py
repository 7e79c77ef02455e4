"""Output kept within a size."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from primehub_services.sandbox.logfile import LogWriter, chunks, gap, read, segments, size, text

CAP = 8192


def write(folder: Path, *pieces: bytes, cap: int = CAP) -> LogWriter:
    log = LogWriter(str(folder), cap)
    for piece in pieces:
        log.write(piece)
    return log


def test_what_fits_is_kept_whole(tmp_path: Path) -> None:
    write(tmp_path, b"hello ", b"world")
    assert list(chunks(tmp_path)) == [(0, b"hello world")]
    assert b"".join(text(chunks(tmp_path))) == b"hello world"
    assert read(tmp_path, 6, 100) == (b"world", 6, 11)
    assert read(tmp_path, -5, 3) == (b"wor", 6, 9)
    assert read(tmp_path, 11, 100) == (b"", 11, 11)


def test_an_empty_folder_is_an_empty_log(tmp_path: Path) -> None:
    assert read(tmp_path / "nothing", 0, 10) == (b"", 0, 0)
    assert size(tmp_path) == 0


def test_of_much_the_beginning_and_the_end_are_kept_and_the_gap_is_marked(tmp_path: Path) -> None:
    whole = b"".join(b"%07d\n" % number for number in range(5000))
    write(tmp_path, whole)
    kept = b"".join(text(chunks(tmp_path)))
    start = max(begin for begin, _ in segments(tmp_path)[:2])
    assert kept == whole[: CAP // 2] + gap(start - CAP // 2) + whole[start:]
    assert [offset for offset, _ in chunks(tmp_path)] == [begin for begin, _ in segments(tmp_path)]
    assert len(whole) - start >= CAP // 4
    assert sum(path.stat().st_size for _, path in segments(tmp_path)) <= CAP
    assert size(tmp_path) == len(whole)


def test_a_follower_goes_on_behind_the_gap(tmp_path: Path) -> None:
    log = write(tmp_path, b"a" * CAP)
    _, _, offset = read(tmp_path, 0, 100)
    log.write(b"b" * 10 * CAP)
    data, _, following = read(tmp_path, -10, 100)
    assert data == b"b" * 10
    assert read(tmp_path, following, 10)[0] == b""
    log.write(b"new")
    assert read(tmp_path, following, 10)[0] == b"new"
    assert read(tmp_path, offset, 10)[0] == b"a" * 10


@given(pieces=st.lists(st.binary(min_size=1, max_size=5000), max_size=30))
def test_however_it_is_written_both_ends_are_exact_and_the_cap_holds(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]
) -> None:
    folder = tmp_path_factory.mktemp("log")
    write(folder, *pieces)
    whole = b"".join(pieces)
    assert size(folder) == len(whole)
    assert read(folder, 0, CAP // 2)[0] == whole[: CAP // 2]
    tail = min(len(whole), CAP // 4)
    assert tail == 0 or read(folder, -tail, CAP)[0] == whole[-tail:]
    assert sum(path.stat().st_size for _, path in segments(folder)) <= CAP


def test_what_cannot_be_written_is_counted_and_writing_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    log = LogWriter(str(folder), CAP)
    log.write(b"lost")
    folder.mkdir()
    log.write(b"kept")
    assert (log.lost, log.size) == (4, 8)
    assert read(folder, 0, 100)[0] == gap(4) + b"kept"
