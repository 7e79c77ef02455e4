"""What the authenticators make of claims and of the API's answers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import httpx
import pytest
from tornado import web
from tornado.httpclient import HTTPClientError
from traitlets.config import Config

from hub_config import accounts
from hub_config.accounts import GRACE, NOT_COMPLETED, PrimeHubAuthenticator, PrimeHubOIDCAuthenticator
from hub_config.accounts_handlers import in_words, words_of
from hub_config.branding import KnownBranding
from primehub_services.client import ApiClient, ApiProblem
from primehub_services.client.accounts import AccountsClient

CLAIMS = {"sub": "s1", "preferred_username": "ann", "name": "Ann Lee", "email": "ann@example.org"}
STATE = {
    "name": "ann",
    "display_name": "Ann",
    "enabled": True,
    "platform_admin": False,
    "must_change_password": False,
    "groups": ["b", "a"],
}


def provider(**settings: Any) -> PrimeHubOIDCAuthenticator:
    """An authenticator for a provider that is never asked."""
    values = {"issuer": "https://id", "client_id": "c", "client_secret": "s", "token_url": "https://id/t"}
    return PrimeHubOIDCAuthenticator(config=Config({"PrimeHubOIDCAuthenticator": values | settings}))


def authenticator(answer: Any) -> PrimeHubAuthenticator:
    """An authenticator over an API that answers so."""
    found = PrimeHubAuthenticator()
    found.accounts = AccountsClient(ApiClient("http://api", "t", transport=httpx.MockTransport(answer)))
    return found


def user(*groups: str, admin: bool = False) -> SimpleNamespace:
    """A user as the hub has it."""
    return SimpleNamespace(name="ann", admin=admin, groups=[SimpleNamespace(name=g) for g in groups])


def answering(**changes: Any) -> Any:
    """An API where ann's account is like this."""
    return lambda request: httpx.Response(200, json=STATE | changes)


# claims


def test_groups_are_taken_from_the_claim_without_a_paths_slash() -> None:
    asked = provider().sign_in_of({**CLAIMS, "groups": ["/research", "vision", "/a/b"]})
    assert asked.groups == ("research", "vision", "a/b")
    assert (asked.issuer, asked.subject, asked.username) == ("https://id", "s1", "ann")


def test_a_missing_claim_is_no_group_at_all_so_that_leaving_the_last_one_is_seen() -> None:
    assert provider().sign_in_of(CLAIMS).groups == ()


def test_without_a_groups_claim_in_the_settings_memberships_are_left_alone() -> None:
    assert provider(groups_claim="").sign_in_of(CLAIMS).groups is None


def test_a_claim_may_be_nested() -> None:
    asked = provider(groups_claim="realm_access.roles").sign_in_of({**CLAIMS, "realm_access": {"roles": ["x"]}})
    assert asked.groups == ("x",)


@pytest.mark.parametrize(("groups", "admin"), [(["ops"], True), (["x"], False)])
def test_admin_groups_decide_who_is_a_platform_admin(groups: list[str], admin: bool) -> None:
    assert provider(platform_admin_groups={"ops"}).sign_in_of({**CLAIMS, "groups": groups}).platform_admin is admin


def test_without_admin_groups_the_right_is_left_alone() -> None:
    assert provider().sign_in_of({**CLAIMS, "groups": ["ops"]}).platform_admin is None


def test_a_person_without_a_user_name_is_refused_naming_the_claim() -> None:
    with pytest.raises(web.HTTPError, match="claim preferred_username") as caught:
        provider().sign_in_of({"sub": "s1"})
    assert caught.value.status_code == 403


# going on


@pytest.mark.parametrize(("answered", "status"), [(400, 403), (401, 403), (502, 503), (599, 503)])
async def test_a_sign_in_that_the_provider_does_not_complete_is_refused_in_words(
    monkeypatch: pytest.MonkeyPatch, answered: int, status: int
) -> None:
    async def refused(*_: Any) -> Any:
        raise HTTPClientError(answered, "client_secret=hidden")

    asked = provider()
    monkeypatch.setattr(asked, "discover", AsyncMock())
    monkeypatch.setattr(asked, "build_access_tokens_request_params", lambda *_: {})
    monkeypatch.setattr(asked, "get_token_info", refused)
    with pytest.raises(web.HTTPError) as caught:
        await asked.who(None)
    assert (caught.value.status_code, caught.value.log_message) == (status, NOT_COMPLETED)


async def test_nothing_is_written_while_nothing_has_changed() -> None:
    assert await authenticator(answering()).refresh_user(user("a", "b")) is True


