"""The commands of people, against canned answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from . import things
from .conftest import Run
from .fake_api import FakeApi, page


def config(home: Path) -> Path:
    return home / ".primehub" / "config.json"


def test_flags_win_over_environment_and_environment_over_file(
    run: Run, api: FakeApi, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config(home).parent.mkdir()
    config(home).write_text(json.dumps({"endpoint": api.url, "api-token": "filed", "group": {"name": "filed-group"}}))
    api.answers["GET", "/me"] = 200, things.me("g1")
    seen = []
    run("me")
    seen.append(api.requests[-1]["token"])
    monkeypatch.setenv("PRIMEHUB_API_TOKEN", "environment")
    run("me")
    seen.append(api.requests[-1]["token"])
    run("--token", "flag", "me")
    seen.append(api.requests[-1]["token"])
    run("me", "--token", "flag-after")
    seen.append(api.requests[-1]["token"])
    assert seen == ["token filed", "token environment", "token flag", "token flag-after"]
    assert json.loads(run("config", "show", "--json").stdout)["group"] == "filed-group"
    monkeypatch.setenv("PRIMEHUB_GROUP", "of-environment")
    assert json.loads(run("config", "show", "--json").stdout)["group"] == "of-environment"


def test_the_config_file_is_for_its_user_alone_and_never_shown(run: Run, home: Path) -> None:
    result = run("config", "set-token", input="s3cret\n")
    assert result.exit_code == 0
    assert config(home).stat().st_mode & 0o077 == 0
    assert json.loads(config(home).read_text())["api-token"] == "s3cret"
    assert "s3cret" not in result.output
    assert "s3cret" not in run("config", "show").output


def test_another_endpoint_forgets_the_token_of_the_first(run: Run, home: Path) -> None:
    run("config", "set-endpoint", "https://one.example")
    run("config", "set-token", "one")
    run("config", "set-endpoint", "https://two.example")
    assert "api-token" not in json.loads(config(home).read_text())


@pytest.mark.parametrize("endpoint", ["ftp://x", "http://", "://", "two words", "http://h:port", "http://h:99999"])
def test_an_endpoint_that_is_no_address_is_refused(run: Run, endpoint: str) -> None:
    result = run("config", "set-endpoint", endpoint)
    assert result.exit_code == 2
    assert "https://" in result.stderr


def test_an_endpoint_may_have_the_api_path_already(signed_in: Run, api: FakeApi) -> None:
    api.answers["GET", "/me"] = 200, things.me()
    assert signed_in("me", "--endpoint", f"{api.url}/services/primehub/api/v1/").exit_code == 0


def test_without_a_platform_or_a_token_it_says_how_to_sign_in(run: Run, api: FakeApi) -> None:
    result = run("me")
    assert result.exit_code in (2, 6)
    assert "primehub login" in result.stderr
    result = run("me", "--endpoint", api.url)
    assert result.exit_code == 6
    assert "primehub login" in result.stderr


def test_login_shows_the_code_and_keeps_the_approved_token(run: Run, api: FakeApi, home: Path) -> None:
    api.answers["POST", "/login-requests"] = (
        201,
        {
            "id": "r1",
            "code": "ABCD-EFGH",
            "secret": "poll-secret",
            "verification_path": "/services/primehub/login/ABCD-EFGH",
            "expires_at": "2126-01-01T00:00:00Z",
        },
    )
    busy = (429, {"code": "too-many", "detail": "Too many.", "retry_after_s": 0})
    approved = (200, {"state": "approved", "user": "ann", "token": "fresh-token"})
    api.answers["POST", "/login-requests/r1/token"] = [busy, approved]
    api.answers["GET", "/me"] = 200, things.me("g1")
    result = run("login", api.url, "--no-browser")
    assert result.exit_code == 0, result.output
    assert "ABCD-EFGH" in result.stderr
    assert f"{api.url}/services/primehub/login/ABCD-EFGH" in result.stderr
    assert "fresh-token" not in result.output
    assert "poll-secret" not in result.output
    kept = json.loads(config(home).read_text())
    assert kept["api-token"] == "fresh-token"
    assert kept["endpoint"] == api.url
    assert kept["group"]["name"] == "g1", "the only group is the working group"
    assert api.sent("POST", "/login-requests/r1/token") == [{"secret": "poll-secret"}] * 2


def test_a_denied_login_keeps_nothing(run: Run, api: FakeApi, home: Path) -> None:
    api.answers["POST", "/login-requests"] = (
        201,
        {
            "id": "r1",
            "code": "ABCD",
            "secret": "s",
            "verification_path": "/x",
            "expires_at": "2126-01-01T00:00:00Z",
        },
    )
    api.answers["POST", "/login-requests/r1/token"] = 200, {"state": "denied", "user": None, "token": None}
    assert run("login", api.url).exit_code == 6
    assert not config(home).exists()


def test_a_token_is_generated_as_a_login_does_it(run: Run, api: FakeApi, home: Path) -> None:
    api.answers["GET", "/me"] = 200, things.me("g1")
    assert run("config", "generate-token", api.url, "--with-token", input="given\n").exit_code == 0
    kept = json.loads(config(home).read_text())
    assert (kept["endpoint"], kept["api-token"]) == (api.url, "given")


def test_login_with_a_token_that_is_not_good_keeps_nothing(run: Run, api: FakeApi, home: Path) -> None:
    api.answers["GET", "/me"] = 401, {"code": "unauthenticated", "detail": "Sign in first."}
    assert run("login", api.url, "--with-token", input="bad\n").exit_code == 6
    assert not config(home).exists()


def test_json_is_the_apis_own_list_and_alone_on_standard_output(signed_in: Run, api: FakeApi) -> None:
    api.answers["GET", "/groups"] = page(things.group("g1"), things.group("g2"))
    result = signed_in("groups", "list", "--json")
    assert json.loads(result.stdout) == [things.group("g1"), things.group("g2")]


def test_a_newer_platforms_fields_do_not_break_an_older_command(signed_in: Run, api: FakeApi) -> None:
    api.answers["GET", "/groups"] = page(things.group("g1", colour="red"))
    assert signed_in("groups", "list").exit_code == 0


def test_every_page_of_a_list_is_fetched(signed_in: Run, api: FakeApi) -> None:
    one = {"items": [things.group("g1")], "total": 2, "page": 1, "page_size": 1}
    two = {"items": [things.group("g2")], "total": 2, "page": 2, "page_size": 1}
    api.answers["GET", "/groups"] = [(200, one), (200, two)]
    found = json.loads(signed_in("groups", "list", "--json").stdout)
    assert [g["name"] for g in found] == ["g1", "g2"]
    assert [r["query"]["page"] for r in api.requests] == ["1", "2"]


def test_half_a_core_shows_as_half_a_core(signed_in: Run, api: FakeApi) -> None:
    api.answers["GET", "/groups"] = page(things.group("g1"))
    assert "0.5 CPU" in signed_in("groups", "list").stdout


def test_names_go_into_paths_quoted(signed_in: Run, api: FakeApi) -> None:
    api.answers["GET", "/groups/a/../b"] = 200, things.group("g1")
    signed_in("groups", "get", "a/../b")
    assert api.requests[-1]["path"] == "/groups/a/../b", "one segment, unquoted by the fake alone"


def test_start_shows_each_step_once_and_ends_with_the_address(signed_in: Run, api: FakeApi) -> None:
    api.answers["POST", "/notebooks"] = 202, things.notebook()
    path = f"/notebooks/{things.NOTEBOOK_ID}"
    api.answers["GET", path] = [
        (200, things.notebook(events=1)),
        (200, things.notebook(events=2)),
        (200, things.notebook("RUNNING", events=3)),
    ]
    result = signed_in(
        "notebooks", "start", "--group", "g1", "--instance-type", "small", "--image", "base", "--env", "A=b=c"
    )
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{api.url}/user/ann/lab\n"
    for step in ("Preparing folders", "Starting JupyterLab", "Ready"):
        assert result.stderr.count(step) == 1
    sent = api.sent("POST", "/notebooks")[0]
    assert sent["group"] == "g1"
    assert sent["environment"] == {"A": "b=c"}


def test_start_takes_the_last_choice_for_what_is_not_said(signed_in: Run, api: FakeApi) -> None:
    api.answers["GET", "/groups/g1/launch-options"] = 200, things.launch_options()
    api.answers["POST", "/notebooks"] = 202, things.notebook()
    assert signed_in("notebooks", "start", "--group", "g1", "--no-wait", "--json").exit_code == 0
    sent = api.sent("POST", "/notebooks")[0]
    assert (sent["instance_type"], sent["image"]) == ("small", "base")
    assert "environment" not in sent, "left out, so that the last start's variables are used"


def test_a_refusal_is_a_table_with_numbers_and_holders_and_code_3(signed_in: Run, api: FakeApi) -> None:
    api.answers["POST", "/notebooks"] = 409, things.refused()
    words = ("notebooks", "start", "--group", "g1", "--instance-type", "small", "--image", "base")
    result = signed_in(*words)
    assert result.exit_code == 3
    for word in ("group", "cpu", "4 cores", "0.5 cores", "bob", "Ask one of the holders to stop."):
        assert word in result.stderr
    assert result.stdout == ""
    as_json = signed_in(*words, "--json")
    assert as_json.exit_code == 3
    assert json.loads(as_json.stdout)["decision"]["reasons"][0]["short"] == "0.5 cores"


def test_check_answers_without_starting_anything(signed_in: Run, api: FakeApi) -> None:
    api.answers["POST", "/groups/g1/launch-checks"] = 200, things.refused()["decision"]
    result = signed_in("notebooks", "check", "--group", "g1", "--instance-type", "small", "--image", "base")
    assert result.exit_code == 3
    assert "bob" in result.stderr
    assert [r["method"] for r in api.requests] == ["POST"]


def test_a_start_that_fails_says_why_and_ends_with_code_1(signed_in: Run, api: FakeApi) -> None:
    api.answers["POST", "/notebooks"] = 202, things.notebook()
    api.answers["GET", f"/notebooks/{things.NOTEBOOK_ID}"] = 200, things.notebook("FAILED", reason="OOMKilled")
    result = signed_in("notebooks", "start", "--group", "g1", "--instance-type", "small", "--image", "base")
    assert result.exit_code == 1
    assert "OOMKilled" in result.stderr


def test_start_without_a_group_is_a_usage_error(signed_in: Run, api: FakeApi) -> None:
    result = signed_in("notebooks", "start", "--instance-type", "small", "--image", "base")
    assert result.exit_code == 2
    assert "--group" in result.stderr
    assert api.requests == []


@pytest.mark.parametrize("variable", ["NOVALUE", "1A=b", "JUPYTERHUB_X=1"])
def test_a_bad_variable_is_refused_before_anything_is_sent(signed_in: Run, api: FakeApi, variable: str) -> None:
    result = signed_in("notebooks", "start", "--group", "g1", "--instance-type", "s", "--image", "b", "--env", variable)
    assert result.exit_code == 2
    assert api.requests == []


def test_stop_waits_until_the_quota_is_back(signed_in: Run, api: FakeApi) -> None:
    api.answers["GET", "/me"] = 200, things.me("g1")
    api.answers["GET", "/notebooks"] = page(things.notebook("RUNNING"))
    path = f"/notebooks/{things.NOTEBOOK_ID}"
    api.answers["DELETE", path] = 202, things.notebook("STOPPING")
    api.answers["GET", path] = [(200, things.notebook("STOPPING")), (200, things.notebook("STOPPED"))]
    result = signed_in("notebooks", "stop")
    assert result.exit_code == 0
    assert "has stopped" in result.stdout


def test_several_notebooks_must_be_told_apart(signed_in: Run, api: FakeApi) -> None:
    api.answers["GET", "/me"] = 200, things.me("g1")
    other = things.notebook("RUNNING", id="f" * 32, server_name="two")
    api.answers["GET", "/notebooks"] = page(things.notebook("RUNNING"), other)
    assert signed_in("notebooks", "stop").exit_code == 2
    api.answers["DELETE", f"/notebooks/{'f' * 32}"] = 202, things.notebook("STOPPING", id="f" * 32)
    assert signed_in("notebooks", "stop", "two", "--no-wait").exit_code == 0


@pytest.mark.parametrize(
    ("status", "code", "exit_code"),
    [
        (401, "unauthenticated", 6),
        (403, "forbidden", 4),
        (404, "not-found", 4),
        (409, "conflict", 1),
        (422, "invalid", 2),
        (503, "unavailable", 5),
    ],
)
def test_exit_codes_say_what_kind_of_problem(
    signed_in: Run, api: FakeApi, status: int, code: str, exit_code: int
) -> None:
    errors = [{"field": "name", "message": "is bad", "fix": "write it well"}]
    api.answers["GET", "/me"] = status, {"code": code, "detail": "Because.", "errors": errors}
    result = signed_in("me")
    assert result.exit_code == exit_code
    assert ("does not accept" if status == 401 else "Because.") in result.stderr
    assert "name: is bad\n  write it well" in result.stderr


def test_a_platform_that_does_not_answer_is_code_5(run: Run) -> None:
    result = run("me", "--endpoint", "http://127.0.0.1:1", "--token", "t")
    assert result.exit_code == 5
    assert "127.0.0.1:1" in result.stderr


def test_deleting_needs_to_be_meant(signed_in: Run, api: FakeApi) -> None:
    api.answers["DELETE", "/groups/g1"] = 204, None
    refused = signed_in("admin", "groups", "delete", "g1")
    assert refused.exit_code == 2
    assert "--yes-i-really-mean-it" in refused.stderr
    assert api.requests == []
    assert signed_in("admin", "groups", "delete", "g1", "--yes-i-really-mean-it").exit_code == 0
    assert [r["method"] for r in api.requests] == ["DELETE"]


def test_create_reads_a_definition_from_standard_input_or_a_file(signed_in: Run, api: FakeApi, tmp_path: Path) -> None:
    api.answers["POST", "/groups"] = 201, things.group("g9")
    definition = {"name": "g9", "user_quota": {"cpu": 0.5}}
    assert signed_in("admin", "groups", "create", input=json.dumps(definition)).exit_code == 0
    file = tmp_path / "group.json"
    file.write_text(json.dumps(definition))
    assert signed_in("admin", "groups", "create", "--file", str(file)).exit_code == 0
    assert api.sent("POST", "/groups") == [definition, definition]


@pytest.mark.parametrize("text", ["", "{", "[]", "1"])
def test_a_definition_that_is_no_object_is_refused(signed_in: Run, api: FakeApi, text: str) -> None:
    assert signed_in("admin", "groups", "create", input=text).exit_code == 2
    assert api.requests == []


def test_update_sends_the_version_it_read_so_that_nobodys_change_is_lost(signed_in: Run, api: FakeApi) -> None:
    api.answers["GET", "/groups/g1"] = 200, things.group("g1", version=7)
    api.answers["PATCH", "/groups/g1"] = 200, things.group("g1", version=8)
    assert signed_in("admin", "groups", "update", "g1", input='{"description": "x"}').exit_code == 0
    assert api.sent("PATCH", "/groups/g1") == [{"description": "x", "version": 7}]
    signed_in("admin", "groups", "update", "g1", input='{"description": "x", "version": 2}')
    assert api.sent("PATCH", "/groups/g1")[-1]["version"] == 2


def test_what_a_groups_pods_may_do_is_listed_and_set_like_all_else_of_it(signed_in: Run, api: FakeApi) -> None:
    api.answers["GET", "/groups"] = page(things.group("g1"), things.group("g2", pod_security="baseline"))
    heads, *lines = signed_in("admin", "groups", "list").stdout.splitlines()
    assert "POD SECURITY" in heads
    assert [line.split()[-1] for line in lines] == ["restricted", "baseline"]
    api.answers["GET", "/groups/g1"] = 200, things.group("g1", version=7)
    api.answers["PATCH", "/groups/g1"] = 200, things.group("g1", version=8, pod_security="baseline")
    assert "baseline" in signed_in("admin", "groups", "update", "g1", input='{"pod_security": "baseline"}').stdout
    assert api.sent("PATCH", "/groups/g1") == [{"pod_security": "baseline", "version": 7}]


def test_connecting_keeps_the_other_groups(signed_in: Run, api: FakeApi) -> None:
    api.answers["GET", "/groups/g1"] = 200, things.group("g1")
    api.answers["GET", "/images/base"] = 200, things.image()
    api.answers["PATCH", "/images/base"] = 200, things.image()
    assert signed_in("admin", "groups", "connect-image", "g1", "base").exit_code == 0
    assert api.sent("PATCH", "/images/base") == [{"version": 5, "groups": ["g0", "g1"]}]


def test_a_volume_is_connected_read_only_unless_writable(signed_in: Run, api: FakeApi) -> None:
    api.answers["GET", "/groups/g1"] = 200, things.group("g1")
    api.answers["GET", "/groups/g0"] = 200, things.group("g0")
    api.answers["GET", "/volumes/data"] = 200, things.volume(groups=[{"group": "g0", "writable": True}])
    api.answers["PATCH", "/volumes/data"] = 200, things.volume()
    assert signed_in("admin", "volumes", "add-group", "data", "g1").exit_code == 0
    assert signed_in("admin", "groups", "connect-volume", "g1", "data", "--writable").exit_code == 0
    assert signed_in("admin", "volumes", "remove-group", "data", "g0").exit_code == 0
    kept = {"group": "g0", "writable": True}
    assert [body["groups"] for body in api.sent("PATCH", "/volumes/data")] == [
        [kept, {"group": "g1", "writable": False}],
        [kept, {"group": "g1", "writable": True}],
        [],
    ]


def test_a_new_person_gets_a_link_whose_token_no_server_log_sees(signed_in: Run, api: FakeApi) -> None:
    account = {
        "id": "a1",
        "issuer": "local",
        "subject": "bob",
        "name": "bob",
        "slug": "bob",
        "display_name": "",
        "email": "",
        "enabled": True,
        "platform_admin": False,
        "must_change_password": False,
        "volume_capacity": None,
        "created_at": "2026-11-01T12:00:00Z",
        "last_seen_at": None,
        "version": 1,
    }
    api.answers["POST", "/users"] = (
        201,
        {"account": account, "token": "one-time", "expires_at": "2026-11-02T12:00:00Z"},
    )
    result = signed_in("admin", "users", "create", "bob", "--in-group", "g1")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{api.url}/hub/invite#one-time\n"
    assert api.sent("POST", "/users")[0]["groups"] == ["g1"]


LINK = {
    "id": "i1",
    "kind": "account",
    "group": None,
    "role": "member",
    "user": "bob",
    "created_by": "root",
    "created_at": "2026-11-01T12:00:00Z",
    "expires_at": "2026-11-02T12:00:00Z",
    "used_at": None,
    "used_by": None,
    "token": "one-time",
}


def test_a_link_is_sent_by_e_mail_and_printed_all_the_same(signed_in: Run, api: FakeApi) -> None:
    sent = {"to": "bob@example.org", "sent": True, "message": ""}
    api.answers["POST", "/invitations"] = 201, {**LINK, "mail": sent}
    result = signed_in("admin", "users", "invite", "bob", "--send")
    assert result.stdout == f"{api.url}/hub/invite#one-time\n"
    assert "Sent to bob@example.org." in result.stderr
    api.answers["POST", "/invitations"] = 201, {**LINK, "mail": {**sent, "sent": False, "message": "Full."}}
    result = signed_in("--group", "g1", "admin", "users", "invite", "--to", "new@example.com")
    assert result.stdout == f"{api.url}/hub/invite#one-time\n"
    assert "Not sent to bob@example.org: Full." in result.stderr
    asked = [
        tuple(body.get(name) for name in ("user", "group", "send", "address"))
        for body in api.sent("POST", "/invitations")
    ]
    assert asked == [("bob", None, True, None), (None, "g1", True, "new@example.com")]
    assert signed_in("admin", "users", "invite", "bob", "--to", "b@example.org").exit_code == 2


def test_a_display_name_cannot_write_markup_into_a_table(signed_in: Run, api: FakeApi) -> None:
    api.answers["GET", "/groups"] = page(things.group("g1", display_name="[red]x[/red]"))
    assert "[red]x[/red]" in signed_in("groups", "list").stdout


def test_help_names_every_command_and_imports_none_of_them(run: Run) -> None:
    result = run("--help")
    assert result.exit_code == 0
    for name in ("notebooks", "up", "sign-in-link"):
        assert name in result.stdout
