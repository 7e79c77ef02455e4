"""Runs a notebook to its end: ``python run_notebook.py [ORDER]`` in the folder that is the job's.

One file for anybody's image: it imports nothing of PrimeHub's and needs nbclient, nbformat and Python 3.8 or later.
What it is asked and what it answers are the files that ``docs/design/002-jobs.md`` names; ``domain.notebook_runs``
is the other side.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import importlib.util
import json
import math
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import types
import zipfile
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

SLOW = "rfc3987_syntax"
CELL_FAILED, NOT_RUN, KILLED, ENDED = 1, 2, 137, 143
"""Exit codes: a cell failed, it cannot be run at all, the kernel was killed, it was asked to end."""
TICK_S = 0.25
"""Between two looks at what is to be written: progress is never older."""
SAVE_S = 2.0
SAVE_SHARE = 9
"""After a save that took a second, so many pass before the next: a tenth of the time is the most that saving costs."""
STREAM = 1_000_000
"""Characters of one stream of a cell that are kept: the first half and the last."""
LABEL = 80
"""Characters of a cell's first line that are told."""
SHOWN = 10_000
"""Characters of a result that the log shows."""
MASK = "[masked]"
SHORTEST, LONGEST = 4, 1024
"""Bytes of the shortest line of a value that is masked, characters of the longest piece that is looked for."""
IN_WORDS = re.compile(r"text/.*|application/(.*[+])?json|application/javascript|.*[+]xml")
"""Kinds of output that are text; in a picture's letters a short value may stand by chance."""
UNPACKED = 2 * 1024**3
START_S = 300


def put_off(name: str) -> None:
    """Make ``import name`` cost nothing until it is used: jsonschema takes it up for a check that notebooks never ask
    for, and building its parser takes longer than starting a kernel."""

    def is_valid_syntax(*args: Any, **kwargs: Any) -> Any:
        if sys.modules.get(name) is placeholder:
            del sys.modules[name]
        return importlib.import_module(name).is_valid_syntax(*args, **kwargs)

    placeholder = types.ModuleType(name)
    placeholder.is_valid_syntax = is_valid_syntax  # type: ignore[attr-defined]
    sys.modules.setdefault(name, placeholder)


put_off(SLOW)
MISSING = ""
try:
    import nbformat
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError
except ImportError as _error:
    MISSING = _error.name or str(_error)
    NotebookClient = object


class NotRun(Exception):
    """The notebook cannot be run at all. The text is a sentence for who submitted it."""

    def __init__(self, message: str, reason: str = "Invalid") -> None:
        super().__init__(message)
        self.reason = reason


# -- parameters, as papermill writes them


def _quoted(value: Any) -> str:
    text = str(value).encode("unicode_escape").decode().replace('"', '\\"')
    return f'"{text}"'


def _python_float(value: float) -> str:
    if math.isfinite(value):
        return str(value)
    return "float('nan')" if math.isnan(value) else "float('{}inf')".format("-" if value < 0 else "")


class Language:
    """How one language writes values."""

    def __init__(
        self,
        words: tuple[str, str, str],
        sequence: str,
        mapping: str,
        pair: str,
        *,
        number: Callable[[float], str] = str,
        quoted: Callable[[Any], str] = _quoted,
        legal: Callable[[str], str] = str,
    ) -> None:
        """``words`` are those for nothing, true and false."""
        self._nothing, self._true, self._false = words
        self._sequence, self._mapping, self._pair = sequence, mapping, pair
        self._number, self._quoted, self._legal = number, quoted, legal

    def value(self, value: Any) -> str:
        """A JSON value as the language's own."""
        if value is None:
            return self._nothing
        if isinstance(value, bool):
            return self._true if value else self._false
        if isinstance(value, float):
            return self._number(value)
        if isinstance(value, int):
            return str(value)
        if isinstance(value, list):
            return self._sequence.format(", ".join(map(self.value, value)))
        if isinstance(value, dict):
            pairs = (self._pair.format(self._quoted(key), self.value(item)) for key, item in value.items())
            return self._mapping.format(", ".join(pairs))
        return self._quoted(value)

    def cell(self, parameters: dict[str, Any]) -> str:
        """The source of the cell that sets the parameters."""
        lines = (f"{self._legal(name)} = {self.value(value)}\n" for name, value in parameters.items())
        return "# Parameters\n" + "".join(lines)


