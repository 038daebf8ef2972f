import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.counting import corrections
from analytics.models import Detection, EngagementQuarter, Frame, LabelQuarter, Verdict
from devices.models import Device
from tests.analytics.frames import (
    count,
    engagement_table,
    frames_of,
    identity,
    label_table,
    seen,
    stored_engagement,
    stored_labels,
    undone,
)

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
NOW = NOON + dt.timedelta(days=1)
DAY = dt.timedelta(days=1)


def rebuild(*devices: Device, now: dt.datetime = NOW, since: dt.date | None = None) -> int:
    return sum(map(corrections.rebuild, corrections.stretches(devices=devices, now=now, since=since)))


def spoil() -> None:
    """Make every tally wrong: one is gone, one is invented, the others have other numbers."""
    EngagementQuarter.objects.update(faces_sum=77, minutes_seen=0)
    LabelQuarter.objects.update(confidence_millionths_sum=1)
    for model in (EngagementQuarter, LabelQuarter):
        first = model.objects.first()
        if first is not None:
            first.delete()
            first.pk, first.start = None, NOON - 2 * DAY
            first.save()


MOMENTS = st.integers(0, 3 * 86_400).map(lambda second: NOON - dt.timedelta(seconds=second))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=30)
@given(data=st.data())
def test_a_rebuild_gives_the_same_tallies_to_the_digit(
    seattle01: Device, chicago01: Device, data: st.DataObject
) -> None:
    devices = [seattle01, chicago01]
    frames = data.draw(st.lists(frames_of(devices, MOMENTS), unique_by=identity, min_size=1, max_size=12))
    with undone():
        count(*frames)
        assert rebuild(*devices) == 0
        spoil()
        assert rebuild(*devices) > 0
        assert stored_engagement() == engagement_table(frames)
        assert stored_labels() == label_table(frames)


def test_a_rebuild_touches_no_other_device_and_no_earlier_day(seattle01: Device, chicago01: Device) -> None:
    count(*(seen(device, NOON - day * DAY, faces=[0.9]) for device in (seattle01, chicago01) for day in range(3)))
    EngagementQuarter.objects.update(faces_sum=77)
    assert rebuild(seattle01, since=(NOON - DAY).date()) == 2
    wrong = EngagementQuarter.objects.filter(faces_sum=77).values_list("device", "start")
    assert sorted(wrong) == sorted(
        [(seattle01.pk, NOON - 2 * DAY), *((chicago01.pk, NOON - day * DAY) for day in range(3))]
    )


def test_a_rebuild_leaves_days_alone_whose_frames_may_be_gone(seattle01: Device, settings: Any) -> None:
    settings.FRAME_RETENTION_DAYS = 10
    count(*(seen(seattle01, NOON - day * DAY, faces=[0.9]) for day in (9, 10, 11)))
    tallies = stored_engagement()
    Frame.objects.all().delete()
    assert rebuild(seattle01, now=NOON) == 1
    assert stored_engagement() == tallies[:2]


def test_a_device_without_frames_has_nothing_to_rebuild(seattle01: Device) -> None:
    assert corrections.stretches(devices=[seattle01], now=NOW) == []


@pytest.fixture
def thumbs(seattle01: Device) -> list[Detection]:
    """Two thumbs-up in the same quarter and bin, and one face."""
    count(
        seen(seattle01, NOON, faces=[0.9], labels=[("thumbs-up", 0.91)]),
        seen(seattle01, NOON + dt.timedelta(minutes=1), faces=[], labels=[("thumbs-up", 0.93)]),
    )
    return list(Detection.objects.filter(label="thumbs-up").order_by("confidence"))


def thumbs_row() -> tuple[int, ...]:
    return LabelQuarter.objects.values_list("count", "rejected", "confidence_millionths_sum").get(label="thumbs-up")


def test_a_review_corrects_the_tally_and_can_be_taken_back(thumbs: list[Detection], operator: User) -> None:
    assert thumbs_row() == (2, 0, 1_840_000)
    corrections.review(verdicts={thumbs[0]: Verdict.WRONG}, by=operator, now=NOON)
    assert thumbs_row() == (2, 1, 930_000)
    corrections.review(verdicts={thumbs[0]: Verdict.WRONG}, by=operator, now=NOON)
    assert thumbs_row() == (2, 1, 930_000)
    corrections.review(verdicts={thumbs[0]: Verdict.RIGHT}, by=operator, now=NOON)
    assert thumbs_row() == (2, 0, 1_840_000)
    assert Detection.objects.get(review=Verdict.RIGHT, reviews__reviewer=operator) == thumbs[0]
    corrections.review(verdicts={thumbs[0]: None}, by=operator, now=NOON)
    assert not Detection.objects.exclude(review=None, reviews=None).exists()


