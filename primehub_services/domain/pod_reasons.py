"""What a cluster says of a pod, in words for people. Pure.

What is not recognised is passed on as the cluster said it: its own words are better than none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .pod_security import PodSecurity
from .quantities import amount
from .units import MIB, format_memory

Json = Mapping[str, Any]

ASK = "Ask your administrator."
_MAY_MORE = "A platform admin can let a group run as root (its pod security, baseline)."
NODE_AWAY = "Its node went away."
_PASSING = re.compile(r"not yet ready to handle request|status unknown for quota")
"""What a quota that was just made says until the cluster has counted."""
_OF_PLACE = frozenset({"FailedScheduling"})
_OF_NODE = frozenset(
    {
        "FailedMount",
        "FailedAttachVolume",
        "FailedMapVolume",
        "FailedCreatePodSandBox",
        "NetworkNotReady",
        "FailedCreatePodContainer",
    }
)
"""Warnings of what a node does before the first container: storage, network, the sandbox."""
SHOWN = 300
"""Characters of the cluster's own words."""


@dataclass(frozen=True, slots=True)
class PodReason:
    """Why a pod does not run, or ended."""

    code: str
    """``quota``, ``pod-security``, ``unschedulable``, ``image``, ``volume``, ``oom``, ``evicted``, ``node``, ..."""
    sentence: str
    help: str = ""
    final: bool = False
    """Whether waiting cannot help."""

    @property
    def text(self) -> str:
        """The sentence, and what would help."""
        return f"{self.sentence} {self.help}".strip()


def refusal(status: int, message: str, allowed: PodSecurity = PodSecurity.RESTRICTED) -> PodReason:
    """Why the API server does not take a pod, a Job or a claim: the message of its ``Status``.

    ``allowed`` is the level of the group that it is for.
    """
    quota = re.search(
        r"exceeded quota: (?P<name>[^,]+), requested: (?P<asked>.+?), used: (?P<used>.+?), limited: (?P<limit>.+)$",
        message,
    )
    if quota is not None:
        sentence = (
            f"The cluster's quota {quota['name']} would be exceeded: "
            f"{_amounts(quota['asked'])} asked, {_amounts(quota['used'])} in use of {_amounts(quota['limit'])}."
        )
        if _exceeds(quota["asked"], quota["limit"]):
            return PodReason("quota", sentence, f"It is more than the quota has in all: choose a smaller size. {ASK}")
        return PodReason(
            "quota", sentence, "It starts as soon as something in this cluster ends, or choose a smaller size."
        )
    if (must := re.search(r"failed quota: (\S+): must specify (.+)$", message)) is not None:
        sentence = f"The cluster's quota {must[1]} wants {must[2]} to be set, and the instance type does not say it."
        return PodReason("quota", sentence, ASK, final=True)
    if (level := re.search(r'violates PodSecurity "([^":]+)[^"]*": (.+)$', message)) is not None:
        return _forbidden(level[1], clip(level[2]), allowed)
    if (size := re.search(r"((?:maximum|minimum) \S+ usage per \S+ is .+?)(?:, but|\.|$)", message)) is not None:
        return PodReason("limit-range", f"The cluster's limits forbid this size: {size[1]}.", ASK, final=True)
    if "being terminated" in message and "namespace" in message:
        return PodReason("namespace", "The platform is being removed from the cluster.", final=True)
    if status == 403 and re.search(r"cannot \w+ resource", message):
        # an API server that has just begun says so of everybody, until it has read who may do what
        return PodReason("rights", f"The platform may not do this in the cluster: {clip(message)}.", ASK)
    if status == 422:
        return PodReason("invalid", f"The cluster does not take it: {clip(message)}.", ASK, final=True)
    if status == 409 or _PASSING.search(message):
        return _not_yet(message)
    return PodReason("refused", f"The cluster refuses it: {clip(message)}.", ASK, final=400 <= status < 500)


def _not_yet(message: str) -> PodReason:
    return PodReason("refused", f"The cluster does not take it yet: {clip(message)}.")


