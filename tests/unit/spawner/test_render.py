"""What the spawner makes of options and of refusals."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from primehub_services.client.base import ApiProblem
from primehub_spawner import render


def _refusal(*reasons: dict[str, Any], detail: str = "This cannot start.") -> ApiProblem:
    decision = {"would_start": False, "reasons": list(reasons)}
    return ApiProblem(409, "refused", detail, {"decision": decision})


HOLDER = {"user": "bo", "kind": "notebook", "name": "", "amount": "2 cores", "since": "2026-01-01T00:00:00Z"}
SHORT = {"code": "quota", "message": "1 core short.", "holders": [HOLDER], "help": "Stop one."}


def test_a_refusal_names_numbers_holders_and_help() -> None:
    assert render.refusal_text(_refusal(SHORT)) == "1 core short. Held by bo (notebook, 2 cores). Stop one."
    assert render.refusal_reason(_refusal(SHORT)) == "quota"


def test_what_is_said_twice_is_shown_once() -> None:
    text = render.refusal_text(_refusal(SHORT, SHORT))
    assert text.count("1 core short.") == 1


def test_a_refusal_without_reasons_is_its_detail() -> None:
    assert render.refusal_text(ApiProblem(404, "not-found", "No such group.", {})) == "No such group."
    assert render.refusal_reason(ApiProblem(404, "not-found", "No such group.", {})) == "not-found"


def test_a_decision_that_cannot_be_read_is_as_none() -> None:
    assert render.refusal_text(ApiProblem(409, "refused", "Full.", {"decision": {"nonsense": 1}})) == "Full."


def test_a_decision_of_a_newer_platform_is_read_without_what_it_adds() -> None:
    newer = _refusal({**SHORT, "new": 1, "holders": [{**HOLDER, "new": 1}]})
    newer.body["decision"]["new"] = 1
    assert render.refusal_text(newer) == render.refusal_text(_refusal(SHORT))


def test_wrong_fields_are_named_with_the_fix() -> None:
    errors = [{"field": "image", "message": "there is no such image", "fix": "choose one of the group's"}]
    problem = ApiProblem(422, "invalid", "image", {"errors": errors})
    assert render.refusal_text(problem) == "image: there is no such image. choose one of the group's."


def test_everything_in_the_html_is_escaped() -> None:
    evil = {**SHORT, "message": "<script>1</script>", "holders": [{**HOLDER, "user": "<b>"}]}
    html = render.refusal_html(_refusal(evil), '/"><x>')
    assert "<script>" not in html
    assert "<b>" not in html
    assert "<x>" not in html


@given(
    st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text()), max_size=6)
)
def test_only_known_options_are_ever_kept(options: dict[str, Any]) -> None:
    kept = render.known_options(options)
    assert kept.items() <= options.items()
    assert kept.keys() <= render.OPTION_TYPES.keys()
    assert render.checked_options(kept) == kept


@pytest.mark.parametrize("options", [None, [], "group", 1])
def test_options_that_are_no_object_are_refused_and_nothing_is_kept(options: Any) -> None:
    assert render.known_options(options) == {}
    with pytest.raises(render.OptionError, match="must be an object"):
        render.checked_options(options)


def test_a_number_is_not_true() -> None:
    with pytest.raises(render.OptionError, match="safe_mode must be true or false"):
        render.checked_options({"safe_mode": 1})


def test_the_notebooks_scopes_are_of_one_group_and_one_server() -> None:
    assert render.notebook_scopes("ann", "", "g1") == {
        "users:activity!user=ann",
        "access:servers!server=ann/",
        "custom:primehub:notebook!group=g1",
        "custom:primehub:notebook!server=ann/",
    }
