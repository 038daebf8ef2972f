"""The fault scenarios, one function each: inject faults into a running platform, then reconcile every message.

The caller chooses the number and the length of the faults, so short and long runs share the code.
"""

import time
from dataclasses import dataclass

from django.utils import timezone

from benchmarks.faults.devices import Clock, Device, speaking
from benchmarks.faults.disks import small_disk
from benchmarks.faults.fuzzing import FuzzLedger
from benchmarks.faults.ledger import Outcome, processed
from benchmarks.faults.payloads import Payloads
from benchmarks.faults.stage import SETTLES_WITHIN, Rig, Stage
from benchmarks.faults.workers import Gallery, Workers, finish, reconcile, sweep_as_if_later, wait_for_work
from devices import health
from devices.models import Reason

DELAY_GOAL_S = 5.0
"""The longest allowed delay in seconds from a message's sending to its commit, while broker and database are up."""

RESTART_TAKES_S = 0.5
"""The longest random pause around a fault, in seconds."""

WHILE_RECOGNISING_S = 0.3
"""The longest random pause before a worker is killed, in seconds: about the time to recognise one picture."""

FRAMES_A_MESSAGE = 60
"""The number of frames in a message of some kilobytes, which soon fills a small disk."""

VALID_EVERY = 100
"""The number of odd payloads between two valid messages."""

TEN_YEARS = 10 * 365 * 24 * 3600
STEPS = (
    *((0, ""), (TEN_YEARS, Reason.IN_FUTURE), (0, ""), (-TEN_YEARS, Reason.TOO_OLD)),
    *((0, ""), (-3600, ""), (0, "")),
)
"""The seconds by which a clock is wrong, and the reason for which its messages are quarantined ("" if counted)."""


@dataclass
class Result:
    """How a scenario ended. `delay_goal_s` is None if the scenario itself causes the delay by an outage."""

    name: str
    faults: int
    outcome: Outcome
    crashes: int
    delay_goal_s: float | None = None
    note: str = ""
    peak_mib: float = 0.0
    p99_goal_s: float | None = None
    """The delay in seconds that 99 of 100 messages must keep; None if the scenario has no such goal."""

    @property
    def complete(self) -> bool:
        """Whether no message was lost, no message was counted twice, and no process crashed."""
        return self.outcome.lost == self.outcome.doubled == self.crashes == 0

    @property
    def in_time(self) -> bool:
        longest, usual = self.outcome.delay(), self.outcome.delay(0.99)
        keeps_longest = self.delay_goal_s is None or (longest is not None and longest < self.delay_goal_s)
        return keeps_longest and (self.p99_goal_s is None or (usual is not None and usual < self.p99_goal_s))


def ingester_killed(rig: Rig, *, kills: int, per_second: float) -> Result:
    """Kill the ingester at random moments, while agents and a DeepLens send.

    The messages of the DeepLens carry no time, and many have identical payloads.
    """
    with rig.stage("ingester-killed") as stage:
        ingester = stage.started_ingester()
        devices: list[Device] = [stage.add_agent(), stage.add_agent(), stage.add_deeplens()]
        with speaking(dict.fromkeys(devices, per_second / len(devices))):
            for _ in rig.steps("1 the ingester killed", kills):
                stage.wait_for_work()
                stage.pause_up_to(RESTART_TAKES_S)
                ingester.kill()
                ingester.start()
            stage.wait_for_work()
        stage.settle()
        return result_of(stage, "1 ingester killed (-9)", kills, delay_goal_s=DELAY_GOAL_S)


