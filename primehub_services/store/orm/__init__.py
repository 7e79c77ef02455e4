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
from .identity import AccountRow, InvitationRow, LaunchPreferenceRow, LoginRequestRow
from .ledger import ClaimRow, NotebookRow
from .system import AnnouncementRow, AuditRow, ChangeRow, SettingRow

__all__ = [
    "AccountRow",
    "AnnouncementRow",
    "AuditRow",
    "Base",
    "ChangeRow",
    "ClaimRow",
    "GroupImageRow",
    "GroupInstanceTypeRow",
    "GroupRow",
    "GroupVolumeRow",
    "ImageRow",
    "InstanceTypeRow",
    "InvitationRow",
    "LaunchPreferenceRow",
    "LoginRequestRow",
    "MembershipRow",
    "NotebookRow",
    "SecretRow",
    "SettingRow",
    "VolumeRow",
]
