"""Models on devices: chosen by people, fetched by the agent from the real server, reported, and taken off again."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.urls import reverse
from pytest_django.live_server_helper import LiveServer

from analytics.models import Detection
from devices import services as services_of_devices
from devices.intake.batches import accept
from devices.models import Device, Site
from devices.reading.decoding import Arrival
from devices.services import issue_device_token, move_device
from edge_agent import messages
from edge_agent.config import AgentConfig
from edge_agent.learned import model_file
from edge_agent.learned.fetching import ModelFetcher
from edge_agent.learned.store import ModelStore
from learning.models import Kind, Rollout, Run, State
from learning.rollout import services
from tests import clock
from tests.analytics.pages.test_pages import page, words
from tests.edge_agent.learned.test_running_models import PALM, THUMB, broken
from tests.learning.samples import data_set
from tests.world import places

LIST = "/api/v1/device-models/"


def run_of(content: bytes, name: str = "hands", number: int = 1) -> Run:
    from learning.models import DataSet

    into = DataSet.objects.filter(name=name).first() or data_set(name)
    run = Run(data_set=into, number=number, kind=Kind.GESTURE, state=State.DONE, labels=["thumb"])
    run.model_sha256, run.model_bytes = model_file.sha256(content), len(content)
    run.model_file.save("x.model", ContentFile(content), save=False)
    run.save()
    return run


def status_of(device: Device, **values: Any) -> None:
    status = messages.Status(online=True, sent_at=clock.epoch_ms(), **values)
    topic = messages.topic_from_device(device.thing_name, "status")
    accept([Arrival(topic, msgspec.json.encode(status), clock.now())])


@pytest.mark.django_db
def test_a_newer_version_replaces_the_former_one_and_the_past_stays(seattle01: Device, operator: User) -> None:
    first, second = run_of(THUMB), run_of(PALM, number=2)
    other = run_of(THUMB, name="mugs")
    for run in (first, other, second, second):
        services.put_on(run=run, devices=[seattle01], by=operator)
    assert services.wanted_on(seattle01.thing) == [other, second]
    assert Rollout.objects.get(run=first).until is not None
    services.take_off(rollout=Rollout.objects.get(run=other), by=operator)
    assert services.wanted_on(seattle01.thing) == [second]


@pytest.mark.django_db
def test_a_model_goes_on_cameras_of_its_own_site_only(
    seattle01: Device, chicago01: Device, operator: User, viewer: User
) -> None:
    run = run_of(THUMB)
    with pytest.raises(ValidationError, match="Chicago01 is not a camera that Seattle has now"):
        services.put_on(run=run, devices=[seattle01, chicago01], by=operator)
    assert not Rollout.objects.exists()
    with pytest.raises(PermissionDenied):
        services.put_on(run=run, devices=[seattle01], by=viewer)
    Run.objects.update(model_file="")
    run.refresh_from_db()
    with pytest.raises(ValidationError, match="has no model"):
        services.put_on(run=run, devices=[seattle01], by=operator)


@pytest.mark.django_db
def test_a_group_of_cameras_gets_a_model_by_page_api_and_command(
    seattle01: Device, chicago01: Device, operator: User, capsys: pytest.CaptureFixture[str]
) -> None:
    second = services_of_devices.register_device(site=seattle01.site, name="Seattle02", thing_name="Seattle02")
    status_of(second, settings=messages.Settings(detectors=("faces", "hands")))
    first, newer = run_of(THUMB), run_of(PALM, number=2)
    client = Client()
    client.force_login(operator)
    client.post(reverse("run-put-on", args=[first.pk]), {"group": "hands"})
    assert list(Rollout.objects.values_list("device__name", "run")) == [("Seattle02", first.pk)]
    told = words(page(operator, newer.get_absolute_url()))
    for button in ("all cameras of the site (2)", "all cameras with another version (1)", "look for hands (1)"):
        assert button in told
    made = client.post("/api/v1/model-rollouts/", {"run": newer.pk, "group": "updated"}, "application/json")
    assert [row["device"] for row in made.json()] == ["Seattle02"]
    both = {"run": newer.pk, "group": "all", "devices": ["Seattle01"]}
    assert client.post("/api/v1/model-rollouts/", both, "application/json").status_code == 400
    call_command("model", "put", "seattle", "hands", "2", "--group", "all")
    assert "1 cameras fetch version 2" in capsys.readouterr().out
    assert set(services.group_named(newer, "all")) == set()
    with pytest.raises(ValidationError, match="There is no group"):
        services.group_named(newer, "some")
    with pytest.raises(CommandError, match="Name devices, or a group"):
        call_command("model", "put", "seattle", "hands", "2")


@pytest.mark.django_db
def test_a_model_stays_at_its_place_when_the_camera_moves(seattle01: Device, chicago: Site, operator: User) -> None:
    services.put_on(run=run_of(THUMB), devices=[seattle01], by=operator)
    moved = move_device(device=seattle01, site=chicago, name="Chicago09", at=clock.now())
    assert services.wanted_on(moved.thing) == []


@pytest.mark.django_db
def test_a_device_gets_its_models_and_parts_of_them_and_no_others(
    seattle01: Device, chicago01: Device, operator: User
) -> None:
    run = run_of(THUMB)
    services.put_on(run=run, devices=[seattle01], by=operator)
    own = {"Authorization": f"Device {issue_device_token(device=seattle01)}"}
    foreign = {"Authorization": f"Device {issue_device_token(device=chicago01)}"}
    client = Client()
    (listed,) = client.get(LIST, headers=own).json()["models"]
    assert listed == {"sha256": run.model_sha256, "bytes": len(THUMB), "name": "hands 1"}
    address = reverse("device-model-detail", args=[run.model_sha256])
    assert client.get(address, headers=own).content == THUMB
    part = client.get(address, headers=own | {"Range": "bytes=100-"})
    assert (part.status_code, part.content) == (206, THUMB[100:])
    assert part.headers["Content-Range"] == f"bytes 100-{len(THUMB) - 1}/{len(THUMB)}"
    assert client.get(address, headers=own | {"Range": f"bytes={len(THUMB)}-"}).status_code == 416
    assert client.get(LIST, headers=foreign).json()["models"] == []
    assert client.get(address, headers=foreign).status_code == 404
    assert client.get(LIST).status_code == 401


@pytest.mark.django_db
def test_the_page_tells_what_each_camera_says_of_the_model(seattle01: Device, operator: User, viewer: User) -> None:
    run = run_of(THUMB)
    client = Client()
    client.force_login(operator)
    address = reverse("run-put-on", args=[run.pk])
    assert "fetch the model within a minute" in words(client.post(address, {"device": seattle01.pk}, follow=True))
    assert "Seattle01 not reported yet" in words(page(viewer, run.get_absolute_url()))
    report = messages.ModelReport(run.model_sha256, "refused", "it is damaged")
    status_of(seattle01, learned=(report,))
    assert "Seattle01 it is damaged refused" in words(page(viewer, run.get_absolute_url()))
    status_of(seattle01, learned=(messages.ModelReport(run.model_sha256, "running"),), labels=("thumb", "Cup"))
    assert "Seattle01 runs" in words(page(viewer, run.get_absolute_url()))
    seattle01.refresh_from_db()
    assert seattle01.labels_sought == ["cup", "thumb"]
    client.post(reverse("model-rollout-take-off", args=[Rollout.objects.get().pk]))
    assert services.wanted_on(seattle01.thing) == []


@pytest.mark.django_db
def test_a_new_gesture_is_counted_like_any_other(seattle01: Device) -> None:
    gesture = messages.Labelled("our ok sign", 0.9, (1, 1, 9, 9))
    frame = messages.Frame(taken_at=clock.epoch_ms(), faces=(), gestures=(gesture,))
    topic = messages.topic_from_device(seattle01.thing_name, "frames")
    accept([Arrival(topic, messages.encode(messages.Frames("m", (frame,))), clock.now())])
    assert Detection.objects.get().label == "our ok sign"


@pytest.mark.django_db
def test_rollouts_by_the_api(seattle01: Device, operator: User, viewer: User, outsider: User) -> None:
    from tests.learning.rest.test_api import client

    run = run_of(THUMB)
    body = {"run": run.pk, "devices": ["Seattle01"]}
    (made,) = client(operator).post("/api/v1/model-rollouts/", body).json()
    assert (made["device"], made["model"], made["until"]) == ("Seattle01", run.model_sha256, None)
    assert client(viewer).post("/api/v1/model-rollouts/", body).status_code == 403
    assert client(outsider).post("/api/v1/model-rollouts/", body).status_code == 400
    missing = client(operator).post("/api/v1/model-rollouts/", {"run": run.pk, "devices": ["Nowhere"]})
    assert missing.json()["errors"] == {"devices": ["The site has no camera “Nowhere” now."]}
    assert client(operator).delete(f"/api/v1/model-rollouts/{made['id']}/").status_code == 204
    (row,) = client(viewer).get("/api/v1/model-rollouts/").json()["results"]
    assert row["until"] is not None
    assert client(operator).delete(f"/api/v1/training-runs/{run.pk}/").status_code == 409


@pytest.mark.django_db
def test_the_command_lists_versions_and_puts_one_on_cameras(
    seattle01: Device, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_of(THUMB)
    call_command("model", "list", "seattle", "hands")
    assert "version 1: expected 0, true 0, false 0, missed 0" in capsys.readouterr().out
    call_command("model", "put", "seattle", "hands", "1", "Seattle01")
    assert services.wanted_on(seattle01.thing) == [run]
    with pytest.raises(CommandError, match="no camera “Nowhere”"):
        call_command("model", "put", "seattle", "hands", "1", "Nowhere")
    with pytest.raises(CommandError, match="is failed: A data set needs at least two annotated pictures"):
        call_command("model", "train", "seattle", "hands", "--set", "seed=2")


@pytest.mark.real_clock
@pytest.mark.django_db(transaction=True)
def test_an_agent_fetches_goes_on_after_a_cut_and_returns_to_the_former_model(
    live_server: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device, by = places.seattle01(), places.superuser()
    token = issue_device_token(device=device)
    config = AgentConfig(
        thing=device.thing_name,
        mqtt_url="mqtt://t",
        upload_url=f"{live_server.url}/api/v1/captures/",
        device_token=token,
    )
    store = ModelStore(tmp_path)
    fetcher = ModelFetcher(config, store)
    assert fetcher.step()
    assert fetcher.take() is None

    first = run_of(THUMB)
    services.put_on(run=first, devices=[device], by=by)
    (tmp_path / f"{first.model_sha256}.part").write_bytes(THUMB[:1000])  # a download that was cut off
    assert fetcher.step()
    fetched = fetcher.take()
    assert fetched is not None
    assert fetched.labels == ("thumb",)

    monkeypatch.setattr(services, "check_file", lambda run: None)  # the box reckons otherwise than the platform
    damaged = run_of(broken(), number=2)
    services.put_on(run=damaged, devices=[device], by=by)
    assert fetcher.step()
    assert fetcher.take() is None, "the former model goes on"
    states = {report.sha256: report.state for report in fetcher.reports({})}
    assert states == {first.model_sha256: "running", damaged.model_sha256: "refused"}

    second = run_of(PALM, number=3)
    services.put_on(run=second, devices=[device], by=by)
    assert fetcher.step()
    fetched = fetcher.take()
    assert fetched is not None
    assert fetched.labels == ("palm",)
    fetcher.report({second.model_sha256: "it failed"})
    assert fetcher.step()
    fetched = fetcher.take()
    assert fetched is not None
    assert fetched.labels == ("thumb",)


def test_a_platform_that_is_away_stops_nothing(tmp_path: Path) -> None:
    config = AgentConfig(
        thing="t", mqtt_url="mqtt://t", upload_url="http://127.0.0.1:9/api/v1/captures/", device_token="x"
    )
    assert not ModelFetcher(config, ModelStore(tmp_path)).step()
