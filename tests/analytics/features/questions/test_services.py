"""Who may ask, and that two who ask at once get one question and one sentence."""

import threading
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection

from analytics.features.questions import services
from analytics.models import Question
from devices.models import Site
from tests.analytics.features.questions.conftest import HOUR, NINE

TIME: dict[str, Any] = {"asked_from": NINE, "asked_until": NINE + HOUR}


def test_operators_and_owners_ask_change_and_withdraw(seattle: Site, operator: User, owner: User) -> None:
    question = services.ask(site=seattle, text="Good?", by=operator, **TIME)
    assert (question.yes_label, question.no_label) == ("thumbs-up", "thumbs-down")
    services.change(question=question, text="Better?", no_label="fist", by=owner)
    found = Question.objects.get()
    assert (found.text, found.yes_label, found.no_label, found.asked_from) == ("Better?", "thumbs-up", "fist", NINE)
    services.withdraw(question=question, by=operator)
    assert not Question.objects.exists()


def test_nobody_else_asks_changes_or_withdraws(seattle: Site, viewer: User, outsider: User, asked: Question) -> None:
    for user in (viewer, outsider):
        with pytest.raises(PermissionDenied, match="Only operators and owners of Seattle"):
            services.ask(site=seattle, text="Good?", by=user, **TIME)
        with pytest.raises(PermissionDenied):
            services.change(question=asked, text="Good?", by=user)
        with pytest.raises(PermissionDenied):
            services.withdraw(question=asked, by=user)
    assert Question.objects.get().text == asked.text == "Enjoying your coffee?"


def test_a_change_that_is_refused_changes_nothing(asked: Question, operator: User) -> None:
    services.ask(site=asked.site, text="Next?", asked_from=NINE + 3 * HOUR, asked_until=NINE + 4 * HOUR, by=operator)
    with pytest.raises(ValidationError, match="another question in this time"):
        services.change(question=asked, asked_until=NINE + 3.5 * HOUR, by=operator)
    assert Question.objects.get(pk=asked.pk).asked_until == NINE + 3 * HOUR


@pytest.mark.django_db(transaction=True)
def test_of_two_concurrent_questions_one_is_refused_in_a_sentence(seattle: Site, superuser: User) -> None:
    outcomes: list[str] = []
    ready = threading.Barrier(2)

    def ask(text: str) -> None:
        try:
            ready.wait()
            outcomes.append(services.ask(site=seattle, text=text, by=superuser, **TIME).text)
        except ValidationError as refusal:
            outcomes.extend(refusal.messages)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask, args=[text]) for text in ("One?", "Two?")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Question.objects.count() == 1
    assert sum("another question in this time" in outcome for outcome in outcomes) == 1
