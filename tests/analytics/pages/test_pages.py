import datetime as dt
import html
import json
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import caches
from django.db import connection
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from analytics.numbers.periods import MOST_DAYS
from analytics.plots import sparklines
from devices.models import Device, DeviceLog, DeviceState, QuarantinedMessage, Reason, Site
from faces.models import Capture, Coffee, Person, Sighting, State
from tests.analytics.drawings import drawn_in
from tests.analytics.frames import count, seen
from tests.clock import SetClock
from tests.world import places
from tests.world.places import PASSWORD

NOW = dt.datetime(2026, 11, 20, 18, 30, tzinfo=dt.UTC)
NINE = dt.datetime(2026, 11, 20, 17, tzinfo=dt.UTC)
"""09:00 in Seattle; it is half past ten there."""
HOUR_OF_A_DAY = sparklines.WIDTH / 24
"""Its width where a day is drawn."""


ROW_OF_HALF_AN_HOUR = re.compile(r"(\w{3} \d+ Nov(?:, 09:00 PST)?) 1\.00 2 50% [^%]+ 15 75%")
"""Average, peak, occupied share, spells and gestures, raw detections with their mean confidence."""


@pytest.fixture(autouse=True)
def _half_past_ten(set_clock: SetClock) -> None:
    set_clock(NOW)


def page(user: User | None, address: str) -> Any:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client.get(address)


def words(answer: Any) -> str:
    """Return the text that a reader sees, with single spaces."""
    body = re.sub(r"(?s)<(script|style|title).*?</\1>", " ", answer.content.decode())
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


def figure(answer: Any, name: str) -> Any:
    """Return a figure of the page, or of the response that the browser requests once it has the page."""
    addresses = [html.unescape(each) for each in re.findall(r'data-plots="([^"]+)"', answer.content.decode())]
    texts = [each.content.decode() for each in (answer, *map(answer.client.get, addresses))]
    found = re.search(rf'<script id="{name}" type="application/json">(.*?)</script>', "".join(texts))
    assert found
    return json.loads(found.group(1))


def half_an_hour(device: Device, start: dt.datetime = NINE) -> None:
    """A frame a minute; every other one shows two faces and a thumb."""
    for minute in range(30):
        some = minute % 2
        at = start + dt.timedelta(minutes=minute)
        count(seen(device, at, faces=[0.9, 0.8] * some, labels=[("thumbs-up", 0.75)] * some))


def picture(device: Device, key: int, taken_at: dt.datetime = NINE, **more: Any) -> Capture:
    values = {"state": State.DONE, "cups": 1, "image": f"captures/{key}.jpg", **more}
    return Capture.objects.create(device=device, taken_at=taken_at, received_at=taken_at, key=key, **values)


def coffee(capture: Capture, person: Person | None = None) -> None:
    sighting = Sighting.objects.create(capture=capture, number=0, person=person, confidence=0.9)
    Coffee.objects.create(person=person, device=capture.device, taken_at=capture.taken_at, sighting=sighting)


def number_of_queries(user: User, address: str) -> int:
    """Return how many queries the first request takes, for which nothing is kept yet."""
    caches["process"].clear()
    client = Client()
    client.force_login(user)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    return len(queries)


@pytest.mark.parametrize("name", ["overview", "leaderboard"])
def test_pages_ask_who_you_are(db: None, name: str) -> None:
    answer = page(None, reverse(name))
    assert answer.status_code == 302
    assert answer.url == f"{reverse('account_login')}?next={reverse(name)}"


def test_a_devices_page_asks_who_you_are_before_it_says_whether_it_is_there(seattle01: Device) -> None:
    for address in (seattle01.get_absolute_url(), seattle01.get_absolute_url().replace("Seattle01", "Seattle99")):
        assert page(None, address).status_code == 302


def test_signing_in_leads_to_the_overview_and_says_when_it_fails(viewer: User) -> None:
    client = Client()
    wrong = client.post(reverse("account_login"), {"login": "viewer", "password": "wrong"})
    assert "The username and/or password you specified are not correct" in words(wrong)
    right = client.post(reverse("account_login"), {"login": "viewer", "password": PASSWORD})
    assert right.headers["Location"] == reverse("overview")


def test_signing_out_leads_to_the_form(viewer: User) -> None:
    client = Client()
    client.force_login(viewer)
    assert client.post(reverse("account_logout")).headers["Location"] == reverse("account_login")
    assert client.get("/").status_code == 302


def test_a_form_that_is_out_of_date_says_what_to_do(db: None) -> None:
    answer = Client(enforce_csrf_checks=True).post(reverse("account_login"), {"login": "a", "password": "b"})
    assert answer.status_code == 403
    assert "Open the form again: what you typed is still there." in words(answer)


