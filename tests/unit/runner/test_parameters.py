"""Parameters as papermill writes them: what its users' notebooks rely on."""

from __future__ import annotations

from typing import Any

import nbformat
import pytest

from primehub_services.runner import run_notebook
from primehub_services.runner.run_notebook import LANGUAGES, NotRun, inject


def notebook(*sources: str, tags: dict[int, str] | None = None, language: str = "python") -> Any:
    made = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "k", "language": language, "display_name": "K"}})
    for index, source in enumerate(sources):
        cell = nbformat.v4.new_code_cell(source)
        if tags and index in tags:
            cell.metadata["tags"] = [tags[index]]
        made.cells.append(cell)
    return made


def sources(made: Any) -> list[str]:
    return [cell.source for cell in made.cells]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, "None"),
        (True, "True"),
        (3, "3"),
        (0.5, "0.5"),
        (float("nan"), "float('nan')"),
        (float("-inf"), "float('-inf')"),
        ('a "quoted" \\ é\n', '"a \\"quoted\\" \\\\ \\xe9\\n"'),
        ([1, "a"], '[1, "a"]'),
        ({"a": [None, {"b": False}]}, '{"a": [None, {"b": False}]}'),
    ],
)
def test_python_values(value: Any, written: str) -> None:
    assert LANGUAGES["python"].value(value) == written


def test_values_come_back_as_they_were() -> None:
    values = {"text": "a 'b' \"c\" \\ \t \u2603 \U0001f600", "many": [1, -2.5, None, True, {"k": ["v"]}]}
    found: dict[str, Any] = {}
    exec(LANGUAGES["python"].cell(values), found)
    assert {name: found[name] for name in values} == values


def test_r_and_julia_values() -> None:
    values = {"_a": [1, True, None], "b": {"k": "v"}}
    assert LANGUAGES["r"].cell(values) == '# Parameters\na = list(1, TRUE, NULL)\nb = list("k" = "v")\n'
    assert LANGUAGES["julia"].cell(values) == '# Parameters\n_a = [1, true, nothing]\nb = Dict("k" => "v")\n'
    assert LANGUAGES["julia"].value("costs $x") == '"costs \\$x"'


def test_they_follow_the_tagged_cell() -> None:
    made = notebook("import os", "a = 1", "print(a)", tags={1: "parameters"})
    inject(made, {"a": 2})
    assert sources(made) == ["import os", "a = 1", "# Parameters\na = 2\n", "print(a)"]
    assert made.cells[2].metadata.tags == ["injected-parameters"]


def test_they_come_first_without_a_tagged_cell() -> None:
    made = notebook("print(a)")
    inject(made, {"a": 2})
    assert sources(made) == ["# Parameters\na = 2\n", "print(a)"]


def test_those_of_an_earlier_run_are_replaced() -> None:
    made = notebook("a = 1", "a = 7", "print(a)", tags={0: "parameters", 1: "injected-parameters"})
    inject(made, {"a": 2})
    assert sources(made) == ["a = 1", "# Parameters\na = 2\n", "print(a)"]


def test_a_language_that_is_not_known_is_refused_by_name() -> None:
    with pytest.raises(NotRun, match="scala"):
        inject(notebook("val a = 1", language="scala"), {"a": 2})


def test_a_notebook_that_says_no_language_is_python() -> None:
    assert run_notebook.language_of(nbformat.v4.new_notebook()) == "python"
