"""A plain JupyterHub with live status: people, the no-op launch, and polls every five seconds."""

import os

from benchmarks.hub_overhead.spawners import NoopSpawner

c = get_config()  # noqa: F821 - given by traitlets
c.JupyterHub.spawner_class = NoopSpawner
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.Spawner.poll_interval = 5
c.JupyterHub.concurrent_spawn_limit = 0
c.JupyterHub.hub_port = int(os.environ["BENCHMARK_HUB_PORT"])
c.JupyterHub.bind_url = os.environ["BENCHMARK_URL"]
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 30}
c.JupyterHub.cleanup_servers = False
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.api_url = os.environ["BENCHMARK_PROXY_API"]
c.ConfigurableHTTPProxy.auth_token = "benchmark"
c.JupyterHub.services = [{"name": "benchmark", "api_token": "benchmark-token"}]
c.JupyterHub.load_roles = [
    {"name": "benchmark", "services": ["benchmark"], "scopes": ["admin:users", "servers", "list:users"]}
]
