"""What administrators have set up before anybody works: people, groups, sizes, images, volumes, secrets, announcements."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.platform import Platform

GROUP = "vision-lab"
PEOPLE = {
    "ann": ("Ann Berger", (GROUP, "forecasting")),
    "bo": ("Bo Lindqvist", (GROUP,)),
    "chen": ("Chen Wei", (GROUP, "forecasting")),
    "dana": ("Dana Okafor", (GROUP,)),
    "eli": ("Eli Haddad", ("forecasting",)),
    "fatima": ("Fatima Noor", ("forecasting", "genomics")),
    "gil": ("Gil Moreau", (GROUP, "genomics")),
    "hana": ("Hana Sato", ("genomics",)),
    "ivo": ("Ivo Petrov", ("newcomers",)),
    "ola": ("Ola Nowak", ()),
}
"""Login names; ``gil`` is an admin of ``vision-lab``, ``ivo``'s group has nothing yet, ``ola`` is in no group."""
GROUPS: tuple[dict[str, Any], ...] = (
    {
        "name": GROUP,
        "display_name": "Vision lab",
        "description": "Defect detection for the two production lines",
        "user_quota": {"cpu": 8, "memory": "32Gi", "gpu": 2},
        "group_quota": {"cpu": 12, "memory": "64Gi", "gpu": 4},
        "shared_volume_capacity": 500,
        "job_timeout": 43_200,
    },
    {
        "name": "forecasting",
        "display_name": "Forecasting",
        "description": "Demand and energy prices",
        "user_quota": {"cpu": 8, "memory": "32Gi", "gpu": 0},
        "group_quota": {"cpu": 24, "memory": "96Gi", "gpu": 0},
        "shared_volume_capacity": 200,
    },
    {
        "name": "genomics",
        "display_name": "Genomics",
        "user_quota": {"cpu": 16, "memory": "128Gi", "gpu": 0},
        "group_quota": {"cpu": 32, "memory": "256Gi", "gpu": 0},
        "idle_timeout": 14_400,
    },
    {"name": "newcomers", "display_name": "Newcomers", "user_quota": {"cpu": 1, "gpu": 0}},
)
SMALL = {"cpu_request": 0.25, "memory_request": "512Mi"}
TYPES: tuple[dict[str, Any], ...] = (
    {"name": "cpu-1", "description": "Reading, small tables", "cpu_limit": 1, "memory_limit": "4Gi", **SMALL},
    {"name": "cpu-4", "description": "Most training runs", "cpu_limit": 4, "memory_limit": "16Gi", **SMALL},
    {"name": "cpu-8", "description": "Sweeps, large tables", "cpu_limit": 8, "memory_limit": "32Gi", **SMALL},
    {"name": "cpu-tiny", "display_name": "Tiny", "cpu_limit": 0.5, "memory_limit": "256Mi"},
    {"name": "gpu-1", "description": "One A100, 40 GB", "cpu_limit": 4, "memory_limit": "16Gi", "gpu_limit": 1}
    | {"groups": [GROUP], "all_groups": False, "node_selector": {"accelerator": "a100"}} | SMALL,
)  # fmt: skip
ANNOUNCEMENTS: tuple[dict[str, Any], ...] = (
    {"message": "Maintenance on Saturday from 06:00 to 08:00 UTC: notebooks will be stopped.", "level": "warning"},
    {"message": "The new line-2 images are in /datasets/line-2-images.", "group": GROUP},
)


@dataclass
class World:
    """The platform, its people's tokens, and the ids of what pictures are about."""

    platform: Platform
    environment: str
    image: str
    tokens: dict[str, str]
    ids: dict[str, str]

    def call(self, who: str, method: str, path: str, body: Any = None) -> Any:
        """The API's answer to a person; the administrator is ``admin``."""
        token = None if who == "admin" else self.tokens[who]
        return self.platform.call(method, path, body, token=token)


