"""``primehub jobs`` and ``primehub recurring-jobs``, against canned answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from primehub_services.cli import job_logs
from primehub_services.client import jobs as client_jobs

from . import things
from .conftest import Run
from .fake_api import NOW, FakeApi, page

ID = "job-202611011200-abc123"
OPTIONS = {"defaults": {"instance_type": "cpu-1", "image": "base"}}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look again without a pause."""
    monkeypatch.setattr(job_logs, "EVERY", 0)
    monkeypatch.setattr(client_jobs, "EVERY", 0)


def submitted(api: FakeApi) -> Any:
    (body,) = api.sent("POST", "/jobs")
    return body


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["python", "train.py", "--epochs", "3", "a b"], "python train.py --epochs 3 'a b'"),
        (["for i in 1 2; do echo $i; done"], "for i in 1 2; do echo $i; done"),
    ],
)
def test_what_stands_after_the_dashes_is_submitted(
    signed_in: Run, api: FakeApi, words: list[str], command: str
) -> None:
    api.answers["POST", "/jobs"] = 201, things.job(phase="PENDING")
    chosen = ["--instance-type", "cpu-1", "--image", "base", "--timeout", "90m", "--env", "A=b=c", "--secret", "K=key"]
    result = signed_in("jobs", "submit", "--group", "g1", *chosen, "--", *words)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"{ID}\n"
    assert submitted(api) == {
        "group": "g1",
        "instance_type": "cpu-1",
        "image": "base",
        "timeout": 5400,
        "environment": {"A": "b=c"},
        "secrets": {"K": "key"},
        "command": command,
    }


def test_a_list_says_in_words_what_holds_up_those_that_were_let_go(signed_in: Run, api: FakeApi) -> None:
    why = "No node of the cluster (1) can take it now: too little free GPUs."
    held = [things.job(phase="PREPARING", message=why), things.job(phase="PENDING", reason="NotPlaced", message=why)]
    others = [things.job(phase="PENDING", reason="Queued", message=""), things.job(reason="Completed", message="done")]
    api.answers["GET", "/jobs"] = page(*held, *others)
    said = signed_in("jobs", "list", "--group", "g1").stdout.splitlines()[1:]
    assert [line.endswith(end) for line, end in zip(said, (why, why, "Queued", "Completed"), strict=True)] == [True] * 4


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--group", "g1"], "after --"),
        (["--group", "g1", "--env", "A", "--image", "i", "--instance-type", "t", "--", "x"], "--env A"),
        (
            ["--group", "g1", "--env", "LD_PRELOAD=x", "--image", "i", "--instance-type", "t", "--", "x"],
            "--env LD_PRELOAD: ",
        ),
        (["--from", "s1", "--", "x"], "--from"),
        (["--", "x"], "--group"),
        (["--group", "g1", "--timeout", "soon", "--", "x"], "soon"),
    ],
)
def test_a_submit_that_is_wrong_is_refused_before_anything_is_sent(
    signed_in: Run, api: FakeApi, words: list[str], says: str
) -> None:
    result = signed_in("jobs", "submit", *words)
    assert result.exit_code == 2
    assert says in result.stderr
    assert api.requests == []


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        ({}, 0),
        ({"phase": "FAILED", "exit_code": 3, "message": "exit code 3"}, 3),
        ({"phase": "FAILED", "reason": "Timeout", "exit_code": 143}, 124),
        ({"phase": "FAILED", "reason": "Lost"}, 1),
        ({"phase": "CANCELLED", "message": "Cancelled by bo"}, 130),
    ],
)
def test_waiting_ends_as_the_job_did(signed_in: Run, api: FakeApi, ended: dict[str, Any], code: int) -> None:
    running = things.job(phase="RUNNING", ended_at=None)
    api.answers["GET", f"/jobs/{ID}"] = [(200, running), (200, running), (200, things.job(**ended))]
    result = signed_in("jobs", "wait", ID)
    assert result.exit_code == code
    assert ended.get("message", "") in result.stderr


