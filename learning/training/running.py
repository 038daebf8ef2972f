"""Runs: started by people, carried out by workers step by step, stopped, resumed after a killed worker.

A run's row is the only copy of its state. A worker works for some seconds, stores how far it came, and enqueues the
run again, so that a long run neither hits the workers' timeout nor keeps pictures from being recognised.
"""

import datetime as dt
import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone
from django_q.tasks import async_task

from devices.faults.isolation import each
from edge_agent.learned import model_file
from edge_agent.vision.files import ModelsUnavailable
from learning.datasets.rights import check_operator
from learning.datasets.splitting import CannotSplit
from learning.evaluating.tables import FIGURES
from learning.models import OPEN_STATES, DataSet, Kind, Prediction, Run, State
from learning.training import gesture_runs, parameters, rigid_runs, thing_runs
from learning.training.gestures import CannotTrain
from learning.training.results import Result, StoppedElsewhere, StoredModel, Wait
from learning.training.sagemaker import account
from learning.training.sagemaker import runs as sagemaker_runs

if TYPE_CHECKING:
    from devices.models import User

log = logging.getLogger(__name__)

SLICE_SECONDS = 15.0
"""How long a worker works on a run before it lets other tasks have their turn."""

LONGEST_SECONDS = 900
"""How long one task may work on a run: training by dlib cannot be divided into slices."""

LEASE = dt.timedelta(seconds=LONGEST_SECONDS + 60)
"""How long a worker may hold a run: longer than the time after which it is killed."""

RESCUE_AFTER = dt.timedelta(minutes=2)
"""How long after a run was enqueued the sweep enqueues it again."""

MAX_ATTEMPTS = 4
RETRY_AFTER = dt.timedelta(seconds=30)
SWEPT_AT_ONCE = 50
MOST_OPEN_RUNS = 20
"""Runs of one site that wait or work at once."""


def start(
    *,
    data_set: DataSet,
    kind: Kind,
    by: "User | None",
    given: Mapping[str, Any],
    note: str = "",
    now: dt.datetime | None = None,
) -> Run:
    """Queue a run, and return it. Raises `ValidationError` for a wrong parameter, and `PermissionDenied`."""
    if by is not None:
        check_operator(data_set.site, by)
    cleaned = parameters.clean(PARAMETERS[kind], given)
    if kind == Kind.SAGEMAKER and not account.is_set_up():
        raise ValidationError(account.NOT_SET_UP)
    with transaction.atomic():
        open_runs = Run.objects.filter(data_set__site=data_set.site_id, state__in=OPEN_STATES).count()
        if open_runs >= MOST_OPEN_RUNS:
            raise ValidationError(f"{open_runs} runs of {data_set.site} wait or work already; stop one of them first.")
        run = _new(data_set, kind, by, note)
        run.parameters = cleaned
        run.next_try_at = (now or timezone.now()) + RESCUE_AFTER
        run.full_clean()
        run.save()
        transaction.on_commit(lambda: enqueue(run.pk))
    return run


def enter(
    *,
    data_set: DataSet,
    by: "User",
    given: Mapping[str, Any],
    figures: Mapping[str, float | None],
    seconds: float | None,
    note: str = "",
) -> Run:
    """Record the figures of a training elsewhere, beside which the runs here are compared.

    `figures` are `expected`, `true`, `false`, `mean_true` and `mean_false`. Raises `ValidationError`.
    """
    check_operator(data_set.site, by)
    expected, true, false = (figures.get(name) for name in FIGURES[:3])
    if None in (expected, true, false) or min(float(each or 0) for each in (expected, true, false)) < 0:
        raise ValidationError("Expected, true and false predictions must be numbers from 0.")
    if (true or 0) > (expected or 0):
        raise ValidationError("There cannot be more true predictions than expected ones.")
    for name in FIGURES[3:]:
        value = figures.get(name)
        if value is not None and not 0 <= value <= 1:
            raise ValidationError("A mean confidence must be 0 to 1.")
    with transaction.atomic():
        run = _new(data_set, Kind.ENTERED, by, note)
        run.state, run.progress, run.seconds = State.DONE, 1.0, seconds
        run.parameters, run.figures = dict(given), {name: figures.get(name) for name in FIGURES}
        run.finished_at = timezone.now()
        run.full_clean()
        run.save()
    return run


