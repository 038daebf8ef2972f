"""Reads and checks the environment variables of Headcount, which docs/settings.md lists with their meanings.

A wrong or missing value ends the process with one sentence that names the variable.
"""

import os
import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult

from environs import Env, EnvError, validate

from edge_agent.text.urls import split_url

ROOT = Path(__file__).resolve().parent.parent.parent
INSECURE_KEY = "insecure: works only while DEBUG is on"
SHORTEST_KEY = 50
"""Characters of a `SECRET_KEY`; Django's deployment check asks for as many."""
FEWEST_KEY_CHARACTERS = 10
"""Different characters of a `SECRET_KEY`. Django's check asks for five, which a keyboard row passes."""
RECOGNISERS = ("local", "rekognition")
DOTTED_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")
CREDENTIALS = ("none", "mosquitto", "aws-iot")
LOG_FORMATS = ("text", "json")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+")
TOPIC_ARN = re.compile(r"arn:[\w-]+:sns:[\w-]+:\d{12}:[\w.-]+")

env = Env()


def read() -> dict[str, Any]:
    """Return all variables by name. Raises `SystemExit` with one sentence if one is wrong or missing."""
    try:
        values = _read()
    except (EnvError, ValueError) as error:
        raise refusal(str(error)) from None
    if not values["SECRET_KEY"]:
        raise refusal(
            "SECRET_KEY is not set. Set it to a long random value, or set DEBUG=true on a developer's machine. "
            "(`make demo` makes its own.)"
        )
    if not values["DEBUG"] and _is_weak(values["SECRET_KEY"]):
        raise refusal(
            f"SECRET_KEY is too weak: it needs at least {SHORTEST_KEY} characters, of which {FEWEST_KEY_CHARACTERS} "
            'differ. Make one with `python3 -c "import secrets; print(secrets.token_urlsafe(64))"`.'
        )
    if not values["EMAIL"].get("EMAIL_BACKEND"):
        raise refusal(
            "EMAIL_URL must look like submission://user:password@mail.example.com:587. Without it, no mail is sent."
        )
    if bool(values["OIDC_SERVER_URL"]) != bool(values["OIDC_CLIENT_ID"]):
        raise refusal("OIDC_SERVER_URL and OIDC_CLIENT_ID belong together: set both, or none of them.")
    _check_database(values)
    _check_pages(values)
    mqtt = _split("MQTT_URL", values["MQTT_URL"])
    if mqtt.scheme not in ("mqtt", "mqtts") or not mqtt.hostname:
        raise refusal("MQTT_URL must look like mqtt://host:1883 or mqtts://user:password@host:8883.")
    _check_tls(mqtt.scheme, values)
    _check_devices_broker(mqtt, values)
    redis = _split("REDIS_URL", values["REDIS_URL"])
    if values["REDIS_URL"] and (redis.scheme not in ("redis", "rediss", "unix") or not (redis.hostname or redis.path)):
        raise refusal("REDIS_URL must look like redis://:password@host:6379/0, or rediss:// for TLS.")
    if set("#+") & set(values["HOME_ASSISTANT_PREFIX"]) or values["HOME_ASSISTANT_PREFIX"].startswith(("/", "$")):
        raise refusal(
            "HOME_ASSISTANT_PREFIX must be the first level of a topic, such as homeassistant. Empty switches it off."
        )
    if values["RECOGNISER"] not in RECOGNISERS and not DOTTED_PATH.fullmatch(values["RECOGNISER"]):
        raise refusal(
            f"RECOGNISER must be {', '.join(RECOGNISERS)} or the dotted path of a recogniser's class, such as "
            "acme.faces.Recogniser."
        )
    if values["GREETING_TOPIC_ARN"] and not TOPIC_ARN.fullmatch(values["GREETING_TOPIC_ARN"]):
        raise refusal("GREETING_TOPIC_ARN must look like arn:aws:sns:us-west-2:123456789012:greetings.")
    if not all(each.startswith("arn:aws") and ":sns:" in each for each in values["NOTIFY_TOPIC_ARNS"]):
        raise refusal(
            "NOTIFY_TOPIC_ARNS must be topics with commas between, such as arn:aws:sns:us-west-2:123456789012:alarms-*."
        )
    if values["SAGEMAKER_ROLE_ARN"] and not ROLE_ARN.fullmatch(values["SAGEMAKER_ROLE_ARN"]):
        raise refusal("SAGEMAKER_ROLE_ARN must look like arn:aws:iam::123456789012:role/headcount-training.")
    if bool(values["SAGEMAKER_ROLE_ARN"]) != bool(values["SAGEMAKER_BUCKET"]):
        raise refusal("SAGEMAKER_ROLE_ARN and SAGEMAKER_BUCKET belong together: set both, or none of them.")
    return values


def _split(name: str, url: str) -> SplitResult:
    try:
        return split_url(url)
    except ValueError as error:
        raise refusal(f"{name} {error}.") from None


