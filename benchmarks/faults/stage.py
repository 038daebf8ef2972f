"""The platform under test: a real PostgreSQL, Mosquitto and ingester, and simulated devices."""

import datetime as dt
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from django.core.management import call_command
from django.db import close_old_connections
from django.utils import timezone
from tqdm import tqdm

from benchmarks.faults.devices import Agent, Clock, DeepLens, Device, Stream
from benchmarks.faults.ingester import Ingester, Standstill
from benchmarks.faults.ledger import Ledger, frames_counted, is_up, latest_frame, processed
from devices.mqtt.assignments import all_messages
from devices.mqtt.broker import Subscription
from devices.services import register_device, register_site
from tests.programs.brokers import Mosquitto, mosquitto
from tests.programs.postgres import Server

BROKER_SETTINGS = "max_inflight_messages 4000"
"""The broker's settings that docs/operations.md requires."""

SETTLES_WITHIN = 180.0
"""Seconds within which all waiting messages must be committed after the last fault."""

AT_WORK_WITHIN = 120.0
"""Seconds within which an ingester must commit again, on a busy machine."""

NO_MORE_COMES_AFTER = 1.0
"""Seconds without traffic before the rows are counted, in which late duplicates would arrive."""


@dataclass
class Rig:
    """The folder, the PostgreSQL server and the random generator that all scenarios share."""

    folder: Path
    postgres: Server
    chance: random.Random
    quiet: bool = False

    def steps(self, what: str, count: int) -> Iterator[int]:
        yield from tqdm(range(count), what, unit="×", disable=self.quiet)

    @contextmanager
    def stage(self, name: str, clients: Sequence[str] = ("chaos",)) -> Iterator["Stage"]:
        """Yield an empty platform whose broker has a session for each of these client ids. It ends with the block."""
        folder = self.folder / name
        close_old_connections()
        call_command("flush", interactive=False, verbosity=0)
        with ExitStack() as ends:
            broker = ends.enter_context(mosquitto(folder / "broker", BROKER_SETTINGS))
            for client in clients:
                _make_session(broker, client)
            environment = {"MQTT_URL": broker.url, "DATA_DIR": str(folder), "LOG_LEVEL": "WARNING"}
            ingesters = [Ingester(client, environment, folder / f"{client}.log") for client in clients]
            stage = Stage(self, folder, broker, ingesters)
            ends.callback(stage.end)
            yield stage


