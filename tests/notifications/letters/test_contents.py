"""A letter says what is known of a week, and says that it cannot tell where nothing is known."""

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User

from analytics.features.questions import services as questions
from analytics.numbers import letter_lines
from analytics.numbers.intervals import Interval
from analytics.verdicts.matched import UsualRange
from devices.models import Device, Site, Thing
from faces.models import Capture, Coffee, Sighting
from notifications.letters import sentences
from notifications.letters.contents import read_content
from notifications.models import Unit
from tests.analytics.features.comparing.test_api import watch
from tests.clock import SetClock
from tests.notifications.letters.conftest import MONDAY, SIX_O_CLOCK
from tests.world import places

pytestmark = pytest.mark.django_db

Content = dict[str, Any]

HOUR = dt.timedelta(hours=1)


def words(content: Content) -> dict[str, list[str]]:
    return {part.title: list(part.lines) for part in sentences.parts(content)}


def test_a_week_is_told_beside_the_usual_and_the_week_before(content: Content) -> None:
    assert content["period"] == "9 – 15 Nov 2026"
    assert sentences.came(content) == f"{content['spells']:,} occupied spells"
    assert content["usual"]["word"] == "busier than usual"
    assert content["usual"]["weeks"] == 8
    assert sentences.usual(content).startswith("Busier than usual: ")
    assert sentences.usual(content).endswith(" is usual in the same hours, from 8 earlier weeks.")
    assert sentences.beside(content).startswith("More than the week before: +")
    assert sentences.beside(content).endswith("(21 hours in common).")


def test_a_letter_says_that_counts_by_eye_correct_the_weeks_before(content: Content) -> None:
    note = UsualRange(1.0, 1.0, Interval(1.0, 1.0), 8, is_corrected=True).note
    assert content["usual"]["note"] == ""
    content["usual"]["note"] = note
    assert sentences.usual(content).endswith(f"8 earlier weeks.{note}")
    del content["usual"]["note"]
    assert sentences.usual(content).endswith("8 earlier weeks."), "a letter of an earlier version"


def test_best_and_weakest_hour_are_hours_that_were_seen(content: Content) -> None:
    best, weakest = words(content)["Best and weakest hour"]
    assert best.startswith("Best: ")
    assert "Nov, 10:00–11:00" in best  # all hours of a day are alike here, and the first is named
    assert weakest.startswith("Weakest: ")


def test_a_camera_that_was_off_is_named_with_its_longest_stretch(content: Content) -> None:
    [line] = words(content)["Cameras"]
    # It is on from 10 to 13 o'clock alone, and no opening hours are known.
    assert line == "Chicago01 was off for 147 h of 168 h, longest from Mon 9 Nov, 13:00 to Tue 10 Nov, 10:00."


def test_two_weeks_cannot_tell_what_is_usual(chicago01: Device, set_clock: SetClock) -> None:
    watch(chicago01, weeks=2, people=12, hours=range(10, 12))
    set_clock(dt.datetime(2026, 9, 28, 12, tzinfo=dt.UTC))
    content = read_content(
        chicago01.site, Unit.WEEK, dt.date(2026, 9, 21), now=dt.datetime(2026, 9, 28, 12, tzinfo=dt.UTC)
    )
    assert content is not None
    assert content["usual"] is None
    assert sentences.usual(content).startswith("Cannot tell yet whether that is usual")


def test_a_week_that_no_camera_saw_cannot_tell(chicago01: Device) -> None:
    Thing.objects.update(created_at=SIX_O_CLOCK - dt.timedelta(days=8))
    content = read_content(chicago01.site, Unit.WEEK, MONDAY, now=SIX_O_CLOCK)
    assert content is not None
    assert sentences.came(content) == "cannot tell how many people came"
    assert sentences.usual(content) == "No camera was on."
    assert sentences.beside(content) == "Cannot tell against the week before (no hour in common)."
    assert words(content)["Best and weakest hour"] == ["Cannot tell: no camera saw anybody."]


