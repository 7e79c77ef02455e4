"""What JupyterLab asks for, of the platform: always in the launch group, always about the server's owner."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from . import snapshot
from .platform import Platform, Problem, part

FRESH_S = 1.0
"""Several tabs that ask at once get one answer."""
PAGE = 200
_OPTIONS = ("instance_type", "image", "name", "timeout", "retries", "environment", "secrets")
FINAL = frozenset({"SUCCEEDED", "FAILED", "CANCELLED"})
Content = Callable[[str], Awaitable[Any]]
"""The notebook that is saved at a path, or None."""


class Service:
    """One server's view of the platform. Every method raises ``Problem``."""

    def __init__(self, platform: Platform, *, root: Path | None = None, server: str = "") -> None:
        """``root``: the folder that paths are below, where it is one of this machine."""
        self._platform = platform
        self._root = root
        self._server = server
        self._me: dict[str, Any] | None = None
        self._jobs: tuple[float, asyncio.Future[Any]] | None = None
        self.submitted = asyncio.Event()
        """Set by every new job."""

    async def me(self) -> dict[str, Any]:
        """Who the owner is: ``name``, and the launch group as ``group``. Asked for once."""
        if self._me is None:
            found = await self._platform.ask("GET", "/me")
            if not found["groups"]:
                raise Problem.of(403, "no-group", "You are not in the group any more that this server was started in.")
            self._me = {"name": found["name"], "group": found["groups"][0]}
        return self._me

    async def _group(self) -> str:
        return str((await self.me())["group"]["group"])

    async def context(self) -> dict[str, Any]:
        """What the status bar shows. Never raises: what is not known is null, and ``reason`` says why."""
        answer: dict[str, Any] = {
            "available": False,
            "reason": "",
            "user": os.environ.get("JUPYTERHUB_USER", ""),
            "group": None,
            "instance_type": os.environ.get("INSTANCE_TYPE", ""),
            "image": os.environ.get("IMAGE_NAME", ""),
            "notebook": None,
            "usage": None,
            "portal_url": self._platform.portal,
            "jobs_url": self._platform.portal,
        }
        try:
            me = await self.me()
            slug, name = me["group"]["group"], me["group"]["name"]
            page = f"{self._platform.portal}g/{part(slug)}"
            answer.update(user=me["name"], group={"slug": slug, "name": name})
            answer.update(portal_url=f"{page}/home", jobs_url=f"{page}/jobs")
            answer["usage"], answer["notebook"] = await asyncio.gather(
                self._platform.ask("GET", f"/groups/{part(slug)}/usage"), self._notebook()
            )
            answer["available"] = True
        except Problem as problem:
            answer["reason"] = str(problem)
        return answer

    async def _notebook(self) -> Any:
        found = await self._platform.ask("GET", "/notebooks", active=True, group=await self._group())
        return next((n for n in found["items"] if n["server_name"] == self._server), None)

    async def launch_options(self) -> Any:
        """What can be chosen in the group."""
        return await self._platform.ask("GET", f"/groups/{part(await self._group())}/launch-options")

    async def keep(self, seconds: int | None) -> Any:
        """Put off the stop for idleness."""
        notebook = await self._notebook()
        if notebook is None:
            raise Problem.of(404, "no-notebook", "The platform does not know of this server.")
        body = {} if seconds is None else {"seconds": seconds}
        return await self._platform.ask("POST", f"/notebooks/{part(notebook['id'])}/keep", body)

    # -- jobs

    async def check(self, wanted: dict[str, Any]) -> Any:
        """Whether such a job would start now, wait, or never start. Nothing is uploaded for that."""
        spec = await self._spec({"path": "notebook.ipynb", **wanted}, "unchecked")
        return await self._platform.ask("POST", f"/groups/{part(spec['group'])}/job-checks", spec)

    async def submit(self, wanted: dict[str, Any]) -> Any:
        """Upload the notebook as it is given, and queue it."""
        spec = await self._spec(wanted, await self._upload(wanted))
        made = await self._platform.ask("POST", "/jobs", spec)
        self._jobs = None
        self.submitted.set()
        return made

    async def jobs(self, *, limit: int = PAGE) -> dict[str, Any]:
        """The owner's jobs in the group, the newest first."""
        now = time.monotonic()
        if self._jobs is None or now - self._jobs[0] > FRESH_S or _failed(self._jobs[1]):
            self._jobs = now, asyncio.ensure_future(self._list_jobs())
        found: dict[str, Any] = await asyncio.shield(self._jobs[1])
        return {**found, "items": found["items"][:limit]}

    async def _list_jobs(self) -> dict[str, Any]:
        me = await self.me()
        found = await self._platform.ask("GET", "/jobs", group=me["group"]["group"], user=me["name"], page_size=PAGE)
        active = sum(job["phase"] not in FINAL for job in found["items"])
        return {"items": found["items"], "total": found["total"], "active": active}

    async def job(self, job: str) -> Any:
        """One job."""
        return await self._platform.ask("GET", f"/jobs/{part(job)}")

    async def cancel(self, job: str) -> Any:
        """Ask for its end."""
        self._jobs = None
        return await self._platform.ask("POST", f"/jobs/{part(job)}/cancel")

    async def rerun(self, job: str) -> Any:
        """The same once more."""
        made = await self._platform.ask("POST", f"/jobs/{part(job)}/rerun")
        self._jobs = None
        self.submitted.set()
        return made

    async def log(self, job: str, **query: Any) -> Any:
        """A part of its log."""
        return await self._platform.ask("GET", f"/jobs/{part(job)}/log", **query)

    async def result(self, job: dict[str, Any]) -> bytes:
        """The executed notebook, whole or as far as it came. Raises ``Problem`` (``no-result``) where there is none."""
        if job["notebook"] is None:
            raise Problem.of(404, "no-result", "This job ran a command: it leaves no notebook.")
        try:
            return await self._platform.download(f"/jobs/{part(job['id'])}/artifacts/{part(result_name(job))}")
        except Problem as problem:
            if problem.status == 404:
                raise Problem.of(404, "no-result", "This job has left no notebook.") from problem
            raise

    # -- recurring jobs

    async def schedules(self, content: Content, path: str | None = None) -> list[Any]:
        """The owner's recurring notebooks in the group; ``differs`` says whether the saved file is another by now."""
        me = await self.me()
        found = await self._platform.ask(
            "GET", "/schedules", group=me["group"]["group"], user=me["name"], page_size=PAGE
        )
        answer = []
        for schedule in found["items"]:
            run = schedule["job"].get("notebook")
            if run is None or path not in (None, run["path"]):
                continue
            differs = None
            if not schedule["notebook_reads_file"]:
                now = snapshot.digest(await content(run["path"]))
                differs = None if now is None else now != schedule["snapshot_digest"]
                if differs is False and schedule.get("snapshot_format") == snapshot.FOLDER:
                    differs = await self._folder_changed(run["path"], schedule["snapshot_at"])
            answer.append({**schedule, "differs": differs})
        return answer

    async def make_schedule(self, wanted: dict[str, Any]) -> Any:
        """A new recurring job of a notebook that is given."""
        job = wanted.get("job")
        if not isinstance(job, dict):
            raise _wrong("job", "It is missing.")
        spec = await self._spec(job, await self._upload(job))
        return await self._platform.ask("POST", "/schedules", {**wanted, "job": spec})

    async def update_schedule(self, schedule: str, wanted: dict[str, Any]) -> Any:
        """Let a recurring job run the notebook that is given from now on, with its folder where that went along before."""
        now = await self._platform.ask("GET", f"/schedules/{part(schedule)}")
        with_folder = now.get("snapshot_format") == snapshot.FOLDER
        body = {"snapshot": await self._upload({**wanted, "include_folder": with_folder})}
        return await self._platform.ask("PUT", f"/schedules/{part(schedule)}/snapshot", body)

    async def preview(self, cron: Any, timezone: Any) -> Any:
        """A cron expression in words."""
        return await self._platform.ask("POST", "/schedule-previews", {"cron": cron, "timezone": timezone})

    # -- what is sent

    async def _spec(self, wanted: dict[str, Any], snapshot_id: str) -> dict[str, Any]:
        spec = {name: wanted[name] for name in _OPTIONS if wanted.get(name) is not None}
        run = {"snapshot": snapshot_id, "path": _path(wanted), "parameters": wanted.get("parameters") or {}}
        return {**spec, "group": await self._group(), "notebook": {**run, "kernel": wanted.get("kernel") or ""}}

    async def _upload(self, wanted: dict[str, Any]) -> str:
        path, notebook = _path(wanted), wanted.get("content")
        if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
            raise _wrong("content", "It is no notebook.")
        name = path.rpartition("/")[2]
        data, media = snapshot.content(notebook), snapshot.NOTEBOOK
        if wanted.get("include_folder"):
            data, media = await self._folder(path, name, notebook), snapshot.ZIP
        made = await self._platform.upload("/snapshots", data, media, group=await self._group(), name=name)
        return str(made["id"])

    async def _folder_changed(self, path: str, since: str) -> bool:
        folder = None if self._root is None else (self._root / path).parent
        moment = datetime.fromisoformat(since).timestamp()
        return folder is not None and await asyncio.to_thread(snapshot.changed_since, folder, moment)

    async def _folder(self, path: str, name: str, notebook: dict[str, Any]) -> bytes:
        folder = None if self._root is None else (self._root / path).parent
        if folder is None or not folder.is_dir():
            raise _wrong("include_folder", "The notebook's folder is not one of this server.")
        limit = (await self._platform.ask("GET", "/settings"))["snapshot_max"] * 1_000_000

        def pack() -> bytes:
            with tempfile.TemporaryDirectory() as scratch:
                target = Path(scratch, "folder.zip")
                snapshot.pack(folder, name, notebook, target, limit)
                return target.read_bytes()

        try:
            return await asyncio.to_thread(pack)
        except snapshot.TooLarge as error:
            raise _wrong("include_folder", str(error)) from error


def result_name(job: dict[str, Any]) -> str:
    """The executed notebook's name in ``artifacts/``, as the platform's runner gives it."""
    stem = job["notebook"]["path"].rpartition("/")[2]
    stem = stem[: -len(".ipynb")] if stem.endswith(".ipynb") else stem
    return f"{stem[:150]}-{job['id']}.ipynb"


def _path(wanted: dict[str, Any]) -> str:
    path = wanted.get("path")
    if not isinstance(path, str) or not path.strip("/"):
        raise _wrong("path", "It is missing.")
    return path.strip("/")


def _wrong(field: str, message: str) -> Problem:
    problem = Problem.of(422, "invalid", f"{field}: {message}")
    problem.body["errors"] = [{"field": field, "message": message, "fix": ""}]
    return problem


def _failed(future: asyncio.Future[Any]) -> bool:
    return future.done() and (future.cancelled() or future.exception() is not None)
