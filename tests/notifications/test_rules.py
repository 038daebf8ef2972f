"""A rule tells what it names, in one of its texts, once, and not in quiet hours."""

import datetime as dt
import random
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from devices.models import Device, Site
from faces.erasure.signals import person_erased
from faces.models import Person
from faces.services import create_person
from notifications.models import Channel, Happening, Kind, Notice, Rule, State
from notifications.rules import services, words
from notifications.rules.matching import match_new, quiet_until
from tests import clock
from tests.notifications.conftest import MakeRule

pytestmark = pytest.mark.django_db

CHANCE = random.Random(1)


def happen(device: Device, kind: Kind = Kind.LABEL, *, after_s: float = 0, **fields: object) -> Happening:
    at = clock.now() + dt.timedelta(seconds=after_s)
    values = {"label": "thumbs-up"} if kind == Kind.LABEL else {}
    key = f"{kind} {device.pk} {after_s} {fields}"
    return Happening.objects.create(
        site=device.site, device=device, kind=kind, key=key, at=at, noted_at=at, **(values | fields)
    )


def told() -> list[str]:
    match_new(now=clock.now(), chance=CHANCE)
    return list(Notice.objects.order_by("happened_at").values_list("text", flat=True))


def test_a_happening_is_told_once_by_each_rule_and_channel(seattle01: Device, make_rule: MakeRule) -> None:
    make_rule(texts=["{hashtag} says thanks: {label} at {device}, {site}, {time}."])
    happen(seattle01)
    assert told() == ["#Seattle01 says thanks: thumbs up at Seattle01, Seattle, 12:00 on 20 November."]
    assert len(told()) == 1


def test_a_rule_tells_only_what_it_names(seattle01: Device, chicago01: Device, make_rule: MakeRule) -> None:
    make_rule(device_name="Seattle01")
    make_rule(Kind.CAMERA_OFF, enabled=False)
    happen(seattle01, label="cup")
    happen(chicago01)
    happen(seattle01, Kind.CAMERA_OFF)
    assert told() == []
    assert not Happening.objects.filter(matched_at=None).exists()


def test_a_cool_down_and_a_snooze_keep_a_rule_silent(seattle01: Device, make_rule: MakeRule) -> None:
    rule = make_rule(cool_down_s=60)
    for after in (0, 10, 59, 60):
        happen(seattle01, after_s=after)
    assert len(told()) == 2
    services.snooze(rule=rule, until=clock.now() + dt.timedelta(hours=1))
    happen(seattle01, after_s=200)
    assert len(told()) == 2


def test_each_tenth_coffee_of_a_person_is_told_with_their_name(seattle01: Device, make_rule: MakeRule) -> None:
    person: Person = create_person(site=seattle01.site, name="Ada", line="")
    make_rule(Kind.COFFEE, every_nth=10)
    for count in (9, 10, 11, 20):
        happen(seattle01, Kind.COFFEE, person=person.pk, count=count)
    happen(seattle01, Kind.COFFEE, count=10)
    assert told() == ["Ada has had a coffee at Seattle01: number 10.", "Ada has had a coffee at Seattle01: number 20."]
    person_erased.send(Person, site=seattle01.site, captures=[])
    assert not Notice.objects.filter(text__contains="Ada").exists()
    assert not Notice.objects.filter(subject__contains="Ada").exists()


@given(st.lists(st.text(min_size=1), min_size=2, max_size=6), st.integers(0, 2**32))
def test_no_text_is_drawn_twice_running(texts: list[str], seed: int) -> None:
    chance, last = random.Random(seed), None
    for _ in range(20):
        drawn = words.draw(texts, last, chance)
        assert drawn != last
        last = drawn


@pytest.mark.parametrize("text", ["{nobody} was here", "{device", "}", "{device!r}", "{device.thing}", "{0}", " "])
def test_a_text_with_an_unknown_field_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        words.check_texts([text])


def test_what_happens_in_quiet_hours_is_told_afterwards(seattle01: Device, make_rule: MakeRule) -> None:
    zone = ZoneInfo("America/Los_Angeles")
    rule = make_rule(quiet_days="5", quiet_from=dt.time(11), quiet_until=dt.time(13))
    happen(seattle01)
    told()
    notice = Notice.objects.get()
    assert notice.next_try_at == dt.datetime(2026, 11, 20, 13, tzinfo=zone)
    rule.quiet_until = dt.time(6)
    for local, end in (
        (dt.datetime(2026, 11, 20, 10, 59, tzinfo=zone), None),
        (dt.datetime(2026, 11, 20, 11, 0, tzinfo=zone), 6),
        (dt.datetime(2026, 11, 21, 5, 59, tzinfo=zone), 6),
        (dt.datetime(2026, 11, 21, 6, 0, tzinfo=zone), None),
        (dt.datetime(2026, 11, 21, 12, 0, tzinfo=zone), None),
    ):
        found = quiet_until(rule, local)
        assert (None if found is None else found.astimezone(zone).hour) == end


def test_a_rule_needs_a_channel_of_its_own_site(seattle: Site, chicago: Site, inbox: Channel) -> None:
    for channels, site in (([], seattle), ([inbox], chicago)):
        with pytest.raises(ValidationError, match="Choose at least one channel of this site"):
            services.save_rule(rule=Rule(site=site, kind=Kind.LABEL), channels=channels)


def test_notices_are_kept_for_three_months(seattle01: Device, make_rule: MakeRule) -> None:
    make_rule()
    happen(seattle01)
    told()
    Notice.objects.update(state=State.SENT)
    later = clock.now() + services.KEPT_FOR
    assert services.forget_old(now=later - dt.timedelta(hours=1)) == 0
    assert services.forget_old(now=later + dt.timedelta(hours=1)) == 1
    assert not Happening.objects.exists()
