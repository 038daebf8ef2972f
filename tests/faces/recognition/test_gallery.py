"""Whoever is enrolled is found at once, whoever is erased or withdraws is not, in every process."""

import datetime as dt
import os
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from devices.models import Device, Site
from edge_agent.vision.files import ROOT
from faces.enrolment.enrolment import save_face
from faces.models import Consent, Face, GalleryChange, Method, Person
from faces.recognisers.recogniser import IndexedFace
from faces.recognition import gallery
from faces.recognition.gallery import CANDIDATES, WIDTH, SiteGallery
from faces.services import create_person, forget, withdraw_consent
from tests.devices.mqtt.test_ingest import database_url
from tests.faces.conftest import NOON, agree
from tests.faces.scripted import Scripted

RNG = np.random.default_rng(0)


class Local(Scripted):
    name = "local"


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    """Each test is a process that has held nothing."""
    gallery._cache.clear()
    yield
    gallery._cache.clear()


def embedding(seed: int) -> bytes:
    return np.random.default_rng(seed).normal(0, 0.1, WIDTH).astype("<f4").tobytes()


def consent_of(site: Site, name: str = "Ada", days: float = 365) -> Consent:
    return agree(create_person(site=site, name=name), days=days)


def enrolled(consent: Consent, seed: int) -> Face:
    return save_face(
        consent=consent, indexed=IndexedFace(f"face-{seed}", embedding(seed)), recogniser=Local(), now=NOON
    )


def found(site: Site, seed: int, *, now: dt.datetime = NOON, with_guests: bool = True) -> str | None:
    searched = SiteGallery(site=site, provider="local", now=now, with_guests=with_guests)
    nearest = searched.nearest(embedding(seed), within=0.6)
    return nearest[0] if nearest else None


def held_numbers(site: Site) -> int:
    """How many embeddings this process has in memory."""
    held = gallery._cache.get((site.pk, "local"))
    return len(held.vectors) if held else 0


