"""The platform that the faults are done to: a real PostgreSQL, Mosquitto and ingester, and the devices that speak."""

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
from tests.brokers import Mosquitto, mosquitto
from tests.postgres import Server

BROKER_SETTINGS = "max_inflight_messages 0"
"""As docs/operations.md asks for."""

SETTLES_WITHIN = 180.0
"""Seconds for all that waits to be committed, after the last fault."""

AT_WORK_WITHIN = 60.0
"""Seconds for an ingester to commit again on a busy machine."""

NO_MORE_COMES_AFTER = 1.0
"""Seconds that everything stays as it is before it is counted: what is doubled would come now."""


@dataclass
class Rig:
    """What all scenarios share."""

    folder: Path
    postgres: Server
    chance: random.Random
    quiet: bool = False

    def steps(self, what: str, count: int) -> Iterator[int]:
        yield from tqdm(range(count), what, unit="×", disable=self.quiet)

    @contextmanager
    def stage(self, name: str, clients: Sequence[str] = ("chaos",)) -> Iterator["Stage"]:
        """An empty platform whose broker knows these ingesters' sessions; nothing of it runs afterwards."""
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
        """An agent that is switched on; its outbox lies on the stage's disk unless said otherwise."""
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
        """Register a device under this thing name."""
        site = register_site(name="Chaos", slug="chaos", timezone="UTC")
        register_device(site=site, name=thing, thing_name=thing)
        return thing

    def started_ingester(self) -> Ingester:
        """The only ingester, at work."""
        (ingester,) = self.ingesters
        self.start(ingester)
        return ingester

    def start(self, ingester: Ingester) -> None:
        """Start it and wait for its first heartbeat. Raises `Standstill`."""
        ingester.start()
        self.wait_for_heartbeat(ingester, since=ingester.started_at)

    def wait_for_heartbeat(self, ingester: Ingester, *, since: dt.datetime) -> None:
        """Wait until it is at work, whether or not anything arrives. Raises `Standstill`."""
        if not self.wait(lambda: is_up(ingester.client_id, since=since), AT_WORK_WITHIN):
            raise Standstill(f"{ingester.client_id} gave no heartbeat within {AT_WORK_WITHIN:.0f} s: {self.folder}.")

    def wait(self, holds: Callable[[], bool], within: float) -> bool:
        """Whether it holds at some moment of these seconds; meanwhile the ingesters are looked after."""
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
        """A moment that no loop of the platform is in step with."""
        time.sleep(self.rig.chance.uniform(0, seconds))

    def wait_for_work(self) -> None:
        """Wait until frames are committed: a fault that is done to what stands still proves nothing.

        Raises `Standstill`.
        """
        self.wait(lambda: latest_frame() >= 0, AT_WORK_WITHIN)
        before = latest_frame()
        if not self.wait(lambda: latest_frame() > before, AT_WORK_WITHIN):
            raise Standstill(f"No frame was committed within {AT_WORK_WITHIN:.0f} s; the logs are in {self.folder}.")

    def wait_for_work_of(self, ingester: Ingester) -> None:
        """Wait until this one of several has committed something since its start. Raises `Standstill`."""
        if not self.wait(lambda: processed(ingester.client_id, since=ingester.started_at) > 0, AT_WORK_WITHIN):
            raise Standstill(f"{ingester.client_id} did nothing within {AT_WORK_WITHIN:.0f} s.")

    def settle(self) -> None:
        """Let everything arrive that waits, as far as it does so in time, and end the ingesters in order."""
        for deeplens in self.deeplenses:
            deeplens.settle(SETTLES_WITHIN)
        self._empty_outboxes()
        self.wait(self._all_counted, SETTLES_WITHIN)
        self.pause(NO_MORE_COMES_AFTER)
        for ingester in self.ingesters:
            ingester.stop()

    def end(self) -> None:
        """Leave nothing running."""
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
        # A receipt that was lost is waited for long; a new connection asks at once.
        for agent in self.agents:
            agent.switch_off_and_on()
        self.wait(empty, SETTLES_WITHIN)

    def _all_counted(self) -> bool:
        close_old_connections()
        return frames_counted(self.ledger.things()) >= self.ledger.frames.total()

    def _new_chance(self) -> random.Random:
        return random.Random(self.rig.chance.random())


def _make_session(broker: Mosquitto, client: str) -> None:
    """What is published before the session exists would be for nobody."""
    subscription = Subscription(broker.url, all_messages(client), first_sequence=1, clock=timezone.now)
    subscription.start()
    try:
        if not subscription.subscribed.wait(AT_WORK_WITHIN):
            raise Standstill(f"The broker took no subscription of {client}.")
    finally:
        subscription.stop()