def test_an_error_page_needs_neither_user_nor_style_sheet(db: None) -> None:
    shown = render_to_string("500.html")
    assert "The server made an error" in shown
    assert "<link" not in shown


def test_the_api_is_described_for_members(viewer: User) -> None:
    assert "/api/v1/engagement/" in page(viewer, reverse("schema")).content.decode()
    assert page(None, reverse("schema")).status_code in (401, 403)


def test_the_overview_says_how_the_day_went(seattle01: Device, viewer: User) -> None:
    half_an_hour(seattle01)
    half_an_hour(seattle01, NINE - dt.timedelta(days=1))
    coffee(picture(seattle01, 1))
    coffee(picture(seattle01, 2, NINE - dt.timedelta(hours=12)))
    shown = words(page(viewer, "/"))
    assert "Average 1.00 Peak 2 Thumbs-up 15 Coffees 1" in shown
    assert "Fri 10:30 America/Los_Angeles" in shown


def test_the_overview_draws_the_day(seattle01: Device, viewer: User) -> None:
    half_an_hour(seattle01)
    drawn = page(viewer, "/").content.decode()
    shown = drawn_in(drawn)
    assert len(shown["people"]) == 1
    off = [(round(bar.left / HOUR_OF_A_DAY, 1), round(bar.right / HOUR_OF_A_DAY, 1)) for bar in shown["off"]]
    assert off == [(0, 9), (10, 10.5)], "from midnight to nine, and since ten"
    assert "Busiest: Fri 20 Nov, 09:00–10:00 PST with 1.00 people on average" in drawn


def test_the_overview_says_which_devices_are_live(
    seattle01: Device, chicago01: Device, chicago02: Device, superuser: User
) -> None:
    minute = dt.timedelta(minutes=1)
    DeviceState.objects.create(
        thing=seattle01.thing, last_seen_at=NOW - minute, clock_skew_ms=-90_000, dropped_messages=1
    )
    DeviceState.objects.create(thing=chicago01.thing, last_seen_at=NOW - 75 * minute)
    shown = words(page(superuser, "/"))
    assert "1 of 3" in shown
    assert "Chicago01 quiet since 11:15" in shown
    assert "Chicago02 never seen" in shown
    assert "Seattle01 live clock off 1 message dropped" in shown


def test_the_page_of_a_device_says_that_its_name_is_used_twice(seattle01: Device, viewer: User) -> None:
    DeviceState.objects.create(thing=seattle01.thing, last_seen_at=NOW, name_shared_at=NOW)
    assert "name used twice" in words(page(viewer, seattle01.get_absolute_url()))


def test_a_long_silence_has_a_date(seattle01: Device, viewer: User) -> None:
    DeviceState.objects.create(thing=seattle01.thing, last_seen_at=NOW - dt.timedelta(days=3))
    assert "quiet since 17 Nov, 10:30" in words(page(viewer, "/"))


def test_an_outsider_sees_nothing_of_a_site(seattle01: Device, outsider: User) -> None:
    assert "Seattle" not in page(outsider, "/").content.decode()
    assert page(outsider, seattle01.get_absolute_url()).status_code == 404


def test_the_overview_says_what_to_do_first(superuser: User) -> None:
    answer = page(superuser, "/")
    assert "There is no site yet" in words(answer)
    assert_links_work(superuser, answer, reverse("site-new"))


def test_a_site_without_devices_and_members_says_what_to_do(seattle: Site, superuser: User) -> None:
    answer = page(superuser, "/")
    assert "This site has no device yet" in words(answer)
    assert "Nobody is a member of this site" in words(answer)
    assert_links_work(
        superuser,
        answer,
        reverse("site-devices", args=[seattle.slug]),
        reverse("members", args=["seattle"]),
    )


def test_a_user_who_may_not_add_devices_gets_no_link_to_do_so(seattle: Site, viewer: User) -> None:
    answer = page(viewer, "/")
    assert "This site has no device yet" in words(answer)
    assert "/admin/" not in answer.content.decode()


def test_a_user_without_a_site_is_told_so(seattle01: Device) -> None:
    answer = page(User.objects.create_user("stranger"), "/")
    assert "You are not a member of any site yet" in words(answer)
    assert "Seattle" not in words(answer)


def test_the_overview_takes_as_many_queries_for_many_devices(seattle01: Device, superuser: User) -> None:
    half_an_hour(seattle01)
    few = number_of_queries(superuser, "/")
    for number in range(12):
        site = Site.objects.create(name=f"Site {number}", slug=f"site-{number}", timezone="Asia/Kathmandu")
        device = places.device(site, "Door", f"door-{number}")
        DeviceState.objects.create(thing=device.thing, last_seen_at=NOW)
        count(seen(device, NOW, faces=[0.9], labels=[("thumbs-up", 0.9)]))
        coffee(picture(device, number, NOW))
    assert number_of_queries(superuser, "/") == few
    assert few <= 21


