"""The plan of an experiment: which content is shown in which block. Pure; drawn from a seed before the start.

A switchback: the contents take turns on one screen in blocks of equal length. Blocks are drawn in Latin squares: of as
many neighbouring blocks of a day, and as many days in a row, as there are contents. In each square every content has
each of these hours once and each of these days once. So neither a busy hour nor a busy day favours a content, and each
square is an experiment of its own, whose outcome is drawn by coin: the squares are what the verdict counts.

The draw is a hash of the seed, so that anybody can draw the published plan again.
"""

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

BLOCK_MINUTES = (15, 30, 60, 120)
"""The lengths of blocks on offer: whole quarter hours, in which visits are tallied."""

NOT_COUNTED = 0
"""The square of blocks that are left over, at the end of a day: they are shown, and counted nowhere."""


@dataclass(frozen=True, slots=True)
class PlannedBlock:
    """A block. Times are UTC."""

    number: int
    square: int
    """From 1 on, or `NOT_COUNTED`."""
    arm: int
    starts_at: dt.datetime
    ends_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Frame:
    """What a plan is drawn for."""

    arms: int
    first_day: dt.date
    days: int
    from_hour: int
    to_hour: int
    block_minutes: int
    zone: ZoneInfo

    @property
    def slots(self) -> int:
        """The blocks of a day."""
        return (self.to_hour - self.from_hour) * 60 // self.block_minutes

    @property
    def squares_per_round(self) -> int:
        """The squares of as many days as there are arms."""
        return self.slots // self.arms

    @property
    def squares(self) -> int:
        return self.squares_per_round * (self.days // self.arms)

    def starts(self) -> dt.datetime:
        """The start of the first block, UTC."""
        return self._time(self.first_day, 0)

    def ends(self) -> dt.datetime:
        """The end of the last block, UTC."""
        return self._time(self.first_day + dt.timedelta(days=self.days - 1), self.slots)

    def bounds(self, day: int, slot: int) -> tuple[dt.datetime, dt.datetime]:
        """Return the start and the end of a block."""
        date = self.first_day + dt.timedelta(days=day)
        return self._time(date, slot), self._time(date, slot + 1)

    def _time(self, date: dt.date, slot: int) -> dt.datetime:
        minutes = self.from_hour * 60 + slot * self.block_minutes
        days, minutes = divmod(minutes, 24 * 60)
        time = dt.time(*divmod(minutes, 60))
        return dt.datetime.combine(date + dt.timedelta(days=days), time, self.zone).astimezone(dt.UTC)


def draw(frame: Frame, seed: str) -> list[PlannedBlock]:
    """Return the blocks of the plan, in order of time. The same frame and seed always give the same plan."""
    per_round, arms = frame.squares_per_round, frame.arms
    blocks: list[PlannedBlock] = []
    for day in range(frame.days):
        round_number, row = divmod(day, arms)
        for slot in range(frame.slots):
            group, column = divmod(slot, arms)
            square = round_number * per_round + group + 1 if group < per_round else NOT_COUNTED
            name = square if square else f"rest {round_number} {slot}"
            arm = _arm(seed, name, row, column, arms)
            starts_at, ends_at = frame.bounds(day, slot)
            if starts_at < ends_at:  # The hour that clocks skip has no blocks.
                blocks.append(PlannedBlock(len(blocks) + 1, square, arm, starts_at, ends_at))
    return blocks


def _arm(seed: str, square: object, row: int, column: int, arms: int) -> int:
    """Return the arm in a cell of a Latin square whose rows, columns and arms are put in a drawn order."""
    rows, columns, order = (_order(seed, square, what, arms) for what in ("rows", "columns", "arms"))
    return order[(rows[row] + columns[column]) % arms]


def _order(seed: str, square: object, what: str, count: int) -> list[int]:
    return sorted(range(count), key=lambda each: hashlib.sha256(f"{seed}/{square}/{what}/{each}".encode()).digest())


def published(blocks: Sequence[PlannedBlock], contents: Sequence[str]) -> str:
    """Return the plan as it is published: a line for each block, with its times and the content's key."""
    return "".join(
        f"{block.number} {block.starts_at.isoformat()} {block.ends_at.isoformat()} {contents[block.arm]}\n"
        for block in blocks
    )


def fingerprint(text: str) -> str:
    """Return the SHA-256 of a published plan, which proves later that it was not changed."""
    return hashlib.sha256(text.encode()).hexdigest()
