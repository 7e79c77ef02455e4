"""A recurring job on the running platform: at its instant it runs as its owner, and its owner is told how it ended."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

from tests.support import scenarios
from tests.support.mail import web_server
from tests.support.platform import Lab, Platform
from tests.support.scenarios import Jobs
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]
SECRET = "what-messages-are-signed-with"


def test_it_runs_at_its_instant_and_its_end_is_told(platform: Platform, lab: Lab) -> None:
    jobs = Jobs(platform, lab)
    made: dict[str, Any] = {}
    try:
        with web_server() as hook:
            jobs.call("PUT", "/me/notifications", {"webhook": True, "webhook_url": hook.url, "webhook_secret": SECRET})
            assert jobs.call("POST", "/me/notifications/test")["deliveries"][0]["sent"]
            made = scenarios.a_schedule_of_every_minute(jobs)
            ended = scenarios.it_fires_at_its_instant(jobs, made)
            wait_for(lambda: len(hook.posts) > 1, 30, what="its owner is told")
            _, headers, sent = hook.posts[1]
        told = json.loads(sent)
        assert (told["event"], told["id"], told["schedule_name"]) == ("schedule.failed", ended["id"], made["name"])
        signed = hmac.new(SECRET.encode(), sent, hashlib.sha256).hexdigest()
        assert headers["PrimeHub-Signature"] == f"sha256={signed}"
        jobs.call("PUT", "/me/notifications", {})
        scenarios.a_schedule_runs_now(jobs, made["id"])
    finally:
        jobs.call("PUT", "/me/notifications", {})
        if made:
            jobs.call("DELETE", f"/schedules/{made['id']}")
