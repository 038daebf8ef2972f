"""Models of sites and members, of devices and their places, and of what the intake records."""

from typing import TYPE_CHECKING

from devices.models.audit import Action, AppendOnly, AuditEntry, Way
from devices.models.places import (
    LIVE_FOR,
    SHARED_FOR,
    SKEW_TO_FLAG,
    Device,
    DeviceLog,
    DeviceState,
    LogLevel,
    PictureProblem,
    Thing,
)
from devices.models.records import (
    DeliveredBatch,
    FormerIdentity,
    Heartbeat,
    PastRecord,
    QuarantinedMessage,
    Reason,
    RetainedMessage,
)
from devices.models.sites import ApiToken, Invitation, Membership, Site, validate_timezone

if TYPE_CHECKING:
    from django.contrib.auth.models import User as User

__all__ = [
    "LIVE_FOR",
    "SHARED_FOR",
    "SKEW_TO_FLAG",
    "Action",
    "ApiToken",
    "AppendOnly",
    "AuditEntry",
    "DeliveredBatch",
    "Device",
    "DeviceLog",
    "DeviceState",
    "FormerIdentity",
    "Heartbeat",
    "Invitation",
    "LogLevel",
    "Membership",
    "PastRecord",
    "PictureProblem",
    "QuarantinedMessage",
    "Reason",
    "RetainedMessage",
    "Site",
    "Thing",
    "Way",
    "validate_timezone",
]