def test_a_device_over_a_week(seattle01: Device, viewer: User) -> None:
    half_an_hour(seattle01)
    answer = page(viewer, seattle01.get_absolute_url())
    shown = words(answer)
    assert "14 – 20 Nov 2026" in shown
    assert "local time in America/Los_Angeles" in shown
    assert "Average facing the display at a time 1.00 people" in shown
    assert "Thumbs-up each counted once, however long it was shown" in shown
    assert ROW_OF_HALF_AN_HOUR.findall(shown) == ["Fri 20 Nov"]
    people = figure(answer, "engagement-figure")["data"][0]
    assert people["y"] == [1.0]
    assert figure(answer, "raw-figure")["data"][0]["y"] == [15]
    assert figure(answer, "histogram-figure")["data"][0]["y"] == [0] * 15 + [15] + [0] * 4
    (friday,) = [day for day in figure(answer, "thresholds") if day["known"]]
    assert (friday["name"], sum(friday["bins"]), sum(friday["millionths"])) == ("Fri 20 Nov", 15, 15 * 750_000)
    assert figure(answer, "coverage-figure")["data"][0]["y"] == [5], "half an hour of ten and a half so far"


def test_the_first_plot_is_there_without_a_script(seattle01: Device, viewer: User) -> None:
    half_an_hour(seattle01)
    drawn = re.search(
        r'(?s)<div class="strip drawing".*?</svg>', page(viewer, seattle01.get_absolute_url()).content.decode()
    )
    assert drawn
    shown = drawn_in(drawn[0])
    assert (len(shown["people"]), len(shown["off"])) == (1, 2)
    assert sum(bar.right - bar.left for bar in shown["off"]) * 7 / HOUR_OF_A_DAY == pytest.approx(6 * 24 + 9.5, abs=0.1)
    assert 'class="hand"' in drawn[0]


def test_a_device_over_a_past_day_has_hours_in_numbers(seattle01: Device, viewer: User) -> None:
    half_an_hour(seattle01, NINE - dt.timedelta(days=2))
    answer = page(viewer, f"{seattle01.get_absolute_url()}?days=1&to=2026-11-18")
    assert ROW_OF_HALF_AN_HOUR.findall(words(answer)) == ["Wed 18 Nov, 09:00 PST"]
    assert "Wed 18 Nov, 10:00 PST camera off" in words(answer)
    assert "daily-figure" not in answer.content.decode()
    assert figure(answer, "engagement-figure")["layout"]["shapes"] == []


def test_the_hours_are_there_as_csv(seattle01: Device, viewer: User) -> None:
    half_an_hour(seattle01, NINE - dt.timedelta(days=1))
    address = f"{seattle01.get_absolute_url()}?days=1&to=2026-11-19"
    link = re.search(r'href="([^"]+)">as CSV', page(viewer, address).content.decode())
    assert link
    answer = page(viewer, link.group(1).replace("&amp;", "&"))
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert len(answer.content.decode().splitlines()) == 1 + 24


@pytest.mark.parametrize("query", ["days=0", "days=x", "to=tomorrow", "days=7&to=0001-01-01"])
def test_an_invalid_period_is_not_found(seattle01: Device, viewer: User, query: str) -> None:
    answer = page(viewer, f"{seattle01.get_absolute_url()}?{query}")
    assert answer.status_code == 404
    assert "This page does not exist" in words(answer)


def test_a_camera_that_does_not_look_for_faces_is_neither_off_nor_without_people(
    seattle01: Device, viewer: User
) -> None:
    legend = "it does not look for faces"
    half_an_hour(seattle01)
    assert legend not in words(page(viewer, "/"))
    assert legend not in words(page(viewer, seattle01.get_absolute_url()))
    count(seen(seattle01, NOW, faces=None))
    assert legend in words(page(viewer, "/"))
    answer = page(viewer, seattle01.get_absolute_url())
    assert legend in words(answer)
    colours = [
        len(trace["x"])
        for trace in figure(answer, "engagement-figure")["data"]
        if trace["marker"]["color"] == "var(--line-strong)"
    ]
    assert colours == [1]


