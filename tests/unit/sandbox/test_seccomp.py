"""The filter of system calls, run as the kernel would run it."""

from __future__ import annotations

import struct

import pytest

from primehub_services.sandbox import seccomp

X86_64, I386, AARCH64, ARM = 0xC000003E, 0x40000003, 0xC00000B7, 0x40000028
ALLOWED, REFUSED = 0x7FFF0000, 0x00050001
ADD_KEY = {X86_64: 248, I386: 286, AARCH64: 217, ARM: 309}
READ = {X86_64: 0, I386: 3, AARCH64: 63, ARM: 3}


def verdict(machine: str, architecture: int, number: int) -> int:
    """What the filter says of a system call."""
    data = struct.pack("=II", number, architecture)
    steps = list(struct.iter_unpack("=HBBI", seccomp.program(machine)))
    at = accumulator = 0
    while True:
        code, then, otherwise, value = steps[at]
        if code == 0x06:
            return int(value)
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, value)
            at += 1
        else:
            holds = accumulator == value if code == 0x15 else accumulator >= value
            at += 1 + (then if holds else otherwise)


@pytest.mark.parametrize(
    ("machine", "architecture"), [("x86_64", X86_64), ("x86_64", I386), ("aarch64", AARCH64), ("aarch64", ARM)]
)
def test_keys_are_refused_in_every_abi_and_ordinary_calls_are_not(machine: str, architecture: int) -> None:
    assert [verdict(machine, architecture, ADD_KEY[architecture] + n) for n in range(3)] == [REFUSED] * 3
    assert verdict(machine, architecture, READ[architecture]) == ALLOWED
    assert verdict(machine, architecture, ADD_KEY[architecture] - 1) == ALLOWED
    assert verdict(machine, architecture, ADD_KEY[architecture] + 3) == ALLOWED
    assert [verdict(machine, architecture, n) for n in (424, 425, 426, 427, 428)] == [ALLOWED, *[REFUSED] * 3, ALLOWED]


def test_no_abi_is_a_way_around() -> None:
    assert verdict("x86_64", X86_64, 0x40000000 + 250) == REFUSED
    assert verdict("x86_64", AARCH64, 0) == REFUSED


def test_a_machine_whose_numbers_are_unknown_has_no_filter() -> None:
    assert seccomp.program("s390x") == b""
