"""A cluster's proxy that was started anew gets its routes from the hub within seconds."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from aiohttp import ClientResponseError
from yarl import URL

from hub_config.cluster_proxy import WatchedProxy

SERVICE = SimpleNamespace(name="primehub", server=object(), proxy_spec="/services/primehub/")


class Proxy(WatchedProxy):
    """One whose API answers as told."""

    answers: list[Exception | None]
    asked: list[str]
    restored: list[Any]

    async def api_request(self, path: str, method: str = "GET", body: Any = None) -> Any:
        self.asked.append(path)
        if (answer := self.answers.pop(0)) is not None:
            raise answer

    async def check_routes(self, user_dict: Any, service_dict: Any, routes: Any = None) -> None:
        self.restored.append((user_dict, service_dict))


def refusal(status: int) -> ClientResponseError:
    request = SimpleNamespace(real_url=URL("http://proxy"))
    return ClientResponseError(request, (), status=status)  # type: ignore[arg-type]  # all that it is shown with


@pytest.fixture
async def proxy() -> Any:
    """The hub's proxy, which is looked at by the tests alone."""
    app = SimpleNamespace(users={"ann": Mock()}, _service_map={"primehub": SERVICE})
    made = Proxy(app=app, look_every=3600)
    made.answers, made.asked, made.restored = [], [], []
    yield made
    made._watching.stop()


async def test_one_that_has_routes_or_does_not_answer_is_left_alone(proxy: Proxy) -> None:
    proxy.answers = [None, TimeoutError(), refusal(403)]
    for _ in range(3):
        await proxy.restore()
    assert proxy.asked == ["/services/primehub/"] * 3
    assert proxy.restored == []


async def test_one_without_routes_gets_all_of_them(proxy: Proxy) -> None:
    proxy.answers = [refusal(404)]
    await proxy.restore()
    assert proxy.restored == [(proxy.app.users, proxy.app._service_map)]


async def test_nothing_is_asked_before_the_services_are_known(proxy: Proxy) -> None:
    proxy.app._service_map = {}
    await proxy.restore()
    assert proxy.asked == []
