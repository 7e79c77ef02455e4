"""A sign-in that is under way: any process that has the secret can end it, and nobody else can read it."""

from __future__ import annotations

import time

import pytest

from primehub_services.api.oauth import LONGEST_NEXT, SealedOAuth


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the hub gives its services."""
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "t")
    monkeypatch.setenv("JUPYTERHUB_CLIENT_ID", "service-primehub")


def _one(secret: bytes = b"x" * 32) -> SealedOAuth:
    return SealedOAuth(base_url="/services/primehub/").seal_with(secret)


@pytest.mark.usefixtures("environment")
def test_another_process_goes_on_where_one_began() -> None:
    state = _one().generate_state("/services/primehub/g/a?x=1", code_verifier="secret", cookie_name="other")
    other = _one()
    assert other.get_next_url(state) == "/services/primehub/g/a?x=1"
    assert other.get_code_verifier(state) == "secret"
    assert other.get_state_cookie_name(state) == "other"
    other.clear_oauth_state(state)


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("state", ["", "ä", "guessed", "another's"])
def test_what_we_have_not_sealed_says_nothing(state: str) -> None:
    if state == "another's":
        state = _one(b"y" * 32).generate_state("/evil", code_verifier="secret")
    found = _one()
    assert found.get_next_url(state) == "/services/primehub/"
    assert found.get_code_verifier(state) is None
    assert found.get_state_cookie_name(state) == found.state_cookie_name


@pytest.mark.usefixtures("environment")
def test_it_is_good_for_ten_minutes_and_never_larger_than_a_cookie(monkeypatch: pytest.MonkeyPatch) -> None:
    found = _one()
    state = found.generate_state("/x" * LONGEST_NEXT, code_verifier="secret")
    assert found.get_next_url(state) == "/services/primehub/"
    assert len(state) < LONGEST_NEXT
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now + 601)
    assert found.get_code_verifier(state) is None
