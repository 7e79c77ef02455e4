"""Runs the gateway: ``python -m primehub_services.gateway --state FILE``.

The hub starts it as a managed service, on Kubernetes it is a Deployment. Either way it gets its address, its token and
the hub's address by the variables that the hub gives to services, and the API's by ``PRIMEHUB_API_URL``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from tornado.netutil import bind_sockets

from ..client.base import ApiClient
from ..client.routes import RoutesClient
from ..listening import host_of
from .access import Gate
from .application import follow, make_application, make_server
from .base import Context
from .metrics import Metrics
from .sign_in import SignIn, cookie_secret
from .table import TableKeeper
from .upstream import Upstreams

log = logging.getLogger("primehub.gateway")
PREFIX = "/services/primehub-gateway/"
DEFAULT_PORT = 8093
API_TIMEOUT = 10.0
BIND_AGAIN = 2.0
"""Seconds between two tries to listen."""
RECHECK = 5.0
IN_FLIGHT = 5.0
"""Seconds that answers under way have when the process is asked to end."""
NEEDED = ("JUPYTERHUB_SERVICE_URL", "JUPYTERHUB_API_URL", "JUPYTERHUB_API_TOKEN", "PRIMEHUB_API_URL")


class StartError(Exception):
    """It cannot start; the text says why."""


@dataclass(frozen=True, slots=True)
class Config:
    """What a gateway is told."""

    url: str
    """Where it listens."""
    api: str
    hub_api: str
    token: str
    state: Path
    """The file that keeps the table."""
    metrics_token: str = ""
    prefix: str = PREFIX


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT. Returns the exit status; what is wrong is said in a sentence on stderr."""
    logging.basicConfig(
        level=os.environ.get("PRIMEHUB_LOG_LEVEL", "INFO"),
        format="%(asctime)s %(levelname).1s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    for noisy in ("httpx", "httpcore", "tornado.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        asyncio.run(_serve(configured(_options(arguments), os.environ)))
    except (StartError, OSError) as error:
        print(f"PrimeHub's gateway cannot start: {error}", file=sys.stderr)
        return 1
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="primehub-gateway", description="PrimeHub's data plane.")
    parser.add_argument("--state", type=Path, required=True, help="file that keeps the routes over restarts")
    parser.add_argument("--metrics-token-file", type=Path, help="file with the token that Prometheus sends")
    return parser.parse_args(arguments)


def configured(options: argparse.Namespace, environ: Mapping[str, str]) -> Config:
    """What command line and variables say. Raises ``StartError``."""
    missing = [name for name in NEEDED if not environ.get(name)]
    if missing:
        msg = f"{', '.join(missing)} must be set; the hub sets them for a service that it manages"
        raise StartError(msg)
    file = options.metrics_token_file
    return Config(
        url=environ["JUPYTERHUB_SERVICE_URL"],
        api=environ["PRIMEHUB_API_URL"],
        hub_api=environ["JUPYTERHUB_API_URL"],
        token=environ["JUPYTERHUB_API_TOKEN"],
        state=options.state,
        metrics_token=file.read_text().strip() if file is not None else "",
        prefix=environ.get("JUPYTERHUB_SERVICE_PREFIX") or PREFIX,
    )


async def _serve(config: Config) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    sockets = await _bound(host_of(config.url), urlsplit(config.url).port or DEFAULT_PORT)
    async with ApiClient(config.api, config.token, timeout=API_TIMEOUT) as api, _http() as http:
        context = composed(config, RoutesClient(api), http)
        context.table.load()
        server = make_server(make_application(context, cookie_secret(config.token)))
        server.add_sockets(sockets)
        tasks = [asyncio.create_task(work) for work in (context.table.run(), follow(context))]
        await stop.wait()
        server.stop()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(server.close_all_connections(), IN_FLIGHT)
        for task in tasks:
            task.cancel()


async def _bound(host: str, port: int) -> list[socket.socket]:
    """The port, once it is free: the gateway of a hub that was killed may have it until it is ended."""
    told = False
    while True:
        try:
            return bind_sockets(port, host)
        except OSError as error:
            if not told:
                log.warning("%s:%d cannot be listened on: %s; trying again", host, port, error.strerror)
            told = True
        await asyncio.sleep(BIND_AGAIN)


def _http() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=API_TIMEOUT, trust_env=False)


def composed(config: Config, routes: RoutesClient, http: httpx.AsyncClient, *, recheck: float = RECHECK) -> Context:
    """The parts of a gateway."""
    return Context(
        prefix=config.prefix,
        table=TableKeeper(routes, config.state),
        gate=Gate(routes),
        upstreams=Upstreams(),
        sign_in=SignIn(config.prefix, config.hub_api, config.token, http=http),
        metrics=Metrics(),
        metrics_token=config.metrics_token,
        recheck=recheck,
    )


if __name__ == "__main__":
    sys.exit(main())
