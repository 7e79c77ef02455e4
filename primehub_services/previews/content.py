"""Text and tables: the first part of a file, as text that JSON can carry."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

from ..domain.results import Preview, PreviewKind, media_type

MAX_TEXT = 256 * 1024
"""Bytes of a file that are looked at, and so shown at the most."""
MAX_TABLE = 1024 * 1024
MAX_ROWS = 200
MAX_COLUMNS = 100
MAX_CELL = 500
MAX_IMAGE = 20 * 1000**2
MAX_NOTEBOOK = 20 * 1000**2
IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml"})
_TABLES = {".csv": ",", ".tsv": "\t"}
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe\x00\x00", "utf-32"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def preview(path: str, size: int, read: Callable[[int, int], bytes]) -> Preview:
    """How the file can be shown, with what is shown of it. ``read(offset, limit)`` gives its bytes."""
    media = media_type(path)
    known: dict[str, Any] = {"path": path, "media_type": media, "size": size}
    if media in IMAGES:
        return _if_small(known, PreviewKind.IMAGE, MAX_IMAGE)
    if path.lower().endswith(".ipynb"):
        return _if_small(known, PreviewKind.NOTEBOOK, MAX_NOTEBOOK)
    suffix = path[path.rfind(".") :].lower()
    most = MAX_TABLE if suffix in _TABLES else MAX_TEXT
    text = decode(read(0, most), whole=size <= most)
    if text is None:
        return Preview(**known, kind=PreviewKind.NONE, message="It is no text.")
    if suffix in _TABLES:
        found = _table(text, _TABLES[suffix], whole=size <= most)
        if found is not None:
            columns, rows, more = found
            return Preview(**known, kind=PreviewKind.TABLE, columns=columns, rows=rows, truncated=more)
    return Preview(**known, kind=PreviewKind.TEXT, text=text[:MAX_TEXT], truncated=size > most or len(text) > MAX_TEXT)


def _if_small(known: dict[str, Any], kind: PreviewKind, most: int) -> Preview:
    if known["size"] <= most:
        return Preview(**known, kind=kind)
    message = f"It is larger than the {most // 1000**2} MB that are shown: download it."
    return Preview(**known, kind=PreviewKind.NONE, message=message)


def decode(data: bytes, *, whole: bool) -> str | None:
    """The bytes as text, whatever charset they seem to have; None where they seem to be none.

    ``whole``: all of the file is there, so that its last character is not cut.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _clean(data.decode(encoding, errors="replace").removeprefix("\ufeff"))
    if b"\0" in data:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        if not whole and error.end == len(data) and len(data) - error.start < 4:
            return data[: error.start].decode()
    # one byte for each character: what Excel writes here and there
    return _clean(data.decode("cp1252", errors="replace"))


def _clean(text: str) -> str:
    return text.replace("\0", "\ufffd")


def _table(
    text: str, separator: str, *, whole: bool
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...], bool] | None:
    """Columns, rows, and whether there are more of either; None where it is no table."""
    if not whole:
        text = text[: text.rfind("\n") + 1]  # the last line may be cut
    if separator == ",":
        first = text.partition("\n")[0]
        separator = max(",;\t|", key=first.count)  # the first of those that come as often
    rows: list[tuple[str, ...]] = []
    more = not whole
    try:
        for row in csv.reader(io.StringIO(text), delimiter=separator):
            if len(rows) > MAX_ROWS:
                more = True
                break
            more = more or len(row) > MAX_COLUMNS or any(len(cell) > MAX_CELL for cell in row)
            rows.append(tuple(cell[:MAX_CELL] for cell in row[:MAX_COLUMNS]))
    except csv.Error:
        return None
    return (rows[0], tuple(rows[1:]), more) if rows else None
