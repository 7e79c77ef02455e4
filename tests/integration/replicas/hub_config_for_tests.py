"""As for the API's tests, but that its services are one of several processes."""

from pathlib import Path

c = get_config()  # noqa: F821 - given by traitlets
load_subconfig("hub_config_for_tests.py", path=str(Path(__file__).parents[1] / "api"))  # noqa: F821 - likewise
for service in c.JupyterHub.services:
    if service["name"] == "primehub":
        service["command"] = [*service["command"], "--elect"]
