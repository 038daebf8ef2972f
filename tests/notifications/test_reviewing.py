"""A rule can wait until a person has confirmed what was detected. What is rejected is never told."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from analytics.counting import corrections
from analytics.models import Detection, Verdict
from devices.models import Device
from faces.erasure.signals import person_erased
from faces.models import Capture, Coffee, Person, Sighting
from notifications.models import Happening, Kind, Notice, Rule, State
from notifications.rules import reviewing
from tests import clock
from tests.analytics.frames import count, seen
from tests.clock import SetClock
from tests.notifications.conftest import MakeRule
from tests.notifications.test_rules import happen, told

pytestmark = pytest.mark.django_db


@pytest.fixture
def rule(make_rule: MakeRule) -> Rule:
    return make_rule(after_review=True, texts=["Thumb!"])


def thumb(device: Device, after_s: float = 0) -> tuple[Happening, Detection]:
    happening = happen(device, after_s=after_s)
    count(seen(device, happening.at, labels=[("thumbs-up", 0.9)], key=round(after_s * 1000) + 1))
    return happening, Detection.objects.get(device=device, taken_at=happening.at, label="thumbs-up")


def states() -> list[str]:
    return list(Notice.objects.order_by("happened_at").values_list("state", flat=True))


def test_what_is_confirmed_is_told_and_what_is_rejected_is_not(seattle01: Device, rule: Rule, operator: User) -> None:
    right, wrong, _ = (thumb(seattle01, after)[1] for after in (0, 30, 60))
    told()
    assert states() == [State.REVIEW] * 3
    assert reviewing.settle(now=clock.now()) == 0
    verdicts = {right: Verdict.RIGHT, wrong: Verdict.WRONG}
    corrections.review(verdicts=verdicts, by=operator, now=clock.now())
    assert reviewing.settle(now=clock.now()) == 2
    assert states() == [State.WAITING, State.DROPPED, State.REVIEW]


def test_what_nobody_confirms_within_a_day_is_not_told(seattle01: Device, rule: Rule, set_clock: SetClock) -> None:
    thumb(seattle01)
    told()
    set_clock(clock.now() + reviewing.WAITS_FOR)
    reviewing.settle(now=clock.now())
    notice = Notice.objects.get()
    assert (notice.state, notice.problem) == (State.DROPPED, "Nobody confirmed it within a day.")


def test_the_page_confirms_and_rejects_the_detection_itself(
    seattle01: Device, rule: Rule, client: Client, operator: User
) -> None:
    for after in (0, 30):
        thumb(seattle01, after)
    told()
    client.force_login(operator)
    page = client.get(reverse("site-notices", args=["seattle"])).content.decode()
    assert (page.count("Confirm and tell"), "once a person has confirmed it" in page) == (2, True)
    first, second = Notice.objects.order_by("happened_at")
    client.post(reverse("site-notice-decide", args=["seattle", first.pk]), {"verdict": "right"})
    api = APIClient()
    api.force_authenticate(operator)
    assert api.post(f"/api/v1/notices/{second.pk}/decide/", {"verdict": "perhaps"}).status_code == 400
    assert api.post(f"/api/v1/notices/{second.pk}/decide/", {"verdict": "wrong"}).status_code == 204
    assert states() == [State.WAITING, State.DROPPED]
    reviews = Detection.objects.filter(label="thumbs-up").order_by("taken_at").values_list("review", flat=True)
    assert list(reviews) == [Verdict.RIGHT, Verdict.WRONG]


def test_a_voided_coffee_is_not_told_and_an_erased_persons_is_forgotten(
    seattle01: Device, make_rule: MakeRule, operator: User
) -> None:
    make_rule(Kind.COFFEE, after_review=True)
    person = Person.objects.create(site=seattle01.site, name="Ada")
    for number in range(2):
        capture = Capture.objects.create(
            device=seattle01, taken_at=clock.now(), received_at=clock.now(), key=number, state="done"
        )
        sighting = Sighting.objects.create(capture=capture, number=0, person=person, confidence=0.9)
        coffee = Coffee.objects.create(person=person, device=seattle01, taken_at=clock.now(), sighting=sighting)
        happening = happen(seattle01, Kind.COFFEE, after_s=number, person=person.pk)
        Happening.objects.filter(pk=happening.pk).update(key=str(coffee.pk))
    told()
    Coffee.objects.filter(pk=coffee.pk).update(voided=True, reviewed_at=clock.now(), review_reason="an empty cup")
    reviewing.settle(now=clock.now())
    assert states() == [State.REVIEW, State.DROPPED]
    person_erased.send(Person, site=seattle01.site, captures=[])
    assert states() == [State.DROPPED]