def _check_database(values: Mapping[str, Any]) -> None:
    """Raises `SystemExit` for a replica or an archive of a SQLite, which has neither."""
    asked = {
        "DATABASE_REPLICA_URL": values["DATABASE_REPLICA"] is not None,
        "FACTS_IN_DATABASE_DAYS": values["FACTS_IN_DATABASE_DAYS"] > 0,
    }
    for name, is_set in asked.items():
        if is_set and "sqlite" in values["DATABASE"]["ENGINE"]:
            raise refusal(f"{name} takes PostgreSQL; DATABASE_URL leads to SQLite.")


def _check_pages(values: dict[str, Any]) -> None:
    """Complete the address of the pages: the first host that is allowed."""
    if not values["PAGES_URL"]:
        host = next((host for host in values["ALLOWED_HOSTS"] if host.strip("*.")), "localhost").lstrip(".")
        values["PAGES_URL"] = f"http{'s' if values['HTTPS'] else ''}://{host}"
    pages = _split("PAGES_URL", values["PAGES_URL"])
    if pages.scheme not in ("http", "https") or not pages.hostname or pages.query or pages.fragment:
        raise refusal("PAGES_URL must look like https://headcount.example.com.")


def _check_tls(scheme: str, values: Mapping[str, Any]) -> None:
    """Raises `SystemExit` for a file of the broker's TLS that cannot be read, or that would not be used."""
    files = {name: values[name] for name in ("MQTT_CA_FILE", "MQTT_CERT_FILE", "MQTT_KEY_FILE") if values[name]}
    if files and scheme != "mqtts":
        raise refusal(f"MQTT_URL must begin with mqtts:// where {' and '.join(files)} is set.")
    if "MQTT_KEY_FILE" in files and "MQTT_CERT_FILE" not in files:
        raise refusal("MQTT_KEY_FILE is set, but MQTT_CERT_FILE is not; set both or neither.")
    for name, file in files.items():
        try:
            Path(file).open("rb").close()
            if name == "MQTT_CA_FILE":
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
        except ssl.SSLError:
            raise refusal(f"{name}: {file} contains no certificate in PEM format.") from None
        except OSError as error:
            raise refusal(f"{name}: {file} cannot be read: {error.strerror}.") from None


def _check_devices_broker(mqtt: SplitResult, values: dict[str, Any]) -> None:
    """Complete how cameras reach the broker: as the platform does, but never with the platform's own password."""
    if not values["DEVICES_MQTT_URL"]:
        values["DEVICES_MQTT_URL"] = mqtt._replace(netloc=mqtt.netloc.rpartition("@")[2]).geturl()
    devices = _split("DEVICES_MQTT_URL", values["DEVICES_MQTT_URL"])
    if devices.scheme not in ("mqtt", "mqtts") or not devices.hostname:
        raise refusal("DEVICES_MQTT_URL must look like mqtt://host:1883 or mqtts://host:8883.")
    if values["DEVICE_CREDENTIALS"] != "none" and devices.username:
        raise refusal("DEVICES_MQTT_URL must name no user where DEVICE_CREDENTIALS gives each camera its own.")
    if devices.scheme == "mqtts":
        values["DEVICES_MQTT_CA_FILE"] = values["DEVICES_MQTT_CA_FILE"] or values["MQTT_CA_FILE"]
    if values["DEVICES_MQTT_CA_FILE"]:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(values["DEVICES_MQTT_CA_FILE"])
        except OSError as error:
            raise refusal(f"DEVICES_MQTT_CA_FILE: {values['DEVICES_MQTT_CA_FILE']} cannot be used: {error}.") from None


def keep_files_private() -> None:
    """Make all files and folders that this process and its children create readable by their own user only."""
    os.umask(0o077)


def refusal(sentence: str) -> SystemExit:
    """Return the exception that ends the process with this sentence."""
    return SystemExit(f"Headcount cannot start: {sentence}")


def _is_weak(key: str) -> bool:
    return len(key) < SHORTEST_KEY or len(set(key)) < FEWEST_KEY_CHARACTERS


