"""An agent's large pictures, over HTTP into the real platform."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer
from skimage import data

from devices.models import Device
from devices.services import issue_device_token
from edge_agent.config import AgentConfig
from edge_agent.outbox import Outbox
from edge_agent.pictures import images
from edge_agent.uploads import MAX_UPLOAD_BYTES, Uploader, as_upload
from faces import pictures
from faces.models import Capture
from tests import places

pytestmark = pytest.mark.django_db(transaction=True)

TAKEN_AT = 1_700_000_000_123


def uploader(live_server: LiveServer, outbox: Outbox, token: str) -> Uploader:
    url = f"{live_server.url}/api/v1/captures/"
    return Uploader(
        AgentConfig(thing=places.SEATTLE01, mqtt_url="mqtt://t", upload_url=url, device_token=token), outbox
    )


def test_a_large_picture_becomes_a_capture_in_full_size_and_once(
    live_server: LiveServer, seattle01: Device, tmp_path: Path, settings: Settings
) -> None:
    settings.FRAME_RETENTION_DAYS = 100_000
    rgb = np.kron(np.asarray(data.coffee(), np.uint8), np.ones((2, 2, 1), np.uint8))
    (image,) = images(rgb, (), taken_at=TAKEN_AT, shows="frame", crop_margin=0.6, limit=MAX_UPLOAD_BYTES)
    outbox = Outbox(tmp_path / "outbox.sqlite3", 100_000_000)
    sending = uploader(live_server, outbox, issue_device_token(device=seattle01))
    for _ in range(2):
        outbox.put(as_upload(image))
        assert sending.step()
        assert (outbox.messages, outbox.dropped) == (0, 0)
    capture = Capture.objects.get()
    assert (capture.device, capture.taken_at.timestamp(), capture.shows) == (seattle01, TAKEN_AT / 1000, "frame")
    kept = cv2.imdecode(np.frombuffer(pictures.read(capture), np.uint8), cv2.IMREAD_COLOR)
    assert kept is not None
    assert kept.shape == rgb.shape


def test_a_token_that_was_ended_loses_no_picture(
    live_server: LiveServer, seattle01: Device, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (image,) = images(data.coffee(), (), taken_at=TAKEN_AT, shows="frame", crop_margin=0.6)
    outbox = Outbox(tmp_path / "outbox.sqlite3", 100_000_000)
    outbox.put(as_upload(image))
    assert not uploader(live_server, outbox, "ended").step()
    assert "it answered 401 Unauthorized" in caplog.text
    assert (outbox.messages, outbox.dropped) == (1, 0)
