"""The ledger of claims: what is reserved, by whom; and the decision whether one more fits. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import Field

from .launch import WorkloadKind
from .model import Model, Timestamp
from .resources import RESOURCE_NAMES, Quota, Resources, total
from .units import Bytes, Millicores, format_cpu, format_memory


class Claim(Model):
    """Resources reserved for one start of one workload, from before it starts until it is surely gone."""

    id: str
    """The start id."""
    kind: WorkloadKind
    user: str
    server_name: str
    group: str
    group_id: str
    account_id: str
    instance_type: str
    limits: Resources
    requests: Resources
    gpu_indices: tuple[int, ...] = ()
    adopted: bool
    """Whether the spawner has taken it up; before that it lapses after a short wait."""
    created_at: Timestamp


class Budget(StrEnum):
    """What a claim is counted against."""

    USER = "user"
    GROUP = "group"
    MACHINE = "machine"


class Holder(Model):
    """Somebody who holds part of what is short. Only names that the asker may see."""

    user: str
    kind: WorkloadKind
    name: str
    amount: str
    since: Timestamp


class Reason(Model):
    """One thing that stands against a start."""

    code: str
    """``quota``, ``never-fits``, ``unknown-group``, ``image-not-ready``, ..."""
    field: str | None = None
    """The field of the request it is about."""
    budget: Budget | None = None
    resource: str | None = None
    message: str
    limit: str | None = None
    used: str | None = None
    asked: str | None = None
    short: str | None = None
    holders: tuple[Holder, ...] = ()
    help: str = ""
    """What would help."""


class BudgetLine(Model):
    """One budget and one resource: how much there is, is used, and is asked for. Null is no limit."""

    budget: Budget
    resource: str
    limit: str | None
    used: str
    asked: str


class Decision(Model):
    """Whether a launch would start, and if not, why not. The same code answers the dry run and decides."""

    would_start: bool
    never: bool = False
    """No release of anybody's claim would make it start."""
    reasons: tuple[Reason, ...] = ()
    budgets: tuple[BudgetLine, ...] = ()
    warnings: tuple[str, ...] = Field(default=())


@dataclass(frozen=True, slots=True)
class Held:
    """A claim as admission sees it."""

    claim: Claim
    visible: bool
    """Whether the asker may learn who holds it."""


def _show(resource: str, amount: int) -> str:
    if resource == "cpu":
        return f"{format_cpu(amount)} {'core' if amount == 1000 else 'cores'}"
    if resource == "memory":
        return format_memory(amount).replace("Gi", " GiB").replace("Mi", " MiB")
    return f"{amount} {'GPU' if amount == 1 else 'GPUs'}"


_PLACES = {
    Budget.USER: "your quota in this group",
    Budget.GROUP: "the group's quota",
    Budget.MACHINE: "this machine",
}


def decide(
    *,
    account_id: str,
    group_id: str,
    counts_person: bool,
    limits: Resources,
    requests: Resources,
    user_quota: Quota,
    group_quota: Quota,
    capacity: Quota,
    held: Sequence[Held],
) -> Decision:
    """Whether a claim of ``limits`` (quotas) and ``requests`` (the machine) fits beside the held ones.

    Each budget counts what it is a budget of: the person's quota that person's claims in this group for notebooks
    and jobs, the group's quota every claim in the group, the machine every claim's requests.
    """
    in_group = [h for h in held if h.claim.group_id == group_id]
    counted = (WorkloadKind.NOTEBOOK, WorkloadKind.JOB)
    own = [h for h in in_group if h.claim.account_id == account_id and h.claim.kind in counted]
    checks = [(Budget.GROUP, group_quota, limits, in_group), (Budget.MACHINE, capacity, requests, list(held))]
    if counts_person:
        checks.insert(0, (Budget.USER, user_quota, limits, own))
    reasons: list[Reason] = []
    lines: list[BudgetLine] = []
    never = False
    for budget, quota, asked, holders in checks:
        amounts = [h.claim.requests if budget is Budget.MACHINE else h.claim.limits for h in holders]
        used = total(amounts)
        for resource in RESOURCE_NAMES:
            limit, want, have = getattr(quota, resource), getattr(asked, resource), getattr(used, resource)
            if budget is Budget.MACHINE and limit is None:
                continue
            lines.append(
                BudgetLine(
                    budget=budget,
                    resource=resource,
                    limit=None if limit is None else _show(resource, limit),
                    used=_show(resource, have),
                    asked=_show(resource, want),
                )
            )
            if limit is None or want == 0 or have + want <= limit:
                continue
            impossible = want > limit
            never = never or impossible
            reasons.append(_reason(budget, resource, limit, have, want, holders, impossible=impossible))
    return Decision(would_start=not reasons, never=never, reasons=tuple(reasons), budgets=tuple(lines))


def _reason(
    budget: Budget,
    resource: str,
    limit: int,
    used: int,
    asked: int,
    holders: Iterable[Held],
    *,
    impossible: bool,
) -> Reason:
    place = _PLACES[budget]
    short = asked - limit if impossible else used + asked - limit
    numbers = {
        "limit": _show(resource, limit),
        "used": _show(resource, used),
        "asked": _show(resource, asked),
        "short": _show(resource, short),
    }
    if impossible:
        message = f"{numbers['asked']} asked, and {place} is {numbers['limit']} in all."
        if budget is Budget.MACHINE:
            message = f"{numbers['asked']} asked, and {place} has {numbers['limit']} in all."
        return Reason(
            code="never-fits",
            field="instance_type",
            budget=budget,
            resource=resource,
            message=message,
            help="Choose a smaller instance type"
            + ("." if budget is Budget.MACHINE else ", or ask a platform admin for a larger quota."),
            **numbers,
        )
    shown: list[Holder] = []
    for h in holders:
        source = h.claim.requests if budget is Budget.MACHINE else h.claim.limits
        amount = getattr(source, resource)
        if amount and h.visible:
            shown.append(
                Holder(
                    user=h.claim.user,
                    kind=h.claim.kind,
                    name=h.claim.server_name,
                    amount=_show(resource, amount),
                    since=h.claim.created_at,
                )
            )
    message = (
        f"{numbers['short']} short: {place} {'has' if budget is Budget.MACHINE else 'is'} {numbers['limit']}, "
        f"{numbers['used']} in use, {numbers['asked']} asked."
    )
    return Reason(
        code="quota",
        field="instance_type",
        budget=budget,
        resource=resource,
        message=message,
        holders=tuple(shown),
        help="Stop one of the holders, wait until one ends, or choose a smaller instance type.",
        **numbers,
    )


def remaining(quota: Quota, used: Resources) -> Quota:
    """What is left of a quota; never below zero."""
    return Quota(
        cpu=None if quota.cpu is None else Millicores(max(0, quota.cpu - used.cpu)),
        memory=None if quota.memory is None else Bytes(max(0, quota.memory - used.memory)),
        gpu=None if quota.gpu is None else max(0, quota.gpu - used.gpu),
    )
