"""What the jobs' controller needs beside the engine. ``app`` puts the real parts behind these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ..domain.job_life import Ending
from ..domain.jobs import ArtifactSummary, JobProgress, JobSpec
from ..domain.workloads import EngineRef


@dataclass(frozen=True, slots=True)
class EndedAttempt:
    """An attempt of which nothing runs any more, and which the engine still has."""

    id: str
    job_id: str
    number: int
    ref: EngineRef | None
    """None where the engine was never asked for it."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What was kept of an attempt."""

    artifacts: ArtifactSummary | None = None
    progress: JobProgress | None = None
    end: Ending | None = None
    """What the attempt said of its own end (a notebook names its cell): taken where its exit code is all that is known."""


class ResultsKeeper(Protocol):
    """Keeps what attempts leave behind."""

    async def keep(self, attempt: EndedAttempt) -> Kept:
        """Put log and artifacts into the platform's own keeping, whole. Done once more, it does the same again.

        Raises where that cannot be done just now: then the attempt does not end yet, and it is tried again.
        """


@dataclass(frozen=True, slots=True)
class SecretValues:
    """Values for variables, resolved for one start and kept nowhere."""

    values: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    """``VARIABLE (reference)`` of those that are gone."""


class SecretResolver(Protocol):
    """Finds what a job's references to secrets stand for."""

    async def resolve(self, spec: JobSpec, account_id: str, group_id: str) -> SecretValues:
        """The values, as the person and the group have them now."""
