"""`python -m tests.chaos.tampering`: prints, as JSON, the losses and doubles that the chaos ledgers find.

This is a separate program because it needs its own PostgreSQL, with options that record the times of commits.
"""

import datetime as dt
import json
import tempfile
from pathlib import Path

from benchmarks.chaos import DURABLE, set_up_django
from tests import clock
from tests.programs.postgres import server

AGENT, DEEPLENS = "agent", "deeplens"


def main() -> None:
    with server(DURABLE) as postgres, tempfile.TemporaryDirectory() as folder:
        set_up_django(postgres.url, Path(folder))
        print(json.dumps({"frames": frames(), "odd payloads": odd_payloads()}))


def frames() -> dict[str, int]:
    """Lose one of three recorded messages, add an unrecorded one, raise a tally by 1, and return the findings."""
    from analytics.models import EngagementQuarter
    from benchmarks.faults.devices import said
    from benchmarks.faults.ledger import Ledger
    from devices.intake.batches import accept
    from devices.reading.decoding import Arrival
    from devices.services import register_device, register_site
    from edge_agent import messages

    register_device(site=register_site(name="S", slug="s", timezone="UTC"), name=AGENT, thing_name=AGENT)
    ledger, topic, now = Ledger(), messages.topic_from_device(AGENT, "frames"), clock.now()
    for number in range(4):
        faces = (messages.Face(number / 10),)
        frame = messages.Frame(taken_at=round(now.timestamp() * 1000), faces=faces)
        if number != 3:
            ledger.note([said(AGENT, frame)], now.timestamp())
        if number != 0:
            accept([Arrival(topic, messages.encode(messages.Frames(str(number), (frame,))), now)])
    quarter = EngagementQuarter.objects.get()
    quarter.frames += 1
    quarter.save()
    outcome = ledger.outcome()
    return {"lost": outcome.lost, "doubled": outcome.doubled, "timed": len(outcome.delays)}


def odd_payloads() -> dict[str, int]:
    """Lose one countable and one odd payload, deliver another odd one twice, and return the findings."""
    from benchmarks.faults.fuzzing import FuzzLedger
    from devices.intake.batches import accept
    from devices.reading.decoding import Arrival
    from devices.services import register_device, register_site

    register_device(site=register_site(name="S", slug="s", timezone="UTC"), name=DEEPLENS, thing_name=DEEPLENS)
    ledger, topic, now = FuzzLedger([DEEPLENS]), f"$aws/things/{DEEPLENS}/infer", clock.now()
    for payload in (b'{"face": 0.5}', b'{"face": 0.5}', b"\xff", b"a line", b"[1]", b"[2]"):
        ledger.note(topic, payload)
    for number, payload in enumerate((b'{"face": 0.5}', b"\xff", b"a line", b"[2]", b"[2]")):
        accept([Arrival(topic, payload, now + dt.timedelta(microseconds=number))])
    lost, doubled = ledger.reconcile()
    return {"lost": lost, "doubled": doubled}


if __name__ == "__main__":
    main()
