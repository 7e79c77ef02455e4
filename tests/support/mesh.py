"""What puts a container of its own beside every new pod of a namespace, as a service mesh does: a real admission webhook."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from .cluster import Namespace, own_address
from .repository import certificate
from .waiting import wait_for

CONTAINER = {"name": "mesh", "image": "mesh", "securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}}
"""One that no level of Pod Security but ``privileged`` lets in."""
PLAIN_POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "try"},
    "spec": {
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "try",
                "image": "try",
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            }
        ],
    },
}
"""One that the level ``restricted`` lets in."""


class _Webhook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        patch = json.dumps([{"op": "add", "path": "/spec/containers/-", "value": CONTAINER}]).encode()
        answer = {
            "uid": asked["request"]["uid"],
            "allowed": True,
            "patchType": "JSONPatch",
            "patch": base64.b64encode(patch).decode(),
        }
        body = json.dumps({"apiVersion": asked["apiVersion"], "kind": asked["kind"], "response": answer}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


def _configuration(namespace: str, url: str, authority: bytes) -> dict[str, Any]:
    """Of the whole cluster, for this one namespace."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": namespace},
        "webhooks": [
            {
                "name": "mesh.primehub.test",
                "clientConfig": {"url": url, "caBundle": base64.b64encode(authority).decode()},
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "timeoutSeconds": 5,
            }
        ],
    }


@contextmanager
def mesh(namespace: Namespace, folder: Path) -> Iterator[None]:
    """It works on this namespace until the block ends."""
    address = own_address()
    cert, key = certificate(folder, address)
    server = ThreadingHTTPServer((address, 0), _Webhook)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"https://{address}:{server.server_port}/"
    try:
        namespace.apply(_configuration(namespace.name, url, cert.read_bytes()))
        # the API server takes it up a moment later
        wait_for(lambda: not namespace.takes(PLAIN_POD), 30, what="every new pod gets a container more")
        yield
    finally:
        namespace.kubectl("delete", "mutatingwebhookconfiguration", namespace.name, "--ignore-not-found")
        server.shutdown()
        server.server_close()
    wait_for(lambda: namespace.takes(PLAIN_POD), 30, what="new pods are left alone again")
