"""A recurring job on the running platform: at its instant it runs as its owner, and its owner is told how it ended."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

import pytest

from tests.e2e.conftest import Lab
from tests.support.mail import web_server
from tests.support.platform import Platform
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]
SECRET = "what-messages-are-signed-with"
A_MINUTE = 60


def test_it_runs_at_its_instant_and_its_end_is_told(platform: Platform, lab: Lab) -> None:
    def call(method: str, path: str, body: Any = None) -> Any:
        return platform.call(method, path, body, token=lab.token)

    with web_server() as hook:
        call("PUT", "/me/notifications", {"webhook": True, "webhook_url": hook.url, "webhook_secret": SECRET})
        assert call("POST", "/me/notifications/test")["deliveries"][0]["sent"]
        job = {"group": lab.group, "instance_type": lab.instance_type, "image": lab.image, "command": "exit 3"}
        made = call("POST", "/schedules", {"name": "each minute", "cron": "* * * * *", "job": job})
        path = f"/schedules/{made['id']}"
        first = wait_for(
            lambda: call("GET", f"{path}/firings")["items"], A_MINUTE + 10, what="the first instant is accounted for"
        )[0]
        call("PATCH", path, {"version": made["version"], "paused": True})
        assert (first["instant"], first["outcome"]) == (made["next_at"], "JOB")
        late = datetime.fromisoformat(first["decided_at"]) - datetime.fromisoformat(first["instant"])
        assert late.total_seconds() < 10
        ended = wait_for(lambda: _ended(call("GET", f"/jobs/{first['job']}")), 60, what="its job has ended")
        assert (ended["phase"], ended["exit_code"], ended["schedule"]) == ("FAILED", 3, made["id"])
        wait_for(lambda: len(hook.posts) > 1, 30, what="its owner is told")
        _, headers, sent = hook.posts[1]
    told = json.loads(sent)
    assert (told["event"], told["id"], told["schedule_name"]) == ("schedule.failed", first["job"], "each minute")
    assert headers["PrimeHub-Signature"] == f"sha256={hmac.new(SECRET.encode(), sent, hashlib.sha256).hexdigest()}"
    call("PUT", "/me/notifications", {})
    call("DELETE", path)


def _ended(job: Any) -> Any:
    return job if job["phase"] in ("SUCCEEDED", "FAILED", "CANCELLED") else None
