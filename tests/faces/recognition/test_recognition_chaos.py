"""Workers killed at any moment, tasks lost, the recogniser away: every picture ends done or failed, and none twice.

The workers' moments are chosen here and time is passed in; `make chaos` kills real ones.
"""

import datetime as dt
import random
import uuid
from collections import Counter
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django_q.models import OrmQ

from devices.models import Device, Site
from edge_agent.messages import Box
from faces.coffees.counting import count_coffees
from faces.erasure.retention import UNCLAIMED_FOR, forget_unclaimed_faces
from faces.models import Capture, Coffee, Face, Mode, Person, Sighting, State, UnclaimedFace
from faces.recognisers.recogniser import RecogniserUnavailable
from faces.recognition.recognising import MAX_ATTEMPTS
from faces.services import recognise, set_policy, sweep
from tests.faces import scenes
from tests.faces.conftest import NOON, TakePicture
from tests.faces.scripted import Scripted, detections

pytestmark = pytest.mark.django_db

PICTURE = scenes.jpeg(scenes.cat()[:40, :40].copy())
PICTURES = 60
STRANGERS = 8
"""So that the same one comes again and must be known."""

SOME = 20
KILLS = 100
MINUTE = dt.timedelta(minutes=1)
MOMENTS = ("look", "search", "index", "write", "after the commit")


def stranger(number: int) -> Box:
    return (100 * (number % STRANGERS), 100, 100, 100)


class Mortal(Scripted):
    """One worker's recogniser, over what the service keeps; at one moment the worker dies, and does nothing more."""

    def __init__(self, number: int, kept: dict[str, str], dies: str) -> None:
        left = stranger(number)[0]
        super().__init__(detections(stranger(number), cups=[(left + 20, 320, 60, 60)]), before=self.at("look"))
        self.kept, self.dies, self.is_dead = kept, dies, False
        self.after_identify, self.after_index = self.at("search"), self.at("index")

    def at(self, moment: str) -> Callable[[], None]:
        return lambda: self.live(moment)

    def live(self, moment: str) -> None:
        if self.is_dead or self.dies == moment:
            self.is_dead = True
            raise SystemExit(9)

    def forget(self, provider_ids: object, *, collection: str) -> None:
        self.live("forget")
        super().forget(provider_ids, collection=collection)  # type: ignore[arg-type]


@pytest.fixture
def captures(seattle: Site, seattle01: Device, owner: User, take_picture: TakePicture) -> list[Capture]:
    """Each ten minutes after the one before, so that each is a coffee."""
    set_policy(site=seattle, mode=Mode.EVERYONE, confirmed_by=owner, now=NOON)
    return [take_picture(PICTURE, at=NOON + 10 * number * MINUTE) for number in range(PICTURES)]


def tasks() -> list[uuid.UUID]:
    """What the queue holds, taken out."""
    found = [uuid.UUID(task.task["args"][0]) for task in OrmQ.objects.order_by("pk")]
    OrmQ.objects.all().delete()
    return found


def test_workers_killed_at_any_moment_lose_and_double_nothing(
    captures: list[Capture], monkeypatch: pytest.MonkeyPatch
) -> None:
    chance, now, kills = random.Random(1), NOON, Counter[str]()
    kept: dict[str, str] = {}
    numbers = {capture.pk: number for number, capture in enumerate(captures)}

    def work(capture_id: uuid.UUID) -> None:
        dies = chance.choice(MOMENTS) if kills.total() < KILLS else ""
        worker = Mortal(numbers[capture_id], kept, dies)
        with monkeypatch.context() as patched:
            patched.setattr("faces.recognition.recognising.count_coffees", watched(worker, "write"))
            patched.setattr("faces.recognition.recognising.greet", lambda *_: worker.live("after the commit"))
            try:
                recognise(capture_id=capture_id, now=now, recogniser=worker)
            except SystemExit:
                kills[dies] += 1

    while Capture.objects.exclude(state__in=(State.DONE, State.FAILED)).exists():
        for task in tasks():
            if chance.random() < 0.9:  # the others are lost
                work(task)
        now += MINUTE
        sweep(now=now)

    assert kills.total() == KILLS
    assert set(kills) == set(MOMENTS)
    assert_each_counts_once(kills)
    forget_unclaimed_faces_of(kept, now=now + UNCLAIMED_FOR, monkeypatch=monkeypatch)
    assert set(kept) == set(Face.objects.values_list("provider_id", flat=True)), "nobody is known without a trace"
    assert not UnclaimedFace.objects.exists()


def assert_each_counts_once(kills: Counter[str]) -> None:
    done, failed = (Capture.objects.filter(state=state) for state in (State.DONE, State.FAILED))
    assert done.count() + failed.count() == PICTURES
    assert done.count() > PICTURES / 2, kills
    assert all(capture.attempts == MAX_ATTEMPTS and "workers ended" in capture.reason for capture in failed)
    assert all(capture.reason == "" for capture in done)
    assert sorted(Sighting.objects.values_list("capture", flat=True)) == sorted(done.values_list("pk", flat=True))
    assert Coffee.objects.count() == done.count()
    assert Person.objects.count() == Face.objects.count()
    assert Person.objects.count() == len({sighting.box[0] for sighting in Sighting.objects.all()})
    assert all(coffee.person == Sighting.objects.get(pk=coffee.sighting_id).person for coffee in Coffee.objects.all())


def forget_unclaimed_faces_of(kept: dict[str, str], *, now: dt.datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    immortal = Mortal(0, kept, "")
    monkeypatch.setattr("faces.recognisers.recogniser.recogniser_by_name", lambda name: immortal)
    forget_unclaimed_faces(now=now)


def test_a_recogniser_that_is_away_for_an_hour_delays_every_picture_and_loses_none(captures: list[Capture]) -> None:
    now, back_at, asked = NOON, NOON + 60 * MINUTE, 0
    kept: dict[str, str] = {}
    captures = captures[:SOME]
    Capture.objects.exclude(pk__in=[capture.pk for capture in captures]).delete()
    numbers = {capture.pk: number for number, capture in enumerate(captures)}

    def away() -> None:
        raise RecogniserUnavailable("Away for an hour.")

    while Capture.objects.exclude(state=State.DONE).exists():
        for task in tasks():
            recogniser = Mortal(numbers[task], kept, "")
            recogniser.before = away if now < back_at else recogniser.before
            recognise(capture_id=task, now=now, recogniser=recogniser)
            asked += now < back_at
        assert not Capture.objects.filter(state=State.FAILED).exists()
        assert now < back_at + 3 * 60 * MINUTE, "the last retry comes two hours after the one before"
        now += MINUTE
        sweep(now=now)

    assert asked >= 3 * SOME, "each was tried several times meanwhile"
    assert (Coffee.objects.count(), Sighting.objects.count()) == (SOME, SOME)
    assert Person.objects.count() == STRANGERS


def watched(worker: Mortal, moment: str) -> Callable[..., object]:
    def then(**given: object) -> object:
        counted = count_coffees(**given)  # type: ignore[arg-type]
        worker.live(moment)
        return counted

    return then
