"""The tables. Importing this package registers every one of them on ``Base.metadata``."""

from .base import Base
from .catalog import (
    GroupImageRow,
    GroupInstanceTypeRow,
    GroupVolumeRow,
    ImageRow,
    InstanceTypeRow,
    SecretRow,
    VolumeRow,
)
from .groups import GroupRow, MembershipRow
from .identity import AccountRow, InvitationRow, LaunchPreferenceRow, LoginRequestRow, StrangerRow
from .jobs import AttemptRow, JobRow, KeptPlaceRow, PermitRow, SnapshotRow
from .ledger import ClaimRow, NotebookRow
from .schedules import FiringRow, NotificationRow, NotificationSettingsRow, ScheduleRow
from .system import AnnouncementRow, AuditRow, ChangeRow, LeadershipRow, SettingRow

__all__ = [
    "AccountRow",
    "AnnouncementRow",
    "AttemptRow",
    "AuditRow",
    "Base",
    "ChangeRow",
    "ClaimRow",
    "FiringRow",
    "GroupImageRow",
    "GroupInstanceTypeRow",
    "GroupRow",
    "GroupVolumeRow",
    "ImageRow",
    "InstanceTypeRow",
    "InvitationRow",
    "JobRow",
    "KeptPlaceRow",
    "LaunchPreferenceRow",
    "LeadershipRow",
    "LoginRequestRow",
    "MembershipRow",
    "NotebookRow",
    "NotificationRow",
    "NotificationSettingsRow",
    "PermitRow",
    "ScheduleRow",
    "SecretRow",
    "SettingRow",
    "SnapshotRow",
    "StrangerRow",
    "VolumeRow",
]
