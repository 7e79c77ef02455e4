"""What makes things so: each controller compares what was asked for with what is, and acts on the difference.

A controller's ``step`` may be cut off anywhere and run again: it keeps nothing that it could not see anew.
"""

from .claims import ClaimController, ClaimPort
from .group_folders import FolderPort, GroupFolderController
from .images import ImageController
from .jobs import JobController
from .leaving import LeavingController
from .membership import MembershipController
from .messengers import Mail, Webhooks
from .monitoring import MonitoringController
from .notebook_logs import NotebookLogController, NotebookLogPort
from .notebooks import NotebookController
from .notifications import NotificationController
from .ports import EngineUnavailable, HubPort, HubServer, HubUnavailable, WorkloadPort, WorkloadState
from .progress import ProgressController
from .pull_secrets import PullSecretController, PullSecretPort
from .queue import QueueController
from .results_sweeper import ResultsSweeper
from .runner import Controller, Health, Runner
from .schedules import ScheduleController
from .snapshots import SnapshotController
from .stops import StopController
from .sweeper import SweepController
from .volumes import VolumeController

__all__ = [
    "ClaimController",
    "ClaimPort",
    "Controller",
    "EngineUnavailable",
    "FolderPort",
    "GroupFolderController",
    "Health",
    "HubPort",
    "HubServer",
    "HubUnavailable",
    "ImageController",
    "JobController",
    "LeavingController",
    "Mail",
    "MembershipController",
    "MonitoringController",
    "NotebookController",
    "NotebookLogController",
    "NotebookLogPort",
    "NotificationController",
    "ProgressController",
    "PullSecretController",
    "PullSecretPort",
    "QueueController",
    "ResultsSweeper",
    "Runner",
    "ScheduleController",
    "SnapshotController",
    "StopController",
    "SweepController",
    "VolumeController",
    "Webhooks",
    "WorkloadPort",
    "WorkloadState",
]
