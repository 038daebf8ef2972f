"""Runs: carried out in slices, resumed after a killed worker, stopped, and evaluated; the hands are told beforehand."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError

from devices.models import Site
from learning.datasets.reads import split_of
from learning.datasets.services import label_named
from learning.datasets.splitting import TRAIN
from learning.evaluating import reads
from learning.models import Annotation, DataSet, Kind, Picture, Prediction, Run, State
from learning.tasks import sweep_runs, work_on_run
from learning.training import hands, running
from learning.training.running import LEASE, MAX_ATTEMPTS
from tests import clock
from tests.edge_agent.learned.hands import hand
from tests.learning import samples

pytestmark = pytest.mark.django_db


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The runs that were enqueued, in order; no worker takes them."""
    enqueued: list[int] = []
    monkeypatch.setattr(running, "enqueue", enqueued.append)
    return enqueued


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let the hands of each picture be those of its name, as landmarks; return the pictures that were looked at."""
    looked: list[int] = []

    def look_at(picture: Picture, boxes: Iterator[Any]) -> None:
        looked.append(picture.pk)
        gesture, number = picture.name.split("/")[1].split("-")[0], picture.pk
        recording = sum(map(ord, picture.recording))
        found = hand(gesture, number, recording=recording)
        found = (found - found.min(axis=0)) / np.ptp(found, axis=0) * (40, 30, 10) + (10, 10, 0)
        picture.hands = [np.round(found, 2).tolist()]
        Picture.objects.filter(pk=picture.pk).update(hands=picture.hands)

    monkeypatch.setattr(hands, "look_at", look_at)
    return looked


@pytest.fixture
def taught(seattle: Site) -> DataSet:
    """A data set of two gestures with seven pictures each in three recordings."""
    made = samples.data_set()
    rows = [
        Picture(
            data_set=made,
            name=f"{recording}/{gesture}-{number}.jpg",
            recording=recording,
            sha256=f"{recording}{gesture}{number}",
            width=64,
            height=48,
            review="kept",
        )
        for recording in ("monday", "tuesday", "friday")
        for gesture in ("thumb", "palm")
        for number in range(7)
    ]
    labels = {name: label_named(data_set=made, name=name)[0] for name in ("thumb", "palm")}
    boxes = [
        Annotation(
            picture=row, label=labels[row.name.split("/")[1].split("-")[0]], left=10, top=10, width=40, height=30
        )
        for row in Picture.objects.bulk_create(rows)
    ]
    Annotation.objects.bulk_create(boxes)
    return made


def test_a_label_with_two_hands_is_left_out_and_named_and_the_others_are_learned(
    taught: DataSet, queued: list[int], looks: list[int]
) -> None:
    few, _ = label_named(data_set=taught, name="ok")
    rows = Annotation.objects.filter(picture__in=split_of(taught).keys(TRAIN)).order_by("pk")
    Annotation.objects.filter(pk__in=[row.pk for row in rows[:2]]).update(label=few)
    run = running.work(run_id=started(taught).pk)
    assert (run.state, run.reason, run.labels) == (State.DONE, "", ["palm", "thumb"])
    assert run.warnings[-1].startswith("“ok” was left out: only 2 hands of it were found")


def started(taught: DataSet, **given: Any) -> Run:
    return running.start(data_set=taught, kind=Kind.GESTURE, by=None, given=given)


def test_a_run_trains_evaluates_and_keeps_its_model(
    taught: DataSet, queued: list[int], looks: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        run = started(taught)
    assert queued == [run.pk]
    assert work_on_run(run.pk) == State.DONE
    run.refresh_from_db()
    assert run.labels == ["palm", "thumb"]
    assert run.progress == 1
    assert len(looks) == 42
    evaluation = reads.evaluate(run)
    assert evaluation is not None
    assert evaluation.table.expected == 14
    assert evaluation.table.true >= 13
    assert set(run.split.values()) == {"train", "validation"}
    assert run.model_bytes == len(run.model_file.open("rb").read())
    assert run.curve[-1][0] == 14


def test_a_run_is_reproducible_to_the_byte(taught: DataSet, queued: list[int], looks: list[int]) -> None:
    first, second = started(taught), started(taught)
    for run in (first, second):
        work_on_run(run.pk)
        run.refresh_from_db()
    rows = [
        list(Prediction.objects.filter(run=run).values_list("picture", "label", "confidence"))
        for run in (first, second)
    ]
    assert rows[0] == rows[1]
    assert first.number + 1 == second.number
    assert len(looks) == 42, "the second run finds the hands where the first one kept them"


def test_a_run_goes_on_where_its_slice_ended(taught: DataSet, queued: list[int], looks: list[int]) -> None:
    run = started(taught)
    assert running.work(run_id=run.pk, seconds=0).state == State.QUEUED
    done = len(looks)
    assert 0 < done < 42
    run.refresh_from_db()
    assert 0 < run.progress < 1
    assert run.attempts == 0, "a slice that made progress is no failed attempt"
    assert queued[-1] == run.pk
    while running.work(run_id=run.pk, seconds=0).state == State.QUEUED:
        pass
    assert len(looks) == 42
    assert Run.objects.get(pk=run.pk).state == State.DONE


def test_a_run_whose_worker_was_killed_is_resumed_by_the_sweep(
    taught: DataSet, queued: list[int], looks: list[int]
) -> None:
    run = started(taught)
    queued.clear()
    Run.objects.filter(pk=run.pk).update(state=State.WORKING, attempts=1, next_try_at=clock.now() - LEASE)
    assert sweep_runs() == 1
    assert queued == [run.pk]
    assert work_on_run(run.pk) == State.DONE


def test_a_run_that_kills_its_workers_again_and_again_fails_with_a_reason(taught: DataSet, queued: list[int]) -> None:
    run = started(taught)
    past = clock.now() - dt.timedelta(hours=1)
    Run.objects.filter(pk=run.pk).update(state=State.WORKING, attempts=MAX_ATTEMPTS, next_try_at=past)
    sweep_runs()
    run.refresh_from_db()
    assert (run.state, run.reason) == (State.FAILED, "4 workers ended before they finished a step of the run.")


def test_a_worker_that_lost_its_run_writes_nothing(
    taught: DataSet, queued: list[int], looks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = started(taught)
    real = hands.look_at

    def taken_over(picture: Picture, boxes: Any) -> None:
        real(picture, boxes)
        Run.objects.filter(pk=run.pk).update(attempts=7)

    monkeypatch.setattr(hands, "look_at", taken_over)
    work_on_run(run.pk)
    run.refresh_from_db()
    assert (run.state, run.attempts, run.model_sha256) == (State.WORKING, 7, "")


def test_a_stopped_run_ends_at_its_next_step(
    taught: DataSet, queued: list[int], looks: list[int], operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = started(taught)
    real = hands.look_at

    def stopping(picture: Picture, boxes: Any) -> None:
        real(picture, boxes)
        running.stop(run=run, by=operator)

    monkeypatch.setattr(hands, "look_at", stopping)
    assert work_on_run(run.pk) == State.STOPPED
    waiting = started(taught)
    running.stop(run=waiting, by=operator)
    assert Run.objects.get(pk=waiting.pk).state == State.STOPPED


def test_a_run_without_enough_pictures_says_why(seattle: Site, queued: list[int]) -> None:
    empty = started(samples.data_set("empty"))
    assert work_on_run(empty.pk) == State.FAILED
    empty.refresh_from_db()
    assert "at least two annotated pictures" in empty.reason


def test_an_unexpected_error_is_tried_again_and_then_told(
    taught: DataSet, queued: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(picture: Picture, boxes: Any) -> None:
        raise RuntimeError("no memory")

    monkeypatch.setattr(hands, "look_at", broken)
    run = started(taught)
    for _ in range(MAX_ATTEMPTS):
        work_on_run(run.pk)
    run.refresh_from_db()
    assert run.state == State.FAILED
    assert run.reason.startswith("Given up after 4 attempts: Unexpected RuntimeError")


def test_wrong_parameters_are_refused_by_name(taught: DataSet, operator: User) -> None:
    with pytest.raises(ValidationError) as refusal:
        running.start(data_set=taught, kind=Kind.GESTURE, by=operator, given={"strength": "much", "epochs": 3})
    assert set(refusal.value.message_dict) == {"strength", "epochs"}


def test_viewers_start_no_run(taught: DataSet, viewer: User) -> None:
    with pytest.raises(PermissionDenied):
        running.start(data_set=taught, kind=Kind.GESTURE, by=viewer, given={})


def test_entered_versions_stand_beside_ours_with_what_changed_and_the_best_marked(
    seattle: Site, operator: User
) -> None:
    into = samples.data_set("thumbs up")
    versions = [
        (10, 512, 30, 26, 7),
        (15, 300, 60, 20, 3),
        (15, 512, 60, 19, 5),
        (10, 512, 60, 29, 8),
        (10, 512, 90, 27, 11),
    ]
    for batch, shape, epochs, true, false in versions:
        running.enter(
            data_set=into,
            by=operator,
            given={"mini_batch_size": batch, "image_shape": shape, "epochs": epochs},
            figures={"expected": 30, "true": true, "false": false, "mean_true": 0.8, "mean_false": 0.5},
            seconds=950,
        )
    rows = reads.side_by_side(list(into.runs.order_by("number")))
    assert [row.is_best for row in rows] == [False, False, False, True, False]
    assert rows[1].changed == {"mini_batch_size": 15, "image_shape": 300, "epochs": 60}
    assert rows[3].changed == {"mini_batch_size": 10}
    with pytest.raises(ValidationError, match="more true predictions than expected"):
        running.enter(
            data_set=into, by=operator, given={}, figures={"expected": 1, "true": 2, "false": 0}, seconds=None
        )
