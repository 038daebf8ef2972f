"""Runs at SageMaker, against a scripted service that knows all states and checks every request by botocore's shapes."""

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.urls import reverse
from pytest_django import Settings

from devices.models import Device, Site
from faces import aws
from learning.datasets.services import delete_data_set
from learning.evaluating import reads
from learning.models import DataSet, Kind, Run, State
from learning.rollout.services import put_on
from learning.tasks import clean_up_sagemaker, remove_forgotten_endpoints
from learning.training import running
from learning.training.parameters import SAGEMAKER, clean
from learning.training.sagemaker import account, hosting, jobs, prices
from tests.analytics.pages.test_pages import page, words
from tests.learning import samples
from tests.learning.training.sagemaker_server import BUCKET, ROLE, Refusal, Scripted, archive, sagemaker
from tests.programs.aws import Moto, moto

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Moto, Scripted]]:
    """Moto's S3, and the scripted SageMaker; their clients are made once, which takes seconds."""
    with moto() as buckets, sagemaker() as scripted:
        yield buckets, scripted


@pytest.fixture
def service(servers: tuple[Moto, Scripted], settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scripted]:
    settings.SAGEMAKER_ROLE_ARN, settings.SAGEMAKER_BUCKET, settings.SAGEMAKER_IMAGE = ROLE, BUCKET, ""
    monkeypatch.setattr(running, "enqueue", lambda run: None)
    buckets, scripted = servers
    aws.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    yield scripted
    scripted.reset()
    buckets.reset()


@pytest.fixture
def mugs(seattle: Site) -> DataSet:
    """A data set of two labels in two folders, with a name that has spaces, and two pictures of one name."""
    made = samples.data_set("mugs")
    for number in range(4):
        picture = samples.picture(made, number, recording="monday morning", boxes=[("our blue mug", 16, 12, 32, 24)])
    samples.picture(made, 0, recording="friday", boxes=[("our blue mug", 16, 12, 32, 24), ("cup", 0, 0, 8, 8)])
    samples.picture(made, 1, recording="friday", boxes=[])
    assert picture.name == "monday morning/003.jpg"
    return made


def started(mugs: DataSet, **given: Any) -> Run:
    return running.start(data_set=mugs, kind=Kind.SAGEMAKER, by=None, given={"mini_batch_size": 2, **given})


def worked(run: Run, until: State = State.DONE, steps: int = 40) -> Run:
    """Let workers work on the run until it is over."""
    for _ in range(steps):
        run = running.work(run_id=run.pk, seconds=0)
        if run.state != State.QUEUED:
            break
    assert (run.state, run.reason if run.state == until else "") == (until, run.reason), run.reason
    return run


