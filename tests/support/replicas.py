"""Several processes of the services over one database and one folder."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from primehub_services.store import leader
from primehub_services.store.database import Database

from . import databases
from .platform import API_PATH, clean_environment, free_port
from .sandbox import public_folder
from .waiting import wait_for

START_LIMIT = 60


@dataclass
class Replica:
    """One of them."""

    process: subprocess.Popen[bytes]
    port: int
    output: Path

    @property
    def url(self) -> str:
        """The root of its API."""
        return f"http://127.0.0.1:{self.port}{API_PATH}"

    def said(self) -> str:
        """What it has logged."""
        return self.output.read_text(errors="replace")

    def answers(self) -> bool:
        """Whether its API does."""
        assert self.process.poll() is None, self.said()
        try:
            return httpx.get(f"{self.url}/health", trust_env=False, timeout=10).is_success
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        """As a host that goes away would."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Stop it where it is, until ``resume``."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)


@dataclass
class Replicas:
    """All of them, those that were killed too."""

    folder: Path
    url: str
    database: Database
    environ: dict[str, str] = field(default_factory=dict)
    started: list[Replica] = field(default_factory=list)

    @property
    def data(self) -> Path:
        """The folder that they share."""
        return self.folder / "data"

    def start(self, number: int, *options: str) -> list[Replica]:
        """As many more, at once."""
        found = [self.begin("--elect", *options) for _ in range(number)]
        for one in found:
            wait_for(one.answers, START_LIMIT, what="a replica answers")
        return found

    def begin(self, *options: str) -> Replica:
        """One more, which may not answer for long."""
        port, output = free_port(), self.folder / f"replica-{len(self.started)}.log"
        environ = {
            "PRIMEHUB_SETTING__DATA_DIR": str(self.data),
            "PRIMEHUB_SETTING__DATABASE_URL": self.url,
            "PRIMEHUB_SETTING__SERVICES_PORT": str(port),
            "PRIMEHUB_SETTING__HUB_PORT": "9",  # nobody is there, which is the controllers' trouble alone
            **self.environ,
        }
        with output.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "primehub_services.app", *options],
                env=clean_environment(**environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.started.append(Replica(process, port, output))
        return self.started[-1]

    def leader(self) -> Replica | None:
        """The one that leads now."""
        found = self.database.read_now(leader.leadership)
        if found is None or not found.held:
            return None
        holder = {f"process {one.process.pid}": one for one in self.started}
        return holder.get(found.holder.rpartition(", ")[2])

    def elected(self, *, but: Replica | None = None, seconds: float = 10) -> Replica:
        """The one that leads, once there is one; ``but`` is not it."""

        def other() -> Replica | None:
            found = self.leader()
            return None if found is but else found

        found = wait_for(other, seconds, what="one leads")
        assert found is not None
        return found


@contextmanager
def replicas() -> Iterator[Replicas]:
    """None as yet, over a database that is empty; all are ended with the block."""
    with databases.postgres_database(databases.postgres_server()) as url, public_folder() as folder:
        folder.chmod(0o755)
        (folder / "data" / "secrets").mkdir(parents=True)
        for name in ("spawner.token", "authenticator.token", "portal_cookie_secret", "metrics.token"):
            (folder / "data" / "secrets" / name).write_text("ab" * 32)
            (folder / "data" / "secrets" / name).chmod(0o600)
        database = Database(url)
        made = Replicas(folder, url, database)
        try:
            yield made
        finally:
            for one in made.started:
                one.kill()
            database.close()
