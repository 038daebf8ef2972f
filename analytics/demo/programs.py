"""Which programs the demo consists of, in the order of their start."""

import sys

from analytics.demo.supervisor import Program
from analytics.demo.surroundings import LOOPBACK, ROOT, Surroundings, mosquitto

CAMERAS = {
    "Seattle01": ("deeplens_HoVip9KQTXiC3UFub47lJA", "scene:lobby?seed=1"),
    "Chicago01": ("deeplens_bmTWwitIRUi_mASjZASUHA", "scene:cafe?seed=2"),
}
"""Real edge agents: their thing names, and what they look at."""

DEEPLENS = ("Chicago02", "deeplens_Hgs6kj_yQASF2x-3fOxCHA")
"""The old DeepLens: its name and thing name."""

DEVICES = {*CAMERAS, DEEPLENS[0]}

WEB_THREADS = 8
"""Pages wait for the database and the browser's own connections, not for the processor: one process is enough."""


def preparation(place: Surroundings, days: int) -> Program:
    return _python(place, "preparation", "-m", "analytics.demo.steps", "--days", str(days))


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
            *("--graceful-timeout", "2", "config.wsgi"),
        ),
        _python(place, "ingest", str(ROOT / "manage.py"), "ingest"),
        _python(place, "tasks", str(ROOT / "manage.py"), "qcluster"),
    ]


def _cameras(place: Surroundings) -> list[Program]:
    name, thing = DEEPLENS
    deeplens = ("-m", "edge_agent.simulation.deeplens", "--thing", thing, "--name", name, "--mqtt-url", place.mqtt_url)
    agents = [_agent(place, name, thing, source) for name, (thing, source) in CAMERAS.items()]
    return [*agents, _python(place, name, *deeplens)]


def _agent(place: Surroundings, name: str, thing: str, source: str) -> Program:
    settings = {
        "HEADCOUNT_THING": thing,
        "HEADCOUNT_MQTT_URL": place.mqtt_url,
        "HEADCOUNT_SOURCE": source,
        "HEADCOUNT_OUTBOX": str(place.data / "outboxes" / f"{name}.sqlite3"),
        "HEADCOUNT_MODELS": place.environment["MODELS_DIR"],
    }
    return Program(name, [sys.executable, "-m", "edge_agent"], {**place.environment, **settings})


def _python(place: Surroundings, name: str, *arguments: str) -> Program:
    return Program(name, [sys.executable, *arguments], place.environment)
