"""Following what runs: logs, restarts of the platform meanwhile, readers that go away, Ctrl-C."""

from __future__ import annotations

import json
import signal

import pytest

from primehub_services.cli import job_logs
from primehub_services.client import jobs as client_jobs
from tests.support.waiting import wait_for

from . import things
from .conftest import Run, Start
from .fake_api import FakeApi, page

ID = "job-202611011200-abc123"


def test_the_last_lines_of_a_job_are_asked_for_as_the_api_takes_it(signed_in: Run, api: FakeApi) -> None:
    api.answers["GET", f"/jobs/{ID}"] = 200, things.job()
    api.answers["GET", f"/jobs/{ID}/log"] = [(200, things.log("end\n")), (200, things.log("", 4))]
    assert signed_in("jobs", "logs", ID, "--tail", "1").stdout == "end\n"
    asked = [r["query"] for r in api.requests if r["path"].endswith("/log")]
    assert asked == [{"tail": "1"}, {"offset": "4"}], "of offset and tail the API takes one"


AWAY = (503, {"detail": "The platform restarts.", "code": "unavailable"})


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask again without a pause."""
    monkeypatch.setattr(job_logs, "EVERY", 0)
    monkeypatch.setattr(client_jobs, "EVERY", 0)


@pytest.mark.usefixtures("at_once")
def test_a_restart_of_the_platform_is_waited_for_by_what_follows_a_notebook(signed_in: Run, api: FakeApi) -> None:
    path = f"/notebooks/{things.NOTEBOOK_ID}"
    runs, ended = things.notebook("RUNNING"), things.notebook("STOPPED")
    part = {"text": "one\n", "offset": 0, "next_offset": 4, "size": 4}
    api.answers["GET", path] = [(200, runs), AWAY, (502, None), (200, ended)]
    api.answers["GET", f"{path}/log"] = [(200, part), AWAY, (200, {**part, "text": ""})]
    result = signed_in("notebooks", "logs", "--follow", things.NOTEBOOK_ID)
    assert (result.exit_code, result.stdout) == (0, "one\n"), result.stderr
    assert result.stderr.count("Asking again.") == 2
    api.answers["POST", "/notebooks"] = 202, things.notebook()
    api.answers["GET", path] = [AWAY, (200, runs)]
    started = signed_in("notebooks", "start", "--group", "g1", "--instance-type", "small", "--image", "base")
    assert (started.exit_code, started.stderr.count("Asking again.")) == (0, 1)
    api.answers["DELETE", path] = 202, things.notebook("STOPPING")
    api.answers["GET", path] = [(200, runs), AWAY, (200, ended)]
    stopped = signed_in("notebooks", "stop", things.NOTEBOOK_ID)
    assert (stopped.exit_code, stopped.stderr.count("Asking again.")) == (0, 1)


def test_a_notebook_that_ended_is_found_by_its_name(signed_in: Run, api: FakeApi) -> None:
    one = things.notebook("STOPPED", id="a" * 32, server_name="one", created_at="2026-11-01T10:00:00Z")
    two = things.notebook("STOPPED", id="b" * 32, server_name="two", created_at="2026-11-01T11:00:00Z")
    api.answers["GET", "/me"] = 200, things.me("g1")
    api.answers["GET", "/notebooks"] = [page(), page(one, two)]
    assert json.loads(signed_in("notebooks", "status", "one", "--json").stdout)["id"] == "a" * 32
    api.answers["GET", "/notebooks"] = [page(things.notebook("RUNNING", server_name="other")), page(one, two)]
    assert json.loads(signed_in("notebooks", "status", "two", "--json").stdout)["id"] == "b" * 32


def test_a_reader_that_has_enough_ends_a_log_quietly(api: FakeApi, started: Start) -> None:
    api.answers["GET", f"/jobs/{ID}"] = 200, things.job()
    api.answers["GET", f"/jobs/{ID}/log"] = 200, things.log("a line of a log that goes on and on\n" * 10_000)
    reader = started("jobs", "logs", ID)
    assert reader.stdout.read(6) == b"a line"
    reader.stdout.close()
    assert reader.wait(30) != 0
    assert reader.stderr.read() == b""
    reader.stderr.close()


def test_ctrl_c_ends_what_waits_without_a_traceback(api: FakeApi, started: Start) -> None:
    api.answers["GET", f"/jobs/{ID}"] = 200, things.job(phase="RUNNING", ended_at=None)
    waiting = started("jobs", "wait", ID)
    wait_for(lambda: len(api.requests) > 2, 60)
    waiting.send_signal(signal.SIGINT)
    err = waiting.communicate(timeout=30)[1].decode()
    assert waiting.returncode == 1
    assert "Traceback" not in err
    assert "Aborted!" in err


@pytest.mark.usefixtures("at_once")
def test_a_bar_is_taken_away_however_the_waiting_ends(
    signed_in: Run, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hides the cursor."""
    closed = []
    monkeypatch.setattr(job_logs._Told, "close", lambda _self: closed.append(1))
    running = 200, things.job(phase="RUNNING", ended_at=None)
    for words in (("wait", ID), ("logs", "--follow", ID)):
        api.answers["GET", f"/jobs/{ID}"] = [running, running, (404, {"detail": "gone", "code": "not-found"})]
        api.answers["GET", f"/jobs/{ID}/log"] = 200, things.log("")
        assert signed_in("jobs", *words).exit_code == 4
    assert closed == [1, 1]
