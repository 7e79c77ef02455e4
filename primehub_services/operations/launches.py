"""What can be launched in a group, and whether a launch would start: the dry run is the decision itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from ..domain import admission
from ..domain.admission import (
    ImageOption,
    InstanceTypeOption,
    LaunchDefaults,
    LaunchOptions,
    MountOption,
    RunningServer,
    VolumeOption,
)
from ..domain.claims import (
    COUNTED_FOR_PERSON,
    Budget,
    Claim,
    Decision,
    Held,
    KeptPlace,
    MachineCapacity,
    Reason,
    Usage,
    decide,
)
from ..domain.groups import Group
from ..domain.identity import Account, Actor
from ..domain.images import Image
from ..domain.instance_types import InstanceType
from ..domain.jobs import JobSpec
from ..domain.launch import LaunchRequest, Mount
from ..domain.permissions import allowed, require
from ..domain.planning import dataset_mount, home_mount, idle_timeout, is_given, project_mounts
from ..domain.problems import FieldError, Invalid, NotFound, Problem, Refused
from ..domain.resources import Resources, total
from ..domain.system import SystemSettings
from ..domain.volumes import GitSource, Volume
from ..store import claims, groups, instance_types, launchables, notebooks, preferences, queue, settings
from ..store import images as image_store
from ..store.unit_of_work import UnitOfWork

T = TypeVar("T", InstanceType, Image)
_WITH_HOLDERS = frozenset({"quota", "kept-place"})


@dataclass(frozen=True, slots=True)
class Choice:
    """What a request names, found and allowed."""

    account: Account
    group: Group
    instance_type: InstanceType
    image: Image
    gpu_indices: tuple[int, ...] | None
    """The GPUs to give, where the machine hands them out by index."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """The decision about one request, and what to start where it is favourable."""

    decision: Decision
    choice: Choice | None

    def favourable(self) -> Choice:
        """What to start. Raises ``Invalid`` where the request names what is not there, else ``Refused``."""
        if self.choice is None or not self.decision.would_start:
            raise refused(self.decision)
        return self.choice


def refused(decision: Decision) -> Problem:
    """The decision as a problem: every reason with a field is an error of that field."""
    errors = tuple(
        FieldError(field=reason.field, message=reason.message, fix=reason.help)
        for reason in decision.reasons
        if reason.field is not None
    )
    wrong = any(reason.code.startswith(admission.UNKNOWN) for reason in decision.reasons)
    problem = Invalid if wrong else Refused
    return problem(decision.sentence, errors=errors, decision=decision.model_dump(mode="json"))


def refusal(code: str, message: str, *, field: str | None = None, help: str = "") -> Decision:
    """A decision with one reason."""
    return Decision(would_start=False, reasons=(Reason(code=code, field=field, message=message, help=help),))


def check(uow: UnitOfWork, actor: Actor, request: LaunchRequest, capacity: MachineCapacity) -> Decision:
    """Whether the launch would start now, and all that stands against it. Reserves nothing."""
    gate(uow, actor, "launch.check", request.group)
    return assess(uow, actor, request, capacity).decision


def gate(uow: UnitOfWork, actor: Actor, permission: str, reference: str) -> None:
    """Raises where the actor may not launch at all. A group that the actor cannot see is the decision's to refuse."""
    group = _visible_group(uow, actor, reference)
    if group is not None or actor.account is None or not actor.account.enabled:
        group_id = group.id if group is not None else ""
        require(actor, permission, kind="group", name=reference, group_id=group_id, visible=True)


def assess(
    uow: UnitOfWork,
    person: Actor,
    request: LaunchRequest | JobSpec,
    capacity: MachineCapacity,
    *,
    superseding: str | None = None,
) -> Assessment:
    """Decide about a notebook or a job of ``person``. ``superseding`` is a claim that the new one takes the place of.

    Places that are kept in the queue count against it.
    Who acts on the answer holds the ledger's lock from before this call until the claim is written.
    """
    group = _visible_group(uow, person, request.group)
    if group is None or person.account is None:
        return Assessment(_with(admission.unknown("group", request.group)), None)
    return assess_in(uow, person, group, request, capacity, superseding=superseding)


