"""What can be launched in a group, and what stands against a pair of instance type and image. Pure."""

from __future__ import annotations

from .claims import BudgetLine, MachineCapacity, Reason, Usage, show
from .images import Image, ImageKind, ImagePhase
from .instance_types import InstanceType
from .launch import MountKind
from .model import Model, Timestamp
from .resources import RESOURCE_NAMES, Quota, Resources

UNKNOWN = "unknown-"
"""Begins the codes of reasons that say that a field names nothing the person can use."""


class InstanceTypeOption(Model):
    """An instance type of the form. ``disabled`` says why it can never be started, and is empty where it can."""

    id: str
    name: str
    slug: str
    display_name: str
    description: str
    limits: Resources
    requests: Resources
    idle_timeout: int
    """Seconds; 0 is never."""
    disabled: str = ""


class ImageOption(Model):
    """An image of the form. Whether a pair fits also rests on ``kind``: a gpu image needs a type with a GPU."""

    id: str
    name: str
    slug: str
    display_name: str
    description: str
    kind: ImageKind
    group: str | None
    """Slug of the group that owns it; null is a system image."""
    phase: ImagePhase
    progress: int
    disabled: str = ""


class VolumeOption(Model):
    """A volume that a launch gets; ``left_out`` says why it does not after all."""

    name: str
    slug: str
    display_name: str
    type: str
    writable: bool
    left_out: str = ""


class MountOption(Model):
    """A folder that a launch has."""

    kind: MountKind
    name: str
    """Of the group or the volume it is of; empty for the person's own."""
    path: str
    safe_mode_path: str
    """Where it is in safe mode."""
    links: tuple[str, ...] = ()
    """Paths under which it is seen too."""
    writable: bool
    left_out: str = ""
    """Why a launch goes on without it; empty where it has it."""


class RunningServer(Model):
    """A start of the person's server that is in the way of another."""

    id: str
    group: str
    since: Timestamp


class LaunchDefaults(Model):
    """What the form has chosen when it opens: the last choice in this group where it can still be had."""

    instance_type: str | None
    image: str | None
    safe_mode: bool = False


class LaunchOptions(Model):
    """All that the form of a launch shows."""

    group: str
    instance_types: tuple[InstanceTypeOption, ...]
    images: tuple[ImageOption, ...]
    volumes: tuple[VolumeOption, ...]
    mounts: tuple[MountOption, ...] = ()
    """Every folder of a launch; volumes that are left out are not among them."""
    user: Usage
    total: Usage
    budgets: tuple[BudgetLine, ...]
    """The same numbers in words, and the machine's; ``asked`` is nothing."""
    environment: dict[str, str]
    """The variables set the last time."""
    defaults: LaunchDefaults
    running: RunningServer | None


def type_disabled(instance_type: InstanceType, user: Quota, group: Quota, capacity: MachineCapacity) -> str:
    """Why a type can never be started under these quotas; empty where it can."""
    for place, quota, amounts in (
        ("your quota in this group is", user, instance_type.limits),
        ("the group's quota is", group, instance_type.limits),
        ("this machine has", capacity.quota, instance_type.requests),
    ):
        for resource in RESOURCE_NAMES:
            limit, asked = getattr(quota, resource), getattr(amounts, resource)
            if limit is not None and asked > limit:
                return f"It takes {show(resource, asked)}, and {place} {show(resource, limit)} in all."
    return ""


def image_disabled(image: Image, capacity: MachineCapacity) -> str:
    """Why an image cannot be started now, with any instance type; empty where it can."""
    if image.source.type not in capacity.image_types:
        return f"This platform cannot run images of type {image.source.type}."
    if image.phase is ImagePhase.READY:
        return ""
    if image.phase is ImagePhase.FAILED:
        return f"It could not be built: {image.message}" if image.message else "It could not be built."
    return f"It is not ready yet ({image.progress} %)."


def unprotected() -> Reason:
    """The reason of a machine where no sandbox can run."""
    return Reason(
        code="no-sandbox",
        message="No sandbox can run on this machine, so only platform admins may start notebooks, and no jobs run.",
        help="Ask a platform admin: the health page says what keeps sandboxes from running, and how to mend it.",
    )


def queue_full(user: str, limit: int) -> Reason:
    """The reason of a person who has as many jobs waiting in a group as may be."""
    return Reason(
        code="queue-full",
        field="group",
        message=f"{user} has {limit} jobs waiting in this group, and the setting queue_limit allows no more.",
        help="Wait until some have started, cancel some, or ask a platform admin to raise queue_limit.",
    )


def pair_reasons(instance_type: InstanceType, image: Image, capacity: MachineCapacity) -> tuple[Reason, ...]:
    """What stands against starting this image with this type, quotas apart."""
    reasons = []
    disabled = image_disabled(image, capacity)
    if disabled:
        unsupported = image.source.type not in capacity.image_types
        failed = image.phase is ImagePhase.FAILED
        reasons.append(
            Reason(
                code="image-unsupported" if unsupported else "image-not-ready",
                field="image",
                message=f"The image {image.name!r} cannot be started: {disabled}",
                help="Choose another image." if unsupported or failed else "Wait until it is, or choose another image.",
            )
        )
    if image.kind is ImageKind.GPU and not instance_type.gpu_limit:
        reasons.append(
            Reason(
                code="image-needs-gpu",
                field="image",
                message=f"The image {image.name!r} needs a GPU, and the instance type {instance_type.name!r} has none.",
                help="Choose an instance type with a GPU, or another image.",
            )
        )
    return tuple(reasons)


def pair_warnings(instance_type: InstanceType, image: Image) -> tuple[str, ...]:
    """What speaks against a pair without forbidding it."""
    if instance_type.gpu_limit and image.kind is ImageKind.CPU:
        return (f"The image {image.name!r} may not be optimised for the GPU of {instance_type.name!r}.",)
    return ()


def unknown(field: str, name: str) -> Reason:
    """The reason where a field of the request names nothing that the person can see."""
    what = field.replace("_", " ")
    return Reason(
        code=f"{UNKNOWN}{field.replace('_', '-')}",
        field=field,
        message=f"There is no {what} {name!r} that you can see.",
        help=f"Choose one of the {what}s that the launch options list.",
    )
