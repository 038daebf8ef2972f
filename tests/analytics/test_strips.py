import datetime as dt

from analytics.charts import Showing
from analytics.strips import HEIGHT, WIDTH, strip
from tests.analytics.buckets import ahead, hours, off, seen

HOURS = hours(dt.date(2026, 11, 20))


def test_a_day_is_a_row_of_hours_up_to_now() -> None:
    now = HOURS[3][0] + dt.timedelta(minutes=30)
    day = [seen(HOURS[0], faces=120), seen(HOURS[1], faces=60), seen(HOURS[2]), off(HOURS[3])]
    drawn = strip([*day, *map(ahead, HOURS[4:])], now=now, top=2.0)
    assert [bar.showing for bar in drawn.bars] == [Showing.PEOPLE, Showing.PEOPLE, Showing.NOBODY, Showing.OFF]
    assert [bar.height for bar in drawn.bars[:2]] == [HEIGHT, HEIGHT / 2]
    assert all(bar.y + bar.height == HEIGHT for bar in drawn.bars)
    assert drawn.hand == WIDTH * 3.5 / 24
    assert drawn.bars[3].x + drawn.bars[3].width == drawn.hand, "nobody knows what the camera will do"
    assert drawn.text.startswith("Busiest: Fri 20 Nov, 00:00")


def test_bars_that_are_drawn_alike_share_a_path() -> None:
    day = [seen(HOURS[0], faces=120), off(HOURS[1]), seen(HOURS[2], faces=60), *map(ahead, HOURS[3:])]
    people, camera_off = strip(day, now=HOURS[3][0], top=2.0).paths
    assert people == (Showing.PEOPLE, "M0.8 0h8.4v36h-8.4zM20.8 18h8.4v18h-8.4z")
    assert camera_off == (Showing.OFF, "M10 0h10v36h-10z")


def test_the_scale_keeps_its_place_in_a_day_of_25_hours() -> None:
    long = hours(dt.date(2026, 11, 1))
    drawn = strip([off(span) for span in long], now=long[-1][1], top=1.0)
    assert [text for _, text in drawn.ticks] == ["0", "6", "12", "18"]
    assert drawn.ticks[1][0] == WIDTH * 7 / 25, "one o'clock came twice"