LANGUAGES = {
    "python": Language(("None", "True", "False"), "[{}]", "{{{}}}", "{}: {}", number=_python_float),
    # a name in R does not begin with an underscore
    "r": Language(("NULL", "TRUE", "FALSE"), "list({})", "list({})", "{} = {}", legal=lambda name: name.lstrip("_")),
    "julia": Language(
        ("nothing", "true", "false"),
        "[{}]",
        "Dict({})",
        "{} => {}",
        # a dollar would put the value of a variable there
        quoted=lambda value: _quoted(value).replace("$", "\\$"),
    ),
}


def language_of(notebook: Any) -> str:
    """What the notebook is written in, in small letters; Python where it does not say."""
    metadata = notebook.get("metadata", {})
    named = metadata.get("kernelspec", {}).get("language") or metadata.get("language_info", {}).get("name")
    return str(named or "python").lower()


def inject(notebook: Any, parameters: dict[str, Any]) -> None:
    """Put the parameters in place of those injected before, else after the cell tagged ``parameters``, else first.

    Raises ``NotRun`` where the language is not known.
    """
    language = language_of(notebook)
    known = LANGUAGES.get({"ipython": "python", "python3": "python"}.get(language, language))
    if known is None:
        msg = f"Parameters cannot be given to a notebook in {language}: Python, R and Julia are known."
        raise NotRun(msg)
    cell = nbformat.v4.new_code_cell(source=known.cell(parameters), metadata={"tags": ["injected-parameters"]})
    cells = notebook["cells"]
    tags = [c.get("metadata", {}).get("tags", ()) for c in cells]
    if any("injected-parameters" in t for t in tags):
        cells[next(i for i, t in enumerate(tags) if "injected-parameters" in t)] = cell
    else:
        cells.insert(next((i + 1 for i, t in enumerate(tags) if "parameters" in t), 0), cell)


# -- files


def write_whole(path: Path, data: bytes, scratch: Path) -> None:
    """Write a file so that whoever reads it finds the old content or the new. Raises ``OSError``."""
    made = scratch / f".{path.name[:100]}.new"
    made.write_bytes(data)
    try:
        os.replace(made, path)
    except OSError:
        # another disk is mounted or linked there
        beside = path.with_name(f".{path.name[:100]}.new")
        shutil.copyfile(made, beside)
        os.replace(beside, path)
        made.unlink()


def unpack(archive: Path, folder: Path) -> None:
    """Unpack files and folders, no links, nothing outside. Raises ``NotRun`` where it is too much or no zip."""
    room = UNPACKED
    try:
        with zipfile.ZipFile(archive) as packed:
            for entry in packed.infolist():
                parts = [part for part in entry.filename.split("/") if part not in ("", ".")]
                linked = (entry.external_attr >> 16) & 0o170000 == 0o120000
                if not parts or ".." in parts or entry.filename.startswith("/") or linked:
                    continue
                target = folder.joinpath(*parts)
                if entry.is_dir():
                    target.mkdir(parents=True, exist_ok=True)
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                with packed.open(entry) as source, target.open("wb") as sink:
                    while piece := source.read(1 << 20):
                        room -= len(piece)
                        if room < 0:
                            msg = f"The notebook's folder is larger than {UNPACKED >> 30} GiB."
                            raise NotRun(msg)
                        sink.write(piece)
    except (zipfile.BadZipFile, EOFError, RuntimeError) as error:
        msg = f"The snapshot of the notebook's folder cannot be unpacked: {error}"
        raise NotRun(msg) from error


def load(order: dict[str, Any], snapshot: Path, home: Path) -> tuple[Any, Path]:
    """The notebook, and the folder that it is run in. Raises ``NotRun``."""
    path = os.path.normpath(order["path"])
    if path.startswith(("/", "..")):
        path = os.path.basename(path)
    source, folder = snapshot, home
    if order.get("member"):
        unpack(snapshot, home)
        source = home / os.path.normpath(order["member"])
        folder = source.parent
    elif (beside := (home / path).parent).is_dir() and home.resolve() not in (beside.resolve() / "x").parents:
        folder = beside
    if order.get("reads_file"):
        source = home / path
    try:
        return parsed(source.read_bytes()), folder
    except OSError as error:
        msg = "The notebook {} cannot be read: {}.".format(order["path"], error.strerror)
        raise NotRun(msg) from error
    except Exception as error:
        msg = "{} is no notebook: {}".format(order["path"], error)
        raise NotRun(msg) from error


