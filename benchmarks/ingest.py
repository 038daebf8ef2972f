"""`python -m benchmarks.ingest`: how many messages per second `manage.py ingest` makes durable, compared with others.

Each program reads messages that wait in its own session at one Mosquitto, as fast as it can. Another process has
published them with QoS 1. The programs take turns, on a durable PostgreSQL and on SQLite. A rate counts the rows that
another connection reads, from the first commit to the last. After the ingester's turns, no message may be left
unacknowledged. Then the delay from the publishing of a message to its row is measured at a steady rate. Prints tables
and writes `benchmarks/results/ingest.json`.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from benchmarks.tools import nodered, report, results
from benchmarks.tools.publisher import TOPICS
from benchmarks.tools.stand import (
    BROKER,
    DURABLE,
    FRAMES,
    Database,
    backlog,
    held,
    ingesting,
    process,
    publish,
    rate_of,
    run,
    wait_for,
)
from tests.programs.brokers import Mosquitto, free_port, mosquitto
from tests.programs.postgres import server

EVERYTHING = ("dt/headcount/+/+", "$aws/things/+/infer")
"""The ingester's subscriptions."""

GOALS = {
    "a subscriber that only acknowledges": 0.8,
    "a save() for each message": 10.0,
    "Node-RED": 5.0,
    "COPY without MQTT": None,
}
"""The other programs, and the required ratio of the ingester's rate to theirs (None: no goal)."""

OURS = "ingest"
FEWER = 5
"""The divisor of the number of messages for programs that are slow by design."""

PACE = 1_000
"""Messages per second while the delay is measured."""

P99_MS = 500.0


class Sides:
    """The compared programs. Each method lets one process messages of one kind, and returns its messages per second."""

    def __init__(self, broker: Mosquitto, database: Database, record: str, messages: int, flow: Path | None) -> None:
        self._broker, self._database, self._record = broker, database, record
        self._messages, self._few = messages, max(500, messages // FEWER)
        self._flow = flow

    def all(self) -> dict[str, Callable[[], float]]:
        names = list(GOALS)
        sides = {OURS: self.ingest, names[0]: self.acks, names[1]: self.saves}
        if self._database.is_postgresql:
            sides |= {names[2]: self.node_red} if self._flow else {}
            sides |= {names[3]: self.copy}
        return sides

    def ingest(self) -> float:
        latest = self._database.latest()
        backlog(self._broker, "ours", EVERYTHING, self._record, self._messages)
        with ingesting(self._broker, self._database, "ours"):
            rate = rate_of(self._database, self._messages, after=latest)
        if left := held(self._broker, "ours"):
            raise RuntimeError(f"The ingester committed {left} messages without acknowledging them to the broker.")
        return rate

    def acks(self) -> float:
        return float(run(self._subscriber("acks", self._messages), self._database.environment))

    def saves(self) -> float:
        latest = self._database.latest()
        with process(self._subscriber("saves", self._few), self._database.environment):
            return rate_of(self._database, self._few, after=latest)

    def node_red(self) -> float:
        assert self._flow is not None
        topic = TOPICS[self._record].format(0)
        self._database.ask("DROP TABLE IF EXISTS node_red")
        self._database.ask("CREATE TABLE node_red (id bigserial PRIMARY KEY, topic text, payload jsonb)")
        backlog(self._broker, "node-red", [topic], self._record, self._few)
        with nodered.running(
            self._flow, mqtt_port=self._broker.port, topic=topic, database_url=self._database.url, port=free_port()
        ):
            return rate_of(self._database, self._few, after=0, table="node_red")

    def copy(self) -> float:
        return float(run(["-m", "benchmarks.tools.sides", "copy", str(self._messages)], self._database.environment))

    def _subscriber(self, side: str, count: int) -> list[str]:
        topic = TOPICS[self._record].format(0)
        backlog(self._broker, side, [topic], self._record, count)
        return ["-m", "benchmarks.tools.sides", side, str(self._broker.port), topic, side, str(count)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000, help="messages in each turn of a fast program")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=20, help="seconds for which the delay is measured")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="headcount-ingest-"))
    try:
        measured = measure(folder, options.messages, options.rounds, options.seconds)
    except KeyboardInterrupt:
        print("\nStopped. All processes of this run have ended.", file=sys.stderr)
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    results.write(results.FOLDER / "ingest.json", measured)
    return 0


