"""What is in use in a group, and by whom."""

from __future__ import annotations

from ..domain.claims import COUNTED_FOR_PERSON, GroupUsage, Usage, UsageLine
from ..domain.identity import Actor
from ..domain.launch import WorkloadKind
from ..domain.permissions import require
from ..domain.problems import NotFound
from ..domain.resources import total
from ..store import claims, groups, jobs
from ..store.unit_of_work import UnitOfWork


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
            )
            for c in shown
        ),
    )
