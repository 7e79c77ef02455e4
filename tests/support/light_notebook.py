"""An environment whose notebook server costs next to nothing, for tests in which many notebooks run.

It is started by the real spawner in the real sandbox, in place of JupyterLab. The person's variables make it do what
is hard to meet in time: ``HOLD_START`` and ``HOLD_STOP`` name files in the home folder for which it waits before it
listens, and before it ends.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from primehub_services.sandbox.layout import workload_identity
from primehub_services.sandbox.pythons import choose_base

from .sandbox import public_folder

SERVER = '''\
import base64, hashlib, os, signal, socketserver, sys, threading, time
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

def hold(variable):
    name = os.environ.get(variable)
    while name and not os.path.exists(os.path.join(os.environ["HOME"], name)):
        time.sleep(0.05)

def end(*_):
    def later():
        print("asked to end", flush=True)
        hold("HOLD_STOP")
        os._exit(0)
    threading.Thread(target=later).start()

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.headers.get("Upgrade", "").lower() == "websocket":
            return self.echo()
        body = b"{}"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def echo(self):
        """A websocket that sends back what it gets."""
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        self.wfile.flush()
        self.close_connection = True
        while True:
            head = self.rfile.read(2)
            if len(head) < 2:
                return
            size = head[1] & 127
            assert size < 126, "short texts only"
            mask, data = self.rfile.read(4), self.rfile.read(size)
            data = bytes(b ^ mask[i % 4] for i, b in enumerate(data))
            self.wfile.write(bytes([head[0], size]) + data)
            self.wfile.flush()

    def log_message(self, *args):
        pass

class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    print("light notebook", sys.argv[1:], flush=True)
    hold("HOLD_START")
    Server(("127.0.0.1", urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"]).port), Handler).serve_forever()
'''


@pytest.fixture(scope="session")
def light_environment() -> Iterator[str]:
    """The prefix of the environment."""
    base = choose_base(None, *workload_identity(1000))
    with public_folder() as folder:
        folder.chmod(0o755)
        prefix = folder / "light"
        subprocess.run([base.executable, "-m", "venv", "--without-pip", str(prefix)], check=True)
        packages = next(prefix.glob("lib/python*/site-packages"))
        for name in ("jupyterlab", "ipykernel", "jupyterhub"):
            (packages / name).mkdir()
            (packages / name / "__init__.py").write_text("")
        (packages / "jupyterhub" / "singleuser.py").write_text(SERVER)
        yield str(prefix)
