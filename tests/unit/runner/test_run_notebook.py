"""The notebook runner as a job runs it: its own process, a real kernel, files."""

from __future__ import annotations

import ast
import json
import os
import re
import signal
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from runpy import run_path
from typing import Any

import nbformat
import pytest

from primehub_services.domain.jobs import JobReason
from primehub_services.domain.notebook_runs import (
    PROGRESS,
    RESULT,
    NotebookOrder,
    read_end,
    read_progress,
    result_name,
)
from primehub_services.runner import RUN_NOTEBOOK
from primehub_services.sandbox.masking import needles
from tests.support.waiting import wait_for

JOB = "job-202611221200-abcdef"
Cells = list[str | tuple[str, str]]


class Rig:
    """A folder as a job's, with a notebook to run in it."""

    def __init__(self, folder: Path) -> None:
        self.home, self.given, self.path = folder / "home", folder / "given", "analysis/train.ipynb"
        self.home.mkdir()
        self.given.mkdir()
        self.env = {**os.environ, "JUPYTER_RUNTIME_DIR": str(folder / "runtime"), "IPYTHONDIR": str(folder / "ipython")}

    def order(self, cells: Cells, *, kernelspec: str = "python3", language: str = "python", **facts: Any) -> None:
        """Put a notebook of these cells there; a pair is a source and a tag."""
        made = nbformat.v4.new_notebook(
            metadata={"kernelspec": {"name": kernelspec, "language": language, "display_name": "K"}}
        )
        for cell in cells:
            source, *tags = (cell,) if isinstance(cell, str) else cell
            made.cells.append(nbformat.v4.new_code_cell(source, metadata={"tags": tags}))
        (self.given / "snapshot").write_text(nbformat.writes(made))
        self.say(**facts)

    def say(self, **facts: Any) -> None:
        order = NotebookOrder.model_validate({"job": JOB, "path": self.path, **facts})
        (self.given / "notebook.json").write_text(order.model_dump_json())

    def begin(self, *prefix: str) -> subprocess.Popen[str]:
        command = [*(prefix or (sys.executable,)), str(RUN_NOTEBOOK), str(self.given / "notebook.json")]
        return subprocess.Popen(
            command, cwd=self.home, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def run(self, *prefix: str) -> tuple[int, str]:
        process = self.begin(*prefix)
        said, _ = process.communicate(timeout=120)
        return process.returncode, said

    @property
    def result_path(self) -> Path:
        return self.home / "artifacts" / result_name(JOB, self.path)

    def result(self) -> Any:
        read = nbformat.read(self.result_path, as_version=4)
        nbformat.validate(read)
        return read

    def end(self) -> Any:
        end = read_end((self.home / RESULT).read_bytes())
        assert end is not None
        return end

    def progress(self) -> Any:
        path = self.home / PROGRESS
        return read_progress(path.read_bytes()) if path.exists() else None


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def text_of(cell: Any) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


def test_a_notebook_runs_to_its_end(rig: Rig) -> None:
    rig.order(["import sys\nprint('out')\nprint('err', file=sys.stderr)", "1 + 1", "# nothing else"])
    code, said = rig.run()
    assert code == 0
    result = rig.result()
    assert result.cells[1].outputs[0]["data"]["text/plain"] == "2"
    assert [cell.execution_count for cell in result.cells] == [1, 2, 3]
    assert result.metadata.language_info.name == "python"
    assert result.metadata.primehub == {"job": JOB, "path": rig.path}
    assert result.metadata.papermill.exception is False
    assert rig.end().reason is JobReason.COMPLETED
    assert rig.end().result == f"artifacts/train-{JOB}.ipynb"
    assert (rig.progress().cells, rig.progress().done) == (3, 3)
    assert "[2/3] 1 + 1\n2\n" in said
    assert "out\n" in said
    assert "err\n" in said


def test_parameters_are_in_the_result(rig: Rig) -> None:
    rig.order([("a = 1", "parameters"), "print(a * 2)"], parameters={"a": 21})
    code, said = rig.run()
    assert code == 0, said
    assert text_of(rig.result().cells[2]) == "42\n"
    assert rig.result().metadata.papermill.parameters == {"a": 21}


def test_the_failing_cell_is_named(rig: Rig) -> None:
    rig.order(["print('before')", "\nx = 1 / 0\ny = 2", "print('after')"])
    code, said = rig.run()
    assert code == 1
    end = rig.end()
    assert (end.reason, end.cell, end.label, end.ename) == (JobReason.CELL_FAILED, 1, "x = 1 / 0", "ZeroDivisionError")
    assert end.message == "Code cell 2 of 3 (x = 1 / 0) failed: ZeroDivisionError: division by zero"
    result = rig.result()
    assert text_of(result.cells[0]) == "before\n"
    assert result.cells[1].outputs[0].ename == "ZeroDivisionError"
    assert result.cells[1].metadata.papermill.status == "failed"
    assert result.cells[2].execution_count is None
    assert (rig.progress().done, rig.progress().cell) == (1, 1)
    assert end.message in said


def test_the_value_of_a_secret_is_in_nothing_that_is_told_or_kept(rig: Rig) -> None:
    value = "postgres://ann:s3cret@db/" + "x" * 1100
    rig.env |= {"DATABASE": value, "KEY": "first line\nsecond line", "SHORT": "1+1"}
    show = "import os; from IPython.display import HTML, display; k = os.environ['DATABASE']"
    rig.order(
        [
            f"{show}\nprint(k, end='', flush=True)",
            "print(os.environ['KEY'][:5], end='', flush=True); print(os.environ['KEY'][5:])",
            "display(HTML('<b>' + k + '</b>')); k",
            "1+1",
            f"raise ConnectionError('y' * 900 + k)  # {value}",
        ],
        masked=["DATABASE", "KEY", "SHORT", "NOT_SET"],
    )
    code, said = rig.run()
    assert code == 1, said
    end, result = rig.end(), rig.result()
    kept = json.dumps([cell.outputs for cell in result.cells])
    for told in ((rig.home / RESULT).read_text(), (rig.home / PROGRESS).read_text(), kept):
        assert not any(part in told for part in ("s3cret", "xxxxx@db", "first line", "second line"))
    assert text_of(result.cells[1]) == "[masked]\n[masked]\n"
    assert result.cells[2].outputs[0]["data"]["text/html"] == "<b>[masked][masked]</b>"
    assert result.cells[3].outputs[0]["data"]["text/plain"] == "2"
    assert "ConnectionError: yyyyy" in end.message
    assert "1+1" in (rig.home / "artifacts" / result_name(JOB, rig.path)).read_text()


@pytest.mark.parametrize("value", ["", "abc", "äb", "äöü", " pass ", "a\r\nlong", "x" * 1025, "y" * 3000, "ab\n" * 3])
def test_values_are_masked_by_the_rules_of_the_log(value: str) -> None:
    runner = run_path(str(RUN_NOTEBOOK))
    text = f"before {value} after"
    log = b"|".join(map(re.escape, needles([value])))
    expected = re.sub(log, b"[masked]", text.encode()).decode() if log else text
    assert runner["Masking"]([value]).text(text) == expected
    bundle = {"text/plain": text, "application/json": {"a": [text, 1]}, "image/svg+xml": text, "image/png": text}
    cell = nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("display_data", bundle)])
    made = runner["Masking"]([value]).notebook(nbformat.v4.new_notebook(cells=[cell]))
    data = made.cells[0].outputs[0].data
    assert data == {
        "text/plain": expected,
        "application/json": {"a": [expected, 1]},
        "image/svg+xml": expected,
        "image/png": text,
    }
    assert cell.outputs[0].data == bundle


