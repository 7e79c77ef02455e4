"""``kill -9`` of any part, at any moment of a notebook's life: the others go on, and the claims are right again."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import pytest
import websocket

from tests.support import databases, faults
from tests.support.faults import Victim
from tests.support.light_notebook import light_environment
from tests.support.platform import STARTS_IN, Platform, running_platform
from tests.support.waiting import wait_for

__all__ = ["light_environment"]
pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]

RECOVERY = 10
"""Seconds after a recovery within which every account of what runs is the same."""
GROUP, TYPE = "crash", "drop"
DROP = {"name": TYPE, "cpu_limit": 0.5, "memory_limit": "256Mi", "cpu_request": 0.001, "memory_request": "1Mi"}


class Moment(StrEnum):
    """Where a notebook is in its life when something is killed."""

    CLAIMED = "claimed"
    """Its quota is reserved; the hub has not heard of it."""
    LAUNCHED = "launched"
    """Its process runs, and answers while what was killed is away."""
    SLOW = "slow"
    """Its process runs, and does not answer before what was killed is there again."""
    READY = "ready"
    STOPPING = "stopping"
    """It was asked to end and is not done with it."""


LIVES_ON = {
    (Victim.SERVICES, Moment.LAUNCHED),
    (Victim.SERVICES, Moment.READY),
    (Victim.SERVICES, Moment.SLOW),
    (Victim.HUB, Moment.LAUNCHED),
    (Victim.HUB, Moment.SLOW),
    (Victim.HUB, Moment.READY),
}
"""Where the notebook itself is none the worse."""
CASES = [
    (victim, moment)
    for victim, moment in itertools.product(Victim, Moment)
    if victim in (Victim.SERVICES, Victim.HUB) or moment not in (Moment.CLAIMED, Moment.SLOW)
]


@dataclass
class Scene:
    """A platform with one notebook that nobody touches, in use through the proxy, and a person who starts others."""

    platform: Platform
    image: str
    tokens: dict[str, str]
    bystander: str = ""
    line: Any = None
    """The open websocket to the bystander."""
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def start(self, user: str, **environment: str) -> str:
        """Ask for a notebook; its id."""
        body = {"group": GROUP, "instance_type": TYPE, "image": self.image, "environment": environment}
        found: dict[str, Any] = self.platform.call("POST", "/notebooks", body, token=self.tokens[user], status=202)
        return str(found["id"])

    def phase(self, start_id: str) -> str:
        """As its person sees it."""
        return str(self.platform.call("GET", f"/notebooks/{start_id}")["phase"])

    def becomes(self, start_id: str, phase: str, seconds: float = STARTS_IN) -> None:
        """Wait for a phase."""
        wait_for(lambda: self.phase(start_id) == phase, seconds, what=f"it is {phase}")

    def stop(self, start_id: str) -> None:
        """Ask for its end."""
        self.platform.call("DELETE", f"/notebooks/{start_id}")

    def release(self, user: str, name: str) -> None:
        """Let the person's notebook go on that waits for this file."""
        path = self.platform.data / "homes" / user / name
        if path.parent.exists():  # nobody's home is there before the first launch
            path.touch()

    def open_line(self) -> None:
        """Open the websocket that is to stay open."""
        self.becomes(self.bystander, "RUNNING")
        path = f"{self.platform.url.replace('http', 'ws')}/user/bea/echo"
        self.line = websocket.create_connection(path, timeout=10)
        assert self.echo("hello") == "hello"

    def echo(self, text: str) -> str:
        """What the bystander answers, on the connection that was opened before anything was killed."""
        self.line.send(text)
        return str(self.line.recv())

    def bring_to(self, moment: Moment, user: str) -> str:
        """A notebook at this moment of its life, but for ``CLAIMED``, which needs a hub that hears nothing."""
        held = {"HOLD_START": "go"} if moment in (Moment.LAUNCHED, Moment.SLOW) else {}
        held |= {"HOLD_STOP": "end"} if moment is Moment.STOPPING else {}
        start_id = self.start(user, **held)
        if moment in (Moment.LAUNCHED, Moment.SLOW):
            wait_for(lambda: "light notebook" in self.log(start_id), STARTS_IN, what="it runs")
            return start_id
        self.becomes(start_id, "RUNNING")
        if moment is Moment.STOPPING:
            self.stop(start_id)
            wait_for(lambda: "asked to end" in self.log(start_id), STARTS_IN, what="it was asked to end")
        return start_id

    def log(self, start_id: str) -> str:
        """What it has printed."""
        return "".join(
            path.read_text(errors="replace") for path in (self.platform.data / "workloads" / start_id).glob("log*")
        )


