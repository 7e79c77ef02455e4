"""Places executed notebooks beside their originals: never over anything, once, and also those of jobs that ended while
no server ran."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from jupyter_core.utils import ensure_async

from .platform import Problem
from .service import FINAL, Service

log = logging.getLogger("primehub")
WHILE_ACTIVE_S, OTHERWISE_S = 3.0, 60.0
REMEMBERED = 1000
TRIES = 100
"""Names that are tried before it is given up."""
_MARK = "primehub"
"""Of a notebook's metadata: which job ran it, and of one that was placed while the job ran, what was in it."""


class Placed:
    """Which jobs were submitted from here, and where results were placed: a file in the home folder, since servers come
    and go."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            found = json.loads(path.read_text())
        except (OSError, ValueError):
            found = {}
        self._places, self._submitted = _part(found, "placed"), _part(found, "submitted")

    def get(self, job: str) -> str | None:
        """Where a job's result was placed."""
        return self._places.get(job)

    def was_submitted(self, job: str) -> bool:
        """Whether what the job runs was on screen here."""
        return job in self._submitted

    def submitted(self, job: str) -> None:
        """Note that what the job runs was on screen here."""
        self._submitted = {**_latest(self._submitted), job: ""}
        self._write()

    def remember(self, job: str, place: str) -> None:
        """Note it. Not being able to is no reason to fail: the file itself says whose result it is."""
        self._places.pop(job, None)
        self._places = {**_latest(self._places), job: place}
        self._write()

    def _write(self) -> None:
        made = self._path.with_name(f"{self._path.name}.new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            made.write_text(json.dumps({"placed": self._places, "submitted": self._submitted}))
            os.replace(made, self._path)
        except OSError as error:
            log.warning("%s cannot be written: %s", self._path, error)


def _part(found: Any, name: str) -> dict[str, str]:
    part = found.get(name) if isinstance(found, dict) else None
    return dict(part) if isinstance(part, dict) else {}


def _latest(known: dict[str, str]) -> dict[str, str]:
    return dict(list(known.items())[-REMEMBERED:])


class Placer:
    """Places results through the server's contents manager."""

    def __init__(self, service: Service, contents: Any, placed: Placed) -> None:
        self._service = service
        self._contents = contents
        self.placed = placed
        self._lock = asyncio.Lock()
        self._without: set[str] = set()
        """Jobs that left no notebook."""

    async def run(self) -> None:
        """Place what ends, until cancelled."""
        while True:
            active = False
            try:
                # a task of its own: threads that the contents manager uses live as long as the task does, and one that
                # never ends would keep the server from ending
                active = await asyncio.ensure_future(self.look())
            except Problem as problem:
                log.debug("results are not placed just now: %s", problem)
            except Exception:
                log.exception("results are not placed just now")
            self._service.submitted.clear()
            try:
                await asyncio.wait_for(self._service.submitted.wait(), WHILE_ACTIVE_S if active else OTHERWISE_S)
            except TimeoutError:
                continue

    async def look(self) -> bool:
        """Place the results of all that have ended; whether some have not."""
        found = await self._service.jobs()
        for job in reversed(found["items"]):
            done = self.placed.get(job["id"]) is not None or job["id"] in self._without
            if job["notebook"] is None or job["phase"] not in FINAL or job.get("schedule") or done:
                continue
            try:
                await self.place(job)
            except Problem as problem:
                if problem.body.get("code") != "no-result":
                    raise
                self._without.add(job["id"])
            except Exception as error:
                log.warning("the result of %s is not placed: %s", job["id"], error)
                self._without.add(job["id"])
        return bool(found["active"])

    async def place(self, job: dict[str, Any]) -> str:
        """Where the job's result lies; placed now, where it was not or is not there any more. Raises ``Problem``."""
        async with self._lock:
            place = self.placed.get(job["id"])
            if place is not None and await ensure_async(self._contents.file_exists(place)):
                return place
            data = await self._service.result(job)
            try:
                notebook = json.loads(data)
                mark = notebook.setdefault("metadata", {}).setdefault(_MARK, {})
                mark["job"] = job["id"]
                mark.pop("partial", None)
                if job["phase"] not in FINAL:
                    mark["partial"] = _digest(notebook)
            except (ValueError, AttributeError, TypeError) as error:
                raise Problem.of(404, "no-result", "What this job has left is no notebook.") from error
            place = await self._write(job, notebook)
            if job["phase"] in FINAL:
                self.placed.remember(job["id"], place)
            return place

    async def _write(self, job: dict[str, Any], notebook: dict[str, Any]) -> str:
        folder, _, name = job["notebook"]["path"].rpartition("/")
        folder = folder.strip("/")
        stem = name[: -len(".ipynb")] if name.endswith(".ipynb") else name
        if folder and not await ensure_async(self._contents.dir_exists(folder)):
            folder = ""
        try:
            return await self._write_new(folder, f"{stem}-{_moment(job)}", job["id"], notebook)
        except Exception:
            if not folder:
                raise
            # a folder that only shows things, a dataset for one
            return await self._write_new("", f"{stem}-{_moment(job)}", job["id"], notebook)

    async def _write_new(self, folder: str, stem: str, job: str, notebook: dict[str, Any]) -> str:
        for number in range(1, TRIES):
            name = f"{stem}.ipynb" if number == 1 else f"{stem}-{number}.ipynb"
            path = f"{folder}/{name}" if folder else name
            if await ensure_async(self._contents.file_exists(path)):
                found = await self._found(path, job)
                if found is None:
                    continue
                if "partial" not in found["metadata"][_MARK]:
                    return path
                if found["metadata"][_MARK]["partial"] != _digest(found):
                    continue  # somebody works on it
            model = {"type": "notebook", "format": "json", "content": self._marked(notebook, job)}
            await ensure_async(self._contents.save(model, path))
            return path
        msg = f"{stem}.ipynb and {TRIES - 2} more names are taken."
        raise Problem.of(409, "taken", msg)

    async def _found(self, path: str, job: str) -> Any:
        """What is in a file that is this job's result already (a crash came between writing and remembering, or it was
        placed while the job ran); None where it is another's."""
        try:
            model = await ensure_async(self._contents.get(path, content=True, type="notebook"))
            content = model["content"]
            return content if content["metadata"][_MARK]["job"] == job else None
        except Exception:
            return None

    def _marked(self, notebook: dict[str, Any], job: str) -> dict[str, Any]:
        """Trusted, as if it had been run here, where it was on screen here.

        What else ran as the owner may be a colleague's (run again, say): its pages' scripts would reach this server, which
        the job could not. Nor is it trusted because the result says so, which the notebook's code may have written.
        """
        import nbformat

        made: dict[str, Any] = nbformat.from_dict(notebook)
        notary = getattr(self._contents, "notary", None)
        if notary is not None:
            notary.mark_cells(made, self.placed.was_submitted(job))
        return made


def _digest(notebook: Any) -> str:
    """Of what its cells say and show, however a file is written."""
    import nbformat

    read = nbformat.reads(json.dumps(notebook), as_version=4)
    cells = [(cell.cell_type, cell.source, cell.get("outputs")) for cell in read.cells]
    return hashlib.sha256(json.dumps(cells, sort_keys=True).encode()).hexdigest()


def _moment(job: dict[str, Any]) -> str:
    """When the job was submitted, in the server's own time, as a part of a file's name."""
    text = str(job["created_at"]).replace("Z", "+00:00")
    moment = datetime.fromisoformat(text)
    return moment.astimezone().strftime("%Y%m%d-%H%M%S")
