"""What workloads leave behind and outlives them. One port, so that a folder can become an object store."""

from .artifacts import FolderArtifactStore, LiveFiles, Sink
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
from .usage import FolderUsageStore

__all__ = [
    "FolderArtifactStore",
    "FolderLogStore",
    "FolderUsageStore",
    "LiveFiles",
    "LiveLogs",
    "LogChunk",
    "LogLine",
    "LogOf",
    "LogStore",
    "Sink",
    "WorkloadLogs",
    "attempt_folder",
    "attempt_key",
    "build_key",
    "notebook_key",
    "of_attempt",
    "of_notebook",
]