def unschedulable(message: str) -> PodReason:
    """Why the scheduler finds no node, from what it says of all of them together."""
    body = re.sub(r"\s*no new claims to deallocate,?\s*$", "", message.split("preemption:")[0]).strip()
    counted = re.match(r"0/(?P<all>\d+) nodes are available: (?P<parts>.+?)\.?\s*$", body, re.DOTALL)
    if counted is None:
        alone = _of_nodes(body)
        if alone.code == "volume":
            return alone
        return PodReason("unschedulable", f"No node takes it yet: {clip(body)}.")
    found = [_of_nodes(text) for text in _parts(counted["parts"])]
    for reason in found:
        if reason.code == "volume":
            return reason
    words = "; ".join(dict.fromkeys(reason.sentence for reason in found))
    size = any(reason.code == "full" for reason in found)
    return PodReason(
        "unschedulable",
        f"No node of the cluster ({_nodes(int(counted['all']))}) can take it now: {words}.",
        "It starts as soon as something ends, or choose a smaller size." if size else ASK,
    )


def waiting(reason: str, message: str, image: str = "") -> PodReason | None:
    """Why a container has not begun (``state.waiting``); None where nothing is wrong."""
    if reason in ("ContainerCreating", "PodInitializing", ""):
        return None
    if reason in ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"):
        return _image(reason, message, image)
    if reason in ("CreateContainerConfigError", "CreateContainerError", "RunContainerError"):
        return _container(message)
    if reason == "CrashLoopBackOff":
        return PodReason("crash", "It ends again and again as soon as it begins.", "Its log may say why.", final=True)
    return PodReason("waiting", f"It does not begin: {reason}{f', {clip(message)}' if message else ''}.")


def event(reason: str, message: str, allowed: PodSecurity = PodSecurity.RESTRICTED) -> PodReason | None:
    """What a warning among a pod's or a claim's events means; None for one that says nothing to people.

    ``allowed`` is the level of the group that the pod is for.
    """
    if reason == "FailedScheduling":
        return unschedulable(message)
    if reason in ("FailedMount", "FailedAttachVolume", "FailedMapVolume"):
        named = re.search(r'(?:for volume|volumes=\[)\s*"?([\w.-]+)', message)
        what = f"The volume {named[1]}" if named else "A volume"
        if "Multi-Attach error" in message:
            if (users := re.search(r"already used by pod\(s\) (.+)$", message)) is not None:
                sentence = (
                    f"{what} is in use on another node, by {clip(users[1])}, and only one node at a time can have it."
                )
                return PodReason("volume", sentence, "It begins as soon as that has ended.")
            sentence = f"{what} is still held by the node where it was used before, which may not answer."
            return PodReason("volume", sentence, f"It is free once that node answers or is given up. {ASK}")
        return PodReason("volume", f"{what} cannot be mounted yet: {clip(_last(message))}.", ASK)
    if reason == "ProvisioningFailed":
        return PodReason("volume", f"The storage cannot be made: {clip(_last(message))}.", ASK)
    if reason in ("FailedCreatePodSandBox", "NetworkNotReady", "FailedCreatePodContainer"):
        return PodReason("node", f"The node cannot begin it yet: {clip(_last(message))}.")
    if reason == "FailedCreate":
        why = refusal(403, message.partition("forbidden: ")[2] or message, allowed)
        if why.code != "refused" or re.search(r"denied (?:the )?request", message):
            return why
        # a webhook that is away, a conflict: the cluster tries again by itself
        return _not_yet(message.removeprefix("Error creating: "))
    if reason == "Evicted":
        return ended("Evicted", message)
    if reason == "NodeNotReady":
        return PodReason("node", "The node that it runs on does not answer.")
    return None


def ended(reason: str, message: str = "", code: int | None = None) -> PodReason | None:
    """Why a pod or container ended before it should; None where it simply ended."""
    if reason == "OOMKilled":
        return PodReason("oom", "It used more memory than its instance type has.", "Choose a larger one.", final=True)
    if reason == "Evicted" and (disk := _disk(message)) is not None:
        return disk
    if reason == "Evicted":
        return PodReason(
            "evicted", f"Its node had to end it: {clip(message) or 'it was short of something'}.", final=True
        )
    if reason == "DeadlineExceeded":
        return PodReason("timeout", "It took longer than it may.", final=True)
    if reason in ("NodeLost", "NodeShutdown", "Terminated", "PreemptionByScheduler", "DeletionByTaintManager"):
        return PodReason("node", NODE_AWAY, final=True)
    if reason in ("UnexpectedAdmissionError", "OutOfcpu", "OutOfmemory", "OutOfpods", "NodeAffinity"):
        return PodReason("node", f"Its node could not take it after all: {clip(message) or reason}.", final=True)
    if reason in ("StartError", "ContainerCannotRun"):
        return _container(message)
    if code:
        return PodReason("exit", f"It ended with code {code}.", "Its log may say why.", final=True)
    return None


