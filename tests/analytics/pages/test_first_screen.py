import datetime as dt
from collections.abc import Iterable

import pytest
from django.contrib.auth.models import User
from django.core.cache import caches
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics.models import Episode
from analytics.pages import attention, outlook
from analytics.pages.attention import Matter, Urgency, Watched
from analytics.pages.overview import first_screen, latest_pictures
from analytics.verdicts.hour_series import Measure
from devices.models import Device, DeviceState, QuarantinedMessage, Reason, Site, Thing
from faces.models import Mode, SitePolicy
from tests.analytics.features.comparing.test_api import watch
from tests.analytics.frames import count, seen
from tests.analytics.pages.test_pages import NOW, page, picture, words
from tests.analytics.visits import report, visited
from tests.clock import SetClock
from tests.world import places

MINUTE, HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)


@pytest.fixture(autouse=True)
def _half_past_ten(set_clock: SetClock) -> None:
    set_clock(NOW)


def live(device: Device, **values: object) -> None:
    values = {"last_seen_at": NOW - MINUTE, "online": True, **values}
    DeviceState.objects.update_or_create(thing=device.thing, defaults=values)


def an_hour(device: Device, start: dt.datetime = NOW - HOUR) -> None:
    """A frame a minute, and two spells."""
    count(*(seen(device, start + n * MINUTE, faces=[0.9] if n in (5, 25) else []) for n in range(60)))


def test_it_says_how_many_came_today(seattle01: Device, viewer: User) -> None:
    live(seattle01)
    an_hour(seattle01)
    assert "2 occupied spells so far today too early to tell" in words(page(viewer, "/"))
    report(*(visited(seattle01, NOW - n * MINUTE, key=str(n)) for n in (5, 20, 40)))
    shown = words(page(viewer, "/"))
    assert "3 visits so far today" in shown
    assert "occupied spells so far" not in shown, "visits and spells are not added up"


def test_cameras_that_do_not_follow_people_are_counted_apart(seattle01: Device, viewer: User) -> None:
    other = places.device(seattle01.site, "Seattle02", "two")
    an_hour(seattle01)
    an_hour(other)
    report(visited(seattle01, NOW - MINUTE))
    assert "1 visit, and 2 occupied spells at cameras that do not follow people, so far" in words(page(viewer, "/"))


def test_it_says_whether_today_is_normal_and_how_yesterday_and_the_week_were(
    chicago01: Device, outsider: User, set_clock: SetClock
) -> None:
    watch(chicago01, weeks=9, people=40)
    set_clock(dt.datetime(2026, 11, 15, 22, 30, tzinfo=dt.UTC))
    shown = words(page(outsider, "/"))
    assert "so far today as usual" in shown
    assert "occupied spells by 16:00; today it was" in shown
    assert "Yesterday: 480 occupied spells, as usual (" in shown
    assert "Last 7 days: " in shown
    assert "about the same as the 7 days before (" in shown


def test_a_busy_week_is_told_only_over_hours_that_both_weeks_saw(
    chicago01: Device, outsider: User, set_clock: SetClock
) -> None:
    watch(chicago01, weeks=9, people=40, lift=1.5)
    set_clock(dt.datetime(2026, 11, 16, 7, tzinfo=dt.UTC))
    found = first_screen(outsider, now=dt.datetime(2026, 11, 16, 7, tzinfo=dt.UTC))
    (week,) = found.weeks.values()
    assert (str(week.word), week.comparison.hours_in_common) == ("more", 7 * 12)


def test_outlooks_are_kept_and_read_for_a_bounded_number_of_cameras(
    seattle01: Device, chicago01: Device, superuser: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outlook, "MOST_CAMERAS", 1)
    for device in (seattle01, chicago01):
        an_hour(device)
    assert "it appears in a moment" in words(page(superuser, "/"))
    found = first_screen(superuser, now=NOW)
    assert not any(each is None for each in found.outlooks.values())
    with CaptureQueriesContext(connection) as kept:
        first_screen(superuser, now=NOW)
    caches["process"].clear()
    with CaptureQueriesContext(connection) as fresh:
        first_screen(superuser, now=NOW)
    assert len(kept) < len(fresh)


def test_its_number_of_queries_does_not_grow(chicago: Site, chicago01: Device, outsider: User) -> None:
    an_hour(chicago01)
    with CaptureQueriesContext(connection) as few:
        page(outsider, "/")
    for number in range(5):
        another = places.device(chicago, f"Another{number}", f"thing{number}")
        live(another, clock_skew_ms=10**6)
        an_hour(another)
        report(visited(another, NOW - MINUTE))
    caches["process"].clear()
    with CaptureQueriesContext(connection) as more:
        page(outsider, "/")
    assert len(more) == len(few)


@pytest.mark.parametrize("is_claimed", [False, True])
def test_a_device_that_was_never_seen_is_not_drawn_as_off(seattle01: Device, viewer: User, is_claimed: bool) -> None:
    if is_claimed:  # its box is set up and has sent nothing yet
        DeviceState.objects.create(thing=seattle01.thing)
    answer = page(viewer, "/")
    assert "Nothing has come from this device yet." in words(answer)
    assert 'class="off"' not in answer.content.decode()
    assert "Nothing has come from this device yet" in words(page(viewer, "/sites/seattle/"))
    live(seattle01)
    assert 'class="off"' in page(viewer, "/").content.decode()


