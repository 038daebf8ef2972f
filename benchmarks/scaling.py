"""`python -m benchmarks.scaling`: the throughput of two ingesters compared with one, on a durable PostgreSQL.

For shards, the messages of 16 DeepLens devices already wait in the ingesters' sessions. The members of a shared
subscription have no waiting session, so another process publishes the messages of 16 agents as fast as possible. Each
pair takes turns with a single ingester. Prints a table and writes `benchmarks/results/scaling.json`.
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

from benchmarks.tools import report, results
from benchmarks.tools.publisher import MOST_DEVICES
from benchmarks.tools.stand import BROKER, DURABLE, Database, held, ingesting, publish, rate_of, wait_for
from tests.programs.brokers import Mosquitto, mosquitto
from tests.programs.postgres import server

CLIENT = "scaling"
DEEPLENSES = "$aws/things/+/infer"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000, help="messages in each measurement (20,000)")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="headcount-scaling-"))
    try:
        measured = measure(folder, options.messages, options.rounds)
    except KeyboardInterrupt:
        print("\nStopped. All processes of this run have ended.", file=sys.stderr)
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