def test_what_most_reviewers_say_counts(thumbs: list[Detection], operator: User, owner: User, superuser: User) -> None:
    def say(verdict: Verdict | None, by: User) -> Verdict | None:
        corrections.review(verdicts={thumbs[0]: verdict}, by=by, now=NOON)
        said = Detection.objects.get(pk=thumbs[0].pk).review
        assert thumbs_row()[1] == (said == Verdict.WRONG)
        return Verdict(said) if said else None

    assert say(Verdict.WRONG, operator) == Verdict.WRONG
    assert say(Verdict.RIGHT, owner) is None, "as many say right as wrong"
    assert say(Verdict.RIGHT, superuser) == Verdict.RIGHT
    assert say(Verdict.WRONG, owner) == Verdict.WRONG
    assert say(None, operator) is None
    assert say(None, superuser) == Verdict.WRONG


def test_a_reviewers_verdict_outlives_the_account(thumbs: list[Detection], operator: User, owner: User) -> None:
    corrections.review(verdicts={thumbs[0]: Verdict.WRONG}, by=operator, now=NOON)
    operator.delete()
    corrections.review(verdicts={thumbs[0]: Verdict.RIGHT}, by=owner, now=NOON)
    assert Detection.objects.get(pk=thumbs[0].pk).review is None, "one to one"


def test_several_detections_are_reviewed_together_or_not_at_all(
    thumbs: list[Detection], chicago01: Device, operator: User, owner: User
) -> None:
    corrections.review(verdicts=dict.fromkeys(thumbs, Verdict.WRONG), by=owner, now=NOON)
    assert thumbs_row() == (2, 2, 0)
    count(seen(chicago01, NOON, labels=[("cup", 0.9)]))
    with pytest.raises(PermissionDenied, match="Chicago"):
        corrections.review(
            verdicts={thumbs[0]: None, Detection.objects.get(label="cup"): Verdict.WRONG}, by=owner, now=NOON
        )
    assert thumbs_row() == (2, 2, 0)


def test_a_rejected_face_is_subtracted_from_its_frame(thumbs: list[Detection], owner: User, seattle01: Device) -> None:
    corrections.review(verdicts={Detection.objects.get(label="face"): Verdict.WRONG}, by=owner, now=NOON)
    assert stored_engagement() == [(seattle01.pk, NOON, 2, 0, 0, 0b11, 0)]
    assert Frame.objects.get(taken_at=NOON).faces == 1, "what the device reported stays"


def test_a_rejected_object_with_the_label_face_does_not_subtract_a_face(seattle01: Device, owner: User) -> None:
    count(seen(seattle01, NOON, faces=[], labels=[("face", 0.6)]))
    corrections.review(verdicts={Detection.objects.get(): Verdict.WRONG}, by=owner, now=NOON)
    assert stored_engagement() == [(seattle01.pk, NOON, 1, 0, 0, 1, 0)]


def test_a_rebuild_keeps_reviews(thumbs: list[Detection], owner: User, seattle01: Device) -> None:
    corrections.review(verdicts={thumbs[1]: Verdict.WRONG}, by=owner, now=NOON)
    corrections.review(verdicts={Detection.objects.get(label="face"): Verdict.WRONG}, by=owner, now=NOON)
    tables = stored_engagement(), stored_labels()
    spoil()
    assert rebuild(seattle01) > 0
    assert (stored_engagement(), stored_labels()) == tables


def test_later_frames_add_to_a_reviewed_quarter(thumbs: list[Detection], owner: User, seattle01: Device) -> None:
    corrections.review(verdicts={thumbs[0]: Verdict.WRONG}, by=owner, now=NOON)
    count(seen(seattle01, NOON + dt.timedelta(minutes=2), labels=[("thumbs-up", 0.94)]))
    assert thumbs_row() == (3, 1, 1_870_000)


@pytest.mark.parametrize("who", ["viewer", "outsider"])
def test_a_user_who_may_not_operate_the_site_may_not_review(
    thumbs: list[Detection], who: str, request: pytest.FixtureRequest
) -> None:
    with pytest.raises(PermissionDenied, match="Only operators and owners of Seattle"):
        corrections.review(verdicts={thumbs[0]: Verdict.WRONG}, by=request.getfixturevalue(who), now=NOON)
    assert thumbs_row() == (2, 0, 1_840_000)


def test_nobody_may_review_without_a_live_account(thumbs: list[Detection], superuser: User) -> None:
    superuser.is_active = False
    nobodies: list[Any] = [superuser, AnonymousUser()]
    for nobody in nobodies:
        with pytest.raises(PermissionDenied):
            corrections.review(verdicts={thumbs[0]: Verdict.WRONG}, by=nobody, now=NOON)
