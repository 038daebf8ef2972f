"""The program's errors where it cannot start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.programs.waiting import PATIENCE_S

WITHOUT_ROOTS_PRIVILEGE = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
"""To read whatever it likes. Started so, a program may read what its owner may."""


def refusal(tmp_path: Path, settings: dict[str, str]) -> str:
    """What an agent with these settings says before it ends."""
    smallest = {"thing": "cam1", "mqtt_url": "mqtts://127.0.0.1", "outbox": f"{tmp_path}/outbox", "stream": "off"}
    environ = os.environ | {f"HEADCOUNT_{key.upper()}": value for key, value in (smallest | settings).items()}
    command = [*WITHOUT_ROOTS_PRIVILEGE, sys.executable, "-m", "edge_agent"]
    ended = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=PATIENCE_S)
    assert ended.returncode == 2
    assert len(ended.stderr.strip().splitlines()) == 1, ended.stderr
    return ended.stderr


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"cadence": "fast"}, "edge agent: HEADCOUNT_CADENCE is wrong: expected a number."),
        ({"cadance": "2"}, "edge agent: HEADCOUNT_CADANCE: there is no such setting"),
        (
            {"source": "scene:lobby", "detectors": ""},
            'edge agent: source: "scene:lobby" is neither a file nor a folder',
        ),
        ({"source": "0", "models": "/nowhere"}, "edge_agent.vision.files"),
    ],
)
def test_a_wrong_setting_is_reported_in_one_sentence(tmp_path: Path, settings: dict[str, str], sentence: str) -> None:
    assert sentence in refusal(tmp_path, settings)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"mqtt_ca": "{}/ca.pem"}, "mqtt_ca: {}/ca.pem cannot be read: Permission denied."),
        ({"source": "{}/videos", "detectors": ""}, "source: {}/videos cannot be read: Permission denied."),
        ({"source": "{}", "detectors": ""}, "source: {} cannot be read: Permission denied."),
        ({"models": "{}"}, "{}/face_detection_full_range_sparse.tflite cannot be read: Permission denied."),
        ({"outbox": "{}/outbox"}, "the outbox {}/outbox cannot be opened"),
    ],
)
def test_a_file_without_permission_is_reported_in_one_sentence(
    tmp_path: Path, settings: dict[str, str], sentence: str
) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0)
    said = refusal(tmp_path, {key: value.format(locked) for key, value in settings.items()})
    locked.chmod(0o700)
    assert sentence.format(locked) in said


def test_a_missing_configuration_is_reported_in_one_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edge_agent", "--config", str(tmp_path / "agent.toml")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    assert ended.returncode == 2
    assert ended.stderr == f"edge agent: {tmp_path}/agent.toml cannot be read: No such file or directory.\n"
