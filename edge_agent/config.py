"""Loads the agent's configuration from a TOML file and from environment variables, which override the file.

Every field of `AgentConfig` is a key of the file. Its variable is `HEADCOUNT_` and the key in capitals
(`HEADCOUNT_MQTT_URL`). A list in a variable is separated by commas (`HEADCOUNT_DETECTORS=faces,hands`).
"""

import hashlib
import ipaddress
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints
from urllib.parse import unquote, urlsplit

import msgspec

from edge_agent.messages import (
    Accuracy,
    Cadence,
    Detector,
    FacingAngle,
    Margin,
    Probability,
    Seconds,
    Settings,
    ThingName,
)
from edge_agent.text.files import read_text
from edge_agent.text.plain_words import plain
from edge_agent.text.urls import split_url, without_password
from edge_agent.vision.files import models_folder

PREFIX = "HEADCOUNT_"

OFF = "off"
"""Value of `stream` that turns the stream off."""


class ConfigError(ValueError):
    """A setting is wrong; the message names the key and its file or variable, and what is expected there."""


@dataclass(frozen=True)
class Broker:
    """The MQTT broker's address, and the credentials for it."""

    host: str
    port: int
    tls: bool
    username: str | None
    password: str | None = field(repr=False)


class AgentConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The agent's configuration. Times are seconds. The countdown's defaults are from the DeepLens coffee sample."""

    thing: ThingName
    mqtt_url: str
    """`mqtt://[user:password@]host[:port]`, or `mqtts://` for TLS; the ports default to 1883 and 8883."""
    mqtt_ca: Path | None = None
    """PEM file of the authority that signed the broker's certificate; the system's authorities where absent."""
    mqtt_cert: Path | None = None
    mqtt_key: Path | None = None
    source: str = "0"
    """A device's index, an RTSP or HTTP URL, a video file or a folder of pictures."""
    repeat: bool = True
    """Whether a file or a folder begins again at its end; otherwise the agent ends there."""
    wedged_after: Annotated[float, msgspec.Meta(gt=0.0, le=3600.0)] = 10.0
    """Without a frame for this long the source counts as wedged: that is logged, and a camera is opened again."""
    lens: Annotated[float, msgspec.Meta(ge=10.0, le=170.0)] | None = None
    """The lens's horizontal angle of view in degrees; without it, no visit has a distance from the camera."""
    detectors: tuple[Detector, ...] = ("faces", "hands", "objects")
    cadence: Cadence = 2.0
    """Frames analysed per second."""
    accuracy: Accuracy = "balanced"
    """How often the exact search for faces runs; docs/edge-agent.md tells the metres and the processor time."""
    facing_angle: FacingAngle = 30.0
    """A face that is turned away from the camera by more than this faces something else than the display; degrees."""
    bodies: bool = False
    """Whether bodies are looked for too, so that whoever passes without a glance has a visit; needs `faces`."""
    face_threshold: Probability = 0.55
    """New faces less probable than this are not reported, known ones below `vision.faces.KNOWN` of it."""
    gesture_threshold: Probability = 0.5
    """Gestures with a lower confidence are not reported; see `vision.gestures`."""
    object_threshold: Probability = 0.35
    """Cups and people less probable than this are not reported; see `vision.objects.ObjectDetector`."""
    face_probability: Probability = 0.60
    """A face at least this probable starts the countdown to a picture."""
    countdown: Seconds = 4.0
    cooldown: Seconds = 10.0
    picture: Literal["frame", "crop"] = "frame"
    crop_margin: Margin = 0.6
    """Margin around a face in a crop, as a share of the face's size; below the face it is twice as large."""
    outbox: Path = Path("outbox.sqlite3")
    outbox_max_bytes: Annotated[int, msgspec.Meta(ge=1_000_000)] = 512_000_000
    models: Path = msgspec.field(default_factory=models_folder)
    stream: str = "127.0.0.1:8090"
    """Address of the stream of annotated pictures, `address:port`, or `off`. It has no password."""
    upload_url: str | None = None
    """The platform's `https://…/api/v1/captures/`, for pictures that are too large for a message."""
    device_token: str | None = None
    """Issued by the platform; needed for `upload_url` and `platform_url`."""
    platform_url: str | None = None
    """The platform's `https://…`, which is shown views while the camera is set up, and has updates of the agent."""

    @property
    def broker(self) -> Broker:
        return broker_of(self.mqtt_url)

    @property
    def camera_id(self) -> str:
        """A hash of the source, without user, password and query of a URL, and of the lens."""
        seen = f"{without_password(self.source)} {self.lens}"
        return hashlib.sha256(seen.encode()).hexdigest()[:16]

    @property
    def stream_address(self) -> tuple[str, int] | None:
        """Host and port of the stream; None where it is off."""
        return address_of(self.stream)

    @property
    def settings(self) -> Settings:
        """The current values of the settings that the platform may change."""
        return Settings(**{name: getattr(self, name) for name in Settings.__struct_fields__})

    def with_settings(self, settings: Settings) -> "AgentConfig":
        """Return this configuration with the values of `settings` that are not None."""
        given = {name: getattr(settings, name) for name in Settings.__struct_fields__}
        return msgspec.structs.replace(self, **{name: value for name, value in given.items() if value is not None})


def load(path: Path | None, environ: Mapping[str, str]) -> AgentConfig:
    """Return the configuration from this file (None for no file) and these environment variables.

    Raises `ConfigError` for a file that cannot be read, an unknown key, a wrong value or a missing value.
    """
    values = read_file(path) | _from_environment(environ)
    for key in ("thing", "mqtt_url"):
        if key not in values:
            raise ConfigError(f'"{key}" is not set: write it in the file given by --config, or set {_variable(key)}.')
    config = AgentConfig(**values)
    _check_tls(config)
    _check_upload(config)
    return config


