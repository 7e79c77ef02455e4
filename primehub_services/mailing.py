"""How the platform sends e-mail, as its settings have it."""

from __future__ import annotations

from datetime import UTC, datetime

from hub_config.settings import Settings

from .api.context import Post
from .controllers.messengers import Mail, NotDelivered
from .domain.letters import Letter
from .domain.notifications import MailServer


def mail_server_of(settings: Settings) -> MailServer:
    """What platform admins may see of it."""
    given = settings.notifications.smtp
    if given is None:
        return MailServer(available=False)
    return MailServer(
        available=True,
        host=given.host,
        port=given.real_port,
        sender=given.sender,
        username=given.username,
        security=given.security,
    )


def mail_of(settings: Settings) -> Mail | None:
    """The mail server of the settings; None where they name none."""
    smtp = settings.notifications.smtp
    if smtp is None:
        return None
    return Mail(
        host=smtp.host,
        port=smtp.real_port,
        sender=smtp.sender,
        security=smtp.security,
        username=smtp.username,
        password=smtp.password.get_secret_value(),
        ca_file=smtp.ca_file,
    )


def post_of(mail: Mail | None) -> Post | None:
    """Sends letters at once, for requests that answer with what became of them."""
    if mail is None:
        return None

    async def post(to: str, letter: Letter) -> str:
        try:
            await mail.send(to, letter, now=datetime.now(UTC))
        except NotDelivered as error:
            return str(error)
        return ""

    return post