def assess_in(
    uow: UnitOfWork,
    person: Actor,
    group: Group,
    request: LaunchRequest | JobSpec,
    capacity: MachineCapacity,
    *,
    superseding: str | None = None,
    fits: bool = False,
) -> Assessment:
    """``assess``, where the group is known. ``fits`` says that the queue has done the arithmetic already."""
    assert person.account is not None
    if group.id not in person.roles:
        message = f"You are not a member of the group {group.name!r}."
        return Assessment(_with(Reason(code="not-a-member", field="group", message=message)), None)
    instance_type = launchables.instance_type(uow, request.instance_type, group.id)
    image = launchables.image(uow, request.image, group.id)
    reasons: list[Reason] = []
    if instance_type is None:
        reasons.append(admission.unknown("instance_type", request.instance_type))
    if image is None:
        reasons.append(admission.unknown("image", request.image))
    if isinstance(request, LaunchRequest):
        reasons += _in_the_way(uow, person, request.server_name, superseding)
    # the engine starts no job without one, whoever asks
    notebook_of_admin = allowed(person, "platform.admin") and isinstance(request, LaunchRequest)
    if capacity.unprotected and not notebook_of_admin:
        reasons.append(admission.unprotected())
    if instance_type is None or image is None:
        return Assessment(_with(*reasons), None)
    reasons += admission.pair_reasons(instance_type, image, capacity)
    asked = Asked(instance_type.limits, instance_type.requests, superseding)
    budget = Decision(would_start=True) if fits else budgets(uow, person, group, capacity, asked)
    gpus, missing = _gpus(uow, instance_type, capacity, superseding)
    if missing is not None and not any(r.resource == "gpu" for r in budget.reasons):
        reasons.append(missing)
    decision = Decision(
        would_start=not reasons and budget.would_start,
        never=budget.never or any(r.code == "image-needs-gpu" for r in reasons),
        reasons=(*reasons, *budget.reasons),
        budgets=budget.budgets,
        warnings=admission.pair_warnings(instance_type, image),
    )
    return Assessment(decision, Choice(person.account, group, instance_type, image, gpus))


def _with(*reasons: Reason) -> Decision:
    return Decision(would_start=False, reasons=reasons)


def _visible_group(uow: UnitOfWork, actor: Actor, reference: str) -> Group | None:
    row = groups.by_reference(uow, reference)
    if row is None or actor.account is None:
        return None
    if row.id in actor.roles or (actor.account.platform_admin and not actor.is_notebook):
        return groups.to_model(row)
    return None


def may_see(person: Actor, claim: Claim | queue.Kept) -> bool:
    """Whether the person may learn whose a claim or a kept place is."""
    if person.account is None:
        return False
    own = claim.account_id == person.account.id
    if person.is_notebook:  # which reads its owner's part and the sums, not who else is there
        return own
    return own or claim.group_id in person.roles or person.account.platform_admin


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of the budgets. The defaults ask for nothing."""

    limits: Resources = field(default_factory=Resources)
    requests: Resources = field(default_factory=Resources)
    superseding: str | None = None


def budgets(uow: UnitOfWork, person: Actor, group: Group, capacity: MachineCapacity, asked: Asked) -> Decision:
    """The arithmetic. Of other groups only the sums are read, unless a refusal has to show who holds the machine."""
    assert person.account is not None
    account_id = person.account.id

    def decided(group_id: str | None, elsewhere: Resources | None, kept_elsewhere: Resources | None) -> Decision:
        held = claims.held(uow, group_id=group_id)
        return decide(
            account_id=account_id,
            group_id=group.id,
            counts_person=True,
            limits=asked.limits,
            requests=asked.requests,
            user_quota=group.user_quota,
            group_quota=group.group_quota,
            capacity=capacity.quota,
            held=[Held(c, visible=may_see(person, c)) for c in held if c.id != asked.superseding],
            elsewhere=elsewhere,
            kept=[as_seen(person, place) for place in queue.kept(uow, group_id)],
            kept_elsewhere=kept_elsewhere,
        )

    elsewhere = claims.requested_elsewhere(uow, group.id, but=asked.superseding)  # also shown where it is no bound
    decision = decided(group.id, elsewhere, queue.sum_kept(uow, but=group.id) if capacity.bounded else None)
    if any(reason.budget is Budget.MACHINE and reason.code in _WITH_HOLDERS for reason in decision.reasons):
        return decided(None, None, None)
    return decision


def as_seen(person: Actor, place: queue.Kept) -> KeptPlace:
    """A kept place as it counts against a person's request."""
    return KeptPlace(
        job_id=place.job_id,
        user=place.user,
        account_id=place.account_id,
        group_id=place.group_id,
        since=place.queued_at,
        amounts={Budget.USER: place.of_user, Budget.GROUP: place.of_group, Budget.MACHINE: place.of_machine},
        visible=may_see(person, place),
    )


