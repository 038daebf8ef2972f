"""What the numbers of a site tell is noted once, where a rule wants it, and each rule gets what its own number says."""

import datetime as dt
import random
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from analytics.features.questions import services as questions
from analytics.models import EngagementQuarter, VisitQuarter
from devices.models import Device
from devices.rules.roles import Role
from faces.models import CoffeeTally, RecogniserMonth
from faces.services import create_person, record_consent
from notifications.happenings import numbers, watching
from notifications.models import Happening, Kind, Notice, Rule
from notifications.rules.matching import match_new
from tests import clock
from tests.analytics.features.comparing.test_api import ALL_MINUTES
from tests.analytics.features.questions.conftest import on, shown
from tests.clock import SetClock
from tests.notifications.conftest import MakeRule
from tests.notifications.test_rules import happen
from tests.world import places

pytestmark = pytest.mark.django_db

HOUR = dt.timedelta(hours=1)


def told() -> list[str]:
    """Look at all sites twice, and return what the rules tell of it."""
    for _ in range(2):
        watching.watch(clock.now())
    match_new(now=clock.now(), chance=random.Random(1))
    return list(Notice.objects.order_by("text").values_list("text", flat=True))


def test_nothing_is_noted_that_no_rule_wants(seattle01: Device, make_rule: MakeRule) -> None:
    make_rule(Kind.MILESTONE, enabled=False)
    assert numbers.wanted(seattle01.site) == {}


def test_people_of_today_are_told_when_they_are_so_many(seattle01: Device, make_rule: MakeRule) -> None:
    make_rule(Kind.MILESTONE, threshold=30)
    make_rule(Kind.MILESTONE, threshold=50)
    make_rule(Kind.MILESTONE)
    for hours, visits in ((13, 900), (1, 20), (2, 40)):  # it is noon, and yesterday counts for nothing
        at = (clock.now() - hours * HOUR).replace(minute=0, second=0, microsecond=0)
        others = [field.name for field in VisitQuarter._meta.fields if "Integer" in field.get_internal_type()]
        nothing = dict.fromkeys(others, 0) | {"visits": visits}
        VisitQuarter.objects.create(device=seattle01, start=at, **nothing)
    assert told() == ["30 people have come to Seattle today.", "50 people have come to Seattle today."]
    assert [str(rule) for rule in Rule.objects.filter(threshold=100)] == ["When 100 people have come today"]


def visited(device: Device, days_ago: int, visits: int) -> None:
    others = [field.name for field in VisitQuarter._meta.fields if "Integer" in field.get_internal_type()]
    at = (clock.now() - dt.timedelta(days=days_ago)).replace(minute=0, second=0, microsecond=0) - HOUR
    VisitQuarter.objects.create(device=device, start=at, **dict.fromkeys(others, 0) | {"visits": visits})


def test_people_of_a_week_a_month_and_in_all_are_told_on_the_day_that_they_become_so_many(
    seattle01: Device, make_rule: MakeRule
) -> None:
    for days, visits in ((0, 5), (1, 20), (10, 100), (60, 1000)):  # it is Friday the 20th
        visited(seattle01, days, visits)
    for kind, thresholds in (
        (Kind.MILESTONE_WEEK, (20, 21, 25, 26)),
        (Kind.MILESTONE_MONTH, (120, 125, 126)),
        (Kind.MILESTONE_ALL, (1120, 1125, 1126)),
    ):
        for threshold in thresholds:
            make_rule(kind, threshold=threshold)
    assert told() == [
        "1,125 people have come to Seattle in all.",
        "125 people have come to Seattle this month.",
        "21 people have come to Seattle this week.",
        "25 people have come to Seattle this week.",
    ]


def test_coffees_of_all_years_are_told_on_the_day_that_they_become_so_many(
    seattle01: Device, make_rule: MakeRule
) -> None:
    today = clock.now().astimezone(seattle01.site.zone).date()
    for span, start, coffees in (
        ("year", today.replace(month=1, day=1, year=today.year - 1), 400),
        ("year", today.replace(month=1, day=1), 110),
        ("day", today, 10),
    ):
        CoffeeTally.objects.create(device=seattle01, span=span, start=start, person_number=0, coffees=coffees)
    for threshold in (500, 501, 510, 511):
        make_rule(Kind.COFFEES, threshold=threshold)
    assert told() == ["501 coffees have been counted at Seattle.", "510 coffees have been counted at Seattle."]


def test_answers_and_the_end_of_a_question_are_told_with_the_result(
    seattle01: Device, make_rule: MakeRule, owner: User, set_clock: SetClock
) -> None:
    make_rule(Kind.ANSWERED, threshold=2)
    make_rule(Kind.ANSWERED, threshold=9)
    make_rule(Kind.ENDED)
    start = clock.NOW
    set_clock(start)
    questions.ask(site=seattle01.site, text="Warm?", asked_from=start, asked_until=start + HOUR, by=owner)
    on(seattle01, start.replace(minute=0))
    for minutes in (1, 2):
        shown(seattle01, start + dt.timedelta(minutes=minutes), "thumbs-up")
    set_clock(start + HOUR / 2)
    first = told()
    assert len(first) == 1
    assert first[0].startswith("“Warm?” 100% said yes (")
    set_clock(start + HOUR + dt.timedelta(minutes=1))
    assert len(told()) == 2
    assert set(Notice.objects.values_list("rule__kind", flat=True)) == {Kind.ANSWERED, Kind.ENDED}


