"""The demo's environment is checked before it starts: each fault is reported in one sentence."""

import os
import socket
import stat
from pathlib import Path

import pytest

from demo.running.environment import DemoError, demo_environment, mosquitto
from tests.programs.brokers import free_port
from tests.programs.brokers import mosquitto as running_mosquitto


def environ(folder: Path, **more: str) -> dict[str, str]:
    return {"DATA_DIR": str(folder), "PORT": str(free_port()), "PATH": os.environ["PATH"], **more}


def refusal(variables: dict[str, str]) -> str:
    with pytest.raises(DemoError) as caught, demo_environment(variables):
        pass
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def test_an_empty_folder_gets_a_secret_key_that_stays(tmp_path: Path) -> None:
    data = tmp_path / "new" / "data"
    with demo_environment(environ(data)) as first:
        key = first.variables["SECRET_KEY"]
    with demo_environment(environ(data)) as second:
        assert second.variables["SECRET_KEY"] == key
    assert len(key) >= 50
    assert stat.S_IMODE((data / "secret-key").stat().st_mode) == 0o600


def test_two_folders_get_two_keys(tmp_path: Path) -> None:
    with demo_environment(environ(tmp_path / "a")) as one, demo_environment(environ(tmp_path / "b")) as other:
        assert one.variables["SECRET_KEY"] != other.variables["SECRET_KEY"]
        assert one.mqtt_url != other.mqtt_url


def test_a_given_secret_key_is_used_and_not_written_down(tmp_path: Path) -> None:
    with demo_environment(environ(tmp_path, SECRET_KEY="given")) as environment:
        assert environment.variables["SECRET_KEY"] == "given"
    assert not (tmp_path / "secret-key").exists()


def test_a_taken_port_is_named_with_a_way_out(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        sentence = refusal(environ(tmp_path / "data", PORT=str(port)))
    assert f"Port {port} is taken" in sentence
    assert f"PORT={port + 1}" in sentence
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("port", ["eighty", "0", "-1", "65536", "80.5"])
def test_a_port_that_is_no_port_number_is_refused(tmp_path: Path, port: str) -> None:
    sentence = refusal(environ(tmp_path, PORT=port))
    assert "PORT" in sentence
    assert f"“{port}”" in sentence


def test_a_data_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert str(tmp_path / "file") in refusal(environ(tmp_path / "file"))


def test_a_second_demo_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with demo_environment(environ(tmp_path)):
        assert str(tmp_path) in refusal(environ(tmp_path))
    with demo_environment(environ(tmp_path)):
        pass


def test_a_broker_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    port = free_port()
    sentence = refusal(environ(tmp_path, MQTT_URL=f"mqtt://user:hush@127.0.0.1:{port}"))
    assert f"127.0.0.1 port {port}" in sentence
    assert "hush" not in sentence


def test_a_wrong_mqtt_url_is_refused(tmp_path: Path) -> None:
    assert "MQTT_URL" in refusal(environ(tmp_path, MQTT_URL="http://127.0.0.1"))


def test_a_given_broker_is_used(tmp_path: Path) -> None:
    with (
        running_mosquitto(tmp_path / "broker") as broker,
        demo_environment(environ(tmp_path, MQTT_URL=broker.url)) as environment,
    ):
        assert not environment.own_broker
        assert environment.variables["MQTT_URL"] == broker.url


def test_the_own_broker_listens_on_loopback_only(tmp_path: Path) -> None:
    command = mosquitto("mqtt://127.0.0.1:18830", tmp_path / "broker")
    assert Path(command[0]).name == "mosquitto"
    lines = Path(command[-1]).read_text().splitlines()
    assert [line for line in lines if line.startswith("listener")] == ["listener 18830 127.0.0.1"]


def test_without_mosquitto_the_error_names_the_package_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(DemoError, match="apt-get install mosquitto"):
        mosquitto("mqtt://127.0.0.1:18830", tmp_path)
