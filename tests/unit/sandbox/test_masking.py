"""Values of secrets in output, however it is cut into reads."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from primehub_services.sandbox.masking import LONGEST, MASK, PATIENCE_S, Masker, MaskingWriter, needles


class Output:
    """What was written, and a clock."""

    def __init__(self) -> None:
        self.data = b""
        self.now = 0.0

    def write(self, data: bytes) -> None:
        self.data += data

    def masking(self, *values: str) -> MaskingWriter:
        return MaskingWriter(self, values, clock=lambda: self.now)


def masked(values: list[str], text: bytes) -> bytes:
    """What is to come out, by the plainest way."""
    wanted = needles(values)
    return re.sub(b"|".join(map(re.escape, wanted)), MASK, text) if wanted else text


few = st.text(alphabet="ab\n", max_size=8)


@given(values=st.lists(few, max_size=3), pieces=st.lists(st.text(alphabet="ab\n", max_size=12), max_size=8))
def test_however_the_output_is_cut_every_value_is_masked_and_all_else_stays(
    values: list[str], pieces: list[str]
) -> None:
    output = Output()
    writer = output.masking(*values)
    for piece in pieces:
        writer.write(piece.encode())
    writer.flush()
    assert output.data == masked(values, "".join(pieces).encode())


@given(pieces=st.lists(st.binary(max_size=10), max_size=10), secret=st.text(min_size=4, max_size=6))
def test_a_value_that_is_any_text_in_output_that_is_any_bytes(pieces: list[bytes], secret: str) -> None:
    output = Output()
    writer = output.masking(secret)
    whole = b"".join([*pieces, secret.encode(), *pieces])
    for start in range(0, len(whole), 3):
        writer.write(whole[start : start + 3])
    writer.flush()
    assert output.data == masked([secret], whole)


def test_nothing_is_held_back_but_what_may_become_a_value() -> None:
    output = Output()
    writer = output.masking("hunter22")
    writer.write(b"password: hun")
    assert (output.data, writer.due) == (b"password: ", PATIENCE_S)
    writer.write(b"t\n")
    assert (output.data, writer.due) == (b"password: hunt\n", None)


def test_what_is_held_back_comes_after_a_short_time_and_a_late_rest_is_masked_all_the_same() -> None:
    output = Output()
    writer = output.masking("hunter22")
    writer.write(b"hunt")
    writer.flush_due()
    assert output.data == b""
    output.now = PATIENCE_S
    writer.flush_due()
    assert (output.data, writer.due) == (b"hunt", None)
    writer.write(b"er22!")
    assert output.data == b"hunt[masked]!"


def test_a_late_rest_that_is_something_else_is_shown_once() -> None:
    output = Output()
    writer = output.masking("hunter22")
    writer.write(b"hunt")
    writer.flush()
    writer.write(b"ing season")
    writer.flush()
    assert output.data == b"hunting season"


def test_a_value_that_begins_another_is_not_shown_in_part() -> None:
    output = Output()
    writer = output.masking("abcd", "abcdef")
    for piece in (b"abcd", b"ef abcd", b"x"):
        writer.write(piece)
    assert output.data == b"[masked] [masked]x"


def test_each_line_of_a_value_is_masked_by_itself() -> None:
    output = Output()
    writer = output.masking("-----BEGIN KEY-----\r\n  bG9uZyBrZXk=\nab\n")
    writer.write(b"1: bG9uZyBrZXk=\n2: -----BEGIN KEY-----\nab\n")
    writer.flush()
    assert output.data == b"1: [masked]\n2: [masked]\nab\n"


@pytest.mark.parametrize("value", ["", "abc", "a\nb\nc"])
def test_what_is_too_short_to_be_a_secret_is_no_reason_to_look(value: str) -> None:
    assert needles([value]) == []


def test_of_a_very_long_line_no_more_than_a_piece_is_held_back() -> None:
    value = "".join(chr(33 + n % 90) for n in range(100 * LONGEST))
    masker = Masker(needles([value]))
    shown = b"".join(masker.feed(value.encode()[at : at + 777]) for at in range(0, len(value), 777)) + masker.flush()
    assert set(shown.split(MASK)) == {b""}
    assert max(map(len, needles([value]))) <= LONGEST
