"""What is in use in a group, and by whom; and in all of them."""

from __future__ import annotations

from ..domain.claims import COUNTED_FOR_PERSON, GroupUsage, Usage, UsageLine
from ..domain.identity import Actor
from ..domain.launch import WorkloadKind
from ..domain.overview import GroupOverview, PlatformOverview
from ..domain.permissions import require
from ..domain.problems import NotFound
from ..domain.resources import total
from ..store import claims, groups, jobs, notebooks, overview, queue_places
from ..store import platform as platform_store
from ..store.unit_of_work import UnitOfWork


def platform(uow: UnitOfWork, actor: Actor) -> PlatformOverview:
    """Every group with what it has in use, how many hold it, and how many jobs wait for it."""
    require(actor, "platform.admin")
    held, waiting, people = overview.holdings(uow), overview.waiting(uow), overview.people(uow)
    nothing = overview.Holding()
    found = []
    for row in groups.every(uow):
        holding = held.get(row.id, nothing)
        found.append(
            GroupOverview(
                group=row.slug,
                display_name=row.display_name,
                people=people.get(row.id, 0),
                notebooks=holding.counts.get(WorkloadKind.NOTEBOOK, 0),
                jobs=holding.counts.get(WorkloadKind.JOB, 0),
                waiting=waiting.get(row.id, 0),
                total=Usage(quota=groups.to_model(row).group_quota, used=holding.used),
            )
        )
    return PlatformOverview(groups=tuple(found), people=platform_store.people_and_groups(uow)["accounts"])


def group(uow: UnitOfWork, actor: Actor, reference: str) -> GroupUsage:
    """Quotas, what is used of them, and every holder. Raises ``NotFound`` for a group the actor cannot see."""
    row = groups.by_reference(uow, reference)
    if row is None:
        raise NotFound.of("group", reference)
    require(actor, "group.usage", kind="group", name=reference, group_id=row.id)
    model = groups.to_model(row)
    held = claims.held(uow, group_id=row.id)
    own = None
    if actor.account is not None and row.id in actor.roles:
        mine = [c for c in held if c.account_id == actor.account.id and c.kind in COUNTED_FOR_PERSON]
        own = Usage(quota=model.user_quota, used=total(c.limits for c in mine))
    # a notebook's own token reads its owner's part and the sums, not who else is there
    shown = [c for c in held if not actor.is_notebook or (actor.account and c.account_id == actor.account.id)]
    names = jobs.names(uow, [c.server_name for c in shown if c.kind is WorkloadKind.JOB])
    ids = [c.id for c in shown]
    ends = {**queue_places.latest_ends(uow, ids), **notebooks.deadlines(uow, ids)}
    return GroupUsage(
        group=model.slug,
        user=own,
        total=Usage(quota=model.group_quota, used=total(c.limits for c in held)),
        holders=tuple(
            UsageLine(
                id=c.server_name if c.kind is WorkloadKind.JOB else c.id,
                kind=c.kind,
                name=names.get(c.server_name, c.server_name),
                user=c.user,
                instance_type=c.instance_type,
                limits=c.limits,
                since=c.created_at,
                ends_at=ends.get(c.id),
            )
            for c in shown
        ),
    )
