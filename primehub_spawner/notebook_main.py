"""What a notebook's process runs: ``python -c <this file> ARGUMENTS``, in anybody's environment.

It is ``python -m jupyterhub.singleuser`` but for five things. Standard library only, as far as it is loaded by itself.

One import is put off. jsonschema, which Jupyter's events need, takes up ``rfc3987_syntax`` where it is installed, and
importing that builds a parser for a second or more, for a check (of IRIs) that no schema of Jupyter's asks for.

And visitors are looked after: who is let in without being the server's owner, a platform admin. Jupyter keeps the hub's
answer about somebody for five minutes and never asks again about an open connection. An owner who leaves loses the
server itself; a visitor who leaves would go on in it.

Jupyter warns its user of being root, and ends. Who is root here is so by leave of a platform admin, in a pod.

And JupyterLab gets what PrimeHub adds to it, which is no part of the image.

And a URL without a host, which is every address, is so to an older JupyterHub too.
"""

import asyncio
import importlib
import importlib.util
import os
import runpy
import sys
import types
import urllib.parse

SLOW = "rfc3987_syntax"
EXTENSION = "PRIMEHUB_JUPYTER"
"""Variable with the folder of what PrimeHub adds (``primehub_services.sandbox.extension``)."""
PACKAGE = "jupyter_primehub_ext"
URL = "JUPYTERHUB_SERVICE_URL"
EVERYWHERE_SINCE = (5, 3)
"""The JupyterHub that first listens everywhere where its URL names no host; one before it does on the loopback alone."""
ASK_AGAIN = 4
"""Seconds between two questions to the hub about a visitor with an open connection."""


def put_off(name: str) -> None:
    """Make ``import name`` cost nothing until something of it is used. Nothing happens where it is not installed."""
    spec = importlib.util.find_spec(name)
    if spec is None:
        return

    def loaded() -> types.ModuleType:
        if sys.modules.get(name) is placeholder:
            del sys.modules[name]
        return importlib.import_module(name)

    def is_valid_syntax(*args: object, **kwargs: object) -> object:
        return loaded().is_valid_syntax(*args, **kwargs)

    placeholder = types.ModuleType(name)
    placeholder.__spec__ = spec
    # asked of every module there is by whoever looks for a class's source
    placeholder.__file__ = spec.origin
    placeholder.__path__ = list(spec.submodule_search_locations or ())
    placeholder.__dict__["is_valid_syntax"] = is_valid_syntax
    placeholder.__dict__["__getattr__"] = lambda attribute: getattr(loaded(), attribute)
    sys.modules[name] = placeholder


def extend() -> None:
    """Offer PrimeHub's package, which the platform shows in a folder of its own, to the server and to JupyterLab."""
    folder = os.environ.get(EXTENSION, "")
    if not folder or not os.path.isfile(os.path.join(folder, PACKAGE, "__init__.py")):
        return
    sys.path.append(folder)
    sys.argv[1:1] = [
        f"--ServerApp.jpserver_extensions={PACKAGE}=True",
        f"--LabApp.extra_labextensions_path={os.path.join(folder, PACKAGE, 'labextensions')}",
    ]


def be_root() -> None:
    """Begin where this is root, too: only a pod of a group that may be lets it be."""
    if os.geteuid() == 0:
        sys.argv[1:1] = ["--ServerApp.allow_root=True"]


def listen_everywhere() -> None:
    """Where the URL names no host, have an older JupyterHub listen at every IPv4 address: it knows no word for both."""
    url = urllib.parse.urlsplit(os.environ.get(URL, ""))
    if not url.netloc or url.hostname:
        return
    version = getattr(importlib.import_module("jupyterhub"), "version_info", EVERYWHERE_SINCE)
    if tuple(version[:2]) < EVERYWHERE_SINCE:
        os.environ[URL] = url._replace(netloc=f"0.0.0.0:{url.port}").geturl()


def look_after_visitors() -> None:
    """Ask the hub about a visitor at every request, and again and again while a connection of theirs is open."""
    spec = importlib.util.find_spec("jupyterhub.singleuser")
    if spec is None or spec.submodule_search_locations is None:
        return  # another kind of server
    from jupyterhub.singleuser.extension import JupyterHubIdentityProvider as Provider
    from tornado.web import HTTPError, RequestHandler
    from tornado.websocket import WebSocketHandler

    identify, known = Provider.get_user, "_jupyterhub_user"
    watches: set[asyncio.Task[None]] = set()

    async def may_stay(provider: Provider, token: str) -> bool:
        auth = provider.hub_auth
        model = await auth.user_for_token(token, use_cache=False, sync=False)
        return bool(model and auth.check_scopes(auth.access_scopes, model))

    async def watch(provider: Provider, handler: WebSocketHandler, token: str) -> None:
        while True:
            await asyncio.sleep(ASK_AGAIN)
            if handler.ws_connection is None or handler.ws_connection.is_closing():
                return
            try:
                if await may_stay(provider, token):
                    continue
            except HTTPError:
                continue  # while the hub is away nobody can take anything back
            handler.close(1008, "not allowed any more")

    async def get_user(self: Provider, handler: RequestHandler) -> object:
        known_already = hasattr(handler, known)
        user = await identify(self, handler)
        if known_already or user is None or user.username == os.environ.get("JUPYTERHUB_USER"):
            return user
        token = self.hub_auth.get_token(handler)
        if not await may_stay(self, token):
            setattr(handler, known, None)
            return None
        if isinstance(handler, WebSocketHandler):
            task = asyncio.ensure_future(watch(self, handler, token))
            watches.add(task)
            task.add_done_callback(watches.discard)
        return user

    Provider.get_user = get_user


if __name__ == "__main__":
    put_off(SLOW)
    extend()
    be_root()
    listen_everywhere()
    look_after_visitors()
    runpy.run_module("jupyterhub.singleuser", run_name="__main__", alter_sys=True)