def test_poor_coverage_is_told_on_the_morning_after(
    seattle01: Device, make_rule: MakeRule, set_clock: SetClock
) -> None:
    make_rule(Kind.COVERAGE, threshold=60)
    make_rule(Kind.COVERAGE, threshold=50)
    midnight = dt.datetime(2026, 11, 19, tzinfo=seattle01.site.zone)
    EngagementQuarter.objects.bulk_create(
        EngagementQuarter(
            device=seattle01,
            start=midnight.astimezone(dt.UTC) + quarter * HOUR / 4,
            frames=9,
            faces_sum=0,
            faces_peak=0,
            minutes_seen=ALL_MINUTES,
            minutes_occupied=0,
            minutes_told=ALL_MINUTES,
        )
        for quarter in range(52)  # 13 of 24 hours: 54 %
    )
    assert told() == []
    set_clock(midnight + 30 * HOUR)
    assert told() == ["Seattle01 at Seattle was on for 54 % of the open time of yesterday."]


def test_an_unusual_day_is_told_once(seattle01: Device, make_rule: MakeRule, monkeypatch: pytest.MonkeyPatch) -> None:
    from analytics.numbers.intervals import Interval
    from analytics.verdicts.hour_series import Measure
    from analytics.verdicts.matched import UsualRange

    make_rule(Kind.USUAL)
    cache.clear()
    usual = UsualRange(900.0, 500.0, Interval(400.0, 600.0), 8)
    monkeypatch.setattr(numbers, "usual_people", lambda *_, **__: (Measure.VISITS, usual))
    assert told() == ["Seattle is busier than usual today. 900 visits so far; usual are 400 to 600."]
    cache.clear()
    assert len(told()) == 1


def test_a_consent_that_ends_soon_is_told_once(seattle01: Device, make_rule: MakeRule) -> None:
    make_rule(Kind.CONSENT, threshold=14)
    now = clock.now()
    for name, days in (("Ada", 10), ("Grace", 20)):
        person = create_person(site=seattle01.site, name=name, line="")
        record_consent(
            person=person,
            text="I agree.",
            text_version="1",
            method="paper",
            signed_by=name,
            signed_at=now - HOUR,
            expires_at=now + dt.timedelta(days=days),
            now=now,
        )
    [text] = told()
    assert text in ("The consent of Ada at Seattle ends in 9 days.", "The consent of Ada at Seattle ends in 10 days.")
    assert Notice.objects.get().about_person


def test_a_spent_budget_is_told_once_a_month(seattle01: Device, make_rule: MakeRule, settings: Any) -> None:
    make_rule(Kind.BUDGET)
    settings.REKOGNITION_MONTHLY_CALLS = 500
    RecogniserMonth.objects.create(provider="rekognition", month=dt.date(2026, 11, 1), calls=499)
    assert told() == []
    RecogniserMonth.objects.update(calls=500)
    [text] = told()
    assert text.startswith("The month's budget of recognition is spent: 500 calls.")


def test_coverage_above_all_is_refused(make_rule: MakeRule) -> None:
    with pytest.raises(ValidationError, match="at most 100 percent"):
        make_rule(Kind.COVERAGE, threshold=101)


def test_a_preview_shows_the_texts_with_the_last_event(client: Client, seattle01: Device, make_rule: MakeRule) -> None:
    operator = places.user("boss", {seattle01.site: Role.OPERATOR})
    client.force_login(operator)
    rule = make_rule(texts=["{label} at {device}"])
    happen(seattle01, after_s=-40 * 24 * 3600)
    happen(seattle01, after_s=10, label="cup")
    values: dict[str, Any] = {"kind": "label", "label": "thumbs-up", "every_nth": 1, "cool_down_s": 0, "preview": "1"}
    values |= {"channels": [channel.pk for channel in rule.channels.all()]}
    page = reverse("site-rule-new", args=["seattle"])
    shown_page = client.post(page, values | {"texts": "Look: {label} at {hashtag}"}).content.decode()
    assert "Look: thumbs up at #Seattle01" in shown_page
    assert "11 Oct, " in shown_page
    nothing = client.post(page, values | {"kind": "quarantine", "texts": ""}).content.decode()
    assert "Nothing of that kind has happened" in nothing
    assert "unknown field" in client.post(page, values | {"texts": "{oops}"}).content.decode()
    assert Rule.objects.count() == 1
    api = APIClient()
    api.force_authenticate(operator)
    assert api.get(f"/api/v1/notice-rules/{rule.pk}/preview/").json()["texts"] == ["thumbs up at Seattle01"]
    Happening.objects.all().delete()
    assert api.get(f"/api/v1/notice-rules/{rule.pk}/preview/").json() == {"happened_at": None, "texts": []}