def _gpus(
    uow: UnitOfWork, instance_type: InstanceType, capacity: MachineCapacity, superseding: str | None
) -> tuple[tuple[int, ...] | None, Reason | None]:
    """The GPUs to give, the lowest free ones; or why there are too few."""
    wanted = instance_type.gpu_limit
    if capacity.gpu_indices is None or not wanted:
        return (None if capacity.gpu_indices is None else ()), None
    free = sorted(set(capacity.gpu_indices) - claims.gpus_held(uow, but=superseding))
    if wanted <= len(free):
        return tuple(free[:wanted]), None
    return (), Reason(
        code="quota",
        field="instance_type",
        budget=Budget.MACHINE,
        resource="gpu",
        message=f"{wanted} of this machine's GPUs asked, and {len(free)} of {len(capacity.gpu_indices)} are free.",
        help="Wait until something on this machine ends, or choose a smaller instance type.",
    )


def _in_the_way(uow: UnitOfWork, person: Actor, server_name: str, superseding: str | None) -> list[Reason]:
    assert person.account is not None
    row = claims.of_server(uow, person.account.id, server_name)
    if row is None or row.id == superseding:
        return []
    # a notebook's token may hear of no group but its own
    group = groups.by_id(uow, row.group_id) if row.group_id in person.roles else None
    place = f" in the group {group.name!r}" if group is not None else ""
    return [
        Reason(
            code="already-running",
            field="server_name",
            message=f"Your server is running or starting already{place}.",
            help="Open it, or stop it first.",
        )
    ]


def options(uow: UnitOfWork, actor: Actor, reference: str, capacity: MachineCapacity | None = None) -> LaunchOptions:
    """All that the form of a launch in the group shows to this person.

    Raises ``NotFound`` for a group that the person cannot see.
    """
    capacity = capacity or MachineCapacity()
    group = _visible_group(uow, actor, reference)
    if group is None or actor.account is None:
        raise NotFound.of("group", reference)
    require(actor, "launch.options", kind="group", name=reference, group_id=group.id, visible=True)
    system = settings.load(uow)
    types = instance_types.for_groups(uow, frozenset({group.id}))
    images = image_store.for_groups(uow, frozenset({group.id}))
    in_group = claims.held(uow, group_id=group.id)
    own = [c for c in in_group if c.account_id == actor.account.id and c.kind in COUNTED_FOR_PERSON]
    nothing = budgets(uow, actor, group, capacity, Asked())
    type_options = tuple(
        InstanceTypeOption(
            id=t.id,
            name=t.name,
            slug=t.slug,
            display_name=t.display_name,
            description=t.description,
            limits=t.limits,
            requests=t.requests,
            idle_timeout=idle_timeout(t, group, system),
            disabled=admission.type_disabled(t, group.user_quota, group.group_quota, capacity),
        )
        for t in _by_title(types)
    )
    image_options = tuple(_image_option(i, capacity) for i in _by_title(images))
    people = launchables.groups_of(uow, actor.roles)
    volumes = [v for v in launchables.volumes_of(uow, actor.roles) if is_given(v, group, people)]
    return LaunchOptions(
        group=group.slug,
        instance_types=type_options,
        images=image_options,
        volumes=tuple(_volume_option(volume, group) for volume in volumes),
        mounts=_mount_options(actor.account, system, group, people, volumes),
        user=Usage(quota=group.user_quota, used=total(c.limits for c in own)),
        total=Usage(quota=group.group_quota, used=total(c.limits for c in in_group)),
        budgets=nothing.budgets,
        environment={} if actor.is_notebook else preferences.environment(uow, actor.account.id),
        defaults=_defaults(uow, actor.account, group, type_options, image_options),
        running=_running(uow, actor, actor.account),
    )


