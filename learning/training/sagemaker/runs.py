"""The steps of a run at SageMaker: upload, train, fetch the model, host it, evaluate, take it down.

The run's row names the job and its endpoint before SageMaker is asked for them, so a killed worker leaves nothing at
SageMaker that costs and that nobody knows of.
"""

import datetime as dt
import hashlib
import logging
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec
from django.core.files import File
from django.core.files.storage import default_storage
from django.core.files.temp import NamedTemporaryFile
from django.db import transaction
from django.utils import timezone

from learning.datasets import pictures
from learning.datasets.reads import split_of
from learning.datasets.splitting import TRAIN, VALIDATION
from learning.evaluating.matching import match
from learning.models import OPEN_STATES, Picture, Prediction, Run
from learning.training.gesture_runs import LEAST_THRESHOLD, Tell, truths_of
from learning.training.gestures import CannotTrain
from learning.training.results import Result, StoppedElsewhere, StoredModel, Wait
from learning.training.rigid_runs import SAME_PLACE, rows_of
from learning.training.sagemaker import account, hosting, jobs, layout, prices
from learning.training.sagemaker.account import Refused, Unreachable

log = logging.getLogger(__name__)

POLL_SECONDS = 30.0
"""How often SageMaker is asked how far it is."""

PATIENCE = dt.timedelta(hours=24)
"""How much longer than the job may take AWS may be unreachable."""

UPLOADED_AT_ONCE = 10
"""Pictures between two notes of the progress."""

MOST_MODEL_BYTES = 2 * 1024**3
PIECE_BYTES = 1024 * 1024

CLEANED_AT_ONCE = 50

UPLOADED, TRAINED, HOSTED = 0.1, 0.8, 0.9
"""The progress when the data set is uploaded, when the job has ended, and when the endpoint answers."""


class Job(msgspec.Struct):
    """What is known of a run's job. Times are epoch seconds."""

    name: str
    prefix: str
    image: str
    began: float
    stage: str = "upload"
    """upload, train, fetch, host, judge or done."""
    uploaded: int = 0
    asked: bool = False
    """Whether SageMaker has confirmed that the job exists."""
    status: str = ""
    billable: int = 0
    artifact: str = ""
    hosted_from: float = 0.0
    hosted_seconds: float = 0.0
    judged: int = 0
    """The last picture of the evaluation that the endpoint has judged."""
    cost: float | None = None
    """US dollars, by the prices of `priced`."""
    priced: str = ""


def job_of(run: Run) -> Job | None:
    return msgspec.convert(run.job, Job) if run.job else None


def advance(run: Run, *, is_over: Callable[[], bool], tell: Tell) -> Result | Wait | None:
    """Do the next steps until `is_over`; return the result, `Wait` while SageMaker works, or None if steps are left.

    Raises `CannotTrain`, `CannotSplit` and `StoppedElsewhere`; `clean_up` then ends what is still at SageMaker.
    """
    account.check()
    job = job_of(run) or _begin(run)
    try:
        return _STEPS[job.stage](run, job, is_over, tell)
    except Unreachable as error:
        if _now() > job.began + 60 * _minutes(run) + PATIENCE.total_seconds():
            raise CannotTrain(f"{error}, and that for a day longer than the job may take.") from None
        tell(run.progress, f"{error}; it is tried again")
        return Wait(POLL_SECONDS)


def _minutes(run: Run) -> float:
    return float(run.parameters["max_minutes"]) + float(run.parameters["hosting_minutes"])


def _begin(run: Run) -> Job:
    split = split_of(run.data_set)
    name = f"{account.prefix()}{run.pk}-{secrets.token_hex(3)}"
    job = Job(name=name, prefix=f"{name}/", image=account.image(), began=_now())
    manifest = layout.plan(run.data_set, split, run.parameters)
    _keep(run, job, is_elsewhere=True)
    layout.store_manifest(manifest, job.prefix)
    return job


def _keep(run: Run, job: Job, **values: Any) -> None:
    """Store the job in the run's row. A run that another worker has taken over is left as it is."""
    run.job = msgspec.to_builtins(job)
    Run.objects.filter(pk=run.pk, state=run.state, attempts=run.attempts).update(job=run.job, **values)


