"""The ledger of claims: what is reserved, by whom; and the decision whether one more fits. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pydantic import Field

from .launch import WorkloadKind
from .model import Model, Timestamp
from .resources import RESOURCE_NAMES, Quota, Resources, total
from .units import format_cpu, format_memory

COUNTED_FOR_PERSON = frozenset({WorkloadKind.NOTEBOOK, WorkloadKind.JOB})
"""Deployments and apps belong to the group and count against the group's quota alone."""


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
    title: str = ""
    """What people call it: a job's name."""


@dataclass(frozen=True, slots=True)
class MachineCapacity:
    """What the engine can run in all, where it knows. The default knows no bound."""

    quota: Quota = field(default_factory=Quota)
    """Against this the claims' requests are counted."""
    gpu_indices: tuple[int, ...] | None = None
    """The machine's GPUs, where the engine hands them out by index."""
    image_types: frozenset[str] = frozenset({"container", "environment"})
    """The types of image source that the engine can run."""
    unprotected: bool = False
    """Whether only platform admins may start anything, since nothing would keep workloads apart."""

    @property
    def bounded(self) -> bool:
        """Whether the engine knows how much it can run."""
        return self.gpu_indices is not None or self.quota != Quota()


class Budget(StrEnum):
    """What a claim is counted against."""

    USER = "user"
    GROUP = "group"
    MACHINE = "machine"


class Holder(Model):
    """Somebody who holds part of what is short. Names are null where the asker may not learn them."""

    user: str | None
    kind: WorkloadKind
    name: str | None
    """A job's id; a notebook server's name."""
    title: str | None = None
    """What people call it, where it has such a name."""
    amount: str
    since: Timestamp


class Reason(Model):
    """One thing that stands against a start."""

    code: str
    """``quota``, ``kept-place``, ``never-fits``, ``unknown-group``, ``image-not-ready``, ..."""
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

    @property
    def sentence(self) -> str:
        """Every reason in one line, for those who can show only text."""
        return " ".join(reason.message for reason in self.reasons)


class UsageLine(Model):
    """What one workload holds of a group's quota."""

    id: str
    """The start's, or the job's."""
    kind: WorkloadKind
    name: str
    user: str
    instance_type: str
    limits: Resources
    since: Timestamp
    ends_at: Timestamp | None = None
    """When it ends by itself at the latest: a job at its timeout, a notebook if nobody uses it; null is not known."""


class Usage(Model):
    """A quota and how much of it is in use."""

    quota: Quota
    used: Resources


