"""Expressions are read only where an owner has confirmed it, and are kept with nobody."""

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection
from django.db.migrations.executor import MigrationExecutor
from django.test import Client

from devices.models import AuditEntry, Device, Site
from edge_agent.messages import Box
from faces import tasks
from faces.models import Capture, ExpressionQuarter, FeelingsConfirmation, Sighting
from faces.people.feelings import FeelingsRefused, confirm_feelings, settle_expressions, withdraw_feelings
from faces.recognisers.recogniser import DetectedFace, Detections
from faces.services import create_person, recognise, recognise_again
from tests.faces.conftest import LATER, NOON, TakePicture
from tests.faces.scripted import Scripted, detections

pytestmark = pytest.mark.django_db

PAGE = "/sites/seattle/settings/faces/expressions/"
BOXES: list[Box] = [(100 * number, 100, 90, 90) for number in range(5)]
SETTLED = NOON + dt.timedelta(hours=2)
TYPED = {"jurisdiction": "Washington, United States", "nobody_at_work_or_school": "on", "notice_is_public": "on"}


class Guessing(Scripted):
    """A recogniser that guesses: everybody is happy."""

    guessed = 0

    def detect_with_emotions(self, jpeg: bytes) -> Detections:
        self.guessed += 1
        found = self.detect(jpeg)
        faces = [DetectedFace(face.box, face.confidence, {"happy": 0.9, "calm": 0.1}) for face in found.faces]
        return Detections(tuple(faces), found.cups)


def confirm(site: Site, owner: User, at: dt.datetime = NOON) -> FeelingsConfirmation:
    return confirm_feelings(
        site=site, jurisdiction="Utah", nobody_at_work_or_school=True, notice_is_public=True, by=owner, now=at
    )


def look(capture: Capture, faces: int = 5) -> Guessing:
    recogniser = Guessing(detections(*BOXES[:faces]))
    recognise(capture_id=capture.pk, now=LATER, recogniser=recogniser)
    return recogniser


def test_nothing_is_asked_for_without_an_owners_confirmation(take_picture: TakePicture) -> None:
    assert look(take_picture()).guessed == 0
    assert not ExpressionQuarter.objects.exists()


def test_nothing_is_asked_for_a_picture_from_before_the_confirmation(
    seattle: Site, owner: User, take_picture: TakePicture
) -> None:
    confirm(seattle, owner, NOON + dt.timedelta(seconds=1))
    assert look(take_picture()).guessed == 0


def test_five_people_in_a_quarter_hour_are_counted_and_nothing_stands_with_a_sighting(
    seattle: Site, owner: User, take_picture: TakePicture
) -> None:
    confirm(seattle, owner)
    capture = take_picture()
    look(capture)
    assert tasks.settle_expressions() == 0  # the quarter hour is not over
    assert settle_expressions(now=SETTLED) == 1
    row = ExpressionQuarter.objects.get()
    assert (row.start, row.counts, row.settled) == (NOON, {"happy": 5}, True)
    assert {field.name for field in Sighting._meta.concrete_fields} == {
        *("id", "capture", "number", "person", "box", "confidence", "similarity")
    }
    recognise_again(capture=capture, now=LATER)
    look(capture)
    assert ExpressionQuarter.objects.get().counts == {"happy": 5}


def test_fewer_people_are_not_kept_however_often_they_are_seen(
    seattle: Site, owner: User, take_picture: TakePicture
) -> None:
    confirm(seattle, owner)
    for _ in range(3):
        look(take_picture(), faces=2)
    assert ExpressionQuarter.objects.get().counts == {"happy": 6}
    assert settle_expressions(now=SETTLED) == 0
    assert not ExpressionQuarter.objects.exists()


def test_five_who_were_recognised_one_after_the_other_are_five_people(
    seattle: Site, owner: User, take_picture: TakePicture
) -> None:
    confirm(seattle, owner)
    for number in range(5):
        capture = take_picture()
        look(capture, faces=1)
        Sighting.objects.filter(capture=capture).update(person=create_person(site=seattle, name=f"P{number}"))
    assert settle_expressions(now=SETTLED) == 1


def test_ending_it_deletes_all_counts_of_the_site(
    seattle: Site, owner: User, seattle01: Device, chicago01: Device
) -> None:
    confirm(seattle, owner)
    for device in (seattle01, chicago01):
        ExpressionQuarter.objects.create(device=device, start=NOON, counts={"calm": 5}, settled=True)
    assert withdraw_feelings(site=seattle) == 1
    assert ExpressionQuarter.objects.get().device == chicago01


def test_only_an_owner_confirms_and_only_everything(seattle: Site, owner: User, operator: User) -> None:
    with pytest.raises(FeelingsRefused, match="only an owner may confirm"):
        confirm(seattle, operator)
    with pytest.raises(FeelingsRefused, match="a public notice hangs"):
        confirm_feelings(
            site=seattle, jurisdiction="Utah", nobody_at_work_or_school=True, notice_is_public=False, by=owner, now=NOON
        )
    with pytest.raises(IntegrityError):
        FeelingsConfirmation.objects.create(
            site=seattle, jurisdiction="", nobody_at_work_or_school=True, notice_is_public=True, confirmed_by=owner,
            confirmed_at=NOON,
        )  # fmt: skip


def test_the_page_offers_the_thumb_first_and_records_name_and_date(owner: User, seattle: Site) -> None:
    client = Client()
    client.force_login(owner)
    page = client.get(PAGE).content.decode()
    assert page.index("A thumb up is what people say of themselves") < page.index("Confirm as an owner")
    refused = client.post(PAGE, {"jurisdiction": "Utah"})
    assert (refused.status_code, FeelingsConfirmation.objects.count()) == (400, 0)
    client.post(PAGE, TYPED)
    assert FeelingsConfirmation.objects.get().confirmed_by == owner
    assert AuditEntry.objects.filter(subject="expressions", action="added").exists()
    assert "by owner on" in client.get(PAGE).content.decode()
    client.post(PAGE, {"end": "yes"})
    assert not FeelingsConfirmation.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_migration_leaves_no_feeling_that_was_stored_before(seattle01: Device) -> None:
    """On the way back the column is there again, and empty."""
    device, executor = seattle01.pk, MigrationExecutor(connection)
    try:
        state: Any = executor.migrate([("faces", "0016_consent_desk")])
        capture = state.apps.get_model("faces", "Capture").objects.create(
            device_id=device, taken_at=NOON, received_at=NOON, key=1
        )
        sightings = state.apps.get_model("faces", "Sighting")
        sightings.objects.create(capture=capture, number=0, confidence=0.9, emotions={"sad": 0.9})
        forwards = MigrationExecutor(connection)
        forwards.migrate([("faces", "0017_no_feelings_without_an_owners_confirmation")])
        columns = {
            column.name
            for column in connection.introspection.get_table_description(connection.cursor(), "faces_sighting")
        }
        assert "emotions" not in columns
        assert Sighting.objects.count() == 1
    finally:
        latest = MigrationExecutor(connection)
        latest.migrate(latest.loader.graph.leaf_nodes())
