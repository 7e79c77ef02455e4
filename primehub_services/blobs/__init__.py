"""What workloads leave behind and outlives them. One port, so that a folder can become an object store."""

from .folder import FolderLogStore
from .logs import (
    LiveLogs,
    LogChunk,
    LogLine,
    LogOf,
    LogStore,
    WorkloadLogs,
    attempt_folder,
    attempt_key,
    build_key,
    notebook_key,
    of_attempt,
    of_notebook,
)

__all__ = [
    "FolderLogStore",
    "LiveLogs",
    "LogChunk",
    "LogLine",
    "LogOf",
    "LogStore",
    "WorkloadLogs",
    "attempt_folder",
    "attempt_key",
    "build_key",
    "notebook_key",
    "of_attempt",
    "of_notebook",
]