class GroupUsage(Model):
    """Who holds what in a group. ``user`` is the asker's own part, null for one who is not a member."""

    group: str
    user: Usage | None
    total: Usage
    holders: tuple[UsageLine, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """A claim as admission sees it."""

    claim: Claim
    visible: bool
    """Whether the asker may learn who holds it."""


@dataclass(frozen=True, slots=True)
class KeptPlace:
    """What is kept of the budgets for a job that waits longer than the one that asks."""

    job_id: str
    user: str
    account_id: str
    group_id: str
    since: datetime
    amounts: Mapping[Budget, Resources]
    visible: bool
    """Whether the asker may learn whose it is."""


def show(resource: str, amount: int) -> str:
    """An amount as people read it: ``0.5 cores``, ``2 GiB``, ``1 GPU``."""
    if resource == "cpu":
        return f"{format_cpu(amount)} {'core' if amount == 1000 else 'cores'}"
    if resource == "memory":
        return format_memory(amount).replace("Gi", " GiB").replace("Mi", " MiB")
    return f"{amount} {'GPU' if amount == 1 else 'GPUs'}"


_PLACES = {
    Budget.USER: "your quota in this group is",
    Budget.GROUP: "the group's quota is",
    Budget.MACHINE: "this machine has",
}
_HELP_NEVER = {
    Budget.USER: "Choose a smaller instance type, or ask a platform admin for a larger quota.",
    Budget.GROUP: "Choose a smaller instance type, or ask a platform admin for a larger quota of the group.",
    Budget.MACHINE: "Choose a smaller instance type.",
}
_HELP_KEPT = "Wait until these jobs have run, or choose a smaller instance type."
_HELP_SHORT = {
    Budget.USER: "Stop something of your own in this group, or choose a smaller instance type.",
    Budget.GROUP: "Ask one of the holders to stop, wait until one ends, or choose a smaller instance type.",
    Budget.MACHINE: "Wait until something on this machine ends, or choose a smaller instance type.",
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
    elsewhere: Resources | None = None,
    kept: Sequence[KeptPlace] = (),
    kept_elsewhere: Resources | None = None,
) -> Decision:
    """Whether a claim of ``limits`` (quotas) and ``requests`` (the machine) fits beside the held ones.

    ``elsewhere`` is what other groups request of the machine, where their claims are not among the held ones;
    ``kept_elsewhere`` is what is kept of it for their jobs, where those are not among the kept places.

    Each budget counts what it is a budget of: the person's quota that person's claims in this group for notebooks
    and jobs, the group's quota every claim in the group, the machine every claim's requests. There is one reason for
    each budget and resource that is short. What takes nothing of a resource is never refused for it.
    """
    in_group = [h for h in held if h.claim.group_id == group_id]
    own = [h for h in in_group if h.claim.account_id == account_id and h.claim.kind in COUNTED_FOR_PERSON]
    checks = [(Budget.GROUP, group_quota, limits, in_group), (Budget.MACHINE, capacity, requests, list(held))]
    if counts_person:
        checks.insert(0, (Budget.USER, user_quota, limits, own))
    reasons: list[Reason] = []
    lines: list[BudgetLine] = []
    for budget, quota, asked, holders in checks:
        used = total(_amounts(budget, h) for h in holders)
        if budget is Budget.MACHINE and elsewhere is not None:
            used = used + elsewhere
        places = [p for p in kept if _draws_on(p, budget, group_id, account_id)]
        away = total(p.amounts[budget] for p in places)
        if budget is Budget.MACHINE and kept_elsewhere is not None:
            away = away + kept_elsewhere
        for resource in RESOURCE_NAMES:
            limit, want, have = getattr(quota, resource), getattr(asked, resource), getattr(used, resource)
            if budget is Budget.MACHINE and limit is None:
                continue
            lines.append(
                BudgetLine(
                    budget=budget,
                    resource=resource,
                    limit=None if limit is None else show(resource, limit),
                    used=show(resource, have),
                    asked=show(resource, want),
                )
            )
            if limit is not None and want > limit:
                reasons.append(_never(budget, resource, limit, have, want))
            elif limit is not None and want > 0 and have + want > limit:
                reasons.append(_short(budget, resource, limit, have, want, holders))
            elif limit is not None and want > 0 and have + getattr(away, resource) + want > limit:
                reasons.append(_kept(budget, resource, limit, have, want, places=places, away=getattr(away, resource)))
    return Decision(
        would_start=not reasons,
        never=any(reason.code == "never-fits" for reason in reasons),
        reasons=tuple(reasons),
        budgets=tuple(lines),
    )


def _draws_on(place: KeptPlace, budget: Budget, group_id: str, account_id: str) -> bool:
    """Whether what is kept of a budget of this kind is kept of the asker's."""
    if budget is Budget.MACHINE:
        return True
    return place.group_id == group_id and (budget is Budget.GROUP or place.account_id == account_id)


def _amounts(budget: Budget, held: Held) -> Resources:
    return held.claim.requests if budget is Budget.MACHINE else held.claim.limits


def _never(budget: Budget, resource: str, limit: int, used: int, asked: int) -> Reason:
    return Reason(
        code="never-fits",
        field="instance_type",
        budget=budget,
        resource=resource,
        message=f"{show(resource, asked)} asked, and {_PLACES[budget]} {show(resource, limit)} in all.",
        limit=show(resource, limit),
        used=show(resource, used),
        asked=show(resource, asked),
        short=show(resource, asked - limit),
        help=_HELP_NEVER[budget],
    )


def _short(budget: Budget, resource: str, limit: int, used: int, asked: int, holders: Iterable[Held]) -> Reason:
    shown = [
        Holder(
            user=h.claim.user if h.visible else None,
            kind=h.claim.kind,
            name=h.claim.server_name if h.visible else None,
            title=(h.claim.title or None) if h.visible else None,
            amount=show(resource, amount),
            since=h.claim.created_at,
        )
        for h in holders
        if (amount := getattr(_amounts(budget, h), resource))
    ]
    message = (
        f"{show(resource, used + asked - limit)} short: {_PLACES[budget]} {show(resource, limit)}, "
        f"{show(resource, used)} in use, {show(resource, asked)} asked."
    )
    return Reason(
        code="quota",
        field="instance_type",
        budget=budget,
        resource=resource,
        message=message,
        limit=show(resource, limit),
        used=show(resource, used),
        asked=show(resource, asked),
        short=show(resource, used + asked - limit),
        holders=tuple(shown),
        help=_HELP_SHORT[budget],
    )


def _kept(
    budget: Budget, resource: str, limit: int, used: int, asked: int, *, places: Sequence[KeptPlace], away: int
) -> Reason:
    shown = [
        Holder(
            user=p.user if p.visible else None,
            kind=WorkloadKind.JOB,
            name=p.job_id if p.visible else None,
            amount=show(resource, amount),
            since=p.since,
        )
        for p in places
        if (amount := getattr(p.amounts[budget], resource))
    ]
    message = (
        f"{show(resource, used + away + asked - limit)} short: {_PLACES[budget]} {show(resource, limit)}, "
        f"{show(resource, used)} in use, {show(resource, away)} kept for jobs that have waited long, "
        f"{show(resource, asked)} asked."
    )
    return Reason(
        code="kept-place",
        field="instance_type",
        budget=budget,
        resource=resource,
        message=message,
        limit=show(resource, limit),
        used=show(resource, used),
        asked=show(resource, asked),
        short=show(resource, used + away + asked - limit),
        holders=tuple(shown),
        help=_HELP_KEPT,
    )