def _read() -> dict[str, Any]:
    # Before the URL is parsed: a “#” in its password would make a part of the password the host.
    for name in ("DATABASE_URL", "DATABASE_REPLICA_URL"):
        _split(name, env.str(name, ""))
    debug = env.bool("DEBUG", False)
    data_dir = Path(env.str("DATA_DIR", str(ROOT / "var"))).resolve()
    models_dir, built_dir = env.str("MODELS_DIR", ""), env.str("BUILT_DIR", "")
    return {
        "DEBUG": debug,
        "DATA_DIR": data_dir,
        "SECRET_KEY": env.str("SECRET_KEY", INSECURE_KEY if debug else ""),
        "ALLOWED_HOSTS": env.list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"]),
        "CSRF_TRUSTED_ORIGINS": env.list("CSRF_TRUSTED_ORIGINS", []),
        "HTTPS": env.bool("HTTPS", not debug),
        "DATABASE": env.dj_db_url("DATABASE_URL", f"sqlite:///{data_dir / 'headcount.sqlite3'}"),
        "DATABASE_REPLICA": env.dj_db_url("DATABASE_REPLICA_URL", "") if env.str("DATABASE_REPLICA_URL", "") else None,
        "DATABASE_POOLED": env.bool("DATABASE_POOLED", False),
        "REDIS_URL": env.str("REDIS_URL", ""),
        "MQTT_URL": env.str("MQTT_URL", "mqtt://127.0.0.1:1883"),
        "MQTT_CLIENT_ID": env.str("MQTT_CLIENT_ID", "headcount-ingest"),
        "MQTT_CA_FILE": env.str("MQTT_CA_FILE", ""),
        "MQTT_CERT_FILE": env.str("MQTT_CERT_FILE", ""),
        "MQTT_KEY_FILE": env.str("MQTT_KEY_FILE", ""),
        "DEVICES_MQTT_URL": env.str("DEVICES_MQTT_URL", ""),
        "DEVICES_MQTT_CA_FILE": env.str("DEVICES_MQTT_CA_FILE", ""),
        "DEVICE_CREDENTIALS": env.str("DEVICE_CREDENTIALS", "none", validate=validate.OneOf(CREDENTIALS)),
        "HOME_ASSISTANT_PREFIX": env.str("HOME_ASSISTANT_PREFIX", ""),
        "BUILT_DIR": Path(built_dir).resolve() if built_dir else data_dir,
        "MODELS_DIR": Path(models_dir).resolve() if models_dir else None,
        "RECOGNISER": env.str("RECOGNISER", "local"),
        "REKOGNITION_MONTHLY_CALLS": env.int("REKOGNITION_MONTHLY_CALLS", 100_000, validate=validate.Range(min=1)),
        "PICTURES_BUCKET": env.str("PICTURES_BUCKET", ""),
        "PICTURE_EVENTS_QUEUE_URL": env.str("PICTURE_EVENTS_QUEUE_URL", ""),
        "GREETING_TOPIC_ARN": env.str("GREETING_TOPIC_ARN", ""),
        "SAGEMAKER_ROLE_ARN": env.str("SAGEMAKER_ROLE_ARN", ""),
        "SAGEMAKER_BUCKET": env.str("SAGEMAKER_BUCKET", ""),
        "SAGEMAKER_IMAGE": env.str("SAGEMAKER_IMAGE", ""),
        "EMAIL": env.dj_email_url("EMAIL_URL", "dummy:"),
        "EMAIL_FROM": env.str("EMAIL_FROM", "headcount@localhost"),
        "OIDC_NAME": env.str("OIDC_NAME", "your organisation"),
        "OIDC_SERVER_URL": env.str("OIDC_SERVER_URL", ""),
        "OIDC_CLIENT_ID": env.str("OIDC_CLIENT_ID", ""),
        "OIDC_CLIENT_SECRET": env.str("OIDC_CLIENT_SECRET", ""),
        "NOTIFY_PRIVATE_ADDRESSES": env.bool("NOTIFY_PRIVATE_ADDRESSES", False),
        "NOTIFY_TOPIC_ARNS": env.list("NOTIFY_TOPIC_ARNS", []),
        "NOTIFY_CATCH": env.bool("NOTIFY_CATCH", False),
        "PAGES_URL": env.str("PAGES_URL", "").rstrip("/"),
        "METRICS_TOKEN": env.str("METRICS_TOKEN", ""),
        "DEVICE_PICTURE_MB_PER_DAY": env.int(
            "DEVICE_PICTURE_MB_PER_DAY", 8_192, validate=validate.Range(min=1, max=1_000_000)
        ),
        "FRAME_RETENTION_DAYS": env.int("FRAME_RETENTION_DAYS", 400, validate=validate.Range(min=1, max=36_500)),
        "FACTS_IN_DATABASE_DAYS": env.int("FACTS_IN_DATABASE_DAYS", 0, validate=validate.Range(min=0, max=36_500)),
        "AUDIT_RETENTION_DAYS": env.int("AUDIT_RETENTION_DAYS", 730, validate=validate.Range(min=1, max=36_500)),
        "LOG_RETENTION_DAYS": env.int("LOG_RETENTION_DAYS", 90, validate=validate.Range(min=1, max=36_500)),
        "TASK_WORKERS": env.int("TASK_WORKERS", 1, validate=validate.Range(min=1, max=1_000)),
        "SENTRY_DSN": env.str("SENTRY_DSN", ""),
        "OTEL_EXPORTER_OTLP_ENDPOINT": env.str("OTEL_EXPORTER_OTLP_ENDPOINT", ""),
        "LOG_FORMAT": env.str("LOG_FORMAT", "text", validate=validate.OneOf(LOG_FORMATS)),
        "LOG_LEVEL": env.str("LOG_LEVEL", "INFO", validate=validate.OneOf(LOG_LEVELS)),
    }
