"""Read the accuracy of a device from the ground-truth sessions at its spot, in a few queries for any number of them.

Only sessions within the retention of frames can be compared; facts of archived months are read from their files.
Rejected detections count as no faces. The sessions tell the accuracy of a camera as long as it has the same setup:
camera, models and settings (`verdicts.setups.setup_key`). Then the calibration has ended. New software alone does not
end it, but is told.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from statistics import NormalDist

from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncMinute

from analytics.features.groundtruth.comparison import Comparison, Minute, arrivals, average, compare, minutes
from analytics.features.groundtruth.setups import Change, SetupHistory, read_setups
from analytics.models import FACE, Detection, Frame, Verdict, Visit
from analytics.models.archive import FactKind
from analytics.models.groundtruth import GroundTruthSession
from analytics.numbers.archived_facts import Span, archived_days, read_facts
from analytics.numbers.intervals import CONFIDENCE
from analytics.numbers.visits import first_visits
from analytics.verdicts.hour_series import Measure
from analytics.verdicts.matched import Calibration
from analytics.verdicts.setups import Calibrations, read_told
from devices.models import Device

LATEST_SESSIONS = 100
"""The most sessions of a device that are compared."""


@dataclass(frozen=True, slots=True)
class SessionResult:
    """A session with its comparison."""

    session: GroundTruthSession
    average: float | None
    """The average of the person's counts over the whole session, weighted by time; None without a count."""
    minutes: Sequence[Minute]
    comparison: Comparison
    arrivals: Sequence[Minute] | None
    """People who came and visits; None where nobody counted them, or the camera does not follow people."""

    @property
    def visits(self) -> Comparison | None:
        """The visits compared with the people who came."""
        return None if self.arrivals is None else compare([self.arrivals])


@dataclass(frozen=True, slots=True)
class Accuracy:
    """A device compared with the people who counted at it."""

    device: Device
    sessions: Sequence[SessionResult]
    """The latest first, including running sessions, and those before a change of the camera."""
    calibrating: Sequence[SessionResult]
    """The sessions that had the same setup: the device's own, or where `ended` says so, a former one."""
    ended: Change | None
    """What ended the calibration; None while it holds, and without a compared session."""
    new_software: Change | None = None
    """The latest change of the software since the calibrating sessions, where the calibration holds."""

    @property
    def comparison(self) -> Comparison:
        """The people present, over all calibrating sessions together."""
        return compare([session.minutes for session in self.calibrating])

    @property
    def visits(self) -> Comparison | None:
        """The visits compared with the people who came, over these sessions; None where nobody counted them."""
        counted = [session.arrivals for session in self.calibrating if session.arrivals is not None]
        return compare(counted) if counted else None

    @property
    def compared(self) -> int:
        """The number of calibrating sessions with a compared minute."""
        return sum(bool(session.comparison.minutes) for session in self.calibrating)

    @property
    def counted_at(self) -> dt.datetime | None:
        """The start of the latest of these, UTC."""
        compared = [each.session.started_at for each in self.calibrating if each.comparison.minutes]
        return max(compared, default=None)


def until(session: GroundTruthSession) -> dt.datetime:
    """Return the end of the session, or of a running session the time of the page's latest request."""
    return session.ended_at or session.heard_at


def read_accuracy(device: Device) -> Accuracy:
    """Return the comparison over the latest sessions at the device's spot."""
    at_spot = GroundTruthSession.objects.filter(device__in=Device.objects.of_spot(device))
    # Prefetched, because most devices have no session, and their pages then need not build a join.
    sessions = list(at_spot.prefetch_related("device", "counts")[:LATEST_SESSIONS])
    results = _results(sessions)
    return _accuracy(device, results, read_setups(device)) if sessions else Accuracy(device, [], [], None)


def _accuracy(device: Device, results: Sequence[SessionResult], setups: SetupHistory) -> Accuracy:
    known = [(result, setups.during(result.session, until(result.session))) for result in results if result.minutes]
    compared = [(result, setup) for result, setup in known if setup is not None and result.comparison.minutes]
    if not compared:
        return Accuracy(device, results, [], None)
    own = next((result for result, setup in compared if setup == setups.current), None)
    latest, former = compared[0]
    chosen = former if own is None else setups.current
    return Accuracy(
        device,
        results,
        [result for result, setup in known if setup == chosen],
        setups.change_since(latest.session) if own is None else None,
        None if own is None else setups.software_since(own.session),
    )


def read_session_result(session: GroundTruthSession) -> SessionResult:
    """Return the comparison of the session so far."""
    return _results([session])[0]


def read_setup_calibrations(devices: Collection[int]) -> Calibrations:
    """Return the calibration of each setup of these devices, from their latest sessions together.

    A session during which the setup was changed calibrates nothing. One query where nobody counted, otherwise a
    constant number.
    """
    own = GroundTruthSession.objects.filter(device__in=devices).order_by("-started_at", "-pk")
    sessions = list(own.select_related("device").prefetch_related("counts")[:LATEST_SESSIONS])
    if not sessions:
        return {}
    told = read_told(devices)
    groups: dict[str, list[SessionResult]] = defaultdict(list)
    for result in _results(sessions):
        key = SetupHistory(result.session.device, told).during(result.session, until(result.session))
        if key is not None:
            groups[key].append(result)
    found: dict[str, dict[str, Calibration]] = {}
    for key, results in groups.items():
        compared = {Measure.AVERAGE: compare([result.minutes for result in results])}
        if counted := [result.arrivals for result in results if result.arrivals is not None]:
            compared[Measure.VISITS] = compare(counted)
        known = {measure: calibration_of(each) for measure, each in compared.items()}
        found[key] = {measure: each for measure, each in known.items() if each is not None}
    return found