def of_pod(pod: Json, warnings: Sequence[Json] = ()) -> PodReason | None:
    """Why this pod does not run yet, or ended: its status first, then its newest warning; None where nothing is wrong.

    As the API has them, in JSON's names. ``warnings``: its events, the oldest first.
    """
    status = pod.get("status") or {}
    if status.get("phase") == "Failed" and (found := ended(status.get("reason", ""), status.get("message", ""))):
        return found
    if _condition(status, "PodScheduled").get("reason") == "Unschedulable":
        return unschedulable(_condition(status, "PodScheduled").get("message", ""))
    for container in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
        state = container.get("state") or {}
        if held := state.get("waiting"):
            found = waiting(held.get("reason", ""), held.get("message", ""), container.get("image", ""))
        elif over := state.get("terminated"):
            found = ended(over.get("reason", ""), over.get("message", ""), over.get("exitCode"))
        else:
            found = None
        if found is not None:
            return found
    if status.get("phase") == "Pending":
        for warning in reversed(still(pod, warnings)):
            if warning.get("type") == "Warning" and (
                found := event(warning.get("reason", ""), warning.get("message", ""))
            ):
                return found
    return None


def still(pod: Json, warnings: Sequence[Json]) -> list[Json]:
    """The warnings of a pod that may still be so: a cluster keeps them for an hour, also those of what has come right."""
    past: frozenset[str] = _OF_PLACE if (pod.get("spec") or {}).get("nodeName") else frozenset()
    if _has_sandbox(pod.get("status") or {}):
        past |= _OF_NODE
    return [warning for warning in warnings if warning.get("reason") not in past]


def _has_sandbox(status: Json) -> bool:
    """Whether its node has all that its containers begin with, and no more than their images is missing."""
    began = any("waiting" not in (c.get("state") or {"waiting": {}}) for c in status.get("initContainerStatuses") or ())
    return began or _condition(status, "PodReadyToStartContainers").get("status") == "True"


def has_place(node: str) -> str:
    """That the scheduler has found a node."""
    return f"A place is found{f' on the node {node}' if node else ''}."


def fetches(image: str) -> str:
    """That its node gets the image, which may take long: nothing is wrong."""
    return f"The node fetches the image {image}."


def preparing(pod: Json, container: str) -> str:
    """What the node of a pod does before this container begins, where nothing is wrong."""
    spec = pod.get("spec") or {}
    if not _has_sandbox(pod.get("status") or {}) or _init_waits(pod):
        return has_place(str(spec.get("nodeName") or ""))
    found: Json = next((c for c in spec.get("containers") or () if c.get("name") == container), {})
    return fetches(str(found.get("image") or ""))


def _init_waits(pod: Json) -> bool:
    """Whether a container that goes before the others has not begun."""
    found = (pod.get("status") or {}).get("initContainerStatuses") or ()
    return any("waiting" in (status.get("state") or {"waiting": {}}) for status in found)


def missing_claim(name: str, *, made_by_us: bool) -> PodReason:
    """That a claim is not there."""
    return PodReason("volume", f"its claim {name} is not in the cluster", "" if made_by_us else ASK, final=True)


def _condition(status: Json, kind: str) -> Json:
    return next((c for c in status.get("conditions", ()) if c.get("type") == kind), {})


