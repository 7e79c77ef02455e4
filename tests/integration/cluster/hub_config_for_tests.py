"""The platform's own configuration for a cluster, with hub and services on this machine and a proxy that costs nothing."""

import os

from hub_config.configure import configure
from hub_config.settings import Settings
from tests.integration.hub.light import NoProxy

c = get_config()  # noqa: F821 - given by traitlets
settings = Settings.load()
configure(c, settings)
# of this machine, not of a pod
c.JupyterHub.hub_bind_url = f"http://0.0.0.0:{os.environ['TEST_HUB_PORT']}"
c.JupyterHub.proxy_class = NoProxy
c.PrimeHubAuthenticator.starting_grace = 0
for service in c.JupyterHub.services:
    if service["name"] == "primehub-idle-culler":
        service |= {"command": [], "environment": {}, "api_token": "culler-token"}
c.JupyterHub.services.append({"name": "tester", "admin": True, "api_token": "tester-token"})
