"""Amounts as Kubernetes writes them. Pure. (Those that people write are in ``units``.)"""

from __future__ import annotations

import re

_AMOUNT = re.compile(r"^([0-9.]+)(n|u|m|[KMGTPE]i|[kKMGTPE])?$")
_FACTORS = {
    "n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0,
    "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50, "Ei": 2.0**60,
}  # fmt: skip


_PART = r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|ms|s|m|h)"
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str) -> float:
    """Of a duration as Go writes it: ``1m0.5s`` is 60.5; 0 where it is none."""
    if not re.fullmatch(f"(?:{_PART})+", text):
        return 0.0
    return sum(float(number) * _SECONDS[unit] for number, unit in re.findall(_PART, text))


def amount(text: str) -> float:
    """The number: ``250m`` is 0.25, ``2Ki`` is 2048; 0 where it is none."""
    found = _AMOUNT.match(text.strip())
    return float(found[1]) * _FACTORS[found[2] or ""] if found else 0.0