def _upload(run: Run, job: Job, is_over: Callable[[], bool], tell: Tell) -> Wait | None:
    manifest = layout.load_manifest(job.prefix)
    total = len(manifest.pictures)
    while job.uploaded < total:
        tell(UPLOADED * job.uploaded / total, f"uploads pictures: {job.uploaded:,} of {total:,}")
        until = min(job.uploaded + UPLOADED_AT_ONCE, total)
        layout.upload(run.data_set, manifest, job.prefix, range(job.uploaded, until))
        job.uploaded = until
        _keep(run, job)
        if is_over():
            return None
    job.stage = "train"
    tell(UPLOADED, "starts the training job")
    _keep(run, job)
    return None


def _train(run: Run, job: Job, is_over: Callable[[], bool], tell: Tell) -> Wait | None:
    said = jobs.describe(job.name)
    if said is None:
        if job.asked:
            raise CannotTrain(f"SageMaker does not know the training job {job.name} any more.")
        tell(UPLOADED, "starts the training job")
        manifest = layout.load_manifest(job.prefix)
        asked = jobs.request(
            name=job.name,
            parameters=run.parameters,
            image=job.image,
            prefix=job.prefix,
            classes=len(manifest.labels),
            samples=len(manifest.keys(TRAIN)),
        )
        jobs.create(asked)
        job.asked = True
        _keep(run, job)
        return Wait(POLL_SECONDS)
    job.asked, job.status, job.billable = True, said.status, said.billable
    _keep(run, job)
    if said.status == "Failed":
        raise CannotTrain(f"SageMaker says that the training failed: {said.reason or 'without a reason'}")
    if said.status in ("Stopping", "Stopped"):
        if said.step == "MaxRuntimeExceeded":
            raise CannotTrain(
                f"The training was not done after {run.parameters['max_minutes']} minutes, the longest that was "
                "allowed."
            )
        raise StoppedElsewhere("The training job was stopped at SageMaker.")
    if said.status == "Completed":
        job.stage, job.artifact = "fetch", said.artifact
        _keep(run, job)
        return None
    share = min(said.trained / (60 * float(run.parameters["max_minutes"])), 1.0)
    tell(UPLOADED + share * (TRAINED - UPLOADED), f"SageMaker: {said.step}")
    return Wait(POLL_SECONDS)


def _fetch(run: Run, job: Job, is_over: Callable[[], bool], tell: Tell) -> Wait | None:
    tell(TRAINED, "fetches model.tar.gz")
    model = _fetched(job.artifact)
    job.stage = "host"
    _keep(run, job, model_file=model.name, model_sha256=model.sha256, model_bytes=model.bytes)
    return None


def _fetched(address: str) -> StoredModel:
    """Store the archive of the model. Raises `CannotTrain`, `Refused` and `Unreachable`."""
    place = urlsplit(address)
    digest, size = hashlib.sha256(), 0
    with NamedTemporaryFile(suffix=".tar.gz") as file:
        with account.asking("fetch model.tar.gz"):
            found = account.client("s3").get_object(Bucket=place.netloc, Key=place.path.removeprefix("/"))
            for piece in found["Body"].iter_chunks(PIECE_BYTES):
                size += len(piece)
                if size > MOST_MODEL_BYTES:
                    raise CannotTrain(f"The model has more than {MOST_MODEL_BYTES:,} bytes.")
                digest.update(piece)
                file.write(piece)
        file.seek(0)
        if file.read(2) != b"\x1f\x8b":
            raise CannotTrain("What SageMaker has stored as model.tar.gz is no gzip archive.")
        file.seek(0)
        name = f"models/{digest.hexdigest()}.tar.gz"
        if not default_storage.exists(name):
            default_storage.save(name, File(file))
    return StoredModel(name, digest.hexdigest(), size)


def _host(run: Run, job: Job, is_over: Callable[[], bool], tell: Tell) -> Wait | None:
    if not job.hosted_from:
        job.hosted_from = _now()
        _keep(run, job)
    state, reason = hosting.state_of(job.name)
    if state == "InService":
        job.stage = "judge"
        _keep(run, job)
        return None
    if state == "Failed":
        raise CannotTrain(f"SageMaker could not put up the endpoint: {reason or 'without a reason'} The model is kept.")
    _check_time(run, job)
    tell(TRAINED, f"SageMaker: the endpoint is {state or 'asked for'}")
    if not state:
        hosting.put_up(
            name=job.name, artifact=job.artifact, image=job.image, instance=run.parameters["hosting_instance"]
        )
    return Wait(POLL_SECONDS)