_NODES = (
    (r"Insufficient (?P<what>\S+)", "full", "{n} too little free {what}"),
    (r"Too many pods", "full", "{n} as many pods as may be there"),
    (r"node\(s\) had untolerated taints?(?:\(s\))? ?(?P<what>\{.*\})?", "placement", "{n} kept for something else {what}"),
    (r"node\(s\) didn't match Pod's node affinity/selector", "placement", "{n} without the labels that the instance type asks for"),
    (r"node\(s\) didn't match pod (?:anti-)?affinity.*", "placement", "{n} not beside what else runs there"),
    (r"node\(s\) were unschedulable", "placement", "{n} closed for new work"),
    (r"node\(s\) (?:had volume node affinity conflict|didn't match PersistentVolume's node affinity)", "placement", "{n} where its storage is not"),
    (r"node\(s\) unavailable due to PersistentVolumeClaim with ReadWriteOncePod .*", "placement", "{n} where another pod has its storage for itself"),
    (r"node\(s\) didn't find available persistent volumes to bind", "volume-none", "{n} without a volume to bind"),
    (r"node\(s\) exceed max volume count", "full", "{n} with as many volumes as it may have"),
)  # fmt: skip
_SCRATCH = {"tmp": "/tmp", "home": "its home folder", "scratch-home": "its home folder"}
_RESOURCES = {"cpu": "CPU", "memory": "memory", "ephemeral-storage": "disk space", "nvidia.com/gpu": "GPUs"}


def _of_nodes(text: str) -> PodReason:
    """What is said of some of the nodes: ``3 Insufficient cpu``."""
    if (claim := re.search(r'persistentvolumeclaim "([^"]+)" not found', text)) is not None:
        return _no_claim(claim[1])
    if (claim := re.search(r'persistentvolumeclaim "([^"]+)" is being deleted', text)) is not None:
        return PodReason("volume", f"The claim {claim[1]} of one of its volumes is being deleted.", ASK)
    if "unbound immediate PersistentVolumeClaims" in text:
        return PodReason("volume", "One of its volumes is not bound to storage yet.", ASK)
    if (claim := re.search(r'persistentvolumeclaim "([^"]+)" bound to non-existent', text)) is not None:
        return PodReason("volume", f"The storage behind the claim {claim[1]} is gone.", ASK)
    counted = re.match(r"(?P<n>\d+) (?P<rest>.+)$", text)
    number, rest = (int(counted["n"]), counted["rest"]) if counted else (0, text)
    for pattern, code, words in _NODES:
        if (match := re.fullmatch(pattern, rest)) is not None:
            what = match.groupdict().get("what") or ""
            verb = "has" if code == "full" else "is"
            many = "have" if code == "full" else "are"
            start = f"{_nodes(number)} {verb if number == 1 else many}" if number else verb
            return PodReason(code, words.format(n=start, what=_RESOURCES.get(what, what)).strip())
    return PodReason("other", clip(text))


def _no_claim(name: str) -> PodReason:
    return PodReason("volume", f"The claim {name} of one of its volumes is not in the cluster.", ASK)


def _parts(text: str) -> list[str]:
    """The scheduler's list, whose commas may also be inside braces."""
    return [part.strip() for part in re.split(r",\s*(?=\d+ |persistentvolumeclaim|pod has)", text) if part.strip()]


def _nodes(number: int) -> str:
    return "1 node" if number == 1 else f"{number} nodes"


def _image(reason: str, message: str, image: str) -> PodReason:
    name = f"The image {image}" if image else "The image"
    low = message.lower()
    if reason == "InvalidImageName":
        return PodReason(
            "image", f"{name} has a name that cannot be one.", "Its administrator has to mend it.", final=True
        )
    if reason == "ErrImageNeverPull":
        return PodReason("image", f"{name} is not on the node, and may not be pulled.", ASK, final=True)
    if any(words in low for words in ("unauthorized", "denied", "authentication required", "forbidden", "401", "403")):
        return PodReason("image", f"The registry does not give {image or 'the image'} away.", "Check its pull secret.")
    if any(words in low for words in ("not found", "manifest unknown")):
        return PodReason("image", f"{name} is not in its registry.", "Check its name and tag.")
    if any(words in low for words in ("no such host", "connection refused", "timeout", "i/o timeout", "unreachable")):
        return PodReason("image", f"The registry of {image or 'the image'} does not answer; it is tried again.")
    if "no space left" in low:
        return PodReason("image", f"The node has no room for {image or 'the image'}.", ASK)
    if reason == "ImagePullBackOff" and "Back-off" in message and ":" not in message.removeprefix("Back-off"):
        return PodReason("image", f"{name} could not be pulled; it is tried again.", "Check its name and pull secret.")
    return PodReason("image", f"{name} cannot be pulled: {clip(_last(message))}.", "Check its name and pull secret.")