def parsed(data: bytes) -> Any:
    """A notebook of version 4.5. Not validated: what is wrong in it shows when it runs."""
    text = data.decode("utf-8-sig")
    current = json.loads(text).get("nbformat") == 4
    notebook = nbformat.v4.reads(text) if current else nbformat.reads(text, as_version=4)
    for cell in notebook.cells:
        cell.setdefault("metadata", nbformat.NotebookNode())
        if cell.cell_type == "code":
            # what an earlier run showed would look like this one's in cells that are not reached
            cell["outputs"] = []
            cell["execution_count"] = None
    if notebook.get("nbformat_minor", 0) < 5:
        notebook = nbformat.v4.upgrade(notebook)
    return notebook


# -- secrets


class Masking:
    """Takes values of variables out of what is told and kept, by the rules of the log's (``sandbox/masking.py``)."""

    def __init__(self, values: Iterable[str]) -> None:
        found = {
            piece for value in values for line in re.split(r"[\r\n]+", value) for piece in self._pieces(line.strip())
        }
        wanted = sorted(found, key=lambda piece: (-len(piece), piece))
        self._pattern = re.compile("|".join(map(re.escape, wanted))) if wanted else None

    @staticmethod
    def _pieces(line: str) -> list[str]:
        if len(line.encode("utf-8", "replace")) < SHORTEST:
            return []
        step = math.ceil(len(line) / math.ceil(len(line) / LONGEST))
        return [line[at : at + step] for at in range(0, len(line), step)]

    def text(self, text: str) -> str:
        """A text without the values."""
        return text if self._pattern is None else self._pattern.sub(MASK, text)

    def notebook(self, notebook: Any) -> Any:
        """The notebook, with the values taken out of what its cells have put out; itself where there are none."""
        if self._pattern is None:
            return notebook
        copy = nbformat.NotebookNode(notebook)
        copy["cells"] = [self._cell(cell) if cell.get("outputs") else cell for cell in notebook.cells]
        if "widgets" in notebook.metadata:
            copy["metadata"] = {**notebook.metadata, "widgets": self._deep(notebook.metadata["widgets"])}
        return copy

    def _cell(self, cell: Any) -> Any:
        return nbformat.NotebookNode({**cell, "outputs": [self._output(output) for output in cell["outputs"]]})

    def _output(self, output: Any) -> Any:
        masked = {key: self._deep(output[key]) for key in ("text", "ename", "evalue", "traceback") if key in output}
        if "data" in output:
            data = output["data"].items()
            masked["data"] = {kind: self._deep(value) if IN_WORDS.fullmatch(kind) else value for kind, value in data}
        return nbformat.NotebookNode({**output, **masked})

    def _deep(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self._deep(item) for item in value]
        if isinstance(value, dict):
            return {key: self._deep(item) for key, item in value.items()}
        return value


# -- what is told on the way