def _check_time(run: Run, job: Job) -> None:
    if _now() > job.hosted_from + 60 * float(run.parameters["hosting_minutes"]):
        raise CannotTrain(
            f"The evaluation was not done after {run.parameters['hosting_minutes']} minutes, the longest that was "
            "allowed. The model is kept."
        )


def _judge(run: Run, job: Job, is_over: Callable[[], bool], tell: Tell) -> Result | Wait | None:
    manifest = layout.load_manifest(job.prefix)
    truths = truths_of(run)
    keys = manifest.keys(VALIDATION)
    for number, key in enumerate(keys, 1):
        if key <= job.judged:
            continue
        _check_time(run, job)
        tell(HOSTED + (1 - HOSTED) * number / len(keys), f"evaluates: {number:,} of {len(keys):,} pictures")
        picture = Picture.objects.filter(pk=key).defer("hands").first()
        rows = []
        if picture is not None:
            size = picture.width, picture.height
            guesses = hosting.predict(job.name, pictures.read(picture), size=size, labels=manifest.labels)
            rows = rows_of(picture, match(truths.get(key, ()), guesses, least_overlap=SAME_PLACE))
        job.judged = key
        with transaction.atomic():
            Prediction.objects.filter(run=run, picture=key).delete()
            Prediction.objects.bulk_create([Prediction(run=run, **row) for row in rows])
            _keep(run, job)
        if is_over():
            return None
    tell(1.0, "takes the endpoint down")
    _end(run, job)
    return Result(
        model=StoredModel(str(run.model_file), run.model_sha256, run.model_bytes),
        labels=sorted(manifest.trained),
        silent=[],
        threshold=LEAST_THRESHOLD,
        trained=manifest.trained,
        split=manifest.parts,
        warnings=manifest.warnings,
        curve=[],
        not_found={},
        predictions=None,
        seconds=float(job.billable),
    )


def _end(run: Run, job: Job) -> None:
    """Remove all but the model from SageMaker and the bucket, and reckon the costs.

    Raises `Refused` and `Unreachable`.
    """
    hosting.take_down(job.name)
    layout.remove(job.prefix)
    if job.hosted_from:
        job.hosted_seconds = _now() - job.hosted_from
    job.stage = "done"
    job.cost = prices.billed(
        instance=run.parameters["instance"],
        seconds=job.billable,
        hosting_instance=run.parameters["hosting_instance"],
        hosted_seconds=job.hosted_seconds,
    )
    job.priced = f"{prices.DATED:%Y-%m-%d}, {prices.REGION}"
    _keep(run, job, is_elsewhere=False)


_STEPS: dict[str, Callable[[Run, Job, Callable[[], bool], Tell], Result | Wait | None]] = {
    "upload": _upload,
    "train": _train,
    "fetch": _fetch,
    "host": _host,
    "judge": _judge,
}


def clean_up() -> int:
    """End the jobs and endpoints of runs that are over, and delete their pictures; return how many runs are done."""
    left = Run.objects.filter(is_elsewhere=True).exclude(state__in=OPEN_STATES).order_by("pk")
    ended = 0
    for run in left[:CLEANED_AT_ONCE]:
        try:
            ended += _cleaned(run)
        except (Refused, Unreachable) as error:
            log.warning("What the run %s has left at SageMaker is ended later: %s", run.pk, error)
        except Exception:
            log.exception("What the run %s has left at SageMaker could not be ended; it is tried again.", run.pk)
    return ended


def _cleaned(run: Run) -> bool:
    job = job_of(run)
    if job is None:
        return False
    said = jobs.describe(job.name)
    if said is not None:
        job.status, job.billable = said.status, said.billable
        if said.status == "InProgress":
            jobs.stop(job.name)
        if said.status in ("InProgress", "Stopping"):
            _keep(run, job)
            return False
    _end(run, job)
    return True


def remove_forgotten_endpoints() -> int:
    """Take down the endpoints of this installation that belong to no run; return how many.

    They can be left where a database was restored from a backup.
    """
    if not account.is_set_up():
        return 0
    known = {job.name for run in Run.objects.filter(is_elsewhere=True) if (job := job_of(run))}
    removed = 0
    try:
        for name in hosting.names():
            if name not in known:
                hosting.take_down(name)
                log.warning("The endpoint %s, which belonged to no run, was taken down.", name)
                removed += 1
    except (Refused, Unreachable) as error:
        log.warning("Endpoints that belong to no run are looked for later: %s", error)
    return removed


def _now() -> float:
    return timezone.now().timestamp()