def test_a_cell_that_is_to_raise_may(rig: Rig) -> None:
    rig.order([("1 / 0", "raises-exception"), "print('after')", ("1 / 0", "skip-execution")])
    code, said = rig.run()
    assert code == 0, said
    assert text_of(rig.result().cells[1]) == "after\n"


def test_it_is_written_for_the_pythons_of_old_images() -> None:
    source = RUN_NOTEBOOK.read_text()
    tree = ast.parse(source, feature_version=(3, 8))
    assert "from __future__ import annotations" in source
    later = ("removeprefix", "removesuffix", "to_thread", "TaskGroup", "is_relative_to", "UTC")
    assert [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in later] == []


def test_what_there_is_is_saved_when_it_is_asked_to_end(rig: Rig) -> None:
    rig.order(["print('done before')", "import time\nprint('now', flush=True)\ntime.sleep(600)"])
    process = rig.begin()
    assert process.stdout is not None
    while process.stdout.readline() != "now\n":
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 143
    process.stdout.close()
    assert text_of(rig.result().cells[0]) == "done before\n"
    assert text_of(rig.result().cells[1]) == "now\n"
    assert rig.end().reason is JobReason.CANCELLED
    assert rig.end().cell == 1


def test_the_result_can_be_read_while_it_runs(rig: Rig) -> None:
    rig.order(["print('done before')", "import time\ntime.sleep(600)"])
    process = rig.begin()
    wait_for(lambda: rig.result_path.exists() and text_of(rig.result().cells[0]) == "done before\n", timeout=60)
    wait_for(lambda: rig.progress().done == 1, timeout=60)
    process.kill()
    process.communicate()
    assert text_of(rig.result().cells[0]) == "done before\n"


