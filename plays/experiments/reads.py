"""Reads of experiments: the cells of their squares, their state, and the verdict in words."""

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from django.db.models import Max, Min, Sum

from analytics.models import EngagementQuarter, VisitQuarter
from analytics.models.quarters import QUARTER, QUARTER_MINUTES
from analytics.numbers.sql import BitCount, IntegerSum
from analytics.verdicts.findings import Finding, Word, tell
from devices.models import Device
from plays.experiments import plan, verdicts
from plays.experiments.services import frame_of
from plays.experiments.verdicts import Cell, Estimate
from plays.models import Arm, Block, Content, ContentQuarter, Experiment, Measure, Screen, StopRule

FEWEST_COVERAGE = 0.5
"""A block of which the camera saw less is not compared."""

PAST_DAYS = 28
"""The days before, from which the length of an experiment is planned."""

PAST_DRAWS = 20
"""As many plans are drawn over the past, so that the planned length hangs little on the draw."""

MS = 1_000
HOUR_S = 3_600


class State(StrEnum):
    PLANNED = "planned"
    RUNNING = "running"
    OVER = "over"
    STOPPED = "stopped"


@dataclass(slots=True)
class Sums:
    """What a camera or several saw in a quarter hour or a block; all numbers add up."""

    visits: int = 0
    attention_ms: int = 0
    viewers: int = 0
    seen_minutes: int = 0
    """Summed over the cameras."""

    def add(self, other: "Sums") -> None:
        self.visits += other.visits
        self.attention_ms += other.attention_ms
        self.viewers += other.viewers
        self.seen_minutes += other.seen_minutes

    def cell(self, measure: str) -> Cell:
        """Return the sums of a measure: of attention in seconds, per visit or per hour, or of viewers per visit."""
        if measure == Measure.CONVERSION:
            return Cell(self.viewers, self.visits)
        seconds = self.attention_ms / MS
        return Cell(seconds, self.seen_minutes / 60 if measure == Measure.PER_HOUR else self.visits)


@dataclass(frozen=True)
class Result:
    """What may be said of an experiment now."""

    experiment: Experiment
    arms: Sequence[Arm]
    state: State
    starts_at: dt.datetime
    ends_at: dt.datetime
    sums: Sequence[Sums]
    """What was seen while each arm was to be shown, in the blocks that are compared."""
    squares: int
    """The squares that are over and covered."""
    planned_squares: int
    left_out: int
    """The squares that are over, but in which a camera was off for too long."""
    estimates: Mapping[int, Estimate]
    """By arm; of arms whose estimate is not known yet, none."""
    findings: Mapping[int, Finding]
    """By arm; empty as long as the stop rule forbids to read."""
    more_days: Mapping[int, int] = field(default_factory=dict)
    """About how many more days it takes to tell, by arm, where it cannot be told."""
    adherence: float | None = None
    """The share of the plays' time in which the planned content was shown, as the players report; None without any."""

    @property
    def is_readable(self) -> bool:
        """Whether the stop rule allows to read the result now."""
        return self.experiment.stop_rule == StopRule.SEQUENTIAL or self.state is State.OVER

    @property
    def unit(self) -> str:
        """What the averages are, such as "seconds of attention per visit"."""
        return Measure(self.experiment.measure).label

    def average(self, arm: int) -> float | None:
        """Return the measure of an arm, such as seconds per visit; None without visits or before it may be read."""
        cell = self.sums[arm].cell(self.experiment.measure)
        return cell.amount / cell.per if cell.per and self.is_readable else None

    def words(self, arm: int) -> str:
        """Return the verdict on an arm in words, such as "more than “Film”: +6% to +24% (12 hours in common)"."""
        control = f"“{self.arms[0]}”"
        if self.state is State.PLANNED:
            return f"not started: the first block is on {self._local(self.starts_at)}"
        if not self.is_readable:
            if self.state is State.STOPPED:
                return "cannot tell: it was stopped before its end, and its rule is to be read once, at the end"
            return f"not to be read before {self._local(self.ends_at)}: its rule is one look, at the end"
        finding = self.findings.get(arm)
        if finding is None:
            return "cannot tell yet: too few visits" + self._more(arm)
        if finding.word is Word.UNKNOWN:
            return f"cannot tell{self._more(arm)}"
        interval = f": {finding.percent}" if finding.percent else ""
        return f"{finding.word} {finding.word.linking} {control}{interval}"

    def _more(self, arm: int) -> str:
        days = self.more_days.get(arm)
        return "" if days is None else f", needs about {days} more day{'s' * (days != 1)}"

    def _local(self, moment: dt.datetime) -> str:
        local = moment.astimezone(self.experiment.site.zone)
        return f"{local.day} {local:%B, %H:%M}"


