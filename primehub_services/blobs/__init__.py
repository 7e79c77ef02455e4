"""What workloads leave behind and outlives them. One port, so that a folder can become an object store."""

from .folder import FolderLogStore
from .logs import LiveLogs, LogChunk, LogLine, LogStore, NotebookLogs, build_key, notebook_key

__all__ = ["FolderLogStore", "LiveLogs", "LogChunk", "LogLine", "LogStore", "NotebookLogs", "build_key", "notebook_key"]
