"""Whole plans, as they are handed to spawners and engines."""

from __future__ import annotations

from dataclasses import replace

import pytest

from primehub_services.domain.groups import Group
from primehub_services.domain.identity import Account
from primehub_services.domain.images import Image, ImagePhase
from primehub_services.domain.instance_types import InstanceType
from primehub_services.domain.job_planning import job_plan
from primehub_services.domain.planning import Chosen, idle_timeout, idle_warning, is_given, make_plan, volume_variables
from primehub_services.domain.pod_security import PodSecurity
from primehub_services.domain.system import SystemSettings
from primehub_services.domain.volumes import EnvSource, Volume

NOW = "2026-03-02T09:30:00Z"


def group(name: str, **changes) -> Group:
    values = {
        "id": f"id-{name}",
        "name": name,
        "slug": name,
        "display_name": "",
        "user_quota": {},
        "group_quota": {},
        "shared_volume": True,
        "launch_group_only": True,
        "created_at": NOW,
        "version": 1,
    }
    return Group.model_validate(values | changes)


def volume(name: str, source: dict | None = None, **changes) -> Volume:
    values = {
        "id": f"id-{name}",
        "name": name,
        "slug": name.lower(),
        "source": source or {"type": "pvc", "capacity": 5},
        "created_at": NOW,
        "version": 1,
    }
    return Volume.model_validate(values | changes)


ANN = Account.model_validate(
    {
        "id": "id-ann",
        "issuer": "local",
        "subject": "ann",
        "name": "ann.b",
        "slug": "ann-b-1234abcd",
        "display_name": "Ann",
        "email": "",
        "enabled": True,
        "platform_admin": False,
        "must_change_password": False,
        "created_at": NOW,
        "last_seen_at": None,
        "version": 1,
    }
)
RESEARCH = group("research", shared_volume_capacity=50)
CPU = InstanceType.model_validate(
    {
        "id": "id-cpu",
        "name": "cpu-1",
        "slug": "cpu-1",
        "cpu_limit": 1,
        "memory_limit": "2Gi",
        "cpu_request": 0.5,
        "created_at": NOW,
        "version": 1,
    }
)
GPU = CPU.model_copy(update={"name": "gpu-2", "gpu_limit": 2})
BASE = Image.model_validate(
    {
        "id": "id-base",
        "name": "base",
        "slug": "base",
        "source": {"type": "environment", "packages": ["jupyterlab"]},
        "phase": ImagePhase.READY,
        "location": "/data/environments/base-1",
        "created_at": NOW,
        "version": 1,
    }
)
CHOSEN = Chosen(
    start_id="s1",
    account=ANN,
    group=RESEARCH,
    groups=(RESEARCH,),
    instance_type=CPU,
    image=BASE,
    settings=SystemSettings(),
)


def test_a_plan_says_whether_its_image_is_a_groups_own() -> None:
    own = BASE.model_copy(update={"group": "research"})
    assert (make_plan(replace(CHOSEN, image=own)).image_of_group, make_plan(CHOSEN).image_of_group) == (True, False)


def test_the_plan_of_a_plain_start_whole() -> None:
    assert make_plan(CHOSEN).model_dump(mode="json", exclude_defaults=True) == {
        "start_id": "s1",
        "kind": "notebook",
        "user": "ann.b",
        "user_slug": "ann-b-1234abcd",
        "group": "research",
        "group_name": "research",
        "instance_type": "cpu-1",
        "image": "base",
        "image_source": {"packages": ["jupyterlab"]},
        "image_location": "/data/environments/base-1",
        "limits": {"cpu": 1, "memory": "2Gi"},
        "requests": {"cpu": 0.5, "memory": "2Gi"},
        "mounts": [
            {"kind": "home", "slug": "ann-b-1234abcd", "path": "/home/jovyan", "capacity": 20},
            {
                "kind": "project",
                "slug": "research",
                "path": "/project/research",
                "links": ["/home/jovyan/research"],
                "capacity": 50,
            },
        ],
        "environment": {
            "TZ": "UTC",
            "GROUP_ID": "id-research",
            "GROUP_NAME": "research",
            "INSTANCE_TYPE": "cpu-1",
            "IMAGE_NAME": "base",
            "PRIMEHUB_USER": "ann.b",
            "PRIMEHUB_GROUP": "research",
            "PRIMEHUB_GROUP_VOLUME_PATH": "/project/research",
            "JUPYTERHUB_ACTIVITY_INTERVAL": "300",
            "NVIDIA_VISIBLE_DEVICES": "none",
        },
        "profiles": ["/project/research/.primehub/profile", "/project/research/.primehub/ann.b.profile"],
        "idle_timeout": 7200,
        "idle_warning": 600,
    }


