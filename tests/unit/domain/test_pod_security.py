"""What pods of each level are made with, held against what Kubernetes says of the levels."""

from __future__ import annotations

from itertools import product

import pytest

from primehub_services.domain.pod_security import Contexts, Ids, PodSecurity, contexts

IDS = Ids(user=1000, group=100, files=100)
EVERY = [(level, root) for level, root in product(PodSecurity, (False, True))]


def made(level: PodSecurity, read_only_root: bool) -> Contexts:
    return contexts(level, IDS, read_only_root=read_only_root)


def is_restricted(pod: dict[str, object], container: dict[str, object]) -> bool:
    """Whether the level ``restricted`` takes a container in such a pod."""
    both = pod | container
    return (
        both.get("runAsNonRoot") is True
        and both.get("runAsUser") != 0
        and container.get("allowPrivilegeEscalation") is False
        and container.get("capabilities") == {"drop": ["ALL"]}
        and both.get("seccompProfile") == {"type": "RuntimeDefault"}
    )


@pytest.mark.parametrize(("level", "read_only_root"), EVERY)
def test_what_is_ours_keeps_to_restricted_everywhere_and_the_workload_where_its_group_does(
    level: PodSecurity, read_only_root: bool
) -> None:
    found = made(level, read_only_root)
    assert is_restricted(found.pod, found.ours)
    assert is_restricted(found.pod, found.workload) is (level is PodSecurity.RESTRICTED)


@pytest.mark.parametrize(("level", "read_only_root"), EVERY)
def test_nothing_is_asked_for_that_baseline_forbids(level: PodSecurity, read_only_root: bool) -> None:
    found = made(level, read_only_root)
    for context in (found.pod, found.workload, found.ours):
        for name in ("privileged", "procMount", "seLinuxOptions", "appArmorProfile", "sysctls", "windowsOptions"):
            assert name not in context
        assert "add" not in context.get("capabilities", {})
        assert context.get("seccompProfile", {}).get("type") != "Unconfined"
    assert ("readOnlyRootFilesystem" in found.workload) is read_only_root


def test_baseline_leaves_to_the_image_who_it_runs_as_and_keeps_files_for_their_group() -> None:
    found = made(PodSecurity.BASELINE, False)
    assert found.workload == {"capabilities": {"drop": ["NET_RAW"]}}
    assert not {"runAsUser", "runAsGroup", "runAsNonRoot"} & found.pod.keys()
    assert found.pod["fsGroup"] == 100


def test_who_nobody_is_named_is_the_image_s_own_but_never_root() -> None:
    pod = contexts(PodSecurity.RESTRICTED, Ids(user=None, group=None, files=None)).pod
    assert pod["runAsNonRoot"] is True
    assert not {"runAsUser", "runAsGroup", "fsGroup"} & pod.keys()