class Record:
    """Progress and the executed notebook, on disk often enough and never too often."""

    def __init__(self, order: dict[str, Any], home: Path, notebook: Any) -> None:
        self.notebook = notebook
        self.masking = Masking(os.environ.get(name, "") for name in order.get("masked", ()))
        self.cells = sum(runs(cell) for cell in notebook.cells)
        self.done = 0
        self.cell: int | None = None
        self.label = ""
        self._scratch = home / ".primehub"
        stem = re.sub(r"\.ipynb\Z", "", order["path"].rpartition("/")[2])[:150]
        self.result = "artifacts/{}-{}.ipynb".format(stem, order["job"])
        self._path = home / self.result
        self._told: dict[str, Any] = {}
        self._changed = True
        self._next_save = 0.0
        self._began = now()
        notebook.metadata["primehub"] = {"job": order["job"], "path": order["path"]}
        notebook.metadata["papermill"] = {
            "default_parameters": {},
            "environment_variables": {},
            "parameters": order.get("parameters", {}),
            "input_path": order["path"],
            "output_path": self.result,
            "start_time": self._began.isoformat(),
            "end_time": None,
            "duration": None,
            "exception": None,
            "version": "primehub",
        }

    def touch(self) -> None:
        """Something of the notebook has changed."""
        self._changed = True

    def end(self, *, failed: bool) -> None:
        """Note the end in the notebook."""
        end = now()
        about = {"end_time": end.isoformat(), "duration": (end - self._began).total_seconds(), "exception": failed}
        self.notebook.metadata["papermill"].update(about)
        self._changed = True

    def tell(self) -> None:
        """Write the progress, if it changed."""
        state = {"cells": self.cells, "done": self.done, "cell": self.cell, "label": self.label}
        if state != self._told:
            self._told = state
            with contextlib.suppress(OSError):
                self._write("progress.json", state)

    def answer(self, **facts: Any) -> None:
        """Say how it ended."""
        self._write("result.json", facts)

    def save_now_and_then(self) -> None:
        """Save, where something changed and the last time is long enough ago."""
        if self._changed and time.monotonic() >= self._next_save:
            try:
                self.save()
            except OSError as error:
                say(f"the notebook cannot be saved just now: {error.strerror}")

    def save(self) -> None:
        """Save the notebook as it is. Raises ``OSError``."""
        began = time.monotonic()
        self._next_save = began + SAVE_S
        self._changed = False
        self._path.parent.mkdir(parents=True, exist_ok=True)
        text = nbformat.v4.writes(self.masking.notebook(self.notebook))
        write_whole(self._path, text.encode("utf-8", "replace"), self._scratch)
        took = time.monotonic() - began
        self._next_save = began + max(SAVE_S, took * (1 + SAVE_SHARE))

    def _write(self, name: str, content: dict[str, Any]) -> None:
        write_whole(self._scratch / name, json.dumps(content).encode(), self._scratch)


def now() -> datetime:
    """The moment, in UTC."""
    return datetime.now(timezone.utc)  # noqa: UP017 - datetime.UTC came with Python 3.11


def say(text: str) -> None:
    """A line of the runner's own in the log."""
    LOG.line(f"primehub: {text}")


class Log:
    """The job's log: which cell runs, and what it prints, as it prints it."""

    def __init__(self) -> None:
        self._at_start = True

    def line(self, text: str) -> None:
        """A line of its own."""
        self.text(("" if self._at_start else "\n") + text + "\n")

    def text(self, text: str) -> None:
        """Text as it is. Nobody reading the log is no reason to fail."""
        if text:
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.buffer.write(text.encode("utf-8", "replace"))
                sys.stdout.buffer.flush()
            self._at_start = text.endswith("\n")


LOG = Log()


# -- running


def runs(cell: Any) -> bool:
    """Whether there is anything to run in a cell."""
    tags = cell.metadata.get("tags", ())
    return cell.cell_type == "code" and bool(cell.source.strip()) and "skip-execution" not in tags


def label(cell: Any) -> str:
    """A cell's first line."""
    return next((line.strip() for line in cell.source.splitlines() if line.strip()), "")


