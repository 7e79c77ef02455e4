"""A notebook server that costs next to nothing, in JupyterHub's place: see ``tests/support/light_notebook.py``."""

import base64
import hashlib
import os
import signal
import socketserver
import sys
import threading
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit


def hold(variable):
    name = os.environ.get(variable)
    while name and not os.path.exists(os.path.join(os.environ["HOME"], name)):
        threading.Event().wait(0.05)


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


def serve(handler):
    """Listen where the hub expects it: on this machine's loopback, or wherever a pod is reached."""
    url = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
    Server((url.hostname or "", url.port), handler).serve_forever()


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    print("light notebook", sys.argv[1:], flush=True)
    hold("HOLD_START")
    serve(Handler)
