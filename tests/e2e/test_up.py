"""``primehub up`` for real: starts, answers, survives, and leaves nothing."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psutil
import pytest

from primehub_services.cli.machine import ports
from primehub_services.sandbox.layout import workload_identity
from primehub_services.sandbox.spec import SandboxSpec
from primehub_services.sandbox.workloads import Workloads
from tests.support.platform import (
    COMMAND,
    PASSWORD,
    START_LIMIT,
    Platform,
    clean_environment,
    data_folder,
    discard,
    free_port,
    xsrf_of,
)
from tests.support.waiting import wait_for

pytestmark = pytest.mark.e2e
AWAY = "postgresql://me@127.0.0.1:9/primehub"
"""Nothing listens there: it is the port that discards."""


@pytest.fixture
def fresh() -> Iterator[Platform]:
    """A platform that was never started."""
    platform = Platform(data_folder(), free_port())
    platform.data.mkdir()
    yield platform
    discard(platform)


def gone(platform: Platform) -> bool:
    return not platform.processes()


def up(platform: Platform, *flags: str) -> subprocess.CompletedProcess[str]:
    """A start that is not expected to last."""
    words = [*COMMAND, "up", "--data", str(platform.data), "--port", str(platform.port), *flags]
    return subprocess.run(words, env=platform.environ, capture_output=True, text=True, timeout=START_LIMIT)


def test_it_starts_stops_and_starts_again_with_all_its_data(fresh: Platform) -> None:
    fresh.start()
    assert f"PrimeHub is at  {fresh.url}" in fresh.said()
    assert httpx.get(fresh.api + "/health", trust_env=False, timeout=30).json()["status"] in ("ok", "degraded")
    fresh.become_admin()
    fresh.call("POST", "/groups", {"name": "kept"})
    assert fresh.stop() == 0
    wait_for(lambda: gone(fresh), what="no process is left")

    fresh.start()
    assert fresh.first_link() is None, "the link was used"
    assert fresh.call("GET", "/groups/kept")["name"] == "kept"
    fresh.sign_in("admin", PASSWORD).close()
    fresh.stop()


def test_the_first_link_works_once_and_there_is_no_default_password(fresh: Platform) -> None:
    fresh.start()
    token = wait_for(fresh.first_link).partition("#")[2]
    for password in ("admin", "", "password", "primehub"):
        body = {"auth": {"username": "admin", "password": password}}
        url = f"{fresh.url}/hub/api/users/admin/tokens"
        assert httpx.post(url, json=body, trust_env=False, timeout=30).status_code == 403
    fresh.redeem(token, PASSWORD).close()
    wait_for(lambda: not (fresh.data / "run/first-sign-in").exists(), what="the link's file is gone")
    with fresh.browser() as browser:
        form = {"token": token, "use": "1", "password": "another long one", "repeat_password": "another long one"}
        page = browser.get("/hub/invite").text
        assert "does not work" in browser.post("/hub/invite", data={"_xsrf": xsrf_of(page), **form}).text
    assert token not in fresh.hub_log(10_000)
    assert token not in (fresh.data / "log/proxy.log").read_text()


def test_secrets_are_for_the_platforms_user_alone(platform: Platform) -> None:
    for path in (platform.data / "secrets").iterdir():
        assert path.stat().st_mode & 0o077 == 0, path
    for path in (platform.data / "secrets", platform.data / "hub", platform.data / "run", platform.data / "log"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert (platform.data / "primehub.sqlite").stat().st_mode & 0o077 == 0
    words = [word for process in platform.processes() for word in process.cmdline()]
    for path in (platform.data / "secrets").iterdir():
        secret = path.read_text(errors="replace").strip()
        assert not [w for w in words if secret in w], f"{path.name} is in a command line"


def test_a_second_start_on_the_same_data_names_the_first(platform: Platform) -> None:
    done = up(platform)
    assert done.returncode == 1
    assert str(platform.state()["pid"]) in done.stderr
    assert "primehub down" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_taken_port_is_named_with_its_holder_and_a_way_out(fresh: Platform) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", fresh.port))
        holder.listen()
        done = up(fresh)
    assert done.returncode == 1
    assert f"Port {fresh.port} is taken" in done.stderr
    assert f"process {os.getpid()}" in done.stderr
    assert "--port" in done.stderr
    assert gone(fresh)


def test_a_data_folder_that_cannot_be_written_is_named(fresh: Platform) -> None:
    blocker = fresh.data / "file"
    blocker.write_text("")
    words = [*COMMAND, "up", "--data", str(blocker / "data"), "--port", str(fresh.port)]
    done = subprocess.run(words, env=clean_environment(), capture_output=True, text=True, timeout=START_LIMIT)
    assert done.returncode == 1
    assert str(blocker / "data") in done.stderr
    assert "--data" in done.stderr


@pytest.mark.parametrize("variable", ["PRIMEHUB_SETTING__PROT", "PRIMEHUB_SETTING__LOCAL__SANDBOXX"])
def test_an_unknown_setting_is_named(fresh: Platform, variable: str) -> None:
    fresh.environ[variable] = "1"
    done = up(fresh)
    assert done.returncode == 1
    assert variable.split("__")[-1].lower() in done.stderr
    assert "Traceback" not in done.stderr


def test_a_providers_secret_in_the_settings_file_stays_with_the_hub(fresh: Platform) -> None:
    file = fresh.data.parent / "settings.yaml"
    provider = {"issuer": "https://sso.example.org", "client_id": "primehub", "client_secret": "the-hubs-alone-77"}
    file.write_text(json.dumps({"accounts": {"oidc": provider}, "local": {"capacity_cpu": 3}}))
    fresh.start("--settings", str(file))
    (services,) = (p for p in fresh.processes() if "primehub_services.app" in p.cmdline())
    assert "the-hubs-alone-77" not in str(services.environ())
    assert str(file) not in str(services.environ())
    fresh.become_admin()
    assert fresh.call("GET", "/status")["status"] in ("ok", "degraded")
    with fresh.browser() as browser:
        assert "Single sign-on" in browser.get("/hub/login").text
    assert fresh.stop() == 0


def test_other_machines_only_with_tls_or_a_flag(fresh: Platform) -> None:
    done = up(fresh, "--host", "0.0.0.0")
    assert done.returncode == 1
    assert "--insecure-http" in done.stderr
    assert gone(fresh)


def test_a_second_ctrl_c_hastens_the_end(fresh: Platform) -> None:
    fresh.start()
    fresh.signal(signal.SIGINT)
    wait_for(lambda: "Stopping" in fresh.said(), what="it is stopping")
    fresh.signal(signal.SIGINT)
    assert fresh.stop(20) == 0
    wait_for(lambda: gone(fresh), what="no process is left")


@contextmanager
def hangups(disposition: signal.Handlers) -> Iterator[None]:
    """What is started in the block inherits this, whatever these tests were started with."""
    before = signal.signal(signal.SIGHUP, disposition)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_closed_terminal_ends_it_unless_nohup_said_otherwise(fresh: Platform) -> None:
    with hangups(signal.SIG_DFL):
        fresh.start()
    fresh.signal(signal.SIGHUP)
    assert fresh.process is not None
    assert fresh.process.wait(60) == 0
    fresh.process = None
    wait_for(lambda: gone(fresh), what="no process is left")


def test_nohups_wish_is_kept(fresh: Platform) -> None:
    with hangups(signal.SIG_IGN):
        fresh.start()
    fresh.signal(signal.SIGHUP)
    hub = fresh.state()["hub_pid"]
    fresh.signal(signal.SIGUSR1)  # handled after the hangup, so the hangup was ignored once this is done
    wait_for(lambda: fresh.state()["hub_pid"] not in (hub, None), 30, what="the hub was restarted")
    assert fresh.process is not None
    assert fresh.process.poll() is None


def test_a_killed_hub_and_a_killed_proxy_are_started_again(fresh: Platform) -> None:
    fresh.start()
    for part in ("hub_pid", "proxy_pid"):
        old = fresh.state()[part]
        os.kill(old, signal.SIGKILL)
        wait_for(lambda p=part, o=old: fresh.state()[p] not in (o, None), 30, what=f"a new {part}")  # type: ignore[misc]
        wait_for(lambda: answers(fresh), 60, what="it answers again")
    services = [p for p in fresh.processes() if "primehub_services.app" in p.cmdline()]
    assert len(services) == 1, "the services of the killed hub are gone"


def answers(platform: Platform) -> bool:
    try:
        return httpx.get(platform.api + "/health", timeout=30, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def test_a_start_after_a_kill_takes_over_the_proxy_and_replaces_the_hub(fresh: Platform) -> None:
    fresh.start()
    before = fresh.state()
    assert fresh.process is not None
    fresh.process.kill()
    fresh.process.wait()
    assert psutil.pid_exists(before["hub_pid"])
    fresh.start()
    after = fresh.state()
    assert after["proxy_pid"] == before["proxy_pid"], "connections through it stay open"
    assert after["hub_pid"] != before["hub_pid"]
    assert not psutil.pid_exists(before["hub_pid"])
    assert fresh.stop() == 0
    wait_for(lambda: gone(fresh), what="no process is left")


def outlived(platform: Platform) -> Workloads:
    """The workloads of a platform whose ``primehub up`` was killed: one of them runs."""
    assert platform.process is not None
    platform.process.kill()
    platform.process.wait()
    workloads = Workloads(platform.data)
    one = SandboxSpec(
        key="outlived",
        argv=("/bin/sleep", "600"),
        sandboxed=False,
        cwd="/",
        env={"PATH": "/bin"},
        **dict(zip(("uid", "gid"), workload_identity(1000), strict=True)),
    )
    workloads.start(one)
    return workloads


def lives(workloads: Workloads) -> bool:
    status = workloads.status("outlived")
    return status is not None and status.alive


def test_a_start_that_cannot_have_its_port_ends_nothing_that_an_earlier_one_left(fresh: Platform) -> None:
    fresh.start()
    before = fresh.state()
    workloads = outlived(fresh)
    os.kill(before["proxy_pid"], signal.SIGKILL)
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        wait_for(lambda: ports.is_free("127.0.0.1", fresh.port), what="the port is free")
        holder.bind(("127.0.0.1", fresh.port))
        holder.listen()
        assert up(fresh).returncode == 1
    assert lives(workloads)
    assert fresh.cli("down", "--data", str(fresh.data)).returncode == 0
    wait_for(lambda: gone(fresh), what="no process is left")


@pytest.mark.parametrize("wrong", [{"DATABASE_URL": AWAY}, {"HUB_DATABASE_URL": AWAY}])
def test_a_start_that_fails_ends_nothing_that_an_earlier_one_left_and_the_next_finds_it(
    fresh: Platform, wrong: dict[str, str]
) -> None:
    fresh.start()
    before = fresh.state()
    workloads = outlived(fresh)
    right = dict(fresh.environ)
    fresh.environ |= {f"PRIMEHUB_SETTING__{name}": value for name, value in wrong.items()}
    failed = up(fresh)
    assert failed.returncode == 1
    assert "Notebooks and jobs of before go on: 1" in failed.stdout
    assert lives(workloads)
    assert psutil.pid_exists(before["proxy_pid"])
    fresh.environ = right
    fresh.start()
    assert fresh.state()["proxy_pid"] == before["proxy_pid"]
    assert lives(workloads)
    assert fresh.stop() == 0
    wait_for(lambda: gone(fresh) and not lives(workloads), what="no process is left")


def test_down_ends_what_a_killed_start_left(fresh: Platform) -> None:
    fresh.start()
    assert fresh.process is not None
    fresh.process.kill()
    fresh.process.wait()
    done = fresh.cli("down", "--data", str(fresh.data))
    assert done.returncode == 0, done.stderr
    wait_for(lambda: gone(fresh), what="no process is left")


def test_detached_it_returns_and_down_ends_it(fresh: Platform) -> None:
    done = up(fresh, "--detach")
    assert done.returncode == 0, done.stderr
    assert "/hub/invite#" in done.stdout
    assert answers(fresh)
    token = done.stdout.split("/hub/invite#")[1].split()[0]
    assert token not in (fresh.data / "log/up.log").read_text()
    status = fresh.cli("status", "--data", str(fresh.data), "--json")
    shown = json.loads(status.stdout)
    assert status.returncode == 0
    assert shown["running"]
    assert shown["answers"]
    restarted = fresh.cli("restart", "--data", str(fresh.data))
    assert restarted.returncode == 0, restarted.stderr
    assert fresh.state()["hub_pid"] != shown["hub_pid"]
    assert fresh.state()["proxy_pid"] == shown["proxy_pid"]
    assert fresh.cli("down", "--data", str(fresh.data)).returncode == 0
    assert fresh.cli("status", "--data", str(fresh.data)).returncode == 1
    wait_for(lambda: gone(fresh), what="no process is left")


def test_with_tls_everything_is_https(fresh: Platform) -> None:
    fresh.url = f"https://127.0.0.1:{fresh.port}"
    fresh.start("--self-signed")
    trust = ssl.create_default_context(cafile=fresh.data / "secrets" / "tls.crt")
    with httpx.Client(base_url=fresh.url, verify=trust, trust_env=False, timeout=30) as browser:
        assert browser.get("/services/primehub/api/v1/health").status_code == 200
        token = wait_for(fresh.first_link).partition("#")[2]
        assert token
        page = browser.get("/hub/invite").text
        form = {"token": token, "use": "1", "password": PASSWORD, "repeat_password": PASSWORD}
        answer = browser.post("/hub/invite", data={"_xsrf": xsrf_of(page), **form})
    sessions = [c for c in answer.headers.get_list("set-cookie") if c.startswith("jupyterhub-")]
    assert sessions
    assert all("secure" in cookie.lower() and "httponly" in cookie.lower() for cookie in sessions)


def test_a_locked_out_administrator_gets_back_in(platform: Platform) -> None:
    done = platform.cli("sign-in-link", "--data", str(platform.data))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{platform.url}/hub/invite#")
    platform.redeem(done.stdout.strip().partition("#")[2], PASSWORD).close()
    platform.admin_token = platform.token("admin", PASSWORD)
    assert platform.call("GET", "/me")["platform_admin"]
    nobody = platform.cli("sign-in-link", "nobody", "--data", str(platform.data))
    assert nobody.returncode == 4
    assert "nobody" in nobody.stderr
