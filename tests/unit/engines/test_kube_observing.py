"""What is seen of a workload on a cluster: what its node says, what its sidecar said, and what neither did."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from primehub_services.domain.reports import EndReport
from primehub_services.domain.workloads import PLACED, ObservedState
from primehub_services.engines.kubernetes.manifests import GRACE
from primehub_services.engines.kubernetes.observing import ASKED_AT, STOP_AT, Seen, observation

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
BEGAN, ENDED = NOW - timedelta(minutes=5), NOW - timedelta(seconds=5)


def stamp(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def a_job(*, asked: datetime | None = None, grace: int = 30, **status: Any) -> dict[str, Any]:
    marks = {}
    if asked is not None:
        marks = {ASKED_AT: stamp(asked), STOP_AT: stamp(asked + timedelta(seconds=grace))}
    return {"metadata": {"name": "job-one", "annotations": marks}, "status": status}


def a_pod(main: dict[str, Any] | None = None, sidecar: str = "running", **changes: Any) -> dict[str, Any]:
    status: dict[str, Any] = {"phase": "Pending" if main is None else "Running"}
    if main is not None:
        status["containerStatuses"] = [{"name": "main", "state": main}]
        status["initContainerStatuses"] = [{"name": "sidecar", "state": {sidecar: {}}}]
    metadata = {"uid": "u1", "name": "job-one-x", "creationTimestamp": stamp(BEGAN)} | changes.pop("metadata", {})
    spec = changes.pop("spec", {"nodeName": "n1"})
    return {"metadata": metadata, "spec": spec, "status": status | changes}


def ended(code: int, reason: str = "Error") -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason, "startedAt": stamp(BEGAN), "finishedAt": stamp(ENDED)}}


RUNNING = {"running": {"startedAt": stamp(BEGAN)}}
DELETED = {"deletionTimestamp": stamp(NOW + timedelta(seconds=890)), "deletionGracePeriodSeconds": 900}


def report(code: int | None, at: datetime = ENDED, **changes: Any) -> EndReport:
    return EndReport(code=code, began_at=BEGAN, ended_at=at, **changes)


def look(job: dict[str, Any] | None, *pods: dict[str, Any], end: EndReport | None = None, **seen: Any) -> Any:
    return observation(Seen(job, pods, end=end, **seen), NOW)


def test_what_is_not_there_is_absent() -> None:
    assert look(None).state is ObservedState.ABSENT
    assert look(None, a_pod(RUNNING)).state is ObservedState.TERMINATING
    assert look(None, a_pod(ended(0))).state is ObservedState.ABSENT


def test_it_begins_when_its_command_does() -> None:
    assert look(a_job()).state is ObservedState.PENDING
    assert look(a_job(), a_pod()).state is ObservedState.PENDING
    seen = look(a_job(), a_pod(RUNNING))
    assert (seen.state, seen.started_at) == (ObservedState.RUNNING, BEGAN)


def test_it_has_not_begun_before_its_sidecar_has_come() -> None:
    young = {"running": {"startedAt": stamp(NOW - timedelta(seconds=2))}}
    assert look(a_job(), a_pod(young), permitted=False).state is ObservedState.PENDING
    seen = look(a_job(), a_pod(RUNNING), permitted=False)
    assert seen.state is ObservedState.PENDING
    assert "does not reach the platform" in seen.message


def test_its_end_waits_for_the_sidecar() -> None:
    kept = look(a_job(), a_pod(ended(3)))
    assert (kept.state, kept.ended_at) == (ObservedState.TERMINATING, ENDED)
    done = look(a_job(), a_pod(ended(3), phase="Failed"), end=report(3))
    assert (done.state, done.code, done.reason, done.message) == (ObservedState.EXITED, 3, "Error", "")
    silent = look(a_job(), a_pod(ended(3), sidecar="terminated"))
    assert (silent.state, silent.code) == (ObservedState.EXITED, 3)
    assert "may be missing" in silent.message


def test_it_is_over_when_its_pod_is_or_when_its_node_says_nothing_for_a_while() -> None:
    for pod in (a_pod(RUNNING), a_pod(RUNNING, metadata=DELETED)):
        seen = look(a_job(), pod, end=report(0))
        assert (seen.state, seen.ended_at) == (ObservedState.TERMINATING, ENDED)
        seen = look(a_job(), pod, end=report(0, at=NOW - timedelta(minutes=1)))
        assert (seen.state, seen.code, seen.reason) == (ObservedState.EXITED, 0, "Completed")


def test_why_it_was_killed_only_the_node_knows_which_is_waited_for_a_while() -> None:
    assert look(a_job(), a_pod(RUNNING), end=report(137)).state is ObservedState.TERMINATING
    killed = a_pod(ended(137, "OOMKilled"), phase="Failed")
    assert look(a_job(), killed, end=report(137)).reason == "OOMKilled"
    late = look(a_job(), a_pod(RUNNING), end=report(1, at=NOW - timedelta(minutes=1)))
    assert (late.state, late.code, late.reason) == (ObservedState.EXITED, 1, "Error")


@pytest.mark.parametrize(("killed", "reason"), [(False, "Stopped"), (True, "Killed")])
def test_what_was_asked_to_end_says_so(killed: bool, reason: str) -> None:
    asked = a_job(asked=NOW - timedelta(seconds=20))
    assert look(asked, a_pod(RUNNING)).state is ObservedState.TERMINATING
    seen = look(asked, a_pod(ended(143), phase="Failed"), end=report(143, killed=killed))
    assert (seen.state, seen.reason) == (ObservedState.EXITED, reason)
    assert look(asked).state is ObservedState.EXITED


def test_what_the_node_killed_once_the_sidecar_had_gone_says_so() -> None:
    asked = a_job(asked=NOW - timedelta(seconds=20))
    seen = look(asked, a_pod(ended(137), phase="Failed"), end=report(None))
    assert (seen.code, seen.reason) == (137, "Killed")


def test_what_had_succeeded_before_it_was_asked_has_succeeded() -> None:
    seen = look(a_job(asked=NOW), a_pod(ended(0), phase="Succeeded"), end=report(0))
    assert (seen.reason, seen.code) == ("Completed", 0)


def test_a_pod_that_somebody_deleted_is_lost() -> None:
    failed = a_job(conditions=[{"type": "Failed", "status": "True", "lastTransitionTime": stamp(ENDED)}])
    seen = look(failed)
    assert (seen.state, seen.code, seen.reason) == (ObservedState.EXITED, None, "Lost")
    assert look(failed, end=report(143)).reason == "Lost"
    assert look(failed, end=report(0)).reason == "Completed"


def test_what_a_node_does_not_end_is_given_up_a_minute_later() -> None:
    job = a_job(asked=NOW - timedelta(seconds=89))
    assert look(job, a_pod(RUNNING)).state is ObservedState.TERMINATING
    job = a_job(asked=NOW - timedelta(seconds=91))
    assert (look(job, a_pod(RUNNING)).state, look(job, a_pod(RUNNING)).reason) == (ObservedState.EXITED, "Lost")


def test_what_somebody_deleted_has_the_time_that_its_command_has() -> None:
    def deleted(seconds: float) -> dict[str, Any]:
        until = NOW + timedelta(seconds=900 - seconds)
        return a_pod(RUNNING, metadata={"deletionTimestamp": stamp(until), "deletionGracePeriodSeconds": 900})

    job = a_job()
    job["metadata"]["annotations"][GRACE] = "5"
    assert look(job, deleted(64)).state is ObservedState.TERMINATING
    assert look(job, deleted(66)).reason == "Lost"


def test_an_annotation_that_is_no_moment_is_none() -> None:
    job = a_job()
    job["metadata"]["annotations"][ASKED_AT] = "yesterday"
    assert look(job, a_pod(RUNNING)).state is ObservedState.RUNNING


def test_what_its_sidecar_has_left_to_send_is_not_waited_for_longer_than_it_has() -> None:
    def after(seconds: float, metadata: dict[str, Any]) -> Any:
        return observation(Seen(a_job(), [a_pod(ended(3), metadata=metadata)]), ENDED + timedelta(seconds=seconds))

    deleted = {"deletionTimestamp": stamp(ENDED + timedelta(seconds=200)), "deletionGracePeriodSeconds": 90}
    metadata: dict[str, Any]
    for metadata, left in (({}, 960), (deleted, 260)):
        assert after(left - 1, metadata).state is ObservedState.TERMINATING
        seen = after(left + 1, metadata)
        assert (seen.state, seen.code, seen.reason, seen.ended_at) == (ObservedState.EXITED, 3, "Error", ENDED)
        assert "may be missing" in seen.message


def test_what_is_deleted_before_it_had_a_node_is_over_at_once() -> None:
    nowhere = a_pod(metadata=DELETED, spec={})
    seen = look(a_job(asked=NOW), nowhere)
    assert (seen.state, seen.reason) == (ObservedState.EXITED, "Stopped")
    assert look(a_job(), nowhere).reason == "Lost"
    assert look(None, nowhere).state is ObservedState.ABSENT
    assert look(a_job(), a_pod(spec={})).state is ObservedState.PENDING


def test_what_a_workload_wrote_to_its_nodes_disk_is_its_own_failure() -> None:
    message = 'Usage of EmptyDir volume "home" exceeds the limit "20Gi". '
    seen = look(a_job(), a_pod(ended(137), "terminated", phase="Failed", reason="Evicted", message=message))
    assert (seen.reason, "more than 20Gi into its home folder" in seen.message) == ("DiskExceeded", True)


def test_evictions_and_lost_nodes_are_the_platforms_failures() -> None:
    evicted = a_pod(ended(137), "terminated", phase="Failed", reason="Evicted", message="The node was low on memory.")
    assert look(a_job(), evicted).reason == "Evicted"
    why = {"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager", "message": "taint"}
    assert look(a_job(), a_pod(ended(143), "terminated", phase="Failed", conditions=[why])).reason == "Lost"


@pytest.mark.parametrize(
    ("reason", "message", "state", "word"),
    [
        ("ErrImagePull", "not found", "PENDING", "is not in its registry"),
        ("ErrImagePull", "rpc error: code = NotFound desc = a:1: not found", "EXITED", "is not in its registry"),
        ("ErrImagePull", "rpc error: code = Unknown desc = denied", "PENDING", ""),
        (
            "ImagePullBackOff",
            'Back-off pulling image "a:1": ErrImagePull: not found',
            "EXITED",
            "is not in its registry",
        ),
        ("ImagePullBackOff", "Back-off: ErrImagePull: dial tcp: i/o timeout", "PENDING", "does not answer"),
        ("InvalidImageName", "", "EXITED", "cannot be one"),
    ],
)
def test_an_image_that_is_not_there_ends_it_and_a_registry_that_is_away_does_not(
    reason: str, message: str, state: str, word: str
) -> None:
    pod = a_pod({"waiting": {"reason": reason, "message": message}}, phase="Pending")
    seen = look(a_job(), pod)
    assert seen.state == state
    assert word in seen.message
    assert seen.reason == ("ImageUnavailable" if state == "EXITED" else "")


def test_why_it_waits_is_said_in_words() -> None:
    scheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    message = "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available."
    seen = look(a_job(), a_pod(phase="Pending", conditions=[scheduled | {"message": message}]))
    assert seen.state is ObservedState.PENDING
    assert "too little free CPU" in seen.message


BEGUN = {"type": "PodReadyToStartContainers", "status": "True"}
SPEC = {"nodeName": "n1", "containers": [{"name": "main", "image": "a:1"}]}


def told(reason: str, message: str) -> dict[str, Any]:
    return {"type": "Warning", "reason": reason, "message": message, "involvedObject": {"uid": "u1"}}


@pytest.mark.parametrize(
    ("status", "warned", "message"),
    [
        ({}, [], "A place is found on the node n1."),
        ({"conditions": [BEGUN]}, [], "The node fetches the image a:1."),
        (
            {"conditions": [BEGUN], "initContainerStatuses": [{"name": "sidecar", "state": {"waiting": {}}}]},
            [],
            "A place is found on the node n1.",
        ),
        (
            {"initContainerStatuses": [{"name": "sidecar", "state": {"running": {}}}]},
            [],
            "The node fetches the image a:1.",
        ),
        # what the cluster told before that, and goes on telling for an hour
        (
            {},
            [told("FailedScheduling", "0/1 nodes are available: 1 Insufficient cpu.")],
            "A place is found on the node n1.",
        ),
        (
            {"conditions": [BEGUN]},
            [told("FailedMount", 'for volume "pv" : busy'), told("FailedCreatePodSandBox", "no network")],
            "The node fetches the image a:1.",
        ),
    ],
)
def test_what_its_node_gets_ready_has_its_place(status: dict[str, Any], warned: list[Any], message: str) -> None:
    held = [{"name": "main", "state": {"waiting": {"reason": "PodInitializing"}}}]
    seen = look(a_job(), a_pod(spec=SPEC, containerStatuses=held, **status), warnings=warned)
    assert (seen.state, seen.reason, seen.message) == (ObservedState.PENDING, PLACED, message)


@pytest.mark.parametrize(
    "pod",
    [
        a_pod(spec={}),
        a_pod({"waiting": {"reason": "ErrImagePull", "message": "dial tcp: i/o timeout"}}, phase="Pending"),
        a_pod({"waiting": {"reason": "CreateContainerError", "message": "device busy"}}, phase="Pending"),
    ],
)
def test_what_has_no_node_or_a_trouble_there_is_not_in_its_place(pod: dict[str, Any]) -> None:
    assert look(a_job(), pod).reason == ""
    assert look(a_job(), a_pod(), warnings=[told("FailedMount", 'for volume "pv" : busy')]).reason == ""


def warning(message: str) -> dict[str, Any]:
    return {
        "type": "Warning",
        "reason": "FailedCreate",
        "message": message,
        "involvedObject": {"name": "job-one", "uid": "j1"},
        "metadata": {},
    }


def test_a_quota_is_waited_for_and_a_rule_that_forbids_it_is_not() -> None:
    quota = 'Error creating: pods "x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2'
    seen = look(a_job(), warnings=[warning(quota)])
    assert seen.state is ObservedState.PENDING
    assert "quota q would be exceeded" in seen.message
    forbidden = 'Error creating: pods "x" is forbidden: violates PodSecurity "restricted:latest": privileged'
    seen = look(a_job(), warnings=[warning(forbidden)])
    assert (seen.state, seen.reason) == (ObservedState.EXITED, "Refused")
    assert "security level (restricted)" in seen.message
    given_more = a_job()
    given_more["metadata"]["labels"] = {"primehub.io/pod-security": "baseline"}
    seen = look(given_more, warnings=[warning(forbidden)])
    assert (seen.state, seen.reason) == (ObservedState.EXITED, "Refused")
    assert "may have more (baseline)" in seen.message


@pytest.mark.parametrize(
    "message",
    [
        'Internal error occurred: failed calling webhook "a.example.org": connection refused',
        "etcdserver: request timed out",
        'Operation cannot be fulfilled on resourcequotas "q": the object has been modified',
        'pods "x" is forbidden: not yet ready to handle request',
        'pods is forbidden: User "system:serviceaccount:a:b" cannot create resource "pods" in API group ""',
        'pods "x" is forbidden: error looking up service account a/default: serviceaccount "default" not found',
    ],
)
def test_what_keeps_a_pod_from_being_made_for_a_moment_is_waited_for(message: str) -> None:
    seen = look(a_job(), warnings=[warning(f"Error creating: {message}")])
    assert (seen.state, seen.reason) == (ObservedState.PENDING, "")
    assert message.partition("forbidden: ")[2] or message in seen.message


@pytest.mark.parametrize(
    "message",
    [
        'pods "x" is forbidden: maximum cpu usage per Container is 1, but limit is 2',
        'pods "x" is forbidden: failed quota: q: must specify limits.cpu',
        'admission webhook "a.example.org" denied the request: no such registry',
        "pods \"x\" is forbidden: ValidatingAdmissionPolicy 'a' with binding 'b' denied request: no such registry",
    ],
)
def test_what_the_cluster_would_forbid_again_ends_it(message: str) -> None:
    seen = look(a_job(), warnings=[warning(f"Error creating: {message}")])
    assert (seen.state, seen.reason) == (ObservedState.EXITED, "Refused")