class Execution(NotebookClient):
    """nbclient's, which tells what is printed, and keeps no more of a stream than a notebook can show."""

    record: Record
    log_output = LOG

    def output(self, outs: Any, msg: Any, display_id: Any, cell_index: int) -> Any:
        """One output: to the cell, and to the log."""
        self.record.touch()
        content = msg["content"]
        streamed = msg["msg_type"] == "stream"
        hooked = self.output_hook_stack[msg["parent_header"].get("msg_id")]
        last = outs[-1] if outs and not self.clear_before_next_output and not hooked else {}
        if streamed and last.get("output_type") == "stream" and last["name"] == content["name"]:
            out = last
            out["text"] = self._joined(out["text"], content["text"], (cell_index, content["name"]))
        else:
            out = super().output(outs, msg, display_id, cell_index)
        self.log_output.text(content["text"] if streamed else shown(msg["msg_type"], content))
        return out

    def _joined(self, have: str, more: str, key: tuple[int, str]) -> str:
        # what a progress bar has written over is gone; only the last line can be
        begin = have.rfind("\n") + 1
        text = (
            have + more if "\r" not in more and "\r" not in have[begin:] else have[:begin] + final(have[begin:] + more)
        )
        if len(text) <= 2 * STREAM:
            return text
        half = STREAM // 2
        self._left_out[key] = self._left_out.get(key, 0) + len(text) - STREAM
        return f"{text[:half]}\n[... about {self._left_out[key]} characters are left out here ...]\n{text[-half:]}"

    async def run(self, folder: Path, private: str) -> None:
        """Start the kernel and run every cell. Raises as nbclient does."""
        self._left_out: dict[tuple[int, str], int] = {}
        self.reset_execution_trackers()
        # output on a TCP port could be read by whoever shares the network; the sockets' paths must be short
        self.km = self.kernel_manager_class(
            kernel_name=self.kernel_name, transport="ipc", connection_file=os.path.join(private, "kernel.json")
        )
        await self.async_start_new_kernel(cwd=str(folder))
        await self.async_start_new_kernel_client()
        info = await self.async_wait_for_reply(self.kc.kernel_info())
        if info is not None:
            self.nb.metadata["language_info"] = info["content"]["language_info"]
        for index, cell in enumerate(self.nb.cells):
            if runs(cell):
                await self._run_cell(cell, index)
        self.set_widgets_metadata()

    async def _run_cell(self, cell: Any, index: int) -> None:
        record, began = self.record, now()
        record.cell, record.label = index, record.masking.text(label(cell))[:LABEL]
        self.log_output.line(f"[{record.done + 1}/{record.cells}] {record.label}")
        cell.metadata["papermill"] = {"status": "running", "exception": None, "start_time": began.isoformat()}
        about = cell.metadata["papermill"]
        try:
            await self.async_execute_cell(cell, index, execution_count=self.code_cells_executed + 1)
        except BaseException:
            about.update(exception=True, status="failed")
            raise
        else:
            about.update(exception=False, status="completed")
            record.done += 1
        finally:
            end = now()
            about.update(end_time=end.isoformat(), duration=(end - began).total_seconds())
            record.touch()

    def kernel_code(self) -> int | None:
        """The exit code of a kernel that has ended by itself, as far as it is known."""
        process = getattr(getattr(self.km, "provisioner", None), "process", None)
        return None if process is None else process.poll()

    async def close(self, *, at_once: bool) -> None:
        """End the kernel; it may save first, unless ``at_once``."""
        if self.km is not None:
            with contextlib.suppress(Exception):
                if await self.km.is_alive():
                    await self.km.shutdown_kernel(now=at_once)
                if self.kc is not None:
                    self.kc.stop_channels()
                await self.km.cleanup_resources()


def final(text: str) -> str:
    """What a terminal shows in the end: of each line what comes after its last return."""
    lines = []
    for line in text.split("\n"):
        body = line.rstrip("\r")
        lines.append(body.rpartition("\r")[2] + line[len(body) :][:1])
    return "\n".join(lines)


def shown(kind: str, content: dict[str, Any]) -> str:
    """A result or an error as lines of a log."""
    if kind == "error":
        return "\n".join(content.get("traceback", ())) + "\n"
    plain = content.get("data", {}).get("text/plain", "")
    text = "".join(plain) if isinstance(plain, list) else str(plain)
    return text[:SHOWN] + "\n" if text else ""


def kernel_of(order: dict[str, Any], notebook: Any) -> str:
    """The name of the kernel to run the notebook with. Raises ``NotRun`` where the image has none."""
    specs = KernelSpecManager()
    wanted = order.get("kernel") or notebook.metadata.get("kernelspec", {}).get("name") or "python3"
    try:
        specs.get_kernel_spec(wanted)
    except NoSuchKernel:
        own = language_of(notebook) in ("python", "ipython") and importlib.util.find_spec("ipykernel") is not None
        if own and not order.get("kernel"):
            say(f"the image has no kernel named {wanted}; its own Python runs the notebook")
            return "python3"
        known = ", ".join(sorted(specs.find_kernel_specs())) or "none"
        msg = f"The image has no kernel named {wanted}. It has: {known}."
        raise NotRun(msg, "ImageUnavailable") from None
    return str(wanted)