def _new(data_set: DataSet, kind: Kind, by: "User | None", note: str) -> Run:
    DataSet.objects.select_for_update().get(pk=data_set.pk)
    last = Run.objects.filter(data_set=data_set).aggregate(last=Max("number"))["last"] or 0
    return Run(data_set=data_set, number=last + 1, kind=kind, created_by=by, note=note)


def stop(*, run: Run, by: "User") -> None:
    """Stop a run; one that is being worked on ends at its next step. Raises `PermissionDenied`."""
    check_operator(run.data_set.site, by)
    Run.objects.filter(pk=run.pk, state=State.QUEUED).update(state=State.STOPPED, finished_at=timezone.now())
    Run.objects.filter(pk=run.pk, state=State.WORKING).update(stop_requested=True)


def delete(*, run: Run, by: "User") -> None:
    """Delete the run with its model and evaluation.

    Raises `PermissionDenied`; `ProtectedError` if a device uses it; `ValidationError` while its job may cost elsewhere.
    """
    check_operator(run.data_set.site, by)
    run.refresh_from_db(fields=["is_elsewhere"])
    if run.is_elsewhere:
        raise ValidationError(STILL_COSTS)
    run.delete()


def enqueue(run: int) -> None:
    """Enqueue the run. Never raises: the sweep enqueues what fails here."""
    try:
        async_task("learning.tasks.work_on_run", run, timeout=LONGEST_SECONDS)
    except Exception:
        log.exception("The run %d could not be enqueued; the sweep will enqueue it.", run)


def work(*, run_id: int, now: dt.datetime | None = None, seconds: float = SLICE_SECONDS) -> Run:
    """Work on a queued run for about so long, and return it with its new state.

    Does nothing unless the run is queued. What goes wrong is stored as the run's state and reason, and raises nothing.
    Raises `Run.DoesNotExist`.
    """
    now = now or timezone.now()
    claimed = Run.objects.filter(pk=run_id, state=State.QUEUED).update(
        state=State.WORKING, attempts=F("attempts") + 1, next_try_at=now + LEASE
    )
    run: Run = Run.objects.select_related("data_set__site").get(pk=run_id)
    if claimed:
        _attempt(run, now, seconds)
        run.refresh_from_db()
    return run


def sweep(*, now: dt.datetime) -> int:
    """Enqueue runs whose worker is gone or whose task was lost; fail those without attempts left. Return how many."""
    due = list(Run.objects.filter(state__in=OPEN_STATES, next_try_at__lte=now).order_by("next_try_at")[:SWEPT_AT_ONCE])
    return sum(1 for _ in each(due, partial(_rescue, now=now), what="rescuing the run"))


def _rescue(run: Run, *, now: dt.datetime) -> None:
    if run.attempts >= MAX_ATTEMPTS:
        _move(run, State.FAILED, now, f"{run.attempts} workers ended before they finished a step of the run.")
    elif _move(run, State.QUEUED, now + RESCUE_AFTER, run.reason):
        enqueue(run.pk)


STILL_COSTS = "The run's job at SageMaker is still being ended. Stop the run, and delete it some minutes later."


class Stopped(Exception):
    """Somebody has stopped the run, or another worker has taken it over."""


