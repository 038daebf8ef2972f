"""`python -m benchmarks.restoring`: how long a backup of five million frames takes, and its restore.

The database is a durable PostgreSQL with as many frames of twenty cameras, and a detection on every fourth. `manage.py
backup` and `restore` run as docs/backups.md says, into a second PostgreSQL, and the rows of both are counted. Prints a
table and writes `benchmarks/results/restoring.json`.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import psycopg

from benchmarks.tools import production, report, results, stand
from tests.programs import postgres

MB = 2**20
TABLES = ("analytics_frame", "analytics_detection")
WORLD = """
import datetime as dt
from django.db import connection
from django.utils import timezone
from devices import services
from devices.storage import partitions
site = services.register_site(name="Seattle", slug="seattle", timezone="UTC")
cameras = [services.register_device(site=site, name=f"Camera{{n}}", thing_name=f"camera-{{n}}").pk for n in range(20)]
end = timezone.now()
partitions.make([end - dt.timedelta(days=day) for day in range(400)])
with connection.cursor() as cursor:
    cursor.execute(
        "INSERT INTO analytics_frame (device_id, taken_at, received_at, key, faces)"
        " SELECT (%s)[1 + i %% 20], %s - i * interval '1 second' / 4, %s - i * interval '1 second' / 4,"
        " hashint8extended(i, 1), i %% 3 FROM generate_series(1, {frames}) AS i",
        [cameras, end, end],
    )
    cursor.execute(
        "INSERT INTO analytics_detection (frame_id, device_id, taken_at, label, confidence, box)"
        " SELECT id, device_id, taken_at, 'face', 0.9, '[410, 120, 96, 118]' FROM analytics_frame WHERE id % 4 = 0"
    )
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--frames", type=int, default=5_000_000, help="(5,000,000)")
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="headcount-restoring-") as name,
        postgres.server(stand.DURABLE) as old,
        postgres.server(stand.DURABLE) as new,
    ):
        measured = measure(Path(name), old.url, new.url, asked.frames)
    print(f"{asked.frames:,} frames")
    print(report.table(measured))
    results.write(results.FOLDER / "restoring.json", measured)


def measure(folder: Path, old: str, new: str, frames: int) -> list[results.Measured]:
    """Fill the old database, back it up, and restore it into the new one. Raises `RuntimeError` if a row is missing."""
    environment = os.environ | production.environment(folder)
    here, there = environment | {"DATABASE_URL": old}, environment | {"DATABASE_URL": new}
    stand.run(["manage.py", "migrate", "--no-input", "--verbosity", "0"], here)
    stand.run(["manage.py", "shell", "--no-imports", "-c", WORLD.format(frames=frames)], here)
    key, backup = folder / "backup.key", folder / "headcount.age"
    public = stand.run(["manage.py", "backup", str(key), "--new-key"], here).split()[-1]
    began = time.monotonic()
    stand.run(["manage.py", "backup", str(backup), "--to", public], here)
    made = time.monotonic()
    stand.run(["manage.py", "restore", str(backup), "--key", str(key)], there)
    restored = time.monotonic()
    if (rows := counted(old)) != counted(new):
        raise RuntimeError(f"The restored database has {counted(new)} rows instead of {rows}.")
    return [
        report.told("rows of frames and detections", sum(rows), ""),
        report.told("backup", made - began, "s"),
        report.told("size of the backup", backup.stat().st_size / MB, "MB"),
        report.told("restore", restored - made, "s"),
    ]


def counted(url: str) -> list[int]:
    with psycopg.connect(url) as database:
        return [(database.execute(f"SELECT count(*) FROM {table}").fetchone() or (0,))[0] for table in TABLES]


if __name__ == "__main__":
    main()