def test_the_plan_of_everything_at_once_whole() -> None:
    open_group, closed = group("lab", launch_group_only=False), group("secret")
    chosen = replace(
        CHOSEN,
        account=ANN.model_copy(update={"volume_capacity": 7}),
        instance_type=GPU,
        gpu_indices=(1, 3),
        groups=(closed, open_group, RESEARCH),
        safe_mode=True,
        environment={"TZ": "Asia/Taipei", "WHO": "me"},
        volumes=(
            volume("Mnist", groups=[{"group": "research", "writable": True}]),
            volume("code", {"type": "git", "url": "https://example.org/code.git"}, all_groups=True),
            volume("broken", all_groups=True, message="the share is not there"),
            volume("my-env", {"type": "env", "variables": {"api-key": "k", "url": "u"}}, all_groups=True),
            volume("elsewhere", groups=[{"group": "secret"}]),
            volume("reaching", groups=[{"group": "secret", "writable": True}], launch_group_only=False),
        ),
    )

    plan = make_plan(chosen).model_dump(mode="json", exclude_defaults=True)

    assert [(m["kind"], m["path"], m.get("read_only", False), m.get("links", [])) for m in plan["mounts"]] == [
        ("scratch", "/home/jovyan", False, []),
        ("home", "/home/jovyan/user", False, []),
        ("project", "/project/research", False, ["/home/jovyan/research"]),
        ("project", "/project/lab", False, ["/home/jovyan/lab"]),
        ("dataset", "/datasets/code", True, ["/home/jovyan/datasets/code"]),
        ("dataset", "/datasets/mnist", False, ["/home/jovyan/datasets/mnist"]),
        ("dataset", "/datasets/reaching", True, ["/home/jovyan/datasets/reaching"]),
    ]
    assert plan["mounts"][1]["capacity"] == 7
    assert plan["left_out"] == [{"volume": "broken", "reason": "the share is not there"}]
    assert (plan["gpu_indices"], plan["safe_mode"]) == ([1, 3], True)
    environment = plan["environment"]
    assert environment["NVIDIA_VISIBLE_DEVICES"] == "1,3"
    assert environment["PRIMEHUB_SAFE_MODE_ENABLED"] == "true"
    assert (environment["TZ"], environment["WHO"]) == ("Asia/Taipei", "me")
    assert {k: v for k, v in environment.items() if k.startswith("MY")} == {
        "MY-ENV_API-KEY": "k",
        "MY_ENV_API_KEY": "k",
        "MY-ENV_URL": "u",
        "MY_ENV_URL": "u",
    }


def test_what_the_platform_sets_nobody_overrides() -> None:
    evil = {"GROUP_NAME": "other", "PRIMEHUB_USER": "root", "LD_PRELOAD": "/x", "NVIDIA_VISIBLE_DEVICES": "all"}
    reaching = volume("group", {"type": "env", "variables": {"id": "x"}}, all_groups=True)

    plan = make_plan(replace(CHOSEN, environment=evil, volumes=(reaching,)))

    assert plan.environment == make_plan(CHOSEN).environment
    assert [(left.volume, left.reason) for left in plan.left_out] == [
        ("group", "the variable GROUP_ID is set by the platform")
    ]


def test_a_link_never_hides_the_folder_of_datasets() -> None:
    datasets = group("datasets")
    plan = make_plan(replace(CHOSEN, group=datasets, groups=(datasets,)))

    assert [mount.links for mount in plan.mounts] == [(), ()]
    assert plan.mounts[1].path == "/project/datasets"


def test_without_a_shared_volume_there_is_neither_mount_nor_variable() -> None:
    bare = group("bare", shared_volume=False)
    plan = make_plan(replace(CHOSEN, group=bare, groups=(bare, RESEARCH)))

    assert [mount.path for mount in plan.mounts] == ["/home/jovyan"]
    assert "PRIMEHUB_GROUP_VOLUME_PATH" not in plan.environment


def test_a_cluster_says_itself_which_gpus_there_are() -> None:
    plan = make_plan(replace(CHOSEN, instance_type=GPU, gpu_indices=None))

    assert plan.gpu_indices == ()
    assert "NVIDIA_VISIBLE_DEVICES" not in plan.environment


