"""Letters are made once when a week or month is over, and go to whoever wants and may read them, until they end it."""

import datetime as dt

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from devices.models import Device, Membership, Site, Thing
from notifications.letters import contents, services
from notifications.models import Copy, Letter, Reader, Unit
from tests import clock
from tests.notifications.letters.conftest import MONDAY, SIX_O_CLOCK
from tests.world import places

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("local", "week", "month"),
    [
        ("2026-11-16 05:59", "2026-11-02", "2026-10-01"),
        ("2026-11-16 06:00", "2026-11-09", "2026-10-01"),
        ("2026-11-22 23:00", "2026-11-09", "2026-10-01"),
        ("2026-12-01 05:59", "2026-11-23", "2026-10-01"),
        ("2026-12-01 06:00", "2026-11-23", "2026-11-01"),
        ("2027-01-01 12:00", "2026-12-21", "2026-12-01"),
    ],
)
def test_a_letter_is_due_at_six_after_the_last_night(local: str, week: str, month: str, chicago: Site) -> None:
    now = dt.datetime.fromisoformat(local).replace(tzinfo=chicago.zone)
    for unit, first in ((Unit.WEEK, week), (Unit.MONTH, month)):
        assert services.latest_period(unit, chicago.zone, now).isoformat() == first


def test_each_letter_is_made_once(nine_weeks: Device) -> None:
    assert services.make_due(now=SIX_O_CLOCK) == 2
    assert services.make_due(now=SIX_O_CLOCK + dt.timedelta(hours=1)) == 0
    firsts = Letter.objects.order_by("unit").values_list("unit", "first")
    assert list(firsts) == [("month", dt.date(2026, 10, 1)), ("week", MONDAY)]


def test_a_letter_that_fails_stops_no_other(
    nine_weeks: Device, seattle01: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = contents.read_content

    def fail(site: Site, *rest: object, **more: object) -> object:
        if site.slug == "seattle":
            raise RuntimeError("broken")
        return read(site, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("notifications.letters.services.read_content", fail)
    assert services.make_due(now=SIX_O_CLOCK + dt.timedelta(hours=3)) == 2
    assert set(Letter.objects.values_list("site__slug", flat=True)) == {"chicago"}


def test_a_letter_stays_as_it_was(letter: Letter, nine_weeks: Device) -> None:
    before = Letter.objects.get().content
    nine_weeks.site.name = "Renamed"
    nine_weeks.site.save()
    services.make_due(now=SIX_O_CLOCK)
    assert Letter.objects.get(unit="week").content == before


def test_readers_of_a_site_get_a_copy_of_each_letter_once(nine_weeks: Device, reader_user: User) -> None:
    site = nine_weeks.site
    for unit in ("week", "week", "month"):
        services.add_reader(site=site, unit=unit, address="boss@example.com", by=reader_user)
    services.make_due(now=SIX_O_CLOCK)
    services.make_due(now=SIX_O_CLOCK)
    assert Copy.objects.count() == 2


def test_a_reader_of_all_sites_waits_for_the_last_of_them(
    nine_weeks: Device, seattle01: Device, reader_user: User, set_clock: clock.SetClock
) -> None:
    Membership.objects.create(user=reader_user, site=seattle01.site, role="viewer")
    Thing.objects.update(created_at=SIX_O_CLOCK - dt.timedelta(days=8))
    set_clock(SIX_O_CLOCK - dt.timedelta(days=3))
    reader = services.add_reader(site=None, unit="week", address=reader_user.email, user=reader_user, by=reader_user)
    # At six in Chicago, it is four in Seattle.
    for hours, copies in ((0, 0), (2, 0), (3, 1), (4, 1)):
        now = SIX_O_CLOCK + dt.timedelta(hours=hours)
        set_clock(now)
        services.make_due(now=now)
        assert Copy.objects.filter(reader=reader, first=MONDAY).count() == copies
    assert [letter.site.slug for letter in services.letters_for(reader, MONDAY)] == ["chicago", "seattle"]


def test_whoever_left_a_site_reads_no_more_about_it(letter: Letter, reader_user: User) -> None:
    reader = services.add_reader(
        site=letter.site, unit="week", address=reader_user.email, user=reader_user, by=reader_user
    )
    assert services.letters_for(reader, MONDAY) == [letter]
    Membership.objects.filter(user=reader_user).delete()
    assert services.letters_for(Reader.objects.get(), MONDAY) == []


def test_a_token_leads_to_its_reader_alone(letter: Letter, reader_user: User) -> None:
    reader = services.add_reader(site=letter.site, unit="week", address="a@example.com", by=reader_user)
    token = services.token_of(reader, MONDAY)
    assert services.find_by_token(token) == (reader, MONDAY)
    for wrong in ("", "x", token[:-1] + ("a" if token[-1] != "a" else "b"), services.token_of(reader) + "x"):
        assert services.find_by_token(wrong) is None
    services.remove_reader(reader=reader)
    assert services.find_by_token(token) is None


@pytest.mark.parametrize(("unit", "address"), [("year", "a@example.com"), ("week", ""), ("week", "no address")])
def test_a_wrong_reader_is_refused_with_a_sentence(unit: str, address: str, chicago: Site) -> None:
    with pytest.raises(ValidationError):
        services.add_reader(site=chicago, unit=unit, address=address, by=places.superuser())


def test_letters_are_kept_for_three_years(letter: Letter) -> None:
    assert services.forget_old(now=SIX_O_CLOCK + services.KEPT_FOR) == 0
    assert services.forget_old(now=SIX_O_CLOCK + services.KEPT_FOR + dt.timedelta(days=1)) == 1
