"""Every capture ends done or failed with a reason, and none counts twice, whatever happens to its workers."""

import datetime as dt
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django_q.models import OrmQ

from devices.models import Device, Site
from edge_agent.vision.files import ROOT
from faces.models import Capture, Coffee, Consent, Face, Mode, Person, Sighting, State
from faces.pictures import storage
from faces.recognisers.recogniser import Recogniser, RecogniserUnavailable, UnusablePicture
from faces.recognition.examination import SMALLEST_GUEST
from faces.recognition.recognising import LEASE, MAX_ATTEMPTS, NEXT_RESCUE
from faces.services import (
    NotAgain,
    create_person,
    recognise,
    recognise_again,
    set_policy,
    sweep,
    void_coffee,
)
from tests.faces import scenes
from tests.faces.conftest import LATER, NOON, TakePicture, agree
from tests.faces.scripted import Scripted, detections

pytestmark = pytest.mark.django_db

FACE = (100, 100, 100, 100)
OTHER_FACE = (600, 100, 100, 100)
CUP = (120, 320, 60, 60)
OTHER_CUP = (620, 320, 60, 60)

ONE_WITH_CUP = detections(FACE, cups=[CUP])
TWO_WITH_CUPS = detections(FACE, OTHER_FACE, cups=[CUP, OTHER_CUP])


class TestWithTheRealModels:
    def test_the_enrolled_person_has_one_coffee(
        self, ada: Person, enrolled_only: None, take_picture: TakePicture, local: Recogniser
    ) -> None:
        capture = recognise(capture_id=take_picture().pk, now=LATER, recogniser=local)
        assert (capture.state, capture.cups, capture.attempts, capture.reason) == (State.DONE, 1, 1, "")
        coffee = Coffee.objects.get()
        assert (coffee.person, coffee.taken_at, coffee.sighting.capture) == (ada, NOON, capture)
        assert coffee.sighting.similarity is not None
        assert coffee.sighting.similarity > 0.4

    def test_at_another_site_the_same_person_is_anonymous(
        self, ada: Person, enrolled_only: None, chicago01: Device, take_picture: TakePicture, local: Recogniser
    ) -> None:
        recognise(capture_id=take_picture(device=chicago01).pk, now=LATER, recogniser=local)
        coffee = Coffee.objects.get()
        assert (coffee.person, coffee.device, coffee.sighting.similarity) == (None, chicago01, None)

    def test_without_a_cup_she_is_seen_and_has_no_coffee(
        self, ada: Person, enrolled_only: None, take_picture: TakePicture, local: Recogniser
    ) -> None:
        capture = recognise(capture_id=take_picture(scenes.jpeg(scenes.portrait())).pk, now=LATER, recogniser=local)
        assert [sighting.person for sighting in capture.sightings.all()] == [ada]
        assert (capture.cups, Coffee.objects.count()) == (0, 0)

    def test_a_cup_without_a_person_is_nobodys_coffee(
        self, enrolled_only: None, take_picture: TakePicture, local: Recogniser
    ) -> None:
        capture = take_picture(scenes.jpeg(scenes.cup_alone()))
        assert recognise(capture_id=capture.pk, now=LATER, recogniser=local).cups == 1
        assert not Coffee.objects.exists()

    def test_two_people_with_two_cups_are_two_coffees(self, take_picture: TakePicture, local: Recogniser) -> None:
        recognise(capture_id=take_picture(scenes.jpeg(scenes.two_with_cups())).pk, now=LATER, recogniser=local)
        assert Coffee.objects.filter(person=None).count() == 2

    def test_nobody_is_twice_in_one_picture(
        self, ada: Person, enrolled_only: None, take_picture: TakePicture, local: Recogniser
    ) -> None:
        capture = take_picture(scenes.jpeg(scenes.two_with_cups()))
        recognise(capture_id=capture.pk, now=LATER, recogniser=local)
        assert sorted(str(coffee.person) for coffee in Coffee.objects.all()) == ["Ada", "None"]

    def test_a_stranger_becomes_one_guest_where_everyone_does(
        self, seattle: Site, owner: User, take_picture: TakePicture, local: Recogniser
    ) -> None:
        set_policy(site=seattle, mode=Mode.EVERYONE, confirmed_by=owner, now=NOON)
        for minutes in (0, 10):
            capture = take_picture(at=NOON + dt.timedelta(minutes=minutes))
            recognise(capture_id=capture.pk, now=LATER + dt.timedelta(minutes=minutes), recogniser=local)
        guest = Person.objects.get()
        assert (guest.name, guest.guest_number) == ("Guest 1", 1)
        assert guest.coffees.count() == 2
        assert Face.objects.get().consent.signed_by == "owner"

    @pytest.mark.parametrize(("height", "guests"), [(SMALLEST_GUEST - 1, 0), (SMALLEST_GUEST, 1)])
    def test_a_face_that_is_too_small_to_be_known_again_makes_no_guest(
        self, seattle: Site, owner: User, take_picture: TakePicture, height: int, guests: int
    ) -> None:
        set_policy(site=seattle, mode=Mode.EVERYONE, confirmed_by=owner, now=NOON)
        seen = detections((100, 100, 40, height), cups=[(100, 190, 20, 20)])
        recognise(capture_id=take_picture().pk, now=LATER, recogniser=Scripted(seen))
        assert Person.objects.count() == guests
        assert Coffee.objects.count() == 1


