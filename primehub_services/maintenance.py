"""Composition root of what is done on the platform's own machine without a sign-in: whoever may read the data may."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

from hub_config.settings import Settings

from .domain.identity import LOCAL_ISSUER, PLATFORM
from .domain.images import ImagePhase
from .domain.problems import Conflict, NotFound
from .domain.system import InvitationKind
from .operations.invitations import ACCOUNT_LINK_LIFETIME
from .store import accounts, catalog, invitations, secrets
from .store.crypto import Keyring
from .store.database import Database
from .store.orm import ImageRow
from .store.unit_of_work import UnitOfWork


def sign_in_link(database_url: str, name: str) -> str:
    """The token of a new one-time link with which a local account sets a password. The change is in the audit log.

    Raises ``NotFound`` where there is no such account, ``Conflict`` where it could not sign in with a password.
    """
    database = Database(database_url)
    try:
        return database.write_now(_sign_in_link, name)
    finally:
        database.close()


def _sign_in_link(uow: UnitOfWork, name: str) -> str:
    account = accounts.by_name(uow, name, lock=True)
    if account is None:
        raise NotFound.of("user", name)
    if account.issuer != LOCAL_ISSUER:
        msg = f"{name} signs in through an identity provider and has no password here."
        raise Conflict(msg)
    if not account.enabled:
        msg = f"{name} is disabled. A platform admin can enable the account."
        raise Conflict(msg)
    row, token = invitations.add(
        uow,
        InvitationKind.ACCOUNT,
        created_by=PLATFORM.name,
        lifetime=ACCOUNT_LINK_LIFETIME,
        account_id=account.id,
    )
    uow.audit(PLATFORM, "invitation.create", row.id, kind=row.kind, user=name)
    uow.changed("invitation", row.id, "create", account_id=account.id)
    return token


def rotate_keys(database_url: str, key_file: Path) -> int:
    """Encrypt every secret with a new key and drop the old ones. The number of values. It is in the audit log.

    Raises ``KeyringError`` where the keys cannot be used, or are not those of this database; then nothing is lost.
    """
    database = Database(database_url)
    try:
        count = secrets.rotate(database, Keyring.load_or_create(key_file))
        database.write_now(lambda uow: uow.audit(PLATFORM, "secret.rotate-keys", "secrets", count=count))
    finally:
        database.close()
    return count


@dataclass(frozen=True, slots=True)
class ImageLine:
    """How an image that is not ready is doing. ``tenth`` is 11 where it failed."""

    name: str
    tenth: int
    text: str


def image_lines(database_url: str) -> tuple[dict[str, ImageLine], bool]:
    """A line for each image that is not ready, by id, and whether any is still being made."""
    database = Database(database_url)
    try:
        return database.read_now(_image_lines)
    finally:
        database.close()


def _image_lines(uow: UnitOfWork) -> tuple[dict[str, ImageLine], bool]:
    lines: dict[str, ImageLine] = {}
    making = False
    for row in uow.session.scalars(catalog.visible(ImageRow, None)):
        name = row.display_name or row.name
        if row.phase == ImagePhase.FAILED.value:
            text = f"The image {name} could not be built: {row.message}\nOnce that is fixed: primehub images rebuild {row.slug}"
            lines[row.id] = ImageLine(name, 11, text)
        elif row.phase != ImagePhase.READY.value:
            making = True
            text = f"Building the image {name}: {row.progress:3d} %  {row.message}".rstrip()
            lines[row.id] = ImageLine(name, row.progress // 10, text)
    return lines, making


def watch_images(database_url: str) -> None:
    """Print how images are being made, a line for each tenth, until all of them are ready or have failed."""
    shown: dict[str, ImageLine] = {}
    while True:
        lines, making = image_lines(database_url)
        for key, line in lines.items():
            if key not in shown or shown[key].tenth != line.tenth:
                print(line.text, flush=True)
        for key in shown.keys() - lines.keys():
            print(f"The image {shown[key].name} is ready", flush=True)
        shown = lines
        if not making:
            return
        time.sleep(1)


if __name__ == "__main__":  # a process of its own, so that `primehub up` itself stays small
    if sys.argv[1:] == ["watch-images"]:
        watch_images(Settings.load().primehub_database_url)