def keys() -> list[str]:
    return [each["Key"] for each in aws.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", ())]


def nothing_is_left(service: Scripted) -> bool:
    is_running = any(job["now"][0] in ("InProgress", "Stopping") for job in service.jobs.values())
    return not (service.endpoints or service.configurations or service.models or is_running)


def test_the_data_set_trains_at_sagemaker_in_the_documents_layout_and_is_evaluated_on_an_endpoint(
    mugs: DataSet, service: Scripted, seattle01: Device
) -> None:
    service.judge = lambda jpeg: [
        [0.0, 0.91, 0.25, 0.25, 0.75, 0.75],
        [1.0, 0.4, 0.5, 0.5, 0.9, 0.9],
        [0.0, 0.01, 0, 0, 1, 1],
        [7.0, 0.9, 0, 0, 1, 1],
    ]
    run = started(mugs, epochs=60, learning_rate=0.002, lr_scheduler_step="20,40", base_network="resnet-50")
    run = worked(run)
    (name, job), *others = service.jobs.items()
    assert not others
    held = "friday" if run.split["friday"] == "validation" else "monday morning"
    stored = job["objects"]
    assert stored[f"validation/{held}__000.jpg"].startswith(b"\xff\xd8")
    assert {key.split("/")[0] for key in stored} == {"manifest.json", *jobs.CHANNELS}
    told = json.loads(stored[f"validation_annotation/{held}__000.json"])
    assert told["file"] == f"{held}__000.jpg"
    assert told["annotations"][0] == {"class_id": 0, "left": 16, "top": 12, "width": 32, "height": 24}
    asked = job["request"]["HyperParameters"]
    learned = sum(key.startswith("train/") for key in stored)
    expected = {"epochs": "60", "learning_rate": "0.002", "lr_scheduler_step": "20,40", "base_network": "resnet-50"}
    assert asked.items() >= (expected | {"num_classes": "2", "num_training_samples": str(learned)}).items()
    assert not asked.keys() & {"instance", "max_minutes", "seed"}
    evaluation = reads.evaluate(run, 0.3)
    assert evaluation is not None
    assert evaluation.table.true >= 1
    assert evaluation.labels["our blue mug"].missed == 0
    assert evaluation.labels["cup"].true == 0
    assert evaluation.table.mean_true == pytest.approx(0.91)
    assert nothing_is_left(service)
    assert keys() == [f"{name}/output/{name}/output/model.tar.gz"], "no picture stays in the bucket"
    assert default_storage.open(str(run.model_file)).read() == archive()
    assert run.job["cost"] == pytest.approx(0.7364 * 720 / 3600, abs=0.01)
    assert run.job["priced"] == "2026-11-28, us-east-1"
    assert (run.is_elsewhere, run.seconds) == (False, 720)
    with pytest.raises(ValidationError, match="no model that a camera could run"):
        put_on(run=run, devices=[seattle01], by=None)


def test_a_failed_job_tells_sagemakers_reason_and_leaves_nothing(mugs: DataSet, service: Scripted) -> None:
    service.jobs_go = [("InProgress", "Training"), ("Failed", "Failed")]
    run = worked(started(mugs), State.FAILED)
    assert run.reason == "SageMaker says that the training failed: AlgorithmError: the learning rate is too high"
    assert run.is_elsewhere
    assert clean_up_sagemaker() == 1
    run.refresh_from_db()
    assert (run.is_elsewhere, run.job["cost"] > 0) == (False, True)
    assert nothing_is_left(service)
    assert not keys()


def test_a_stopped_run_stops_its_job_and_tells_the_costs(mugs: DataSet, service: Scripted, operator: User) -> None:
    service.jobs_go = [("InProgress", "Starting"), ("InProgress", "Training")]
    run = started(mugs)
    for _ in range(6):
        run = running.work(run_id=run.pk, seconds=0)
    assert run.step == "SageMaker: Training"
    running.stop(run=run, by=operator)
    run.refresh_from_db()
    assert run.state == State.STOPPED
    with pytest.raises(ValidationError, match="still being ended"):
        running.delete(run=run, by=operator)
    with pytest.raises(ValidationError, match="still being ended"):
        delete_data_set(data_set=mugs, by=operator)
    assert [clean_up_sagemaker() for _ in range(3)] == [0, 0, 1]
    assert service.asked.count("StopTrainingJob") == 1
    run.refresh_from_db()
    assert (run.job["status"], run.job["cost"] > 0) == ("Stopped", True)
    running.delete(run=run, by=operator)


@pytest.mark.parametrize(
    ("states", "state", "reason"),
    [
        (
            [("Stopping", "Stopping"), ("Stopped", "Stopped")],
            State.STOPPED,
            "The training job was stopped at SageMaker.",
        ),
        ([("Stopped", "MaxRuntimeExceeded")], State.FAILED, "The training was not done after 120 minutes"),
    ],
)
def test_a_job_that_ends_early_at_sagemaker_says_why(
    mugs: DataSet, service: Scripted, states: list[tuple[str, str]], state: State, reason: str
) -> None:
    service.jobs_go = states
    assert worked(started(mugs), state).reason.startswith(reason)


def test_an_endpoint_is_taken_down_when_its_workers_are_killed(mugs: DataSet, service: Scripted) -> None:
    service.endpoints_go = ["Creating", "Creating", "InService"]
    run = started(mugs)
    while not service.endpoints:
        run = running.work(run_id=run.pk, seconds=0)
    Run.objects.filter(pk=run.pk).update(state=State.WORKING, attempts=9, next_try_at=run.created_at)
    running.sweep(now=run.created_at + dt.timedelta(days=1))
    assert Run.objects.get(pk=run.pk).state == State.FAILED
    ended = [clean_up_sagemaker() for _ in range(3)]
    assert ended[0] == 0, "SageMaker deletes no endpoint while it is being put up, so it is tried again"
    assert sum(ended) == 1
    assert nothing_is_left(service)
    run.refresh_from_db()
    assert run.has_model, "the model that was paid for is kept"
    assert reads.evaluate(run) is None


def test_an_endpoint_that_cannot_be_put_up_fails_the_run_and_keeps_the_model(mugs: DataSet, service: Scripted) -> None:
    service.endpoints_go = ["Creating", "Failed"]
    run = worked(started(mugs), State.FAILED)
    assert "The image could not be pulled. The model is kept." in run.reason
    assert clean_up_sagemaker() == 1
    assert nothing_is_left(service)
    assert default_storage.exists(str(run.model_file))


def test_a_worker_that_is_killed_after_each_request_makes_one_job_and_one_endpoint(
    mugs: DataSet, service: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was asked for and not noted is found again by its name."""
    real = jobs.create

    def killed(asked: Any) -> None:
        real(asked)
        monkeypatch.setattr(jobs, "create", real)
        raise KeyboardInterrupt

    monkeypatch.setattr(jobs, "create", killed)
    put_up = hosting.put_up

    def killed_again(**asked: Any) -> None:
        put_up(**asked)
        monkeypatch.setattr(hosting, "put_up", put_up)
        raise KeyboardInterrupt

    monkeypatch.setattr(hosting, "put_up", killed_again)
    run = started(mugs)
    for _ in range(40):
        try:
            run = running.work(run_id=run.pk, seconds=0)
        except KeyboardInterrupt:
            Run.objects.filter(pk=run.pk).update(state=State.QUEUED)
    assert run.state == State.DONE
    assert service.asked.count("CreateTrainingJob") == service.asked.count("CreateEndpoint") == 1
    assert nothing_is_left(service)


def test_passing_faults_of_aws_are_waited_for_and_refusals_are_told(mugs: DataSet, service: Scripted) -> None:
    busy = [Refusal("Try again.", "InternalFailure")]
    service.refuse_next = {"DescribeTrainingJob": busy, "InvokeEndpoint": [Refusal("x", "ModelNotReadyException")]}
    assert worked(started(mugs)).state == State.DONE
    denied = "User is not authorized to perform sagemaker:CreateTrainingJob"
    service.refuse_next = {"CreateTrainingJob": [Refusal(denied, "AccessDeniedException")]}
    failed = worked(started(mugs), State.FAILED)
    assert failed.reason == f"AWS refused to start the training job: AccessDeniedException: {denied}"


def test_what_the_algorithm_could_not_learn_from_is_refused_before_anything_is_asked(
    mugs: DataSet, service: Scripted, settings: Settings
) -> None:
    few = worked(started(mugs, mini_batch_size=9), State.FAILED)
    assert "and a mini-batch has 9. Make the mini-batch smaller, or add pictures." in few.reason
    narrow = worked(started(mugs, label_width=7), State.FAILED)
    assert narrow.reason == "A picture has 2 boxes; the label width must be at least 12."
    assert not service.asked
    settings.SAGEMAKER_BUCKET = ""
    with pytest.raises(ValidationError, match="SageMaker is not set up"):
        started(mugs)
    with pytest.raises(ValidationError, match="Steps of the learning rate must look like 10,20"):
        clean(SAGEMAKER, {"lr_scheduler_step": "often"})


def test_endpoints_that_no_run_knows_are_taken_down_and_those_of_others_stay(mugs: DataSet, service: Scripted) -> None:
    run = started(mugs)
    while not service.endpoints:
        run = running.work(run_id=run.pk, seconds=0)
    own = run.job["name"]
    service.endpoints |= {f"{account.prefix()}77-abc": ["InService"], "somebody-elses": ["InService"]}
    assert remove_forgotten_endpoints() == 1
    assert set(service.endpoints) == {own, "somebody-elses"}


def test_the_service_refuses_requests_that_the_real_one_would_refuse(service: Scripted, settings: Settings) -> None:
    client = aws.client("sagemaker")
    for name, said in {"two words": "does not match", "x" * 64: "outside its limits"}.items():
        with pytest.raises(client.exceptions.ClientError, match=said):
            client.describe_training_job(TrainingJobName=name)


def test_the_form_tells_the_costs_before_and_the_page_tells_them_after(
    mugs: DataSet, service: Scripted, operator: User
) -> None:
    form = reverse("data-set-train", args=[mugs.pk, "sagemaker"])
    assert form in page(operator, mugs.get_absolute_url()).content.decode()
    told = words(page(operator, form))
    assert "About $0.0" in told
    assert "at most $1.56 with the values below" in told
    assert f"into the bucket {BUCKET} of your AWS account, and deleted there" in told
    run = worked(started(mugs))
    told = words(page(operator, run.get_absolute_url()))
    assert "720 s of training" in told
    assert "$0.15 by the prices of 2026-11-28, us-east-1" in told
    assert "no camera box runs" in told
    saved = page(operator, reverse("run-model", args=[run.pk]))
    assert saved["Content-Disposition"].endswith('.tar.gz"')
    assert b"".join(saved.streaming_content) == archive()


def test_costs_are_estimated_from_the_dated_table() -> None:
    parameters = clean(SAGEMAKER, {"epochs": 60, "instance": "ml.p3.2xlarge"})
    found = prices.estimate(parameters, train=300, validation=75)
    assert found.likely == pytest.approx((3.825 * (180 + 300 * 60 * 0.045) + 0.115 * 712.5) / 3600)
    assert found.most == pytest.approx(3.825 * 2 + 0.115 * 0.75)
    longer = prices.estimate(clean(SAGEMAKER, {"epochs": 1000, "max_minutes": 10}), train=9000, validation=1)
    assert longer.likely < longer.most == pytest.approx(0.7364 / 6 + 0.115 * 0.75)
