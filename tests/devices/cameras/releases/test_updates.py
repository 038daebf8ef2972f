"""A box updates itself to the version that is pinned for it, and goes back where the version does not come up."""

import hashlib
import shutil
from pathlib import Path

import pytest
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from devices.cameras.releases import rollouts, wheel
from devices.models import AgentUpdate, BoxReport, Device, DeviceState
from tests import clock
from tests.devices.cameras.adding.test_install import add_camera, broker, operators
from tests.devices.cameras.releases.boxes import Box
from tests.devices.mqtt.test_ingest import ingesting
from tests.programs.brokers import Mosquitto
from tests.programs.waiting import eventually

__all__ = ["broker", "operators"]

pytestmark = [pytest.mark.real_clock, pytest.mark.once, pytest.mark.django_db(transaction=True)]

NEW, BROKEN = "0.2.0+aaaaaaaa", "0.3.0+bbbbbbbb"
PACE = {"AGENT_ASK_SECONDS": "1"}


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """The agent's source with a fault that only shows when the agent starts."""
    copy = tmp_path / "broken" / "edge_agent"
    shutil.copytree(wheel.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    main = copy / "__main__.py"
    main.write_text(main.read_text().replace("def main(", 'raise SystemExit("out of order")\n\n\ndef main(', 1))
    return copy


def runs(device: Device, version: str) -> bool:
    state = DeviceState.objects.filter(thing=device.thing).first()
    return state is not None and state.online is True and state.software.endswith(f" {version}")


def pin(device: Device, version: str) -> None:
    rollouts.start_rollout(things=[device.thing], version=version, by=None, now=clock.now())


def test_a_box_updates_itself_and_goes_back_from_a_version_that_does_not_come_up(
    broker: Mosquitto, operators: Client, live_server: LiveServer, tmp_path: Path, broken: Path
) -> None:
    box = Box(tmp_path / "home")
    device, command = add_camera(operators)
    done = box.run(command)
    assert done.returncode == 0, done.stderr
    wheel.store(NEW, *wheel.build(NEW))
    wheel.store(BROKEN, *wheel.build(BROKEN, broken))
    with ingesting(broker), box.agent(**PACE):
        assert eventually(lambda: runs(device, wheel.source_version())), box.said()
        pin(device, NEW)
        assert eventually(lambda: runs(device, NEW)), box.said()
        assert eventually(lambda: AgentUpdate.objects.get().done_at is not None)
        pin(device, BROKEN)
        assert eventually(lambda: AgentUpdate.objects.get().failure != ""), box.said()
        assert "out of order" in AgentUpdate.objects.get().failure
        assert eventually(lambda: runs(device, NEW)), box.said()
    versions = box.home / ".local/share/headcount/state/versions"
    assert {path.name for path in versions.iterdir() if path.is_dir()} == {NEW}
    with ingesting(broker), box.agent(**PACE):  # the version holds after a restart
        assert eventually(lambda: BoxReport.objects.get().version == NEW), box.said()


def test_the_same_source_gives_the_same_wheel() -> None:
    version = wheel.source_version()
    first, second = (hashlib.sha256(wheel.build(version)[1]).hexdigest() for _ in range(2))
    assert first == second
