"""How the platform is: whether its store answers, and how much there is."""

from __future__ import annotations

from dataclasses import dataclass

from ..domain.identity import Actor
from ..domain.permissions import require
from ..store import platform as store
from ..store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Counts:
    """How much there is, for the metrics."""

    claims: dict[str, int]
    """By kind."""
    notebooks: dict[str, int]
    """By phase, those that have not ended."""
    totals: dict[str, int]
    """``accounts`` and ``groups``."""


def alive(uow: UnitOfWork) -> None:
    """Raises where the database does not answer."""
    store.alive(uow)


def counts(uow: UnitOfWork) -> Counts:
    """How much there is. No names, so the caller decides who may see it."""
    return Counts(store.claims_by_kind(uow), store.notebooks_by_phase(uow), store.people_and_groups(uow))


def require_admin(_uow: UnitOfWork, actor: Actor) -> None:
    """Raises unless the actor is a platform admin."""
    require(actor, "platform.admin")
