"""Things as the API answers them."""

from __future__ import annotations

from typing import Any

from .fake_api import NOW

QUOTA = {"cpu": 4, "memory": "8Gi", "gpu": 0}
USED = {"cpu": 0.5, "memory": "1Gi", "gpu": 0}
NOTEBOOK_ID = "0123456789abcdef0123456789abcdef"


def group(name: str = "g1", **fields: Any) -> dict[str, Any]:
    """A group."""
    return {
        "id": f"id-{name}",
        "name": name,
        "slug": name,
        "display_name": name.upper(),
        "description": "",
        "user_quota": {"cpu": 0.5, "memory": None, "gpu": 0},
        "group_quota": QUOTA,
        "shared_volume": True,
        "shared_volume_capacity": None,
        "folder_problem": "",
        "launch_group_only": True,
        "pod_security": "restricted",
        "job_timeout": None,
        "idle_timeout": None,
        "created_at": NOW,
        "version": 3,
        **fields,
    }


def image(name: str = "base", **fields: Any) -> dict[str, Any]:
    """An image that is ready."""
    return {
        "id": f"id-{name}",
        "name": name,
        "slug": name,
        "display_name": "Base",
        "description": "",
        "kind": "both",
        "source": {"type": "environment", "prefix": None, "base": "", "packages": ["numpy"]},
        "group": None,
        "all_groups": False,
        "groups": ["g0"],
        "phase": "READY",
        "message": "",
        "progress": 100,
        "location": "/env",
        "created_at": NOW,
        "version": 5,
        **fields,
    }


def volume(name: str = "data", **fields: Any) -> dict[str, Any]:
    """A data volume."""
    return {
        "id": f"id-{name}",
        "name": name,
        "slug": name,
        "display_name": "",
        "description": "",
        "source": {"type": "pvc", "capacity": 5, "claim": None},
        "all_groups": False,
        "groups": [],
        "launch_group_only": True,
        "message": "",
        "created_at": NOW,
        "version": 2,
        **fields,
    }


def me(*groups: str, **fields: Any) -> dict[str, Any]:
    """A person in these groups."""
    return {
        "name": "ann",
        "slug": "ann",
        "display_name": "Ann",
        "email": "",
        "local": True,
        "must_change_password": False,
        "platform_admin": False,
        "groups": [
            {"group": g, "name": g, "display_name": g.upper(), "role": "member", "permissions": []} for g in groups
        ],
        "scopes": [],
        "permissions": [],
        "version": 1,
        **fields,
    }


def notebook(phase: str = "STARTING", events: int = 0, **fields: Any) -> dict[str, Any]:
    """A start of ann's in g1, after so many events."""
    steps = ("Preparing folders", "Starting JupyterLab", "Ready")
    return {
        "id": NOTEBOOK_ID,
        "user": "ann",
        "server_name": "",
        "group": "g1",
        "instance_type": "small",
        "image": "base",
        "limits": USED,
        "safe_mode": False,
        "phase": phase,
        "reason": "",
        "events": [
            {"at": NOW, "progress": 30 * (i + 1), "stage": "starting", "message": steps[i]} for i in range(events)
        ],
        "url": "/user/ann/lab" if phase == "RUNNING" else "",
        "created_at": NOW,
        "ready_at": NOW if phase == "RUNNING" else None,
        "ended_at": NOW if phase in ("STOPPED", "FAILED") else None,
        "idle_timeout": 0,
        "idle_deadline": None,
        "keep_until": None,
        "left_out": [],
        "version": 1,
        **fields,
    }


def launch_options(**fields: Any) -> dict[str, Any]:
    """What g1 can start."""
    usage = {"quota": QUOTA, "used": USED}
    return {
        "group": "g1",
        "instance_types": [
            {
                "id": "1",
                "name": "small",
                "slug": "small",
                "display_name": "Small",
                "description": "",
                "limits": {"cpu": 0.5, "memory": "1Gi", "gpu": 0},
                "requests": {"cpu": 0.5, "memory": "1Gi", "gpu": 0},
                "idle_timeout": 0,
                "disabled": "",
            }
        ],
        "images": [
            {
                "id": "2",
                "name": "base",
                "slug": "base",
                "display_name": "Base",
                "description": "",
                "kind": "both",
                "group": None,
                "phase": "READY",
                "progress": 100,
                "disabled": "",
            }
        ],
        "volumes": [],
        "user": usage,
        "total": usage,
        "budgets": [],
        "environment": {},
        "defaults": {"instance_type": "small", "image": "base", "safe_mode": False},
        "running": None,
        **fields,
    }


