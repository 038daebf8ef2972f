import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.numbers.open_spans import OpenSpans
from analytics.numbers.reads import Selection, read_engagement, read_episodes
from analytics.verdicts.hour_series import HourSeries, Measure, people_measure, read_hour_series
from analytics.verdicts.matched import Comparison
from analytics.verdicts.spans import compare_spans, count_visits
from devices.models import Device, Site, Thing
from tests.analytics.frames import count, frames_of, seen, undone
from tests.analytics.visits import report, visited

CHICAGO = ZoneInfo("America/Chicago")
MINUTE, HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)
LATER = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)


def local(*at: int, zone: ZoneInfo = CHICAGO) -> dt.datetime:
    return dt.datetime(*at, tzinfo=zone).astimezone(dt.UTC)  # type: ignore[arg-type,misc]


def read(start: dt.datetime, end: dt.datetime, *devices: Device, now: dt.datetime = LATER) -> HourSeries:
    (found,) = read_hour_series([Selection(devices, CHICAGO, start, end)], label="thumbs-up", now=now)
    return found


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=15)
def test_every_hour_has_the_numbers_of_its_bucket(chicago01: Device, chicago02: Device, data: st.DataObject) -> None:
    """On the days around both changes of clocks, too."""
    start = data.draw(st.sampled_from([local(2026, 10, 31), local(2026, 3, 7), local(2026, 11, 18)]))
    end = start + dt.timedelta(days=3)
    moments = st.integers(0, 3 * 86_400 - 1).map(lambda seconds: start + dt.timedelta(seconds=seconds))
    frames = data.draw(st.lists(frames_of([chicago01, chicago02], moments), max_size=12))
    with undone():
        count(*{(frame.device.pk, frame.taken_at): frame for frame in frames}.values())
        series = read(start, end, chicago01, chicago02)
        for number, device in enumerate((chicago01, chicago02)):
            selection = Selection([device], CHICAGO, start, end)
            (hours,) = read_engagement([selection], bucket="hour", now=LATER)
            (spells,) = read_episodes([selection], label="face", bucket="hour")
            (gestures,) = read_episodes([selection], label="thumbs-up", bucket="hour")
            expected = np.zeros((7, *series.minutes[0].shape))
            for hour, spell, gesture in zip(hours, spells, gestures, strict=True):
                place = (hour.start.date() - series.first_day).days, hour.start.hour
                numbers = (hour.minutes, hour.frames, hour.faces_sum, hour.minutes_seen, hour.minutes_occupied)
                expected[:, *place] += (*numbers, len(spell.seconds), len(gesture.seconds))
            found = (series.frames, series.faces, series.seen, series.occupied, series.spells, series.gestures)
            assert np.array_equal(expected[0], series.minutes[number])
            assert np.array_equal(expected[1:], np.stack([values[number] for values in found]))


def test_a_lost_hour_has_no_minutes_and_a_doubled_hour_has_both(chicago01: Device) -> None:
    lost = read(local(2026, 3, 8), local(2026, 3, 9), chicago01)
    assert lost.minutes[0, 0].tolist() == [60, 60, 0, *[60] * 21]
    doubled = read(local(2026, 11, 1), local(2026, 11, 2), chicago01)
    assert doubled.minutes[0, 0].tolist() == [60, 120, *[60] * 22]
    assert not lost.between(local(2026, 3, 8), local(2026, 3, 9))[0, 2]


@pytest.mark.parametrize(("minutes", "is_known"), [(29, False), (30, True)])
def test_an_hour_is_compared_from_half_coverage_on(chicago01: Device, minutes: int, is_known: bool) -> None:
    start = local(2026, 11, 18, 9)
    count(*(seen(chicago01, start + n * MINUTE, faces=[0.9]) for n in range(minutes)))
    series = read(start, start + HOUR, chicago01)
    assert series.known[0, 0, 9] == is_known
    assert np.isnan(series.measures()[Measure.AVERAGE].rates[0, 0, 9]) != is_known


def test_an_hour_under_way_is_not_compared(chicago01: Device) -> None:
    start = local(2026, 11, 18, 9)
    count(*(seen(chicago01, start + n * MINUTE, faces=[0.9]) for n in range(60)))
    assert not read(start, start + HOUR, chicago01, now=start + 59 * MINUTE).known.any()
    assert read(start, start + HOUR, chicago01, now=start + HOUR).known[0, 0, 9]


def test_a_camera_that_does_not_look_for_faces_knows_only_gestures(chicago01: Device) -> None:
    start = local(2026, 11, 18, 9)
    count(*(seen(chicago01, start + n * MINUTE, faces=None, labels=[("thumbs-up", 0.9)]) for n in range(60)))
    known = {
        name: not np.isnan(each.rates[0, 0, 9])
        for name, each in read(start, start + HOUR, chicago01).measures().items()
    }
    assert known == {"average": False, "occupied": False, "occupied_spells": False, "gestures": True}


def test_spells_count_per_covered_hour(chicago01: Device) -> None:
    start = local(2026, 11, 18, 9)
    count(*(seen(chicago01, start + n * MINUTE, faces=[0.9] if n % 5 == 0 else []) for n in range(30)))
    measure = read(start, start + HOUR, chicago01).measures()[Measure.SPELLS]
    assert measure.events is not None
    assert (measure.events[0, 0, 9], measure.rates[0, 0, 9]) == (6, 12)


