from pathlib import Path

import pytest

from edge_agent.delivery.remembered import Remembered
from edge_agent.messages import DesiredSettings


@pytest.fixture
def remembered(tmp_path: Path) -> Remembered:
    return Remembered(tmp_path / "outbox.sqlite3")


def test_the_settings_that_were_kept_last_are_there(tmp_path: Path, remembered: Remembered) -> None:
    assert remembered.load() == DesiredSettings()
    for cadence in (4.0, 5.0):
        remembered.keep(DesiredSettings(cadence=cadence, detectors=("faces",)))
    assert Remembered(tmp_path / "outbox.sqlite3").load() == DesiredSettings(cadence=5.0, detectors=("faces",))
    assert [path.name for path in tmp_path.iterdir()] == ["outbox.sqlite3.settings"]


@pytest.mark.parametrize("kept", [b"{", b'{"cadence": -1}', b'{"shutter": 3}', b"\xff"])
def test_what_cannot_be_used_is_logged_and_left(
    tmp_path: Path, remembered: Remembered, kept: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "outbox.sqlite3.settings").write_bytes(kept)
    assert remembered.load() == DesiredSettings()
    assert "cannot be used until the platform sends them again" in caplog.text


def test_a_disk_that_takes_nothing_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Remembered(tmp_path / "absent" / "outbox.sqlite3").keep(DesiredSettings(cadence=4.0))
    assert "hold only until the next restart, since they cannot be kept: [Errno 2]" in caplog.text
