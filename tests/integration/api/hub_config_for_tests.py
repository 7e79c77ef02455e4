"""The platform's own configuration with its real services; workloads and proxy cost nothing."""

from pathlib import Path

from traitlets import default

from hub_config.configure import configure
from hub_config.settings import Settings
from primehub_spawner.local import PrimeHubLocalSpawner
from tests.integration.hub.light import LightWorkloads, NoProxy

c = get_config()  # noqa: F821 - given by traitlets
settings = Settings.load()
configure(c, settings)


class Workloads(LightWorkloads):
    """Servers that do as they should."""

    def render(self, plan, *, env, port, **_):
        return super().render(plan, env={**env, "MOOD": "well"}, port=port)


class LightSpawner(PrimeHubLocalSpawner):
    """The real spawner over light workloads."""

    @default("workloads")
    def _workloads(self):
        return Workloads(Path(self.data_dir))


LightSpawner.workloads.klass = object
c.JupyterHub.spawner_class = LightSpawner
c.JupyterHub.proxy_class = NoProxy
for service in c.JupyterHub.services:
    if service["name"] == "primehub-idle-culler":
        service |= {"command": [], "environment": {}, "api_token": "culler-token"}
c.JupyterHub.services.append({"name": "tester", "admin": True, "api_token": "tester-token"})