def _by_title(things: Sequence[T]) -> list[T]:
    return sorted(things, key=lambda t: ((t.display_name or t.name).casefold(), t.name))


def _image_option(image: Image, capacity: MachineCapacity) -> ImageOption:
    return ImageOption(
        id=image.id,
        name=image.name,
        slug=image.slug,
        display_name=image.display_name,
        description=image.description,
        kind=image.kind,
        group=image.group,
        phase=image.phase,
        progress=image.progress,
        disabled=admission.image_disabled(image, capacity),
    )


def _volume_option(volume: Volume, group: Group) -> VolumeOption:
    return VolumeOption(
        name=volume.name,
        slug=volume.slug,
        display_name=volume.display_name,
        type=volume.source.type,
        writable=_writable(volume, group),
        left_out=volume.message,
    )


def _mount_options(
    account: Account, system: SystemSettings, group: Group, groups: Sequence[Group], volumes: Sequence[Volume]
) -> tuple[MountOption, ...]:
    """The folders of a plan that would be made now, under the names that people know."""
    home, safe = (home_mount(account, system, safe_mode=safe_mode) for safe_mode in (False, True))
    titles = {g.slug: g.display_name or g.name for g in (group, *groups)}
    shown = [v for v in volumes if v.source.type != "env" and not v.message]
    problems = {g.slug: g.folder_problem for g in (group, *groups)}
    found = [(mount, titles[mount.slug], problems[mount.slug]) for mount in project_mounts(group, groups)]
    found += [(dataset_mount(volume, group), volume.display_name or volume.name, "") for volume in shown]
    return (
        _mount_option(home, "", safe.path),
        *(_mount_option(mount, name, mount.path, why) for mount, name, why in found),
    )


def _mount_option(mount: Mount, name: str, safe_mode_path: str, left_out: str = "") -> MountOption:
    return MountOption(
        kind=mount.kind,
        name=name,
        path=mount.path,
        safe_mode_path=safe_mode_path,
        links=mount.links,
        writable=not mount.read_only,
        left_out=left_out,
    )


def _writable(volume: Volume, group: Group) -> bool:
    read_only = isinstance(volume.source, GitSource) or volume.source.type == "env"
    return not read_only and any(e.group == group.slug and e.writable for e in volume.groups)


def _defaults(
    uow: UnitOfWork,
    account: Account,
    group: Group,
    types: Sequence[InstanceTypeOption],
    images: Sequence[ImageOption],
) -> LaunchDefaults:
    last = notebooks.last_in_group(uow, account.id, group.id)
    type_names = [t.name for t in types if not t.disabled]
    chosen_type = last.instance_type if last is not None and last.instance_type in type_names else None
    chosen_type = chosen_type or next(iter(type_names), None)
    with_gpu = any(t.name == chosen_type and t.limits.gpu for t in types)
    image_names = [i.name for i in images if not i.disabled and (with_gpu or i.kind.value != "gpu")]
    chosen_image = last.image if last is not None and last.image in image_names else None
    slugs = {t.name: t.slug for t in types}
    image_slugs = {i.name: i.slug for i in images}
    image = chosen_image or next(iter(image_names), None)
    return LaunchDefaults(
        instance_type=slugs.get(chosen_type) if chosen_type else None,
        image=image_slugs.get(image) if image else None,
    )


def _running(uow: UnitOfWork, actor: Actor, account: Account) -> RunningServer | None:
    row = claims.of_server(uow, account.id, "")
    if row is None or (actor.is_notebook and row.group_id not in actor.roles):
        return None
    group = groups.by_id(uow, row.group_id)
    return RunningServer(id=row.id, group=group.slug if group is not None else "", since=row.created_at)
