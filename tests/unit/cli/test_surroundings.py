"""The command where things are not as they should be: files, addresses, tokens, certificates, terminals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from . import things
from .conftest import Run, Start
from .fake_api import FakeApi, page

ID = "job-202611011200-abc123"
TOKEN = ("--token", "t")


@pytest.mark.parametrize("content", ["", "\n", '{"endpoint": null, "group": null}'])
def test_a_file_of_settings_with_nothing_in_it_is_as_none(run: Run, api: FakeApi, home: Path, content: str) -> None:
    (home / "empty.json").write_text(content)
    api.answers["GET", "/me"] = 200, things.me("g1")
    words = ("--config", str(home / "empty.json"))
    assert run(*words, "me").exit_code == 6
    assert run(*words, "login", api.url, "--with-token", input="t\n").exit_code == 0
    assert run(*words, "me").exit_code == 0


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b'{"endpoint": 1}', b'{"api-token": ["x"]}'])
def test_a_file_of_settings_that_is_none_says_what_to_do(run: Run, home: Path, content: bytes) -> None:
    (home / "bad.json").write_bytes(content)
    result = run("--config", str(home / "bad.json"), "me")
    assert result.exit_code == 2
    assert "Mend it, or delete it" in result.stderr


def test_the_file_of_the_original_is_read(run: Run, api: FakeApi, home: Path) -> None:
    kept = {
        "api-token": "original",
        "endpoint": f"{api.url}/api/graphql",
        "group": {"name": "g1", "id": "927406f6", "displayName": "G1"},
    }
    (home / ".primehub").mkdir()
    (home / ".primehub" / "config.json").write_text(json.dumps(kept))
    api.answers["GET", "/me"] = 200, things.me("g1")
    assert run("me").exit_code == 0
    assert api.requests[-1]["token"] == "token original"
    assert json.loads(run("config", "show", "--json").stdout)["group"] == "g1"


def test_settings_that_cannot_be_kept_are_said(run: Run, api: FakeApi) -> None:
    for words in (("config", "set-endpoint", api.url), ("config", "set-token", "t")):
        result = run("--config", "/proc/primehub/config.json", *words)
        assert result.exit_code == 1
        assert result.stderr.startswith("/proc/primehub/config.json cannot be written: ")


def test_a_user_without_a_home_folder_is_asked_for_a_file(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        msg = "Could not determine home directory."
        raise RuntimeError(msg)

    monkeypatch.setattr(Path, "home", homeless)
    result = run("me")
    assert (result.exit_code, "--config FILE" in result.stderr) == (2, True)


def test_the_token_of_one_platform_is_shown_to_no_other(run: Run, api: FakeApi, home: Path) -> None:
    run("config", "set-endpoint", "https://one.example.org")
    run("config", "set-token", "of-one")
    result = run("me", "--endpoint", api.url)
    assert (result.exit_code, api.requests) == (6, [])
    run("login", api.url, "--no-browser")
    assert [request["token"] for request in api.requests] == [None]


@pytest.mark.parametrize("endpoint", ["http://[::1", "https://\u2100.example", "http://\xfc..example", "http://a\x01b"])
def test_what_only_looks_like_an_address_is_refused(run: Run, endpoint: str) -> None:
    result = run("me", "--endpoint", endpoint, *TOKEN)
    assert (result.exit_code, "is no address" in result.stderr) == (2, True)


def test_a_kept_address_that_is_none_can_be_mended(run: Run, api: FakeApi, home: Path) -> None:
    (home / ".primehub").mkdir()
    (home / ".primehub" / "config.json").write_text('{"endpoint": "http://[::1", "api-token": "t"}')
    assert run("config", "set-endpoint", api.url).exit_code == 0
    assert "api-token" not in json.loads((home / ".primehub" / "config.json").read_text())


@pytest.mark.parametrize("token", ["t\xf6ken", "two words", "a\nb"])
def test_a_token_that_no_header_can_hold_is_refused(run: Run, api: FakeApi, token: str) -> None:
    result = run("me", "--endpoint", api.url, "--token", token)
    assert (result.exit_code, "This is no token" in result.stderr) == (6, True)
    assert token not in result.stderr


def test_certificates_that_cannot_be_read_are_said(
    run: Run, home: Path, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "empty.pem").write_text("no certificate")
    for name in ("missing.pem", "empty.pem"):
        monkeypatch.setenv("PRIMEHUB_CA_FILE", str(home / name))
        result = run("me", "--endpoint", api.url, *TOKEN)
        assert (result.exit_code, "PRIMEHUB_CA_FILE" in result.stderr) == (2, True)


def test_bytes_that_are_no_text_are_refused(signed_in: Run, api: FakeApi) -> None:
    for words in (("groups", "get", "\udcff"), ("jobs", "list", "--search", "\udcff")):
        result = signed_in(*words)
        assert (result.exit_code, "no text" in result.stderr) == (2, True)


@pytest.mark.parametrize("content", [b'\xef\xbb\xbf{"name": "G\xc3\xb6"}', '{"name": "Gö"}'.encode("utf-16")])
def test_a_definition_is_read_whatever_wrote_it(signed_in: Run, api: FakeApi, home: Path, content: bytes) -> None:
    api.answers["POST", "/groups"] = 201, things.group("g9")
    (home / "group.json").write_bytes(content)
    assert signed_in("admin", "groups", "create", "--file", str(home / "group.json")).exit_code == 0
    assert signed_in("admin", "groups", "create", input=content).exit_code == 0
    assert api.sent("POST", "/groups") == [{"name": "G\xf6"}] * 2


def test_numbers_that_json_lacks_are_not_sent(signed_in: Run, api: FakeApi) -> None:
    refused = signed_in("admin", "groups", "create", input='{"name": "g", "user_quota": {"cpu": Infinity}}')
    assert (refused.exit_code, "Infinity" in refused.stderr) == (2, True)
    api.answers["GET", f"/jobs/{ID}"] = (
        200,
        things.job(kind="notebook", command="", notebook={"snapshot": "s", "path": "a.ipynb", "parameters": {}}),
    )
    api.answers["POST", "/jobs"] = 201, things.job("job-2")
    assert signed_in("jobs", "clone", ID, "-p", "a=Infinity", "-p", "b=1e999", "-p", "c=1e3").exit_code == 0
    (sent,) = api.sent("POST", "/jobs")
    assert sent["notebook"]["parameters"] == {"a": "Infinity", "b": "1e999", "c": 1000.0}


def test_an_artifact_whose_place_is_taken_is_said(run: Run, api: FakeApi, signed_in: Run, home: Path) -> None:
    about = {"modified_at": "2026-11-01T12:00:00Z", "media_type": "text/plain"}
    found = {"attempt": 1, "items": [{"path": "a.txt", "size": 1, **about}], "size": 1, "message": "", "live": False}
    api.answers["GET", f"/jobs/{ID}/artifacts"] = 200, found
    api.answers["GET", f"/jobs/{ID}/artifacts/a.txt"] = 200, b"A"
    (home / "file").write_text("a file where a folder would be")
    result = signed_in("jobs", "download-artifacts", ID, "a.txt", str(home / "file" / "x"))
    assert (result.exit_code, "cannot be written" in result.stderr) == (1, True)


def test_a_terminal_that_lacks_letters_gets_what_it_can_show(api: FakeApi, started: Start) -> None:
    api.answers["GET", "/groups"] = page(things.group("g1", display_name="Gr\xf6\xdfe \u2192 \u65e5\u672c"))
    shown = started("groups", "list", PYTHONIOENCODING="latin-1")
    out, err = shown.communicate(timeout=30)
    assert (shown.returncode, err) == (0, b"")
    assert "Gr\xf6\xdfe ? ??".encode("latin-1") in out
    whole = started("groups", "list", "--json", PYTHONIOENCODING="latin-1").communicate(timeout=30)[0]
    assert json.loads(whole.decode("latin-1"))[0]["display_name"] == "Gr\xf6\xdfe \u2192 \u65e5\u672c"


def test_a_file_that_stops_a_command_is_named(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(self: Path, *_: Any, **__: Any) -> bool:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "exists", closed)
    for command in ("rotate-keys", "sign-in-link", "logs"):
        result = run(command, "--data", str(home))
        assert result.exit_code == 1
        assert f"{home}/" in result.stderr
        assert result.stderr.endswith(": Permission denied.\n")
