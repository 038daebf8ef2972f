"""A wrong or missing variable ends every command with one sentence that names it, and no traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.files import ROOT


def check(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={**inherited, "DATA_DIR": str(folder), **variables},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DEBUG", "maybe"),
        ("HTTPS", "perhaps"),
        ("SECRET_KEY", ""),
        ("MQTT_URL", "nonsense"),
        ("MQTT_URL", "http://broker.example"),
        ("RECOGNISER", "crystal-ball"),
        ("GREETING_TOPIC_ARN", "greetings"),
        ("DATABASE_URL", "nosuch://host/name"),
        ("FRAME_RETENTION_DAYS", "0"),
        ("FRAME_RETENTION_DAYS", "many"),
        ("TASK_WORKERS", "-1"),
        ("LOG_LEVEL", "LOUD"),
    ],
)
def test_a_wrong_value_is_one_sentence(tmp_path: Path, variable: str, value: str) -> None:
    done = check(tmp_path, **({"SECRET_KEY": "a key"} | {variable: value}))
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert variable in done.stderr


def test_nothing_at_all_is_one_sentence(tmp_path: Path) -> None:
    done = check(tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("Headcount cannot start: SECRET_KEY is not set.")


def test_a_secret_key_is_all_that_must_be_given(tmp_path: Path) -> None:
    done = check(tmp_path, SECRET_KEY="a key")
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []
