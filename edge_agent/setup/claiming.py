"""Exchanges a claim code for the box's credentials and settings, and writes them where the agent reads them.

The box sends the code once. The platform's answer has the configuration of the agent, the certificates, and the models
that the platform serves. A model that the platform does not have is fetched from the package that publishes it.
"""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import msgspec

from edge_agent import config as configuration
from edge_agent.delivery.platform_client import PlatformClient, PlatformError
from edge_agent.durable import replace_file
from edge_agent.release import software
from edge_agent.setup.versions import VERSIONS
from edge_agent.vision.files import ModelsUnavailable, fetch_models

CLAIMS = "/api/v1/claims/"
CONFIG = "agent.toml"


class ClaimError(Exception):
    """The box could not be set up. The message says why in one sentence, and what to do."""


class ModelFile(msgspec.Struct, frozen=True):
    """A model that the platform serves."""

    name: str
    sha256: str
    path: str


class Claimed(msgspec.Struct, frozen=True):
    """The platform's answer to a claim code. An empty text stands for what there is not."""

    thing: str
    config: dict[str, Any]
    device_token: str
    mqtt_ca: str = ""
    mqtt_cert: str = ""
    mqtt_key: str = ""
    models: tuple[ModelFile, ...] = ()


def claim(address: str, code: str, *, folder: Path, state: Path) -> Path:
    """Claim the code at this platform; write the agent's configuration into `folder`, and fetch the models into
    `state`. Return the path of the configuration.

    All written files are readable by their owner only. Settings that an earlier configuration has and the platform does
    not name are kept. Raises `ClaimError`.
    """
    try:
        client = PlatformClient(address)
        answer = client.post(CLAIMS, {"code": code, "software": software()})
        claimed = msgspec.convert(answer, Claimed)
        path = _write(claimed, client.address, folder, state)
        shutil.rmtree(state / VERSIONS, ignore_errors=True)  # the version that has just been installed shall run
        _fetch_models(PlatformClient(address, claimed.device_token), claimed.models, state / "models")
    except PlatformError as error:
        raise ClaimError(str(error)) from error
    except msgspec.ValidationError as error:
        raise ClaimError(f"{address} answered something that this agent cannot read: {error}.") from error
    except ModelsUnavailable as error:
        raise ClaimError(str(error)) from error
    except OSError as error:
        raise ClaimError(f"{error.filename or folder} cannot be written: {error.strerror or error}.") from error
    return path


def _write(claimed: Claimed, address: str, folder: Path, state: Path) -> Path:
    for each in (folder, state):
        each.mkdir(parents=True, exist_ok=True)
    path = folder / CONFIG
    values: dict[str, Any] = configuration.read_file(path) if path.exists() else {}
    # Credentials of an earlier claim are void.
    values = {key: value for key, value in values.items() if not key.startswith("mqtt_")}
    values |= claimed.config | {
        "thing": claimed.thing,
        "platform_url": address,
        "upload_url": f"{address}/api/v1/captures/",
        "device_token": claimed.device_token,
        "outbox": str(state / "outbox.sqlite3"),
        "models": str(state / "models"),
    }
    for key in ("mqtt_ca", "mqtt_cert", "mqtt_key"):
        if text := getattr(claimed, key):
            file = folder / f"{key.removeprefix('mqtt_')}.pem"
            replace_file(file, text.encode(), is_private=True)
            values[key] = str(file)
    text = "".join(f"{key} = {_toml(value)}\n" for key, value in sorted(values.items()))
    replace_file(path, text.encode(), is_private=True)
    configuration.load(path, {})
    return path


def _toml(value: object) -> str:
    """Return the value in TOML. JSON writes texts, numbers, booleans and lists of them in the same way."""
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else list(value)  # type: ignore[call-overload]


def _fetch_models(client: PlatformClient, models: tuple[ModelFile, ...], folder: Path) -> None:
    """Fetch the models that the platform serves, and any that it lacks from the packages that publish them."""
    folder.mkdir(parents=True, exist_ok=True)
    for model in models:
        path = folder / Path(model.name).name
        if path.exists() and _sha256(path) == model.sha256:
            continue
        print(f"Fetching {path.name} …", flush=True)
        unfinished = path.with_name(f".{path.name}.unfinished")
        client.download(model.path, unfinished)
        if (found := _sha256(unfinished)) != model.sha256:
            unfinished.unlink()
            raise ClaimError(f"The fetched {path.name} has the SHA-256 {found}, not {model.sha256}. Try again.")
        unfinished.replace(path)
    fetch_models(folder)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