def _attempt(run: Run, now: dt.datetime, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    try:
        result = STEPS[run.kind](run, is_over=lambda: time.monotonic() >= deadline, tell=_teller(run, now))
    except (Stopped, StoppedElsewhere) as stopped:
        _move(run, State.STOPPED, now, str(stopped))
    except (CannotTrain, CannotSplit) as error:
        _move(run, State.FAILED, now, str(error))
    except ModelsUnavailable as error:
        _try_later(run, now, str(error))
    except Exception as error:
        log.exception("Work on the run %s failed.", run.pk)
        _try_later(run, now, f"Unexpected {type(error).__name__}; the workers' log has the details.")
    else:
        if isinstance(result, Wait):
            _move(run, State.QUEUED, now + dt.timedelta(seconds=result.seconds), "", attempts=0)
        elif result is None:
            # The step is done, so that the next one has all its attempts.
            if _move(run, State.QUEUED, now + RESCUE_AFTER, "", attempts=0):
                enqueue(run.pk)
        else:
            _finish(run, result, now)


def _teller(run: Run, now: dt.datetime) -> Callable[[float, str], None]:
    def tell(progress: float, step: str) -> None:
        """Store how far the run is. Raises `Stopped` if it is to be stopped, or is another worker's now."""
        mine = Run.objects.filter(pk=run.pk, state=State.WORKING, attempts=run.attempts, stop_requested=False)
        if not mine.update(progress=progress, step=step, next_try_at=timezone.now() + LEASE):
            raise Stopped

    return tell


def _finish(run: Run, result: Result, now: dt.datetime) -> None:
    model = result.model if isinstance(result.model, StoredModel) else _stored(result.model)
    with transaction.atomic():
        values: dict[str, Any] = {
            "progress": 1.0,
            "step": "",
            "finished_at": timezone.now(),
            "seconds": (run.seconds or 0.0) + result.seconds,
            "labels": list(result.labels),
            "silent": list(result.silent),
            "threshold": result.threshold,
            "trained_pictures": dict(result.trained),
            "split": dict(result.split),
            "warnings": list(result.warnings),
            "curve": [list(point) for point in result.curve],
            "not_found": dict(result.not_found),
            "model_file": model.name,
            "model_sha256": model.sha256,
            "model_bytes": model.bytes,
        }
        if _move(run, State.DONE, now, "", **values) and result.predictions is not None:
            Prediction.objects.filter(run=run).delete()
            Prediction.objects.bulk_create([Prediction(run=run, **each) for each in result.predictions], batch_size=500)


def _stored(content: bytes) -> StoredModel:
    sha256 = model_file.sha256(content)
    name = f"models/{sha256}.model"
    if not default_storage.exists(name):
        default_storage.save(name, ContentFile(content))
    return StoredModel(name, sha256, len(content))


def _try_later(run: Run, now: dt.datetime, reason: str) -> None:
    if run.attempts >= MAX_ATTEMPTS:
        _move(run, State.FAILED, now, f"Given up after {run.attempts} attempts: {reason}")
    else:
        _move(run, State.QUEUED, now + RETRY_AFTER * run.attempts, reason)


def _move(run: Run, state: State, next_try_at: dt.datetime, reason: str, **values: Any) -> bool:
    """Set the state unless another worker has changed the row; return whether it was set."""
    if state in (State.FAILED, State.STOPPED):
        values = {"finished_at": timezone.now(), **values}
    unchanged = Run.objects.filter(pk=run.pk, state=run.state, attempts=run.attempts)
    return bool(unchanged.update(state=state, next_try_at=next_try_at, reason=reason, **values))


PARAMETERS: dict[str, tuple[parameters.Parameter, ...]] = {
    Kind.GESTURE: parameters.GESTURE,
    Kind.THING: parameters.THING,
    Kind.RIGID: parameters.RIGID,
    Kind.SAGEMAKER: parameters.SAGEMAKER,
}
"""The hyper-parameters of each kind of run that is carried out here."""

STEPS: dict[str, Callable[..., Result | Wait | None]] = {
    Kind.GESTURE: gesture_runs.advance,
    Kind.THING: thing_runs.advance,
    Kind.RIGID: rigid_runs.advance,
    Kind.SAGEMAKER: sagemaker_runs.advance,
}
"""What carries out the next steps of each kind of run."""