def broker_killed(rig: Rig, *, kills: int, per_second: float) -> Result:
    """Kill the broker, which loses its sessions and messages. Only senders that wait for receipts lose no message."""
    with rig.stage("broker-killed") as stage:
        stage.started_ingester()
        devices: list[Device] = [stage.add_agent(), stage.add_agent(), stage.add_agent()]
        with speaking(dict.fromkeys(devices, per_second / len(devices))):
            for _ in rig.steps("2 the broker killed", kills):
                stage.wait_for_work()
                stage.pause_up_to(RESTART_TAKES_S)
                stage.broker.kill()
                stage.pause_up_to(RESTART_TAKES_S)
                stage.broker.start()
            stage.wait_for_work()
        stage.settle()
        note = "agents only: a killed Mosquitto forgets what it acknowledged, so a DeepLens is promised nothing here"
        return result_of(stage, "2 broker killed (-9)", kills, note=note)


def database_away(rig: Rig, *, restarts: int, away_s: float, per_second: float) -> Result:
    """Restart the database, in turn cleanly and by a crash, and then stop it for a longer time."""
    with rig.stage("database-away") as stage:
        ingester = stage.started_ingester()
        # The database also fails while no message arrives: an idle ingester must keep its heartbeat.
        rig.postgres.stop()
        rig.postgres.start()
        stage.wait_for_heartbeat(ingester, since=timezone.now())
        devices: list[Device] = [stage.add_agent(), stage.add_agent(), stage.add_deeplens()]
        with speaking(dict.fromkeys(devices, per_second / len(devices))):
            for step in rig.steps("3 the database restarted", restarts):
                stage.wait_for_work()
                stage.pause_up_to(RESTART_TAKES_S)
                rig.postgres.crash() if step % 2 else rig.postgres.stop()
                stage.pause_up_to(RESTART_TAKES_S)
                rig.postgres.start()
            stage.wait_for_work()
            rig.postgres.stop()
            stage.pause(away_s)
            rig.postgres.start()
            stage.wait_for_work()
        stage.settle()
        left = f"; left by its watchdog {ingester.left}×" if ingester.left else ""
        note = f"away for {away_s:.0f} s at once; the ingester's memory peaked at {ingester.peak_mib:.0f} MiB{left}"
        return result_of(stage, "3 database restarted", restarts + 2, note=note)


def disk_full(rig: Rig, *, disk_bytes: int, messages: int) -> Result:
    """Fill the disk of an outbox while the broker is down. The outbox counts each message that it refuses."""
    with rig.stage("disk-full") as stage, small_disk(stage.folder / "disk", disk_bytes) as disk:
        stage.started_ingester()
        agent = stage.add_agent(outbox=disk / "outbox.sqlite3")
        stage.broker.stop()
        refused = 0
        for _ in rig.steps("4 the disk full", messages):
            refused += not agent.put(*(agent.frame() for _ in range(FRAMES_A_MESSAGE)))
        if not refused:
            raise ValueError(f"{messages} messages do not fill {disk_bytes} bytes.")
        stage.broker.start()
        stage.settle()
        counted, left = agent.outbox.dropped, agent.outbox.messages
        note = f"{refused} messages refused, {counted} of them counted; {left} left in the outbox"
        result = result_of(stage, "4 outbox's disk full", refused, note=note)
        result.outcome.lost += abs(refused - counted) + left
        return result


def clock_stepped(rig: Rig, *, messages: int, per_second: float) -> Result:
    """Step the devices' clocks. Plausible times are counted, implausible times are quarantined, and devices recover."""
    with rig.stage("clock-stepped") as stage:
        stage.started_ingester()
        clock = Clock()
        agent, deeplens = stage.add_agent(clock=clock), stage.add_deeplens(clock=clock)
        for step in rig.steps("5 a clock stepped", len(STEPS)):
            last_right = agent.frame()
            clock.off_s, reason = STEPS[step]
            if reason:
                agent.put(last_right, agent.frame(), aside=reason)
            for _ in range(messages):
                time.sleep(1 / per_second)
                agent.put(agent.frame(), aside=reason)
                deeplens.say_aside(reason) if reason else deeplens.say()
        stage.settle()
        note = "by +10 years, -10 years, -1 hour, and right again after each"
        return result_of(stage, "5 clock stepped", len(STEPS), delay_goal_s=DELAY_GOAL_S, note=note)


