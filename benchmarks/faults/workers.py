"""The real `manage.py qcluster` recognises pictures of a person with a cup, while its processes are killed."""

import datetime as dt
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from django.db import close_old_connections, connection
from django.db.models import Count, Max
from django.utils import timezone
from tqdm import tqdm

from benchmarks.faults.ingester import ROOT, Standstill
from benchmarks.faults.ledger import Outcome
from devices.intake.batches import Batch
from devices.models import Device
from devices.reading.decoding import TakenPicture
from faces.coffees.counting import COOL_DOWN
from faces.models import Capture, Coffee, Mode, Person, Sighting, State
from faces.pictures import sink
from faces.recognisers.recogniser import recogniser_by_name
from faces.services import create_person, enrol, record_consent, set_policy, sweep
from tests.faces import scenes
from tests.world import places

STARTS_WITHIN_S = 120.0
"""Seconds within which Django and the models are loaded, on a busy machine."""

STANDS_STILL = 2.0
"""The time without progress after which a cluster is restarted, as a multiple of the time its latest start took. A real
watchdog would wait for minutes."""

ENDS_WITHIN_S = 300.0
FINISHED = (State.DONE, State.FAILED)


class Workers:
    """One cluster with one worker. It is restarted when it has ended or makes no progress, as by a supervisor."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self._environment = os.environ | environment | {"TASK_WORKERS": "1"}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self.restarts = -1
        self.crashes = 0
        """The number of times that the cluster ended although none of its processes was killed."""
        self._is_hurt = self._is_starting = False
        self._seen: object = None
        self._started_at = self._moved_at = time.monotonic()
        self._patience_s = STARTS_WITHIN_S

    def start(self) -> None:
        self.restarts += 1
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "manage.py", "qcluster"],
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._is_hurt, self._is_starting, self._seen = False, True, _moved()
        self._started_at = self._moved_at = time.monotonic()
        self._patience_s = STARTS_WITHIN_S

    def kill_one(self, chance: random.Random) -> None:
        """Kill one random process of the cluster, or all at once, with SIGKILL."""
        assert self._process is not None
        victim = chance.choice([*_descendants(self._process.pid), None])
        if victim is None:
            self.kill()
            self.start()
            return
        os.kill(victim, signal.SIGKILL)
        self._is_hurt = True

    def kill(self) -> None:
        """Kill all processes of the cluster with SIGKILL, including orphans."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def look_after(self) -> None:
        """Restart the cluster if it has ended or makes no progress. The sweep then retries its unfinished captures."""
        assert self._process is not None
        moved = _moved()
        if moved != self._seen:
            self._note_movement(moved)
        ended = self._process.poll() is not None
        self.crashes += ended and not self._is_hurt
        if not ended and time.monotonic() - self._moved_at < self._patience_s:
            return
        self.kill()
        sweep_as_if_later()
        self.start()

    def _note_movement(self, moved: object) -> None:
        self._seen, self._moved_at = moved, time.monotonic()
        if self._is_starting:
            self._is_starting = False
            self._patience_s = STANDS_STILL * (self._moved_at - self._started_at)


class Gallery:
    """A site where one person is enrolled. Each picture of her must become one coffee."""

    def __init__(self) -> None:
        self.device: Device = places.seattle01()
        person = self._enrolled()
        self.person_id = person.pk
        self._jpeg = scenes.jpeg(scenes.portrait_with_cup())
        self._newest = timezone.now()
        self.taken = 0

    def take(self, pictures: int) -> None:
        """Pass this many pictures to the intake, each with an earlier time than the one before.

        Nothing is passed if as many captures are unfinished, because sweeps would pile up.
        """
        if sum(_states().values()) - sum(_states().get(state, 0) for state in FINISHED) >= pictures:
            return
        now = timezone.now()
        batch = [
            TakenPicture(self.device, self._newest - number * 2 * COOL_DOWN, now, number, self._jpeg)
            for number in range(self.taken + 1, self.taken + pictures + 1)
        ]
        sink.take_in(Batch(pictures=batch))()
        self.taken += pictures

    def _enrolled(self) -> Person:
        now, site = timezone.now(), self.device.site
        set_policy(site=site, mode=Mode.ENROLLED, confirmed_by=places.superuser(), now=now)
        person = create_person(site=site, name="Ada")
        consent = record_consent(
            person=person,
            text="I agree.",
            text_version="1",
            method="paper",
            signed_by="Ada",
            signed_at=now - dt.timedelta(days=1),
            expires_at=now + dt.timedelta(days=365),
        )
        enrol(
            person=person,
            consent=consent,
            jpeg=scenes.jpeg(scenes.portrait()),
            now=now,
            recogniser=recogniser_by_name("local"),
        )
        return person


def sweep_as_if_later() -> None:
    """Run the sweep with a time at which all unfinished captures are due, instead of waiting for that time."""
    close_old_connections()
    unfinished = Capture.objects.exclude(state__in=FINISHED)
    sweep(now=unfinished.aggregate(latest=Max("next_try_at"))["latest"] or timezone.now())


def wait_for_work(workers: Workers) -> None:
    """Wait until a worker is recognising a picture. Raises `Standstill` if none is in time."""
    deadline = time.monotonic() + ENDS_WITHIN_S
    while not _states().get(State.WORKING):
        workers.look_after()
        if time.monotonic() > deadline:
            raise Standstill(f"No worker took a picture within {ENDS_WITHIN_S:.0f} s.")
        time.sleep(0.02)


def finish(workers: Workers, pictures: int) -> None:
    """Wait, up to a limit, until every picture is done or failed."""
    deadline = time.monotonic() + ENDS_WITHIN_S
    with tqdm(total=pictures, desc="8 the rest", unit=" pictures", disable=None) as bar:
        while (done := sum(_states().get(state, 0) for state in FINISHED)) < pictures and time.monotonic() < deadline:
            bar.update(done - bar.n)
            workers.look_after()
            time.sleep(0.2)
        bar.update(done - bar.n)


def reconcile(gallery: Gallery) -> tuple[Outcome, int]:
    """Compare the pictures with the sightings and coffees. Return the outcome, and the number of failed pictures.

    Only failed pictures with a reason are included; failed pictures without a reason are lost.
    """
    states = _states()
    done = Capture.objects.filter(state=State.DONE)
    failed = Capture.objects.filter(state=State.FAILED).exclude(reason="").count()
    sightings = dict(done.annotate(seen=Count("sightings")).values_list("pk", "seen"))
    coffees = Coffee.objects.filter(person=gallery.person_id).count()
    others = Sighting.objects.exclude(capture__state=State.DONE).count()
    delays = [
        (recognised - received).total_seconds()
        for recognised, received in done.values_list("recognised_at", "received_at")
    ]
    outcome = Outcome(
        messages=gallery.taken,
        lost=gallery.taken - states.get(State.DONE, 0) - failed + max(len(sightings) - coffees, 0),
        doubled=sum(max(seen - 1, 0) for seen in sightings.values()) + max(coffees - len(sightings), 0) + others,
        quarantined=0,
        delays=sorted(delays),
    )
    return outcome, failed


def _states() -> dict[str, int]:
    close_old_connections()
    return dict(Capture.objects.order_by().values_list("state").annotate(Count("pk")))


def _moved() -> object:
    """Return a value that changes whenever a picture is begun or finished."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sum(attempts), count(*) FILTER (WHERE state IN ('done', 'failed')) FROM faces_capture")
        return cursor.fetchone()


def _descendants(pid: int) -> list[int]:
    """Return the ids of the process and of all its descendants."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(one for child in children for one in _descendants(int(child)))]
