"""The e-mails that bring people a link. Those that tell what happened are in ``notifications``."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from .handshake import invitation_link
from .notifications import plain


@dataclass(frozen=True, slots=True)
class Letter:
    """An e-mail before it is anybody's. ``id`` is the same at each try; ``text`` may hold what nobody else may read."""

    id: str
    platform: str
    """The name of the platform that it comes from, on one line."""
    subject: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LinkFor:
    """Whom a link is for: an account, or a new person of a group; ``until`` it works, ``by`` whom it was made."""

    id: str
    until: datetime
    by: str
    platform: str
    """The platform's name."""
    user: str | None = None
    group: str | None = None


def link_letter(about: LinkFor, address: str, token: str) -> Letter:
    """The letter with a one-time link, which leads to the platform at ``address``."""
    platform = plain(about.platform)[:100]
    if about.group is not None:
        subject = f"You are invited to {plain(about.group)[:100]!r} on {platform}"
        what = "With this link you join the group, with the account that you have or a new one:"
    else:
        subject = f"Your sign-in link for {platform}"
        what = f"With this link you choose a password for your account {about.user!r} and are signed in:"
    lines = [
        f"{subject}.",
        "",
        what,
        "",
        invitation_link(address, token),
        "",
        f"It works once, until {about.until:%Y-%m-%d %H:%M} UTC. Whoever has it can use it: do not pass it on.",
        f"It was made by {plain(about.by)}. If you did not expect it, do not use it.",
    ]
    return Letter(about.id, platform, subject, "\n".join(lines) + "\n")