def measure(folder: Path, messages: int, rounds: int, seconds: int) -> list[results.Measured]:
    measured = []
    why_not = nodered.install(folder / "node-red")
    flow = None if why_not else folder / "node-red"
    with mosquitto(folder / "mosquitto", BROKER) as broker, server(DURABLE) as postgres:
        databases = [
            Database("PostgreSQL", postgres.url, folder),
            Database("SQLite", f"sqlite:///{folder / 'ingest.sqlite3'}", folder),
        ]
        for database in databases:
            for record in TOPICS:
                sides = Sides(broker, database, record, messages, flow).all()
                measured += shown(judged(f"{database.name}, {record}", in_turn(database, record, sides, rounds)))
        for database in databases:
            measured += shown(delay(broker, database, seconds))
    if why_not:
        measured += shown([report.told("ratio to Node-RED", None, f"not measured: {why_not}")])
    return measured


def shown(measured: list[results.Measured]) -> list[results.Measured]:
    """Print the figures at once, since the next ones take minutes. Return them unchanged."""
    print(report.table(measured), flush=True)
    return measured


def in_turn(
    database: Database, record: str, sides: dict[str, Callable[[], float]], rounds: int
) -> dict[str, list[float]]:
    """Run the programs in turn. Return the messages per second of each program in each round."""
    rates: dict[str, list[float]] = {side: [] for side in sides}
    turns = [side for _ in range(rounds) for side in sides]
    for side in tqdm(turns, desc=f"{database.name}, {record}", disable=None):
        rates[side].append(sides[side]())
    return rates


def judged(name: str, rates: dict[str, list[float]]) -> list[results.Measured]:
    """Return the median of the ingester's rate, and the medians of its ratios to the other rates of the same round."""
    measured = [report.told(f"{name}: ingest", statistics.median(rates[OURS]), "messages/s")]
    for side, goal in GOALS.items():
        if side in rates:
            ratio = statistics.median(ours / theirs for ours, theirs in zip(rates[OURS], rates[side], strict=True))
            title = f"{name}: ratio to {side}"
            judge = report.told(title, ratio, "times") if goal is None else report.at_least(title, ratio, "times", goal)
            measured.append(judge)
    return measured


def delay(broker: Mosquitto, database: Database, seconds: int) -> list[results.Measured]:
    """Measure the delay from a message's publishing (its frame's time) until another connection reads its row."""
    backlog(broker, "delay", EVERYTHING, "agent", 1)
    latest = database.latest()
    with ingesting(broker, database, "delay"):
        wait_for(lambda: database.count(after=latest), 1)
        pace = ["--per-second", str(PACE)]
        devices = threading.Thread(target=publish, args=[broker, "agent", PACE * seconds, *pace])
        devices.start()
        delays = sorted(_delays(database, PACE * seconds))
        devices.join()
    title = f"{database.name}: delay at {PACE:,} messages/s"
    return [
        report.told(f"{title}, p50", delays[len(delays) // 2], "ms"),
        report.below(f"{title}, p99", delays[len(delays) * 99 // 100], "ms", P99_MS),
    ]


def _delays(database: Database, count: int) -> list[float]:
    """Return the delays in milliseconds of the next `count` rows."""
    epoch = "extract(epoch FROM taken_at)" if database.is_postgresql else "(julianday(taken_at) - 2440587.5) * 86400"
    latest = database.latest()
    delays: list[float] = []
    while len(delays) < count:
        rows = database.ask(f"SELECT id, {epoch} FROM {FRAMES} WHERE id > {latest} ORDER BY id")
        now = time.time()
        delays += [(now - float(taken_at)) * 1_000 for _, taken_at in rows]
        latest = rows[-1][0] if rows else latest
        time.sleep(0.005)
    return delays


if __name__ == "__main__":
    sys.exit(main())
