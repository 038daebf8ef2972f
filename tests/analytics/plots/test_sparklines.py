import datetime as dt

import pytest

from analytics.numbers.measures import BucketState
from analytics.plots.sparklines import HEIGHT, WIDTH, sparkline
from tests.analytics.buckets import ahead, hours, off, seen
from tests.analytics.drawings import bars

HOURS = hours(dt.date(2026, 11, 20))


def test_a_day_is_a_row_of_hours_up_to_now() -> None:
    now = HOURS[3][0] + dt.timedelta(minutes=30)
    day = [seen(HOURS[0], faces=120), seen(HOURS[1], faces=60), seen(HOURS[2]), off(HOURS[3])]
    drawn = sparkline([*day, *map(ahead, HOURS[4:])], now=now, top=2.0)
    shown = {state: bars(path) for state, path in drawn.paths}
    assert list(shown) == [BucketState.PEOPLE, BucketState.NOBODY, BucketState.OFF]
    assert [bar.height for bar in shown[BucketState.PEOPLE]] == [HEIGHT, HEIGHT / 2]
    assert drawn.now_x == WIDTH * 3.5 / 24
    assert shown[BucketState.OFF] == [(WIDTH * 3 / 24, drawn.now_x, HEIGHT)], "nobody knows what the camera will do"
    assert drawn.summary.startswith("Busiest: Fri 20 Nov, 00:00")


def test_bars_that_are_drawn_alike_share_a_path() -> None:
    day = [seen(HOURS[0], faces=120), off(HOURS[1]), seen(HOURS[2], faces=60), *map(ahead, HOURS[3:])]
    people, camera_off = sparkline(day, now=HOURS[3][0], top=2.0).paths
    assert people == (BucketState.PEOPLE, "M0.8 36V0H9.2V36zM20.8 36V18H29.2V36z")
    assert camera_off == (BucketState.OFF, "M10 36V0H20V36z")


def test_hours_without_camera_that_adjoin_are_one_stretch() -> None:
    day = [off(HOURS[0]), off(HOURS[1]), seen(HOURS[2]), off(HOURS[3]), off(HOURS[4]), *map(ahead, HOURS[5:])]
    _, (_, path) = sparkline(day, now=HOURS[4][0] + dt.timedelta(minutes=30), top=2.0).paths
    assert bars(path) == [(0, 20, HEIGHT), (30, 45, HEIGHT)]


def test_the_scale_keeps_its_place_in_a_day_of_25_hours() -> None:
    long = hours(dt.date(2026, 11, 1))
    drawn = sparkline([off(span) for span in long], now=long[-1][1], top=1.0)
    assert [text for _, text in drawn.ticks] == ["0", "6", "12", "18"]
    assert drawn.ticks[1][0] == pytest.approx(WIDTH * 7 / 25), "one o'clock came twice"
