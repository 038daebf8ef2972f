"""All cameras that a user may see, searched and filtered, with what each row of the fleet shows."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Q, QuerySet

from devices.cameras.releases.rollouts import RolloutState
from devices.models import LIVE_FOR, SKEW_TO_FLAG, AgentUpdate, BoxReport, Device, Rollout

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from devices.models import User


class State(models.TextChoices):
    """Selections of cameras by how they are."""

    LIVE = "live", "live"
    QUIET = "quiet", "quiet"
    NEVER = "never", "never seen"
    TROUBLE = "trouble", "with a problem"
    UPDATING = "updating", "waiting for an update"


HOT = 80.0
"""Degrees Celsius from which a box is shown as too warm: small boards slow down from 80 °C on."""

Column = Callable[[Sequence[Device]], Mapping[int, str]]
"""Returns, by primary key of the device, the text of a further column; devices without a text are left out."""

_columns: dict[str, Column] = {}


def register_column(title: str, read: Column) -> None:
    """Add a column to the fleet. An upper floor calls this in its `AppConfig.ready()`."""
    _columns[title] = read


@dataclass(frozen=True)
class Row:
    """A camera of the fleet."""

    device: Device
    is_live: bool
    report: BoxReport | None
    update: AgentUpdate | None
    problems: list[str] = field(default_factory=list)
    further: list[tuple[str, str]] = field(default_factory=list)
    """Title and text of the registered columns."""


def fleet_of(
    user: "User | AnonymousUser | None", *, q: str = "", state: str = "", now: dt.datetime
) -> QuerySet[Device]:
    """Return the cameras at their places that this user may see and that match, by site and name.

    `q` is a part of the name, the thing name, the software or the site.
    """
    found: QuerySet[Device] = Device.objects.open().for_user(user).order_by("site__name", "name", "pk")
    found = found.filter(containing(q))
    return found.filter(being(state, now)) if state in State else found


def containing(text: str) -> Q:
    """Return the condition that each word of this text is a part of a device's name, thing name, site or software."""
    condition = Q()
    for word in text.split()[:MOST_WORDS]:
        condition &= (
            Q(name__icontains=word)
            | Q(thing__name__icontains=word)
            | Q(site__name__icontains=word)
            | Q(site__slug__icontains=word)
            | Q(thing__state__software__icontains=word)
        )
    return condition


MOST_WORDS = 10


def being(state: str, now: dt.datetime) -> Q:
    """Return the condition that a device is in this `State`."""
    here = Q(since=None) | Q(thing__state__last_seen_at__gte=F("since"))
    seen = Q(thing__state__last_seen_at__isnull=False) & here
    recent = Q(thing__state__last_seen_at__gt=now - LIVE_FOR)
    online = Q(thing__state__online=True) | Q(thing__state__online=None)
    skew = SKEW_TO_FLAG / dt.timedelta(milliseconds=1)
    match state:
        case State.LIVE:
            return seen & recent & online
        case State.QUIET:
            return seen & ~(recent & online)
        case State.NEVER:
            return ~seen
        case State.UPDATING:
            return Q(thing__update__isnull=False, thing__update__done_at=None)
    return (
        Q(thing__state__clock_skew_ms__gt=skew)
        | Q(thing__state__clock_skew_ms__lt=-skew)
        | Q(thing__state__dropped_messages__gt=0)
        | Q(thing__state__temperature__gte=HOT)
        | (Q(thing__report__isnull=False) & ~Q(thing__report__trouble=""))
        | (Q(thing__update__isnull=False) & ~Q(thing__update__failure=""))
        | (Q(thing__state__isnull=False) & ~Q(thing__state__config_error=""))
    )


def rows_of(devices: QuerySet[Device], *, now: dt.datetime) -> list[Row]:
    """Return these cameras as rows. One query, and those of the registered columns."""
    related = ("site", "thing__state", "thing__report", "thing__update__rollout__release")
    heavy = ("thing__report__view", "thing__update__rollout__release__wheel")
    found = list(devices.select_related(*related).defer(*heavy))
    further = [(title, read(found)) for title, read in _columns.items()]
    rows = []
    for device in found:
        report, update = (getattr(device.thing, name, None) for name in ("report", "update"))
        texts = [(title, by_device.get(device.pk, "")) for title, by_device in further]
        rows.append(Row(device, device.is_live(now), report, update, _problems(device, report, update), texts))
    return rows


def _problems(device: Device, report: BoxReport | None, update: AgentUpdate | None) -> list[str]:
    """Return what is wrong with a camera, one sentence each."""
    state = device.latest_state
    problems = []
    if state is not None:
        if state.clock_is_off:
            problems.append(f"Its clock is off by {abs(state.clock_skew_ms or 0) / 1000:,.0f} s.")
        if state.name_is_shared:
            problems.append("Two programs use its thing name.")
        if state.dropped_messages:
            problems.append(f"{state.dropped_messages:,} messages were dropped.")
        if state.temperature is not None and state.temperature >= HOT:
            problems.append(f"The box has {state.temperature:.0f} °C.")
        if state.config_error:
            problems.append(f"It refuses the settings: {state.config_error}")
    if report is not None and report.trouble:
        problems.append(report.trouble)
    if update is not None and update.failure:
        problems.append(f"The update to {update.rollout.release} failed: {update.failure}")
    return problems


def rollouts_of(devices: QuerySet[Device]) -> list[RolloutState]:
    """Return the rollouts in which any of these cameras is, the latest first; unfinished ones, and the latest one."""
    # The updates are counted before their rollouts are read: PostgreSQL may plan one query for both so badly, while its
    # statistics are older than the devices, that it takes minutes for two thousand of them.
    counts = list(
        AgentUpdate.objects.filter(thing__in=devices.values("thing__pk"))
        .values("rollout")
        .annotate(
            total=models.Count("thing"),
            done=models.Count("thing", filter=Q(done_at__isnull=False)),
            failed=models.Count("thing", filter=~Q(failure="")),
            last_failure=models.Max("failure"),
        )
        .order_by("-rollout__started_at", "-rollout")[:MOST_ROLLOUTS]
    )
    rollouts = Rollout.objects.select_related("release", "started_by").defer("release__wheel")
    by_key = rollouts.in_bulk([each["rollout"] for each in counts])
    states = [
        RolloutState(by_key[each["rollout"]], each["done"], each["failed"], each["total"], each["last_failure"])
        for each in counts
    ]
    return [state for number, state in enumerate(states) if number == 0 or state.done < state.total]


MOST_ROLLOUTS = 20
