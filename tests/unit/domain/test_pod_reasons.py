"""What a cluster says, in words for people. The messages are those of Kubernetes 1.34 and containerd."""

from __future__ import annotations

from typing import Any

import pytest

from primehub_services.domain.pod_reasons import PodReason, ended, event, of_pod, refusal, unschedulable, waiting
from primehub_services.domain.pod_security import PodSecurity

PREEMPTION = (
    " no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
)


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (
            f"0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory.{PREEMPTION}",
            "No node of the cluster (1 node) can take it now: "
            "1 node has too little free CPU; 1 node has too little free memory.",
        ),
        (
            f"0/3 nodes are available: 3 Insufficient nvidia.com/gpu.{PREEMPTION}",
            "No node of the cluster (3 nodes) can take it now: 3 nodes have too little free GPUs.",
        ),
        (
            f"0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.{PREEMPTION}",
            "No node of the cluster (1 node) can take it now: "
            "1 node is without the labels that the instance type asks for.",
        ),
        (
            f"0/2 nodes are available: 1 Too many pods, 1 node(s) had untolerated taint {{gpu: only, really}}.{PREEMPTION}",
            "No node of the cluster (2 nodes) can take it now: 1 node has as many pods as may be there; "
            "1 node is kept for something else {gpu: only, really}.",
        ),
        (
            '0/1 nodes are available: persistentvolumeclaim "nothere" not found. not found',
            "The claim nothere of one of its volumes is not in the cluster.",
        ),
        (
            "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found",
            "One of its volumes is not bound to storage yet.",
        ),
        ("0/4 nodes are available: 4 moons in the wrong phase.", "No node of the cluster (4 nodes) can take it now: 4 moons in the wrong phase."),
        (
            f"0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match PersistentVolume's node affinity.{PREEMPTION}",
            "No node of the cluster (2 nodes) can take it now: 1 node has too little free CPU; 1 node is where its storage is not.",
        ),
        (
            "0/1 nodes are available: 1 node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already "
            f"in-use by another pod.{PREEMPTION}",
            "No node of the cluster (1 node) can take it now: 1 node is where another pod has its storage for itself.",
        ),
        ("something new", "No node takes it yet: something new."),
    ],
)  # fmt: skip
def test_what_the_scheduler_says(message: str, sentence: str) -> None:
    assert unschedulable(message).sentence == sentence


@pytest.mark.parametrize(
    ("status", "message", "code", "sentence"),
    [
        (
            403,
            'pods "q1" is forbidden: exceeded quota: team, requested: limits.memory=9663676416,requests.cpu=5, '
            "used: limits.memory=0,requests.cpu=0, limited: limits.memory=1Gi,requests.cpu=1",
            "quota",
            "The cluster's quota team would be exceeded: 9Gi memory (limits), 5 CPU (requests) asked, "
            "0 memory (limits), 0 CPU (requests) in use of 1Gi memory (limits), 1 CPU (requests).",
        ),
        (
            403,
            'pods "a" is forbidden: failed quota: q: must specify limits.memory for: a; requests.cpu for: a',
            "quota",
            "The cluster's quota q wants limits.memory for: a; requests.cpu for: a to be set, "
            "and the instance type does not say it.",
        ),
        (
            403,
            'pods "q1" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false',
            "pod-security",
            "The cluster's security level (restricted) forbids it: allowPrivilegeEscalation != false.",
        ),
        (
            403,
            'pods "a" is forbidden: maximum cpu usage per Container is 1, but limit is 2',
            "limit-range",
            "The cluster's limits forbid this size: maximum cpu usage per Container is 1.",
        ),
        (
            403,
            'pods is forbidden: User "system:serviceaccount:a:b" cannot create resource "pods"',
            "rights",
            'The platform may not do this in the cluster: pods is forbidden: User "system:serviceaccount:a:b" '
            'cannot create resource "pods".',
        ),
        (422, "metadata.name: Invalid value", "invalid", "The cluster does not take it: metadata.name: Invalid value."),
    ],
)
def test_why_the_cluster_refuses(status: int, message: str, code: str, sentence: str) -> None:
    reason = refusal(status, message)
    assert (reason.code, reason.sentence) == (code, sentence)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (409, 'Operation cannot be fulfilled on resourcequotas "q": the object has been modified'),
        (403, 'jobs.batch "a" is forbidden: not yet ready to handle request'),
        (403, 'jobs.batch "a" is forbidden: status unknown for quota: q, resources: count/jobs.batch'),
    ],
)
def test_what_the_cluster_takes_a_moment_later_is_no_refusal_for_good(status: int, message: str) -> None:
    reason = refusal(status, message)
    assert (reason.code, reason.final) == ("refused", False)
    assert reason.text == f"The cluster does not take it yet: {message}."


