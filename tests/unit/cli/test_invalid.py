"""Words of the command line that no request can hold: named by their options, before anything is sent."""

from __future__ import annotations

import json

import pytest

from . import things
from .conftest import Run
from .fake_api import FakeApi, page

LAUNCH = ("--group", "g1", "--instance-type", "small", "--image", "base")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("tokens", "create", "--note", "ci", "--expires", "400d"), "--expires: It must be at most 366d.\n"),
        (("tokens", "create", "--note", "ci", "--expires", "5s"), "--expires: It must be at least 1m.\n"),
        (("tokens", "create", "--note", ""), "--note: It is too short.\n  Give at least 1 characters.\n"),
        (("admin", "users", "invite", "bob", "--expires", "60d"), "--expires: It must be at most 30d.\n"),
        (("admin", "users", "invite", "no name"), "NAME: "),
        (("admin", "users", "create", "no name"), "NAME: "),
        (("admin", "users", "create", "bob", "--email", "nowhere"), "--email: "),
        (("notebooks", "start", *LAUNCH, "--env", "1A=x"), "--env 1A: "),
        (("jobs", "submit", *LAUNCH, "--timeout", "999d", "--", "x"), "--timeout: It must be at most 366d.\n"),
        (("jobs", "submit", *LAUNCH, "--name", "n" * 101, "--", "x"), "--name: It is too long.\n"),
        (("jobs", "submit", *LAUNCH, "--", " "), "COMMAND: "),
    ],
)
def test_what_cannot_be_is_named_by_its_option_with_what_is_wanted(
    signed_in: Run, api: FakeApi, words: tuple[str, ...], says: str
) -> None:
    result = signed_in(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(says)
    assert api.requests == []


def test_no_time_at_all_is_none_to_keep_a_notebook_for(signed_in: Run, api: FakeApi) -> None:
    api.answers["GET", "/me"] = 200, things.me("g1")
    api.answers["GET", "/notebooks"] = page(things.notebook("RUNNING"))
    result = signed_in("notebooks", "keep", "--for", "0")
    assert (result.exit_code, result.stderr) == (2, "--for: It must be at least 1s.\n")


def test_a_name_of_a_parameter_that_cannot_be_is_named_by_its_option(signed_in: Run, api: FakeApi) -> None:
    run = {"snapshot": "s-1", "path": "a.ipynb", "parameters": {"n": 1}, "kernel": "", "reads_file": False}
    api.answers["GET", "/jobs/j1"] = 200, things.job("j1", kind="notebook", command="", notebook=run)
    result = signed_in("jobs", "clone", "j1", "-p", "1x=2")
    assert result.exit_code == 2
    assert result.stderr.startswith("--parameter 1x: ")


def test_a_definition_is_named_by_its_own_fields(signed_in: Run, api: FakeApi) -> None:
    result = signed_in("admin", "users", "create", input='{"name": "bob", "e-mail": "x"}')
    assert result.exit_code == 2
    assert result.stderr == "e-mail: There is no such field.\n  Leave it out, or check the spelling.\n"
    assert api.requests == []


def test_with_json_it_is_a_document_too(signed_in: Run) -> None:
    result = signed_in("tokens", "create", "--note", "ci", "--expires", "400d", "--json")
    shown = json.loads(result.stdout)
    assert (shown["code"], shown["detail"]) == ("invalid", "--expires: It must be at most 366d.")
    nothing = signed_in("notifications", "set", "--json")
    assert (nothing.exit_code, json.loads(nothing.stdout)["code"]) == (2, "invalid")
