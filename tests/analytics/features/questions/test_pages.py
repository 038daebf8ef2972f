"""The list, a question in each of its states, and the form, for those who may see or use them."""

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from analytics.models import Episode, Question
from devices.models import Device, Site
from tests.analytics.features.questions.conftest import HOUR, NINE, shown
from tests.analytics.pages.test_pages import figure, page, words

pytestmark = pytest.mark.usefixtures("at_half_past_ten")

LONG = "Würden Sie unser Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen weiterempfehlen? " * 2


def post(user: User, address: str, **values: str) -> Any:
    client = Client()
    client.force_login(user)
    return client.post(address, values)


def form(**more: str) -> dict[str, str]:
    filled = {"text": "Warm enough?", "asked_from": "2026-11-20T12:00", "asked_until": "2026-11-20T18:15"}
    return {**filled, "yes_label": "thumbs-up", "no_label": "thumbs-down", **more}


def test_a_question_shows_its_result_over_time_and_by_device(asked: Question, viewer: User) -> None:
    answer = page(viewer, reverse("question", args=[asked.pk]))
    told = words(answer)
    assert "Enjoying your coffee? running Fri 20 Nov 2026, 09:00 to Fri 20 Nov 2026, 12:00 PST" in told
    assert "80% yes, so far" in told
    assert "4 of 5 gestures, 80%, meant yes (95% interval 38% to 96%)." in told
    assert "Seattle01 4 yes, 1 no; 40 and 10 detections" in told
    assert figure(answer, "answers-figure")["data"][0]["y"] == [4]
    assert "Fri 20 Nov, 09:00 PST 4 1 40 10 100%" in told
    assert "question-change" not in answer.content.decode()


def test_an_open_page_follows_the_answers(asked: Question, viewer: User, seattle01: Device) -> None:
    client = Client()
    client.force_login(viewer)
    first = client.get(asked.get_absolute_url(), headers={"X-Live": "1"})
    shown(seattle01, NINE + HOUR, "thumbs-down")
    again = client.get(asked.get_absolute_url(), headers={"X-Live": "1", "If-None-Match": first["ETag"]})
    assert again.status_code == 200
    assert "4 of 6 gestures, 67%, meant yes" in words(again)
    assert (
        client.get(asked.get_absolute_url(), headers={"X-Live": "1", "If-None-Match": again["ETag"]}).status_code == 304
    )


def test_a_question_before_its_start_shows_when_it_starts(asked: Question, viewer: User) -> None:
    Question.objects.update(asked_from=NINE + 2 * HOUR)
    told = words(page(viewer, asked.get_absolute_url()))
    assert "This question has not started yet" in told
    assert "From Friday, 20 November, 11:00 PST on, thumbs-up before a camera of Seattle means yes" in told


def test_a_question_that_has_ended_shows_it(asked: Question, viewer: User) -> None:
    Question.objects.update(asked_until=NINE + HOUR)
    told = words(page(viewer, asked.get_absolute_url()))
    assert "ended" in told
    assert "so far" not in told


def test_a_page_distinguishes_no_answer_from_a_camera_that_was_off_and_from_no_camera(
    asked: Question, viewer: User
) -> None:
    Episode.objects.all().delete()
    assert "Nobody has answered yet." in words(page(viewer, asked.get_absolute_url()))
    Question.objects.update(asked_from=NINE + 1.5 * HOUR)
    assert "No camera has been on during the question" in words(page(viewer, asked.get_absolute_url()))
    Device.objects.all().delete()
    told = words(page(viewer, asked.get_absolute_url()))
    assert "Seattle has no device yet." in told
    assert "By device" not in told


def test_the_text_of_a_question_is_escaped(asked: Question, viewer: User) -> None:
    Question.objects.update(text="<script>alert(1)</script>")
    for address in (asked.get_absolute_url(), reverse("questions")):
        assert "<script>alert" not in page(viewer, address).content.decode()


def test_the_list_has_each_question_with_its_state_and_share(asked: Question, viewer: User, seattle: Site) -> None:
    Question.objects.create(site=seattle, text="Old?", asked_from=NINE - 2 * HOUR, asked_until=NINE - HOUR)
    Question.objects.create(site=seattle, text="New?", asked_from=NINE + 5 * HOUR, asked_until=NINE + 6 * HOUR)
    told = words(page(viewer, reverse("questions")))
    assert told.index("New?") < told.index("Enjoying your coffee?") < told.index("Old?")
    assert "running 80% yes 38%–96% 5 gestures" in told
    assert "Ask a question" not in told


