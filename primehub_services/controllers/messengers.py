"""Brings messages to people: by e-mail over SMTP, and to webhooks."""

from __future__ import annotations

import asyncio
import contextlib
import smtplib
import socket
import ssl
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address as HeaderAddress
from email.message import EmailMessage
from email.utils import format_datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import psutil

from .. import __version__
from ..domain import notifications, webhooks
from ..domain.letters import Letter
from ..domain.webhooks import Address, Network, WebhookRefused

_STATUS_LINE = 1024


class NotDelivered(Exception):
    """The message did not arrive, or nobody can say that it did. ``lasting`` says that trying again is in vain."""

    def __init__(self, reason: str, *, lasting: bool = False) -> None:
        super().__init__(reason)
        self.lasting = lasting


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one person. ``id`` is the same at each try."""

    id: str
    content: dict[str, Any]
    link: str


@dataclass(frozen=True, slots=True)
class Mail:
    """An SMTP server and how to use it."""

    host: str
    port: int
    sender: str
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password: str = field(default="", repr=False)
    ca_file: Path | None = None
    timeout: float = 20.0

    async def send(self, to: str, letter: Letter, *, now: datetime) -> None:
        """Hand the letter over to the server. Raises ``NotDelivered``."""
        try:
            mail = self._mail(to, letter, now)
        except (ValueError, IndexError):
            raise NotDelivered("The account's e-mail address cannot be used.", lasting=True) from None
        try:
            await asyncio.to_thread(self._send, mail, to)
        except smtplib.SMTPRecipientsRefused as error:
            code, reason = next(iter(error.recipients.values()))
            refusal = f"The mail server refuses the address: {code} {_words(reason)}"
            raise NotDelivered(refusal, lasting=code >= 500) from None
        except smtplib.SMTPAuthenticationError as error:
            raise NotDelivered(f"The mail server refuses PrimeHub's sign-in: {error.smtp_code}") from None
        except smtplib.SMTPResponseException as error:
            raise NotDelivered(f"The mail server says: {error.smtp_code} {_words(error.smtp_error)}") from None
        except (smtplib.SMTPException, OSError) as error:
            raise NotDelivered(f"The mail server cannot be reached: {error}") from None
        except ValueError:  # its words may hold a part of the password
            unfit = "The mail server's name, user name or password holds characters that cannot be sent to it."
            raise NotDelivered(unfit) from None

    def _mail(self, to: str, letter: Letter, now: datetime) -> EmailMessage:
        mail = EmailMessage()
        mail["From"] = HeaderAddress(letter.platform, addr_spec=self.sender)
        mail["To"] = to
        mail["Subject"] = f"[{letter.platform}] {letter.subject}"
        mail["Date"] = format_datetime(now)
        mail["Message-ID"] = f"<{letter.id}@{self.sender.rpartition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(letter.text)
        return mail

    def _send(self, mail: EmailMessage, to: str) -> None:
        context = ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)
        if self.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=self.timeout, context=context)
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=self.timeout)
        try:
            if self.security == "starttls":
                server.starttls(context=context)
            if self.username:
                server.login(self.username, self.password)
            server.send_message(mail, to_addrs=[to])
        finally:
            with contextlib.suppress(smtplib.SMTPException, OSError):  # it has the mail or not, however it takes leave
                server.quit()
            server.close()


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Posts to the addresses that people give, where those may be asked."""

    allowed: tuple[Network, ...] = ()
    """Networks that are not public and may be asked all the same, without TLS too."""
    timeout: float = 10.0
    """Seconds for all of one try."""
    ca_file: Path | None = None

    async def send(self, url: str, secret: str, message: Message) -> None:
        """Post the message, signed. Follows no redirect, and reads no more than whether it was taken.

        Raises ``NotDelivered``.
        """
        sent = webhooks.body(message.id, message.content, message.link)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"PrimeHub/{__version__}",
            "PrimeHub-Event": str(message.content["event"]),
            "PrimeHub-Delivery": message.id,
            "PrimeHub-Signature": webhooks.signature(secret, sent),
        }
        try:
            async with asyncio.timeout(self.timeout):
                status = await self._post(url, webhooks.request(url, sent, headers))
        except TimeoutError:
            raise NotDelivered(f"The webhook did not answer within {self.timeout:.0f} s.") from None
        except WebhookRefused as error:
            raise NotDelivered(str(error), lasting=True) from None
        except ssl.SSLError as error:
            raise NotDelivered(f"The webhook's certificate is not accepted: {error.reason or error}") from None
        except (OSError, ValueError):  # also a line without an end, and a name that is none
            raise NotDelivered("The webhook cannot be reached.") from None
        if not 200 <= status < 300:
            raise NotDelivered(f"The webhook answered {status}.", lasting=status == 410)

    async def _post(self, url: str, request: bytes) -> int:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
        webhooks.check(url, addresses, own=_own_addresses(), allowed=self.allowed)
        context = None
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)
        reader, writer = await _connect(addresses, port, context, host)
        try:
            writer.write(request)
            await writer.drain()
            return _status(await reader.readline())
        finally:
            writer.close()


async def _connect(
    addresses: Sequence[Address], port: int, context: ssl.SSLContext | None, host: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """To one of the addresses that were checked: the name may have another one at the next look."""
    for address in addresses[:-1]:
        try:
            return await _connect([address], port, context, host)
        except ssl.SSLError:
            raise
        except OSError:
            continue
    return await asyncio.open_connection(
        str(addresses[-1]), port, ssl=context, server_hostname=host if context else None
    )


def _status(line: bytes) -> int:
    words = line[:_STATUS_LINE].split()
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        msg = "The webhook's answer is not HTTP."
        raise NotDelivered(msg)
    return int(words[1])


def _own_addresses() -> Collection[Address]:
    found = set()
    for addresses in psutil.net_if_addrs().values():
        for entry in addresses:
            if entry.family in (socket.AF_INET, socket.AF_INET6):
                found.add(ip_address(entry.address.partition("%")[0]))
    return found


def _words(reason: bytes | str) -> str:
    text = reason.decode(errors="replace") if isinstance(reason, bytes) else reason
    return notifications.plain(text)[:200]
