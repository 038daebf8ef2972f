"""What the page of a new camera says: how far it has come, and what is wrong when nothing comes.

The page never says that nothing has come while messages of the thing lie in quarantine: it says which, why, and what
to do.
"""

import datetime as dt
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Count, Max

from devices.cameras.adding import adopting
from devices.cameras.adding.codes import MOST_FAILED_ATTEMPTS
from devices.cameras.adding.services import wants_views
from devices.intake.mends import MENDS
from devices.models import BoxReport, CameraClaim, Device, DeviceState, Reason

INSTALLING_TAKES = dt.timedelta(minutes=10)
"""From the claim to the first report at most, on a small box: models to fetch, detectors to load."""

FIRST_MESSAGE_TAKES = dt.timedelta(seconds=60)
"""From the first report to the first message at most: the agent connects within seconds, and sends each second."""


class Stage(Enum):
    DONE = "done"
    WAITING = "waiting"
    WRONG = "wrong"


@dataclass(frozen=True)
class Step:
    """A step from the command to the first count."""

    title: str
    stage: Stage
    text: str = ""


@dataclass(frozen=True)
class Problem:
    """Something that is wrong, with what to do about it."""

    what: str
    advice: str


@dataclass(frozen=True)
class Progress:
    """How far a new camera has come."""

    steps: list[Step]
    problems: list[Problem] = field(default_factory=list)
    view: bytes | None = None
    viewed_at: dt.datetime | None = None

    @property
    def is_done(self) -> bool:
        return all(step.stage is Stage.DONE for step in self.steps)


def read_progress(device: Device, *, now: dt.datetime) -> Progress:
    """Return how far this device has come. At most four queries."""
    thing = device.thing
    claim = CameraClaim.objects.filter(thing=thing).first()
    report = BoxReport.objects.filter(thing=thing).first()
    state = DeviceState.objects.filter(thing=thing).first()
    problems = _quarantined(device)
    if state is not None and state.clock_is_off:
        problems.append(Problem("The device's clock is off.", "Set its clock, or switch on its time synchronisation."))
    if state is not None and state.name_is_shared:
        problems.append(Problem("Two programs use this thing name.", "Set up each box with a code of its own."))
    steps = [] if claim is None else [_command_step(claim, now), _picture_step(claim, report, now)]
    steps.append(_message_step(claim, report, state, problems, now))
    return Progress(
        steps=steps,
        problems=problems,
        view=None if report is None or report.view is None else bytes(report.view),
        viewed_at=None if report is None else report.viewed_at,
    )


def _command_step(claim: CameraClaim, now: dt.datetime) -> Step:
    title = "The command runs on the box"
    if claim.claimed_at is not None:
        return Step(title, Stage.DONE, "The box has fetched its credentials.")
    if claim.failed_attempts >= MOST_FAILED_ATTEMPTS or claim.expires_at <= now:
        return Step(title, Stage.WRONG, "The code has expired. Make a new one.")
    minutes = max(1, round((claim.expires_at - now).total_seconds() / 60))
    return Step(title, Stage.WAITING, f"The code works once, for {minutes} more minutes.")


def _picture_step(claim: CameraClaim, report: BoxReport | None, now: dt.datetime) -> Step:
    title = "The camera sees something"
    if report is not None and report.view is not None:
        return Step(title, Stage.DONE)
    if claim.claimed_at is None:
        return Step(title, Stage.WAITING)
    if report is not None and report.trouble:
        return Step(title, Stage.WRONG, f"The box says: {report.trouble}")
    if report is not None and report.version:
        if not wants_views(claim, now):
            return Step(title, Stage.DONE, "The view was shown for a quarter of an hour, and is deleted.")
        return Step(title, Stage.WAITING, "The agent runs, and waits for the camera's first picture.")
    if now - claim.claimed_at > INSTALLING_TAKES:
        return Step(title, Stage.WRONG, "The agent has not started. On the box, run: journalctl -u headcount-agent")
    return Step(title, Stage.WAITING, "The box fetches the models and starts the agent.")


def _message_step(
    claim: CameraClaim | None,
    report: BoxReport | None,
    state: DeviceState | None,
    problems: list[Problem],
    now: dt.datetime,
) -> Step:
    title = "Its messages are counted"
    if state is not None and state.last_seen_at is not None:
        return Step(title, Stage.DONE)
    if problems:
        return Step(title, Stage.WRONG, "Messages come, but they cannot be counted. See below why.")
    if report is not None and report.trouble and report.view is not None:
        return Step(title, Stage.WRONG, f"The box says: {report.trouble}")
    started = None if report is None or not report.version else (claim.claimed_at if claim else report.received_at)
    if started is not None and now - started > FIRST_MESSAGE_TAKES and report is not None and report.view is not None:
        broker = urlsplit(settings.DEVICES_MQTT_URL)
        return Step(title, Stage.WRONG, f"No message has come by way of the broker {broker.hostname}. Check its log.")
    return Step(title, Stage.WAITING, "" if claim is not None else "Nothing has come from it yet.")


def _quarantined(device: Device) -> list[Problem]:
    """Return a problem for each reason for which messages of the thing lie in quarantine, with the latest detail."""
    waiting = adopting.waiting_messages(device.thing_name).order_by()
    reasons = waiting.values_list("reason").annotate(Count("pk"), Max("detail"))
    meanings = dict(Reason.choices)
    return [
        Problem(
            f"{count:,} message{'s lie' if count > 1 else ' lies'} in quarantine: {meanings.get(reason, reason)}."
            + (f" {detail}" if detail else ""),
            MENDS.get(reason, "Look at the quarantine."),
        )
        for reason, count, detail in reasons
    ]
