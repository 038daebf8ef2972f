"""A wrong or missing variable ends every command with one sentence that names it, and no traceback."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from config import environment
from tests.house.files import ROOT

KEY = "a key of more than fifty characters, at least ten of which differ"


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
        ("SECRET_KEY", "a key"),
        ("SECRET_KEY", "0123456789" * 4),
        ("SECRET_KEY", "abc" * 20),
        ("EMAIL_URL", "pigeon://roof"),
        ("OIDC_SERVER_URL", "https://accounts.example.com"),
        ("MQTT_URL", "nonsense"),
        ("MQTT_URL", "http://broker.example"),
        ("MQTT_CA_FILE", "/etc/ssl/certs"),
        ("RECOGNISER", "crystal-ball"),
        ("GREETING_TOPIC_ARN", "greetings"),
        ("DATABASE_URL", "nosuch://host/name"),
        ("FRAME_RETENTION_DAYS", "0"),
        ("FRAME_RETENTION_DAYS", "many"),
        ("DATABASE_REPLICA_URL", "postgres://replica/headcount"),
        ("FACTS_IN_DATABASE_DAYS", "90"),
        ("TASK_WORKERS", "-1"),
        ("LOG_LEVEL", "LOUD"),
    ],
)
def test_a_wrong_value_is_one_sentence(tmp_path: Path, variable: str, value: str) -> None:
    done = check(tmp_path, **({"SECRET_KEY": KEY} | {variable: value}))
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert variable in done.stderr


@pytest.mark.parametrize("variable", ["MQTT_URL", "DATABASE_URL"])
@pytest.mark.parametrize("password", ["a#ret", "#secret", "a/ret", "a?ret", "a]ret", "a ret", "12#34", "12/34"])
def test_a_password_that_breaks_its_url_is_refused_and_not_shown(variable: str, password: str) -> None:
    scheme = {"MQTT_URL": "mqtt", "DATABASE_URL": "postgres"}[variable]
    url = f"{scheme}://camera:{password}@127.0.0.1/"
    with pytest.raises(SystemExit) as refused:
        read_environment(variable, url)
    sentence = str(refused.value)
    assert sentence.startswith(f"Headcount cannot start: {variable} ")
    odd = next(character for character in password if not character.isalnum())
    assert f"{'a space' if odd == ' ' else odd} as {quote(odd, safe='')}" in sentence
    assert not any(part in sentence for part in ("sec", "ret", "12", "34"))


def read_environment(variable: str, value: str) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SECRET_KEY", KEY)
        patched.setenv(variable, value)
        return environment.read()


def test_a_password_in_percent_encoding_is_taken() -> None:
    assert (
        read_environment("DATABASE_URL", "postgres://hc:12%2334@127.0.0.1/headcount")["DATABASE"]["PASSWORD"] == "12#34"
    )
    assert read_environment("MQTT_URL", "mqtt://camera:12%2334@127.0.0.1")


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_of_the_broker_s_tls_that_cannot_be_used_is_named(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    done = check(tmp_path, SECRET_KEY=KEY, MQTT_URL="mqtts://broker.example", MQTT_CA_FILE=str(file))
    assert done.returncode == 1
    assert done.stderr.startswith(f"Headcount cannot start: MQTT_CA_FILE: {file} ")
    assert len(done.stderr.splitlines()) == 1


def test_nothing_at_all_is_one_sentence(tmp_path: Path) -> None:
    done = check(tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("Headcount cannot start: SECRET_KEY is not set.")


def test_a_secret_key_is_all_that_must_be_given(tmp_path: Path) -> None:
    done = check(tmp_path, SECRET_KEY=KEY)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []
