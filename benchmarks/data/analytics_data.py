"""The rows of the analytics benchmark: a month of visits to one display, recorded at different frame rates.

PostgreSQL generates the rows hour by hour in the real tables, because fifty million frames would take Python an hour.
As many days are generated at a time as the machine has cores. The last day's tallies and episodes are then compared
with those of the real rebuild.
"""

import datetime as dt
import io
import os
import random
from bisect import bisect_right
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

from tqdm import tqdm

DAYS = 30
ON = range(6, 22)
"""Hours (UTC) in which the camera is on."""
VISITS_A_DAY = 150
LONGEST_VISIT_S = 120
HOUR_S = 3600
SECONDS = DAYS * len(ON) * HOUR_S
THUMB_EVERY = 10
"""Every tenth visitor holds up a thumb, for the last `THUMB_S` seconds of the visit."""
THUMB_S = 4
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Visit:
    """A visit: its start and end in seconds since the beginning of the day's first hour, and its number of people."""

    start: float
    end: float
    faces: int
    thumb: bool


def visits(day: int) -> list[Visit]:
    """Return the day's visits in order, without overlap. They do not depend on the frame rate."""
    chance = random.Random(day)
    starts = sorted(chance.uniform(0, len(ON) * HOUR_S) for _ in range(VISITS_A_DAY))
    found: list[Visit] = []
    for number, start in enumerate(starts):
        start = max(start, found[-1].end + 30 if found else 0.0)
        end = start + chance.uniform(3, LONGEST_VISIT_S)
        found.append(Visit(start, end, chance.choice((1, 1, 1, 2, 3)), number % THUMB_EVERY == 0))
    return found


def frames(day: int, every: float) -> Iterator[tuple[float, int, bool]]:
    """Yield the frames of a camera that takes one every `every` seconds.

    Each is the seconds since the beginning of the day's first hour, the number of faces, and whether there is a thumb.
    """
    found = visits(day)
    starts = [visit.start for visit in found]
    for number in range(int(len(ON) * HOUR_S / every)):
        at = number * every
        visit = found[max(0, bisect_right(starts, at) - 1)]
        here = visit.start <= at <= visit.end
        yield at, visit.faces * here, here and visit.thumb and at >= visit.end - THUMB_S


def load(count: int, *, last: dt.date, days: int = DAYS) -> str:
    """Fill the connected database with `count` frames of the days up to `last`. Return the path of the device's page.

    There are a few more frames if `count` is no multiple of the hours.

    Raises `SystemExit` if a tally or episode differs from what the rebuild makes of the frames.
    """
    from devices import services

    site = services.register_site(name="Benchmark", slug="benchmark", timezone="America/Chicago")
    device = services.register_device(site=site, name="Camera", thing_name="camera")
    with tqdm(total=count, desc=f"{count:,} frames", unit="frame", unit_scale=True, disable=None) as bar:
        for made in _days(device.pk, count, last, days):
            bar.update(made)
    _check(last)
    return device.get_absolute_url()


def _days(device: int, count: int, last: dt.date, days: int) -> Iterator[int]:
    """Insert the rows of several days at a time, and yield each day's number of frames."""
    from devices.storage import partitions

    partitions.make(dt.datetime.combine(last, dt.time.min, dt.UTC) - DAY * day for day in range(days))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(partial(_make_day, device, count, last, days), range(days))


def _make_day(device: int, count: int, last: dt.date, days: int, day: int) -> int:
    """Insert the rows of a day hour by hour, by a connection of its own. Return the number of frames."""
    from django.db import connection

    seconds = days * len(ON) * HOUR_S
    # Integers avoid rounding errors: a frame at the next hour's first moment belongs to the next hour.
    edges = [-(-hour * HOUR_S * count // seconds) for hour in range(len(ON) + 1)]
    first = dt.datetime.combine(last, dt.time(ON[0]), dt.UTC) - DAY * (days - 1 - day)
    common = {"device": device, "every": seconds / count, "first": first, "ids": day * edges[-1] + 1}
    try:
        for begin, end in pairwise(edges):
            _make_hour(visits(day), {**common, "from": begin, "until": end})
        _run(_EPISODES, common)
    finally:
        connection.close()
    return edges[-1]


def _make_hour(found: list[Visit], asked: dict[str, Any]) -> None:
    from django.db import transaction

    columns = {name: [getattr(each, name) for each in found] for name in ("start", "end", "faces", "thumb")}
    with transaction.atomic():
        for statement in (_ALONE, _SEEN, _FRAMES, _DETECTED, _DETECTIONS, _ENGAGEMENT, _LABELS, _SHOWN):
            _run(statement, {**asked, **columns, "thumb_s": THUMB_S})


def _run(statement: str, asked: dict[str, Any]) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement, asked)


_ALONE = "SET LOCAL session_replication_role = replica; SET LOCAL jit = off"
"""Skips the checks of foreign keys, which saves half of the time, and JIT compilation, which these statements do not
need.
"""
_SEEN = """
CREATE TEMPORARY TABLE seen ON COMMIT DROP AS
WITH visit AS (
    SELECT * FROM unnest(%(start)s::float8[], %(end)s::float8[], %(faces)s::int[], %(thumb)s::bool[])
        AS visit (starts, ends, faces, thumb)
), here AS (
    SELECT number, faces, thumb AND number * %(every)s::float8 >= ends - %(thumb_s)s::float8 AS thumb
    FROM visit,
        generate_series(floor(starts / %(every)s::float8)::bigint, ceil(ends / %(every)s::float8)::bigint) AS number
    WHERE number * %(every)s::float8 BETWEEN starts AND ends
)
SELECT number + %(ids)s AS id, %(first)s + make_interval(secs => number * %(every)s::float8) AS taken_at,
    coalesce(faces, 0) AS faces, coalesce(thumb, false) AS thumb
FROM generate_series(%(from)s::bigint, %(until)s::bigint - 1) AS number LEFT JOIN here USING (number)
"""
_FRAMES = """
INSERT INTO analytics_frame (id, device_id, taken_at, received_at, key, faces)
SELECT id, %(device)s, taken_at, taken_at, id, faces FROM seen
"""
_DETECTED = """
CREATE TEMPORARY TABLE detected ON COMMIT DROP AS
SELECT id, taken_at, 'face' AS label, 0.6::float8 + (id + face) %% 40 / 100::float8 AS confidence
FROM (SELECT * FROM seen WHERE faces > 0) AS seen, generate_series(1, faces) AS face
UNION ALL SELECT id, taken_at, 'thumbs-up', 0.6::float8 + id %% 40 / 100::float8 FROM seen WHERE thumb
"""
_DETECTIONS = """
INSERT INTO analytics_detection (frame_id, device_id, taken_at, label, confidence)
SELECT id, %(device)s, taken_at, label, confidence FROM detected
"""
_ENGAGEMENT = """
INSERT INTO analytics_engagementquarter
    (device_id, start, frames, faces_sum, faces_peak, minutes_seen, minutes_occupied, minutes_told)
SELECT %(device)s, date_bin('15 minutes', taken_at, '2000-01-01Z') AS quarter, count(*), sum(faces), max(faces),
    bit_or(1 << date_part('minute', taken_at)::int %% 15),
    bit_or(CASE WHEN faces > 0 THEN 1 << date_part('minute', taken_at)::int %% 15 ELSE 0 END),
    bit_or(1 << date_part('minute', taken_at)::int %% 15)
FROM seen GROUP BY quarter
"""
_LABELS = """
INSERT INTO analytics_labelquarter
    (device_id, start, label, confidence_bin, count, rejected, confidence_millionths_sum)
SELECT %(device)s, date_bin('15 minutes', taken_at, '2000-01-01Z') AS quarter, label,
    least(19, millionths * 20 / 1000000) AS bin, count(*), 0, sum(millionths)
FROM (SELECT *, round(confidence * 1000000)::bigint AS millionths FROM detected) AS detected
GROUP BY quarter, label, bin
"""
_SHOWN = """
CREATE TEMPORARY TABLE IF NOT EXISTS shown (label text, taken_at timestamptz, number int, best float8);
INSERT INTO shown SELECT label, taken_at, count(*), max(confidence) FROM detected GROUP BY label, taken_at
"""
"""Collects the labels of a day's frames, from which `_EPISODES` makes the episodes."""
_EPISODES = """
WITH apart AS (
    SELECT *, taken_at - lag(taken_at) OVER of_label
        > CASE label WHEN 'face' THEN interval '20 s' ELSE interval '3 s' END AS begins
    FROM shown WINDOW of_label AS (PARTITION BY label ORDER BY taken_at)
), numbered AS (
    SELECT *, count(*) FILTER (WHERE begins) OVER (PARTITION BY label ORDER BY taken_at) AS episode FROM apart
)
INSERT INTO analytics_episode (device_id, label, started, ended, peak, confidence)
SELECT %(device)s, label, min(taken_at), max(taken_at), max(number), max(best) FROM numbered GROUP BY label, episode;
TRUNCATE shown
"""


def _check(last: dt.date) -> None:
    """Compare the last day with the real rebuild, after the vacuum and checkpoint that a running database has had."""
    from django.core.management import call_command
    from django.db import connection

    told = io.StringIO()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")
        cursor.execute("SELECT setval('analytics_frame_id_seq', (SELECT max(id) FROM analytics_frame))")
    # Otherwise the system writes the last gigabytes to the disk while pages are measured.
    os.sync()
    call_command("rebuild_tallies", since=last.isoformat(), stdout=told)
    if told.getvalue() != "Rebuilt 1 days of 1 devices: every tally was right.\n":
        raise SystemExit(f"The benchmark's tallies or episodes differ from those of the rebuild: {told.getvalue()}")
