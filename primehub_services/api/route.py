"""What a route is: data, from which both the handlers' checks and the OpenAPI document are made."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import TypeAdapter

JSON = "application/json"
EVENTS = "text/event-stream"
TEXT = "text/plain"
BINARY = "application/octet-stream"
_PARAMETER = re.compile(r"\{([a-z_]+)\}")
_ids: dict[str, TypeAdapter[Any]] = {}


def adapter(model: Any) -> TypeAdapter[Any]:
    """The validator of a model; made once, since making one is slow."""
    key = repr(model)
    if key not in _ids:
        _ids[key] = TypeAdapter(model)
    return _ids[key]


@dataclass(frozen=True)
class Route:
    """One method of one path, under the API's root."""

    name: str
    """``<noun>.<verb>``: the handler's name and the OpenAPI operation id."""
    method: str
    path: str
    summary: str
    permission: str | None
    """Of ``domain.permissions``; where a thing decides (its group, its owner), the operation checks again with it.
    None is public."""
    response: Any = None
    """The model of the answer; None where it has no body."""
    body: Any = None
    query: Any = None
    status: int = 200
    media: str = JSON
    upload: tuple[str, ...] = ()
    """Media types of a body that goes to a file as it comes; the handler's ``begin`` gives the file and its limit."""
    checks_itself: bool = False
    """The handler finds out who asks, since there is another way in than a token of the hub."""
    also_media: tuple[str, ...] = ()
    """Other media types that a query can ask for."""
    also: tuple[str, ...] = ()
    """Further permissions, any of which opens the route; the operation finds out which one is needed."""

    @property
    def tag(self) -> str:
        """The noun."""
        return self.name.partition(".")[0]

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Names of the path's parameters, in their order."""
        return tuple(_PARAMETER.findall(self.path))

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What paths of this route look like; parameters are still percent-encoded."""
        parts = _PARAMETER.split(self.path)
        literal = [re.escape(p) if i % 2 == 0 else f"(?P<{p}>{_value(p)})" for i, p in enumerate(parts)]
        return re.compile("".join(literal))


def _value(parameter: str) -> str:
    """What a parameter looks like: ``path``, which comes last, goes on over slashes."""
    return ".+" if parameter == "path" else "[^/]+"


class Table:
    """All routes, found by method and path. Literal segments win over parameters."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)
        templates: dict[str, dict[str, Route]] = {}
        for route in self.routes:
            methods = templates.setdefault(route.path, {})
            if route.method in methods:
                msg = f"{route.method} {route.path} is declared twice"
                raise ValueError(msg)
            methods[route.method] = route
        self._templates = sorted(templates.values(), key=_specificity)

    def find(self, path: str) -> tuple[dict[str, Route], dict[str, str]]:
        """The routes of a path by method, and the parameters in it. Both empty where there is no such path."""
        for methods in self._templates:
            match = next(iter(methods.values())).pattern.fullmatch(path)
            if match is not None:
                return methods, match.groupdict()
        return {}, {}


def _specificity(methods: dict[str, Route]) -> tuple[int, str]:
    path = next(iter(methods.values())).path
    return path.count("{"), path