def refused() -> dict[str, Any]:
    """A refusal by the group's quota, held by bob."""
    reason = {
        "code": "quota",
        "field": "instance_type",
        "budget": "group",
        "resource": "cpu",
        "message": "0.5 cores short.",
        "limit": "4 cores",
        "used": "4 cores",
        "asked": "0.5 cores",
        "short": "0.5 cores",
        "holders": [{"user": "bob", "kind": "notebook", "name": "", "amount": "4 cores", "since": NOW}],
        "help": "Ask one of the holders to stop.",
    }
    decision = {"would_start": False, "never": False, "reasons": [reason], "budgets": [], "warnings": []}
    return {"status": 409, "code": "refused", "detail": "This cannot start now.", "decision": decision}


def job(id: str = "job-202611011200-abc123", **fields: Any) -> dict[str, Any]:
    """A job that has succeeded."""
    return {
        "id": id,
        "name": "train",
        "kind": "command",
        "user": "ann",
        "group": "g1",
        "instance_type": "cpu-1",
        "image": "base",
        "limits": {"cpu": 1, "memory": "1Gi", "gpu": 0},
        "command": "python train.py",
        "environment": {},
        "secrets": {},
        "timeout": 3600,
        "retries": 0,
        "phase": "SUCCEEDED",
        "attempts": [attempt(1)],
        "created_at": NOW,
        "started_at": NOW,
        "ended_at": "2026-11-01T14:05:09Z",
        "version": 4,
        **fields,
    }


def attempt(number: int, **fields: Any) -> dict[str, Any]:
    """One try at a job."""
    return {"id": f"a-{number}", "number": number, "phase": "SUCCEEDED", "created_at": NOW, **fields}


def waiting(**fields: Any) -> dict[str, Any]:
    """A job that waits, since somebody else holds what it needs."""
    reason = {
        "code": "quota",
        "message": "1 core short: the group's quota is 4 cores, 4 cores in use, 1 core asked.",
        "budget": "group",
        "resource": "cpu",
        "limit": "4 cores",
        "used": "4 cores",
        "asked": "1 core",
        "short": "1 core",
        "holders": [{"user": "bo", "kind": "job", "name": "other", "amount": "4 cores", "since": NOW}],
    }
    place = {
        "position": 2,
        "of": 3,
        "waiting_since": NOW,
        "kept_from": NOW,
        "kept": False,
        "decision": {"would_start": False, "reasons": [reason]},
        "estimate": NOW,
    }
    return job(phase="PENDING", attempts=[], started_at=None, ended_at=None, queue=place, **fields)


def log(text: str, offset: int = 0, **fields: Any) -> dict[str, Any]:
    """A part of a log."""
    end = offset + len(text)
    return {"offset": offset, "next_offset": end, "size": end, "text": text, **fields}


def snapshot(id: str) -> dict[str, Any]:
    """An uploaded notebook."""
    name = "train.ipynb"
    whose = {"user": "ann", "group": "g1"}
    return {"id": id, **whose, "format": "ipynb", "name": name, "size": 13, "digest": "d", "created_at": NOW}


def schedule(id: str = "s1", **fields: Any) -> dict[str, Any]:
    """A recurring job."""
    return {
        "id": id,
        "name": "report",
        "user": "ann",
        "group": "g1",
        "cron": "0 4 * * *",
        "timezone": "UTC",
        "reading": "At 04:00 every day",
        "job": {"group": "g1", "instance_type": "cpu-1", "image": "base", "command": "python report.py"},
        "overlap": "skip",
        "catch_up": False,
        "paused": False,
        "next_at": "2026-11-02T04:00:00Z",
        "created_at": NOW,
        "version": 7,
        **fields,
    }
