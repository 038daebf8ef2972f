import datetime as dt
import json
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.numbers.measures import BucketState, CountBucket
from analytics.plots.texts import describe_engagement, describe_hour_of_today, summarise
from analytics.plots.time_series import count_figure, engagement_figure
from analytics.verdicts.today import TodayHour
from tests.analytics.buckets import LONG_AFTER, ahead, counted, hours, off, seen

DAY = dt.date(2026, 11, 20)
HOURS = hours(DAY)
TWELVE = HOURS[12][0]


def ms(moment: dt.datetime) -> int:
    return round(moment.timestamp() * 1000)


def traces(figure: dict[str, Any]) -> dict[str, Any]:
    engagement = ["people", "barely", "off", "nobody", "uncounted", "targets"]
    counts = ["people", "off", "nobody", "targets"]
    names = engagement if len(figure["data"]) == len(engagement) else counts
    return dict(zip(names, figure["data"], strict=True))


def spans(trace: dict[str, Any]) -> list[tuple[int, int]]:
    """From where to where the columns of a trace reach."""
    return [(round(x - width / 2), round(x + width / 2)) for x, width in zip(trace["x"], trace["width"], strict=True)]


def bucket_of(x: float, all_hours: list[tuple[dt.datetime, dt.datetime]]) -> int:
    return next(n for n, (start, end) in enumerate(all_hours) if ms(start) <= x < ms(end))


def test_each_kind_of_bucket_has_its_state() -> None:
    span = HOURS[0]
    assert ahead(span).state is BucketState.AHEAD
    assert off(span).state is BucketState.OFF
    assert seen(span, frames=0).state is BucketState.UNCOUNTED
    assert seen(span).state is BucketState.NOBODY
    assert seen(span, faces=1).state is BucketState.PEOPLE


@given(st.lists(st.sampled_from(["people", "barely", "nobody", "uncounted", "off"]), min_size=24, max_size=24))
def test_every_hour_is_drawn_once_and_as_what_it_is(kinds: list[str]) -> None:
    make = {
        "people": lambda span: seen(span, faces=90),
        "barely": lambda span: seen(span, faces=30, frames=20, minutes=20),
        "nobody": seen,
        "uncounted": lambda span: seen(span, frames=0),
        "off": off,
    }
    figure = engagement_figure([make[kind](span) for kind, span in zip(kinds, HOURS, strict=True)], now=LONG_AFTER)
    drawn = traces(figure)
    for kind in ("people", "barely", "nobody", "uncounted"):
        assert [bucket_of(x, HOURS) for x in drawn[kind]["x"]] == [n for n, is_ in enumerate(kinds) if is_ == kind]
    assert set(drawn["people"]["y"]) <= {1.5}
    assert sum(end - start for start, end in spans(drawn["off"])) == kinds.count("off") * 3_600_000
    assert spans(drawn["targets"]) == [(ms(start), ms(end)) for start, end in HOURS]


def test_hours_without_camera_are_one_stretch_and_end_now() -> None:
    now = HOURS[5][0] + dt.timedelta(minutes=20)
    buckets = [seen(span) if n < 2 else off(span) if n < 6 else ahead(span) for n, span in enumerate(HOURS)]
    figure = engagement_figure(buckets, now=now)
    assert spans(traces(figure)["off"]) == [(ms(HOURS[2][0]), ms(now))]
    assert figure["layout"]["shapes"][0]["x0"] == ms(now)


def test_now_is_not_marked_where_it_lies_outside() -> None:
    assert engagement_figure([off(span) for span in HOURS], now=LONG_AFTER)["layout"]["shapes"] == []


@pytest.mark.parametrize(("day", "length"), [(dt.date(2026, 11, 1), 25), (dt.date(2026, 3, 8), 23)])
def test_a_day_is_drawn_as_long_as_it_was(day: dt.date, length: int) -> None:
    changing = hours(day)
    assert len(changing) == length
    figure = engagement_figure([seen(span, faces=60) for span in changing], now=LONG_AFTER)
    first, last = figure["layout"]["xaxis"]["range"]
    assert last - first == length * 3_600_000
    assert len(set(traces(figure)["people"]["x"])) == length, "no hour hides another"
    texts = traces(figure)["targets"]["hovertext"]
    assert len(set(texts)) == length, "both hours from one o'clock can be told apart"


def test_labels_of_a_day_are_hours_and_of_a_week_are_days() -> None:
    day = engagement_figure([off(span) for span in HOURS], now=LONG_AFTER)["layout"]["xaxis"]
    assert day["ticktext"] == ["Fri<br>20 Nov", "03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00"]
    week = engagement_figure([off(span) for span in hours(DAY, days=7)], now=LONG_AFTER)["layout"]["xaxis"]
    assert week["ticktext"][:2] == ["Fri<br>20 Nov", "Sat<br>21 Nov"]
    assert len(week["tickvals"]) == 7


