"""The hours of a period as rows, and the period before as one; from three queries, however many places there are."""

from collections.abc import Sequence

from analytics import headlines, reads
from analytics.headlines import Row
from analytics.models import FACE
from analytics.periods import Period
from devices.models import Device


def hours_and_before(places: Sequence[tuple[Sequence[Device], Period]], *, label: str) -> list[tuple[list[Row], Row]]:
    """Of each place's devices together: its period's hours, with the label's gestures, and the period before.

    The period before goes up to the same time of day where the period is not over. All have the same `now`.
    """
    asked = [each for devices, period in places for each in _asked(devices, period)]
    seen = reads.engagement_each(asked, bucket="hour", now=places[0][1].now) if places else []
    visits = reads.episodes_each(asked, bucket="hour", label=FACE, camera=seen)
    gestures = reads.episodes_each(asked, bucket="hour", label=label, camera=seen)
    rows = [headlines.by_hour(*each) for each in zip(seen, visits, gestures, strict=True)]
    return [(hours, before) for hours, (before,) in zip(rows[::2], rows[1::2], strict=True)]


def _asked(devices: Sequence[Device], period: Period) -> tuple[reads.Asked, reads.Asked]:
    return (
        reads.Asked(devices, period.zone, period.start, period.end),
        reads.Asked(devices, period.zone, period.previous_start, period.previous_end, whole=True),
    )
