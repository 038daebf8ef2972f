"""The consent desk: photographs are checked at once and never lost, and a person agrees to a text of the site."""

import datetime as dt

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from devices.models import AuditEntry, Site
from devices.reading.picture_budget import budget_of
from devices.rest.throttling import RefusedThrottle
from faces import tasks
from faces.models import Consent, ConsentTemplate, EnrolmentPhoto, Face, Mode, Person
from faces.people.desk_links import make_link
from faces.recognisers.recogniser import RecogniserUnavailable
from faces.services import create_person, enrol, forget, set_policy
from tests import clock
from tests.faces import scenes
from tests.faces.conftest import agree
from tests.faces.desk.conftest import A_DAY_LATER, FACE, Desk, logged_in, photograph, shown
from tests.faces.scripted import NOTHING, Scripted, detections
from tests.world.pictures import png_that_claims

pytestmark = pytest.mark.django_db

PAGE = "/sites/seattle/people/enrol/"
SIGNATURE = "[[10,100,300,40,500,150]]"


@pytest.fixture
def desk(operator: User, scripted: Scripted) -> Desk:
    return Desk(logged_in(operator), PAGE)


def test_somebody_is_enrolled_by_three_photographs_and_a_typed_signature(
    desk: Desk, text: ConsentTemplate, operator: User
) -> None:
    said = desk.add(*(photograph(f"{number}.jpg", number) for number in range(3)))
    assert ("3 of 3" in said, said.count('class="good"')) == (True, 3)
    answer = desk.enrol(text, external_id="staff:4711", profile="Wrote the first program.\nLikes tea.")
    person = Person.objects.get()
    assert answer.headers["Location"] == f"/sites/seattle/people/{person.pk}/"
    assert (person.name, person.external_id, person.profile[-4:]) == ("Ada", "staff:4711", "tea.")
    consent = Consent.objects.get()
    assert (consent.signed_by, consent.recorded_by, consent.template, consent.on_own_device) == (
        *("Ada L.", operator, text),
        False,
    )
    assert consent.expires_at - consent.signed_at == dt.timedelta(days=100)
    assert text.text in consent.text
    assert not EnrolmentPhoto.objects.exists()
    assert AuditEntry.objects.filter(subject="consent", by=operator).exists()


def test_an_address_is_kept(desk: Desk, text: ConsentTemplate) -> None:
    desk.add(photograph())
    desk.enrol(text, email="ada@example.com")
    assert Person.objects.get().email == "ada@example.com"


def test_a_signature_may_be_drawn(desk: Desk, text: ConsentTemplate) -> None:
    desk.add(photograph())
    desk.enrol(text, signed_by="", strokes=SIGNATURE)
    consent = Consent.objects.get()
    assert (consent.signed_by, consent.strokes) == ("Ada", [[10, 100, 300, 40, 500, 150]])
    page = shown(desk.client.get(f"/sites/seattle/people/{consent.person_id}/"))
    assert 'd="M10 100L10 100 300 40 500 150"' in page


@pytest.mark.parametrize(
    "strokes", ["", "[]", "[[5,5,6,6]]", "[[1]]", "[[700,1,2,3]]", "nonsense", '{"a": 1}', "[" * 9999, "[[NaN,1]]"]
)
def test_an_empty_or_broken_signature_is_told_and_the_photographs_stay(
    desk: Desk, text: ConsentTemplate, strokes: str
) -> None:
    desk.add(photograph())
    answer = desk.enrol(text, signed_by="", strokes=strokes)
    assert (answer.status_code, 'role="alert"' in shown(answer), "1 of 3" in shown(answer)) == (400, True, True)
    assert (Person.objects.count(), EnrolmentPhoto.objects.count()) == (0, 1)


