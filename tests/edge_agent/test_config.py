from pathlib import Path

import pytest

from edge_agent.config import AgentConfig, ConfigError, broker_of, load

SMALLEST = {"HEADCOUNT_THING": "cam1", "HEADCOUNT_MQTT_URL": "mqtt://127.0.0.1:1883"}


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "agent.toml"
    path.write_text(text)
    return path


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, 'thing = "from-file"\nmqtt_url = "mqtt://broker"\ncadence = 5\ndetectors = ["hands"]\n')
    config = load(path, {"HEADCOUNT_CADENCE": "3.5", "HEADCOUNT_DETECTORS": "faces, objects", "HOME": "/root"})
    assert (config.thing, config.cadence, config.detectors) == ("from-file", 3.5, ("faces", "objects"))


def test_the_defaults_of_the_photographer() -> None:
    config = load(None, SMALLEST)
    assert (config.face_probability, config.countdown, config.cooldown, config.cadence) == (0.60, 4.0, 10.0, 2.0)
    assert config.picture == "frame"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            'thing = "a"\ncadance = 2\n',
            'agent.toml, key "cadance": there is no such setting; choose one of accuracy, bodies, cadence',
        ),
        ("cadence = 0\n", 'key "cadence" is wrong: expected a number above 0.'),
        ('cadence = "2"\n', 'key "cadence" is wrong: expected a number.'),
        ("face_probability = 17\n", 'key "face_probability" is wrong: expected a number of at most 1.'),
        ('detectors = ["noses"]\n', "key \"detectors\" is wrong: expected faces or hands or objects, not 'noses'."),
        ('detectors = "faces"\n', 'key "detectors" is wrong: expected a list, such as ["faces"].'),
        ('accuracy = "best"\n', "key \"accuracy\" is wrong: expected balanced or high, not 'best'."),
        ("facing_angle = 0\n", 'key "facing_angle" is wrong: expected a number above 0.'),
        ('lens = "wide"\n', 'key "lens" is wrong: expected a number.'),
        ("lens = nan\n", 'key "lens" is wrong: expected a number of at least 10.'),
        ("lens = 200\n", 'key "lens" is wrong: expected a number of at most 170.'),
        ('picture = "selfie"\n', "key \"picture\" is wrong: expected frame or crop, not 'selfie'."),
        ("source = 0\n", 'key "source" is wrong: expected a text in quotes.'),
        ('repeat = "yes"\n', 'key "repeat" is wrong: expected true or false.'),
        ("outbox_max_bytes = 2.5\n", 'key "outbox_max_bytes" is wrong: expected a whole number.'),
        ('thing = "a/b"\n', 'key "thing" is wrong'),
        ('mqtt_url = "http://broker"\n', "expected mqtt://"),
        ('thing = "a"\n', '"mqtt_url" is not set'),
        ("thing =\n", "is not TOML"),
        (
            'thing="a"\nmqtt_url="mqtt://b"\nmqtt_ca="ca.pem"\n',
            "mqtt_url must begin with mqtts:// where mqtt_ca is set.",
        ),
        ('thing="a"\nmqtt_url="mqtts://b"\nmqtt_cert="c.pem"\n', "belong together"),
        (
            'thing="a"\nmqtt_url="mqtts://b"\nmqtt_ca="nowhere.pem"\n',
            "mqtt_ca: nowhere.pem cannot be read: No such file",
        ),
    ],
)
def test_what_is_wrong_is_one_sentence_that_says_where(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(written(tmp_path, text), {})
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_unknown_variable_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="HEADCOUNT_CADANCE: there is no such setting"):
        load(None, SMALLEST | {"HEADCOUNT_CADANCE": "2"})


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_that_a_windows_editor_has_saved_is_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "agent.toml"
    path.write_bytes('thing = "a"\r\nmqtt_url = "mqtt://b"\r\n'.encode(encoding))
    assert load(path, {}).thing == "a"


def test_a_file_in_another_encoding_is_refused_with_advice(tmp_path: Path) -> None:
    path = tmp_path / "agent.toml"
    path.write_bytes('thing = "Café"'.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"agent.toml is not TOML: byte 13 is not UTF-8; save the file as UTF-8\.$"):
        load(path, {})


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml cannot be read: No such file"):
        load(tmp_path / "nowhere.toml", {})


def test_a_broker_s_url() -> None:
    broker = broker_of("mqtts://user:p%40ss@broker.example")
    assert (broker.host, broker.port, broker.tls, broker.username, broker.password) == (
        "broker.example",
        8883,
        True,
        "user",
        "p@ss",
    )
    assert broker_of("mqtt://[::1]:1884").port == 1884
    assert broker_of("mqtt://broker").port == 1883


@pytest.mark.parametrize(
    "url",
    [
        "mqtt://u:secret@host:99999",
        "mqtt://u:secret@",
        "http://u:secret@host",
        "secret",
        "mqtt://u:secret#1@host",
        "mqtt://u:1#secret@host",
        "mqtt://u:secret/1@host",
        "mqtt://u:[secret@host",
    ],
)
def test_no_error_and_no_repr_shows_the_password(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        broker_of(url)
    assert "secret" not in str(refused.value)
    assert "secret" not in repr(broker_of("mqtt://u:secret@host"))


def test_a_hash_in_a_password_is_refused_with_what_to_write() -> None:
    with pytest.raises(ConfigError, match=r"^mqtt_url contains “#”, which ends a URL; write # as %23\.$"):
        broker_of("mqtt://camera:12#34@127.0.0.1:1883")
    assert broker_of("mqtt://camera:12%2334@127.0.0.1:1883").password == "12#34"


def test_every_setting_has_a_variable_of_its_name() -> None:
    config = load(None, SMALLEST | {"HEADCOUNT_OUTBOX_MAX_BYTES": "2000000", "HEADCOUNT_OUTBOX": "/tmp/o"})
    assert config == AgentConfig(
        thing="cam1", mqtt_url="mqtt://127.0.0.1:1883", outbox_max_bytes=2_000_000, outbox=Path("/tmp/o")
    )