@pytest.mark.parametrize(
    ("asked", "limit", "never"),
    [
        ("limits.memory=512Mi", "100Mi", True),
        ("limits.memory=536870912", "512Mi", False),
        ("limits.memory=512Mi", "1G", False),
        ("limits.memory=1500m", "1", True),
    ],
)
def test_what_a_quota_can_never_hold_is_told_apart_from_what_has_to_wait(asked: str, limit: str, never: bool) -> None:
    name = asked.partition("=")[0]
    reason = refusal(403, f"exceeded quota: team, requested: {asked}, used: {name}=0, limited: {name}={limit}")
    assert not reason.final
    assert ("more than the quota has in all" in reason.help) is never


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (
            'rpc error: code = NotFound desc = failed to pull and unpack image "r:5000/a:1": '
            'failed to resolve reference "r:5000/a:1": r:5000/a:1: not found',
            "The image r:5000/a:1 is not in its registry.",
        ),
        (
            'failed to do request: Head "http://r:5000/v2/y/manifests/z": dial tcp 127.0.0.1:1: connect: connection refused',
            "The registry of r:5000/a:1 does not answer; it is tried again.",
        ),
        (
            "pull access denied, repository does not exist or may require authorization",
            "The registry does not give r:5000/a:1 away.",
        ),
    ],
)
def test_why_an_image_is_not_pulled(message: str, sentence: str) -> None:
    reason = waiting("ErrImagePull", message, "r:5000/a:1")
    assert reason is not None
    assert (reason.code, reason.sentence) == ("image", sentence)


def test_what_begins_as_it_should_has_no_reason() -> None:
    assert waiting("ContainerCreating", "") is None
    assert waiting("PodInitializing", "") is None
    assert event("Pulling", 'Pulling image "x"') is None
    assert ended("Completed", "", 0) is None


def test_an_image_that_is_root_and_may_not_be() -> None:
    text = "container has runAsNonRoot and image will run as root"
    reason = waiting("CreateContainerConfigError", text)
    assert reason is not None
    assert reason.code == "pod-security"
    assert reason.final
    assert "a group run as root" in reason.help


def test_a_namespace_that_keeps_a_group_from_what_it_may_is_told_apart_from_a_pod_that_nobody_may_have() -> None:
    def forbidden(level: str, allowed: PodSecurity) -> PodReason:
        return refusal(403, f'pods "a" is forbidden: violates PodSecurity "{level}:latest": why', allowed)

    below = forbidden("restricted", PodSecurity.BASELINE)
    assert below.text == (
        "The group may have more (baseline) than the cluster lets the platform's namespace give (restricted): why. "
        "Ask your administrator: the namespace has to enforce baseline, or the group be restricted."
    )
    assert (below.code, below.final) == ("pod-security", True)
    for level, allowed in (("baseline", PodSecurity.BASELINE), ("restricted", PodSecurity.RESTRICTED)):
        assert forbidden(level, allowed).sentence == f"The cluster's security level ({level}) forbids it: why."


def pod(phase: str = "Pending", **status: Any) -> dict[str, Any]:
    """A pod as the API has it."""
    return {"status": {"phase": phase, **status}}


def test_a_pods_status_is_believed_before_its_events() -> None:
    unplaced = pod(
        conditions=[
            {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": "0/1 nodes are available: 1 Insufficient cpu.",
            }
        ]
    )
    found = of_pod(unplaced, [{"type": "Warning", "reason": "FailedMount", "message": "old"}])
    assert found is not None
    assert found.code == "unschedulable"


def test_a_volume_that_is_not_mounted_is_known_from_the_events_alone() -> None:
    creating = pod(containerStatuses=[{"state": {"waiting": {"reason": "ContainerCreating"}}}])
    warning = {
        "type": "Warning",
        "reason": "FailedMount",
        "message": 'MountVolume.SetUp failed for volume "pv-1" : hostPath type check failed: /x is not a directory',
    }
    found = of_pod(creating, [warning])
    assert found is not None
    assert found.code == "volume"
    assert "The volume pv-1 cannot be mounted yet" in found.sentence
    assert of_pod(creating) is None
    assert of_pod(pod("Running", containerStatuses=[{"state": {"running": {}}}]), [warning]) is None


def test_a_volume_that_another_node_still_holds_is_said_as_such() -> None:
    message = 'Multi-Attach error for volume "pvc-1" Volume is already exclusively attached to one node and can\'t be attached'
    found = event("FailedAttachVolume", message)
    assert found is not None
    assert found.sentence == (
        "The volume pvc-1 is still held by the node where it was used before, which may not answer."
    )
    assert "once that node answers or is given up" in found.help


def test_how_a_pod_ended() -> None:
    over = {"state": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}
    found = of_pod(pod("Failed", containerStatuses=[over]))
    assert found is not None
    assert found.text == "It used more memory than its instance type has. Choose a larger one."
    used = 'Container main exceeded its local ephemeral storage limit "20Gi". '
    written = "It wrote more than the 20Gi that it may to its node's disk."
    for message, sentence in (
        (
            'Usage of EmptyDir volume "tmp" exceeds the limit "20Gi". ',
            "It put more than 20Gi into /tmp, which is not kept.",
        ),
        ("Pod ephemeral local storage usage exceeds the total limit of containers 20Gi. ", written),
        (used, written),
        (
            "The node was low on resource: ephemeral-storage. Container main was using 9Gi, request is 64Mi.",
            "Its node had to end it: the node's disk was nearly full.",
        ),
    ):
        full = of_pod(pod("Failed", reason="Evicted", message=message))
        assert full is not None
        assert full.sentence == sentence
    evicted = of_pod(pod("Failed", reason="Evicted", message="The node was low on resource: memory."))
    assert evicted is not None
    assert evicted.sentence == "Its node had to end it: The node was low on resource: memory."
