"""The database tables of analytics: frames, detections, tallies and episodes, and the tables of the features.

Unique keys begin with the device, so that a database on several machines can be partitioned by device.
"""

from analytics.models.archive import ArchivedFile, FactKind
from analytics.models.episodes import Episode, ReportedGesture
from analytics.models.frames import FACE, Detection, DeviceSetup, DeviceSoftware, Frame, FramePart, Review, Verdict
from analytics.models.groundtruth import GroundTruthCount, GroundTruthSession
from analytics.models.home_assistant import AnnouncedTopic
from analytics.models.opening import OpeningException, OpeningPlan
from analytics.models.questions import Question
from analytics.models.shares import SharedPage
from analytics.models.tallies import (
    DurationQuarter,
    EngagementQuarter,
    LabelQuarter,
    SettledDay,
    SignOfLifeQuarter,
    VisitQuarter,
)
from analytics.models.visits import Visit
from analytics.models.walls import WallToken

__all__ = [
    "FACE",
    "AnnouncedTopic",
    "ArchivedFile",
    "Detection",
    "DeviceSetup",
    "DeviceSoftware",
    "DurationQuarter",
    "EngagementQuarter",
    "Episode",
    "FactKind",
    "Frame",
    "FramePart",
    "GroundTruthCount",
    "GroundTruthSession",
    "LabelQuarter",
    "OpeningException",
    "OpeningPlan",
    "Question",
    "ReportedGesture",
    "Review",
    "SettledDay",
    "SharedPage",
    "SignOfLifeQuarter",
    "Verdict",
    "Visit",
    "VisitQuarter",
    "WallToken",
]