def calibration_of(comparison: Comparison) -> Calibration | None:
    """Return the share of a comparison as a calibration; None where the share may be 0 or its interval is unknown."""
    share, interval = comparison.share, comparison.share_interval
    if not share or interval is None or not interval.low > 0:
        return None
    # Student's reach over the normal quantile: the wider tails of few minutes stay in the variance.
    error = (interval.high - interval.low) / 2 / NormalDist().inv_cdf((1 + CONFIDENCE) / 2) / share
    return Calibration(share, error**2, comparison.minutes)


def _results(sessions: Sequence[GroundTruthSession]) -> list[SessionResult]:
    archived = _archived_spans(sessions)
    camera = _camera_minutes({session.device_id for session in sessions}, sessions, archived) if sessions else {}
    visits = _visits_by_minute([session for session in sessions if session.counts_arrivals], archived)
    return [_result(session, camera.get(session.device_id, {}), visits) for session in sessions]


Visits = dict[int, dict[dt.datetime, int]]
"""By device that follows people, the visits of each minute."""


def _result(session: GroundTruthSession, camera: dict[dt.datetime, tuple[int, int]], visits: Visits) -> SessionResult:
    stored = list(session.counts.all())
    counts = [(count.at, count.people) for count in stored]
    compared = minutes(counts, until(session), camera)
    came = [(count.at, count.came) for count in stored if count.came is not None]
    of_device = visits.get(session.device_id) if session.counts_arrivals else None
    arrived = None if of_device is None else arrivals(compared, came, of_device)
    return SessionResult(session, average(counts, until(session)), compared, compare([compared]), arrived)


def _visits_by_minute(sessions: Sequence[GroundTruthSession], archived: Sequence[Span]) -> Visits:
    """Return the visits that began during these sessions; devices that did not follow people yet are left out."""
    if not sessions:
        return {}
    devices = {session.device_id: session.device for session in sessions}
    latest = {session.device_id: until(session) for session in sorted(sessions, key=until)}
    followed_from = first_visits(devices.values())
    found: Visits = {pk: {} for pk, start in followed_from.items() if start <= latest[pk]}
    began = Visit.objects.filter(_during(sessions, "began_at"), device__in=list(found))
    by_minute = began.annotate(minute=TruncMinute("began_at", tzinfo=dt.UTC)).order_by()
    for pk, minute, count in by_minute.values_list("device_id", "minute").annotate(Count("key")):
        found[pk][minute] = count
    for pk, at in read_facts(FactKind.VISITS, ["device_id", "began_at"], devices=found, spans=archived):
        found[pk][_minute(at)] = found[pk].get(_minute(at), 0) + 1
    return found


def _camera_minutes(
    devices: Collection[int], sessions: Sequence[GroundTruthSession], archived: Sequence[Span]
) -> dict[int, dict[dt.datetime, tuple[int, int]]]:
    """Return by device and minute the number of frames with a number of faces, and the sum of their faces."""
    frames = Frame.objects.filter(_during(sessions, "taken_at"), device__in=devices, faces__isnull=False)
    by_minute = frames.annotate(minute=TruncMinute("taken_at", tzinfo=dt.UTC)).values_list("device_id", "minute")
    wrong, archived_wrong = _wrong_faces(devices, sessions, archived)
    found: dict[int, dict[dt.datetime, tuple[int, int]]] = {device: {} for device in devices}
    for device, minute, count, faces in by_minute.annotate(Count("pk"), Sum("faces")).order_by("minute"):
        found[device][minute] = (count, faces - wrong[device, minute])
    columns = ["device_id", "id", "taken_at", "faces"]
    for device, pk, at, faces in read_facts(FactKind.FRAMES, columns, devices=devices, spans=archived):
        if faces is not None:
            count, people = found[device].get(_minute(at), (0, 0))
            found[device][_minute(at)] = (count + 1, people + max(0, faces - archived_wrong[pk]))
    return {device: dict(sorted(own.items())) for device, own in found.items()}


def _wrong_faces(
    devices: Collection[int], sessions: Sequence[GroundTruthSession], archived: Sequence[Span]
) -> tuple[Counter[tuple[int, dt.datetime]], Counter[int]]:
    """Return the number of rejected faces by device and minute, and those of archived frames by the frame's id."""
    wrong = Detection.objects.filter(
        _during(sessions, "taken_at"), device__in=devices, label=FACE, review=Verdict.WRONG
    )
    by_frame = wrong.values_list("device_id", "frame_id", "taken_at", "frame__faces").annotate(Count("pk")).order_by()
    found: Counter[tuple[int, dt.datetime]] = Counter()
    for device, _, taken_at, faces, count in by_frame:
        # Not more than the frame has: an object of the device may also have the label of faces.
        found[device, _minute(taken_at)] += min(faces or 0, count)
    columns = ["frame_id", "label", "review"]
    old = read_facts(FactKind.DETECTIONS, columns, devices=devices, spans=archived)
    return found, Counter(frame for frame, label, review in old if (label, review) == (FACE, Verdict.WRONG))


def _archived_spans(sessions: Iterable[GroundTruthSession]) -> list[Span]:
    """Return the times of the sessions if any fact of them may be archived, otherwise nothing. One query."""
    spans: list[Span] = [(session.started_at, until(session)) for session in sessions]
    return spans if archived_days(*spans) else []


def _minute(at: dt.datetime) -> dt.datetime:
    return at.replace(second=0, microsecond=0)


def _during(sessions: Iterable[GroundTruthSession], field: str) -> Q:
    spans = (Q(**{f"{field}__gte": session.started_at, f"{field}__lt": until(session)}) for session in sessions)
    return reduce(or_, spans)
