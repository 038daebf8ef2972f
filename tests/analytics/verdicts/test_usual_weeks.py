"""A week or a month is called usual where it is one of many alike, and not where it clearly stands out."""

import numpy as np
import pytest

from analytics.verdicts.matched import BAND, FEWEST_WEEKS
from analytics.verdicts.usual_weeks import range_of_spans

DAYS = {"week": 7, "month of 30 days": 30, "month of 28 days": 28, "month of 31 days": 31}


def rates(spans: int, days: int, *, seed: int) -> tuple[np.ndarray, int]:
    """Return random hours of one camera with a quiet night, and the index of the last span's first day."""
    step = days // 7 * 7
    first = spans * step
    by_hour = np.where(np.arange(24) < 8, 0.1, 3.0)
    return np.random.default_rng(seed).poisson(by_hour, (1, first + days, 24)).astype(float), first


@pytest.mark.parametrize("days", DAYS.values(), ids=DAYS)
def test_a_span_like_those_before_is_in_its_range_as_often_as_the_range_says(days: int) -> None:
    inside = 0
    for seed in range(60):
        found = range_of_spans(*rates(7, days, seed=seed), days)
        assert found is not None
        assert found.weeks == 7
        inside += found.band.low <= found.value <= found.band.high
    assert inside / 60 >= BAND - 0.15


@pytest.mark.parametrize("days", DAYS.values(), ids=DAYS)
def test_a_span_with_a_half_more_stands_out(days: int) -> None:
    hours, first = rates(7, days, seed=1)
    hours[:, first:] *= 1.5
    found = range_of_spans(hours, first, days)
    assert found is not None
    assert found.value == hours[:, first:].sum() > found.band.high
    assert found.median == pytest.approx(found.value / 1.5, rel=0.05)


@pytest.mark.parametrize("days", DAYS.values(), ids=DAYS)
def test_too_few_spans_cannot_tell(days: int) -> None:
    assert range_of_spans(*rates(FEWEST_WEEKS - 1, days, seed=1), days) is None
    hours, first = rates(7, days, seed=1)
    hours[:, :first, 12:] = np.nan  # The nights alone are too small a share of what the span saw.
    assert range_of_spans(np.where(np.arange(24) < 4, np.nan, hours), first, days) is None
