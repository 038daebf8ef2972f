"""Pictures, strangers' faces and people are kept no longer than policy and consent say."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.test import Client

from devices.intake.batches import Batch, accept
from devices.models import Device, Heartbeat, QuarantinedMessage, Site
from devices.reading.decoding import Arrival, TakenPicture
from faces import tasks
from faces.erasure.retention import (
    UNCLAIMED_FOR,
    forget_faces_without_consent,
    forget_unclaimed_faces,
    remove_old_pictures,
    remove_quarantined_pictures,
)
from faces.erasure.unseen import NOTICE, announce_erasures, erase_announced, unseen_people
from faces.models import Capture, Erasure, ErasureNotice, Face, Mode, Person, SitePolicy, State, UnclaimedFace
from faces.pictures import sink
from faces.recognisers.recogniser import RecogniserUnavailable
from faces.services import create_person, finish_erasures, recognise, set_policy, set_retention, withdraw_consent
from tests import clock
from tests.faces import scenes
from tests.faces.conftest import LATER, NOON, TakePicture, agree
from tests.faces.scripted import Scripted, detections

pytestmark = pytest.mark.django_db

FACE = (100, 100, 100, 100)
OTHER_FACE = (600, 100, 100, 100)
ONE_WITH_CUP = detections(FACE, cups=[(120, 320, 60, 60)])
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """The recogniser of whoever asks for one by name."""
    recogniser = Scripted(ONE_WITH_CUP)
    monkeypatch.setattr("faces.recognisers.recogniser.recogniser_by_name", lambda name: recogniser)
    return recogniser


def known(site: Site, name: str, box: tuple[int, ...] = FACE, days: float = 365) -> Person:
    """Somebody enrolled by this face."""
    person = create_person(site=site, name=name)
    provider_id = f"headcount-site-{site.pk}/{box[0]}"
    Face.objects.create(consent=agree(person, days=days), provider="scripted", provider_id=provider_id)
    return person


def crop(device: Device, key: int = 1000) -> Capture:
    picture = TakenPicture(device, NOON, NOON, key, scenes.jpeg(scenes.cat()), shows="crop")
    sink.take_in(Batch(pictures=[picture]))()
    return Capture.objects.get(key=key)


def removed(now: dt.datetime) -> int:
    return sum(remove_old_pictures(now=now))


class TestPictures:
    def test_a_picture_goes_with_its_file_after_the_policys_hours_and_its_numbers_stay(
        self, seattle: Site, take_picture: TakePicture
    ) -> None:
        set_retention(site=seattle, picture_hours=48, unmatched_hours=1)
        capture = recognise(capture_id=take_picture().pk, now=LATER, recogniser=Scripted(ONE_WITH_CUP))
        name = str(capture.image)
        assert removed(NOON + 48 * HOUR - dt.timedelta(seconds=1)) == 0
        assert default_storage.exists(name)
        assert removed(NOON + 48 * HOUR) == 1
        capture.refresh_from_db()
        assert (str(capture.image), capture.state, capture.cups) == ("", State.DONE, 1)
        assert capture.sightings.count() == 1
        assert not default_storage.exists(name)

    def test_each_site_has_its_own_hours_and_without_a_policy_the_default_hours(
        self, seattle: Site, chicago01: Device, take_picture: TakePicture
    ) -> None:
        set_retention(site=seattle, picture_hours=1, unmatched_hours=1)
        take_picture()
        elsewhere = take_picture(device=chicago01)
        assert removed(NOON + 2 * HOUR) == 1
        assert Capture.objects.exclude(image="").get() == elsewhere
        assert removed(NOON + 30 * DAY) == 1

    def test_a_strangers_face_goes_sooner_and_a_known_persons_does_not(
        self, seattle: Site, seattle01: Device, enrolled_only: None
    ) -> None:
        ada = known(seattle, "Ada")
        hers, strangers = crop(seattle01, 1), crop(seattle01, 2)
        recognise(capture_id=hers.pk, now=LATER, recogniser=Scripted(detections(FACE)))
        recognise(capture_id=strangers.pk, now=LATER, recogniser=Scripted(detections(OTHER_FACE)))
        assert removed(NOON + 24 * HOUR) == 1
        assert Capture.objects.exclude(image="").get() == hers
        assert hers.sightings.get().person == ada

    def test_while_it_is_off_every_face_is_a_strangers(self, seattle: Site, seattle01: Device) -> None:
        known(seattle, "Ada")
        recognise(capture_id=crop(seattle01).pk, now=LATER, recogniser=Scripted(detections(FACE)))
        assert removed(NOON + 24 * HOUR) == 1

    def test_what_was_not_recognised_in_time_fails_with_the_reason(
        self, seattle: Site, take_picture: TakePicture
    ) -> None:
        set_retention(site=seattle, picture_hours=5, unmatched_hours=1)
        capture = take_picture()
        assert removed(NOON + 5 * HOUR) == 1
        capture.refresh_from_db()
        assert capture.state == State.FAILED
        assert capture.reason == (
            "The picture was removed before it was recognised: the site's policy keeps it for 5 hours."
        )

    def test_an_interrupted_run_is_resumed(self, take_picture: TakePicture, monkeypatch: Any) -> None:
        for _ in range(3):
            take_picture()
        monkeypatch.setattr("faces.erasure.retention.AT_ONCE", 1)
        next(remove_old_pictures(now=NOON + 30 * DAY))
        assert Capture.objects.exclude(image="").count() == 2
        assert removed(NOON + 30 * DAY) == 2

    def test_a_file_that_is_gone_already_is_no_error(self, take_picture: TakePicture) -> None:
        default_storage.delete(str(take_picture().image))
        assert removed(NOON + 30 * DAY) == 1

    def test_the_hours_are_at_least_one(self, seattle: Site) -> None:
        with pytest.raises(ValidationError):
            set_retention(site=seattle, picture_hours=0, unmatched_hours=1)

    def test_the_hours_are_at_most_ten_years(self, seattle: Site) -> None:
        with pytest.raises(ValidationError):
            set_retention(site=seattle, picture_hours=99_999_999, unmatched_hours=1)

    def test_hours_that_no_calendar_holds_at_one_site_keep_no_other_sites_pictures(
        self, seattle: Site, chicago01: Device, take_picture: TakePicture
    ) -> None:
        SitePolicy.objects.create(site=seattle, picture_hours=99_999_999, unmatched_hours=2_147_483_647)
        kept, old = take_picture(), take_picture(device=chicago01)
        assert removed(NOON + 31 * DAY) == 1
        assert Capture.objects.exclude(image="").get() == kept != old

    def test_a_picture_that_cannot_be_removed_keeps_no_other_picture(
        self, take_picture: TakePicture, caplog: pytest.LogCaptureFixture
    ) -> None:
        bad, old = take_picture(), take_picture()
        Capture.objects.filter(pk=bad.pk).update(image="../outside.jpg")
        assert removed(NOON + 31 * DAY) == 1
        assert Capture.objects.exclude(image="").get() == bad != old
        assert f"The picture of capture {bad.pk} cannot be removed" in caplog.text

    def test_a_quarantined_picture_goes_at_the_end_of_a_strangers_term(
        self, seattle: Site, seattle01: Device, chicago01: Device
    ) -> None:
        set_retention(site=seattle, picture_hours=48, unmatched_hours=2)
        picture = b'{"image_string": "/9j/4AAQ no more", "face": 0.9}'
        for device, payload in ((seattle01, picture), (chicago01, picture), (seattle01, b'{"face": 17}')):
            accept([Arrival(f"$aws/things/{device.thing_name}/infer", payload, NOON)])
        accept([Arrival("dt/headcount/nobody/image", b"\xff\xd8\xff and so on", NOON)])
        assert remove_quarantined_pictures(now=NOON + 2 * HOUR - dt.timedelta(seconds=1)) == 0
        assert remove_quarantined_pictures(now=NOON + 2 * HOUR) == 1
        assert remove_quarantined_pictures(now=NOON + 24 * HOUR) == 2
        assert bytes(QuarantinedMessage.objects.get().payload) == b'{"face": 17}'
        assert Heartbeat.objects.get(process="quarantine").numbers == {"expired_pictures_total": 3}

    def test_the_workers_remove_quarantined_pictures(self, seattle01: Device) -> None:
        accept([Arrival("dt/headcount/nobody/image", b"{", clock.now() - 25 * HOUR)])
        assert tasks.remove_quarantined_pictures() == 1

    def test_the_workers_remove_old_pictures(self, take_picture: TakePicture) -> None:
        take_picture(received=clock.now() - 31 * DAY)
        assert tasks.remove_old_pictures() == 1


class TestFaces:
    def test_a_stranger_whom_a_killed_worker_made_known_is_forgotten(
        self, seattle: Site, owner: User, take_picture: TakePicture, scripted: Scripted
    ) -> None:
        set_policy(site=seattle, mode=Mode.EVERYONE, confirmed_by=owner, now=NOON)
        scripted.after_index = killed
        with pytest.raises(SystemExit), monkey(scripted, "forget", killed):
            recognise(capture_id=take_picture().pk, now=LATER, recogniser=scripted)
        assert (len(scripted.kept), UnclaimedFace.objects.count(), Face.objects.count()) == (1, 1, 0)
        assert forget_unclaimed_faces(now=LATER) == 0
        assert forget_unclaimed_faces(now=LATER + UNCLAIMED_FOR) == 1
        assert (scripted.kept, UnclaimedFace.objects.count()) == ({}, 0)

    def test_a_guest_is_claimed_and_stays(
        self, seattle: Site, owner: User, take_picture: TakePicture, scripted: Scripted
    ) -> None:
        set_policy(site=seattle, mode=Mode.EVERYONE, confirmed_by=owner, now=NOON)
        recognise(capture_id=take_picture().pk, now=LATER, recogniser=scripted)
        assert forget_unclaimed_faces(now=LATER + DAY) == 0
        assert (len(scripted.kept), Face.objects.count()) == (1, 1)

    def test_an_outage_leaves_it_to_the_next_run(self, scripted: Scripted, monkeypatch: Any) -> None:
        UnclaimedFace.objects.create(note="n", provider="scripted", collection="c", since=NOON)
        scripted.kept["c/1"] = "n"
        with monkey(scripted, "forget", away), pytest.raises(RecogniserUnavailable):
            forget_unclaimed_faces(now=LATER + DAY)
        assert forget_unclaimed_faces(now=LATER + DAY) == 1
        assert tasks.forget_unclaimed_faces() == 0

    def test_faces_go_when_their_consent_is_over(self, seattle: Site, scripted: Scripted) -> None:
        known(seattle, "Ada", FACE, days=10)
        known(seattle, "Bea", OTHER_FACE)
        assert (forget_faces_without_consent(now=NOON), Face.objects.count()) == (0, 2)
        assert forget_faces_without_consent(now=NOON + 10 * DAY) == 0
        assert Face.objects.get().person.name == "Bea"
        assert scripted.forgotten == [f"headcount-site-{seattle.pk}/{FACE[0]}"]

    def test_a_withdrawal_during_an_outage_is_finished(self, seattle: Site, scripted: Scripted) -> None:
        person = known(seattle, "Ada")
        with monkey(scripted, "forget", away):
            with pytest.raises(RecogniserUnavailable):
                withdraw_consent(consent=person.consents.get(), now=NOON)
            assert forget_faces_without_consent(now=LATER) == 1
        assert tasks.forget_faces_without_consent() == 0
        assert not Face.objects.exists()


class TestUnseen:
    def test_who_is_unseen_for_the_consents_term_is_announced_and_then_erased(
        self, seattle: Site, scripted: Scripted
    ) -> None:
        person = known(seattle, "Ada", days=100)
        signed_at = NOON - DAY
        assert announce_erasures(now=signed_at + 100 * DAY - HOUR) == 0
        due = signed_at + 100 * DAY
        assert [(one.person, one.last_seen_at, one.erase_at) for one in unseen_people(now=due)] == [
            (person, signed_at, due + NOTICE)
        ]
        assert not ErasureNotice.objects.exists()
        assert announce_erasures(now=due) == 1
        assert list(erase_announced(now=due + NOTICE - HOUR)) == []
        assert announce_erasures(now=due + NOTICE) == 1
        assert list(erase_announced(now=due + NOTICE)) == [True]
        assert (Person.objects.count(), Face.objects.count(), ErasureNotice.objects.count()) == (0, 0, 0)
        assert (Erasure.objects.get().erased_by, Erasure.objects.get().erased_at) == (None, due + NOTICE)

    def test_being_seen_or_agreeing_anew_takes_the_announcement_back(
        self, seattle: Site, enrolled_only: None, take_picture: TakePicture, scripted: Scripted
    ) -> None:
        ada, bea = known(seattle, "Ada", days=100), known(seattle, "Bea", OTHER_FACE, days=100)
        due = NOON + 99 * DAY
        assert announce_erasures(now=due) == 2
        capture = take_picture(at=due - 2 * DAY)
        recognise(capture_id=capture.pk, now=due - 2 * DAY, recogniser=scripted)
        assert ada.sightings.count() == 1
        agree(bea, signed_at=due)
        assert list(erase_announced(now=due + NOTICE)) == []
        assert announce_erasures(now=due + DAY) == 0
        assert not ErasureNotice.objects.exists()

    def test_a_guest_ends_after_the_sites_term_although_seen_again(
        self, seattle: Site, owner: User, take_picture: TakePicture, scripted: Scripted
    ) -> None:
        policy = set_policy(site=seattle, mode=Mode.EVERYONE, confirmed_by=owner, now=NOON - 1000 * DAY)
        SitePolicy.objects.filter(pk=policy.pk).update(guest_days=10)
        recognise(capture_id=take_picture().pk, now=LATER, recogniser=scripted)
        again = take_picture(at=NOON + 9 * DAY, received=NOON + 9 * DAY)
        recognise(capture_id=again.pk, now=NOON + 9 * DAY, recogniser=scripted)
        assert Person.objects.get().sightings.count() == 2
        assert announce_erasures(now=LATER + 10 * DAY - HOUR) == 0
        assert announce_erasures(now=LATER + 10 * DAY) == 1

    def test_somebody_without_any_consent_has_no_term(self, seattle: Site) -> None:
        create_person(site=seattle, name="Ada")
        assert announce_erasures(now=NOON + 10_000 * DAY) == 0

    def test_an_erasure_interrupted_by_an_outage_is_noted_and_resumed(self, seattle: Site, scripted: Scripted) -> None:
        known(seattle, "Ada", days=100)
        later = NOON + 100 * DAY
        announce_erasures(now=later)
        with monkey(scripted, "forget", away):
            assert list(erase_announced(now=later + NOTICE)) == [False]
        assert "Away" in ErasureNotice.objects.get().problem
        assert list(erase_announced(now=later + NOTICE)) == [True]

    def test_an_erasure_that_fails_delays_nobody_elses(
        self, seattle: Site, scripted: Scripted, monkeypatch: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        bad, good = known(seattle, "Ada", days=1), known(seattle, "Bob", OTHER_FACE, days=1)
        for person in (bad, good):
            Erasure.objects.create(site=seattle, person_number=person.pk, requested_at=NOON, counts={}, digests=[])
        forgotten = scripted.forget

        def forget(provider_ids: Any, *, collection: str) -> None:
            if any(name.endswith("/100") for name in provider_ids):
                raise LookupError("a fault of this face alone")
            forgotten(provider_ids, collection=collection)

        monkeypatch.setattr(scripted, "forget", forget)
        assert finish_erasures(now=NOON) == 1
        assert Erasure.objects.get(erased_at=None).person_number == bad.pk
        assert "a fault of this face alone" in caplog.text

    def test_the_admin_shows_who_and_when_to_the_sites_own_staff(
        self, seattle: Site, superuser: User, viewer: User, outsider: User
    ) -> None:
        known(seattle, "Ada", days=100)
        announce_erasures(now=NOON + 100 * DAY)
        notice = ErasureNotice.objects.get()
        client = Client()
        client.force_login(superuser)
        page = client.get("/admin/faces/erasurenotice/").content.decode()
        assert "Ada" in page
        assert "Ada" not in str(notice)
        assert list(ErasureNotice.objects.all().for_user(viewer)) == [notice]
        assert not ErasureNotice.objects.all().for_user(outsider).exists()


class TestCommand:
    def test_it_changes_nothing_until_it_is_told_to_act(self, seattle: Site, scripted: Scripted) -> None:
        known(seattle, "Ada")
        consent = Person.objects.get().consents.get()
        consent.signed_at = clock.now() - 3 * DAY
        consent.expires_at = clock.now() - DAY
        consent.save()
        said = run()
        assert f"Ada at Seattle: last seen on {consent.signed_at:%Y-%m-%d}, erased after " in said
        assert "1 people. Nothing was changed" in said
        assert not ErasureNotice.objects.exists()
        assert run("--act") == "1 announced.\n0 erased.\n"
        ErasureNotice.objects.update(erase_at=clock.now())
        with monkey(scripted, "forget", away), pytest.raises(CommandError, match="See the notices in the admin"):
            run("--act")
        assert tasks.erase_unseen() == 1
        assert not Person.objects.exists()


def run(*arguments: str) -> str:
    said = StringIO()
    call_command("erase_unseen", *arguments, stdout=said)
    return said.getvalue()


def killed(*_: Any, **__: Any) -> Any:
    raise SystemExit(9)


def away(*_: Any, **__: Any) -> Any:
    raise RecogniserUnavailable("Away.")


@contextmanager
def monkey(thing: object, name: str, value: object) -> Iterator[None]:
    """The thing with this in place of its own, for as long as it lasts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(thing, name, value)
        yield