async def test_changed_groups_and_rights_are_told_to_the_hub() -> None:
    told = await authenticator(answering(platform_admin=True)).refresh_user(user("a"))
    assert told == {"name": "ann", "groups": ["a", "b"], "admin": True}


@pytest.mark.parametrize("change", [{"enabled": False}, {"must_change_password": True}])
async def test_who_may_not_go_on_is_thrown_out_and_has_no_grace(change: dict[str, bool]) -> None:
    answer = answering()
    found = authenticator(lambda request: answer(request))
    assert await found.refresh_user(user("a", "b")) is True
    answer = answering(**change)
    assert await found.refresh_user(user("a", "b")) is False
    answer = lambda request: httpx.Response(503, json={})  # noqa: E731
    assert await found.refresh_user(user("a", "b")) is False


async def test_grace_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(accounts.time, "monotonic", lambda: now)
    answer = answering()
    found = authenticator(lambda request: answer(request))
    await found.refresh_user(user("a", "b"))
    answer = lambda request: httpx.Response(503, json={})  # noqa: E731
    now += GRACE - 1
    assert await found.refresh_user(user("a", "b")) is True
    now += 2
    assert await found.refresh_user(user("a", "b")) is False


async def test_while_hub_and_services_start_together_a_session_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(accounts.time, "monotonic", lambda: now)
    found = authenticator(lambda _: httpx.Response(503, json={}))
    now += found.starting_grace - 1
    assert await found.refresh_user(user("a", "b")) is True
    now += 2
    assert await found.refresh_user(user("a", "b")) is False


async def test_a_deleted_account_has_no_grace() -> None:
    found = authenticator(lambda request: httpx.Response(404, json={"code": "not-found"}))
    assert await found.refresh_user(user()) is False


# signing in


@pytest.mark.parametrize(
    "data", [None, {}, {"username": "ann"}, {"username": ["ann"], "password": "x"}, {"username": "a", "password": ""}]
)
async def test_a_sign_in_that_is_none_is_refused_without_asking(data: Any) -> None:
    def never(request: httpx.Request) -> httpx.Response:
        raise AssertionError

    assert await authenticator(never).authenticate(SimpleNamespace(), data) is None


async def test_with_local_accounts_off_no_password_is_taken() -> None:
    found = authenticator(answering())
    found.local_accounts = False
    assert await found.authenticate(SimpleNamespace(), {"username": "ann", "password": "right"}) is None


async def test_a_temporary_password_is_good_for_nothing_but_its_change() -> None:
    found = authenticator(answering(must_change_password=True))
    with pytest.raises(web.HTTPError) as caught:
        await found.authenticate(SimpleNamespace(), {"username": "ann", "password": "temporary"})
    assert caught.value.status_code == 403


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "1 second"), (1, "1 second"), (40, "40 seconds"), (61, "61 seconds"), (121, "3 minutes")],
)
def test_waits_are_read_in_words(seconds: int | None, words: str) -> None:
    assert in_words(seconds) == words


def test_a_broken_parts_own_words_are_never_shown() -> None:
    status, text = words_of(ApiProblem(500, "error", "Traceback: secret", {}))
    assert status == 503
    assert "secret" not in text


async def test_a_name_stays_while_the_api_does_not_answer() -> None:
    foundry = httpx.Response(200, json={"name": "Foundry", "version": 7})
    answers = iter([foundry, httpx.Response(304), httpx.Response(503), httpx.ConnectError("away")])
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["If-None-Match"])
        given = next(answers)
        if isinstance(given, Exception):
            raise given
        return given

    known = KnownBranding(authenticator(answer).accounts)
    assert known.now.name == "PrimeHub"
    for _ in range(4):
        await known.look()
        assert known.now.name == "Foundry"
    assert asked == ['"0"', '"7"', '"7"', '"7"']


def test_with_a_provider_alone_there_is_no_page_for_passwords_and_links_into_groups_have_theirs() -> None:
    found = PrimeHubAuthenticator(oidc=True, local_accounts=False)
    paths = {path for path, _ in found.get_handlers(SimpleNamespace(template_vars={})) if not path.startswith("/api/")}
    assert paths == {"/login", "/invite", "/oauth_login", "/oauth_callback"}
    assert found.auto_login is True
    assert found.login_url("/hub/") == "/hub/oauth_login"


def test_with_both_the_form_leads_and_the_provider_has_its_door() -> None:
    found = PrimeHubAuthenticator(oidc=True)
    paths = {path for path, _ in found.get_handlers(SimpleNamespace(template_vars={})) if not path.startswith("/api/")}
    assert paths == {"/login", "/oauth_login", "/oauth_callback", "/change-password", "/invite"}
    assert found.auto_login is False
    assert found.login_url("/hub/") == "/hub/login"
