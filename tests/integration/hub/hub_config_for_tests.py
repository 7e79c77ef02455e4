"""The platform's own configuration, with the API elsewhere, and workloads and proxy that cost nothing."""

import os
from pathlib import Path

from traitlets import default

from hub_config.configure import configure
from hub_config.settings import Settings
from primehub_spawner.local import PrimeHubLocalSpawner
from tests.integration.hub.light import LightWorkloads, NoProxy

c = get_config()  # noqa: F821 - given by traitlets
settings = Settings.load()
configure(c, settings)


class LightSpawner(PrimeHubLocalSpawner):
    """The real spawner over light workloads."""

    @default("workloads")
    def _workloads(self):
        return LightWorkloads(Path(self.data_dir))


c.JupyterHub.proxy_class = NoProxy
c.PrimeHubAuthenticator.starting_grace = 0
if os.environ.get("TEST_WORKLOADS", "light") == "light":
    LightSpawner.workloads.klass = object
    c.JupyterHub.spawner_class = LightSpawner
with_culler = bool(os.environ.get("TEST_CULLER"))
for service in c.JupyterHub.services:
    if with_culler and service["name"] == "primehub-idle-culler":
        service["command"] = [*service["command"][:-1], "--cull-every=1"]
    elif service["name"] in ("primehub", "primehub-idle-culler", "primehub-gateway"):
        # the fake API serves in their place
        service |= {"command": [], "environment": {}, "api_token": f"{service['name']}-token", "timeout": 1}
c.JupyterHub.services.append({"name": "tester", "admin": True, "api_token": "tester-token"})