@pytest.mark.django_db
class TestOneProcess:
    def test_nobody_is_found_where_nobody_is_known(self, seattle: Site) -> None:
        assert found(seattle, 1) is None
        assert SiteGallery(site=seattle, provider="local", now=NOON).is_empty

    def test_each_face_is_found_as_soon_as_it_is_there(self, seattle: Site) -> None:
        consent = consent_of(seattle)
        for seed in range(5):
            assert found(seattle, seed) is None
            enrolled(consent, seed)
            assert found(seattle, seed) == f"face-{seed}"

    def test_a_face_is_matched_at_its_own_site_only(self, seattle: Site, chicago: Site) -> None:
        enrolled(consent_of(seattle), 1)
        assert found(chicago, 1) is None

    def test_a_face_of_another_recogniser_is_not_in_the_gallery(self, seattle: Site) -> None:
        save_face(consent=consent_of(seattle), indexed=IndexedFace("elsewhere"), recogniser=Scripted(), now=NOON)
        assert found(seattle, 1) is None
        assert SiteGallery(site=seattle, provider="scripted", now=NOON).among(["elsewhere", "x"]) == {"elsewhere"}

    @pytest.mark.django_db(transaction=True)
    def test_whoever_is_erased_is_not_found_and_not_in_memory(self, seattle: Site) -> None:
        face, other = enrolled(consent_of(seattle), 1), enrolled(consent_of(seattle, "Bea"), 2)
        assert found(seattle, 1) == face.provider_id
        forget(person=face.person, by=None, now=NOON)
        assert held_numbers(seattle) == 1, "at once, without another search"
        assert found(seattle, 1) is None
        assert found(seattle, 2) == other.provider_id

    def test_whoever_withdraws_is_not_found(self, seattle: Site) -> None:
        face = enrolled(consent_of(seattle), 1)
        assert found(seattle, 1)
        withdraw_consent(consent=face.consent, now=NOON)
        assert found(seattle, 1) is None
        assert held_numbers(seattle) == 0

    def test_a_cascade_takes_the_face_out_as_well(self, seattle: Site) -> None:
        face = enrolled(consent_of(seattle), 1)
        assert found(seattle, 1)
        Person.objects.filter(pk=face.person.pk).delete()
        assert found(seattle, 1) is None
        assert held_numbers(seattle) == 0

    def test_a_consent_that_has_run_out_hides_the_face_and_nobody_behind_it(self, seattle: Site) -> None:
        for seed in range(CANDIDATES + 2):
            face = enrolled(consent_of(seattle, f"Person {seed}", days=2), seed)
            Face.objects.filter(pk=face.pk).update(embedding=embedding(1))
        behind = enrolled(consent_of(seattle, "Zoe"), 1000)
        Face.objects.filter(pk=behind.pk).update(embedding=(np.frombuffer(embedding(1), "<f4") + 0.01).tobytes())
        assert found(seattle, 1) != behind.provider_id
        assert found(seattle, 1, now=NOON + dt.timedelta(days=9)) == behind.provider_id

    def test_guests_are_left_out_where_the_site_has_none(self, seattle: Site) -> None:
        face = enrolled(consent_of(seattle), 1)
        Consent.objects.update(method=Method.OWNER)
        assert found(seattle, 1) == face.provider_id
        assert found(seattle, 1, with_guests=False) is None

    def test_a_rolled_back_enrolment_leaves_nothing_behind(self, seattle: Site) -> None:
        consent = consent_of(seattle)
        for seed in (1, 2):
            with transaction.atomic():
                enrolled(consent, seed)
                assert found(seattle, seed), "within the transaction it is there"
                transaction.set_rollback(True)
            assert found(seattle, seed) is None
            assert held_numbers(seattle) == 0
        enrolled(consent, 3)  # may get the number that the last one had
        assert found(seattle, 3) == "face-3"
        assert found(seattle, 2) is None

    def test_catching_up_costs_the_same_however_many_are_known(self, seattle: Site) -> None:
        consent = consent_of(seattle)

        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                found(seattle, 1)
            return len(captured)

        enrolled(consent, 1)
        found(seattle, 1)
        few = queries()
        for seed in range(2, 30):
            enrolled(consent, seed)
        found(seattle, 1)
        assert queries() == few == 2

    def test_an_idle_process_forgets_everything(self, seattle: Site) -> None:
        enrolled(consent_of(seattle), 1)
        found(seattle, 1)
        used_at = gallery._cache[seattle.pk, "local"].used_at
        gallery.drop_idle(now=used_at + gallery.KEPT_FOR_S - 1)
        assert held_numbers(seattle) == 1
        gallery.drop_idle(now=used_at + gallery.KEPT_FOR_S)
        assert held_numbers(seattle) == 0
        assert found(seattle, 1) == "face-1"

    def test_a_change_says_nothing_about_anybody(self, seattle: Site) -> None:
        face = enrolled(consent_of(seattle), 1)
        assert str(GalleryChange.objects.get()) == f"change of face {face.pk} at Seattle"


OTHER_PROCESS = """
import sys
from devices.models import Site
from tests.faces.recognition.test_gallery import found, held_numbers
seattle = Site.objects.get(slug="seattle")
for line in sys.stdin:
    print(found(seattle, int(line)), held_numbers(seattle), flush=True)
"""


@pytest.mark.django_db(transaction=True)
def test_a_search_finds_the_changes_of_other_processes(seattle01: Device) -> None:
    seattle, pipe = seattle01.site, subprocess.PIPE
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", OTHER_PROCESS]
    environment = os.environ | {"DATABASE_URL": database_url()}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, text=True) as process:

        def elsewhere(seed: int) -> str:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(f"{seed}\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        try:
            assert elsewhere(1) == "None 0"
            face = enrolled(consent_of(seattle), 1)
            enrolled(consent_of(seattle, "Bea"), 2)
            assert elsewhere(1) == "face-1 2"
            forget(person=face.person, by=None, now=NOON)
            assert elsewhere(1) == "None 1"
            withdraw_consent(consent=Consent.objects.get(), now=NOON)
            assert elsewhere(2) == "None 0"
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(timeout=120)