def test_a_search_says_where_more_lines_have_the_text(signed_in: Run, api: FakeApi) -> None:
    matches = [{"offset": 0, "text": "epoch 1"}, {"offset": 8, "text": "epoch 2"}]
    api.answers["GET", f"/jobs/{ID}"] = 200, things.job()
    api.answers["GET", f"/jobs/{ID}/log"] = [
        (200, things.log("", matches=matches, more_matches=True)),
        (200, things.log("", matches=matches)),
    ]
    cut, whole = (signed_in("jobs", "logs", ID, "--search", "epoch") for _ in range(2))
    assert cut.stdout == whole.stdout == "epoch 1\nepoch 2\n"
    assert "More lines have it: these are the first 2." in cut.stderr
    assert "More lines" not in whole.stderr


def test_submit_and_wait_prints_the_log_of_every_attempt_once(signed_in: Run, api: FakeApi) -> None:
    two = [things.attempt(1, phase="FAILED"), things.attempt(2)]
    api.answers["POST", "/jobs"] = 201, things.waiting()
    api.answers["GET", f"/jobs/{ID}"] = [
        (200, things.waiting()),
        (200, things.job(phase="RUNNING")),
        (200, things.job(attempts=two)),
    ]
    api.answers["GET", f"/jobs/{ID}/log"] = [
        (200, things.log("one\n")),
        (200, things.log("", 4)),
        (200, things.log("", 4)),
        (200, things.log("two\n")),
        (200, things.log("", 4)),
    ]
    chosen = ["--instance-type", "cpu-1", "--image", "base"]
    result = signed_in("jobs", "submit", "--group", "g1", *chosen, "--wait", "--", "x")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == "one\ntwo\n"
    assert "2 of 3 in the queue" in result.stderr
    assert "1 core short" in result.stderr
    attempts = [r["query"]["attempt"] for r in api.requests if r["path"].endswith("/log")]
    assert attempts == ["1", "1", "1", "2", "2"]


def test_a_notebook_is_sent_as_it_is_with_its_parameters(signed_in: Run, api: FakeApi, tmp_path: Path) -> None:
    api.answers["POST", "/snapshots"] = 201, things.snapshot("s-1")
    api.answers["POST", "/jobs"] = 201, things.job()
    file = tmp_path / "train.ipynb"
    file.write_text('{"cells": []}')
    chosen = ["--group", "g1", "--instance-type", "cpu-1", "--image", "base", "--notebook", str(file)]
    result = signed_in("jobs", "submit", *chosen, "-p", "epochs=3", "-p", "name=a b", "-p", "sizes=[1, 2]")
    assert result.exit_code == 0, result.stderr
    assert api.sent("POST", "/snapshots") == [{"cells": []}]
    asked = next(r["query"] for r in api.requests if r["path"] == "/snapshots")
    assert asked == {"group": "g1", "name": "train.ipynb"}
    parameters = {"epochs": 3, "name": "a b", "sizes": [1, 2]}
    assert submitted(api)["notebook"] == {"snapshot": "s-1", "path": "train.ipynb", "parameters": parameters}
    missing = signed_in("jobs", "submit", "--group", "g1", *chosen[2:6], "--notebook", str(tmp_path / "none"))
    assert (missing.exit_code, "cannot be read" in missing.stderr) == (2, True)


def test_a_waiting_job_says_what_it_waits_for_and_who_holds_it(signed_in: Run, api: FakeApi) -> None:
    api.answers["GET", f"/jobs/{ID}"] = 200, things.waiting()
    result = signed_in("jobs", "get", ID)
    assert "2 of 3" in result.stderr
    assert "bo" in result.stderr
    assert json.loads(signed_in("jobs", "get", ID, "--json").stdout)["queue"]["position"] == 2


def test_without_an_id_the_own_newest_is_meant(signed_in: Run, api: FakeApi) -> None:
    api.answers["GET", "/me"] = 200, things.me("g1")
    api.answers["GET", "/jobs"] = page(things.job())
    api.answers["GET", f"/jobs/{ID}"] = 200, things.job()
    api.answers["POST", f"/jobs/{ID}/cancel"] = 200, things.job(phase="CANCELLED")
    assert ID in signed_in("jobs", "cancel").stdout
    asked = next(r["query"] for r in api.requests if r["path"] == "/jobs")
    assert asked == {"user": "ann", "page_size": "1"}
    api.answers["GET", "/jobs"] = page()
    result = signed_in("jobs", "logs")
    assert result.exit_code == 4
    assert "no job" in result.stderr