def test_each_bad_photograph_is_told_at_the_item_and_the_rest_goes_on(
    desk: Desk, text: ConsentTemplate, scripted: Scripted
) -> None:
    damaged = SimpleUploadedFile("damaged.jpg", scenes.jpeg(scenes.portrait())[:900], "image/jpeg")
    bomb = SimpleUploadedFile("bomb.png", png_that_claims(60_000, 60_000), "image/png")
    said = desk.add(damaged, bomb, photograph("good.jpg"))
    assert said.count('role="alert"') == 2
    assert "damaged.jpg: " in said
    assert "bomb.png: " in said
    assert "1 of 3" in said
    for faces, sentence in (
        (detections(FACE, (350, 60, 150, 150)), "shows 2 faces; crop it"),
        (NOTHING, "shows no face"),
        (detections((100, 60, 40, 40)), "needs at least 80 a side"),
    ):
        scripted.detections = faces
        assert sentence in desk.add(photograph(shade=len(sentence)))
    scripted.detections = detections(FACE)
    assert desk.enrol(text).status_code == 302
    assert Face.objects.count() >= 1


def test_whoever_is_enrolled_already_is_shown_beside_the_photograph(
    desk: Desk, seattle: Site, text: ConsentTemplate, scripted: Scripted
) -> None:
    bea = create_person(site=seattle, name="Bea")
    enrol(person=bea, consent=agree(bea), jpeg=photograph(shade=9).read(), now=clock.now(), recogniser=scripted)
    said = desk.add(photograph())
    assert f'href="{PAGE}?person={bea.pk}"' in said
    assert "Enrol as Bea" in said
    assert desk.enrol(text).status_code == 400
    kept = EnrolmentPhoto.objects.get()
    assert (kept.rival, "Bea" in kept.refused) == (bea, False)
    forget(person=bea, by=None)
    assert not EnrolmentPhoto.objects.exists()


def test_an_outage_loses_no_photograph_and_leaves_nobody(desk: Desk, text: ConsentTemplate, scripted: Scripted) -> None:
    desk.add(photograph())

    def away() -> None:
        raise RecogniserUnavailable("The recogniser does not answer.")

    for fault in ("before", "after_index"):
        before = getattr(scripted, fault)
        setattr(scripted, fault, away)
        answer = desk.enrol(text)
        assert (answer.status_code, "does not answer" in shown(answer)) == (400, True)
        assert (Person.objects.count(), EnrolmentPhoto.objects.count()) == (0, 1)
        setattr(scripted, fault, before)
    assert desk.enrol(text).status_code == 302


def test_a_reload_shows_the_photographs_again_and_nobody_else_gets_them(
    desk: Desk, text: ConsentTemplate, owner: User
) -> None:
    desk.add(photograph())
    assert "1 of 3" in shown(desk.client.get(desk.page))
    assert logged_in(owner).get(desk.page).status_code == 404
    assert logged_in(owner).post(desk.page, {"name": "Eve"}).status_code == 404
    removed = desk.client.post(desk.page, {"remove": EnrolmentPhoto.objects.get().pk}, headers={"X-Part": "photos"})
    assert "0 of 3" in shown(removed)


def test_photographs_of_an_enrolment_that_nobody_completes_go_after_a_day(
    desk: Desk, set_clock: clock.SetClock
) -> None:
    desk.add(photograph())
    assert tasks.remove_old_drafts() == 0
    set_clock(clock.now() + A_DAY_LATER)
    assert tasks.remove_old_drafts() == 1
    assert not EnrolmentPhoto.objects.exists()


def test_a_site_that_recognises_nobody_says_so_first(
    desk: Desk, seattle: Site, text: ConsentTemplate, owner: User
) -> None:
    assert "<strong>Seattle recognises nobody.</strong>" in shown(desk.client.get(desk.page))
    set_policy(site=seattle, mode=Mode.ENROLLED, confirmed_by=owner)
    assert "recognises nobody" not in shown(desk.client.get(desk.page))


def test_a_person_agrees_anew_without_photographs(
    desk: Desk, operator: User, seattle: Site, text: ConsentTemplate, scripted: Scripted
) -> None:
    bea = create_person(site=seattle, name="Bea")
    enrol(person=bea, consent=agree(bea), jpeg=photograph().read(), now=clock.now(), recogniser=scripted)
    answer = Desk(logged_in(operator), f"{PAGE}?person={bea.pk}").enrol(text, name="Bea", signed_by="Bea")
    assert answer.status_code == 302
    assert Face.objects.get().consent.template == text