def read_file(path: Path | None) -> dict[str, Any]:
    """Return the checked values of this file; none without a file. Raises `ConfigError`."""
    if path is None:
        return {}
    try:
        table = tomllib.loads(read_text(path))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise ConfigError(f"{path} is not TOML: {error}.") from error
    return {key: _value(key, value, f'{path}, key "{key}"', from_text=False) for key, value in table.items()}


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    given = {name: text for name, text in environ.items() if name.startswith(PREFIX)}
    return {
        (key := name.removeprefix(PREFIX).lower()): _value(key, _split(key, text), name, from_text=True)
        for name, text in given.items()
    }


def _split(key: str, text: str) -> str | list[str]:
    return [part.strip() for part in text.split(",") if part.strip()] if key == "detectors" else text


def _value(key: str, value: object, where: str, *, from_text: bool) -> Any:
    types = get_type_hints(AgentConfig, include_extras=True)
    if key not in types:
        raise ConfigError(f"{where}: there is no such setting; choose one of {', '.join(sorted(types))}.")
    try:
        checked = msgspec.convert(value, types[key], strict=not from_text, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where} is wrong: {_expected(error, types[key])}.") from error
    if key in _CHECKS:
        _CHECKS[key](checked, where)
    return checked


def _path(kind: type, value: object) -> Path:
    if kind is not Path or not isinstance(value, str):
        raise ValueError("expected a path in quotes")
    return Path(value)


def broker_of(url: str, where: str = "mqtt_url") -> Broker:
    """Return the broker that this URL names. Raises `ConfigError`, which says that the URL stands in `where`."""
    # The URL may contain a password, so no error repeats it.
    wrong = ConfigError(f"{where} is wrong: expected mqtt://[user:password@]host[:port], or mqtts:// for TLS.")
    try:
        parts = split_url(url)
    except ValueError as error:
        raise ConfigError(f"{where} {error}.") from None
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or parts.path not in ("", "/"):
        raise wrong
    tls = parts.scheme == "mqtts"
    return Broker(
        host=parts.hostname,
        port=parts.port or (8883 if tls else 1883),
        tls=tls,
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )


def address_of(text: str, where: str = "stream") -> tuple[str, int] | None:
    """Return host and port of `address:port`; None for `off`. Raises `ConfigError`."""
    if text == OFF:
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise ConfigError(f'{where} is wrong: expected address:port, such as 127.0.0.1:8090, or "{OFF}".')
    return host.strip("[]"), int(port)


def is_loopback(host: str) -> bool:
    """Whether this host name or address can only be reached from this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


_CHECKS: dict[str, Callable[[str, str], object]] = {"mqtt_url": broker_of, "stream": address_of}
"""Checks of keys whose type alone does not say what is valid."""


def _check_upload(config: AgentConfig) -> None:
    addresses = {
        "upload_url": (config.upload_url, "https://host/api/v1/captures/"),
        "platform_url": (config.platform_url, "https://host"),
    }
    given = {key: (url, example) for key, (url, example) in addresses.items() if url is not None}
    if bool(given) != (config.device_token is not None):
        raise ConfigError("upload_url or platform_url, and device_token, belong together: set both or neither.")
    for key, (url, example) in given.items():
        parts = urlsplit(url)
        if not (parts.scheme == "https" and parts.hostname) and not (
            parts.scheme == "http" and is_loopback(parts.hostname or "")
        ):
            raise ConfigError(f"{key} is wrong: expected {example}, because the device token is sent there.")


def _check_tls(config: AgentConfig) -> None:
    files = {"mqtt_ca": config.mqtt_ca, "mqtt_cert": config.mqtt_cert, "mqtt_key": config.mqtt_key}
    given = {key: path for key, path in files.items() if path is not None}
    if given and not config.broker.tls:
        raise ConfigError(f"mqtt_url must begin with mqtts:// where {', '.join(given)} is set.")
    if (config.mqtt_cert is None) != (config.mqtt_key is None):
        raise ConfigError("mqtt_cert and mqtt_key belong together: set both or neither.")
    for key, path in given.items():
        try:
            path.open("rb").close()
        except OSError as error:
            raise ConfigError(f"{key}: {path} cannot be read: {error.strerror}.") from error


def _variable(key: str) -> str:
    return PREFIX + key.upper()


_AS_WRITTEN = {"`str`": "a text in quotes", "`array`": 'a list, such as ["faces"]'}
"""The names of types in msgspec's errors, as a file has their values; for the others, see `text.plain_words`."""


def _expected(error: msgspec.ValidationError, kind: Any) -> str:
    """Return what is expected, as the rest of a sentence in plain words."""
    # The type of the given value is left out: every value from a variable is text.
    text = str(error).partition(", got ")[0]
    if text.startswith("Invalid enum value"):
        return f"expected {' or '.join(_choices(kind))}, not {text.partition(' value ')[2].partition(' - at')[0]}"
    wanted = text.removeprefix("Expected ")
    as_written = next((words for name, words in _AS_WRITTEN.items() if wanted.startswith(name)), None)
    return f"expected {as_written}" if as_written else plain(error, with_given=False).replace("must be", "expected", 1)


def _choices(kind: Any) -> list[str]:
    """Return all texts that this type of `Literal`s allows."""
    return [kind] if isinstance(kind, str) else [text for part in get_args(kind) for text in _choices(part)]