@pytest.fixture(scope="module", params=("sqlite", pytest.param("postgres", marks=pytest.mark.postgres)))
def scene(request: pytest.FixtureRequest, light_environment: str) -> Iterator[Scene]:
    """One platform for all crashes, on either store."""
    with ExitStack() as stack:
        environ = {"PRIMEHUB_SETTING__LOCAL__BASE_ENVIRONMENT": light_environment}
        if request.param == "postgres":
            url = stack.enter_context(databases.postgres_database(databases.postgres_server()))
            environ["PRIMEHUB_SETTING__DATABASE_URL"] = url
        platform = stack.enter_context(running_platform(environ))
        platform.call("POST", "/groups", {"name": GROUP, "user_quota": {"cpu": 2}})
        platform.call("POST", "/instance-types", DROP)
        image = platform.call("GET", "/images")["items"][0]["slug"]
        wait_for(
            lambda: platform.call("GET", f"/images/{image}")["phase"] == "READY", STARTS_IN, what="the image is ready"
        )
        tokens = {name: platform.add_person(name, GROUP) for name in ("ann", "bea")}
        made = Scene(platform, image, tokens)
        made.bystander = made.start("bea")
        made.open_line()
        yield made


@pytest.fixture
def nothing_else(scene: Scene) -> Iterator[None]:
    """Before and after each test the bystander alone runs, and no file waits in the home of ann."""
    for name in ("go", "end"):
        (scene.platform.data / "homes" / "ann" / name).unlink(missing_ok=True)
    yield
    for start_id in scene.platform.claimed() - {scene.bystander}:
        scene.stop(start_id)
    for name in ("go", "end"):
        scene.release("ann", name)
    wait_for(lambda: scene.platform.claimed() == {scene.bystander}, 30, what="only the bystander is left")
    wait_for(lambda: faults.accounts_agree(scene.platform), 30, what="all is quiet")


@pytest.mark.usefixtures("nothing_else")
@pytest.mark.parametrize(("victim", "moment"), CASES, ids=[f"{v}-{m}" for v, m in CASES])
def test_what_is_killed_takes_nothing_else_along_and_the_claims_are_right_again(
    scene: Scene, victim: Victim, moment: Moment
) -> None:
    platform = scene.platform
    if moment is Moment.CLAIMED:
        platform.call("GET", "/me", token=scene.tokens["ann"])  # who she is need not be asked while the hub is deaf
        with faults.held_up(platform.state()["hub_pid"]):
            start_id = scene.start("ann")
            assert start_id in platform.claimed()
            recovered = faults.kill(platform, victim, start_id)
    else:
        start_id = scene.bring_to(moment, "ann")
        recovered = faults.kill(platform, victim, start_id)
    assert scene.echo("now") == "now", "the other notebook answers while it is away"
    if moment is Moment.LAUNCHED:
        scene.release("ann", "go")
    faults.when_recovered(recovered)
    for name in ("go", "end"):
        scene.release("ann", name)

    lives_on = (victim, moment) in LIVES_ON

    def right_again() -> bool:
        # right after the end of a notebook all accounts still agree that it runs: what it has come to belongs to the
        # question. Of one that the hub may or may not have heard of, either is right
        known = moment is Moment.CLAIMED or (start_id in platform.alive()) == lives_on
        return known and faults.accounts_agree(platform)

    wait_for(right_again, RECOVERY, what="every account of what runs is the same, and right")
    assert scene.echo("after") == "after", "the same connection"
    assert scene.bystander in platform.alive()
    assert scene.phase(scene.bystander) == "RUNNING"
    if moment is Moment.CLAIMED:
        return
    ended = "STOPPED" if moment is Moment.STOPPING else "FAILED"
    assert scene.phase(start_id) == ("RUNNING" if lives_on else ended)
