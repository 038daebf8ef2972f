from pathlib import Path

import pytest

from edge_agent.delivery.settings_file import SettingsFile
from edge_agent.messages import DesiredSettings


@pytest.fixture
def settings_file(tmp_path: Path) -> SettingsFile:
    return SettingsFile(tmp_path / "outbox.sqlite3")


def test_the_settings_that_were_saved_last_are_loaded(tmp_path: Path, settings_file: SettingsFile) -> None:
    assert settings_file.load() == DesiredSettings()
    for cadence in (4.0, 5.0):
        settings_file.save(DesiredSettings(cadence=cadence, detectors=("faces",)))
    assert SettingsFile(tmp_path / "outbox.sqlite3").load() == DesiredSettings(cadence=5.0, detectors=("faces",))
    assert [path.name for path in tmp_path.iterdir()] == ["outbox.sqlite3.settings"]


@pytest.mark.parametrize("content", [b"{", b'{"cadence": -1}', b'{"shutter": 3}', b"\xff"])
def test_an_unusable_file_is_logged_and_ignored(
    tmp_path: Path, settings_file: SettingsFile, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "outbox.sqlite3.settings").write_bytes(content)
    assert settings_file.load() == DesiredSettings()
    assert "cannot be used until the platform sends them again" in caplog.text


def test_a_disk_that_takes_nothing_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    SettingsFile(tmp_path / "absent" / "outbox.sqlite3").save(DesiredSettings(cadence=4.0))
    assert "hold only until the next restart, because they cannot be saved: [Errno 2]" in caplog.text