def test_the_list_is_for_members_and_may_be_of_one_site(
    asked: Question, outsider: User, superuser: User, chicago: Site
) -> None:
    assert page(None, reverse("questions")).status_code == 302
    assert "running" not in words(page(outsider, reverse("questions")))
    assert "No question has been asked yet" in words(page(superuser, "/questions/?site=chicago"))
    assert "running" in words(page(superuser, "/questions/?site=seattle"))
    assert page(outsider, "/questions/?site=seattle").status_code == 404


def test_older_questions_are_on_further_pages(seattle: Site, viewer: User) -> None:
    Question.objects.bulk_create(
        Question(site=seattle, text=f"No. {n}?", asked_from=NINE - (n + 1) * HOUR, asked_until=NINE - n * HOUR)
        for n in range(25)
    )
    assert "1–20 of 25" in words(page(viewer, reverse("questions")))
    assert "No. 24?" in words(page(viewer, "/questions/?page=2"))


def test_a_user_without_a_site_reads_what_to_do(db: None, django_user_model: Any) -> None:
    nobody = django_user_model.objects.create_user("nobody")
    assert "You are not a member of any site yet" in words(page(nobody, reverse("questions")))


def test_an_operator_asks_in_the_sites_own_time(seattle: Site, operator: User) -> None:
    address = reverse("question-ask", args=["seattle"])
    told = page(operator, address).content.decode()
    assert 'value="2026-11-20T10:45"' in told, "the next quarter hour"
    answer = post(operator, address, **form())
    question = Question.objects.get()
    assert answer.headers["Location"] == question.get_absolute_url()
    assert question.asked_from == dt.datetime(2026, 11, 20, 20, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"asked_until": "2026-11-20T11:00"}, "must end after it begins"),
        (
            {"asked_from": "2026-11-20T09:00"},
            "“Enjoying your coffee?”, from 20 Nov 2026, 09:00 to 20 Nov 2026, 12:00",
        ),
        ({"asked_from": "2026-11-20T12:10"}, "Choose a full quarter"),
        ({"asked_from": "2027-03-14T02:30", "asked_until": "2027-03-15T00:00"}, "may not exist"),
        ({"asked_from": "soon"}, "Enter a valid date/time"),
        ({"text": ""}, "This field is required"),
        ({"text": "?" * 201}, "at most 200 characters"),
        ({"yes_label": "thumb-up"}, "No camera of Seattle has shown “thumb-up”. Choose one of fist, open-palm,"),
        ({"no_label": "thumbs-up"}, "cannot mean both yes and no"),
    ],
)
def test_a_question_that_is_not_valid_is_refused_in_a_sentence(
    asked: Question, operator: User, values: dict[str, str], sentence: str
) -> None:
    answer = post(operator, reverse("question-ask", args=["seattle"]), **form(**values))
    assert answer.status_code == 200
    told = words(answer)
    assert sentence in told
    assert told.count(sentence) == 1
    assert Question.objects.count() == 1


def test_an_operator_changes_and_deletes_a_question(asked: Question, operator: User) -> None:
    address = reverse("question-change", args=[asked.pk])
    assert 'value="2026-11-20T09:00"' in page(operator, address).content.decode()
    assert post(operator, address, **form(text=LONG[:200])).status_code == 302
    asked.refresh_from_db()
    assert asked.text == LONG[:200].strip()
    answer = post(operator, reverse("question-withdraw", args=[asked.pk]))
    assert answer.headers["Location"] == "/questions/?site=seattle"
    assert not Question.objects.exists()


@pytest.mark.parametrize("name", ["question-change", "question-withdraw"])
def test_a_viewer_is_refused_and_an_outsider_finds_nothing(
    asked: Question, viewer: User, outsider: User, name: str
) -> None:
    address = reverse(name, args=[asked.pk])
    assert post(viewer, address).status_code == 403
    assert post(outsider, address).status_code == 404
    assert page(outsider, asked.get_absolute_url()).status_code == 404
    assert Question.objects.exists()


def test_only_those_who_run_the_site_get_its_form(seattle: Site, viewer: User, outsider: User) -> None:
    address = reverse("question-ask", args=["seattle"])
    assert page(viewer, address).status_code == 403
    assert page(outsider, address).status_code == 404