def test_the_scale_begins_at_zero_and_holds_the_highest_bar() -> None:
    figure = engagement_figure([seen(HOURS[0], faces=600), seen(HOURS[1], faces=60)], now=LONG_AFTER)
    low, high = figure["layout"]["yaxis"]["range"]
    assert low == 0
    assert high > 10


def test_counts_stand_over_their_hours_and_none_differs_from_off() -> None:
    camera = [seen(HOURS[0]), seen(HOURS[1]), off(HOURS[2])]
    counts = [counted(HOURS[0], 4), counted(HOURS[1]), CountBucket(*HOURS[2], 0, 0, is_known=False)]
    drawn = traces(count_figure(counts, camera, now=LONG_AFTER))
    assert drawn["people"]["y"] == [4]
    assert [bucket_of(x, HOURS) for x in drawn["nobody"]["x"]] == [1]
    assert spans(drawn["off"]) == [(ms(HOURS[2][0]), ms(HOURS[2][1]))]
    assert drawn["targets"]["hovertext"][0] == "<b>Fri 20 Nov, 00:00–01:00 CST</b><br>4 seen<br>mean confidence 80%"
    assert drawn["targets"]["hovertext"][2].endswith("camera off")


def test_small_counts_have_no_fractions_on_their_scale() -> None:
    camera = [seen(HOURS[0])]
    assert count_figure([counted(HOURS[0], 2)], camera, now=LONG_AFTER)["layout"]["yaxis"]["dtick"] == 1
    assert "dtick" not in count_figure([counted(HOURS[0], 200)], camera, now=LONG_AFTER)["layout"]["yaxis"]


def test_counts_need_the_camera_of_the_same_hours() -> None:
    with pytest.raises(ValueError, match="shorter"):
        count_figure([counted(HOURS[0]), counted(HOURS[1])], [seen(HOURS[0])], now=LONG_AFTER)


def test_figures_are_json_and_name_colours_of_the_style_sheet_only() -> None:
    figure = engagement_figure([seen(span, faces=30) for span in HOURS], now=TWELVE)
    text = json.dumps(figure)
    assert "#" not in text
    assert '"var(--data)"' in text


def test_a_bucket_is_described_in_words() -> None:
    assert describe_engagement(seen(HOURS[9], faces=90, minutes=50)) == (
        "<b>Fri 20 Nov, 09:00–10:00 CST</b><br>1.50 people on average, 3 at most"
        "<br>somebody there 50% of the time<br>camera on 50 of 60 min"
    )
    assert describe_engagement(seen(HOURS[9], frames=0)).split("<br>")[1] == "camera on; it does not look for faces"
    assert describe_engagement(ahead(HOURS[9])).endswith("still to come")


def test_an_hour_that_comes_twice_says_so() -> None:
    zone = ZoneInfo("America/Chicago")
    texts = [
        describe_hour_of_today(TodayHour(dt.datetime(2026, 11, 1, hour, tzinfo=zone), True, 7.0, None), "visits")
        for hour in (1, 2)
    ]
    assert texts == [
        "<b>01:00–02:00</b>, which comes twice today; per hour<br>7 visits<br>too early to tell what is usual",
        "<b>02:00–03:00</b><br>7 visits<br>too early to tell what is usual",
    ]


def test_a_plot_is_summarised_in_sentences() -> None:
    buckets = [off(HOURS[0]), seen(HOURS[1], faces=30), seen(HOURS[2], faces=90), ahead(HOURS[3])]
    assert summarise(buckets) == (
        "Busiest: Fri 20 Nov, 02:00–03:00 CST with 1.50 people on average. The camera was off in 1 of 3 hours."
    )
    assert summarise([seen(HOURS[0])]) == "Nobody faced the display. The camera was off in 0 of 1 hour."
    assert summarise([off(HOURS[0])]) == "The camera was off in 1 of 1 hour."


def test_the_axis_of_years_of_months_has_years_and_that_of_a_year_has_months() -> None:
    firsts = [
        dt.datetime(2023 + month // 12, month % 12 + 1, 1, tzinfo=ZoneInfo("America/Chicago")) for month in range(37)
    ]
    months = [seen(span) for span in pairwise(firsts)]
    of_years = engagement_figure(months, now=LONG_AFTER)["layout"]["xaxis"]["ticktext"]
    assert of_years == ["2024", "2025"]
    of_a_year = engagement_figure(months[:13], now=LONG_AFTER)["layout"]["xaxis"]["ticktext"]
    assert (of_a_year[0], of_a_year[-1]) == ("Feb", "Jan<br>2024")
