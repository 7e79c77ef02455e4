"""Variables that people set: names, sizes, and those that are the platform's."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from primehub_services.domain.environment import (
    KEPT,
    MAX_ENVIRONMENT,
    MAX_VALUE,
    MAX_VARIABLES,
    RESERVED,
    Environment,
    check_environment,
)


@pytest.mark.parametrize("name", ["FOO", "foo_bar", "_x", "a.b-c", "-x", ".x"])
def test_names_that_the_original_product_took_are_taken(name: str) -> None:
    assert check_environment({name: "v"}) == {name: "v"}


@pytest.mark.parametrize("name", ["", "1X", "A B", "A=B", "Ä", "A\n", "X" * 129, "A;B"])
def test_what_is_no_name_is_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match="is not a variable name"):
        check_environment({"GOOD": "v", name: "v"})


@pytest.mark.parametrize("name", [*sorted(RESERVED), "JUPYTERHUB_API_TOKEN", "PRIMEHUB_USER", "LD_PRELOAD"])
def test_the_platforms_own_variables_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}' is set by the platform"):
        check_environment({name: "v"})


def test_too_much_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than"):
        check_environment({"A": "x" * (MAX_VALUE + 1)})
    with pytest.raises(ValueError, match="NUL"):
        check_environment({"A": "x\0y"})
    with pytest.raises(ValueError, match="more than 100 variables"):
        check_environment({f"A{n}": "" for n in range(MAX_VARIABLES + 1)})
    assert len(check_environment({f"A{n}": "x" * MAX_VALUE for n in range(MAX_VARIABLES)})) == MAX_VARIABLES


def test_all_variables_together_have_a_bound_too() -> None:
    adapter: TypeAdapter[dict[str, str]] = TypeAdapter(Environment)
    fits = {"A": "x" * MAX_VALUE, "B": "x" * (MAX_ENVIRONMENT - MAX_VALUE - 100)}
    assert adapter.validate_python(fits) == fits
    for much in ({**fits, "C": "x" * 200}, {"A": "\x01" * 20_000}, {"A": "\N{GRINNING FACE}" * 10_000}):
        with pytest.raises(ValidationError, match="characters as JSON"):
            adapter.validate_python(much)


def test_what_was_taken_before_there_was_a_bound_is_still_read() -> None:
    adapter: TypeAdapter[dict[str, str]] = TypeAdapter(Environment)
    much = {f"A{n}": "x" * MAX_VALUE for n in range(MAX_VARIABLES)}
    assert adapter.validate_python(much, context=KEPT) == much


@given(st.dictionaries(st.text(max_size=10), st.text(max_size=10), max_size=5))
def test_any_variables_are_taken_as_they_are_or_refused(variables: dict[str, str]) -> None:
    adapter: TypeAdapter[dict[str, str]] = TypeAdapter(Environment)
    with suppress(ValidationError):  # and no other exception
        assert adapter.validate_python(variables) == variables
