"""The running platform: proxy and hub, started, watched, restarted, and ended in order."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from hub_config.secret_files import secret_file

from ... import disk
from . import locks, ports, processes, proxy, reasons, routes, systemd, workloads
from .addresses import Address
from .errors import StartError
from .folders import Folders
from .node import Node
from .processes import Supervised

SETTING = "PRIMEHUB_SETTING__"
HEALTH = "/services/primehub/api/v1/health"
START_LIMIT = 180.0
"""Seconds within which the portal must answer after a start."""
DATABASE_LIMIT = 30.0
"""Seconds that a start waits for the platform's database; who starts this at boot may start it a little later."""
EARLY_DEATHS = 3
"""Deaths of the hub, or of the services, before they ever answered, after which the start is given up."""
ROUTES_EVERY = 5.0
LOGS_EVERY = 60.0
HUB_GRACE = 20.0
NOTEBOOK_GRACE = 10.0


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a start needs to know."""

    folders: Folders
    address: Address
    node: Node
    proxy_script: Path
    environment: Mapping[str, str]
    """Of the hub: this process's, with the settings that flags gave."""
    fixed_ports: Mapping[str, int]


class Platform:
    """One start of the platform, from the lock on the data folder to the last process's end."""

    def __init__(self, plan: Plan, say: Callable[[str], None]) -> None:
        self.plan = plan
        self.say = say
        self.ports: dict[str, int] = {}
        folders = plan.folders
        self.proxy = Supervised("proxy", folders.data, folders.log / "proxy.log")
        self.hub = Supervised("hub", folders.data, folders.log / "hub.log")
        self._stop = asyncio.Event()
        self._hasten = asyncio.Event()
        self._restart = asyncio.Event()
        self._routes: routes.Routes = {}
        self._short_of_disk = False

    async def run(self, when_ready: Callable[[Platform], None]) -> None:
        """Start everything, call ``when_ready``, and keep it running until a signal asks to stop.

        Raises ``StartError`` where it cannot start; what it started is ended then. Notebooks, jobs and a proxy that
        outlived an earlier start go on: the next start finds them, and ``primehub down`` ends them.
        """
        self._handle_signals()
        proxy_runs = await self._take_ports()
        ready = False
        try:
            self._begin(proxy_runs)
            if await self._wait_until_ready():
                systemd.notify("READY=1")
                when_ready(self)
                self._write_state("ready")  # whoever follows a detached start stops reading then
                ready = True
                watching = asyncio.create_task(self._watch_images())
                await self._supervise()
                await watching
        finally:
            if ready or self._stop.is_set():
                await self._end()
            else:
                await self._take_back(proxy_runs)

    @property
    def stopping(self) -> asyncio.Event:
        """Set once the platform was asked to stop."""
        return self._stop

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        stops = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup's wish is kept
            stops.append(signal.SIGHUP)
        for number in stops:
            loop.add_signal_handler(number, self._asked_to_stop)
        loop.add_signal_handler(signal.SIGUSR1, self._restart.set)

    def _asked_to_stop(self) -> None:
        if self._stop.is_set():
            self._hasten.set()
        elif sys.stdout.isatty():
            self.say("")  # after the terminal's ^C
        self._stop.set()

    async def _take_ports(self) -> bool:
        """Settle where everything listens; returns whether the proxy of an earlier start goes on."""
        folders, address = self.plan.folders, self.plan.address
        kept = await self._adopt_proxy()
        if not kept:
            ports.check_public(address.host, address.port)
        held = frozenset({ports.last(self.plan.folders)["proxy_api_port"]}) if kept else frozenset[int]()
        await processes.end(processes.leaders(folders.data, "hub"), HUB_GRACE)
        if last_hub := ports.last(self.plan.folders).get("hub_port"):
            await processes.end(processes.services_of(last_hub), 5)
        folders.first_sign_in.unlink(missing_ok=True)  # the services write it again while the link is unused
        self.ports = ports.assign(folders, self.plan.fixed_ports, ours=held)
        return kept

    def _begin(self, proxy_runs: bool) -> None:
        self._write_state("starting")
        if not proxy_runs:
            self._start_proxy()
        self.say("Starting the hub and its services")
        self._start_hub()
        self._write_state("starting")

    async def _adopt_proxy(self) -> bool:
        """Keep the proxy of a ``primehub up`` that died, so that no open kernel connection drops."""
        found = processes.leaders(self.plan.folders.data, "proxy")
        last = ports.last(self.plan.folders)
        wanted = self._proxy_command(last) if last.keys() >= set(ports.INTERNAL) else None
        for process in found:
            try:
                # anybody can write such a command line
                if process.cmdline() == wanted and process.uids().effective == os.geteuid():
                    self.say(f"Taking over the proxy that runs already (process {process.pid})")
                    self.proxy.adopt(process)
                    await processes.end([p for p in found if p.pid != process.pid], 5)
                    return True
            except psutil.Error:
                continue
        await processes.end(found, 5)
        return False

    def _proxy_command(self, inner: Mapping[str, int]) -> list[str]:
        plan = self.plan
        api_port, hub_port = inner["proxy_api_port"], inner["hub_port"]
        return proxy.command(plan.node, plan.proxy_script, plan.address, api_port=api_port, hub_port=hub_port)

    def _proxy_token(self) -> str:
        return secret_file(self.plan.folders.secrets / "proxy.token")

    def _start_proxy(self) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PRIMEHUB_", "JUPYTERHUB_"))}
        self.proxy.start(
            self._proxy_command(self.ports),
            {**environment, "CONFIGPROXY_AUTH_TOKEN": self._proxy_token()},
            self.plan.folders.run,
        )

    def _environment(self) -> dict[str, str]:
        environment = dict(self.plan.environment)
        environment[f"{SETTING}DATA_DIR"] = json.dumps(str(self.plan.folders.data), ensure_ascii=False)
        for name, port in self.ports.items():
            environment[SETTING + name.upper()] = str(port)
        return environment

    def _start_hub(self) -> None:
        import hub_config

        config = Path(hub_config.__file__).with_name("jupyterhub_config.py")
        command = [sys.executable, "-m", "hub_config", "-f", str(config)]
        self.hub.start(command, self._environment(), self.plan.folders.hub)

    async def _wait_until_ready(self) -> bool:
        """Wait for the portal; False where it was asked to stop meanwhile."""
        began = time.monotonic()
        waits = None
        while not self._stop.is_set():
            # the services first: the proxy logs every question that nobody behind it answers
            inner = f"http://127.0.0.1:{self.ports['services_port']}"
            if await answers(inner) and await answers(self.plan.address.local_url):
                return True
            if not self.proxy.running:
                raise _does_not_start(self.proxy)
            if not self.hub.running:
                pause = self.hub.pause()
                if self.hub.failures >= EARLY_DEATHS:
                    raise _does_not_start(self.hub)
                await self._sleep(pause)
                self._start_hub()
            took = time.monotonic() - began
            waits = self._minded_services(waits, took)
            if took > START_LIMIT:
                msg = f"The portal did not answer within {START_LIMIT:.0f} s. The hub's last words:\n"
                raise StartError(msg + self.hub.last_words(), f"Its log is {self.hub.log}")
            await self._sleep(0.15)
        return False

    def _minded_services(self, told: str | None, took: float) -> str | None:
        """What the services wait for, said where it is not what was ``told`` before. Raises ``StartError`` where they end
        again and again, or have waited for too long."""
        words = self.hub.last_words(reasons.ALL)
        if reasons.services_exits(words) > EARLY_DEATHS:
            raise StartError(reasons.why("services", words), f"Its log is {self.hub.log}")
        waits = reasons.waits(words)
        if waits is None:
            return told
        if took > DATABASE_LIMIT:
            msg = f"The services do not start, for {DATABASE_LIMIT:.0f} s: {waits}"
            raise StartError(msg, f"Their log is {self.hub.log}")
        if waits != told:
            self.say(f"Waiting: {waits}")
        return waits

    async def _watch_images(self) -> None:
        """Say how the first image is being made, while it is."""
        watcher = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "primehub_services.maintenance", "watch-images"),
            env={**self._environment(), processes.PLATFORM: str(self.plan.folders.data)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        stopped = asyncio.create_task(self._stop.wait())
        assert watcher.stdout is not None
        while not self._stop.is_set():
            line = asyncio.create_task(watcher.stdout.readline())
            await asyncio.wait((line, stopped), return_when=asyncio.FIRST_COMPLETED)
            if not line.done() or not line.result():
                line.cancel()
                break
            self.say(f"  {line.result().decode(errors='replace').rstrip()}")
        stopped.cancel()
        if watcher.returncode is None and self._stop.is_set():
            with contextlib.suppress(ProcessLookupError):
                watcher.kill()
        await watcher.wait()

    async def _sleep(self, seconds: float) -> None:
        """Sleep, but not longer than until the platform is asked to stop."""
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return

    async def _supervise(self) -> None:
        looked = rotated = 0.0
        while not self._stop.is_set():
            if self._restart.is_set():
                self._restart.clear()
                self.say("Restarting the hub and its services; notebooks go on")
                await self._stop_hub()
                self._start_hub()
                self._write_state("ready")
            for part, start in ((self.proxy, self._start_proxy), (self.hub, self._start_hub)):
                if not part.running:
                    await self._revive(part, start)
            now = time.monotonic()
            if now - looked > ROUTES_EVERY:
                looked = now
                self._mind_the_disk()
                self._routes = await routes.fetch(self.ports["proxy_api_port"], self._proxy_token()) or self._routes
            if now - rotated > LOGS_EVERY:
                rotated = now
                for part in (self.proxy, self.hub):
                    part.rotate()
            await self._sleep(0.2)

    def _mind_the_disk(self) -> None:
        shortage = disk.shortage(self.plan.folders.data)
        if bool(shortage) != self._short_of_disk:
            self.say(shortage or "The disk has room again")
        self._short_of_disk = bool(shortage)

    async def _revive(self, part: Supervised, start: Callable[[], None]) -> None:
        pause = part.pause()
        self.say(f"The {part.part} ended; starting it again{f' in {pause:.0f} s' if pause >= 1 else ''}")
        if part is self.hub:
            await processes.end(processes.services_of(self.ports["hub_port"]), 5)
        await self._sleep(pause)
        if not self._stop.is_set():
            start()
            if part is self.proxy:
                await self._restore_routes()
            self._write_state("ready")

    async def _restore_routes(self) -> None:
        """What the proxy knew before it ended, so that nobody waits for the hub's next look at it."""
        for _ in range(50):
            if await routes.restore(self.ports["proxy_api_port"], self._proxy_token(), self._routes):
                return
            await self._sleep(0.1)

    async def _stop_hub(self) -> None:
        services = processes.services_of(self.ports["hub_port"])
        # the services first: a hub that ends them itself looks for their end but every few seconds
        await processes.end(services, 5, self._hasten)
        await self.hub.stop(HUB_GRACE, self._hasten)
        await processes.end(processes.services_of(self.ports["hub_port"]), 5, self._hasten)

    async def _take_back(self, proxy_runs: bool) -> None:
        """End what a start that failed has started, and nothing of before. Of it, the reason is all that is worth a line."""
        self._write_state("stopping")
        await self._step("", self._stop_hub)
        if not proxy_runs:
            await self._step("", lambda: self.proxy.stop(5, self._hasten))
        if left := workloads.running(self.plan.folders.data):
            self.say(f"Notebooks and jobs of before go on: {left}. primehub down ends them")

    async def _end(self) -> None:
        """Notebooks, services, hub, proxy, in that order; then whatever else of ours is left."""
        self._write_state("stopping")
        systemd.notify("STOPPING=1")
        data = self.plan.folders.data
        await self._step("Stopping notebooks", lambda: workloads.stop_all(data, NOTEBOOK_GRACE, self._hasten))
        await self._step("Stopping the hub and its services", self._stop_hub)
        await self._step("", lambda: workloads.stop_all(data, 0, self._hasten))  # one that was started meanwhile
        await self._step("Stopping the proxy", lambda: self.proxy.stop(5, self._hasten))
        await self._step("", lambda: processes.end(processes.marked(data), 0))

    async def _step(self, text: str, step: Callable[[], Awaitable[None]]) -> None:
        """One that fails (on a full disk, say) is told of, and keeps none after it from being done."""
        if text:
            self.say(text)
        try:
            await step()
        except Exception as error:
            self.say(f"That did not go well: {error}")

    def _write_state(self, phase: str) -> None:
        state = {
            "pid": os.getpid(),
            "phase": phase,
            "address": self.plan.address.public_url,
            "local_url": self.plan.address.local_url,
            "hub_pid": self.hub.pid,
            "proxy_pid": self.proxy.pid,
            "ports": self.ports,
            "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        try:
            locks.write_state(self.plan.folders, state)
        except OSError as error:  # a full disk must not end a platform that runs
            self.say(f"{locks.state_file(self.plan.folders)} cannot be written: {error.strerror}")


def _does_not_start(part: Supervised) -> StartError:
    return StartError(reasons.why(part.part, part.last_words(reasons.LINES)), f"Its log is {part.log}")


async def answers(local_url: str) -> bool:
    """Whether the platform's API answers there."""
    import httpx

    try:
        # the certificate is our own, on our own machine, and nothing secret is sent
        async with httpx.AsyncClient(verify=False, timeout=3, trust_env=False) as http:
            return (await http.get(local_url + HEALTH)).status_code == 200
    except httpx.HTTPError:
        return False