def fuzzed(rig: Rig, *, payloads: int) -> Result:
    """Send odd payloads on all topics, with valid messages between them on the same connection."""
    with rig.stage("fuzzed") as stage:
        ingester = stage.started_ingester()
        agent, deeplens = stage.add_thing("odd-agent"), stage.add_thing("odd-deeplens")
        odd, stream = FuzzLedger([agent, deeplens]), stage.add_stream()
        source = iter(Payloads(rig.chance.getrandbits(32), agent, deeplens, Clock()))
        for step in rig.steps("6 payloads fuzzed", payloads):
            topic, payload = next(source)
            odd.note(topic, payload)
            stream.send(topic, payload)
            if step % VALID_EVERY == 0:
                stream.say()
                stage.wait(stream.has_room, SETTLES_WITHIN)
        sent = odd.messages + stage.ledger.messages
        stage.wait(lambda: processed(ingester.client_id, since=ingester.started_at) >= sent, SETTLES_WITHIN)
        stage.pause(health.BEAT_EVERY.total_seconds() + 1)
        lost, doubled = odd.reconcile()
        off = processed(ingester.client_id, since=ingester.started_at) - sent
        stage.settle()
        result = result_of(stage, "6 payloads fuzzed", payloads, delay_goal_s=DELAY_GOAL_S)
        result.outcome.messages = sent
        result.outcome.lost += lost + max(-off, 0)
        result.outcome.doubled += doubled + max(off, 0)
        result.note = ", ".join(f"{reason} {count}" for reason, count in sorted(result.outcome.reasons.items()))
        return result


def two_ingesters(rig: Rig, *, kills: int, per_second: float) -> Result:
    """Kill two ingesters in turn, both of which receive every message. Each message is counted once."""
    with rig.stage("two-ingesters", clients=("chaos-a", "chaos-b")) as stage:
        for ingester in stage.ingesters:
            stage.start(ingester)
        devices: list[Device] = [stage.add_agent(), stage.add_agent(), stage.add_deeplens(clock=Clock())]
        with speaking(dict.fromkeys(devices, per_second / len(devices))):
            for step in rig.steps("7 one of two killed", kills):
                victim = stage.ingesters[step % 2]
                stage.wait_for_work_of(victim)
                stage.pause_up_to(RESTART_TAKES_S)
                victim.kill()
                victim.start()
            for ingester in stage.ingesters:
                stage.wait_for_work_of(ingester)
        stage.settle()
        note = "messages with times: without, two ingesters must share the devices out, not hear the same ones"
        return result_of(stage, "7 two ingesters", kills, delay_goal_s=DELAY_GOAL_S, note=note)


def workers_killed(rig: Rig, *, kills: int, pictures: int) -> Result:
    """Kill the processes of a task cluster while they recognise. Each picture is finished, and counted once."""
    with rig.stage("workers-killed", clients=()) as stage:
        gallery = Gallery()
        workers = Workers({"MQTT_URL": stage.broker.url, "LOG_LEVEL": "WARNING"}, stage.folder / "workers.log")
        workers.start()
        try:
            for _ in rig.steps("8 a task worker killed", kills):
                gallery.take(pictures)
                wait_for_work(workers)
                stage.pause_up_to(WHILE_RECOGNISING_S)
                workers.kill_one(rig.chance)
                sweep_as_if_later()
            finish(workers, gallery.taken)
        finally:
            workers.kill()
        outcome, failed = reconcile(gallery)
        note = f"{gallery.taken} pictures, {failed} failed with a reason; workers started again {workers.restarts}×"
        return Result("8 task workers killed (-9)", kills, outcome, workers.crashes, note=note)


def result_of(stage: Stage, name: str, faults: int, *, delay_goal_s: float | None = None, note: str = "") -> Result:
    peak = max(ingester.peak_mib for ingester in stage.ingesters)
    return Result(name, faults, stage.ledger.outcome(), stage.crashes, delay_goal_s, note, peak)