@pytest.mark.parametrize(("gpus", "url"), [(0, "registry/cpu"), (1, "registry/gpu")])
def test_a_container_s_gpu_variant_is_for_types_with_a_gpu(gpus: int, url: str) -> None:
    source = {"type": "container", "url": "registry/cpu", "url_gpu": "registry/gpu"}
    image = Image.model_validate(BASE.model_dump() | {"source": source, "location": None})
    chosen = replace(CHOSEN, image=image, instance_type=CPU.model_copy(update={"gpu_limit": gpus}), safe_mode=True)

    plan = make_plan(chosen)

    assert plan.image_location == url
    # the container's own home folder stays to be seen
    assert [mount.path for mount in plan.mounts if "home" in mount.path] == ["/home/jovyan/user"]


def test_the_nearest_idle_timeout_that_is_set_wins() -> None:
    system = SystemSettings(idle_timeout=100)

    def of(kind: int | None, own: int | None) -> int:
        return idle_timeout(
            CPU.model_copy(update={"idle_timeout": kind}), RESEARCH.model_copy(update={"idle_timeout": own}), system
        )

    assert [of(None, None), of(None, 50), of(0, 50), of(70, 50), of(None, 0)] == [100, 50, 0, 70, 0]


def test_activity_is_reported_often_enough_for_a_short_timeout() -> None:
    plan = make_plan(replace(CHOSEN, settings=SystemSettings(idle_timeout=120)))

    assert plan.environment["JUPYTERHUB_ACTIVITY_INTERVAL"] == "20"


def test_a_volume_is_given_by_the_launch_group_or_beyond_it_where_it_says_so() -> None:
    lab = group("lab")
    of_lab = volume("v", groups=[{"group": "lab"}])

    assert is_given(of_lab, lab, (lab,))
    assert not is_given(of_lab, RESEARCH, (RESEARCH, lab))
    assert is_given(of_lab.model_copy(update={"launch_group_only": False}), RESEARCH, (RESEARCH, lab))
    assert not is_given(of_lab.model_copy(update={"launch_group_only": False}), RESEARCH, (RESEARCH,))


def test_variables_of_a_volume_with_a_name_of_another_script_have_the_plain_form_alone() -> None:
    given, refused = volume_variables("données", EnvSource.model_construct(variables={"a": "1", "b=": "2", "c": "\0"}))

    assert given == {"DONN_ES_A": "1"}
    assert len(refused) == 2


def test_a_warning_of_idleness_is_never_sooner_than_half_way() -> None:
    system = SystemSettings(idle_timeout=7200, idle_warning=600)
    assert [idle_warning(timeout, system) for timeout in (7200, 1200, 600, 0)] == [600, 600, 300, 0]


def test_profiles_are_of_the_launch_group_and_skipped_in_safe_mode_and_without_its_folder() -> None:
    folder = "/project/research/.primehub"
    assert make_plan(CHOSEN).profiles == (f"{folder}/profile", f"{folder}/ann.b.profile")
    assert make_plan(replace(CHOSEN, safe_mode=True)).profiles == ()
    without = RESEARCH.model_copy(update={"shared_volume": False})
    assert make_plan(replace(CHOSEN, group=without)).profiles == ()


def test_a_job_takes_over_the_groups_profile_and_none_that_is_named_after_the_person() -> None:
    assert job_plan(CHOSEN, "job-1", "train").profiles == ("/project/research/.primehub/profile",)
    without = group("research", shared_volume=False)
    assert job_plan(replace(CHOSEN, group=without), "job-1", "train").profiles == ()


def test_a_plan_is_as_open_as_its_launch_group_alone() -> None:
    other = group("open").model_copy(update={"pod_security": PodSecurity.BASELINE})
    assert make_plan(replace(CHOSEN, groups=(RESEARCH, other))).pod_security is PodSecurity.RESTRICTED
    plan = make_plan(replace(CHOSEN, group=other, groups=(RESEARCH, other)))
    assert plan.pod_security is PodSecurity.BASELINE
    assert plan.labels["primehub.io/pod-security"] == "baseline"
    assert "primehub.io/pod-security" not in make_plan(CHOSEN).labels


def test_another_groups_folder_that_cannot_be_had_is_left_out_and_the_launch_groups_own_is_not() -> None:
    own, other = (
        group("own", folder_problem="It is full."),
        group("other", folder_problem="It cannot be made.", launch_group_only=False),
    )
    apart = group("apart", folder_problem="It cannot be made.", launch_group_only=True)
    found = make_plan(replace(CHOSEN, group=own, groups=(own, other, apart)))
    assert [mount.path for mount in found.mounts] == ["/home/jovyan", "/project/own"]
    assert [(left.volume, left.reason) for left in found.left_out] == [("other", "It cannot be made.")]