def test_a_clone_keeps_what_is_not_given(signed_in: Run, api: FakeApi) -> None:
    api.answers["GET", f"/jobs/{ID}"] = 200, things.job(environment={"A": "1", "B": None}, secrets={"K": "key"})
    api.answers["POST", "/jobs"] = 201, things.job("job-2")
    refused = signed_in("jobs", "clone", ID)
    assert refused.exit_code == 2
    assert "Give B" in refused.stderr
    result = signed_in("jobs", "clone", ID, "--env", "B=2", "--instance-type", "cpu-2")
    assert result.stdout == "job-2\n"
    sent = submitted(api)
    assert sent["environment"] == {"A": "1", "B": "2"}
    assert (sent["instance_type"], sent["image"], sent["secrets"]) == ("cpu-2", "base", {"K": "key"})


def test_a_clone_of_a_notebook_takes_other_parameters(signed_in: Run, api: FakeApi) -> None:
    run = {"snapshot": "s-1", "path": "a.ipynb", "parameters": {"n": 1, "word": "x"}, "kernel": "", "reads_file": False}
    api.answers["GET", f"/jobs/{ID}"] = 200, things.job(kind="notebook", command="", notebook=run)
    api.answers["POST", "/jobs"] = 201, things.job("job-2")
    chosen = ["--retries", "2", "--timeout", "2h", "--name", "again", "--secret", "K=key"]
    assert signed_in("jobs", "clone", ID, "-p", "n=2", *chosen).exit_code == 0
    sent = submitted(api)
    assert sent["notebook"] == run | {"parameters": {"n": 2, "word": "x"}}
    assert (sent["retries"], sent["timeout"], sent["name"], sent["secrets"]) == (2, 7200, "again", {"K": "key"})


def test_a_clone_of_a_command_has_no_parameters(signed_in: Run, api: FakeApi) -> None:
    api.answers["GET", f"/jobs/{ID}"] = 200, things.job()
    result = signed_in("jobs", "clone", ID, "-p", "n=2")
    assert (result.exit_code, "runs a command" in result.stderr) == (2, True)
    assert signed_in("jobs", "clone", ID, "-p", "n").exit_code == 2
    assert api.sent("POST", "/jobs") == []


def test_a_job_is_run_again_and_deleted(signed_in: Run, api: FakeApi) -> None:
    api.answers["GET", f"/jobs/{ID}"] = 200, things.job()
    api.answers["POST", f"/jobs/{ID}/rerun"] = 201, things.job("job-2", phase="PENDING")
    assert signed_in("jobs", "rerun", ID).stdout == "job-2\n"
    api.answers["DELETE", f"/jobs/{ID}"] = 204, None
    assert signed_in("jobs", "delete", ID, "--yes-i-really-mean-it").exit_code == 0
    assert len(api.sent("DELETE", f"/jobs/{ID}")) == 1


def test_a_job_that_could_never_run_ends_the_check_with_the_code_of_a_refusal(signed_in: Run, api: FakeApi) -> None:
    api.answers["GET", "/groups/g1/launch-options"] = 404, {"detail": "not asked for", "code": "not-found"}
    chosen = ["--group", "g1", "--instance-type", "cpu-1", "--image", "base"]
    api.answers["POST", "/groups/g1/job-checks"] = 200, {"would_start": False, "never": True}
    result = signed_in("jobs", "check", *chosen)
    assert (result.exit_code, "never" in result.stderr) == (3, True)
    api.answers["POST", "/groups/g1/job-checks"] = 200, {"would_start": False, "position": 3}
    result = signed_in("jobs", "check", *chosen)
    assert (result.exit_code, "would wait, at place 3" in result.stderr) == (0, True)


FILES = {"a.txt": b"A" * 100_000, "sub/b c.txt": b"B"}


