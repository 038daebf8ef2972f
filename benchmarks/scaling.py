"""`python -m benchmarks.scaling`: what two ingesters take in on this machine beside one, on a durable PostgreSQL.

Shards find the messages of 16 DeepLens devices waiting in their sessions; the members of a group, which have no
session that waits, get those of 16 agents as fast as a publisher's process sends them. Both take turns with one
ingester alone. Prints a table and writes `benchmarks/results/scaling.json`.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tqdm import tqdm

from benchmarks import report, results
from benchmarks.publisher import MOST_DEVICES
from benchmarks.stand import BROKER, DURABLE, Database, held, ingesting, publish, rate_of, wait_for
from tests.brokers import Mosquitto, mosquitto
from tests.postgres import server

CLIENT = "scaling"
DEEPLENSES = "$aws/things/+/infer"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000, help="taken in at a time")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="headcount-scaling-"))
    try:
        measured = measure(folder, options.messages, options.rounds)
    except KeyboardInterrupt:
        print("\nStopped; nothing of it runs any more.", file=sys.stderr)
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(report.table(measured))
    results.write(results.FOLDER / "scaling.json", measured)
    return 0


def measure(folder: Path, messages: int, rounds: int) -> list[results.Measured]:
    gains: dict[str, list[float]] = {"shards of DeepLens devices": [], "members of a group for agents": []}
    with mosquitto(folder / "mosquitto", BROKER) as broker, server(DURABLE) as postgres:
        database = Database("PostgreSQL", postgres.url, folder)
        for _ in tqdm(range(rounds), desc="One ingester and two", disable=None):
            one, two = (shards(broker, database, messages, count) for count in (1, 2))
            gains["shards of DeepLens devices"].append(two / one)
            one, two = (members(broker, database, messages, count) for count in (1, 2))
            gains["members of a group for agents"].append(two / one)
    return [
        report.told(f"two {name}: messages/s, ratio to one", statistics.median(ratios), "times")
        for name, ratios in gains.items()
    ]


def shards(broker: Mosquitto, database: Database, messages: int, count: int) -> float:
    latest = database.latest()
    clients = [f"{CLIENT}-shard-{number}-of-{count}" for number in range(count)]
    for client in clients:
        held(broker, client, fresh=True, topics=[DEEPLENSES])
    publish(broker, "deeplens", messages, "--devices", str(MOST_DEVICES))
    with ExitStack() as stack:
        for number in range(count):
            stack.enter_context(ingesting(broker, database, CLIENT, f"--shard={number}/{count}"))
        rate = rate_of(database, messages, after=latest)
    for client in clients:
        held(broker, client, fresh=True)
    return rate


def members(broker: Mosquitto, database: Database, messages: int, count: int) -> float:
    latest = database.latest()
    at_work = f"SELECT count(*) FROM devices_heartbeat WHERE process LIKE 'ingest {CLIENT}-agents-%'"
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(ingesting(broker, database, CLIENT, "--share=agents"))
        wait_for(lambda: int(database.ask(at_work)[0][0]), count)
        began = time.monotonic()
        publish(broker, "agent", messages, "--devices", str(MOST_DEVICES))
        wait_for(lambda: database.count(after=latest), messages)
        return messages / (time.monotonic() - began)


if __name__ == "__main__":
    sys.exit(main())
