import datetime as dt
import re
from http import HTTPStatus
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_q.models import OrmQ

from analytics.counting import corrections
from analytics.models import Detection, LabelQuarter, SettledDay, Verdict
from devices.models import Device, Site
from devices.rules.roles import Role
from faces.models import Capture, State
from tests.analytics.frames import count, seen
from tests.clock import SetClock
from tests.world import places

NOW = dt.datetime(2026, 11, 20, 18, 30, tzinfo=dt.UTC)
NINE = dt.datetime(2026, 11, 20, 17, tzinfo=dt.UTC)
"""09:00 in Seattle; it is half past ten there."""

JSON = {"Accept": "application/json"}


@pytest.fixture(autouse=True)
def _half_past_ten(set_clock: SetClock) -> None:
    set_clock(NOW)


@pytest.fixture
def thumbs(seattle01: Device) -> list[Detection]:
    """Three thumbs-up a minute apart, the oldest first, with 60, 70 and 80 per cent."""
    minute = dt.timedelta(minutes=1)
    count(*(seen(seattle01, NINE + n * minute, labels=[("thumbs-up", 0.6 + n / 10)]) for n in range(3)))
    return list(Detection.objects.order_by("confidence").select_related("frame__device__site"))


@pytest.fixture
def client_of_operator(operator: User) -> Client:
    return signed_in(operator)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def shown(client: Client, **asked: str | int | list[str]) -> list[int]:
    """The detections that the page shows, in its order."""
    answer = client.get(reverse("review"), asked)
    assert answer.status_code == HTTPStatus.OK
    return [item.detection.pk for item in answer.context["items"]]


def say(client: Client, verdict: str, *detections: Detection, **headers: str) -> Any:
    data = {"verdict": verdict, "detection": [each.pk for each in detections]}
    return client.post(reverse("review"), data, headers=headers)


def counted() -> int:
    return sum(row.count - row.rejected for row in LabelQuarter.objects.filter(label="thumbs-up"))


def picture(device: Device, at: dt.datetime, key: int) -> Capture:
    return Capture.objects.create(
        device=device, taken_at=at, received_at=at, key=key, state=State.DONE, image=f"captures/{key}.jpg"
    )


def test_the_page_asks_who_you_are(db: None) -> None:
    assert Client().get(reverse("review")).headers["Location"].startswith(reverse("account_login"))


def test_whoever_is_a_member_of_nothing_is_told_so(seattle01: Device) -> None:
    answer = signed_in(User.objects.create_user("stranger")).get(reverse("review"))
    assert "You are not a member of any site yet" in answer.content.decode()


def test_the_newest_come_first_and_only_those_that_are_asked_for(
    thumbs: list[Detection], client_of_operator: Client
) -> None:
    sixty, seventy, eighty = (thumb.pk for thumb in thumbs)
    assert shown(client_of_operator, show="all") == [eighty, seventy, sixty]
    assert shown(client_of_operator, show="all", least=70, most=79) == [seventy]
    assert shown(client_of_operator, show="all", device="Seattle01", before=seventy) == [sixty]
    assert shown(client_of_operator, show="all", label="face") == []
    assert shown(client_of_operator, show="all", days=1, to="2026-11-19") == []
    say(client_of_operator, "wrong", thumbs[1])
    assert shown(client_of_operator, show="open") == [eighty, sixty]
    assert shown(client_of_operator, show="wrong") == [seventy]
    assert shown(client_of_operator, show="mine") == [seventy]
    assert shown(client_of_operator, show="right") == []


def test_the_picture_nearest_in_time_stands_beside_a_detection(
    thumbs: list[Detection], seattle01: Device, chicago01: Device, client_of_operator: Client
) -> None:
    at = thumbs[1].frame.taken_at
    near = picture(seattle01, at + dt.timedelta(seconds=0.5), 1)
    picture(seattle01, at - dt.timedelta(seconds=1.5), 2)
    picture(seattle01, at + dt.timedelta(seconds=2.5), 3)
    picture(chicago01, at, 4)
    answer = client_of_operator.get(reverse("review"))
    assert [(item.detection, item.picture) for item in answer.context["items"]] == [(thumbs[1], near)]
    assert "picture 0.5 s later" in answer.content.decode()
    assert f"/captures/{near.pk}/" in answer.content.decode()
    without = client_of_operator.get(reverse("review"), {"show": "open"}).content.decode()
    assert without.count("no picture was taken within 2 s") == 2