@dataclass
class Stage:
    rig: Rig
    folder: Path
    broker: Mosquitto
    ingesters: list[Ingester]
    ledger: Ledger = field(default_factory=Ledger)
    agents: list[Agent] = field(default_factory=list)
    deeplenses: list[DeepLens] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)

    def add_agent(self, outbox: Path | None = None, clock: Callable[[], int] | None = None) -> Agent:
        """Return a new, running agent. Its outbox lies in the stage's folder unless `outbox` is given."""
        thing = self.add_thing(f"agent-{len(self.agents)}")
        path = outbox or self.folder / f"{thing}.sqlite3"
        agent = Agent(thing, self.broker.url, path, self.ledger, chance=self._new_chance(), clock=clock or Clock())
        self.agents.append(agent)
        agent.switch_on()
        return agent

    def add_deeplens(self, clock: Clock | None = None) -> DeepLens:
        thing = self.add_thing(f"deeplens-{len(self.deeplenses)}")
        deeplens = DeepLens(thing, self.broker.url, self.ledger, chance=self._new_chance(), clock=clock)
        self.deeplenses.append(deeplens)
        return deeplens

    def add_stream(self) -> Stream:
        stream = Stream(self.add_thing("stream"), self.broker.url, self.ledger, chance=self._new_chance())
        self.streams.append(stream)
        return stream

    def add_thing(self, thing: str) -> str:
        """Register a device under this thing name, and return the name."""
        site = register_site(name="Chaos", slug="chaos", timezone="UTC")
        register_device(site=site, name=thing, thing_name=thing)
        return thing

    def started_ingester(self) -> Ingester:
        """Start the stage's only ingester and return it once it works."""
        (ingester,) = self.ingesters
        self.start(ingester)
        return ingester

    def start(self, ingester: Ingester) -> None:
        """Start the ingester and wait for its first heartbeat. Raises `Standstill` if none comes in time."""
        ingester.start()
        self.wait_for_heartbeat(ingester, since=ingester.started_at)

    def wait_for_heartbeat(self, ingester: Ingester, *, since: dt.datetime) -> None:
        """Wait until the ingester has stored a heartbeat since then. Raises `Standstill` if none comes in time."""
        if not self.wait(lambda: is_up(ingester.client_id, since=since), AT_WORK_WITHIN):
            raise Standstill(f"{ingester.client_id} gave no heartbeat within {AT_WORK_WITHIN:.0f} s: {self.folder}.")

    def wait(self, holds: Callable[[], bool], within: float) -> bool:
        """Return whether the condition became true within these seconds. Meanwhile, ended ingesters are restarted."""
        deadline = time.monotonic() + within
        while True:
            for ingester in self.ingesters:
                ingester.look_after()
            if holds():
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)

    def pause(self, seconds: float) -> None:
        self.wait(lambda: False, seconds)

    def pause_up_to(self, seconds: float) -> None:
        """Pause for a random time, so that faults do not fall in step with the platform's loops."""
        time.sleep(self.rig.chance.uniform(0, seconds))

    def wait_for_work(self) -> None:
        """Wait until a new frame is committed, because a fault in an idle platform proves nothing.

        Raises `Standstill` if no frame is committed in time.
        """
        self.wait(lambda: latest_frame() >= 0, AT_WORK_WITHIN)
        before = latest_frame()
        if not self.wait(lambda: latest_frame() > before, AT_WORK_WITHIN):
            raise Standstill(f"No frame was committed within {AT_WORK_WITHIN:.0f} s; the logs are in {self.folder}.")

    def wait_for_work_of(self, ingester: Ingester) -> None:
        """Wait until this ingester has committed a message since its start. Raises `Standstill` otherwise."""
        if not self.wait(lambda: processed(ingester.client_id, since=ingester.started_at) > 0, AT_WORK_WITHIN):
            raise Standstill(f"{ingester.client_id} committed nothing within {AT_WORK_WITHIN:.0f} s.")

    def settle(self) -> None:
        """Wait, up to a limit, until all messages have arrived. Then stop the ingesters cleanly."""
        for deeplens in self.deeplenses:
            deeplens.settle(SETTLES_WITHIN)
        self._empty_outboxes()
        self.wait(self._all_counted, SETTLES_WITHIN)
        self.pause(NO_MORE_COMES_AFTER)
        for ingester in self.ingesters:
            ingester.stop()

    def end(self) -> None:
        """End all processes and connections of the stage."""
        for ingester in self.ingesters:
            ingester.kill()
        devices: list[Device] = [*self.agents, *self.deeplenses, *self.streams]
        for device in devices:
            device.close()

    @property
    def crashes(self) -> int:
        return sum(ingester.crashes for ingester in self.ingesters)

    def _empty_outboxes(self) -> None:
        def empty() -> bool:
            return all(agent.outbox.messages == 0 for agent in self.agents)

        if self.wait(empty, NO_MORE_COMES_AFTER):
            return
        # An agent waits long for a lost receipt, but resends at once after a new connection.
        for agent in self.agents:
            agent.switch_off_and_on()
        self.wait(empty, SETTLES_WITHIN)

    def _all_counted(self) -> bool:
        close_old_connections()
        return frames_counted(self.ledger.things()) >= self.ledger.frames.total()

    def _new_chance(self) -> random.Random:
        return random.Random(self.rig.chance.random())


def _make_session(broker: Mosquitto, client: str) -> None:
    """Create the client's session at the broker, which would otherwise drop messages published before the client."""
    subscription = Subscription(broker.url, all_messages(client), first_sequence=1, clock=timezone.now)
    subscription.start()
    try:
        if not subscription.subscribed.wait(AT_WORK_WITHIN):
            raise Standstill(f"The broker did not confirm the subscription of {client}.")
    finally:
        subscription.stop()