def matters(user: User) -> list[tuple[str, str]]:
    return [(each.device.name, each.text) for each in first_screen(user, now=NOW).matters]


def test_what_needs_a_hand_is_in_one_list_the_most_urgent_first(seattle01: Device, viewer: User) -> None:
    site = seattle01.site
    names = ["Quiet", "Offline", "Twice", "Late", "Dark", "Held", "Gaps", "Fine"]
    devices = {name: places.device(site, name, name.lower()) for name in names}
    live(devices["Quiet"], last_seen_at=NOW - 3 * HOUR)
    live(devices["Offline"], last_seen_at=NOW - HOUR, online=False)
    live(devices["Twice"], name_shared_at=NOW - MINUTE)
    live(devices["Late"], clock_skew_ms=-90_000)
    live(devices["Dark"], picture_problem="dark", picture_problem_since=NOW - HOUR)
    live(devices["Held"])
    live(devices["Gaps"])
    live(devices["Fine"])
    for name in ("Twice", "Late", "Dark", "Held", "Fine"):
        start = NOW - 630 * MINUTE
        count(*(seen(devices[name], start + n * MINUTE, faces=[]) for n in range(630)))
    an_hour(devices["Gaps"])
    QuarantinedMessage.objects.create(
        key=1, topic="t", payload=b"", reason=Reason.BAD_VALUE, size=0, received_at=NOW, device=devices["Held"]
    )
    assert matters(viewer) == [
        ("Quiet", "has been silent"),
        ("Offline", "has been offline"),
        ("Seattle01", "has never been heard of"),
        ("Dark", "has a picture that is dark"),
        ("Twice", "has its name used twice"),
        ("Late", "has a clock that is 1 min 30 s behind"),
        ("Gaps", "was on for 10% of today"),
        ("Held", "has 1 message in quarantine"),
    ]
    shown = words(page(viewer, "/"))
    assert "Quiet , Seattle, has been silent since Fri 20 Nov, 07:30" in shown.replace("Quiet,", "Quiet ,")


def test_where_nothing_is_wrong_it_says_so(seattle01: Device, viewer: User) -> None:
    live(seattle01)
    start = NOW - 630 * MINUTE
    count(*(seen(seattle01, start + n * MINUTE, faces=[]) for n in range(630)))
    assert "Nothing needs a hand." in words(page(viewer, "/"))


def test_a_device_that_left_needs_no_hand(seattle: Site, viewer: User) -> None:
    thing = Thing.objects.create(name="gone")
    Device.objects.create(site=seattle, name="Gone", thing=thing, until=NOW - HOUR)
    assert matters(viewer) == []


def test_a_source_that_fails_hides_no_other(
    seattle01: Device, viewer: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(watched: Watched) -> Iterable[Matter]:
        raise RuntimeError("no table")

    def further(watched: Watched) -> Iterable[Matter]:
        yield Matter(watched.devices[0], Urgency.NUMBERS_ARE_WRONG, "is covered", "Uncover it.")

    monkeypatch.setattr(attention, "_sources", [broken, *attention._sources])
    attention.register(further)
    attention.register(further)
    assert matters(viewer) == [("Seattle01", "has never been heard of"), ("Seattle01", "is covered")]
    assert "The source broken of what needs a hand failed" in caplog.text


@pytest.mark.parametrize(("mode", "is_shown"), [(None, False), (Mode.OFF, False), (Mode.ENROLLED, True)])
def test_a_recent_picture_is_shown_where_the_policy_allows(
    seattle01: Device, viewer: User, mode: Mode | None, is_shown: bool
) -> None:
    if mode is not None:
        SitePolicy.objects.create(site=seattle01.site, mode=mode)
    picture(seattle01, 1, NOW - HOUR)
    latest = picture(seattle01, 2, NOW - MINUTE)
    picture(seattle01, 3, NOW, image="")
    picture(seattle01, 4, NOW, shows="crop")
    found = latest_pictures([seattle01], now=NOW)
    assert [each.pk for each in found.values()] == ([latest.pk] if is_shown else [])
    assert ("What Seattle01 saw at 10:29" in page(viewer, "/").content.decode()) is is_shown


def test_an_old_picture_is_not_shown_as_recent(seattle01: Device) -> None:
    SitePolicy.objects.create(site=seattle01.site, mode=Mode.ENROLLED)
    picture(seattle01, 1, NOW - 25 * HOUR)
    assert latest_pictures([seattle01], now=NOW) == {}


def test_spells_of_a_site_whose_cameras_follow_nobody_are_its_measure(chicago01: Device, outsider: User) -> None:
    an_hour(chicago01)
    found = first_screen(outsider, now=NOW)
    (of_site,) = found.outlooks.values()
    assert of_site is not None
    assert of_site.today.people is Measure.SPELLS
    assert (found.totals.visits, found.totals.spells) == (None, Episode.objects.count())