@pytest.mark.parametrize(
    ("area", "off", "drawn"),
    [
        ([0, 0, 1280, 720], 0.0, True),
        ([0, 0, 1280, 720], 0.5, True),
        ([600, 200, 300, 300], 0.0, True),
        ([0, 0, 700, 720], 0.0, False),
        (None, 0.0, False),
    ],
)
def test_a_detection_is_framed_on_its_picture_where_the_picture_shows_it(
    thumbs: list[Detection],
    seattle01: Device,
    client_of_operator: Client,
    area: list[int] | None,
    off: float,
    drawn: bool,
) -> None:
    Detection.objects.filter(pk=thumbs[0].pk).update(box=[700, 240, 120, 140])
    taken = picture(seattle01, thumbs[0].frame.taken_at + dt.timedelta(seconds=off), 1)
    Capture.objects.filter(pk=taken.pk).update(area=area)
    page = client_of_operator.get(reverse("review")).content.decode()
    assert ('<rect x="700" y="240" width="120" height="140"/>' in page) is drawn
    assert not drawn or f'viewBox="{" ".join(map(str, area or ()))}"' in page
    assert ("other-moment" in page) is bool(off)


def test_a_verdict_corrects_the_numbers_at_once_and_says_so(
    thumbs: list[Detection], client_of_operator: Client
) -> None:
    answer = say(client_of_operator, "wrong", *thumbs[:2], **JSON).json()
    assert answer["told"] == ["Seattle01, Fri 20 Nov: thumbs-up 3 → 1, mean confidence 70.0% → 80.0%."]
    assert {each["id"]: each["mine"] for each in answer["detections"]} == {thumbs[0].pk: "wrong", thumbs[1].pk: "wrong"}
    assert counted() == 1
    assert say(client_of_operator, "wrong", thumbs[0], **JSON).json()["told"] == [
        "Seattle01, Fri 20 Nov: thumbs-up stays at 1."
    ]


def test_a_wrong_face_corrects_the_average(seattle01: Device, client_of_operator: Client) -> None:
    count(seen(seattle01, NINE, faces=[0.9, 0.6]), seen(seattle01, NINE + dt.timedelta(seconds=1), faces=[0.9]))
    wrong = Detection.objects.get(confidence=0.6)
    (told,) = say(client_of_operator, "wrong", wrong, **JSON).json()["told"]
    assert "face 3 → 2" in told
    assert "average 1.500 → 1.000 people" in told


def test_the_buttons_work_without_a_script(thumbs: list[Detection], client_of_operator: Client) -> None:
    address = f"{reverse('review')}?show=all"
    answer = client_of_operator.post(address, {"verdict": f"wrong {thumbs[0].pk}"}, follow=True)
    assert answer.redirect_chain == [(address, HTTPStatus.FOUND)]
    assert "thumbs-up 3 → 2" in answer.content.decode()
    assert re.search(r'value="wrong \d+"\s+aria-pressed="true"', answer.content.decode())
    again = client_of_operator.post(address, {"undo": "1"}, follow=True)
    assert "thumbs-up 2 → 3" in again.content.decode()


def test_steps_are_undone_one_by_one_to_what_was_there(
    thumbs: list[Detection], client_of_operator: Client, operator: User
) -> None:
    say(client_of_operator, "right", thumbs[0])
    say(client_of_operator, "wrong", *thumbs)
    assert counted() == 0

    def undone() -> tuple[list[str | None], int]:
        answer = client_of_operator.post(reverse("review"), {"undo": "1"}, headers=JSON).json()
        return [each["mine"] for each in answer["detections"]], answer["steps"]

    assert sorted(undone()[0], key=str) == [None, None, "right"]
    assert counted() == 3
    assert undone() == ([None], 0)
    answer = client_of_operator.post(reverse("review"), {"undo": "1"}, headers=JSON).json()
    assert answer["told"] == ["There is nothing to undo."]


def test_reviewers_see_what_others_say_and_keep_their_own(
    thumbs: list[Detection], client_of_operator: Client, owner: User
) -> None:
    say(client_of_operator, "wrong", thumbs[0])
    other = signed_in(owner)
    say(other, "right", thumbs[0])
    assert counted() == 3, "as many say right as wrong"
    assert shown(other, show="disputed") == [thumbs[0].pk]
    assert "1 right and 1 wrong: disputed" in other.get(reverse("review"), {"show": "mine"}).content.decode()
    say(client_of_operator, "none", thumbs[0])
    assert shown(other, show="right") == [thumbs[0].pk]


def test_a_viewer_looks_and_may_not_decide(thumbs: list[Detection], viewer: User) -> None:
    client = signed_in(viewer)
    page = client.get(reverse("review"), {"show": "all"}).content.decode()
    assert "You can look at the detections" in page
    assert "review-form" not in page
    assert say(client, "wrong", thumbs[0]).status_code == HTTPStatus.FORBIDDEN
    refused = say(client, "wrong", thumbs[0], **JSON)
    assert refused.status_code == HTTPStatus.FORBIDDEN
    assert "Only operators and owners of Seattle" in refused.json()["detail"]
    assert counted() == 3


def test_an_outsider_neither_sees_nor_decides(thumbs: list[Detection], outsider: User, chicago01: Device) -> None:
    client = signed_in(outsider)
    assert client.get(reverse("review"), {"site": "seattle"}).status_code == HTTPStatus.NOT_FOUND
    assert client.get(reverse("review"), {"device": "Seattle01"}).status_code == HTTPStatus.NOT_FOUND
    assert "Seattle" not in client.get(reverse("review")).content.decode()
    assert client.get(reverse("review"), {"before": thumbs[1].pk}).status_code == HTTPStatus.NOT_FOUND
    assert say(client, "wrong", thumbs[0]).status_code == HTTPStatus.NOT_FOUND
    assert counted() == 3