def _container(message: str) -> PodReason:
    if (missing := re.search(r'(secret|configmap) "([^"]+)" not found', message)) is not None:
        return PodReason("missing", f"The {missing[1]} {missing[2]} that it needs is not in the cluster.", ASK)
    if "run as non-root" in message or "runAsNonRoot" in message:
        sentence = "The image wants to run as root, which the group may not do."
        return PodReason("pod-security", sentence, f"Choose another image. {_MAY_MORE}", final=True)
    if "executable file not found" in message or "no such file or directory" in message:
        return PodReason("image", f"The image lacks a program that is needed: {clip(_last(message))}.", final=True)
    return PodReason("container", f"The node cannot begin it: {clip(_last(message))}.")


def _forbidden(level: str, words: str, allowed: PodSecurity) -> PodReason:
    """What Pod Security says: of the namespace's own level, or that it is below the one that a group was given."""
    if level == PodSecurity.RESTRICTED and allowed is not PodSecurity.RESTRICTED:
        sentence = (
            f"The group may have more ({allowed.value}) than the cluster lets the platform's namespace give "
            f"({level}): {words}."
        )
        help_ = f"Ask your administrator: the namespace has to enforce {allowed.value}, or the group be {level}."
        return PodReason("pod-security", sentence, help_, final=True)
    return PodReason("pod-security", f"The cluster's security level ({level}) forbids it: {words}.", ASK, final=True)


def _disk(message: str) -> PodReason | None:
    """Why a node ended a pod for what it had written to the node's own disk."""
    help_ = "Keep large files in the home folder, the group folder or a volume, and write less beside them."
    folder = re.search(r'EmptyDir volume "([^"]+)" exceeds the limit "([^"]+)"', message)
    if folder is not None:
        where = _SCRATCH.get(folder[1], "one of its folders")
        return PodReason("disk", f"It put more than {folder[2]} into {where}, which is not kept.", help_, final=True)
    whole = re.search(
        r'ephemeral local storage usage exceeds the total limit of containers ([^\s"]+?)\.?(?:\s|$)', message
    )
    one = re.search(r'exceeded its local ephemeral storage limit "([^"]+)"', message)
    if found := whole or one:
        sentence = f"It wrote more than the {found[1]} that it may to its node's disk."
        return PodReason("disk", sentence, help_, final=True)
    if "low on resource: ephemeral-storage" in message:
        return PodReason("evicted", "Its node had to end it: the node's disk was nearly full.", final=True)
    return None


def _exceeds(asked: str, limits: str) -> bool:
    """Whether more of anything is asked than a quota has in all."""
    most = dict(part.split("=", 1) for part in limits.split(",") if "=" in part)
    wanted = (part.partition("=") for part in asked.split(","))
    return any(amount(value) > amount(most[name]) for name, _, value in wanted if name in most)


def _amounts(text: str) -> str:
    """``requests.cpu=1,limits.memory=2Gi`` as words."""
    pairs = [part.partition("=") for part in text.split(",")]
    return ", ".join(f"{_amount(name, value)} {_resource(name)}" for name, _, value in pairs)


def _amount(name: str, value: str) -> str:
    """Memory that is told in bytes, in larger units."""
    return format_memory(int(value)) if "memory" in name and value.isdigit() and int(value) >= MIB else value


def _resource(name: str) -> str:
    kind, _, resource = name.partition(".")
    if kind in ("requests", "limits"):
        return f"{_RESOURCES.get(resource, resource)} ({kind})"
    return _RESOURCES.get(name, name)


def _last(message: str) -> str:
    """The end of a chain of errors, where its cause is."""
    text = message.strip()
    for marker in ("desc = ", "rpc error: "):
        text = text.rpartition(marker)[2] if marker in text else text
    return text


def clip(text: str) -> str:
    """The cluster's own words, as many as are shown, without their full stop."""
    text = " ".join(text.split()).rstrip(".")
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def moment(text: object) -> datetime | None:
    """A cluster's moment; None where there is none. An annotation is anybody's to change."""
    try:
        return datetime.fromisoformat(str(text or "")).astimezone(UTC)
    except ValueError:
        return None


def told_at(event: Json) -> str:
    """By which events are put in order."""
    made = (event.get("metadata") or {}).get("creationTimestamp")
    return str(event.get("lastTimestamp") or event.get("eventTime") or made or "")
