"""The commands of the demo's programs, in the order of their start."""

import sys
import time

from demo.camera_profiles import PROFILES, CameraProfile
from demo.cameras.visitors import seed_with_visitor_soon
from demo.running.environment import LOOPBACK, ROOT, DemoEnvironment, device_token, mosquitto
from demo.running.supervisor import Program

DEVICES = {profile.name for profile in PROFILES}

WEB_WORKERS = 1
"""One process is enough: a page mostly waits for the database and the browser's connections."""

STARTED_WITHIN = 15.0
"""Seconds after which the agents see, counted from when their commands are made."""

STREAM_PORT_OFFSET = 90
"""Added to the pages' port for the first camera's stream: with 8000 the stream is at the agent's default, 8090."""


def preparation(environment: DemoEnvironment, days: int | None) -> Program:
    """Return the preparation, which must end before the others start. It generates `days` of history at first."""
    past = [] if days is None else ["--days", str(days)]
    # The preparation writes to the terminal, which should show its steps only.
    variables = {**environment.variables, "LOG_LEVEL": "WARNING"}
    return Program("preparation", [sys.executable, "-m", "demo.steps", *past], variables)


def all_programs(environment: DemoEnvironment) -> list[Program]:
    """Return the programs to keep running; the demo's own broker, if it has one, is the first."""
    own_broker = [_broker(environment)] if environment.own_broker else []
    return [*own_broker, *_platform(environment), *_cameras(environment), _display(environment)]


def _broker(environment: DemoEnvironment) -> Program:
    return Program("broker", mosquitto(environment.mqtt_url, environment.data / "broker"), environment.variables)


def _platform(environment: DemoEnvironment) -> list[Program]:
    """Return the web server, the ingester, the task workers and the sender of notices."""
    return [
        _python(
            environment,
            "web",
            *("-m", "gunicorn", "--config", str(ROOT / "deploy" / "gunicorn.conf.py"), "--workers", str(WEB_WORKERS)),
            *("--bind", f"{LOOPBACK}:{environment.port}", "--graceful-timeout", "2"),
        ),
        _python(environment, "ingest", str(ROOT / "manage.py"), "ingest"),
        _python(environment, "tasks", str(ROOT / "manage.py"), "qcluster"),
        _python(environment, "notices", str(ROOT / "manage.py"), "notify"),
    ]


def _cameras(environment: DemoEnvironment) -> list[Program]:
    make = {"agent": _agent, "deeplens": _deeplens}
    return [make[profile.protocol](environment, profile, number) for number, profile in enumerate(PROFILES, start=1)]


def _agent(environment: DemoEnvironment, profile: CameraProfile, number: int) -> Program:
    start = time.time() + STARTED_WITHIN
    seed = seed_with_visitor_soon(number, start, profile.visitors_per_hour_at, profile.cups)
    settings = {
        "HEADCOUNT_THING": profile.thing,
        "HEADCOUNT_MQTT_URL": environment.mqtt_url,
        "HEADCOUNT_SOURCE": f"scene:{profile.room}?seed={seed}&visitors={profile.name}",
        "HEADCOUNT_STREAM": _stream(environment.port + STREAM_PORT_OFFSET + number - 1),
        "HEADCOUNT_OUTBOX": str(environment.data / "outboxes" / f"{profile.name}.sqlite3"),
        "HEADCOUNT_PLATFORM_URL": environment.variables["PAGES_URL"],
        "HEADCOUNT_DEVICE_TOKEN": device_token(environment.variables["SECRET_KEY"], profile.thing),
    }
    return Program(profile.name, [sys.executable, "-m", "demo.cameras.agent"], {**environment.variables, **settings})


def _display(environment: DemoEnvironment) -> Program:
    token = ("--token-file", str(environment.data / "api-token"))
    return _python(environment, "display", "-m", "demo.cameras.display", "--address", environment.address, *token)


def _stream(port: int) -> str:
    return f"{LOOPBACK}:{port}" if port < 65_536 else "off"


def _deeplens(environment: DemoEnvironment, profile: CameraProfile, number: int) -> Program:
    names = ("--thing", profile.thing, "--name", profile.name)
    rest = ("--mqtt-url", environment.mqtt_url, "--seed", str(number))
    return _python(environment, profile.name, "-m", "demo.cameras.deeplens", *names, *rest)


def _python(environment: DemoEnvironment, name: str, *arguments: str) -> Program:
    return Program(name, [sys.executable, *arguments], environment.variables)
