"""Settings of the platform that admins change while it runs."""

from __future__ import annotations

from ..domain.identity import Actor
from ..domain.permissions import require
from ..domain.system import SystemSettings, SystemSettingsUpdate
from ..store import settings as store
from ..store.unit_of_work import UnitOfWork
from . import _catalog
from ._editing import check_version, given


def get(uow: UnitOfWork, actor: Actor) -> SystemSettings:
    """The settings. Every person reads them: pages show the name, the logo and the limits."""
    require(actor, "self.read")
    return store.load(uow)


def update(uow: UnitOfWork, actor: Actor, change: SystemSettingsUpdate) -> SystemSettings:
    """Change settings. Raises ``Conflict`` with the current ones where somebody else was faster."""
    require(actor, "platform.admin")
    store.lock(uow)
    before = store.load(uow)
    check_version(change.version, before.version, before)
    fields = given(change, nullable=())
    after = store.save(uow, before.model_copy(update={field: getattr(change, field) for field in fields}))
    differing = _catalog.differences(before, after)
    if "logo" in differing:
        differing["logo"] = "changed"  # a picture is too long for the log
    uow.audit(actor, "settings.update", "system", **differing)
    uow.changed("settings", "system", "update")
    return after
