"""Models of sites and members, of devices and their places, and of what the intake records."""

from typing import TYPE_CHECKING

from devices.models.audit import Action, AppendOnly, AuditEntry, Way
from devices.models.boxes import AgentRelease, AgentUpdate, BoxReport, BrokerCredentials, CameraClaim, Rollout
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
    "AgentRelease",
    "AgentUpdate",
    "ApiToken",
    "AppendOnly",
    "AuditEntry",
    "BoxReport",
    "BrokerCredentials",
    "CameraClaim",
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
    "Rollout",
    "Site",
    "Thing",
    "Way",
    "validate_timezone",
]
