"""The endpoints that docs/design/002-jobs.md lists, below ``primehub/``."""

from __future__ import annotations

import json
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.base.handlers import APIHandler
from tornado.web import authenticated

from . import parameters
from .platform import Problem
from .results import Placer
from .service import Service

SETTING = "primehub"
_JOB = r"(?P<job>[A-Za-z0-9_-]{1,64})"
_SCHEDULE = r"(?P<schedule>[A-Za-z0-9_-]{1,64})"
_LOG_QUERY = ("offset", "limit", "tail", "attempt", "search")


class Parts:
    """What the handlers work with; ``service`` is None where the server was not started by PrimeHub."""

    def __init__(self, service: Service | None, placer: Placer | None) -> None:
        self.service = service
        self.placer = placer


class Handler(APIHandler):
    """Answers JSON; problems are the platform's own."""

    # looking at what goes on is no reason to keep an idle server
    _track_activity = False

    @property
    def service(self) -> Service:
        """The platform. Raises ``Problem`` where there is none."""
        found: Service | None = self.settings[SETTING].service
        if found is None:
            raise Problem.of(503, "not-primehub", "This server was not started by PrimeHub.")
        return found

    @property
    def placer(self) -> Placer:
        """Where results are placed."""
        placer: Placer | None = self.settings[SETTING].placer
        if placer is None:
            raise Problem.of(503, "not-primehub", "This server was not started by PrimeHub.")
        return placer

    def body(self) -> dict[str, Any]:
        """The request's JSON object. Raises ``Problem``."""
        try:
            found = json.loads(self.request.body or b"{}")
        except ValueError as error:
            raise Problem.of(400, "malformed", f"The body is not JSON: {error}.") from error
        if not isinstance(found, dict):
            raise Problem.of(400, "malformed", "The body must be a JSON object.")
        return found

    def answer(self, body: Any, status: int = 200) -> None:
        """JSON; the browser asks each time, and may be told that nothing has changed."""
        self.set_status(status)
        self.set_header("Cache-Control", "no-cache")
        self.finish(json.dumps(body))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Problems as problem+json; all else as Jupyter says it."""
        problem = kwargs.get("exc_info", (None, None, None))[1]
        if not isinstance(problem, Problem):
            super().write_error(status_code, **kwargs)
            return
        # to JupyterLab, 401 is its own session's end, and not that of the token behind it
        self.set_status(403 if problem.status == 401 else problem.status)
        self.finish(json.dumps(problem.body), set_content_type="application/problem+json")

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """A problem is an answer, and no fault of the server's."""
        if not isinstance(value, Problem):
            super().log_exception(typ, value, tb)

    def of_query(self, *names: str) -> dict[str, str]:
        """Those of the query's words that are given."""
        found = {name: self.get_query_argument(name, None) for name in names}
        return {name: value for name, value in found.items() if value is not None}

    async def saved(self, path: str) -> Any:
        """The notebook that is saved at a path; None where there is none."""
        try:
            if not await ensure_async(self.contents_manager.file_exists(path)):
                return None
            model = await ensure_async(self.contents_manager.get(path, content=True, type="notebook"))
        except Exception:
            return None
        return model["content"]

    def with_place(self, job: dict[str, Any]) -> dict[str, Any]:
        """The job, and where its result was placed."""
        return {**job, "placed": self.placer.placed.get(job["id"])}


class ContextHandler(Handler):
    @authenticated
    async def get(self) -> None:
        try:
            self.answer(await self.service.context())
        except Problem as problem:
            nothing = dict.fromkeys(("group", "notebook", "usage"))
            words = dict.fromkeys(("user", "instance_type", "image", "portal_url", "jobs_url"), "")
            self.answer({"available": False, "reason": str(problem), **words, **nothing})


class OptionsHandler(Handler):
    @authenticated
    async def get(self) -> None:
        self.answer(await self.service.launch_options())


class ParametersHandler(Handler):
    @authenticated
    async def post(self) -> None:
        content = self.body().get("content")
        if not isinstance(content, dict):
            raise Problem.of(422, "invalid", "content: It is no notebook.")
        try:
            self.answer(parameters.infer(content))
        except (AttributeError, TypeError) as error:
            raise Problem.of(422, "invalid", "content: It is no notebook.") from error


class ChecksHandler(Handler):
    @authenticated
    async def post(self) -> None:
        self.answer(await self.service.check(self.body()))


class JobsHandler(Handler):
    @authenticated
    async def get(self) -> None:
        given = self.of_query("limit", "path")
        try:
            limit = min(200, max(1, int(given.get("limit", "50"))))
        except ValueError as error:
            raise Problem.of(422, "invalid", "limit: It is no number.") from error
        found = await self.service.jobs()
        items = [job for job in found["items"] if given.get("path") in (None, (job["notebook"] or {}).get("path"))]
        self.answer({**found, "items": [self.with_place(job) for job in items[:limit]]})

    @authenticated
    async def post(self) -> None:
        self._track_activity = True  # a person did this
        made = await self.service.submit(self.body())
        self.placer.placed.submitted(made["id"])
        self.answer({**made, "placed": None}, 201)


class JobHandler(Handler):
    @authenticated
    async def get(self, job: str) -> None:
        self.answer(self.with_place(await self.service.job(job)))


class LogHandler(Handler):
    @authenticated
    async def get(self, job: str) -> None:
        self.answer(await self.service.log(job, **self.of_query(*_LOG_QUERY)))


class ActionHandler(Handler):
    @authenticated
    async def post(self, job: str, action: str) -> None:
        if action == "place":
            self.answer({"path": await self.placer.place(await self.service.job(job))})
        else:
            act = self.service.cancel if action == "cancel" else self.service.rerun
            self.answer(self.with_place(await act(job)))


class KeepHandler(Handler):
    @authenticated
    async def post(self) -> None:
        self.answer(await self.service.keep(self.body().get("seconds")))


class SchedulesHandler(Handler):
    @authenticated
    async def get(self) -> None:
        items = await self.service.schedules(self.saved, self.of_query("path").get("path"))
        self.answer({"items": items})

    @authenticated
    async def post(self) -> None:
        self.answer({**await self.service.make_schedule(self.body()), "differs": None}, 201)


class ScheduleSnapshotHandler(Handler):
    @authenticated
    async def put(self, schedule: str) -> None:
        self.answer({**await self.service.update_schedule(schedule, self.body()), "differs": None})


class PreviewsHandler(Handler):
    @authenticated
    async def post(self) -> None:
        body = self.body()
        self.answer(await self.service.preview(body.get("cron", ""), body.get("timezone", "UTC")))


def handlers() -> list[tuple[str, type[Handler]]]:
    """Paths and handlers below the server's address."""
    found: list[tuple[str, type[Handler]]] = [
        ("context", ContextHandler),
        ("launch-options", OptionsHandler),
        ("parameters", ParametersHandler),
        ("job-checks", ChecksHandler),
        ("jobs", JobsHandler),
        (f"jobs/{_JOB}", JobHandler),
        (f"jobs/{_JOB}/log", LogHandler),
        (f"jobs/{_JOB}/(?P<action>cancel|rerun|place)", ActionHandler),
        ("keep", KeepHandler),
        ("schedules", SchedulesHandler),
        (f"schedules/{_SCHEDULE}/snapshot", ScheduleSnapshotHandler),
        ("schedule-previews", PreviewsHandler),
    ]
    return [(f"/primehub/{path}", handler) for path, handler in found]
