"""CPU and memory amounts: integers inside, the field's usual notation outside.

CPU is kept in millicores and memory in bytes, so that 0.5 cores is exact everywhere. The API reads and writes
cores (``0.5``) and Kubernetes-style memory (``8Gi``). A bare ``8G`` or ``8`` is read as GiB, as PrimeHub's users
have always meant it, and echoed as ``8Gi``.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from .wrong import WrongValue

MIB = 1024**2
GIB = 1024**3
_MEMORY = re.compile(r"^([0-9]+(?:\.[0-9]+)?)\s*(Mi|Gi|Ti|M|G|T)?B?\Z", re.IGNORECASE)
_FACTORS = {"m": MIB, "g": GIB, "t": 1024 * GIB}
_MAX_CPU = 1_000_000
_MAX_MEMORY = 1024**5


class Millicores(int):
    """An amount of CPU in thousandths of a core. Marks an integer as already converted."""


class Bytes(int):
    """An amount of memory in bytes. Marks an integer as already converted."""


def parse_cpu(value: Any) -> Millicores:
    """Cores (number, or text such as ``0.5`` or ``500m``) as millicores.

    Raises ``ValueError`` when the value is negative, finer than 0.001 cores, or not a number.
    """
    if isinstance(value, Millicores):
        return value
    text = str(value).strip()
    factor = Decimal(1000)
    if text.endswith("m"):
        text, factor = text[:-1], Decimal(1)
    try:
        amount = Decimal(text) * factor if not isinstance(value, bool) else None
    except InvalidOperation:
        amount = None
    if amount is None or not amount.is_finite():
        msg, fix = f"{value!r} is not a number of cores", "write for example 0.5 or 4"
        raise WrongValue(msg, fix)
    if amount < 0:
        msg, fix = "must not be negative", "give 0 cores or more"
        raise WrongValue(msg, fix)
    if amount != amount.to_integral_value():
        msg, fix = "is finer than 0.001 cores", "round it to a thousandth"
        raise WrongValue(msg, fix)
    if amount > _MAX_CPU * 1000:
        msg, fix = "is more than any machine has", f"give at most {_MAX_CPU} cores"
        raise WrongValue(msg, fix)
    return Millicores(int(amount))


def parse_memory(value: Any) -> Bytes:
    """Memory (``8Gi``, ``512Mi``, ``8G`` read as GiB, or a bare number of GiB) as bytes.

    Raises ``ValueError`` when the value is negative, finer than 1 MiB, or has no known unit.
    """
    if isinstance(value, Bytes):
        return value
    match = _MEMORY.match(str(value).strip()) if not isinstance(value, bool) else None
    if match is None:
        msg, fix = f"{value!r} is not an amount of memory", "write for example 8Gi or 512Mi"
        raise WrongValue(msg, fix)
    amount = Decimal(match[1]) * _FACTORS[(match[2] or "g")[0].lower()]
    if amount % MIB != 0:
        msg, fix = "is not a whole number of MiB", "round it, and write for example 512Mi"
        raise WrongValue(msg, fix)
    if amount > _MAX_MEMORY:
        msg, fix = "is more than any machine has", "give at most 1024Ti"
        raise WrongValue(msg, fix)
    return Bytes(int(amount))


def format_cpu(millicores: int) -> float | int:
    """Millicores as the number of cores: ``500`` is ``0.5``, ``2000`` is ``2``."""
    return millicores // 1000 if millicores % 1000 == 0 else millicores / 1000


def format_memory(amount: int) -> str:
    """Bytes in the largest unit that needs at most two decimals: ``8Gi``, ``1.5Gi``, ``300Mi``."""
    gib = Decimal(amount) / GIB
    if gib >= 1 and gib == gib.quantize(Decimal("0.01")):
        return f"{gib.normalize():f}Gi"
    return f"{amount // MIB}Mi"


Cpu = Annotated[
    Millicores,
    PlainValidator(parse_cpu),
    PlainSerializer(format_cpu, return_type=float | int),
    WithJsonSchema({"type": "number", "minimum": 0, "description": "cores", "examples": [0.5, 4]}),
]
"""CPU of a model: millicores in Python, cores in JSON."""

Memory = Annotated[
    Bytes,
    PlainValidator(parse_memory),
    PlainSerializer(format_memory, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^[0-9]+(\.[0-9]+)?(Mi|Gi|Ti|M|G|T)?$",
            "description": "memory",
            "examples": ["8Gi"],
        }
    ),
]
"""Memory of a model: bytes in Python, ``8Gi`` in JSON."""
