"""What each service and each person may ask of the hub: one table, also printed for the documentation.

``python -m hub_config.roles`` prints it as Markdown. Who may do what in PrimeHub itself is ``domain.permissions``;
the hub's custom scopes here are only the outer limit of a token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from primehub_services.domain.permissions import PERMISSIONS, PERSON_SCOPES, SCOPE_DESCRIPTIONS, Rule, Scope

PRIMEHUB = "primehub"
SPAWNER = "primehub-spawner"
AUTHENTICATOR = "primehub-authenticator"
CULLER = "primehub-idle-culler"
GATEWAY = "primehub-gateway"
METRICS = "primehub-metrics"

ACCESS = f"access:services!service={PRIMEHUB}"
ACCESS_GATEWAY = f"access:services!service={GATEWAY}"


@dataclass(frozen=True, slots=True)
class ServiceRole:
    """One service of the platform and all that its token may do."""

    service: str
    description: str
    scopes: Mapping[str, str]
    """Scope to the reason why the service has it."""


SERVICE_ROLES: tuple[ServiceRole, ...] = (
    ServiceRole(
        PRIMEHUB,
        "API, portal and controllers",
        {
            "list:users": "find the servers of everyone",
            "read:users": "see who is in which of the hub's groups",
            "read:servers": "compare servers with claims",
            "start:servers": "start a notebook that was asked for",
            "delete:servers": "stop a notebook; end those of somebody who has left",
            "tokens": "revoke the tokens of somebody who has left",
            "admin:users": "make the hub's user of an account, remove it",
            "admin:groups": "keep the hub's groups a copy of PrimeHub's",
        },
    ),
    ServiceRole(SPAWNER, "The spawner, inside the hub", {Scope.CLAIMS: "claim and release quota"}),
    ServiceRole(AUTHENTICATOR, "The sign-in, inside the hub", {Scope.ACCOUNTS: "check sign-ins, read memberships"}),
    ServiceRole(
        CULLER,
        "Stops idle notebooks",
        {
            "list:users": "find everyone with a server",
            "read:users:activity": "see when a server was last used",
            "read:servers": "see which servers are ready",
            "delete:servers": "stop an idle one",
            Scope.CULLING: "ask PrimeHub which ones are idle for too long",
        },
    ),
    ServiceRole(GATEWAY, "The data plane of models and apps", {Scope.ROUTES: "read which routes there are"}),
    ServiceRole(METRICS, "Prometheus", {"read:metrics": "read the hub's numbers"}),
)

NOTEBOOK_SCOPES = ("users:activity!user", "access:servers!server")
"""A notebook's token before the spawner narrows it to the launch group."""

PORTAL_SCOPES = (*(scope.value for scope in PERSON_SCOPES), "tokens!user", "read:users!user", ACCESS)
"""What the portal may do in a person's name, at most what that person may."""

GATEWAY_SCOPES = (Scope.READ.value, ACCESS, ACCESS_GATEWAY)
"""What the gateway may do in a person's name: ask the API in which groups they are."""


def custom_scopes() -> dict[str, dict[str, str]]:
    """The scopes that PrimeHub adds to the hub's own."""
    return {scope.value: {"description": text} for scope, text in SCOPE_DESCRIPTIONS.items()}


def extra_user_scopes() -> set[str]:
    """What every person holds beside the hub's own ``user`` role."""
    return {scope.value for scope in PERSON_SCOPES} | {ACCESS, ACCESS_GATEWAY}


def load_roles() -> list[dict[str, Any]]:
    """One role for each service, with that service as its only holder."""
    return [
        {
            "name": role.service,
            "description": role.description,
            "scopes": [str(scope) for scope in role.scopes],
            "services": [role.service],
        }
        for role in SERVICE_ROLES
    ]


INVITE_NOTE = "\\* Members too, with `custom:primehub:write`, where the system settings let members invite."
"""A setting widens this permission; ``operations.invitations.may_invite`` asks for it."""
_WRITES = (
    f"Where the scope is `{Scope.WRITE.value}`, a group admin needs `{Scope.GROUP_ADMIN.value}` too, and a platform",
    f"admin `{Scope.ADMIN.value}`, unless the thing is their own.",
)


def as_markdown() -> str:
    """The tables for the documentation."""
    lines = ["# Who may do what", "", "Made by `python -m hub_config.roles`; the tables are the code's own.", ""]
    lines += ["## Services", "", "| service | scope | why |", "|---|---|---|"]
    lines += [f"| `{r.service}` | `{scope}` | {why} |" for r in SERVICE_ROLES for scope, why in r.scopes.items()]
    lines += ["", "## People", "", "| scope | what it lets a token do |", "|---|---|"]
    lines += [f"| `{scope.value}` | {SCOPE_DESCRIPTIONS[scope]} |" for scope in PERSON_SCOPES]
    lines += [f"| `{ACCESS}` | Open the portal and the API |"]
    lines += [f"| `{ACCESS_GATEWAY}` | Open what a group has deployed |"]
    lines += ["", "## Permissions", "", *_WRITES, "", "| permission | scope | who |", "|---|---|---|"]
    lines += [f"| `{name}` | `{rule.scope.value}` | {_who(name, rule)} |" for name, rule in PERMISSIONS.items()]
    lines += ["", INVITE_NOTE]
    return "\n".join(lines) + "\n"


def _who(name: str, rule: Rule) -> str:
    return ", ".join(sorted(r.value for r in rule.relations)) + (" \\*" if name == "group.invite" else "")


if __name__ == "__main__":
    print(as_markdown(), end="")  # the command's output
