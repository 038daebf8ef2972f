"""The commands of docs/learning.md, run in their order on pictures of the kind that it speaks of."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command

from devices.models import Device
from learning.models import Picture
from learning.rollout import services
from learning.training import hands, running
from tests.edge_agent.learned.hands import hand
from tests.house.files import ROOT
from tests.learning.datasets.test_importing import xml
from tests.learning.samples import jpeg
from tests.learning.signs import plates

COMMANDS = re.findall(r"(?m)^\.venv/bin/python manage\.py (.+)$", (ROOT / "docs" / "learning.md").read_text("utf-8"))
GESTURES = {"thumb": "thumbs-up", "palm": "none"}
EACH = 8


def hands_of_names(picture: Picture, boxes: object) -> None:
    """Let the hand of a picture be that of its name; the detector that finds hands has its own tests."""
    gesture, number = Path(picture.name).stem.split("-")
    found = hand(gesture, int(number), recording=len(picture.recording))
    found = (found - found.min(axis=0)) / np.ptp(found, axis=0) * (40, 30, 10) + (10, 10, 0)
    picture.hands = [np.round(found, 2).tolist()]
    picture.save(update_fields=["hands"])


@pytest.mark.django_db
def test_the_commands_lead_from_pictures_to_models_on_cameras(
    seattle01: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(hands, "look_at", hands_of_names)
    monkeypatch.setattr(running, "enqueue", lambda run: None)
    for day, recording in enumerate(("monday", "tuesday")):
        (folder := tmp_path / "pictures" / recording).mkdir(parents=True)
        for place, gesture in enumerate(GESTURES):
            for number in range(EACH):
                name = f"{gesture}-{number}"
                (folder / f"{name}.jpg").write_bytes(jpeg(100 * day + place * EACH + number))
                (folder / f"{name}.xml").write_bytes(xml(f"{name}.jpg", (GESTURES[gesture], 10, 10, 50, 40)))
    for number, (picture, label, (left, top, width, height)) in enumerate(plates()):
        (folder := tmp_path / "signs" / f"day {number % 3}").mkdir(parents=True, exist_ok=True)
        picture.save(folder / f"{number}.jpg", quality=95)
        box = (label, left, top, left + width, top + height)
        (folder / f"{number}.xml").write_bytes(xml(f"{number}.jpg", box, size=picture.size))
    assert len(COMMANDS) == 8
    for command in COMMANDS:
        call_command(*shlex.split(command))
    said = capsys.readouterr()
    assert said.err == ""
    assert re.search(r"version 1: expected [1-9]\d*, true [1-9]", said.out)
    assert [str(run) for run in services.wanted_on(seattle01.thing)] == ["our thumbs-up 1", "our sign 1"]
    assert (tmp_path / "out.zip").read_bytes().startswith(b"PK")