def test_a_kernel_that_is_killed_is_told_of(rig: Rig) -> None:
    rig.order(["import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"])
    code, said = rig.run()
    assert code == 137, said
    assert "the kernel ended, killed from outside" in rig.end().message
    assert rig.end().reason is JobReason.CELL_FAILED


def test_an_image_without_nbclient_is_refused_by_name(rig: Rig) -> None:
    rig.order(["1"])
    code, said = rig.run(sys.executable, "-I", "-S")
    assert code == 2
    assert rig.end().reason is JobReason.IMAGE
    assert "Add nbclient and ipykernel" in said


def test_a_kernel_that_is_asked_for_and_not_there_is_refused(rig: Rig) -> None:
    rig.order(["1"], kernel="julia-1.11")
    code, said = rig.run()
    assert code == 2
    assert rig.end().reason is JobReason.IMAGE
    assert "no kernel named julia-1.11. It has: " in rig.end().message, said


def test_another_language_is_not_run_with_python(rig: Rig) -> None:
    rig.order(["1"], kernelspec="ir", language="R")
    assert rig.run()[0] == 2
    assert "ir" in rig.end().message


def test_the_images_own_python_runs_what_names_a_kernel_of_elsewhere(rig: Rig) -> None:
    rig.order(["import sys\nprint(sys.executable)"], kernelspec="my-conda-environment")
    code, said = rig.run()
    assert code == 0, said
    assert "no kernel named my-conda-environment" in said
    assert text_of(rig.result().cells[0]) == f"{sys.executable}\n"


def test_kernels_do_not_listen_on_the_network(rig: Rig) -> None:
    rig.order(["from ipykernel.kernelapp import IPKernelApp\nprint(IPKernelApp.instance().transport)"])
    code, said = rig.run()
    assert code == 0, said
    assert text_of(rig.result().cells[0]) == "ipc\n"


def test_an_endless_stream_is_kept_in_part(rig: Rig) -> None:
    rig.order(["for i in range(400_000):\n    print('line', i)"])
    code, said = rig.run()
    assert code == 0
    assert said.count("\nline ") == 400_000, "the log has all of it"
    text = text_of(rig.result().cells[0])
    assert len(text) < 2_100_000
    assert text.startswith("line 0\nline 1\n")
    assert text.endswith("line 399999\n")
    assert "characters are left out here" in text


def test_a_progress_bar_leaves_its_last_state(rig: Rig) -> None:
    bar = "import time\nfor i in range(30):\n    print(f'\\r{i} of 30', end='', flush=True)\nprint()"
    rig.order([bar])
    assert rig.run()[0] == 0
    assert text_of(rig.result().cells[0]).count("of 30") == 1
    assert "29 of 30" in text_of(rig.result().cells[0])


def test_nothing_of_an_earlier_run_is_in_the_result(rig: Rig) -> None:
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in ("1 / 0", "print('old')")])
    made.cells[1].outputs = [nbformat.v4.new_output("stream", name="stdout", text="old")]
    made.cells[1].execution_count = 17
    (rig.given / "snapshot").write_text(nbformat.writes(made))
    rig.say()
    assert rig.run()[0] == 1
    assert (rig.result().cells[1].outputs, rig.result().cells[1].execution_count) == ([], None)


@pytest.mark.parametrize(
    ("written", "shown"),
    [("a\rb", "b"), ("a\r", "a\r"), ("a\r\nb\rc\n", "a\r\nc\n"), ("\rab\r\r", "ab\r"), ("a\nb", "a\nb"), ("", "")],
)
def test_what_a_return_writes_over_is_gone(written: str, shown: str) -> None:
    from primehub_services.runner.run_notebook import final

    assert final(written) == shown


def zipped(rig: Rig, entries: dict[str, bytes], **facts: Any) -> None:
    with zipfile.ZipFile(rig.given / "snapshot", "w") as packed:
        for name, data in entries.items():
            packed.writestr(name, data)
    rig.say(**facts)


