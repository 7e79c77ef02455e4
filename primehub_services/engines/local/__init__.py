"""The engine of one machine: workloads are sandboxed processes."""

from .engine import LocalEngine

__all__ = ["LocalEngine"]