@pytest.fixture
def artifacts() -> Iterator[str]:
    """An API with a job's artifacts, as bytes."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0].partition("/artifacts")[2].strip("/").replace("%20", " ")
            about = {"modified_at": "2026-11-01T12:00:00Z", "media_type": "text/plain"}
            items = [{"path": p, "size": len(d), **about} for p, d in FILES.items()]
            size = sum(map(len, FILES.values()))
            found = {"attempt": 1, "items": items, "size": size, "message": "1 file is left out", "live": False}
            answer = FILES[path] if path else json.dumps(found).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_artifacts_are_listed_and_downloaded_as_files_and_folders(
    run: Run, artifacts: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PRIMEHUB_API_ENDPOINT", artifacts)
    monkeypatch.setenv("PRIMEHUB_API_TOKEN", "x")
    listed = run("jobs", "list-artifacts", ID)
    assert "97.7 KiB" in listed.stdout
    assert "left out" in listed.stderr
    run("jobs", "download-artifacts", ID, "a.txt", str(tmp_path / "new" / "name"))
    assert (tmp_path / "new" / "name").read_bytes() == FILES["a.txt"]
    folder = run("jobs", "download-artifacts", ID, "sub", str(tmp_path))
    assert (folder.exit_code, "--recursive" in folder.stderr) == (2, True)
    run("jobs", "download-artifacts", ID, ".", str(tmp_path / "all"), "--recursive")
    assert (tmp_path / "all" / "sub" / "b c.txt").read_bytes() == b"B"
    assert run("jobs", "download-artifacts", ID, "../a.txt", str(tmp_path)).exit_code == 4
    assert not list(tmp_path.rglob(".*"))


def test_the_queue_is_shown_in_its_order_with_what_each_waits_for(signed_in: Run, api: FakeApi) -> None:
    place = things.waiting()["queue"]
    entry = {"job": ID, "name": "train", "user": "ann", "instance_type": "cpu-1", "limits": things.USED, "place": place}
    api.answers["GET", "/groups/g1/queue"] = 200, {**page(entry)[1], "total": 3}
    shown = signed_in("jobs", "queue", "--group", "g1", "--limit", "1")
    assert ID in shown.stdout
    assert "1 core short" in shown.stdout
    assert "2 more wait" in shown.stderr
    assert json.loads(signed_in("jobs", "queue", "--group", "g1", "--json").stdout)[0]["place"]["position"] == 2
    api.answers["GET", "/groups/g1/queue"] = page()
    assert "None waits" in signed_in("jobs", "queue", "--group", "g1").stderr


def test_what_a_job_took_is_shown_in_units_that_people_read(signed_in: Run, api: FakeApi) -> None:
    api.answers["GET", f"/jobs/{ID}"] = 200, things.job()
    gpu = {"index": 1, "percent": 80, "memory": 1024}
    points = [{"at": NOW, "cpu": 1500, "memory": 3 * 1024**3, "gpus": [gpu]}, {"at": NOW, "cpu": 5, "memory": 2048}]
    series = {"attempt": 2, "limits": {"cpu": 2, "memory": "4Gi", "gpu": 1}, "points": points}
    api.answers["GET", f"/jobs/{ID}/usage"] = 200, series
    shown = signed_in("jobs", "usage", ID, "--attempt", "2")
    assert "1.50" in shown.stdout
    assert "3.0 GiB" in shown.stdout
    assert "1: 80 %" in shown.stdout
    assert "Of 2 cores and 4.0 GiB; most memory: 3.0 GiB" in shown.stderr
    assert api.requests[-1]["query"] == {"attempt": "2"}
    assert json.loads(signed_in("jobs", "usage", ID, "--json").stdout)["points"][0]["cpu"] == 1500


def test_recurring_jobs_are_listed_run_paused_resumed_and_deleted(signed_in: Run, api: FakeApi) -> None:
    api.answers["GET", "/schedules"] = page(things.schedule())
    assert "At 04:00 every day" in signed_in("recurring-jobs", "list", "--group", "g1").stdout
    api.answers["POST", "/schedules/s1/run"] = 201, things.job("job-2", phase="PENDING")
    assert signed_in("recurring-jobs", "run", "s1").stdout == "job-2\n"
    api.answers["GET", "/schedules/s1"] = 200, things.schedule()
    api.answers["PATCH", "/schedules/s1"] = 200, things.schedule(paused=True)
    for command, paused in (("pause", True), ("resume", False)):
        assert signed_in("recurring-jobs", command, "s1").exit_code == 0
        assert api.sent("PATCH", "/schedules/s1")[-1] == {"paused": paused, "version": 7}
    api.answers["DELETE", "/schedules/s1"] = 204, None
    assert signed_in("recurring-jobs", "delete", "s1").exit_code == 2, "only if it is really meant"
    assert signed_in("recurring-jobs", "delete", "s1", "--yes-i-really-mean-it").exit_code == 0
    assert len(api.sent("DELETE", "/schedules/s1")) == 1


def test_the_history_of_a_recurring_job_tells_what_was_not_run_and_why(signed_in: Run, api: FakeApi) -> None:
    about = {"id": "f1", "instant": NOW, "decided_at": NOW}
    skipped = {**about, "outcome": "SKIPPED", "message": "The last one still ran."}
    api.answers["GET", "/schedules/s1/firings"] = page(skipped, {**about, "outcome": "JOB", "job": ID})
    shown = signed_in("recurring-jobs", "history", "s1").stdout
    assert "The last one still ran." in shown
    assert ID in shown


def test_a_recurring_job_is_made_from_flags(signed_in: Run, api: FakeApi) -> None:
    api.answers["GET", "/groups/g1/launch-options"] = 500, {"detail": "not asked for"}
    api.answers["POST", "/schedules"] = 201, things.schedule()
    chosen = ["--group", "g1", "--instance-type", "cpu-1", "--image", "base", "--name", "report"]
    clock = ["--cron", "daily", "--timezone", "Europe/Berlin", "--catch-up"]
    result = signed_in("recurring-jobs", "create", *chosen, *clock, "--", "python", "report.py")
    assert result.exit_code == 0, result.stderr
    assert api.sent("POST", "/schedules") == [
        {
            "name": "report",
            "cron": "0 4 * * *",
            "timezone": "Europe/Berlin",
            "catch_up": True,
            "job": {
                "group": "g1",
                "instance_type": "cpu-1",
                "image": "base",
                "name": "report",
                "command": "python report.py",
            },
        }
    ]


def test_an_update_changes_what_is_given_and_keeps_the_rest(signed_in: Run, api: FakeApi) -> None:
    api.answers["GET", "/schedules/s1"] = 200, things.schedule()
    api.answers["PATCH", "/schedules/s1"] = 200, things.schedule(version=8)
    signed_in("recurring-jobs", "update", "s1", "--timeout", "1h", "--cron", "5 5 * * *")
    (sent,) = api.sent("PATCH", "/schedules/s1")
    assert (sent["version"], sent["cron"]) == (7, "5 5 * * *")
    assert sent["job"] == {**things.schedule()["job"], "timeout": 3600}
    signed_in("recurring-jobs", "pause", "s1")
    assert api.sent("PATCH", "/schedules/s1")[-1] == {"paused": True, "version": 7}


def test_a_preview_shows_the_next_runs_in_their_own_time_zone(signed_in: Run, api: FakeApi) -> None:
    answer = {"reading": "At 04:00", "next": ["2026-11-02T03:00:00Z"]}
    api.answers["POST", "/schedule-previews"] = 200, answer
    result = signed_in("recurring-jobs", "preview", "--cron", "0 4 * * *", "--timezone", "Europe/Berlin")
    assert "At 04:00" in result.stdout
    assert "Mon 2026-11-02 04:00 CET" in result.stdout


@pytest.mark.parametrize("words", [["list"], ["get", ID]])
def test_what_others_wrote_moves_no_terminal(signed_in: Run, api: FakeApi, words: list[str]) -> None:
    named = things.job(name="train\x1b[2J\x9b31m")
    api.answers["GET", "/jobs"] = page(named)
    api.answers["GET", f"/jobs/{ID}"] = 200, named
    result = signed_in("jobs", *words)
    assert result.exit_code == 0, result.stderr
    assert "train" in result.stdout
    assert not {"\x1b", "\x9b"} & set(result.stdout)


SETTINGS = {"email": True, "webhook": False, "webhook_url": "", "jobs": "failed", "recurring": True}
NOTIFICATIONS = {**SETTINGS, "address": "ann@example.org", "email_available": True, "webhook_secret_set": False}


def test_notifications_change_only_in_what_is_given_and_a_new_secret_is_shown(signed_in: Run, api: FakeApi) -> None:
    api.answers["GET", "/me/notifications"] = 200, NOTIFICATIONS
    api.answers["PUT", "/me/notifications"] = 200, {**NOTIFICATIONS, "webhook_secret": "made-for-this-webhook"}
    result = signed_in("notifications", "set", "--webhook", "https://example.org/hook", "--jobs", "all")
    assert result.exit_code == 0, result.stderr
    assert "made-for-this-webhook" in result.stdout
    changes = {"webhook": True, "webhook_url": "https://example.org/hook", "jobs": "all"}
    assert api.sent("PUT", "/me/notifications") == [{**SETTINGS, **changes}]
    assert signed_in("notifications", "set").exit_code == 2


def test_a_test_message_that_was_not_sent_says_why(signed_in: Run, api: FakeApi) -> None:
    delivery = {
        "channel": "webhook",
        "event": "test",
        "at": "2026-11-01T12:00:00Z",
        "sent": False,
        "message": "refused",
    }
    api.answers["POST", "/me/notifications/test"] = 200, {"deliveries": [delivery]}
    result = signed_in("notifications", "test")
    assert (result.exit_code, "refused" in result.stdout) == (1, True)


AWAY = (503, {"detail": "The platform restarts.", "code": "unavailable"})


@pytest.mark.parametrize("words", [("wait",), ("logs", "-f")])
def test_a_restart_of_the_platform_meanwhile_is_waited_for_and_told_once(
    signed_in: Run, api: FakeApi, words: tuple[str, ...]
) -> None:
    ended = things.job(attempts=[things.attempt(1)])
    api.answers["GET", f"/jobs/{ID}"] = [(200, things.job(phase="RUNNING")), AWAY, (502, None), (200, ended)]
    api.answers["GET", f"/jobs/{ID}/log"] = [AWAY, (200, things.log("one\n")), (200, things.log("", 4))]
    result = signed_in("jobs", *words, ID)
    assert result.exit_code == 0, result.stderr
    assert result.stderr.count("Asking again") == (2 if words[0] == "logs" else 1)
    assert result.stdout == ("one\n" if words[0] == "logs" else "")


def test_a_platform_that_stays_away_and_a_refusal_end_the_waiting(
    signed_in: Run, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_jobs, "PATIENCE", 0)
    api.answers["GET", f"/jobs/{ID}"] = [(200, things.job(phase="RUNNING")), AWAY]
    assert signed_in("jobs", "wait", ID).exit_code == 5
    api.answers["GET", f"/jobs/{ID}"] = [(200, things.job(phase="RUNNING")), (404, {"detail": "gone", "code": "x"})]
    gone = signed_in("jobs", "wait", ID)
    assert (gone.exit_code, "Asking again" in gone.stderr) == (4, False)


def test_the_last_lines_are_those_of_the_latest_attempt(signed_in: Run, api: FakeApi) -> None:
    two = [things.attempt(1, phase="FAILED"), things.attempt(2)]
    api.answers["GET", f"/jobs/{ID}"] = 200, things.job(attempts=two)
    api.answers["GET", f"/jobs/{ID}/log"] = [(200, things.log("end\n")), (200, things.log("", 4))]
    result = signed_in("jobs", "logs", "-f", "--tail", "1", ID)
    assert result.stdout == "end\n"
    first = next(r["query"] for r in api.requests if r["path"].endswith("/log"))
    assert first == {"attempt": "2", "tail": "1"}


def test_a_recurring_notebook_is_made_from_a_file(signed_in: Run, api: FakeApi, tmp_path: Path) -> None:
    file = tmp_path / "report.ipynb"
    file.write_text('{"cells": []}')
    api.answers["POST", "/snapshots"] = 201, things.snapshot("s-1")
    api.answers["POST", "/schedules"] = 201, things.schedule()
    chosen = ["--group", "g1", "--instance-type", "cpu-1", "--image", "base", "--cron", "daily"]
    result = signed_in("recurring-jobs", "create", *chosen, "--notebook", str(file), "-p", "n=3")
    assert result.exit_code == 0, result.stderr
    (sent,) = api.sent("POST", "/schedules")
    assert sent["name"] == "report"
    assert sent["job"]["notebook"] == {"snapshot": "s-1", "path": "report.ipynb", "parameters": {"n": 3}}
    assert signed_in("recurring-jobs", "create", *chosen, "-p", "n=3", "--", "x").exit_code == 2


REPORT = {"group": "g1", "instance_type": "cpu-1", "image": "base", "command": "python report.py"}
RUN = {"snapshot": "s-1", "path": "a.ipynb", "parameters": {"n": 1}, "kernel": "k", "reads_file": False}
OF_NOTEBOOK = {"group": "g1", "instance_type": "cpu-1", "image": "base", "command": "", "notebook": RUN}


def updated(signed_in: Run, api: FakeApi, now: dict[str, Any], *words: str) -> Any:
    """What an update with these words sends for a recurring job that is like this now."""
    api.answers["GET", "/schedules/s1"] = 200, now
    api.answers["PATCH", "/schedules/s1"] = 200, now
    result = signed_in("recurring-jobs", "update", "s1", *words)
    assert result.exit_code == 0, result.stderr
    return api.sent("PATCH", "/schedules/s1")[-1]


def test_an_update_of_one_variable_keeps_the_others_and_the_secrets(signed_in: Run, api: FakeApi) -> None:
    job = {**REPORT, "environment": {"A": "1", "B": "2"}, "secrets": {"K": "key", "L": "lock"}}
    now = things.schedule(job=job)
    sent = updated(signed_in, api, now, "--env", "B=3", "--env", "C=")["job"]
    assert sent == job | {"environment": {"A": "1", "B": "3", "C": ""}}
    sent = updated(signed_in, api, now, "--secret", "L=other", "--secret", "M=more")["job"]
    assert sent == job | {"secrets": {"K": "key", "L": "other", "M": "more"}}


def test_a_variable_and_a_secret_of_one_name_take_each_others_place(signed_in: Run, api: FakeApi) -> None:
    job = {**REPORT, "environment": {"A": "1", "B": "2"}, "secrets": {"K": "key"}}
    sent = updated(signed_in, api, things.schedule(job=job), "--secret", "A=key", "--env", "K=open")["job"]
    assert (sent["environment"], sent["secrets"]) == ({"B": "2", "K": "open"}, {"A": "key"})
    api.answers["GET", f"/jobs/{ID}"] = 200, things.job(environment={"A": None})
    api.answers["POST", "/jobs"] = 201, things.job("job-2")
    assert signed_in("jobs", "clone", ID, "--secret", "A=key").exit_code == 0
    assert (submitted(api)["environment"], submitted(api)["secrets"]) == ({}, {"A": "key"})


def test_a_command_takes_the_place_of_a_recurring_notebook_and_the_other_way_round(
    signed_in: Run, api: FakeApi, tmp_path: Path
) -> None:
    now = things.schedule(job=OF_NOTEBOOK, notebook_reads_file=True)
    sent = updated(signed_in, api, now, "--", "python", "report.py")
    assert (sent["job"]["command"], sent["job"]["notebook"]) == ("python report.py", None)
    assert sent["notebook_reads_file"] is False, "a command has no file to read"
    file = tmp_path / "b.ipynb"
    file.write_text('{"cells": []}')
    api.answers["POST", "/snapshots"] = 201, things.snapshot("s-2")
    sent = updated(signed_in, api, now, "--notebook", str(file), "-p", "m=2")["job"]
    assert sent["notebook"] == RUN | {"snapshot": "s-2", "parameters": {"n": 1, "m": 2}}
    sent = updated(signed_in, api, things.schedule(), "--notebook", str(file), "-p", "m=2")["job"]
    assert (sent["command"], sent["notebook"]) == (
        "",
        {"snapshot": "s-2", "path": "b.ipynb", "parameters": {"m": 2}},
    )
    both = signed_in("recurring-jobs", "update", "s1", "--notebook", str(file), "--", "x")
    assert (both.exit_code, "one thing to run" in both.stderr) == (2, True)
    none = signed_in("recurring-jobs", "update", "s1", "-p", "m=2")
    assert (none.exit_code, "runs a command" in none.stderr) == (2, True)
