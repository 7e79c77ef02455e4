"""One installation on a cluster for all tests of this folder, and a person who works on it. The last file takes it away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.beside import Beside
from tests.support.chart import helm
from tests.support.cluster import require_cluster
from tests.support.installed import Installed, images, installation
from tests.support.platform import Lab
from tests.support.scenarios import Jobs
from tests.support.waiting import wait_for

SMALL = {"name": "small", "cpu_limit": 1, "memory_limit": "1Gi", "cpu_request": 0.1, "memory_request": "128Mi"}


@pytest.fixture(scope="session")
def installed() -> Iterator[Installed]:
    """PrimeHub, installed with no value but where the images are, and its administrator signed in by the one-time link."""
    require_cluster()
    helm("version")
    with installation(images()) as found:
        found.install()
        found.become_admin()
        yield found


@pytest.fixture(autouse=True)
def connected(request: pytest.FixtureRequest) -> None:
    """What leads to the installation goes on: a connection that a fault or a busy machine has cut costs one test at most."""
    if "installed" in request.fixturenames:
        installed: Installed = request.getfixturevalue("installed")
        if not installed.connected:
            installed.connect()


@pytest.fixture(scope="session")
def lab(installed: Installed) -> Lab:
    """A member of a group, with the image that the first start offers."""
    made = installed.call("POST", "/groups", {"name": "Kernels_ONE", "user_quota": {"cpu": 4}})
    group = str(made["slug"])
    installed.call("POST", "/instance-types", SMALL)
    (image,) = installed.call("GET", "/images")["items"]
    return Lab(group, str(SMALL["name"]), image["slug"], "ann", installed.add_person("ann", group))


@pytest.fixture(scope="session")
def notebook(installed: Installed, lab: Lab) -> dict[str, Any]:
    """A notebook that runs."""
    asked = installed.call("POST", "/notebooks", lab.launch, token=lab.token, status=202)

    def running() -> dict[str, Any] | None:
        now: dict[str, Any] = installed.call("GET", f"/notebooks/{asked['id']}", token=lab.token)
        assert now["phase"] in ("STARTING", "RUNNING"), f"{now}\n{installed.state_of_pods()}\n{installed.hub_log()}"
        return now if now["phase"] == "RUNNING" else None

    found = wait_for(running, 300, what="the notebook runs")
    assert found is not None
    return found


@pytest.fixture(scope="session")
def beside(installed: Installed) -> Beside:
    """A pod that an operator has made open."""
    pod = Beside(installed)
    pod.start()
    return pod


@pytest.fixture
def jobs(installed: Installed, lab: Lab) -> Jobs:
    """The person's jobs."""
    return Jobs(installed, lab)
