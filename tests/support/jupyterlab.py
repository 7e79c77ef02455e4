"""A JupyterLab with our extension, and a made-up platform behind it, for the states that a real one seldom shows."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import httpx
from playwright.sync_api import BrowserContext, Route

from .platform import free_port
from .waiting import wait_for

LABEXTENSIONS = Path(__file__).parents[2] / "jupyter_primehub_ext" / "labextensions"
BUILT = LABEXTENSIONS / "@primehub" / "labextension" / "package.json"
PARAMETERS_CELL = "alpha = 0.1\nepochs = 3\nname = 'base'\nverbose = True\nlayers = [64, 32]\nseed = int(time())\n"


def notebook(*cells: str, parameters: str = "") -> dict[str, Any]:
    """A notebook of code cells, with a cell of parameters first where there are any."""

    def cell(index: int, source: str, tags: list[str]) -> dict[str, Any]:
        return {
            "cell_type": "code",
            "id": f"cell-{index}",
            "metadata": {"tags": tags} if tags else {},
            "execution_count": None,
            "outputs": [],
            "source": source,
        }

    sources = [(parameters, ["parameters"])] if parameters else []
    sources += [(source, []) for source in cells]
    return {
        "cells": [cell(i, source, tags) for i, (source, tags) in enumerate(sources)],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


@contextmanager
def jupyter_lab(prefix: str, root: Path) -> Iterator[str]:
    """The address of a JupyterLab of this environment over this folder, with the built extension and nobody's server."""
    port = free_port()
    settings = root.parent / "settings"
    environ = {**os.environ, "HOME": str(root), "JUPYTER_CONFIG_DIR": str(settings), "JUPYTER_DATA_DIR": str(settings)}
    arguments = [
        f"{prefix}/bin/python", "-m", "jupyterlab", "--no-browser", f"--port={port}", "--ServerApp.port_retries=0",
        "--IdentityProvider.token=", "--allow-root", f"--ServerApp.root_dir={root}",
        f"--LabApp.extra_labextensions_path={LABEXTENSIONS}", "--LabApp.news_url=None",
        "--LabApp.expose_app_in_browser=True",
    ]  # fmt: skip
    with open(root.parent / "lab.log", "wb") as log:
        process = subprocess.Popen(arguments, cwd=root, env=environ, stdout=log, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        assert process.poll() is None, (root.parent / "lab.log").read_text()[-4000:]
        try:
            return httpx.get(f"{url}/api", trust_env=False).is_success
        except httpx.TransportError:
            return False

    try:
        wait_for(answers, 60, what="JupyterLab answers")
        yield url
    finally:
        # it has nothing to save, and its kernels end with it
        process.kill()
        process.wait(20)


def at(**ahead: float) -> str:
    """A moment from now, as the API writes it."""
    return (datetime.now(UTC) + timedelta(**ahead)).isoformat()


def job(number: int, **fields: Any) -> dict[str, Any]:
    """A job as the server extension answers it."""
    made: dict[str, Any] = {
        "id": f"job-202611220{number:03d}-abcdef",
        "name": "train",
        "instance_type": "cpu-1",
        "image": "base",
        "notebook": {"snapshot": "s", "path": "train.ipynb", "parameters": {}, "kernel": ""},
        "phase": "PENDING",
        "reason": "",
        "message": "",
        "cancel_requested": None,
        "queue": None,
        "progress": None,
        "artifacts": {"files": 0, "size": 0, "message": "", "expires_at": None},
        "schedule": None,
        "schedule_name": "",
        "created_at": at(minutes=-12),
        "started_at": None,
        "ended_at": None,
        "placed": None,
    }
    return made | fields


HOLDER = {"user": "bob", "kind": "notebook", "name": "", "amount": "3 cores", "since": at(hours=-2)}
SHORT = {
    "code": "quota",
    "field": None,
    "budget": "group",
    "resource": "cpu",
    "message": "The group has 4 cores, 3 are in use, and this needs 2: 1 core is short.",
    "limit": "4 cores",
    "used": "3 cores",
    "asked": "2 cores",
    "short": "1 core",
    "holders": [HOLDER],
    "help": "Choose an instance type with at most 1 core.",
}
NEVER = SHORT | {
    "code": "never-fits",
    "message": "It needs 64 cores, and the group has 4 in all.",
    "holders": [],
    "help": "Choose another instance type.",
}


def decision(*reasons: dict[str, Any], never: bool = False) -> dict[str, Any]:
    """An answer of the dry run."""
    return {"would_start": not reasons, "never": never, "reasons": list(reasons), "budgets": [], "warnings": []}


def instance_type(slug: str, cpu: float, memory: str, gpu: int = 0, disabled: str = "") -> dict[str, Any]:
    """An instance type of the form."""
    amounts = {"cpu": cpu, "memory": memory, "gpu": gpu}
    return {
        "id": slug, "slug": slug, "name": slug, "display_name": "", "description": "", "limits": amounts, "requests": amounts,
        "idle_timeout": 0, "disabled": disabled,
    }  # fmt: skip


def image(slug: str, **fields: Any) -> dict[str, Any]:
    """An image of the form."""
    return {
        "id": slug, "slug": slug, "name": slug, "display_name": "", "description": "", "kind": "cpu", "group": None,
        "phase": "READY", "progress": 100, "disabled": "",
    } | fields  # fmt: skip


PARAMETERS = {
    "language": "python",
    "supported": True,
    "message": "",
    "parameters": [
        {"name": "alpha", "type": "float", "default": 0.1, "source": "0.1", "help": "learning rate"},
        {"name": "epochs", "type": "int", "default": 3, "source": "3", "help": ""},
        {"name": "name", "type": "str", "default": "base", "source": "'base'", "help": ""},
        {"name": "verbose", "type": "bool", "default": True, "source": "True", "help": ""},
        {"name": "layers", "type": "list", "default": [64, 32], "source": "[64, 32]", "help": ""},
        {"name": "seed", "type": "unknown", "default": None, "source": "int(time())", "help": ""},
    ],
}


class MadeUpPlatform:
    """Answers for the server extension's endpoints. What it holds may be changed while a page is open."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, Any]] = []
        """Method, path and body of all that was asked for but reads."""
        self.failing: dict[str, tuple[int, dict[str, Any]]] = {}
        """Status and problem to answer, by the first part of the path."""
        self.jobs: list[dict[str, Any]] = []
        self.schedules: list[dict[str, Any]] = []
        self.decision = decision()
        self.parameters: dict[str, Any] = PARAMETERS
        self.asked = 0
        """How often jobs were asked for."""
        usage = {
            "quota": {"cpu": 4, "memory": "16Gi", "gpu": None},
            "used": {"cpu": 1, "memory": "2Gi", "gpu": 0},
        }
        self.context: dict[str, Any] = {
            "available": True,
            "reason": "",
            "user": "ann",
            "group": {"slug": "research", "name": "Research"},
            "instance_type": "cpu-1",
            "image": "base",
            "notebook": {
                "id": "n", "phase": "RUNNING", "idle_timeout": 3600, "idle_deadline": at(minutes=41),
                "idle_warning_at": at(minutes=31), "keep_until": None,
            },
            "usage": {"group": "research", "user": usage, "total": usage, "holders": []},
            "portal_url": "/services/primehub/g/research/home",
            "jobs_url": "/services/primehub/g/research/jobs",
        }  # fmt: skip
        self.options: dict[str, Any] = {
            "group": "research",
            "instance_types": [
                instance_type("cpu-1", 1, "2Gi"),
                instance_type("cpu-2", 2, "4Gi"),
                instance_type("cpu-64", 64, "256Gi", disabled="It needs 64 cores, and your quota in this group is 4."),
                instance_type("gpu-1", 8, "64Gi", 1),
            ],
            "images": [
                image("base", description="JupyterLab, NumPy, pandas, scikit-learn"),
                image("torch", kind="gpu", description="PyTorch with CUDA"),
                image("new", phase="BUILDING", progress=40),
            ],
            "defaults": {"instance_type": None, "image": None, "safe_mode": False},
        }

    def serve(self, context: BrowserContext) -> None:
        """Answer in this browser."""
        context.route("**/primehub/**", self._answer)

    def _answer(self, route: Route) -> None:
        request = route.request
        path = urlparse(request.url).path.partition("/primehub/")[2]
        body = json.loads(request.post_data or "null")
        if request.method != "GET":
            self.sent.append((request.method, path, body))
        first = path.partition("/")[0]
        if first in self.failing:
            status, problem = self.failing[first]
        else:
            status, problem = 200, self._made(request.method, path, body)
        route.fulfill(status=status, content_type="application/json", body=json.dumps(problem))

    def _made(self, method: str, path: str, body: Any) -> Any:
        first, _, rest = path.partition("/")
        key = f"{method} {first}" + ("/…" if rest else "")
        answers: dict[str, Callable[[], Any]] = {
            "GET context": lambda: self.context,
            "GET launch-options": lambda: self.options,
            "POST parameters": lambda: self.parameters,
            "POST job-checks": lambda: self.decision,
            "GET jobs": self._jobs,
            "POST jobs": lambda: self._submitted(body),
            "GET jobs/…": lambda: self._log() if rest.endswith("/log") else self._one(rest),
            "POST jobs/…": lambda: self._acted(*rest.split("/")),
            "POST keep": lambda: self.context["notebook"] | {"keep_until": at(hours=1)},
            "GET schedules": lambda: {"items": self.schedules},
            "POST schedules": lambda: self._scheduled(body),
            "PUT schedules/…": lambda: self.schedules[0],
            "POST schedule-previews": lambda: {
                "reading": "At 04:00 every day",
                "next": [at(days=d) for d in range(1, 6)],
            },
        }
        return answers[key]()

    def _jobs(self) -> Any:
        self.asked += 1
        active = [j for j in self.jobs if j["phase"] not in ("SUCCEEDED", "FAILED", "CANCELLED")]
        return {"items": self.jobs, "total": len(self.jobs), "active": len(active)}

    def _one(self, key: str) -> Any:
        return next(j for j in self.jobs if j["id"] == key)

    def _submitted(self, body: Any) -> Any:
        made = job(len(self.jobs) + 1, name=body.get("name", "train"), created_at=at())
        self.jobs.insert(0, made)
        return made

    def _acted(self, key: str, verb: str) -> Any:
        found = self._one(key)
        if verb == "place":
            return {"path": "train-result.ipynb"}
        if verb == "cancel":
            found["cancel_requested"] = "ann"
        return found

    def _scheduled(self, body: Any) -> Any:
        made = schedule(name=body["name"], cron=body["cron"], timezone=body["timezone"])
        self.schedules.append(made)
        return made

    def _log(self) -> Any:
        text = "epoch 1: loss 0.71\nepoch 2: loss 0.52\n"
        return {"offset": 0, "next_offset": len(text), "size": len(text), "text": text, "matches": []}


def schedule(**fields: Any) -> dict[str, Any]:
    """A recurring job as the server extension answers it."""
    made: dict[str, Any] = {
        "id": "s1",
        "name": "nightly report",
        "cron": "0 4 * * *",
        "timezone": "Europe/Berlin",
        "reading": "At 04:00 every day",
        "job": {"notebook": {"snapshot": "s", "path": "train.ipynb", "parameters": {}, "kernel": ""}},
        "paused": False,
        "pause_reason": "",
        "notebook_reads_file": False,
        "snapshot_at": at(days=-3),
        "next_at": at(hours=9),
        "last": None,
        "version": 1,
        "differs": False,
    }
    return made | fields
