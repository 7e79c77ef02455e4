"""What the commands of people say when something is wrong, and how they show one thing."""

from __future__ import annotations

import json
from pathlib import Path

from . import things
from .conftest import Run
from .fake_api import FakeApi, page


def test_what_stops_a_command_is_a_document_too(run: Run, signed_in: Run, api: FakeApi) -> None:
    assert json.loads(run("me", "--json", "--endpoint", "http://127.0.0.1:1").stdout)["code"] == "unreachable"
    missing = signed_in("notebooks", "start", "--json")
    assert missing.exit_code == 2
    assert json.loads(missing.stdout)["code"] == "invalid"
    api.answers["GET", "/me"] = 200, things.me("g1")
    api.answers["GET", "/notebooks"] = page()
    nothing = signed_in("notebooks", "stop", "--json")
    assert nothing.exit_code == 4
    assert "no notebook" in json.loads(nothing.stdout)["detail"]


def test_what_is_wrong_is_said_once(signed_in: Run, api: FakeApi) -> None:
    errors = [{"field": "image", "message": "There is no image 'x'.", "fix": "Choose another."}]
    detail = "There is no image 'x'."
    api.answers["POST", "/notebooks"] = 422, {"code": "invalid", "detail": detail, "errors": errors}
    words = ("notebooks", "start", "--group", "g1", "--instance-type", "small", "--image", "x")
    assert signed_in(*words).stderr == "image: There is no image 'x'.\n  Choose another.\n"
    reasons = [{"message": "Your server runs already.", "help": "Stop it first."}]
    body = {"code": "refused", "detail": "Your server runs already.", "decision": {"reasons": reasons}}
    api.answers["POST", "/notebooks"] = 409, body
    assert signed_in(*words).stderr == "Your server runs already.\nStop it first.\n"


def test_a_token_without_the_right_says_how_to_get_one_with_it(signed_in: Run, api: FakeApi) -> None:
    body = {"code": "forbidden", "detail": "The token lacks the scope.", "scope": "custom:primehub:admin"}
    api.answers["GET", "/users"] = 403, body
    result = signed_in("admin", "users", "list")
    assert result.exit_code == 4
    assert "primehub login --scope read --scope write --scope admin" in result.stderr


def test_a_token_that_is_good_no_more_is_not_taken_for_none(signed_in: Run, api: FakeApi) -> None:
    api.answers["GET", "/me"] = 401, {"code": "unauthenticated", "detail": "Send a token as 'Authorization: ...'."}
    result = signed_in("me")
    assert "does not accept this token" in result.stderr
    assert "Authorization" not in result.stderr


def test_a_log_is_text_or_one_document(signed_in: Run, api: FakeApi) -> None:
    path = f"/notebooks/{things.NOTEBOOK_ID}"
    api.answers["GET", path] = 200, things.notebook("STOPPED")
    pieces = [{"text": text, "offset": n, "next_offset": n, "size": 9} for n, text in ((5, "one\n"), (9, "two\n"))]
    api.answers["GET", f"{path}/log"] = [(200, pieces[0]), (200, pieces[1]), (200, {**pieces[1], "text": ""})]
    assert signed_in("notebooks", "logs", things.NOTEBOOK_ID).stdout == "one\ntwo\n"
    api.answers["GET", f"{path}/log"] = [(200, pieces[0]), (200, {**pieces[1], "text": ""})]
    shown = json.loads(signed_in("notebooks", "logs", things.NOTEBOOK_ID, "--json").stdout)
    assert shown == {"notebook": things.NOTEBOOK_ID, "log": "one\n"}
    assert signed_in("notebooks", "logs", things.NOTEBOOK_ID, "--json", "--follow").exit_code == 2


def test_of_a_log_the_last_ten_lines_are_printed_unless_another_number_or_all_of_it_is_asked_for(
    signed_in: Run, api: FakeApi
) -> None:
    path = f"/notebooks/{things.NOTEBOOK_ID}"
    api.answers["GET", path] = 200, things.notebook("STOPPED")
    api.answers["GET", f"{path}/log"] = 200, {"text": "", "offset": 9, "next_offset": 9, "size": 9}
    for words, begun in (((), {"tail": "10"}), (("--tail", "3"), {"tail": "3"}), (("--all",), {"offset": "0"})):
        assert signed_in("notebooks", "logs", things.NOTEBOOK_ID, *words).exit_code == 0
        asked = [r["query"] for r in api.requests if r["path"] == f"{path}/log"]
        assert asked[-2:] == [begun, {"offset": "9"}]
    assert signed_in("notebooks", "logs", things.NOTEBOOK_ID, "--all", "--tail", "3").exit_code == 2