def as_bytes(*sources: str) -> bytes:
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    return nbformat.writes(made).encode()


def test_a_folder_that_was_sent_along_is_there(rig: Rig) -> None:
    inside = as_bytes("import helper\nprint(helper.NAME, open('data.csv').read())")
    zipped(rig, {"train.ipynb": inside, "helper.py": b"NAME = 'me'", "data.csv": b"1,2"}, member="train.ipynb")
    code, said = rig.run()
    assert code == 0, said
    assert text_of(rig.result().cells[0]) == "me 1,2\n"


def test_nothing_is_unpacked_outside(rig: Rig) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(rig.given / "snapshot", "w") as packed:
        packed.writestr("train.ipynb", as_bytes("1"))
        packed.writestr("../outside", b"x")
        packed.writestr("/tmp/outside-primehub-test", b"x")
        packed.writestr(link, "/etc")
    rig.say(member="train.ipynb")
    assert rig.run()[0] == 0
    assert not (rig.home.parent / "outside").exists()
    assert not Path("/tmp/outside-primehub-test").exists()
    assert not (rig.home / "link").exists()


def test_it_runs_beside_the_original_where_that_is_in_the_group_volume(rig: Rig) -> None:
    volume = rig.home.parent / "project"
    (volume / "deep").mkdir(parents=True)
    (volume / "deep" / "data.txt").write_text("shared")
    (rig.home / "sales").symlink_to(volume)
    rig.path = "sales/deep/train.ipynb"
    rig.order(["print(open('data.txt').read())\nimport os\nprint(os.environ['PRIMEHUB_ARTIFACTS'])"])
    code, said = rig.run()
    assert code == 0, said
    assert text_of(rig.result().cells[0]) == f"shared\n{rig.home}/artifacts\n"


def test_the_file_of_now_is_run_where_that_was_asked(rig: Rig) -> None:
    volume = rig.home.parent / "project"
    volume.mkdir()
    (volume / "train.ipynb").write_bytes(as_bytes("print('of now')"))
    (rig.home / "sales").symlink_to(volume)
    rig.path = "sales/train.ipynb"
    rig.say(reads_file=True)
    assert rig.run()[0] == 0
    assert text_of(rig.result().cells[0]) == "of now\n"
    (volume / "train.ipynb").unlink()
    assert rig.run()[0] == 2
    assert "sales/train.ipynb cannot be read: No such file" in rig.end().message


@pytest.mark.parametrize("content", [b"", b"{}", b'{"nbformat": 4}', b"\xff\xfe", b"[1]"])
def test_what_is_no_notebook_is_refused_with_its_name(rig: Rig, content: bytes) -> None:
    rig.say()
    (rig.given / "snapshot").write_bytes(content)
    assert rig.run()[0] == 2
    assert rig.end().reason is JobReason.INVALID
    assert rig.path in rig.end().message


def test_a_result_that_cannot_be_saved_is_a_failure(rig: Rig) -> None:
    (rig.home / "artifacts").write_text("a file is in its way")
    rig.order(["1"])
    code, said = rig.run()
    assert code == 1
    assert "could not be saved" in rig.end().message, said


def test_notebooks_of_an_old_format_run(rig: Rig) -> None:
    cell = {"cell_type": "code", "input": ["print('old')"], "language": "python", "metadata": {}, "outputs": []}
    old = {"metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": [cell]}]}
    (rig.given / "snapshot").write_text(json.dumps(old))
    rig.say()
    code, said = rig.run()
    assert code == 0, said
    assert text_of(rig.result().cells[0]) == "old\n"


def test_saving_takes_at_most_a_tenth_of_the_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from primehub_services.runner import run_notebook

    clock = [0.0]
    monkeypatch.setattr(run_notebook.time, "monotonic", lambda: clock[0])
    (tmp_path / ".primehub").mkdir()
    order = {"job": JOB, "path": "a.ipynb"}
    record = run_notebook.Record(order, tmp_path, nbformat.v4.new_notebook())
    written: list[float] = []
    whole: Callable[..., None] = run_notebook.write_whole

    def slow(*args: Any) -> None:
        clock[0] += 3
        written.append(clock[0])
        whole(*args)

    monkeypatch.setattr(run_notebook, "write_whole", slow)
    while clock[0] < 300:
        record.touch()
        record.save_now_and_then()
        clock[0] += 0.25
    assert len(written) * 3 <= 300 * 0.11
