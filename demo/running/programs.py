"""Which programs the demo consists of, in the order of their start."""

import sys

from demo.habits import DEMO, Habits
from demo.running.supervisor import Program
from demo.running.surroundings import LOOPBACK, ROOT, Surroundings, mosquitto

DEVICES = {habits.name for habits in DEMO}

WEB_THREADS = 8
"""Pages wait for the database and the browser's own connections, not for the processor: one process is enough."""


STREAMS_ABOVE = 90
"""What the first camera's stream is above the pages' port: with 8000 it is at the agent's own default, 8090."""


def preparation(place: Surroundings, days: int | None) -> Program:
    """What ends before the others start. `days` of past are generated at the first start."""
    past = [] if days is None else ["--days", str(days)]
    # It writes to the terminal, where its steps are enough to read.
    calm = {**place.environment, "LOG_LEVEL": "WARNING"}
    return Program("preparation", [sys.executable, "-m", "demo.steps", *past], calm)


def all_of(place: Surroundings) -> list[Program]:
    """What is to be kept running, the broker first where the demo has its own."""
    own_broker = [_broker(place)] if place.own_broker else []
    return [*own_broker, *_platform(place), *_cameras(place)]


def _broker(place: Surroundings) -> Program:
    return Program("broker", mosquitto(place.mqtt_url, place.data / "broker"), place.environment)


def _platform(place: Surroundings) -> list[Program]:
    """The web server, the ingester and the task workers."""
    return [
        _python(
            place,
            "web",
            *("-m", "gunicorn", "--pythonpath", str(ROOT / "platform"), "--chdir", str(ROOT)),
            *("--bind", f"{LOOPBACK}:{place.port}", "--worker-class", "gthread", "--threads", str(WEB_THREADS)),
            *("--graceful-timeout", "2", "--no-control-socket", "config.wsgi"),
        ),
        _python(place, "ingest", str(ROOT / "manage.py"), "ingest"),
        _python(place, "tasks", str(ROOT / "manage.py"), "qcluster"),
    ]


def _cameras(place: Surroundings) -> list[Program]:
    make = {"agent": _agent, "deeplens": _deeplens}
    return [make[habits.speaks](place, habits, seed) for seed, habits in enumerate(DEMO, start=1)]


def _agent(place: Surroundings, habits: Habits, seed: int) -> Program:
    settings = {
        "HEADCOUNT_THING": habits.thing,
        "HEADCOUNT_MQTT_URL": place.mqtt_url,
        "HEADCOUNT_SOURCE": f"scene:{habits.room}?seed={seed}",
        "HEADCOUNT_STREAM": _stream(place.port + STREAMS_ABOVE + seed - 1),
        "HEADCOUNT_OUTBOX": str(place.data / "outboxes" / f"{habits.name}.sqlite3"),
    }
    return Program(habits.name, [sys.executable, "-m", "demo.cameras.agent"], {**place.environment, **settings})


def _stream(port: int) -> str:
    return f"{LOOPBACK}:{port}" if port < 65_536 else "off"


def _deeplens(place: Surroundings, habits: Habits, seed: int) -> Program:
    names = ("--thing", habits.thing, "--name", habits.name)
    rest = ("--mqtt-url", place.mqtt_url, "--seed", str(seed))
    return _python(place, habits.name, "-m", "demo.cameras.deeplens", *names, *rest)


def _python(place: Surroundings, name: str, *arguments: str) -> Program:
    return Program(name, [sys.executable, *arguments], place.environment)