def outcome(work: asyncio.Task[None], execution: Execution) -> tuple[int, dict[str, Any]]:
    """The exit code, and what is said of the end. Raises ``NotRun`` where no cell was begun."""
    record = execution.record
    where = f"code cell {record.done + 1} of {record.cells}"
    if record.label:
        where += f" ({record.label})"
    facts: dict[str, Any] = {"cell": record.cell, "label": record.label}
    if not work.done():
        return ENDED, {**facts, "reason": "Cancelled", "message": f"It was asked to end at {where}."}
    error = work.exception()
    if error is None:
        return 0, {"reason": "Completed", "message": f"All {record.cells} code cells ran."}
    if record.cell is None:
        msg = record.masking.text(f"The kernel {execution.kernel_name} did not start: {error}")
        raise NotRun(msg, "ImageUnavailable") from error
    name, value, code = type(error).__name__, record.masking.text(str(error)), CELL_FAILED
    message = f"{where[0].upper() + where[1:]} failed: "
    if isinstance(error, CellExecutionError):
        # cut afterwards: half a value is not recognised
        name, value = record.masking.text(str(error.ename)), record.masking.text(str(error.evalue))[:1000]
        message += name + (": " + value if value else "")
    elif isinstance(error, DeadKernelError):
        message += "the kernel ended"
        if execution.kernel_code() == -signal.SIGKILL:
            code = KILLED
            message += ", killed from outside, as it is where memory runs out"
    else:
        message += f"{name}: {value[:1000]}"
    return code, {**facts, "reason": "CellFailed", "ename": name, "evalue": value[:1000], "message": message}


async def perform(order: dict[str, Any], snapshot: Path, home: Path) -> int:
    """Run the notebook and return the exit code. Raises ``NotRun``."""
    notebook, folder = load(order, snapshot, home)
    if order.get("parameters"):
        inject(notebook, order["parameters"])
    kernel = kernel_of(order, notebook)
    record = Record(order, home, notebook)
    record.tell()
    record.save_now_and_then()
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    with tempfile.TemporaryDirectory(prefix="nb-") as private:
        execution = Execution(notebook, kernel_name=kernel, timeout=None, startup_timeout=START_S)
        execution.record = record
        work = loop.create_task(execution.run(folder, private))
        stop = loop.create_task(asked.wait())
        while not (work.done() or stop.done()):
            await asyncio.wait({work, stop}, timeout=TICK_S, return_when=asyncio.FIRST_COMPLETED)
            record.tell()
            record.save_now_and_then()
        try:
            code, facts = outcome(work, execution)
            code = finish(record, code, facts)
        finally:
            await execution.close(at_once=not work.done())
    return code


def finish(record: Record, code: int, facts: dict[str, Any]) -> int:
    """Write down the end, and return the exit code: that of a failure where the notebook cannot be saved."""
    record.end(failed=code != 0)
    try:
        record.save()
    except OSError as error:
        facts["message"] += f" The notebook could not be saved: {error.strerror}."
        facts["reason"] = "Exited" if code == 0 else facts["reason"]
        code = code or CELL_FAILED
    record.tell()
    with contextlib.suppress(OSError):
        record.answer(**facts, result=record.result)
    say(facts["message"])
    return code


def main(arguments: list[str]) -> int:
    """Do what the order says."""
    home = Path.cwd()
    place = Path(arguments[0]) if arguments else Path(__file__).with_name("notebook.json")
    os.environ["PRIMEHUB_ARTIFACTS"] = str(home / "artifacts")
    scratch = home / ".primehub"
    scratch.mkdir(exist_ok=True)
    try:
        if MISSING:
            msg = "The image has no {}, which running a notebook needs. Add nbclient and ipykernel to it."
            raise NotRun(msg.format(MISSING), "ImageUnavailable")
        return asyncio.run(perform(json.loads(place.read_text()), place.with_name("snapshot"), home))
    except NotRun as error:
        say(str(error))
        with contextlib.suppress(OSError):
            facts = {"reason": error.reason, "message": str(error)}
            write_whole(scratch / "result.json", json.dumps(facts).encode(), scratch)
        return NOT_RUN


if __name__ == "__main__":
    # all is written and closed: what interpreters do at their end would only take time
    os._exit(main(sys.argv[1:]))