def read_result(experiment: Experiment, *, now: dt.datetime) -> Result:
    """Read what may be said of the experiment now; in a constant number of queries."""
    arms = list(experiment.arms.select_related("content"))
    blocks = list(experiment.blocks.all())
    cameras = cameras_of(experiment.screen)
    starts_at, ends_at = blocks[0].starts_at, blocks[-1].ends_at
    until = min(now, experiment.stopped_at or now)
    quarters = read_quarters(cameras, starts_at, min(ends_at, until))
    cells, left_out = _cells(blocks, quarters, len(arms), until, cameras)
    frame = frame_of(experiment, len(arms))
    found = {
        arm.number: estimate
        for arm in arms[1:]
        if (estimate := _estimate(cells, arm.number, experiment.measure)) is not None
    }
    state = _state(experiment, starts_at, ends_at, now)
    result = Result(
        experiment,
        arms,
        state,
        starts_at,
        ends_at,
        [_total(row[number] for row in cells.values()) for number in range(len(arms))],
        len(cells),
        frame.squares,
        left_out,
        found,
        {},
        adherence=_adherence(experiment, blocks, arms, cameras, until),
    )
    if not result.is_readable:
        return result
    hours = frame.to_hour - frame.from_hour
    comparisons = {
        number: verdicts.sequential(estimate, hours, planned=frame.squares)
        if experiment.stop_rule == StopRule.SEQUENTIAL
        else verdicts.fixed(estimate, hours)
        for number, estimate in found.items()
    }
    more = {arm.number: _more_days(experiment, frame, len(cells), found.get(arm.number)) for arm in arms[1:]}
    known_more = {number: days for number, days in more.items() if days is not None}
    findings = tell(comparisons) if comparisons else {}
    return replace(result, findings=findings, more_days=known_more)


def cameras_of(screen: Screen) -> list[Device]:
    """Return the devices that see, and saw, the screen's audience."""
    return list(Device.objects.filter(site=screen.site_id, name__in=screen.cameras).order_by("pk"))


def read_quarters(cameras: Sequence[Device], start: dt.datetime, end: dt.datetime) -> dict[dt.datetime, Sums]:
    """Read the sums of each quarter hour of these cameras together, in two queries."""
    found: dict[dt.datetime, Sums] = defaultdict(Sums)
    period = {"device__in": [camera.pk for camera in cameras], "start__gte": start, "start__lt": end}
    visits = VisitQuarter.objects.filter(**period).order_by().values_list("start")
    for moment, told, attention, viewers in visits.annotate(Sum("told"), Sum("attention_ms_sum"), Sum("viewers")):
        found[moment].add(Sums(told, attention, viewers))
    seen = EngagementQuarter.objects.filter(**period).order_by().values_list("start")
    for moment, minutes in seen.annotate(total=IntegerSum(BitCount("minutes_seen"))):
        found[moment].add(Sums(seen_minutes=minutes))
    return found


def _cells(
    blocks: Sequence[Block | plan.PlannedBlock],
    quarters: Mapping[dt.datetime, Sums],
    arms: int,
    until: dt.datetime,
    cameras: Sequence[Device],
) -> tuple[dict[int, list[Sums]], int]:
    """Return the sums of each arm in each square that is over and covered, and how many are over but not covered."""
    cells: dict[int, list[Sums]] = defaultdict(lambda: [Sums() for _ in range(arms)])
    unfinished, uncovered = set[int](), set[int]()
    for block in blocks:
        if block.square == plan.NOT_COUNTED:
            continue
        if block.ends_at > until:
            unfinished.add(block.square)
            continue
        sums, moment, minutes = Sums(), block.starts_at, 0
        while moment < block.ends_at:
            if (quarter := quarters.get(moment)) is not None:
                sums.add(quarter)
            minutes, moment = minutes + QUARTER_MINUTES, moment + QUARTER
        present = len({camera.name for camera in cameras if camera.overlaps(block.starts_at, block.ends_at)})
        if sums.seen_minutes < FEWEST_COVERAGE * minutes * max(1, present):
            uncovered.add(block.square)
        cells[block.square][block.arm].add(sums)
    for square in unfinished | uncovered:
        cells.pop(square, None)
    return dict(sorted(cells.items())), len(uncovered - unfinished)


def _estimate(cells: Mapping[int, Sequence[Sums]], arm: int, measure: str) -> Estimate | None:
    both = [(row[0].cell(measure), row[arm].cell(measure)) for row in cells.values()]
    if min(sum(row[0].visits for row in cells.values()), sum(row[arm].visits for row in cells.values())) < (
        verdicts.FEWEST_VISITS
    ):
        return None
    return verdicts.estimate([control for control, _ in both], [other for _, other in both])


