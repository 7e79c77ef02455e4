"""The arithmetic of admission, and the words of a refusal."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from primehub_services.domain.claims import Budget, Claim, Decision, Held, decide
from primehub_services.domain.launch import WorkloadKind
from primehub_services.domain.resources import RESOURCE_NAMES, Quota, Resources, total
from primehub_services.domain.units import GIB, Bytes, Millicores

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def amounts(cpu: int = 0, memory: int = 0, gpu: int = 0) -> Resources:
    return Resources(cpu=Millicores(cpu), memory=Bytes(memory), gpu=gpu)


def quota(cpu: int | None = None, memory: int | None = None, gpu: int | None = None) -> Quota:
    return Quota(
        cpu=None if cpu is None else Millicores(cpu), memory=None if memory is None else Bytes(memory), gpu=gpu
    )


def claim(
    user: str = "ann", group: str = "g", *, limits: Resources, kind: WorkloadKind = WorkloadKind.NOTEBOOK, **more
):
    return Claim(
        id=f"{user}-{group}-{more.get('server_name', '')}",
        kind=kind,
        user=user,
        server_name=more.get("server_name", ""),
        group=group,
        group_id=group,
        account_id=user,
        instance_type="t",
        limits=limits,
        requests=more.get("requests", limits),
        gpu_indices=more.get("gpu_indices", ()),
        adopted=True,
        created_at=NOW,
    )


def ask(limits: Resources, *held: Claim, requests: Resources | None = None, hidden: str = "", **quotas) -> Decision:
    return decide(
        account_id="ann",
        group_id="g",
        counts_person=quotas.get("counts_person", True),
        limits=limits,
        requests=requests or limits,
        user_quota=quotas.get("user", Quota()),
        group_quota=quotas.get("group", Quota()),
        capacity=quotas.get("capacity", Quota()),
        held=[Held(c, visible=c.group != hidden) for c in held],
    )


def test_without_limits_everything_starts() -> None:
    decision = ask(amounts(1_000_000, 1024 * GIB, 100), claim(limits=amounts(5)))

    assert decision.would_start
    assert {line.budget for line in decision.budgets} == {Budget.USER, Budget.GROUP}


def test_exactly_the_quota_fits_and_a_thousandth_more_does_not() -> None:
    held = claim("bob", limits=amounts(500))

    assert ask(amounts(500), held, group=quota(cpu=1000)).would_start
    decision = ask(amounts(501), held, group=quota(cpu=1000))
    assert not decision.would_start
    (reason,) = decision.reasons
    assert reason.message == "0.001 cores short: the group's quota is 1 core, 0.5 cores in use, 0.501 cores asked."
    assert [(h.user, h.amount) for h in reason.holders] == [("bob", "0.5 cores")]
    assert not decision.never


def test_a_persons_quota_counts_that_persons_notebooks_and_jobs_in_this_group_alone() -> None:
    others = (
        claim("bob", limits=amounts(1000)),
        claim("ann", "other", limits=amounts(1000)),
        claim("ann", limits=amounts(1000), kind=WorkloadKind.APP, server_name="app"),
    )

    assert ask(amounts(1000), *others, user=quota(cpu=1000)).would_start
    assert not ask(amounts(1), claim(limits=amounts(1000)), user=quota(cpu=1000)).would_start
    assert ask(amounts(1), claim(limits=amounts(1000)), user=quota(cpu=1000), counts_person=False).would_start


def test_the_machine_counts_requests_of_every_group_and_hides_names() -> None:
    theirs = claim("eve", "other", limits=amounts(8000), requests=amounts(1000))
    capacity = quota(cpu=2000)

    assert ask(amounts(8000), theirs, requests=amounts(1000), capacity=capacity).would_start
    decision = ask(amounts(8000), theirs, requests=amounts(1500), capacity=capacity, hidden="other")
    (reason,) = decision.reasons
    (holder,) = reason.holders
    assert (reason.budget, reason.short) == (Budget.MACHINE, "0.5 cores")
    assert (holder.user, holder.name, holder.amount) == (None, None, "1 core")


def test_what_can_never_fit_says_so_whatever_is_in_use() -> None:
    decision = ask(amounts(2000, gpu=1), user=quota(cpu=1000, gpu=0), group=quota(cpu=1500))

    assert decision.never
    assert [(r.code, r.budget, r.resource, r.short) for r in decision.reasons] == [
        ("never-fits", Budget.USER, "cpu", "1 core"),
        ("never-fits", Budget.USER, "gpu", "1 GPU"),
        ("never-fits", Budget.GROUP, "cpu", "0.5 cores"),
    ]
    assert decision.reasons[1].message == "1 GPU asked, and your quota in this group is 0 GPUs in all."
    assert all(reason.help for reason in decision.reasons)


def test_one_budget_that_is_short_of_several_things_has_a_reason_for_each() -> None:
    held = claim("bob", limits=amounts(1000, 2 * GIB))
    decision = ask(amounts(1000, 2 * GIB), held, group=quota(cpu=1500, memory=3 * GIB))

    assert [(r.resource, r.short) for r in decision.reasons] == [("cpu", "0.5 cores"), ("memory", "1 GiB")]
    assert decision.sentence.count("short") == 2


def test_who_asks_for_no_gpu_is_not_refused_for_a_gpu_quota_that_is_overdrawn() -> None:
    overdrawn = claim("bob", limits=amounts(gpu=2))

    assert ask(amounts(100), overdrawn, group=quota(gpu=1)).would_start


_amounts = st.builds(amounts, st.integers(0, 3000), st.integers(0, 4).map(lambda n: n * GIB), st.integers(0, 2))
_quota = st.builds(
    quota,
    st.none() | st.integers(0, 4000),
    st.none() | st.integers(0, 6).map(lambda n: n * GIB),
    st.none() | st.integers(0, 3),
)


@given(_amounts, st.lists(st.tuples(st.sampled_from("abc"), _amounts), max_size=5), _quota, _quota)
def test_a_start_is_allowed_exactly_where_every_budget_holds_it(asked, others, group_quota, capacity) -> None:
    held = [claim(user, limits=limits) for user, limits in others]

    decision = ask(asked, *held, group=group_quota, capacity=capacity)

    used = total(c.limits for c in held)

    def fits(budget: Quota) -> bool:
        return all(
            getattr(budget, r) is None
            or getattr(asked, r) == 0
            or getattr(used, r) + getattr(asked, r) <= getattr(budget, r)
            for r in RESOURCE_NAMES
        )

    assert decision.would_start == (fits(group_quota) and fits(capacity))
    assert decision.would_start == (not decision.reasons)


def test_what_other_groups_request_together_counts_against_the_machine_alone() -> None:
    decision = decide(
        account_id="ann",
        group_id="g",
        counts_person=True,
        limits=amounts(1000),
        requests=amounts(1000),
        user_quota=quota(cpu=1000),
        group_quota=quota(cpu=1000),
        capacity=quota(cpu=2000),
        held=[],
        elsewhere=amounts(1500),
    )

    assert [(r.budget, r.short) for r in decision.reasons] == [(Budget.MACHINE, "0.5 cores")]
