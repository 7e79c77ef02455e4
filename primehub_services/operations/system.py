"""Settings of the platform that admins change while it runs."""

from __future__ import annotations

from collections.abc import Collection

from ..domain.identity import Actor
from ..domain.permissions import require
from ..domain.problems import Invalid
from ..domain.system import Branding, SystemSettings, SystemSettingsUpdate
from ..store import settings as store
from ..store.unit_of_work import UnitOfWork
from . import _catalog
from ._editing import check_version, given


def get(uow: UnitOfWork, actor: Actor) -> SystemSettings:
    """The settings. Every person reads them: pages show the name, the logo and the limits."""
    require(actor, "self.read")
    return store.load(uow)


def branding(uow: UnitOfWork) -> Branding:
    """What of the settings everybody may know."""
    settings = store.load(uow)
    return Branding(name=settings.name, logo=settings.logo, version=settings.version)


def update(uow: UnitOfWork, actor: Actor, change: SystemSettingsUpdate) -> SystemSettings:
    """Change settings. Raises ``Conflict`` with the current ones where somebody else was faster."""
    require(actor, "platform.admin")
    store.lock(uow)
    before = store.load(uow)
    check_version(change.version, before.version, before)
    fields = given(change, nullable=())
    after = store.save(uow, before.model_copy(update={field: getattr(change, field) for field in fields}))
    _check_warning(after, fields)
    differing = _catalog.differences(before, after)
    if "logo" in differing:
        differing["logo"] = "changed"  # a picture is too long for the log
    uow.audit(actor, "settings.update", "system", **differing)
    uow.changed("settings", "system", "update")
    return after


def _check_warning(after: SystemSettings, fields: Collection[str]) -> None:
    if not {"idle_timeout", "idle_warning"} & set(fields):
        return
    if after.idle_timeout and after.idle_warning >= after.idle_timeout:
        message = (
            f"a warning {after.idle_warning} s before the end, and the end after {after.idle_timeout} s of idleness"
        )
        fix = "warn less time before, or let notebooks be idle for longer"
        raise Invalid.field("idle_warning" if "idle_warning" in fields else "idle_timeout", message, fix)
