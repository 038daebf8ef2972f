"""The command on a camera's page sets a box up, against a live server, until the page shows what the camera sees."""

import html
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from analytics.models import Frame
from devices.models import AgentRelease, CameraClaim, Device, Site
from edge_agent.vision.files import agent_models, fetch_models, models_folder
from tests.devices.cameras.releases.boxes import Box
from tests.devices.mqtt.test_ingest import ingesting
from tests.programs.brokers import Mosquitto, mosquitto
from tests.programs.waiting import eventually
from tests.world import places

pytestmark = [pytest.mark.real_clock, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def broker(tmp_path: Path, settings: Settings) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path / "broker", "max_inflight_messages 0") as running:
        settings.MQTT_URL = settings.DEVICES_MQTT_URL = running.url
        yield running


@pytest.fixture
def operators(live_server: LiveServer) -> Client:
    """The browser of an operator."""
    client = Client(headers={"host": live_server.url.removeprefix("http://")})
    client.force_login(places.user("operator", {places.seattle(): "operator"}))  # type: ignore[dict-item]
    return client


def add_camera(client: Client, name: str = "Front desk") -> tuple[Device, str]:
    """Add a webcam on the page; return it with the command that the page shows, for one user."""
    page = client.post("/sites/seattle/cameras/add/", {"name": name, "kind": "webcam"}, follow=True)
    found = re.search(r'<code class="secret">(.*?)</code>', page.content.decode())
    assert found is not None
    command = html.unescape(found[1]).replace("sudo sh -s --", "sh -s -- --user")
    return Device.objects.select_related("thing").get(site__slug="seattle"), command


def test_the_command_sets_a_box_up_and_the_page_shows_what_it_sees(
    broker: Mosquitto, operators: Client, tmp_path: Path
) -> None:
    fetch_models(models_folder())
    box = Box(tmp_path / "home")
    device, command = add_camera(operators)
    done = box.run(command)
    assert done.returncode == 0, done.stderr
    folder = box.home / ".config" / "headcount"
    assert stat.S_IMODE((folder / "agent.toml").stat().st_mode) == 0o600
    fetched = {path.name for path in (box.home / ".local/share/headcount/state/models").iterdir()}
    assert set(agent_models()) <= fetched

    setup = f"/sites/seattle/cameras/{device.name}/setup/"
    assert "The camera counts" not in operators.get(setup).content.decode()
    with ingesting(broker), box.agent():
        assert eventually(lambda: Frame.objects.filter(device=device).exists()), box.said()
        assert eventually(lambda: "data:image/jpeg;base64," in page_of(operators, setup)), box.said()
    assert "The camera counts" in page_of(operators, setup)


def page_of(client: Client, path: str) -> str:
    return client.get(path).content.decode()


def test_a_wheel_that_was_tampered_with_is_not_installed(broker: Mosquitto, operators: Client, tmp_path: Path) -> None:
    box = Box(tmp_path / "home")
    _, command = add_camera(operators)
    release = AgentRelease.objects.get()
    AgentRelease.objects.update(wheel=bytes(release.wheel) + b"\0")
    done = box.run(command)
    assert done.returncode != 0
    assert "hash" in done.stderr.lower()
    assert CameraClaim.objects.get().claimed_at is None


def test_a_used_code_is_refused_on_the_box_in_one_sentence(
    broker: Mosquitto, operators: Client, tmp_path: Path
) -> None:
    box = Box(tmp_path / "home")
    device, command = add_camera(operators)
    CameraClaim.objects.update(claimed_at=device.thing.created_at)
    done = box.run(command)
    assert done.returncode == 2
    assert "headcount-agent: This code was used or has expired." in done.stderr
    assert "Traceback" not in done.stderr


def test_the_script_is_valid_for_every_shell(client: Client, db: Any, seattle: Site, operator: User) -> None:
    script = client.get("/agent/install.sh").content.decode()
    assert script.startswith("#!/bin/sh\n")
    # Cut off anywhere, as by a broken connection, it does nothing: all is in functions until the last line.
    outside = re.sub(r"^\w+\(\) \{.*?^\}$|^\w+\(\) \{.*\}$", "", script, flags=re.DOTALL | re.MULTILINE)
    commands = [line for line in outside.splitlines() if line and not line.startswith("#")]
    assert commands == ["set -eu", 'main "$@"']