def test_a_viewer_of_one_site_does_not_decide_there_though_an_operator_elsewhere(
    thumbs: list[Detection], seattle: Site, chicago: Site
) -> None:
    both = places.user("both", {seattle: Role.VIEWER, chicago: Role.OPERATOR})
    assert say(signed_in(both), "wrong", thumbs[0]).status_code == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize(
    "asked",
    [
        {"show": "some"},
        {"least": "x"},
        {"most": "101"},
        {"days": "three"},
        {"before": "x"},
        {"before": "1"},
        {"site": "no"},
    ],
    ids=str,
)
def test_what_cannot_be_asked_is_not_found(seattle01: Device, viewer: User, asked: dict[str, str]) -> None:
    assert signed_in(viewer).get(reverse("review"), asked).status_code == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize("verdict", ["perhaps", "", "right x"])
def test_a_verdict_that_is_none_is_refused(thumbs: list[Detection], client_of_operator: Client, verdict: str) -> None:
    assert say(client_of_operator, verdict, thumbs[0]).status_code == HTTPStatus.NOT_FOUND


def test_a_verdict_on_nothing_says_what_to_do(thumbs: list[Detection], client_of_operator: Client) -> None:
    assert say(client_of_operator, "wrong", **JSON).json()["told"] == ["Select a detection first."]


def test_a_full_page_takes_as_many_queries_as_an_empty_one_and_leads_on(
    seattle01: Device, client_of_operator: Client, operator: User
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as made:
            assert client_of_operator.get(reverse("review"), {"show": "all"}).status_code == HTTPStatus.OK
        return len(made)

    count(seen(seattle01, NINE, labels=[("thumbs-up", 0.5)]))
    few = queries()
    for number in range(1, 30):
        at = NINE + dt.timedelta(seconds=number)
        count(seen(seattle01, at, labels=[("thumbs-up", 0.5)]))
        picture(seattle01, at, number)
    corrections.review(
        verdicts=dict.fromkeys(Detection.objects.select_related("frame__device__site")[:5], Verdict.RIGHT),
        by=operator,
        now=NOW,
    )
    assert queries() == few
    first = shown(client_of_operator, show="all")
    assert len(first) == 24
    assert len(shown(client_of_operator, show="all", before=first[-1])) == 6


def linked_picture(thumb: Detection, **values: Any) -> Capture:
    return Capture.objects.create(
        device=thumb.device,
        taken_at=thumb.taken_at,
        received_at=thumb.taken_at,
        key=1,
        state=State.LINKED,
        source_url="https://s3.amazonaws.com/bucket/images/1.jpg",
        next_try_at=thumb.taken_at,
        **values,
    )


def test_a_picture_that_is_not_fetched_yet_is_said_to_wait_and_is_fetched(
    thumbs: list[Detection], client_of_operator: Client
) -> None:
    linked_picture(thumbs[0])
    page = client_of_operator.get(reverse("review"))
    assert [item.detection for item in page.context["items"]] == [thumbs[0]]  # the page shows those with a picture
    assert "its picture waits in the device’s bucket and is being fetched" in page.content.decode()
    (task,) = [each.task for each in OrmQ.objects.all()]
    assert (task["func"], task["args"]) == (
        "faces.tasks.fetch_linked_pictures",
        (str(page.context["items"][0].linked.pk),),
    )


def test_why_a_picture_could_not_be_fetched_is_said(thumbs: list[Detection], client_of_operator: Client) -> None:
    linked_picture(thumbs[0], reason="It is not in the bucket, or not yet.")
    page = client_of_operator.get(reverse("review"), {"show": "open"}).content.decode()
    assert "its picture cannot be fetched: It is not in the bucket, or not yet." in page


def test_a_picture_that_could_not_be_fetched_is_no_picture(thumbs: list[Detection], client_of_operator: Client) -> None:
    linked_picture(thumbs[0], reason="It is not in the bucket, or not yet.")
    assert list(client_of_operator.get(reverse("review"), {"show": "pictured"}).context["items"]) == []


def test_a_verdict_about_a_settled_day_says_that_the_numbers_stay(
    thumbs: list[Detection], client_of_operator: Client
) -> None:
    SettledDay.objects.create(device=thumbs[0].device, day=NINE.date())
    answer = say(client_of_operator, "wrong", thumbs[0], **JSON)
    assert answer.json()["told"] == [
        "Seattle01, Fri 20 Nov: thumbs-up stays at 3.",
        "Seattle01, Fri 20 Nov (UTC): frames of this day are deleted, so its numbers stay as they are. The "
        "verdicts count for the precision only.",
    ]
    thumbs[0].refresh_from_db()
    assert (thumbs[0].review, counted()) == (Verdict.WRONG, 3)
