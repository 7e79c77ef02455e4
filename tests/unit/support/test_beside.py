"""What a test does that cannot have somebody listen at an address which is nobody's: it does not pass."""

from __future__ import annotations

import os

import pytest

from tests.support import beside
from tests.support.parts import REQUIRED


@pytest.fixture(params=[(1000, True), (0, False)], ids=["not root", "not on a node"])
def elsewhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else than root, or another machine than a node."""
    user, on_node = request.param
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(beside, "_is_node", lambda: on_node)


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(
    ("required", "outcome"), [("", pytest.skip.Exception), ("cluster,node", pytest.fail.Exception)]
)
def test_where_nobody_can_listen_all_else_is_tried_and_the_test_is_skipped_or_fails_where_it_must_not(
    monkeypatch: pytest.MonkeyPatch, required: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv(REQUIRED, required)
    tried = []
    told = "nothing listened at .*, though all else was tried"
    with pytest.raises(outcome, match=told), beside.listening_at(beside.LIKE_INTERNET) as found:
        tried.append(found)
    assert tried == [[]]


@pytest.mark.usefixtures("elsewhere")
def test_what_else_fails_meanwhile_is_what_is_told() -> None:
    with pytest.raises(AssertionError, match="reached"), beside.listening_at(beside.LIKE_INTERNET):
        raise AssertionError("reached")