def test_a_reset_password_may_be_called_temporary_which_it_is(signed_in: Run, api: FakeApi) -> None:
    api.answers["POST", "/users/ann/password-reset"] = 200, {"user": "ann", "password": "abcd-efgh"}
    for words in ((), ("--temporary",)):
        assert signed_in("admin", "users", "reset-password", "ann", *words).stdout == "abcd-efgh\n"


def test_one_thing_shows_moments_lengths_and_addresses_as_people_read_them(signed_in: Run, api: FakeApi) -> None:
    path = f"/notebooks/{things.NOTEBOOK_ID}"
    api.answers["GET", path] = 200, things.notebook("RUNNING", idle_timeout=7200)
    shown = signed_in("notebooks", "status", things.NOTEBOOK_ID).stdout
    assert "2 h" in shown
    assert "T12:00:00" not in shown
    assert f"{api.url}/user/ann/lab" in shown
    assert not [line for line in shown.splitlines() if line != line.rstrip()]


def test_what_a_start_waits_for_is_said_until_it_runs(signed_in: Run, api: FakeApi) -> None:
    path = f"/notebooks/{things.NOTEBOOK_ID}"
    waits = things.notebook(events=2)
    api.answers["GET", path] = 200, waits
    api.answers["GET", "/notebooks"] = page(waits)
    assert "Starting JupyterLab" in signed_in("notebooks", "status", things.NOTEBOOK_ID).stdout
    assert "Starting JupyterLab" in signed_in("notebooks", "list").stdout
    api.answers["GET", path] = 200, things.notebook("RUNNING", events=3)
    assert "Ready" not in signed_in("notebooks", "status", things.NOTEBOOK_ID).stdout


def test_what_an_operator_applies_is_printed_as_kubectl_reads_it(signed_in: Run, api: FakeApi) -> None:
    api.answers["GET", "/volumes/share/manifests"] = 200, {"claim": "dataset-share", "yaml": "kind: PersistentVolume\n"}
    assert signed_in("admin", "volumes", "manifests", "share").stdout == "kind: PersistentVolume\n"
    shown = signed_in("admin", "volumes", "manifests", "share", "--json").stdout
    assert json.loads(shown)["claim"] == "dataset-share"


def test_an_image_is_made_again_and_tells_how_it_went(signed_in: Run, api: FakeApi) -> None:
    api.answers["POST", "/images/base/rebuild"] = 200, things.image()
    assert "being built again" in signed_in("images", "rebuild", "base").stdout
    parts = [{"text": text, "offset": n, "next_offset": n, "size": 9} for n, text in ((5, "ERROR: no\n"), (9, ""))]
    api.answers["GET", "/images/base/build-log"] = parts_of(parts)
    assert signed_in("images", "build-log", "base").stdout == "ERROR: no\n"
    api.answers["GET", "/images/base/build-log"] = parts_of(parts)
    assert json.loads(signed_in("images", "build-log", "base", "--json").stdout)["log"] == "ERROR: no\n"


def parts_of(parts: list[dict[str, object]]) -> list[tuple[int, dict[str, object]]]:
    return [(200, part) for part in parts]


def test_an_address_that_moved_is_told_and_not_followed(run: Run, api: FakeApi, home: Path) -> None:
    """The scheme is often left out, and what answers then sends browsers to https."""
    moved = {"Location": "https://primehub.example.org/services/primehub/api/v1/login-requests"}
    api.answers["POST", "/login-requests"] = 301, b"<html>Moved</html>", moved
    result = run("login", api.url.removeprefix("http://"))
    assert result.exit_code == 5
    assert result.stderr == f"{api.url} redirects to https://primehub.example.org; use that address.\n"
    assert not (home / ".primehub").exists()
    as_json = run("login", api.url, "--json")
    assert json.loads(as_json.stdout)["code"] == "redirected"


def test_another_server_is_told_from_a_platform(run: Run, signed_in: Run, api: FakeApi) -> None:
    api.answers["POST", "/login-requests"] = api.answers["GET", "/me"] = 200, b"<html>Welcome to nginx!</html>"
    for result in (run("login", api.url), signed_in("me")):
        assert result.exit_code == 5
        assert f"What answers at {api.url} is no PrimeHub.\nDoes the platform run?" in result.stderr
    api.answers["GET", "/me"] = 404, b"<html>Not Found</html>"
    assert "Is that its address?" in signed_in("me").stderr
