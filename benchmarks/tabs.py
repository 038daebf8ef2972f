"""`python -m benchmarks.tabs`: what open pages cost, with many tabs of many people on many devices' pages.

Each tab asks every ten seconds for what has changed, as live.js does. gunicorn runs with the configuration in `deploy/`
on a durable PostgreSQL. Processor time is that of the web server and of PostgreSQL together, as the kernel counts it,
divided by the time of the run; so no other PostgreSQL may be at work on the machine. The tabs run in this process; its
own processor time is reported beside it. Prints a table and writes `benchmarks/results/tabs.json`.
"""

import argparse
import http.client
import itertools
import json
import os
import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from benchmarks.tools import production, report, results, stand, web
from benchmarks.tools.processor import seconds_of_others
from tests.programs import postgres

INTERVAL_S = 10.0
CLIENTS = 40
WORLD = """
import datetime as dt, json, random
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone
from analytics.models import EngagementQuarter
from devices import services
from devices.models import Membership, Site
site = Site.objects.create(name="Seattle", slug="seattle", timezone="America/Los_Angeles")
names = [f"Camera{{number:02}}" for number in range({pages})]
devices = [services.register_device(site=site, name=name, thing_name=name) for name in names]
now = timezone.now().replace(minute=0, second=0, microsecond=0)
draw = random.Random(1)
EngagementQuarter.objects.bulk_create(
    EngagementQuarter(
        device=device, start=now - dt.timedelta(minutes=15 * quarter), frames=900, faces_sum=draw.randrange(900),
        faces_peak=3, minutes_seen=2**15 - 1, minutes_occupied=draw.randrange(2**15), minutes_told=2**15 - 1,
    )
    for device in devices for quarter in range(4 * 24 * 70)
)
cookies = []
for number in range({people}):
    user = User.objects.create_user(f"person{{number}}")
    Membership.objects.create(user=user, site=site, role="viewer")
    session = SessionStore()
    session["_auth_user_id"] = str(user.pk)
    session["_auth_user_backend"] = "allauth.account.auth_backends.AuthenticationBackend"
    session["_auth_user_hash"] = user.get_session_auth_hash()
    session.create()
    cookies.append(session.session_key)
print(json.dumps([cookies, [device.get_absolute_url() for device in devices]]))
"""
"""Makes a site with ten weeks of quarter hours, and signs people in. Prints their session keys and the addresses."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name, default in (("tabs", 1000), ("people", 100), ("pages", 30), ("seconds", 60)):
        parser.add_argument(f"--{name}", type=int, default=default, help=f"({default})")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="headcount-tabs-") as name, postgres.server(stand.DURABLE) as server:
        folder = Path(name)
        folder.chmod(0o755)
        environment = os.environ | production.environment(folder) | {"DATABASE_URL": server.url}
        world = WORLD.format(people=asked.people, pages=asked.pages)
        stand.run(["manage.py", "migrate", "--no-input", "--verbosity", "0"], environment)
        stand.run(["manage.py", "collectstatic", "--no-input", "--verbosity", "0"], environment)
        cookies, addresses = json.loads(stand.run(["manage.py", "shell", "--no-imports", "-c", world], environment))
        with web.serving(environment=environment) as address:
            found = _measure(urlsplit(address).port or 80, cookies, addresses, asked)
    measured = [
        report.below("95th percentile of a response", found.p95_ms, "ms", 200),
        report.below("web server and database together", found.cores, "cores", 1),
        report.told("responses", found.rate, "1/s"),
        report.told("share of them without a body (304)", found.unchanged, ""),
        report.at_most("errors", found.errors, "", 0),
        report.told("the tabs themselves", found.own_cores, "cores"),
    ]
    print(f"{asked.tabs} tabs of {asked.people} people on {asked.pages} pages, for {asked.seconds} s")
    print(report.table(measured))
    results.write(results.FOLDER / "tabs.json", measured)


class _Found(NamedTuple):
    p95_ms: float
    cores: float
    own_cores: float
    rate: float
    unchanged: float
    errors: int


class _Tab:
    """An open tab: its address, its reader's cookie, and the ETag of what it shows."""

    def __init__(self, number: int, cookies: Sequence[str], addresses: Sequence[str]) -> None:
        self.address = addresses[number % len(addresses)]
        self._cookie = f"sessionid={cookies[number % len(cookies)]}"
        self._etag = ""

    def ask(self, connection: http.client.HTTPConnection) -> tuple[float, int]:
        """Return the milliseconds until the response was there, and its status."""
        headers = {"Cookie": self._cookie, "X-Live": "any"} | ({"If-None-Match": self._etag} if self._etag else {})
        began = time.perf_counter()
        connection.request("GET", self.address, headers=headers)
        response = connection.getresponse()
        response.read()
        self._etag = response.headers.get("ETag", self._etag)
        return (time.perf_counter() - began) * 1000, response.status


def _measure(port: int, cookies: Sequence[str], addresses: Sequence[str], asked: argparse.Namespace) -> _Found:
    """Open the tabs at random moments of the interval, let each ask once, and then measure."""
    tabs = [_Tab(number, cookies, addresses) for number in range(asked.tabs)]
    moments = random.Random(2)
    due = sorted((moments.random() * INTERVAL_S, number) for number in range(len(tabs)))
    took: list[tuple[float, int]] = []
    turns = itertools.cycle(due)
    lock, state = threading.Lock(), {"round": 0, "last": -1.0}
    began = time.monotonic()
    measured_from = began + 2 * INTERVAL_S
    ends = measured_from + asked.seconds

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while True:
            with lock:
                moment, number = next(turns)
                if moment < state["last"]:
                    state["round"] += 1
                state["last"] = moment
                at = began + state["round"] * INTERVAL_S + moment
            time.sleep(max(0.0, at - time.monotonic()))
            if time.monotonic() > ends:
                return
            found = tabs[number].ask(connection)
            if time.monotonic() > measured_from:
                took.append(found)

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    time.sleep(max(0.0, measured_from - time.monotonic()))
    own, others, since = time.process_time(), seconds_of_others(), time.monotonic()
    time.sleep(max(0.0, ends - time.monotonic()))
    seconds = time.monotonic() - since
    cores, own_cores = (seconds_of_others() - others) / seconds, (time.process_time() - own) / seconds
    for thread in threads:
        thread.join()
    times = sorted(each for each, _ in took)
    statuses = Counter(status for _, status in took)
    errors = sum(count for status, count in statuses.items() if status not in (200, 304))
    return _Found(
        times[int(len(times) * 0.95)], cores, own_cores, len(took) / seconds, statuses[304] / len(took), errors
    )


if __name__ == "__main__":
    main()
