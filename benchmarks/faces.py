"""`python -m benchmarks.faces`: recognising captures, searching faces, and reading the leaderboard, on PostgreSQL.

A worker's code recognises captures with the local models, in turn with bare calls of the same models. Galleries of
1,000, 10,000 and 100,000 synthetic faces, drawn around real ones, are searched in memory. The largest gallery is also
searched through the database. The leaderboard is read from a database with a million coffees. Prints a table and writes
`benchmarks/results/faces.json`.
"""

import argparse
import datetime as dt
import os
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks.tools import report, results
from benchmarks.tools.results import Measured

GALLERIES = (1_000, 10_000, 100_000)
SEARCHES = 200
SEARCH_MS, RATIO, BOARD_MS = 20.0, 0.85, 50.0
SITES, PEOPLE, DAYS = 4, 1_000, 365
READS = 15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--captures", type=int, default=40, help="number of captures to recognise (40)")
    parser.add_argument("--coffees", type=int, default=1_000_000, help="number of coffees in the database (1,000,000)")
    parser.add_argument(
        "--faces", type=int, default=GALLERIES[-1], help="number of faces in the largest gallery (100,000)"
    )
    asked = parser.parse_args()
    sys.path[:0] = [str(results.ROOT), str(results.ROOT / "platform")]
    from tests.programs.postgres import server

    with server() as database, tempfile.TemporaryDirectory(prefix="headcount-faces-") as folder:
        prepare(database.url, folder)
        measured = [
            *captures(asked.captures),
            *searches([size for size in GALLERIES if size <= asked.faces]),
            *leaderboards(asked.coffees),
        ]
        from django.db import connection

        connection.close()
    print(report.table(measured))
    results.write(results.FOLDER / "faces.json", measured)


def prepare(url: str, folder: str) -> None:
    """Set up a platform on this database, with sites and devices."""
    from edge_agent.vision.files import models_folder

    os.environ |= {
        "MODELS_DIR": str(models_folder()),
        "DATA_DIR": folder,
        "DATABASE_URL": url,
        "DEBUG": "true",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "LOG_LEVEL": "ERROR",
    }
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from devices.services import register_device, register_site

    settings.DEBUG = False  # With DEBUG, Django would keep every query in memory.
    call_command("migrate", verbosity=0)
    for number in range(SITES):
        zone = ("America/Los_Angeles", "America/Chicago")[number % 2]
        site = register_site(name=f"Site {number}", slug=f"site-{number}", timezone=zone)
        register_device(site=site, name=f"C{number}", thing_name=f"thing-{number}")


def captures(count: int) -> Iterator[Measured]:
    """Compare a worker's time for a capture with that of the bare model calls, in turn and in one process."""
    from django.utils import timezone

    from faces.recognisers import recogniser as recognisers
    from faces.services import recognise
    from tests.faces import scenes

    local: Any = recognisers.recogniser_by_name("local")
    jpeg = scenes.jpeg(scenes.portrait_with_cup())
    _enrol_somebody(local)
    rgb = np.array(scenes.portrait_with_cup())
    box = local.detect(jpeg).faces[0].box
    wall: dict[str, list[float]] = {"worker": [], "bare": []}
    processor: dict[str, list[float]] = {"worker": [], "bare": []}

    def bare() -> None:
        local._faces.detect_quickly(rgb)
        local._objects.detect(rgb)
        local._embedder.embed(rgb, box)

    def recognise_now(pk: uuid.UUID) -> None:
        recognise(capture_id=pk, now=timezone.now())

    for pk in tqdm(_taken(jpeg, count), desc="Captures", leave=False):
        sides: dict[str, Callable[[], Any]] = {
            "bare": bare,
            "worker": partial(recognise_now, pk),
        }
        for side, work in sides.items():
            began, used = time.perf_counter(), time.process_time()
            work()
            wall[side].append(time.perf_counter() - began)
            processor[side].append(time.process_time() - used)
    _check_all_recognised(count)
    for name, times in (("", wall), (", by processor time", processor)):
        ratio = statistics.median(times["bare"]) / statistics.median(times["worker"])
        yield report.at_least(f"captures recognised, as a ratio to the bare model calls{name}", ratio, "", RATIO)
    yield report.told("captures recognised", 1 / statistics.median(wall["worker"]), "/s")


