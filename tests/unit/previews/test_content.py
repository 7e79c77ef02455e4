"""Text and tables out of bytes that may be anything."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from primehub_services.domain.results import Preview, PreviewKind, media_type
from primehub_services.previews import MAX_NOTEBOOK, preview
from primehub_services.previews.content import MAX_CELL, MAX_COLUMNS, MAX_ROWS, MAX_TABLE, MAX_TEXT


def shown(path: str, data: bytes) -> Preview:
    """The preview of a file."""
    return preview(path, len(data), lambda offset, limit: data[offset : offset + limit])


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("größer".encode(), "größer"),
        (b"\xef\xbb\xbf" + b"mit Marke", "mit Marke"),
        ("sechzehn ☃".encode("utf-16"), "sechzehn ☃"),
        ("größer".encode("cp1252"), "größer"),
        (b"", ""),
    ],
)
def test_text_is_read_whatever_its_charset(data: bytes, text: str) -> None:
    found = shown("a.txt", data)
    assert (found.kind, found.text, found.truncated) == (PreviewKind.TEXT, text, False)


def test_what_is_no_text_is_not_shown_as_such() -> None:
    found = shown("model", b"\x7fELF\x00\x01")
    assert (found.kind, found.text) == (PreviewKind.NONE, "")
    assert found.message


def test_of_a_long_text_the_beginning_is_shown_without_half_a_character() -> None:
    found = shown("a.log", b"x" + "ü".encode() * MAX_TEXT)
    assert found.truncated
    assert set(found.text) == {"x", "ü"}


@pytest.mark.parametrize("path", ["a.csv", "A.CSV", "dir.d/a.csv"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_a_table_is_shown_whatever_separates_its_columns(path: str, separator: str) -> None:
    data = separator.join(["name", "size"]) + "\r\n" + separator.join(['"a b"', "1.5"]) + "\r\n"
    found = shown(path, data.encode())
    assert (found.kind, found.columns, found.rows) == (PreviewKind.TABLE, ("name", "size"), (("a b", "1.5"),))


def test_of_a_large_table_a_corner_is_shown() -> None:
    row = ",".join(["y" * (MAX_CELL + 1)] * (MAX_COLUMNS + 5)) + "\n"
    found = shown("a.csv", row.encode() * 10)
    assert found.truncated
    assert len(found.columns) == MAX_COLUMNS
    assert len(found.columns[0]) == MAX_CELL
    many = shown("a.csv", b"1,2\n" * (MAX_ROWS + 100))
    assert (len(many.rows), many.truncated) == (MAX_ROWS, True)
    long = shown("a.csv", b"1,2\n" * MAX_TABLE)
    assert (len(long.rows), long.truncated) == (MAX_ROWS, True)


@given(data=st.binary(max_size=300), path=st.sampled_from(["a.csv", "a.tsv", "a.txt", "a", "a.json", "a.md"]))
def test_whatever_is_in_a_file_there_is_an_answer_that_json_can_carry(data: bytes, path: str) -> None:
    found = shown(path, data)
    text = found.model_dump_json()
    assert "\\u0000" not in text
    json.loads(text.encode())


def test_what_is_too_large_for_a_page_is_said_so() -> None:
    found = preview("a.ipynb", MAX_NOTEBOOK + 1, lambda offset, limit: b"")
    assert (found.kind, found.message) == (PreviewKind.NONE, "It is larger than the 20 MB that are shown: download it.")
    assert shown("a.ipynb", b"{}").kind is PreviewKind.NOTEBOOK


@pytest.mark.parametrize(
    ("path", "media"),
    [
        ("a.ipynb", "application/x-ipynb+json"),
        ("a.PNG", "image/png"),
        ("a.csv.gz", "application/octet-stream"),
        ("a", "application/octet-stream"),
        (".hidden", "application/octet-stream"),
        ("a.html", "text/html"),
        ("folder.png/model", "application/octet-stream"),
    ],
)
def test_what_a_file_is_goes_by_its_name(path: str, media: str) -> None:
    assert media_type(path) == media