def test_a_camera_that_was_registered_afterwards_was_not_off_before(chicago01: Device) -> None:
    Thing.objects.update(created_at=SIX_O_CLOCK)
    assert read_content(chicago01.site, Unit.WEEK, MONDAY, now=SIX_O_CLOCK) is None


def test_a_camera_that_was_registered_afterwards_tells_of_the_week_before_once_its_history_is_imported(
    nine_weeks: Device,
) -> None:
    Thing.objects.update(created_at=SIX_O_CLOCK)
    assert read_content(nine_weeks.site, Unit.WEEK, MONDAY, now=SIX_O_CLOCK) is not None


def test_a_site_without_a_camera_then_has_no_letter(chicago: Site) -> None:
    assert read_content(chicago, Unit.WEEK, MONDAY, now=SIX_O_CLOCK) is None


def test_a_month_is_told_beside_the_month_before(nine_weeks: Device) -> None:
    content = read_content(nine_weeks.site, Unit.MONTH, dt.date(2026, 10, 1), now=SIX_O_CLOCK)
    assert content is not None
    assert (content["period"], content["last"]) == ("October 2026", "2026-10-31")
    assert sentences.usual(content).startswith("Cannot tell yet whether that is usual: it takes six earlier spans of")
    assert "the month before" in sentences.beside(content)


def test_the_question_and_the_coffees_of_the_week_are_told(nine_weeks: Device) -> None:
    owner: User = places.superuser()
    middle = dt.datetime.combine(MONDAY, dt.time(15), dt.UTC)
    questions.ask(site=nine_weeks.site, text="Warm?", asked_from=middle, asked_until=middle + HOUR, by=owner)
    for number, at in enumerate((middle, middle - 7 * 24 * HOUR)):
        capture = Capture.objects.create(device=nine_weeks, taken_at=at, received_at=at, key=number)
        sighting = Sighting.objects.create(capture=capture, number=0, confidence=0.9)
        Coffee.objects.create(device=nine_weeks, taken_at=at, sighting=sighting)
    content = read_content(nine_weeks.site, Unit.WEEK, MONDAY, now=SIX_O_CLOCK)
    assert content is not None
    assert words(content)["Question"] == ["“Warm?” has no answer."]
    assert words(content)["Coffees"] == ["1 coffee; 1 in the week before."]


def test_all_sites_are_judged_together(content: Content) -> None:
    alone = sentences.site_rows([(content, "")])
    assert alone[0].change == 1
    noise = {**content, "site": "Noise"}
    comparison = content["comparisons"]["occupied_spells"] | {"p_value": 0.03}
    noise["comparisons"] = {"occupied_spells": comparison}
    assert sentences.site_rows([(noise, "")])[0].change == 1
    # Among twenty, a p-value of 0.03 is what chance gives.
    rows = sentences.site_rows([(noise, "")] * 20)
    assert {row.change for row in rows} == {0}
    assert sentences.overall(rows, "the week before") == [
        "No site can be told to differ from the week before, all sites judged together."
    ]


def test_a_sentence_of_an_upper_floor_stands_in_the_letter_and_one_that_fails_is_left_out(
    nine_weeks: Device, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(site: Site, **_: object) -> str:
        Site.objects.create(pk=site.pk, name=None)  # type: ignore[misc]  # the database refuses it
        raise AssertionError

    lines = {
        "Broken": fail,
        "Plays": lambda site, *, start, end: f"{site}: {(end - start).days} days.",
        "Silent": silent,
    }
    monkeypatch.setattr(letter_lines, "_lines", lines)
    found = words(read_content(nine_weeks.site, Unit.WEEK, MONDAY, now=SIX_O_CLOCK) or {})
    assert found["Plays"] == ["Chicago: 7 days."]
    assert not {"Broken", "Silent"} & set(found)
    assert "The letter of Chicago lacks the part “Broken”." in caplog.text


def spoken(site: Site, *, start: dt.datetime, end: dt.datetime) -> str:
    return f"{site}: {(end - start).days} days."


def silent(site: Site, *, start: dt.datetime, end: dt.datetime) -> str:
    return ""
