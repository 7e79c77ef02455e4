"""System calls that no workload needs and that namespaces do not keep apart, as a filter for bwrap. Pure.

The kernel's keyrings are the first reason: keys belong to a uid of the machine, which all workloads share, so that what
one stores there (a Kerberos ticket, say) every other could find by its number and read. The others are those that
container engines refuse too: large parts of the kernel that no notebook asks for.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

_KEYRINGS = ("add_key", "request_key", "keyctl")
_SURFACE = ("bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register")
DENIED = (*_KEYRINGS, *_SURFACE)
_X86_64 = dict(zip(DENIED, (248, 249, 250, 321, 298, 323, 425, 426, 427), strict=True))
_I386 = dict(zip(DENIED, (286, 287, 288, 357, 336, 374, 425, 426, 427), strict=True))
_AARCH64 = dict(zip(DENIED, (217, 218, 219, 280, 241, 282, 425, 426, 427), strict=True))
_ARM = dict(zip(DENIED, (309, 310, 311, 386, 364, 388, 425, 426, 427), strict=True))
_ARCHITECTURES: Mapping[str, Mapping[int, Mapping[str, int]]] = {
    "x86_64": {0xC000003E: _X86_64, 0x40000003: _I386},
    "aarch64": {0xC00000B7: _AARCH64, 0x40000028: _ARM},
}
"""By ``platform.machine()``: the kernel's number of each ABI that its processes can use, and that ABI's numbers."""
_X32 = 0x40000000
"""From here on the numbers are those of a third ABI of x86_64, which nothing uses."""

_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER, _ARCHITECTURE = 0, 4
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | 1  # EPERM, as container engines say it


def program(machine: str) -> bytes:
    """The filter for a machine, as the kernel takes it; empty where its numbers are not known here."""
    abis = _ARCHITECTURES.get(machine)
    if abis is None:
        return b""
    steps = [_step(_LOAD, _ARCHITECTURE)]
    for architecture, numbers in abis.items():
        block = _block(sorted(numbers.values()), x32=machine == "x86_64")
        steps += [_step(_EQUAL, architecture, otherwise=len(block)), *block]
    return b"".join([*steps, _step(_RETURN, _REFUSE)])


def _block(numbers: list[int], *, x32: bool) -> list[bytes]:
    tests = [(_AT_LEAST, _X32)] if x32 else []
    tests += [(_EQUAL, number) for number in numbers]
    # each one jumps over those behind it and over the permission
    jumps = [_step(code, value, then=len(tests) - at) for at, (code, value) in enumerate(tests)]
    return [_step(_LOAD, _NUMBER), *jumps, _step(_RETURN, _ALLOW), _step(_RETURN, _REFUSE)]


def _step(code: int, value: int, *, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("=HBBI", code, then, otherwise, value)
