"""Intervals beside those of SciPy, and where they must lie."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from analytics.numbers.intervals import CONFIDENCE, wilson


@given(st.integers(1, 2_000).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials))))
def test_wilsons_interval_is_that_of_scipy_and_holds_the_share(counts: tuple[int, int]) -> None:
    found = wilson(*counts)
    assert found is not None
    expected = binomtest(*counts).proportion_ci(CONFIDENCE, method="wilson")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert 0 <= found.low <= counts[0] / counts[1] <= found.high <= 1


def test_without_a_trial_there_is_no_interval_and_impossible_counts_are_refused() -> None:
    assert wilson(0, 0) is None
    for successes, trials in ((2, 1), (-1, 1), (0, -1)):
        with pytest.raises(ValueError, match="is not a share"):
            wilson(successes, trials)
