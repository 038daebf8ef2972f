"""Pages of installations with thousands of devices stay light."""

import pytest
from django.contrib.auth.models import User
from django.db.models import CharField, Value
from django.db.models.functions import Cast, Concat

from devices.models import Device, DeviceState, Site, Thing
from tests.analytics.frames import count, seen
from tests.analytics.pages.test_pages import NOW, page, words
from tests.clock import SetClock


@pytest.fixture(autouse=True)
def _half_past_ten(set_clock: SetClock) -> None:
    set_clock(NOW)


@pytest.fixture
def thousands(db: None) -> list[Device]:
    """Forty sites with fifty devices each."""
    sites = Site.objects.bulk_create(
        Site(name=f"Site {number:02}", slug=f"site{number:02}", timezone="Europe/Oslo") for number in range(40)
    )
    things = Thing.objects.bulk_create(Thing(name=f"thing-{number}") for number in range(2_000))
    DeviceState.objects.bulk_create(DeviceState(thing=thing, last_seen_at=NOW) for thing in things)
    return Device.objects.bulk_create(
        Device(site=sites[number // 50], name=f"camera{number % 50:02}", thing=thing)
        for number, thing in enumerate(things)
    )


def test_the_overview_of_thousands_stays_light_and_counts_all(thousands: list[Device], superuser: User) -> None:
    count(seen(thousands[-1], NOW, faces=[0.9], labels=[("thumbs-up", 0.9)]))
    answer = page(superuser, "/")
    assert len(answer.content) < 150_000
    assert "2,000of 2,000" in words(answer).replace(" of", "of")
    assert "44 more devices" in words(answer)
    assert "Site 09" in words(answer)
    assert "Site 10" not in words(answer)
    assert "Site 39" in words(page(superuser, "/?page=4"))


def test_the_table_of_a_site_of_thousands_comes_in_pages(thousands: list[Device], superuser: User) -> None:
    Device.objects.filter(pk__in=[device.pk for device in thousands[50:200]]).update(
        site=thousands[0].site, name=Concat(Value("more"), Cast("pk", CharField()))
    )
    answer = page(superuser, "/sites/site00/")
    assert answer.content.count(b'<th scope="row">') <= 100 + 40
    assert "page 1 of 2" in words(answer)
