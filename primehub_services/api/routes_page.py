"""Every route, for the documentation: ``python -m primehub_services.api.routes_page`` prints ``docs/api-routes.md``."""

from __future__ import annotations

from ..domain.permissions import PERMISSIONS, Relation
from .openapi import ROOT
from .route import Route
from .table import TABLE

HEAD = f"""\
# The routes of the API

Made by `python -m primehub_services.api.routes_page`; the tables are the code's own. How to use them: [api.md](api.md).
Who has which permission: [permissions.md](permissions.md). What each takes and answers:
`{ROOT}/openapi.json`.

Paths are below `{ROOT}`. Where several permissions stand, any of them opens the route, and the thing
asked for decides which one is needed. `-` is everybody, without a token.
"""
SERVICES = """\
## Of the platform's own services

These are what the spawner, the sign-in page, the idle culler, the gateway and the sidecars of pods ask. No person's
token opens them.
"""
COLUMNS = ("| | path | what it does | permission |", "|---|---|---|---|")


def as_markdown() -> str:
    """The page."""
    lines = [HEAD]
    people = [route for route in TABLE.routes if not _of_services(route)]
    for tag in dict.fromkeys(route.tag for route in people):
        routes = [_line(route) for route in people if route.tag == tag]
        lines += [f"## {tag.replace('_', ' ').capitalize()}", "", *COLUMNS, *routes, ""]
    lines += [SERVICES, *COLUMNS, *(_line(route) for route in TABLE.routes if _of_services(route))]
    return "\n".join(lines) + "\n"


def _of_services(route: Route) -> bool:
    """Whether only services ask it: by their permission, or by the token of a workload."""
    if route.permission is None:
        return route.checks_itself
    return PERMISSIONS[route.permission].relations == {Relation.SERVICE}


def _line(route: Route) -> str:
    permissions = [route.permission, *route.also] if route.permission else []
    nobodys = "its workload's token" if route.checks_itself else "-"
    needed = " or ".join(f"`{name}`" for name in permissions) or nobodys
    return f"| {route.method} | `{route.path}` | {route.summary} | {needed} |"


if __name__ == "__main__":
    print(as_markdown(), end="")  # the command's output