def test_without_a_consent_text_nobody_is_enrolled(desk: Desk) -> None:
    assert "There is no consent text yet" in shown(desk.client.get(desk.page))


class TestOwnPhone:
    """People enrol themselves from their own phones by a link."""

    def test_a_link_lets_as_many_people_enrol_as_it_says(
        self, seattle: Site, owner: User, text: ConsentTemplate, scripted: Scripted, client: Client
    ) -> None:
        _, code = make_link(site=seattle, by=owner, now=clock.now(), template=text, uses=1)
        desk = Desk(client, f"/enrol/{code}/")
        assert text.purpose in shown(client.get(desk.page))
        desk.add(photograph())
        done = desk.enrol(text)
        assert (done.status_code, "Your own page" in shown(done)) == (200, True)
        consent = Consent.objects.get()
        assert (consent.on_own_device, consent.recorded_by, consent.person.name) == (True, owner, "Ada")
        assert client.get(f"/enrol/{code}/").status_code == 404

    def test_a_stranger_is_not_told_whom_the_face_matches(
        self, seattle: Site, owner: User, text: ConsentTemplate, scripted: Scripted, client: Client
    ) -> None:
        bea = create_person(site=seattle, name="Beatrix")
        enrol(person=bea, consent=agree(bea), jpeg=photograph().read(), now=clock.now(), recogniser=scripted)
        _, code = make_link(site=seattle, by=owner, now=clock.now(), template=text)
        said = Desk(client, f"/enrol/{code}/").add(photograph(shade=3))
        assert ("somebody who is enrolled" in said, "Beatrix" in said) == (True, False)

    def test_the_work_of_a_links_photographs_is_limited_before_they_are_decoded(
        self,
        seattle: Site,
        owner: User,
        text: ConsentTemplate,
        scripted: Scripted,
        client: Client,
        set_clock: clock.SetClock,
    ) -> None:
        set_clock(clock.now())
        link, code = make_link(site=text.site, by=owner, now=clock.now(), template=text)
        budget_of(f"enrolment {link.pk}", clock.now(), may_refuse=False)(10**9)
        assert "Many photographs came at once" in Desk(client, f"/enrol/{code}/").add(photograph())

    def test_a_link_keeps_no_more_photographs_than_its_people_need(
        self, text: ConsentTemplate, owner: User, scripted: Scripted, client: Client
    ) -> None:
        _, code = make_link(site=text.site, by=owner, now=clock.now(), template=text)
        for number in range(3):
            Desk(client, f"/enrol/{code}/").add(photograph(shade=number))
        answer = client.post(Desk(client, f"/enrol/{code}/").page, {"photos": photograph(shade=9), "keep": "yes"})
        assert (answer.status_code, "Many people are enrolling" in shown(answer)) == (400, True)
        assert EnrolmentPhoto.objects.count() == 3

    def test_a_code_ends_and_is_stored_nowhere(
        self, seattle: Site, owner: User, text: ConsentTemplate, client: Client, set_clock: clock.SetClock
    ) -> None:
        link, code = make_link(site=seattle, by=owner, now=clock.now(), template=text)
        assert code.replace("-", "") not in str(vars(link))
        typed = code.lower().replace("-", " ")
        opened = client.post("/me/", {"code": typed})
        assert client.get(opened.headers["Location"], follow=True).status_code == 200
        set_clock(clock.now() + dt.timedelta(days=8))
        assert client.get(f"/enrol/{code}/").status_code == 404

    def test_wrong_codes_shut_an_address_out(
        self, seattle: Site, owner: User, text: ConsentTemplate, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(RefusedThrottle, "THROTTLE_RATES", {"refused": "5/min"})
        _, code = make_link(site=seattle, by=owner, now=clock.now(), template=text)
        for number in range(5):
            assert client.get(f"/enrol/{number:012}/").status_code == 404
        assert client.get(f"/enrol/{code}/").status_code == 404
