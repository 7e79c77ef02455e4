"""What workloads leave behind and outlives them. One port, so that a folder can become an object store."""

from .artifacts import FolderArtifactStore, LiveFiles
from .checker import UploadChecker
from .files import AttemptFiles, OpenFile
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
    build_folder,
    build_key,
    notebook_folder,
    notebook_key,
    of_attempt,
    of_build,
    of_notebook,
)
from .snapshots import FolderSnapshotStore, check_upload
from .spool import FolderSpool
from .usage import FolderUsageStore

__all__ = [
    "AttemptFiles",
    "FolderArtifactStore",
    "FolderLogStore",
    "FolderSnapshotStore",
    "FolderSpool",
    "FolderUsageStore",
    "LiveFiles",
    "LiveLogs",
    "LogChunk",
    "LogLine",
    "LogOf",
    "LogStore",
    "OpenFile",
    "UploadChecker",
    "WorkloadLogs",
    "attempt_folder",
    "attempt_key",
    "build_folder",
    "build_key",
    "check_upload",
    "notebook_folder",
    "notebook_key",
    "of_attempt",
    "of_build",
    "of_notebook",
]
