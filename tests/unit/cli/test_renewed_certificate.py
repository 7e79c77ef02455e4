"""A certificate that is renewed in its files is taken up by a server like the proxy's, whose connections go on."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
from pathlib import Path

import pytest

from primehub_services import proxy
from primehub_services.cli.machine import node
from tests.support.repository import certificate
from tests.support.waiting import wait_for

HOOK = Path(proxy.__file__).parent / "renewed_certificate.cjs"
# as the proxy makes its server: by the default export, with what it read of the files
SERVER = """
import fs from "node:fs";
import https from "node:https";
const file = (option) => process.argv.find((word) => word.startsWith(option)).split("=")[1];
const ssl = { cert: fs.readFileSync(file("--ssl-cert")), key: fs.readFileSync(file("--ssl-key")) };
const server = https.createServer({ ...ssl, keepAliveTimeout: 60000 }, (request, answer) => answer.end("here"));
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
"""


@pytest.mark.parametrize("broken_first", [False, True])
def test_a_renewed_certificate_is_in_use_soon_and_no_connection_ends_for_it(tmp_path: Path, broken_first: bool) -> None:
    (tmp_path / "server.mjs").write_text(SERVER)
    cert, key = certificate(tmp_path)
    (new := tmp_path / "new").mkdir()
    new_cert, new_key = certificate(new)
    words = [str(node.find().node), str(tmp_path / "server.mjs"), f"--ssl-cert={cert}", f"--ssl-key={key}"]
    env = {"PATH": os.environ["PATH"], "NODE_OPTIONS": f"--require={HOOK}", "PRIMEHUB_CERTIFICATE_EVERY_MS": "50"}
    with subprocess.Popen(words, env=env, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            with _connected(port, cert) as before:
                assert _asked(before) == 200
                if broken_first:
                    cert.write_text("half of it")
                    wait_for(lambda: _shown(port) == _pem(before), 10, what="it goes on")
                new_key.replace(key)
                renewed = new_cert.read_text()
                new_cert.replace(cert)
                wait_for(lambda: _shown(port).split() == renewed.split(), 20, what="the new certificate is shown")
                assert _asked(before) == 200
        finally:
            server.kill()


def _connected(port: int, authority: Path) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(authority))
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), 10), server_hostname="127.0.0.1")


def _asked(connection: ssl.SSLSocket) -> int:
    connection.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
    return int(connection.recv(10_000).split()[1])


def _shown(port: int) -> str:
    return ssl.get_server_certificate(("127.0.0.1", port))


def _pem(connection: ssl.SSLSocket) -> str:
    found = connection.getpeercert(binary_form=True)
    assert found is not None
    return ssl.DER_cert_to_PEM_cert(found)