def test_the_latest_pictures_say_what_was_recognised(seattle01: Device, viewer: User) -> None:
    ada = Person.objects.create(site=seattle01.site, name="Ada <b>Lovelace</b>")
    half_an_hour(seattle01)
    coffee(picture(seattle01, 1), ada)
    picture(seattle01, 2, state=State.FAILED, reason="it shows nothing", cups=None)
    picture(seattle01, 3, state=State.FAILED, reason="it is not a JPEG", image="", cups=None)
    answer = page(viewer, seattle01.get_absolute_url())
    assert "20 Nov, 09:00:00 1 cup , Ada &lt;b&gt;Lovelace&lt;/b&gt;" in words(answer)
    assert "Failed: it shows nothing" in words(answer)
    assert "no longer kept 20 Nov, 09:00:00 Failed: it is not a JPEG" in words(answer)
    assert answer.content.decode().count("<img ") == 2


def test_pictures_that_lie_elsewhere_are_counted(seattle01: Device, viewer: User) -> None:
    half_an_hour(seattle01)
    picture(seattle01, 1, state=State.LINKED, image="", source_url="s3://bucket/1", cups=None)
    assert "sends only their addresses" in words(page(viewer, seattle01.get_absolute_url()))
    picture(seattle01, 2)
    answer = page(viewer, seattle01.get_absolute_url())
    assert "1 more is stored elsewhere" in words(answer)
    assert answer.content.decode().count("<img ") == 1


def test_the_device_log_and_the_quarantine_are_told(seattle01: Device, superuser: User) -> None:
    half_an_hour(seattle01)
    DeviceLog.objects.create(device=seattle01, at=NINE, key=1, received_at=NINE, level="error", text="</script> broke")
    QuarantinedMessage.objects.create(
        key=1, topic="t", payload=b"{", size=1, reason=Reason.UNREADABLE, device=seattle01, received_at=NINE
    )
    answer = page(superuser, seattle01.get_absolute_url())
    assert "20 Nov, 09:00:00 error &lt;/script&gt; broke" in words(answer)
    assert "1 message in quarantine" in words(answer)
    assert_links_work(
        superuser,
        answer,
        f"{reverse('site-quarantine', args=['seattle'])}?device=Seattle01",
    )


def test_a_device_that_never_spoke_says_where_it_should(seattle01: Device, superuser: User) -> None:
    answer = page(superuser, seattle01.get_absolute_url())
    assert f"dt/headcount/{seattle01.thing_name}/frames" in words(answer)
    assert "data-figure" not in answer.content.decode()
    assert_links_work(superuser, answer, reverse("camera-setup", args=[seattle01.site.slug, seattle01.name]))


def test_a_device_whose_messages_are_quarantined_says_so_and_not_that_nothing_came(
    seattle01: Device, viewer: User
) -> None:
    QuarantinedMessage.objects.create(
        key=1, topic="t", payload=b"", reason=Reason.UNREADABLE, device=seattle01, size=0, received_at=NOW
    )
    answer = page(viewer, seattle01.get_absolute_url())
    assert "Nothing has come" not in words(answer)
    assert "1 message of this device lies in quarantine" in words(answer)
    assert_links_work(viewer, answer, f"{reverse('site-quarantine', args=['seattle'])}?device=Seattle01")


def test_a_devices_page_takes_the_same_queries_for_much_data(seattle01: Device, viewer: User) -> None:
    ada = Person.objects.create(site=seattle01.site, name="Ada")
    half_an_hour(seattle01)
    coffee(picture(seattle01, 0), ada)
    few = number_of_queries(viewer, seattle01.get_absolute_url())
    for number in range(1, 20):
        coffee(picture(seattle01, number), ada)
        DeviceLog.objects.create(device=seattle01, at=NINE, key=number, received_at=NINE, text="all is well")
        count(seen(seattle01, NOW - dt.timedelta(hours=number), faces=[0.9], labels=[("thumbs-up", 0.9)]))
    assert number_of_queries(viewer, seattle01.get_absolute_url()) == few
    assert number_of_queries(viewer, f"{seattle01.get_absolute_url()}?days=30") == few
    assert number_of_queries(viewer, f"{seattle01.get_absolute_url()}?days={MOST_DAYS}") <= few
    assert few <= 26


def assert_links_work(user: User, answer: HttpResponse, *addresses: str) -> None:
    for address in addresses:
        assert f'href="{address}"' in answer.content.decode()
        assert page(user, address).status_code == 200


def test_years_have_a_row_for_each_month_and_plots_of_months(seattle01: Device, viewer: User) -> None:
    for months in range(3):
        count(seen(seattle01, NOW - dt.timedelta(days=30 * months), faces=[0.9]))
    shown = words(page(viewer, f"{seattle01.get_absolute_url()}?from=2023-11-25&to=2026-11-20"))
    assert "Months in numbers" in shown
    assert "average per month" in shown
    assert "25 Nov – 30 Nov 2023" in shown
    assert "1 Nov – 20 Nov 2026" in shown
    assert "of 37 months" in shown