def make(platform: Platform, environment: str, repository: Path) -> World:
    """Set it all up. ``environment`` is one with JupyterLab, ``repository`` a folder to be made."""
    _clear(platform)
    for group in GROUPS:
        platform.call("POST", "/groups", group)
    for size in TYPES:
        platform.call("POST", "/instance-types", size)
    world = World(platform, environment, platform.add_image(environment, "python-3.11"), {}, {})
    for name, (display_name, groups) in PEOPLE.items():
        world.tokens[name] = platform.add_person(name, *groups)
        me = platform.call("GET", f"/users/{name}")
        change = {"version": me["version"], "display_name": display_name, "email": f"{name}@example.org"}
        platform.call("PATCH", f"/users/{name}", change)
    platform.call("PUT", f"/groups/{GROUP}/members/gil", {"role": "admin"})
    platform.call("PUT", "/groups/genomics/members/fatima", {"role": "admin"})
    _images(world)
    _volumes(world, repository)
    _secrets(world)
    for announcement in ANNOUNCEMENTS:
        platform.call("POST", "/announcements", announcement)
    _settings(world)
    token = {"note": "nightly report", "scopes": ["custom:primehub:read"], "expires_in": 90 * 86_400}
    world.call("ann", "POST", "/me/tokens", token)
    return world


def _clear(platform: Platform) -> None:
    """Without what a first start gives."""
    for kind in ("groups?all=true", "instance-types", "images"):
        for thing in platform.call("GET", f"/{kind}")["items"]:
            platform.call("DELETE", f"/{kind.split('?')[0]}/{thing['slug']}")


def _images(world: World) -> None:
    """Ready ones, one that a group has made itself, and one whose build fails."""
    described = "Python 3.11 with JupyterLab, pandas and scikit-learn"
    first = world.call("admin", "GET", f"/images/{world.image}")
    change = {"version": first["version"], "display_name": "Python 3.11", "description": described}
    world.call("admin", "PATCH", f"/images/{world.image}", change)
    torch = world.platform.add_image(world.environment, "pytorch-2.9")
    made = world.call("admin", "GET", f"/images/{torch}")
    world.call("admin", "PATCH", f"/images/{torch}", {"version": made["version"], "description": "PyTorch 2.9, CPU"})
    own = {"group": GROUP, "all_groups": False}
    tools = {
        "type": "environment",
        "packages": ["ipykernel>=7,<8", "jupyterlab>=4.6,<5", "jupyterhub>=6.1,<7", "tabulate"],
    }
    body = {"name": "line-tools", "description": "With the line's own readers", "source": tools, **own}
    world.ids["image"] = world.call("gil", "POST", "/images", body)["slug"]
    broken = {"type": "environment", "packages": ["ipykernel>=7,<8", "tabulate>=99"]}
    body = {"name": "line-tools-next", "description": "To try the next release", "source": broken, **own}
    world.ids["broken image"] = world.call("gil", "POST", "/images", body)["slug"]


def _volumes(world: World, repository: Path) -> None:
    """A folder, a repository of this machine, and variables."""
    repository.mkdir()
    git = ["git", "-C", str(repository), "-c", "user.name=Ann Berger", "-c", "user.email=ann@example.org"]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    (repository / "README.md").write_text("# Labels\n")
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "Labels of line 2"], check=True)
    lab = {"group": GROUP, "writable": True}
    volumes: tuple[dict[str, Any], ...] = (
        {
            "name": "line-2-images",
            "description": "Photographs of line 2, one folder a day",
            "source": {"type": "pvc", "capacity": 800},
            "groups": [lab],
        },
        {
            "name": "labels",
            "description": "What people have marked, reviewed weekly",
            "source": {"type": "git", "url": f"file://{repository}"},
            "all_groups": True,
        },
        {
            "name": "warehouse",
            "description": "Where the data warehouse is",
            "source": {"type": "env", "variables": {"HOST": "warehouse.example.org", "SCHEMA": "production"}},
            "groups": [{"group": "forecasting"}, {"group": GROUP}],
        },
    )
    for volume in volumes:
        world.call("admin", "POST", "/volumes", volume)


def _secrets(world: World) -> None:
    """Of every kind: the platform's, a group's and a person's."""
    pull = {"kind": "pull", "registry": "registry.example.org", "username": "primehub", "value": "not a real one"}
    world.call("admin", "POST", "/secrets", {"name": "company-registry", "groups": [GROUP, "genomics"], **pull})
    deploy = {"name": "labels-deploy-key", "kind": "git", "value": "not a real one"}
    world.call("admin", "POST", "/secrets", {**deploy, "groups": [GROUP]})
    for name in ("wandb-key", "object-store"):
        world.call("gil", "POST", "/secrets", {"name": name, "kind": "env", "group": GROUP, "value": "not a real one"})
    world.call("ann", "POST", "/secrets", {"name": "hugging-face", "kind": "env", "value": "not a real one"})


def _settings(world: World) -> None:
    now = world.call("admin", "GET", "/settings")
    change = {"version": now["version"], "name": "Northwind Research", "members_may_invite": True}
    world.call("admin", "PATCH", "/settings", change)