class TestPolicies:
    def test_while_it_is_off_nobody_is_searched_or_indexed(self, seattle: Site, take_picture: TakePicture) -> None:
        recogniser = Scripted(TWO_WITH_CUPS)
        recognise(capture_id=take_picture().pk, now=LATER, recogniser=recogniser)
        assert (recogniser.searched, Face.objects.count()) == ([], 0)
        assert Coffee.objects.filter(person=None).count() == 2

    def test_enrolled_makes_no_guests(self, enrolled_only: None, take_picture: TakePicture) -> None:
        recognise(capture_id=take_picture().pk, now=LATER, recogniser=Scripted(TWO_WITH_CUPS))
        assert not Person.objects.exists()
        assert Coffee.objects.filter(person=None).count() == 2

    def test_guests_are_numbered_and_their_faces_forgotten_with_the_policy(
        self, seattle: Site, owner: User, take_picture: TakePicture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        scripted = Scripted(TWO_WITH_CUPS)
        monkeypatch.setattr("faces.recognisers.recogniser.recogniser_by_name", lambda name: scripted)
        set_policy(site=seattle, mode=Mode.EVERYONE, confirmed_by=owner, now=NOON)
        recognise(capture_id=take_picture().pk, now=LATER, recogniser=scripted)
        assert sorted(Person.objects.values_list("name", "guest_number")) == [("Guest 1", 1), ("Guest 2", 2)]
        set_policy(site=seattle, mode=Mode.ENROLLED, confirmed_by=owner, now=LATER)
        assert set(scripted.forgotten) == {f"headcount-site-{seattle.pk}/{face[0]}" for face in (FACE, OTHER_FACE)}
        assert (Face.objects.count(), Person.objects.count(), Coffee.objects.count()) == (0, 2, 2)
        assert set(Consent.objects.values_list("withdrawn_at", flat=True)) == {LATER}

    def test_no_guest_comes_in_by_a_policy_that_has_just_ended(
        self, seattle: Site, owner: User, take_picture: TakePicture
    ) -> None:
        set_policy(site=seattle, mode=Mode.EVERYONE, confirmed_by=owner, now=NOON)
        scripted = Scripted(ONE_WITH_CUP)
        scripted.after_index = lambda: set_policy(site=seattle, mode=Mode.OFF, confirmed_by=None)
        capture = take_picture()
        recognise(capture_id=capture.pk, now=LATER, recogniser=scripted)
        assert scripted.forgotten == [f"headcount-site-{seattle.pk}/{FACE[0]}"]
        assert recognise(capture_id=capture.pk, now=LATER, recogniser=Scripted(ONE_WITH_CUP)).state == State.DONE
        assert (Person.objects.count(), Coffee.objects.filter(person=None).count()) == (0, 1)

    def test_after_a_withdrawal_or_the_term_a_face_is_anybodys(
        self, seattle: Site, enrolled_only: None, take_picture: TakePicture
    ) -> None:
        for name, box, days in (("Ada", FACE, 2), ("Bob", OTHER_FACE, 365)):
            consent = agree(create_person(site=seattle, name=name), days=days)
            Face.objects.create(
                consent=consent, provider="scripted", provider_id=f"headcount-site-{seattle.pk}/{box[0]}"
            )
        first, second = take_picture(), take_picture(at=NOON + dt.timedelta(days=3))
        recognise(capture_id=first.pk, now=LATER, recogniser=Scripted(TWO_WITH_CUPS))
        assert people_in(first) == ["Ada", "Bob"]
        recognise(capture_id=second.pk, now=NOON + dt.timedelta(days=3), recogniser=Scripted(TWO_WITH_CUPS))
        assert people_in(second) == [None, "Bob"]


class TestStates:
    def test_a_capture_that_is_recognised_twice_counts_once(self, take_picture: TakePicture) -> None:
        capture, recogniser = take_picture(), Scripted(ONE_WITH_CUP)
        for _ in range(2):
            recognise(capture_id=capture.pk, now=LATER, recogniser=recogniser)
        assert (recogniser.detect_calls, Coffee.objects.count(), Sighting.objects.count()) == (1, 1, 1)

    def test_an_outage_is_outlived(self, take_picture: TakePicture) -> None:
        capture, now, attempts = take_picture(), LATER, 0
        while now < LATER + dt.timedelta(hours=1):
            recognise(capture_id=capture.pk, now=now, recogniser=away())
            attempts += 1
            capture.refresh_from_db()
            assert (capture.state, capture.attempts, capture.reason) == (State.QUEUED, attempts, "Away for an hour.")
            assert capture.next_try_at > now
            now = capture.next_try_at
        assert recognise(capture_id=capture.pk, now=now, recogniser=Scripted(ONE_WITH_CUP)).state == State.DONE

    def test_after_the_last_attempt_a_capture_fails_with_the_reason(self, take_picture: TakePicture) -> None:
        capture = take_picture()
        for _ in range(MAX_ATTEMPTS + 1):
            recognise(capture_id=capture.pk, now=LATER, recogniser=away())
        capture.refresh_from_db()
        assert (capture.state, capture.attempts) == (State.FAILED, MAX_ATTEMPTS)
        assert capture.reason == f"Given up after {MAX_ATTEMPTS} attempts: Away for an hour."

    def test_an_unusable_picture_fails_at_once(self, take_picture: TakePicture) -> None:
        recogniser = Scripted(before=raising(UnusablePicture("The picture cannot be decoded: it is a cat.")))
        capture = recognise(capture_id=take_picture().pk, now=LATER, recogniser=recogniser)
        assert (capture.state, capture.reason) == (State.FAILED, "The picture cannot be decoded: it is a cat.")

    def test_a_missing_picture_fails_with_a_reason(self, take_picture: TakePicture) -> None:
        capture = take_picture()
        storage.remove(str(capture.image))
        capture = recognise(capture_id=capture.pk, now=LATER, recogniser=Scripted())
        assert capture.state == State.FAILED
        assert "No such file" in capture.reason

    def test_a_fault_of_ours_is_tried_again_and_logged(
        self, take_picture: TakePicture, caplog: pytest.LogCaptureFixture
    ) -> None:
        capture = recognise(
            capture_id=take_picture().pk, now=LATER, recogniser=Scripted(before=raising(ZeroDivisionError("oops")))
        )
        assert (capture.state, capture.reason) == (
            State.QUEUED,
            "Unexpected ZeroDivisionError; the workers' log has the details.",
        )
        assert "oops" in caplog.text

    def test_who_was_slower_than_the_lease_writes_nothing(
        self, seattle: Site, owner: User, take_picture: TakePicture
    ) -> None:
        set_policy(site=seattle, mode=Mode.EVERYONE, confirmed_by=owner, now=NOON)
        capture = take_picture()

        def somebody_else_takes_over() -> None:
            sweep(now=LATER + LEASE)
            recognise(capture_id=capture.pk, now=LATER + LEASE, recogniser=Scripted(ONE_WITH_CUP))

        slow = Scripted(detections(OTHER_FACE, cups=[OTHER_CUP]), before=somebody_else_takes_over)
        capture = recognise(capture_id=capture.pk, now=LATER, recogniser=slow)
        assert (capture.state, capture.attempts, Coffee.objects.count(), Person.objects.count()) == (
            State.DONE,
            2,
            1,
            1,
        )
        assert slow.forgotten == [f"headcount-site-{seattle.pk}/{OTHER_FACE[0]}"]

    def test_an_old_picture_greets_nobody(
        self, ada: Person, enrolled_only: None, take_picture: TakePicture, local: Recogniser, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr("devices.mqtt.broker.publish", raising(AssertionError("somebody was greeted")))
        assert recognise(capture_id=take_picture().pk, now=LATER, recogniser=local).state == State.DONE


class TestSweep:
    def test_a_lost_task_is_found_once(self, take_picture: TakePicture) -> None:
        capture = take_picture()
        OrmQ.objects.all().delete()
        assert sweep(now=capture.next_try_at - dt.timedelta(seconds=1)) == 0
        assert sweep(now=capture.next_try_at) == 1
        assert [task.task["args"] for task in OrmQ.objects.all()] == [(str(capture.pk),)]
        assert sweep(now=capture.next_try_at + NEXT_RESCUE / 2) == 0

    def test_what_is_done_or_failed_is_left_alone(self, take_picture: TakePicture) -> None:
        done, failed = take_picture(), take_picture()
        recognise(capture_id=done.pk, now=LATER, recogniser=Scripted())
        recognise(capture_id=failed.pk, now=LATER, recogniser=Scripted(before=raising(UnusablePicture("No."))))
        assert sweep(now=LATER + dt.timedelta(days=1)) == 0

    def test_a_picture_that_kills_every_worker_fails(self, take_picture: TakePicture) -> None:
        capture, now = take_picture(), LATER
        for attempt in range(1, MAX_ATTEMPTS + 1):
            with pytest.raises(SystemExit):
                recognise(capture_id=capture.pk, now=now, recogniser=Scripted(before=raising(SystemExit(9))))
            capture.refresh_from_db()
            assert (capture.state, capture.attempts) == (State.WORKING, attempt)
            now += LEASE
            assert sweep(now=now) == 1
        capture.refresh_from_db()
        assert capture.state == State.FAILED
        assert capture.reason == f"{MAX_ATTEMPTS} workers ended before they finished the capture."


class TestAgain:
    def test_a_capture_can_be_recognised_anew_and_counts_once(self, take_picture: TakePicture) -> None:
        capture = take_picture()
        for _ in range(2):
            done = recognise(capture_id=capture.pk, now=LATER, recogniser=Scripted(TWO_WITH_CUPS))
            assert (done.state, done.attempts, Coffee.objects.count()) == (State.DONE, 1, 2)
            recognise_again(capture=capture, now=LATER)
        assert (Coffee.objects.count(), Sighting.objects.count()) == (0, 0)

    def test_a_reviewers_decision_stands(self, take_picture: TakePicture, operator: User) -> None:
        capture = take_picture()
        recognise(capture_id=capture.pk, now=LATER, recogniser=Scripted(ONE_WITH_CUP))
        void_coffee(coffee=Coffee.objects.get(), by=operator, reason="A can of paint.")
        with pytest.raises(NotAgain, match="was reviewed"):
            recognise_again(capture=capture)

    def test_a_queued_capture_is_not_queued_again(self, take_picture: TakePicture) -> None:
        with pytest.raises(NotAgain, match="already"):
            recognise_again(capture=take_picture())


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_is_killed_midway_is_replaced(take_picture: TakePicture) -> None:
    capture = take_picture()
    killed = subprocess.run([sys.executable, "-c", KILLED_MIDWAY, str(capture.pk)], env=same_database(), check=False)
    assert killed.returncode == -9
    capture.refresh_from_db()
    assert (capture.state, capture.attempts) == (State.WORKING, 1)
    assert sweep(now=LATER) == 0
    assert sweep(now=LATER + LEASE) == 1
    done = recognise(capture_id=capture.pk, now=LATER + LEASE, recogniser=Scripted(ONE_WITH_CUP))
    assert (done.state, done.attempts, Coffee.objects.count()) == (State.DONE, 2, 1)


@pytest.mark.django_db(transaction=True)
def test_of_two_workers_one_takes_the_capture(take_picture: TakePicture) -> None:
    capture, recogniser, start = take_picture(), Scripted(ONE_WITH_CUP), threading.Barrier(2)

    def work() -> None:
        start.wait()
        recognise(capture_id=capture.pk, now=LATER, recogniser=recogniser)
        connection.close()

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(work) for _ in range(2)]:
            done.result()
    capture.refresh_from_db()
    assert (recogniser.detect_calls, capture.attempts, Coffee.objects.count()) == (1, 1, 1)


KILLED_MIDWAY = f"""
import datetime, os, signal, sys, uuid
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "platform")!r}]
import django
django.setup()
from faces.services import recognise
from tests.faces.scripted import Scripted
die = Scripted(before=lambda: os.kill(os.getpid(), signal.SIGKILL))
recognise(capture_id=uuid.UUID(sys.argv[1]), now=datetime.datetime.fromisoformat({LATER.isoformat()!r}), recogniser=die)
"""


def same_database() -> dict[str, str]:
    """The environment of another program that works on this test's database and pictures."""
    chosen = connection.settings_dict
    if connection.vendor == "sqlite":
        url = f"sqlite:///{Path(chosen['NAME']).resolve()}"
    else:
        login = f"{quote(chosen['USER'])}:{quote(chosen['PASSWORD'])}"
        url = f"postgres://{login}@{quote(chosen['HOST'], safe='')}:{chosen['PORT']}/{chosen['NAME']}"
    return {**os.environ, "DATABASE_URL": url}


def people_in(capture: Capture) -> list[str | None]:
    return list(capture.sightings.order_by("number").values_list("person__name", flat=True))


def away() -> Scripted:
    return Scripted(before=raising(RecogniserUnavailable("Away for an hour.")))


def raising(error: BaseException) -> Any:
    def fail(*_: Any) -> None:
        raise error

    return fail
