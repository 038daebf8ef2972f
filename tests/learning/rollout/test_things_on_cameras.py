"""Learned things on a camera: trained on pictures here, fetched and tested by a running agent, seen, told, counted."""

import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from pytest_django.live_server_helper import LiveServer

from analytics.models import Detection, LabelQuarter
from devices.intake.batches import accept
from devices.models import Device
from devices.reading.decoding import Arrival
from devices.services import issue_device_token
from edge_agent import messages
from edge_agent.agent import Agent, LogBuffer
from edge_agent.cameras.sources import FolderSource
from edge_agent.config import AgentConfig
from edge_agent.delivery.link import Link
from edge_agent.delivery.outbox import Outbox
from edge_agent.eyes import Eyes
from edge_agent.learned import model_file
from edge_agent.learned.fetching import ModelFetcher
from edge_agent.learned.store import ModelStore
from edge_agent.learned.upkeep import ModelUpkeep
from edge_agent.pictures.encoding import Picture
from learning.models import DataSet, Kind, Run, State
from learning.rollout import services
from learning.training import running, things
from tests import clock
from tests.analytics.pages.test_pages import page, words
from tests.learning.signs import PLATE, ROUND, SQUARE, plates, round_and_square, scene, taught
from tests.world import places

READS = 600
"""Frames that the agent sees at most."""


def trained(data_set: DataSet, kind: Kind, **given: object) -> Run:
    run = running.work(run_id=running.start(data_set=data_set, kind=kind, by=None, given=given).pk)
    assert (run.state, run.reason) == (State.DONE, "")
    return run


class Shown(FolderSource):
    """The pictures of a folder, each until the agent has told of its label, or all of them until it has seen enough."""

    def __init__(self, folder: Path, outbox: Outbox, labels: Sequence[str], stop: threading.Event) -> None:
        super().__init__(folder, repeat=False)
        self._outbox, self._labels, self._stop, self._reads = outbox, list(labels), stop, 0
        self._picture = super().read()

    def read(self) -> Picture | None:
        self._reads += 1
        if self._labels[0] in {each.label for frame in sent(self._outbox) for each in frame.objects}:
            self._labels.pop(0)
            self._picture = super().read()
        if self._reads > READS or not self._labels:
            self._stop.set()
            self._labels.append("")
        return self._picture


def sent(outbox: Outbox) -> list[messages.Frame]:
    decoded = [messages.decode(each.kind, each.payload) for each in outbox.pending(1_000)]
    return [frame for message in decoded if isinstance(message, messages.Frames) for frame in message.frames]


@pytest.mark.real_clock
@pytest.mark.django_db(transaction=True)
def test_things_that_were_learned_from_pictures_are_seen_by_a_running_agent_and_counted(
    live_server: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, models: Path
) -> None:
    monkeypatch.setattr(running, "enqueue", lambda run: None)
    monkeypatch.setattr(things, "FEWEST", 3)
    device, by = places.seattle01(), places.superuser()
    runs = [
        trained(taught("signs", round_and_square()), Kind.THING, mirror="no"),
        trained(taught("plates", plates()), Kind.RIGID, window=48, upsample=0),
    ]
    for run in runs:
        services.put_on(run=run, devices=[device], by=by)
    film = tmp_path / "film"
    film.mkdir()
    for number, label in enumerate((ROUND, SQUARE, PLATE)):
        scene(20 + number, label).picture.save(film / f"{number}.png")
    config = AgentConfig(
        thing=device.thing_name,
        mqtt_url="mqtt://t",
        models=models,
        detectors=(),
        cadence=10,
        outbox=tmp_path / "outbox.sqlite3",
        platform_url=live_server.url,
        device_token=issue_device_token(device=device),
    )
    outbox, stop, eyes = Outbox(config.outbox, config.outbox_max_bytes), threading.Event(), Eyes(config)
    fetcher = ModelFetcher(config, ModelStore(tmp_path / "models", models))
    upkeep = ModelUpkeep(fetcher)
    source = Shown(film, outbox, (ROUND, SQUARE, PLATE), stop)
    assert fetcher.step()
    agent = Agent(config, source, eyes, outbox, LogBuffer(), models=upkeep)
    agent.run(Link(config, outbox, software="t", epoch_ms=clock.epoch_ms), stop)

    told = {each.label for frame in sent(outbox) for each in frame.objects}
    assert told == {ROUND, SQUARE, PLATE}
    topic = messages.topic_from_device(device.thing_name, "frames")
    accept([Arrival(topic, each.payload, clock.now()) for each in outbox.pending(1_000)])
    outbox.close()
    assert set(Detection.objects.values_list("label", flat=True)) == told
    assert set(LabelQuarter.objects.values_list("label", flat=True)) >= told
    status = messages.Status(
        online=True, sent_at=clock.epoch_ms(), labels=eyes.labels, learned=fetcher.reports({}), settings=config.settings
    )
    accept([Arrival(messages.topic_from_device(device.thing_name, "status"), msgspec.json.encode(status), clock.now())])
    assert [services.devices_of(run)[0].state for run in runs] == ["running", "running"]
    assert told <= set(words(page(by, device.get_absolute_url())).split())


@pytest.mark.django_db
def test_a_file_that_is_no_model_or_answers_otherwise_goes_on_no_camera(
    seattle01: Device, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "enqueue", lambda run: None)
    run = trained(taught("plates", plates(6)), Kind.RIGID, window=48, upsample=0)
    with run.model_file.open("rb") as file:
        content = file.read()
    read = model_file.read(content)
    otherwise = model_file.write(
        kind="rigid",
        name="plates 1",
        labels=("plate",),
        threshold=0.5,
        arrays=dict(read.arrays) | {"bias": np.array([9], np.float32)},
    )
    for wrong, why in ((b"PK no model", "no model of Headcount"), (content[:-9], "checksum"), (otherwise, "otherwise")):
        run.model_file.save("x.model", ContentFile(wrong))
        with pytest.raises(ValidationError, match=why):
            services.put_on(run=run, devices=[seattle01], by=operator)
    assert services.wanted_on(seattle01.thing) == []
