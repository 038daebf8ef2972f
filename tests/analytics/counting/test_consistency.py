"""`check_facts` finds each inconsistency that no constraint of the database excludes, and nothing else."""

import datetime as dt
import io
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F

from analytics.counting import consistency, corrections
from analytics.models import Detection, Frame, Review, Verdict
from devices.models import Device
from devices.storage import partitions
from tests import clock
from tests.analytics.frames import count, seen

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def reviewed(seattle01: Device, chicago01: Device, superuser: User) -> Detection:
    """Frames of three days at two devices, with detections, of which one is reviewed."""
    count(
        *(
            seen(device, NOON - dt.timedelta(days=days), faces=[0.9, 0.8], key=key)
            for device in (seattle01, chicago01)
            for days in (0, 1, 5)
            for key in (1, 2)
        )
    )
    detection: Detection = Detection.objects.filter(device=seattle01).earliest("taken_at", "pk")
    corrections.review(verdicts={detection: Verdict.WRONG}, by=superuser, now=clock.now())
    return detection


def checked() -> list[str]:
    """The sentences that the command prints."""
    told = io.StringIO()
    with pytest.raises(CommandError) as failure:
        call_command("check_facts", stdout=told)
    sentences = told.getvalue().splitlines()
    assert str(failure.value) == f"{len(sentences)} inconsistencies were found."
    return sentences


def test_what_the_services_write_is_consistent() -> None:
    told = io.StringIO()
    call_command("check_facts", stdout=told)
    assert told.getvalue() == "All facts are consistent.\n"


def test_a_detection_without_its_frame_is_found(seattle01: Device) -> None:
    frame = Frame.objects.filter(device=seattle01).latest("taken_at", "pk")
    Frame.objects.filter(pk=frame.pk)._raw_delete("default")
    first, second = Detection.objects.filter(frame_id=frame.pk).order_by("pk")
    assert checked() == [
        f"Detection {detection.pk} of device {seattle01.pk} at 2026-11-20T12:00:00+00:00 names the frame {frame.pk}, "
        "which this device does not have at this time: restore the frame, or delete the detection."
        for detection in (first, second)
    ]


@pytest.mark.parametrize("other", ["device", "time"])
def test_a_detection_of_another_device_or_time_than_its_frame_is_found(
    chicago01: Device, reviewed: Detection, other: str
) -> None:
    moved = Detection.objects.filter(pk=reviewed.pk)
    if other == "device":
        moved.update(device=chicago01)
    else:
        moved.update(taken_at=F("taken_at") + dt.timedelta(milliseconds=1))
    found = checked()
    assert any(
        sentence.startswith(f"Detection {reviewed.pk} ") and f"names the frame {reviewed.frame_id}," in sentence
        for sentence in found
    )
    assert any(f" names the detection {reviewed.pk}," in sentence for sentence in found)


def test_a_review_without_its_detection_is_found(reviewed: Detection) -> None:
    Detection.objects.filter(pk=reviewed.pk)._raw_delete("default")
    (sentence,) = checked()
    assert sentence.startswith(f"Review {Review.objects.get().pk} of device {reviewed.device_id} at ")
    assert f"names the detection {reviewed.pk}" in sentence


def test_a_majority_that_the_reviewers_do_not_have_is_found(reviewed: Detection) -> None:
    Detection.objects.filter(pk=reviewed.pk).update(review=Verdict.RIGHT)
    (sentence,) = checked()
    assert sentence.endswith("is stored as right, but 0 reviewers call it right and 1 wrong: review it again.")


def test_facts_of_a_device_that_does_not_exist_are_found(seattle01: Device) -> None:
    missing = Device.objects.latest("pk").pk + 1
    Frame.objects.filter(device=seattle01).update(device=missing)
    found = checked()
    assert found[0] == (
        f"Facts name the device {missing}, which does not exist: restore the device, or delete the facts."
    )


@pytest.mark.skipif(connection.vendor != "postgresql", reason="the id is the key on SQLite")
def test_an_id_that_two_rows_have_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consistency, "IDS_AT_ONCE", 3)
    first, *_, last = Frame.objects.order_by("pk")
    Detection.objects.filter(frame_id=last.pk)._raw_delete("default")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE analytics_frame SET id = %s WHERE id = %s", [first.pk, last.pk])
    assert checked() == [f"2 rows of analytics_frame have the id {first.pk}: give all but one of them a new id."]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite keeps each table whole")
def test_a_month_whose_detachment_was_interrupted_is_found() -> None:
    partitions.make([dt.datetime(2019, 5, 1, tzinfo=dt.UTC)])
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE analytics_frame DETACH PARTITION analytics_frame_2019_05")
    (sentence,) = checked()
    assert sentence.startswith("The table analytics_frame_2019_05 is not attached to analytics_frame")


def test_the_check_takes_a_few_queries_for_each_day_and_however_many_facts(
    django_assert_max_num_queries: Callable[[int], object], seattle01: Device
) -> None:
    count(*(seen(seattle01, NOON + dt.timedelta(seconds=second), faces=[0.5]) for second in range(1, 200)))
    days = 2 * 6
    with django_assert_max_num_queries(4 * days + 40):  # type: ignore[attr-defined]
        call_command("check_facts", stdout=io.StringIO())
