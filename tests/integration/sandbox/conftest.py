"""Real bubblewrap and, where it is installed, real pasta."""

from __future__ import annotations

from tests.support.environment import base_environment
from tests.support.sandbox import isolated, machine, plain_python, unsandboxed

__all__ = ["base_environment", "isolated", "machine", "plain_python", "unsandboxed"]
