"""What a workload's sidecar asks of the platform and tells it, and the token that lets it do so."""

from __future__ import annotations

import hashlib
import hmac

from pydantic import Field

from .model import Model, Timestamp
from .workloads import FileLimits, NotTaken

POD_HEADER = "PrimeHub-Pod"
"""The uid of the pod that asks: of several that a cluster may have made for one workload, one alone is heard."""
LOG_PIECE = 1 << 20
"""Bytes of output in one report, at most."""
LEFT_OUT = 100
"""Of what was left out, so many are named."""


class PermitRequest(Model):
    """A pod that wants to begin."""

    pod: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9-]+$")


class StartPermit(Model):
    """That this pod, and no other, runs the workload; and what it needs to know."""

    inputs: tuple[str, ...] = ()
    """Files that the workload is given."""
    limits: FileLimits
    """How much of what it leaves is kept."""
    log_size: int = 0
    """Bytes of its output that are kept already: a sidecar that begins anew goes on there."""


class OutputQuery(Model):
    """Where a piece of output belongs."""

    offset: int = Field(
        ge=0, le=1 << 53, description="bytes of output before it; what is left out in between was not sent"
    )


class LogAnswer(Model):
    """How much output is kept."""

    size: int


class FileQuery(Model):
    """Of a file that the workload wrote."""

    modified: float = Field(default=0, ge=0, le=253_402_300_799, description="seconds since 1970")


class EndReport(Model):
    """That nothing more will come."""

    code: int | None = Field(default=None, ge=0, le=255)
    """The command's exit code; null where the sidecar does not know it: the cluster may."""
    killed: bool = False
    """Whether it was ended by force, after its grace period."""
    began_at: Timestamp | None = None
    ended_at: Timestamp | None = None
    """When the command began and ended; null where the sidecar does not know."""
    left_out: tuple[NotTaken, ...] = Field(default=(), max_length=LEFT_OUT)
    left_out_count: int = Field(default=0, ge=0)


def workload_token(key: bytes, workload: str) -> str:
    """The token of one workload's reports. It is good for nothing else, and only while the workload is not over."""
    return hmac.new(key, f"workload:{workload}".encode(), hashlib.sha256).hexdigest()


def is_token_of(key: bytes, workload: str, token: str) -> bool:
    """Whether that is the workload's token. How long the answer takes says nothing of the token."""
    return hmac.compare_digest(workload_token(key, workload).encode(), token.encode())
