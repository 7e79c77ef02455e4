"""Why a workload could not be started or asked."""

from __future__ import annotations


class WorkloadError(Exception):
    """A workload cannot be started, or asked about. The text is a sentence for people, with what to do.

    ``code``: ``no-sandbox``, ``no-network-isolation``, ``port-taken``, ``disk-full``, ``folder``, ``environment``,
    ``base-python``, ``failed``.
    """

    def __init__(self, message: str, *, code: str = "failed") -> None:
        super().__init__(message)
        self.code = code
