"""A mail server and a web server that keep what they are sent."""

from __future__ import annotations

import datetime
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Certificate:
    """Of this machine's loopback; trusted by who is given ``cert``."""

    cert: Path
    key: Path

    def server(self) -> ssl.SSLContext:
        """What a server speaks TLS with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        return context


def certificate(folder: Path) -> Certificate:
    """A new one for ``localhost`` and 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    found = Certificate(folder / "cert.pem", folder / "key.pem")
    found.cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    found.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return found


@dataclass
class Inbox:
    """What arrived at a mail server, and how it answers."""

    port: int = 0
    letters: list[tuple[list[str], bytes]] = field(default_factory=list)
    """Recipients and the whole message."""
    answer: str = "250 OK"
    refuse: str = ""
    """The answer to every recipient; empty takes them."""
    goodbye: str = "221 Bye"
    """The answer to QUIT."""
    signed_in: list[tuple[bytes, bytes]] = field(default_factory=list)

    @contextmanager
    def refusing(self, answer: str) -> Iterator[None]:
        """Takes no recipient meanwhile, and says why."""
        self.refuse = answer
        try:
            yield
        finally:
            self.refuse = ""

    async def handle_RCPT(
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Whether the recipient is known."""
        if self.refuse:
            return self.refuse
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        """Keep the message."""
        if self.answer.startswith("2"):
            content = envelope.content if isinstance(envelope.content, bytes) else b""
            self.letters.append((list(envelope.rcpt_tos), content))
        return self.answer

    async def handle_QUIT(self, server: Any, session: Session, envelope: Envelope) -> str:
        """Take leave."""
        return self.goodbye

    def lines(self, to: str) -> list[str]:
        """Of the last letter to this address."""
        found = [sent for recipients, sent in self.letters if recipients == [to]]
        letter = message_from_bytes(found[-1], policy=default)
        assert isinstance(letter, EmailMessage)
        return str(letter.get_content()).splitlines()

    def authenticate(self, server: Any, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        """Only with the right password."""
        assert isinstance(data, LoginPassword)
        self.signed_in.append((data.login, data.password))
        return AuthResult(success=data.password == b"mail-password", handled=False)


class _AnyPort(Controller):
    """On whichever port the machine gives it."""

    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
        super()._trigger_server()


@contextmanager
def mail_server(tls: Certificate | None = None) -> Iterator[Inbox]:
    """A server on the loopback; with a certificate it wants STARTTLS and a sign-in."""
    inbox = Inbox()
    extra: dict[str, Any] = {}
    if tls is not None:
        extra = {"tls_context": tls.server(), "require_starttls": True, "auth_required": True}
    server = _AnyPort(inbox, hostname="127.0.0.1", port=0, authenticator=inbox.authenticate, **extra)
    server.start()
    try:
        inbox.port = server.port
        yield inbox
    finally:
        server.stop()


@dataclass
class Hook:
    """A web server that keeps what is posted to it."""

    url: str = ""
    posts: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)


@contextmanager
def web_server(tls: Certificate | None = None) -> Iterator[Hook]:
    """On the loopback; with a certificate by https."""
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["Content-Length"]))
            hook.posts.append((self.path, dict(self.headers), sent))
            self.send_response(hook.status)
            for name, value in hook.headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.server().wrap_socket(server.socket, server_side=True)
    port = server.server_address[1]
    hook.url = f"https://localhost:{port}/hook" if tls is not None else f"http://127.0.0.1:{port}/hook"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hook
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
