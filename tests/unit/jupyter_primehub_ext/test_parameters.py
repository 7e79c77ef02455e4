"""What a notebook says can be set in it."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_primehub_ext.parameters import infer

Parameter = dict[str, Any]


def notebook(source: str | list[str], *, language: str = "python", tags: list[str] | None = None) -> Any:
    cell = {"cell_type": "code", "source": source, "metadata": {"tags": ["parameters"] if tags is None else tags}}
    other = {"cell_type": "code", "source": "not_one = 1", "metadata": {}}
    return {"metadata": {"kernelspec": {"language": language}}, "cells": [other, cell]}


def found(source: str | list[str]) -> dict[str, Parameter]:
    answer = infer(notebook(source))
    assert answer["supported"], answer["message"]
    return {each.pop("name"): each for each in answer["parameters"]}


@pytest.mark.parametrize(
    ("source", "type", "default"),
    [
        ("a = 1", "int", 1),
        ("a = -1", "int", -1),
        ("a = 0.5", "float", 0.5),
        ("a = 'x'", "str", "x"),
        ("a = True", "bool", True),
        ("a = None", "none", None),
        ("a = [1, 'x']", "list", [1, "x"]),
        ("a = (1, 2)", "list", [1, 2]),
        ("a = {'k': [1]}", "dict", {"k": [1]}),
        ("a: float = 1", "float", 1),
        ("a: int | None = None", "int", None),
        ("a: Optional[str] = None", "str", None),
        ("a: 'int' = None", "int", None),
        ("a: list[int] = None", "list", None),
        ("a: str", "str", None),
        ("a = compute()", "unknown", None),
        ("a: int = compute()", "int", None),
        ("a = {1, 2}", "unknown", None),
        ("a = {1: 2}", "unknown", None),
        ("a = 1e999", "unknown", None),
    ],
)
def test_types_and_defaults(source: str, type: str, default: Any) -> None:
    assert (found(source)["a"]["type"], found(source)["a"]["default"]) == (type, default)


def test_the_source_is_what_was_written() -> None:
    assert found("a = 2 ** 10  # two to the ten")["a"]["source"] == "2 ** 10"


def test_comments_are_the_help() -> None:
    parameters = found("# how fast\n# it learns\nalpha = 0.1\nepochs = 3  # rounds\n\nname = '# none'\n")
    assert {name: each["help"] for name, each in parameters.items()} == {
        "alpha": "how fast it learns",
        "epochs": "rounds",
        "name": "",
    }


def test_what_is_no_assignment_of_a_name_is_passed_over() -> None:
    source = (
        "import os\n%matplotlib inline\n!pip list\na = b = 1\nx.y = 2\nc, d = 1, 2\nprint(1)\n__e = 1\nf = 1\nf = 2\n"
    )
    assert {name: each["default"] for name, each in found(source).items()} == {"f": 2}


def test_sources_as_lists_of_lines() -> None:
    assert list(found(["a = 1\n", "b = 2"])) == ["a", "b"]


def test_what_cannot_be_read_is_said() -> None:
    answer = infer(notebook("a = (1"))
    assert (answer["supported"], answer["parameters"]) == (False, [])
    assert "line 1" in answer["message"]
    answer = infer(notebook("a <- 1", language="R"))
    assert (answer["supported"], answer["language"]) == (False, "r")
    answer = infer(notebook("a = 1", tags=[]))
    assert answer["supported"]
    assert "No cell" in answer["message"]