def test_any_number_of_places_takes_four_queries(chicago01: Device, chicago02: Device, seattle01: Device) -> None:
    start, end = local(2026, 11, 18), local(2026, 11, 19)
    asked = [Selection([device], CHICAGO, start, end) for device in (chicago01, chicago02, seattle01)]
    with CaptureQueriesContext(connection) as made:
        assert len(read_hour_series(asked, label="cup", now=LATER)) == 3
    assert len(made) == 4


def test_a_spot_is_one_camera_whichever_device_stands_there(chicago: Site) -> None:
    noon = local(2026, 11, 18, 12)
    before, after = (
        Device.objects.create(site=chicago, name="Door", thing=Thing.objects.create(name=thing), **stretch)
        for thing, stretch in (("old", {"until": noon}), ("new", {"since": noon}))
    )
    for device, start in ((before, noon - HOUR), (after, noon)):
        count(*(seen(device, start + n * MINUTE, faces=[0.9]) for n in range(60)))
    series = read(local(2026, 11, 18), local(2026, 11, 19), before, after)
    assert series.minutes.tolist() == [[[60] * 24]]
    assert series.known[0, 0].nonzero()[0].tolist() == [11, 12]
    assert series.frames.sum() == 120


def test_a_device_that_left_makes_no_hour_of_its_site_less_covered(chicago: Site, chicago01: Device) -> None:
    start = local(2026, 11, 18, 9)
    thing = Thing.objects.create(name="left")
    left = Device.objects.create(site=chicago, name="Left", thing=thing, until=start)
    count(*(seen(chicago01, start + n * MINUTE, faces=[0.9]) for n in range(40)))
    series = read(start, start + HOUR, chicago01, left).together()
    assert (series.minutes[0, 0, 9], series.known[0, 0, 9]) == (60, True)


def test_places_without_devices_are_known_in_no_hour() -> None:
    series = read(local(2026, 11, 18), local(2026, 11, 19))
    assert not series.known.any()
    assert not series.together().known.any()
    day = (local(2026, 11, 18), local(2026, 11, 19))
    assert {each.hours_in_common for each in compare_spans(series, day, day).values()} == {0}


def watched(device: Device, start: dt.datetime, hours: int) -> None:
    """A frame a minute with a face in the first minute of each hour."""
    count(*(seen(device, start + n * MINUTE, faces=[0.9] if n % 60 == 0 else []) for n in range(60 * hours)))


def test_visits_are_known_from_the_first_one_on_and_then_also_where_nobody_came(chicago01: Device) -> None:
    start = local(2026, 11, 18, 9)
    watched(chicago01, start, 4)
    report(visited(chicago01, start + HOUR, key="a"), visited(chicago01, start + HOUR + MINUTE, key="b"))
    series = read(local(2026, 11, 18), local(2026, 11, 19), chicago01)
    visits = series.measures()[Measure.VISITS]
    assert np.isnan(visits.rates[0, 0, 9]), "the camera did not follow people yet"
    assert visits.rates[0, 0, 10:13].tolist() == [2, 0, 0]
    assert np.isnan(visits.rates[0, 0, 13]), "the camera was off"
    assert count_visits(series, (start, start + 4 * HOUR)) == 2
    assert count_visits(series, (start, start + HOUR)) is None


def test_a_first_visit_before_the_period_makes_its_visits_known(chicago01: Device) -> None:
    start = local(2026, 11, 18, 9)
    watched(chicago01, start, 2)
    report(visited(chicago01, start - 30 * HOUR), visited(chicago01, start + HOUR))
    visits = read(local(2026, 11, 18), local(2026, 11, 19), chicago01).measures()[Measure.VISITS]
    assert visits.rates[0, 0, 9:11].tolist() == [0, 1]


def test_a_day_with_spells_and_without_a_visit_is_one_on_which_nobody_was_followed(chicago01: Device) -> None:
    start = local(2026, 11, 18, 9)
    watched(chicago01, start, 1)
    watched(chicago01, start + 24 * HOUR, 1)
    report(visited(chicago01, start))
    visits = read(local(2026, 11, 18), local(2026, 11, 20), chicago01).measures()[Measure.VISITS]
    assert visits.rates[0, 0, 9] == 1
    assert np.isnan(visits.rates[0, 1]).all()


def test_visits_in_closed_hours_are_in_no_number(chicago01: Device) -> None:
    start = local(2026, 11, 18, 9)
    watched(chicago01, start, 2)
    report(visited(chicago01, start), visited(chicago01, start + HOUR))
    opening = OpenSpans(np.array([start.timestamp(), (start + HOUR).timestamp()], np.int64))
    selection = Selection([chicago01], CHICAGO, local(2026, 11, 18), local(2026, 11, 19), hours={chicago01.pk: opening})
    (series,) = read_hour_series([selection], label="thumbs-up", now=LATER)
    assert count_visits(series, (start, start + 2 * HOUR)) == 1


@pytest.mark.parametrize(
    ("visits", "spells", "measure"),
    [(None, 80, Measure.SPELLS), (0, 0, Measure.SPELLS), (39, 80, Measure.SPELLS), (40, 80, Measure.VISITS)],
)
def test_visits_tell_how_many_came_where_at_least_half_of_the_hours_know_them(
    visits: int | None, spells: int, measure: Measure
) -> None:
    found = {Measure.SPELLS: Comparison(spells, None, None, 1.0)}
    if visits is not None:
        found[Measure.VISITS] = Comparison(visits, None, None, 1.0)
    assert people_measure(found) is measure
