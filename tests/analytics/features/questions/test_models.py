"""What a question must be, and that no two of a site are asked at once, whoever writes them."""

import datetime as dt
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from analytics.models import Question
from devices.models import Site
from edge_agent.vision import gestures

NOON = dt.datetime(2026, 11, 20, 20, tzinfo=dt.UTC)
"""In Seattle."""


def question(site: Site, start: float, end: float, **more: Any) -> Question:
    """From and until so many hours after noon."""
    hour = dt.timedelta(hours=1)
    return Question(site=site, text="Good?", asked_from=NOON + start * hour, asked_until=NOON + end * hour, **more)


def refusal(asked: Question) -> str:
    with pytest.raises(ValidationError) as found:
        asked.full_clean()
    return " ".join(found.value.messages)


def test_the_gestures_are_those_that_the_detectors_find(seattle: Site) -> None:
    asked = question(seattle, 0, 1)
    assert (asked.yes_label, asked.no_label) == (gestures.THUMBS_UP, gestures.THUMBS_DOWN)


@pytest.mark.parametrize(("start", "end"), [(-1, 0.25), (0, 1), (0.5, 0.75), (-1, 3), (0.75, 3)])
def test_questions_of_a_site_do_not_overlap(seattle: Site, start: float, end: float) -> None:
    question(seattle, 0, 1).save()
    assert "asks another question in this time: “Good?”, from" in refusal(question(seattle, start, end))


def test_one_question_may_follow_another_and_other_sites_ask_theirs(seattle: Site, chicago: Site) -> None:
    question(seattle, 0, 1).save()
    for asked in (question(seattle, 1, 2), question(seattle, -1, 0), question(chicago, 0, 1)):
        asked.full_clean()
        asked.save()


def test_a_question_does_not_overlap_itself(seattle: Site) -> None:
    asked = question(seattle, 0, 1)
    asked.save()
    asked.asked_until += dt.timedelta(hours=1)
    asked.full_clean()


def test_a_question_has_an_end_two_gestures_and_full_quarters(seattle: Site) -> None:
    assert "must end after it begins" in refusal(question(seattle, 1, 1))
    assert "cannot mean both" in refusal(question(seattle, 0, 1, yes_label="fist", no_label="fist"))
    assert "full quarter" in refusal(question(seattle, 0.1, 1))


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite cannot keep it; its writers come one by one")
def test_the_database_itself_keeps_questions_apart(seattle: Site) -> None:
    question(seattle, 0, 1).save()
    question(seattle, 1, 2).save()
    with pytest.raises(IntegrityError), transaction.atomic():
        question(seattle, 0.75, 1.25).save()
