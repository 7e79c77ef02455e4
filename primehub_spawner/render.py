"""From a LaunchPlan and the API's answers to what a spawner needs. Pure."""

from __future__ import annotations

from html import escape
from typing import Any

from pydantic import ValidationError

from primehub_services.client.base import ApiProblem, read_as
from primehub_services.domain.claims import Decision, Holder
from primehub_services.domain.permissions import Scope

OPTION_TYPES: dict[str, type] = {
    "group": str,
    "instance_type": str,
    "image": str,
    "safe_mode": bool,
    "start_id": str,
}
"""All that ``user_options`` may hold: names, never values. They are kept, and seen by whoever may read servers."""

API_AWAY = (
    "PrimeHub's API does not answer just now, so nothing can start. Notebooks that run keep running. "
    "Try again in a few seconds; if it lasts, tell your administrator."
)


class OptionError(ValueError):
    """The options of a start are not ones that PrimeHub knows."""


def checked_options(options: Any) -> dict[str, Any]:
    """The options, if every one is known and of its type. Raises ``OptionError`` naming the wrong one."""
    if not isinstance(options, dict):
        msg = "user_options must be an object"
        raise OptionError(msg)
    for name, value in options.items():
        wanted = OPTION_TYPES.get(str(name))
        if wanted is None:
            msg = f"user_options.{str(name)[:40]} is not known; use {', '.join(OPTION_TYPES)}"
            raise OptionError(msg)
        if not isinstance(value, wanted) or (isinstance(value, str) and len(value) > 63):
            msg = f"user_options.{name} must be {'true or false' if wanted is bool else 'a text of at most 63 characters'}"
            raise OptionError(msg)
    return dict(options)


def known_options(options: Any) -> dict[str, Any]:
    """What may be kept of any options at all."""
    kept: dict[str, Any] = {}
    for name, value in options.items() if isinstance(options, dict) else ():
        try:
            kept |= checked_options({name: value})
        except OptionError:
            continue
    return kept


def notebook_scopes(user: str, server_name: str, group: str) -> set[str]:
    """All that the token of one start of a notebook may do. ``group`` is the launch group's slug."""
    server = f"{user}/{server_name}"
    return {
        f"users:activity!user={user}",
        f"access:servers!server={server}",
        f"{Scope.NOTEBOOK.value}!group={group}",
        f"{Scope.NOTEBOOK.value}!server={server}",
    }


def refusal_lines(problem: ApiProblem) -> list[str]:
    """Why nothing starts: each reason with its numbers, who holds what is short, and what would help."""
    decision = decision_of(problem)
    lines = []
    for reason in decision.reasons if decision else ():
        lines.append(reason.message)
        if reason.holders:
            lines.append(f"Held by {', '.join(_holder(holder) for holder in reason.holders)}.")
        if reason.help:
            lines.append(reason.help)
    lines += [f"{e.field}: {e.message}. {e.fix}".rstrip(" .") + "." for e in problem.errors if not lines]
    unique = list(dict.fromkeys(lines))
    return unique or [problem.detail]


def refusal_text(problem: ApiProblem) -> str:
    """The refusal in one paragraph, for the API and the log."""
    return " ".join(refusal_lines(problem))


def refusal_html(problem: ApiProblem, portal_url: str) -> str:
    """The refusal for the hub's pages; everything that came from outside is escaped."""
    lines = "<br>".join(escape(line) for line in refusal_lines(problem))
    return f'{lines}<br><a href="{escape(portal_url, quote=True)}">Choose in PrimeHub</a>'


def refusal_reason(problem: ApiProblem) -> str:
    """A short label for the hub's metrics."""
    decision = decision_of(problem)
    if decision and decision.reasons:
        return decision.reasons[0].code
    return problem.code


def decision_of(problem: ApiProblem) -> Decision | None:
    """The structured decision in a refusal, where there is one."""
    try:
        decision: Decision = read_as(Decision, problem.body["decision"])
    except (KeyError, ValidationError):
        return None
    return decision


def _holder(holder: Holder) -> str:
    name = f" {holder.name}" if holder.name else ""
    return f"{holder.user} ({holder.kind.value}{name}, {holder.amount})"
