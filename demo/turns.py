"""The contents that take turns on the display before one of the demo's cameras, one of which holds people longer.

In the past, an experiment decided by day what was shown; its plan is drawn as the product draws it. At all other times
the turns are drawn from the time alone, so that busy and quiet hours favour neither. Whoever comes stays by `HOLDS` of
the content that is shown then, which is why the difference on the pages of contents is known: `LIFT`.
"""

import datetime as dt
import hashlib
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

from demo.camera_profiles import SEATTLE01, CameraProfile
from plays.experiments.plan import Frame, PlannedBlock, draw

CAMERA = SEATTLE01
SCREEN = "Lobby display"
CONTENTS = ("Our offices from space", "Today's numbers")
CONTROL = 1
"""The index of the content that the experiment compares the other one with."""

HOLDS = (1.1, 0.9)
"""By how much longer than usual people stay before each content; on average as long as before other displays."""

LIFT = HOLDS[0] / HOLDS[1] - 1
"""How much longer people stay before the first content than before the second one, as a share."""

TURN_MS = 5 * 60 * 1_000

PLAN_SEED = "the demo's plan"
FROM_HOUR, TO_HOUR, BLOCK_MINUTES = 8, 18, 60
MOST_DAYS = 14

Stay = Callable[[float], float]
"""Returns by how much longer than usual somebody stays who comes at this moment (epoch seconds)."""


def turn_at(at: int) -> int:
    """Return the index of the content whose turn it is at this time (epoch milliseconds) without an experiment."""
    return hashlib.blake2b(str(at // TURN_MS).encode(), digest_size=1).digest()[0] % len(CONTENTS)


def stay_before(profile: CameraProfile | None) -> Stay | None:
    """Return how long people stay before a camera now; None where they stay as long as usual."""
    if profile is None or profile.thing != CAMERA.thing:
        return None
    return lambda moment: HOLDS[turn_at(round(moment * 1_000))]


def experiment_frame(start: dt.datetime, end: dt.datetime) -> Frame | None:
    """Return what the plan of the experiment in this past is drawn for: its whole days, at most `MOST_DAYS`; None
    where it has fewer than two."""
    first = start.astimezone(CAMERA.zone).date() + dt.timedelta(days=1)
    whole = (end.astimezone(CAMERA.zone).date() - first).days
    days = min(whole, MOST_DAYS) // len(CONTENTS) * len(CONTENTS)
    return Frame(len(CONTENTS), first, days, FROM_HOUR, TO_HOUR, BLOCK_MINUTES, CAMERA.zone) if days else None


@dataclass(frozen=True)
class PastTurns:
    """What was shown in the past. Times are epoch milliseconds."""

    blocks: list[PlannedBlock]
    starts: list[float]

    @classmethod
    def between(cls, start: dt.datetime, end: dt.datetime) -> "PastTurns":
        frame = experiment_frame(start, end)
        blocks = draw(frame, PLAN_SEED) if frame else []
        return cls(blocks, [block.starts_at.timestamp() * 1_000 for block in blocks])

    def shown_at(self, at: int) -> int:
        """Return the index of the content that was shown."""
        place = bisect_right(self.starts, at) - 1
        if place >= 0 and at < self.blocks[place].ends_at.timestamp() * 1_000:
            arm = self.blocks[place].arm
            return CONTROL if arm == 0 else 1 - CONTROL
        return turn_at(at)

    def stay(self, profile: CameraProfile, started: int) -> float:
        """Return by how much longer than usual somebody stayed who came to this camera at this time."""
        return HOLDS[self.shown_at(started)] if profile.thing == CAMERA.thing else 1.0