def _total(rows: Iterable[Sums]) -> Sums:
    total = Sums()
    for row in rows:
        total.add(row)
    return total


def _state(experiment: Experiment, starts_at: dt.datetime, ends_at: dt.datetime, now: dt.datetime) -> State:
    if experiment.stopped_at is not None:
        return State.STOPPED
    return State.PLANNED if now < starts_at else State.RUNNING if now < ends_at else State.OVER


def _more_days(experiment: Experiment, frame: plan.Frame, squares: int, estimate: Estimate | None) -> int | None:
    if estimate is None or not estimate.spread:
        return None
    is_sequential = experiment.stop_rule == StopRule.SEQUENTIAL
    needed = verdicts.squares_needed(estimate.spread, experiment.smallest_lift, is_sequential=is_sequential)
    days = math.ceil((needed - squares) * frame.arms / frame.squares_per_round)
    return min(max(1, days), 10 * verdicts.LONGEST_DAYS)


def _adherence(
    experiment: Experiment,
    blocks: Sequence[Block],
    arms: Sequence[Arm],
    cameras: Sequence[Device],
    until: dt.datetime,
) -> float | None:
    """Return the share of the shown time of the arms' contents that was shown as planned, in one query."""
    planned: dict[dt.datetime, int] = {}
    for block in blocks:
        moment = block.starts_at
        while moment < min(block.ends_at, until):
            planned[moment] = arms[block.arm].content_id
            moment += QUARTER
    if not planned:
        return None
    rows = ContentQuarter.objects.filter(
        device__in=[camera.pk for camera in cameras],
        screen=experiment.screen_id,
        content__in=[arm.content_id for arm in arms],
        start__gte=min(planned),
        start__lte=max(planned),
    ).order_by()
    right = everything = 0
    for start, content, shown in rows.values_list("start", "content").annotate(Sum("shown_ms")):
        if start in planned:
            everything += shown
            right += shown if planned[start] == content else 0
    return right / everything if everything else None


@dataclass(frozen=True, slots=True)
class Announcement:
    """How long an experiment takes, as the past of its place tells."""

    days: int | None
    """None where the past has too few visits to tell."""
    visits_a_day: float
    spread: float | None


def announce(screen: Screen, contents: Sequence[Content], experiment: Experiment, *, now: dt.datetime) -> Announcement:
    """Tell how many days the experiment needs to find its smallest lift, from the four weeks before; two queries."""
    arms = max(2, len(contents))
    today = now.astimezone(experiment.site.zone).date()
    days = PAST_DAYS // arms * arms
    frame = plan.Frame(
        arms,
        today - dt.timedelta(days=days),
        days,
        experiment.from_hour,
        experiment.to_hour,
        experiment.block_minutes,
        experiment.site.zone,
    )
    cameras = cameras_of(screen)
    quarters = read_quarters(cameras, frame.starts(), frame.ends())
    visits = sum(each.visits for each in quarters.values()) / days
    spread = past_spread(quarters, frame, experiment.measure, cameras=cameras)
    if spread is None or not frame.squares_per_round:
        return Announcement(None, visits, None)
    is_sequential = experiment.stop_rule == StopRule.SEQUENTIAL
    needed = verdicts.squares_needed(
        spread, experiment.smallest_lift, is_sequential=is_sequential, power=verdicts.PLANNING_POWER
    )
    found = verdicts.days_needed(needed, arms=arms, squares_per_round=frame.squares_per_round)
    return Announcement(min(found, verdicts.LONGEST_DAYS // arms * arms), visits, spread)


def past_spread(
    quarters: Mapping[dt.datetime, Sums], frame: plan.Frame, measure: str, *, cameras: Sequence[Device]
) -> float | None:
    """Return the spread of one square in a past in which nothing was compared: of several drawn plans, in the mean."""
    found = []
    for number in range(PAST_DRAWS):
        blocks = plan.draw(frame, f"past {number}")
        cells, _ = _cells(blocks, quarters, frame.arms, frame.ends(), cameras)
        if (estimate := _estimate(cells, 1, measure)) is not None:
            found.append(estimate.spread**2)
    return math.sqrt(sum(found) / len(found)) if found else None


def read_states(
    experiments: Sequence[Experiment], *, now: dt.datetime
) -> list[tuple[Experiment, State, dt.datetime, dt.datetime]]:
    """Return each experiment with its state, its start and its end; in one query."""
    spans = dict[int, tuple[dt.datetime, dt.datetime]]()
    blocks = Block.objects.filter(experiment__in=experiments).order_by().values_list("experiment")
    for key, start, end in blocks.annotate(Min("starts_at"), Max("ends_at")):
        spans[key] = start, end
    return [(each, _state(each, *spans[each.pk], now), *spans[each.pk]) for each in experiments if each.pk in spans]
