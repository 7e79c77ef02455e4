"""Where the platform listens, and what people open: this machine alone unless TLS or a flag says otherwise."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from .errors import StartError
from .folders import Folders, write_private


@dataclass(frozen=True, slots=True)
class Address:
    """The public address. ``cert`` and ``key`` are set together."""

    host: str
    port: int
    public_url: str
    cert: Path | None = None
    key: Path | None = None
    behind_proxy: bool = False
    """Whether another proxy in front says who asks, and by which address."""

    @property
    def local_url(self) -> str:
        """How this machine itself reaches it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)
        host = f"[{host}]" if ":" in host and not host.startswith("[") else host
        return f"{'https' if self.cert else 'http'}://{host}:{self.port}"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def resolve(  # one parameter for each flag
    folders: Folders,
    *,
    host: str,
    port: int,
    public_url: str,
    cert: Path | None,
    key: Path | None,
    self_signed: bool,
    behind_proxy: bool,
    insecure_http: bool,
) -> Address:
    """The address that the flags and settings mean. Raises ``StartError`` where they would send passwords in clear."""
    if bool(cert) != bool(key):
        msg = "A certificate needs its key."
        raise StartError(msg, "Give both --tls-cert FILE and --tls-key FILE.")
    for name, path in (("certificate", cert), ("key", key)):
        if path is not None and not path.is_file():
            msg = f"The TLS {name} {path} is not there."
            raise StartError(msg, "Give the path of a PEM file.")
    if cert and key:
        _check_pair(cert, key)
    if behind_proxy and not public_url:
        msg = "Behind a proxy, the address that people use is not this machine's own."
        raise StartError(msg, "Say it with --public-url https://primehub.example.org")
    if public_url and (urlsplit(public_url).scheme not in ("http", "https") or not urlsplit(public_url).netloc):
        msg = f"{public_url!r} is no address that people can open."
        raise StartError(msg, "Write --public-url like https://primehub.example.org")
    if self_signed and not cert:
        cert, key = certificate(folders, host)
    if not is_loopback(host) and not (cert or behind_proxy or insecure_http):
        msg = f"On {host} other machines reach PrimeHub, and without TLS everyone on the way reads passwords."
        raise StartError(
            msg,
            "Give --tls-cert FILE --tls-key FILE, or --self-signed, or --behind-proxy --public-url URL where a proxy"
            " does TLS, or --insecure-http if you accept that.",
        )
    scheme = "https" if cert else "http"
    shown = socket.getfqdn() if host in ("0.0.0.0", "::") else host
    shown = f"[{shown}]" if ":" in shown else shown
    return Address(host, port, (public_url or f"{scheme}://{shown}:{port}").rstrip("/"), cert, key, behind_proxy)


def _check_pair(cert: Path, key: Path) -> None:
    """Raises ``StartError`` where a server cannot use them together."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password="")
    except (ssl.SSLError, OSError) as error:
        reason = (error.reason or "they are not PEM") if isinstance(error, ssl.SSLError) else str(error.strerror)
        msg = f"The TLS certificate {cert} and the key {key} cannot be used: {reason.lower().replace('_', ' ')}."
        raise StartError(msg, "Give PEM files that belong together, the key without a passphrase.") from error


def certificate(folders: Folders, host: str) -> tuple[Path, Path]:
    """A self-signed certificate for this machine's names, made once and again a month before it ends."""
    cert_file, key_file = folders.secrets / "tls.crt", folders.secrets / "tls.key"
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    now = datetime.now(UTC)
    names = {"localhost", socket.gethostname(), socket.getfqdn(), "127.0.0.1", "::1"}
    if host not in ("0.0.0.0", "::"):
        names.add(host)
    wanted = {n for n in names if n}
    if cert_file.exists() and key_file.exists():
        kept = x509.load_pem_x509_certificate(cert_file.read_bytes())
        held = kept.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        has = {str(v) for v in held.get_values_for_type(x509.DNSName)}
        has |= {str(v) for v in held.get_values_for_type(x509.IPAddress)}
        if kept.not_valid_after_utc > now + timedelta(days=30) and wanted <= has:
            return cert_file, key_file
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "PrimeHub on this machine")])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=397))
        .add_extension(x509.SubjectAlternativeName([_general_name(n) for n in sorted(wanted)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # the certificate last: where it is there, its key is
    write_private(key_file, private.decode())
    write_private(cert_file, made.public_bytes(serialization.Encoding.PEM).decode())
    return cert_file, key_file


def _general_name(name: str):  # type: ignore[no-untyped-def]  # its type is cryptography's, imported late
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
