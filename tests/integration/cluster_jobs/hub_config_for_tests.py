"""The hub of the API's tests, whose services run jobs on a cluster and listen where pods reach them."""

import os
from pathlib import Path

c = get_config()  # noqa: F821 - given by traitlets
load_subconfig(str(Path(__file__).parents[1] / "api" / "hub_config_for_tests.py"))  # noqa: F821 - given by traitlets

KEPT = ("KUBECONFIG", "PATH", "HOME")
for service in c.JupyterHub.services:
    if service["name"] == "primehub":
        service["command"] = [part.replace("--engine=fake", "--engine=kubernetes") for part in service["command"]]
        service["url"] = service["url"].replace("127.0.0.1", "0.0.0.0")
        names = [name for name in os.environ if name in KEPT or name.startswith("PRIMEHUB_SETTING__KUBERNETES__")]
        service["environment"] = {**service["environment"], **{name: os.environ[name] for name in names}}