def _enrol_somebody(local: Any) -> None:
    from django.contrib.auth.models import User
    from django.utils import timezone

    from devices.models import Site
    from faces.models import Mode
    from faces.services import create_person, enrol, record_consent, set_policy
    from tests.faces import scenes

    now, site = timezone.now(), Site.objects.get(slug="site-0")
    admin = User.objects.create_superuser("admin")
    set_policy(site=site, mode=Mode.ENROLLED, confirmed_by=admin, now=now)
    ada, day = create_person(site=site, name="Ada"), dt.timedelta(days=1)
    consent = record_consent(
        person=ada,
        text="I agree.",
        text_version="1",
        method="paper",
        signed_by="Ada",
        signed_at=now - day,
        expires_at=now + 365 * day,
    )
    enrol(person=ada, consent=consent, jpeg=scenes.jpeg(scenes.portrait()), now=now, recogniser=local)


def _taken(jpeg: bytes, count: int) -> list[Any]:
    """Return the ids of new captures from the intake. An hour apart, each becomes a coffee, but greets nobody."""
    from django.db import transaction
    from django.utils import timezone

    from devices.intake.batches import Batch
    from devices.models import Device
    from devices.reading.decoding import TakenPicture
    from faces.models import Capture
    from faces.pictures import sink

    device, now = Device.objects.select_related("site").get(name="C0"), timezone.now()
    taken = [TakenPicture(device, now - dt.timedelta(hours=number + 1), now, number, jpeg) for number in range(count)]
    with transaction.atomic():
        sink.take_in(Batch(pictures=taken))()
    return list(Capture.objects.order_by("pk").values_list("pk", flat=True))


def _check_all_recognised(count: int) -> None:
    from faces.models import Coffee

    counted = Coffee.objects.exclude(person=None).count()
    if counted != count:
        sys.exit(f"Only {counted} of {count} captures became a coffee of the person in the picture.")


def searches(sizes: list[int]) -> Iterator[Measured]:
    from benchmarks.data.identities import Crowd, real
    from edge_agent.vision.faces import FaceDetector
    from edge_agent.vision.files import models_folder
    from edge_agent.vision.identity import SAME_PERSON, FaceEmbedder
    from faces.recognition.vectors import EmbeddingIndex

    crowd = Crowd(real(FaceDetector(models_folder(), threshold=0.6), FaceEmbedder(models_folder())))
    for size in tqdm(sizes, desc="Galleries", leave=False):
        people, gallery = crowd.gallery(size)
        chosen = np.random.default_rng(1).choice(len(people), min(SEARCHES, len(people)), replace=False)
        wanted = crowd.pictures(people[chosen])
        index, times = EmbeddingIndex(np.arange(size, dtype=np.int64), gallery), []
        for each in wanted:
            began = time.perf_counter()
            index.nearest(each, within=SAME_PERSON)
            times.append((time.perf_counter() - began) * 1000)
        yield report.below(f"{size:,} faces: a search, median", statistics.median(times), "ms", SEARCH_MS)
        if size == sizes[-1]:
            del index
            yield from _in_the_database(gallery, wanted)


