"""CPU and memory amounts: what is read, what is refused, what is echoed."""

from __future__ import annotations

import re
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from primehub_services.domain.resources import Quota, Resources, total
from primehub_services.domain.units import (
    GIB,
    MIB,
    Bytes,
    Millicores,
    format_cpu,
    format_memory,
    parse_cpu,
    parse_memory,
)
from primehub_services.domain.wrong import WrongValue

cpus = st.integers(0, 1_000_000_000).map(Millicores)
memories = st.integers(0, 1024**5 // MIB).map(lambda mib: Bytes(mib * MIB))


@given(cpus)
def test_cpu_survives_being_written_and_read(amount: Millicores) -> None:
    assert parse_cpu(format_cpu(amount)) == amount
    assert parse_cpu(f"{amount}m") == amount
    assert parse_cpu(str(Decimal(amount) / 1000)) == amount


@given(memories)
def test_memory_survives_being_written_and_read(amount: Bytes) -> None:
    assert parse_memory(format_memory(amount)) == amount


@given(st.text(max_size=20))
def test_any_text_is_an_amount_or_a_value_error(text: str) -> None:
    for parse in (parse_cpu, parse_memory):
        with suppress(ValueError):  # and no other exception
            assert parse(text) >= 0


@given(cpus, memories, st.integers(0, 1024))
def test_models_survive_json(cpu: Millicores, memory: Bytes, gpu: int) -> None:
    quota = Quota(cpu=cpu, memory=memory, gpu=gpu)
    assert Quota.model_validate_json(quota.model_dump_json()) == quota


@pytest.mark.parametrize(
    ("value", "amount"),
    [(0.5, 500), ("0.5", 500), ("500m", 500), (4, 4000), (0.1, 100), (0.001, 1), (0, 0), (" 2 ", 2000)],
)
def test_cores_are_read(value: Any, amount: int) -> None:
    assert parse_cpu(value) == amount


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (-1, "negative"),
        ("-0.5", "negative"),
        (0.0005, "0.001"),
        ("half", "0.5 or 4"),
        (True, "number"),
        (None, "number"),
        ("nan", "number"),
        ("inf", "number"),
        (1e9, "at most"),
        ("", "number"),
        ([], "number"),
    ],
)
def test_what_is_no_number_of_cores_is_refused_with_words(value: Any, words: str) -> None:
    with pytest.raises(WrongValue) as refused:
        parse_cpu(value)
    assert words in f"{refused.value}; {refused.value.fix}"


@pytest.mark.parametrize(
    ("value", "amount", "echo"),
    [
        ("8Gi", 8 * GIB, "8Gi"),
        ("8G", 8 * GIB, "8Gi"),
        ("8GB", 8 * GIB, "8Gi"),
        (8, 8 * GIB, "8Gi"),
        (0.5, GIB // 2, "512Mi"),
        ("512Mi", 512 * MIB, "512Mi"),
        ("512M", 512 * MIB, "512Mi"),
        ("1.5Gi", 1536 * MIB, "1.5Gi"),
        ("1Ti", 1024 * GIB, "1024Gi"),
        ("0", 0, "0Mi"),
        ("8 gi", 8 * GIB, "8Gi"),
    ],
)
def test_memory_is_read_and_echoed(value: Any, amount: int, echo: str) -> None:
    assert parse_memory(value) == amount
    assert format_memory(amount) == echo


@pytest.mark.parametrize("value", ["-1Gi", "8Ki", "lots", "", True, None, "1.0001Gi", "2000Ti", "8Gi8Gi", "٣Gi"])
def test_what_is_no_amount_of_memory_is_refused(value: Any) -> None:
    with pytest.raises(WrongValue) as refused:
        parse_memory(value)
    assert re.search("memory|MiB|Ti", f"{refused.value}; {refused.value.fix}")


def test_half_a_core_is_half_a_core_everywhere() -> None:
    quota = Quota.model_validate({"cpu": 0.5})
    assert quota.cpu == 500
    assert quota.model_dump(mode="json") == {"cpu": 0.5, "memory": None, "gpu": None}
    assert total([Resources(cpu=Millicores(500))] * 3).model_dump(mode="json")["cpu"] == 1.5


@pytest.mark.parametrize("field", ["cpu", "memory", "gpu"])
def test_negative_quotas_are_refused_by_field(field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Quota.model_validate({field: -1})
    assert [error["loc"] for error in caught.value.errors()] == [(field,)]


def test_gpus_are_whole() -> None:
    with pytest.raises(ValidationError, match="gpu"):
        Quota.model_validate({"gpu": 0.5})


@given(st.lists(st.builds(Resources, cpu=cpus, memory=memories, gpu=st.integers(0, 8)), max_size=5))
def test_a_total_is_the_sum_of_each(amounts: list[Resources]) -> None:
    for name in ("cpu", "memory", "gpu"):
        assert getattr(total(amounts), name) == sum(getattr(amount, name) for amount in amounts)
