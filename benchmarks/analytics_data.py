"""A month in front of one display, seen by cameras that look more or less often: the rows that the benchmark reads.

Frames and detections are copied into the real tables; tallies and episodes are made from them by the real rebuild.
"""

import datetime as dt
import random
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from tqdm import tqdm

DAYS = 30
ON = range(6, 22)
"""Hours (UTC) in which the camera is on."""
VISITS_A_DAY = 150
LONGEST_VISIT_S = 120
SECONDS = DAYS * len(ON) * 3600
THUMB_EVERY = 10
"""One visitor in so many holds up a thumb, for the visit's last seconds."""
THUMB_S = 4
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Visit:
    """Seconds since the day's first hour, and how many people came."""

    start: float
    end: float
    faces: int
    thumb: bool


def visits(day: int) -> list[Visit]:
    """The same whichever camera looks, in order and apart from each other."""
    chance = random.Random(day)
    starts = sorted(chance.uniform(0, len(ON) * 3600) for _ in range(VISITS_A_DAY))
    found: list[Visit] = []
    for number, start in enumerate(starts):
        start = max(start, found[-1].end + 30 if found else 0.0)
        end = start + chance.uniform(3, LONGEST_VISIT_S)
        found.append(Visit(start, end, chance.choice((1, 1, 1, 2, 3)), number % THUMB_EVERY == 0))
    return found


def frames(day: int, every: float) -> Iterator[tuple[float, int, bool]]:
    """Of a camera that looks every so many seconds: when after the day's first hour, how many faces, and a thumb."""
    found = visits(day)
    starts = [visit.start for visit in found]
    for number in range(int(len(ON) * 3600 / every)):
        at = number * every
        visit = found[max(0, bisect_right(starts, at) - 1)]
        here = visit.start <= at <= visit.end
        yield at, visit.faces * here, here and visit.thumb and at >= visit.end - THUMB_S


def load(count: int, *, last: dt.date) -> str:
    """Fill the connected database with so many frames of the days up to `last`; answers the address of their device."""
    from devices import services

    site = services.register_site(name="Benchmark", slug="benchmark", timezone="America/Chicago")
    device = services.register_device(site=site, name="Camera", thing_name="camera")
    every = SECONDS / count
    for day in tqdm(range(DAYS), desc=f"{count:,} frames", unit="day", disable=None):
        _copy_day(device.pk, day, dt.datetime.combine(last, dt.time(ON[0]), dt.UTC) - DAY * (DAYS - 1 - day), every)
    _rebuild(device)
    return device.get_absolute_url()


def _copy_day(device: int, day: int, first: dt.datetime, every: float) -> None:
    from django.db import connection

    rows = [(first + dt.timedelta(seconds=at), faces, thumb) for at, faces, thumb in frames(day, every)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM analytics_frame")
        ids = range(cursor.fetchone()[0] + 1, 2**62)
        numbered = list(zip(ids, rows, strict=False))
        names = "id, device_id, taken_at, received_at, key, faces"
        with cursor.copy(f"COPY analytics_frame ({names}) FROM STDIN") as to:
            for pk, (at, faces, _) in numbered:
                to.write(f"{pk}\t{device}\t{at}\t{at}\t{pk}\t{faces}\n")
        with cursor.copy("COPY analytics_detection (frame_id, label, confidence) FROM STDIN") as to:
            for pk, (_, faces, thumb) in numbered:
                for number in range(faces):
                    to.write(f"{pk}\tface\t{0.6 + (pk + number) % 40 / 100}\n")
                if thumb:
                    to.write(f"{pk}\tthumbs-up\t{0.6 + pk % 40 / 100}\n")


def _rebuild(device: object) -> None:
    """As `manage.py rebuild_tallies` does, and what a database of that age has done by itself."""
    from django.core.management import call_command
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE analytics_frame, analytics_detection")
    call_command("rebuild_tallies", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("SELECT setval('analytics_frame_id_seq', (SELECT max(id) FROM analytics_frame))")