def _in_the_database(gallery: np.ndarray, wanted: np.ndarray) -> Iterator[Measured]:
    """Measure searches as a worker makes them, including the queries for new faces and for the matching face."""
    from django.db import connection
    from django.utils import timezone

    from devices.models import Site
    from edge_agent.vision.identity import SAME_PERSON
    from faces.models import Consent, Face
    from faces.recognition.gallery import KEPT_FOR_S, SiteGallery, drop_idle

    consent, now = Consent.objects.get(), timezone.now()
    with connection.cursor() as cursor:
        columns = "(consent_id, provider, provider_id, embedding, created_at, picture_sha256)"
        with cursor.copy(f"COPY faces_face {columns} FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["int8", "varchar", "varchar", "bytea", "timestamptz", "varchar"])
            for number, embedding in enumerate(tqdm(gallery, desc="Faces", leave=False)):
                copy.write_row((consent.pk, "local", f"synthetic-{number}", embedding.tobytes(), now, ""))
        cursor.execute("ANALYZE")
    site = Site.objects.get(slug="site-0")
    # COPY does not notify this process of the new faces, and it still has the gallery of earlier searches in memory.
    drop_idle(now=time.monotonic() + KEPT_FOR_S)
    times, found = [], []
    for embedding in [wanted[0], *wanted]:
        began = time.perf_counter()
        gallery_now = SiteGallery(site=site, provider="local", now=timezone.now())
        found.append(gallery_now.nearest(embedding.tobytes(), within=SAME_PERSON))
        times.append((time.perf_counter() - began) * 1000)
    if not all(found):
        sys.exit(
            f"{found.count(None)} of {len(found)} searched faces were not found, although they are in the database."
        )
    size = f"{len(gallery):,} faces in the database"
    yield report.told(f"{size}: first search of a process, which reads them", times[0] / 1000, "s")
    yield report.below(f"{size}: a search, median", statistics.median(times[1:]), "ms", SEARCH_MS)
    face = Face.objects.filter(provider_id="synthetic-0").get()
    began = time.perf_counter()
    face.delete()
    yield report.told(f"{size}: one erased, and out of memory", (time.perf_counter() - began) * 1000, "ms")


def leaderboards(coffees: int) -> Iterator[Measured]:
    from django.utils import timezone

    from devices.models import Site
    from faces.coffees.leaderboard import leaderboard
    from faces.desk.leaderboard_pages import ROWS
    from faces.models.querysets import PERIODS

    now = timezone.now()
    fill(coffees, now)
    everywhere = list(Site.objects.all())
    for name, sites in (("all sites", everywhere), ("one site", everywhere[:1])):
        for period in PERIODS:
            times = []
            for _ in range(READS):
                began = time.perf_counter()
                leaderboard(sites=sites, period=period, now=now, limit=ROWS)
                times.append((time.perf_counter() - began) * 1000)
            what = f"leaderboard of {name}, {period}, beside {coffees:,} coffees: median"
            yield report.below(what, statistics.median(times), "ms", BOARD_MS)


def fill(coffees: int, now: dt.datetime) -> None:
    """Insert this many coffees of the last year, with their captures and sightings. A quarter have no person."""
    from django.db import connection

    from devices.models import Device, Site
    from faces.coffees import coffee_tallies
    from faces.models import Person

    sites = list(Site.objects.order_by("pk"))
    people = [Person(site=sites[number % SITES], name=f"Person {number}") for number in range(PEOPLE)]
    first = Person.objects.bulk_create(people)[0].pk
    device = Device.objects.earliest("pk").pk
    parts = (
        "CREATE TEMP TABLE drunk AS SELECT gen_random_uuid() AS capture, number, number % %(sites)s AS site, "
        "%(now)s - random() * %(days)s * interval '1 day' AS at, "
        "CASE WHEN random() < 0.75 THEN floor(power(random(), 2) * %(people)s / %(sites)s) END AS person "
        "FROM generate_series(1, %(coffees)s) AS number ORDER BY at",
        "INSERT INTO faces_capture (id, device_id, taken_at, received_at, key, shows, image, source_url, "
        "claimed_faces, state, attempts, next_try_at, reason) "
        "SELECT capture, %(device)s + site, at, at, number + 1000000, 'frame', '', '', '[]', 'done', 1, at, '' "
        "FROM drunk",
        "INSERT INTO faces_sighting (id, capture_id, number, person_id, confidence) SELECT number + 1000000, "
        "capture, 0, %(first)s + person * %(sites)s + site, 0.9 FROM drunk",
        "INSERT INTO faces_coffee (person_id, device_id, taken_at, sighting_id, voided, review_reason) SELECT "
        "%(first)s + person * %(sites)s + site, %(device)s + site, at, number + 1000000, false, '' FROM drunk",
    )
    given: dict[str, int | dt.datetime] = {"sites": SITES, "people": PEOPLE, "days": DAYS}
    given |= {"now": now, "coffees": coffees}
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # skips the checks of foreign keys
        for part in tqdm(parts, desc="Coffees", leave=False):
            cursor.execute(part.replace("number % %(", "number %% %("), given | {"first": first, "device": device})
        cursor.execute("SET session_replication_role = origin")
        coffee_tallies.rebuild()
        cursor.execute("VACUUM ANALYZE")


if __name__ == "__main__":
    main()
