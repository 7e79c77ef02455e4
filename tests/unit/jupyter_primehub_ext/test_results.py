"""Where results are placed, with a server's own contents manager."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_server.services.contents.largefilemanager import LargeFileManager

from jupyter_primehub_ext.results import Placed, Placer

JOB = "job-202611221200-abcdef"


class Results:
    """What a job has left so far."""

    def __init__(self) -> None:
        self.phase = "RUNNING"
        self.shown = "one\n"

    @property
    def job(self) -> dict[str, Any]:
        created = "2026-11-22T12:00:00Z"
        return {"id": JOB, "phase": self.phase, "created_at": created, "notebook": {"path": "train.ipynb"}}

    async def result(self, job: dict[str, Any]) -> bytes:
        output = nbformat.v4.new_output("stream", text=self.shown)
        cell = nbformat.v4.new_code_cell("print(1)\nprint(2)", outputs=[output])
        made = nbformat.v4.new_notebook(cells=[cell], metadata={"primehub": {"job": JOB, "path": "train.ipynb"}})
        return nbformat.writes(made).encode()


@pytest.fixture
def results() -> Results:
    return Results()


@pytest.fixture
def placer(tmp_path: Path, results: Results) -> Placer:
    contents = LargeFileManager(root_dir=str(tmp_path))
    return Placer(results, contents, Placed(tmp_path / ".primehub" / "placed.json"))  # type: ignore[arg-type]


def shown(folder: Path, name: str) -> str:
    return str(nbformat.read(folder / name, as_version=4).cells[0].outputs[0].text)


def notebooks(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("*.ipynb")]


async def test_what_was_placed_while_the_job_ran_becomes_what_it_left_in_the_end(
    placer: Placer, results: Results, tmp_path: Path
) -> None:
    name = await placer.place(results.job)
    assert shown(tmp_path, name) == "one\n"
    results.shown = "one\ntwo\n"
    assert await placer.place(results.job) == name
    assert shown(tmp_path, name) == "one\ntwo\n"
    results.phase, results.shown = "SUCCEEDED", "one\ntwo\nthree\n"
    assert await placer.place(results.job) == name
    assert shown(tmp_path, name) == "one\ntwo\nthree\n"
    assert notebooks(tmp_path) == [name]
    assert "partial" not in nbformat.read(tmp_path / name, as_version=4).metadata.primehub


async def test_what_somebody_has_made_of_a_part_stays(placer: Placer, results: Results, tmp_path: Path) -> None:
    name = await placer.place(results.job)
    edited = nbformat.read(tmp_path / name, as_version=4)
    edited.cells[0].source += "\nmine"
    nbformat.write(edited, tmp_path / name)
    results.phase, results.shown = "SUCCEEDED", "all\n"
    final = await placer.place(results.job)
    assert final == name.replace(".ipynb", "-2.ipynb")
    assert (shown(tmp_path, name), shown(tmp_path, final)) == ("one\n", "all\n")
    assert "mine" in json.loads((tmp_path / name).read_text())["cells"][0]["source"]


async def test_a_result_that_was_written_and_not_remembered_is_not_written_again(
    placer: Placer, results: Results, tmp_path: Path
) -> None:
    results.phase = "SUCCEEDED"
    name = await placer.place(results.job)
    (tmp_path / ".primehub" / "placed.json").unlink()
    placer.placed = Placed(tmp_path / ".primehub" / "placed.json")
    assert await placer.place(results.job) == name
    assert notebooks(tmp_path) == [name]
