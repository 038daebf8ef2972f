"""The demo's past: generated as messages, taken in by the same intake as all others, once per data folder."""

import datetime as dt
from pathlib import Path

from msgspec.structs import replace
from tqdm import tqdm

from demo.past import progress
from demo.past.history import histories
from demo.past.messages import Sent, sent_messages
from demo.past.pictures import coffee_pictures
from demo.past.progress import Loaded, Progress
from devices.intake.batches import accept
from devices.intake.decoding import Arrival

BATCH = 500
"""Messages per transaction: what has to be done again after an interruption."""


def load(data: Path, at: Progress) -> Loaded:
    """Take in what is missing of this past, and note in the data folder how far it is.

    It keeps its own seed and end, also when it goes on days after an interruption; the time since then is not invented.
    Shows a progress bar on a terminal. Raises what `accept` raises where the database is away.
    """
    arrivals = everything(at)
    quarantined = 0
    with tqdm(total=len(arrivals), initial=at.done, unit=" messages", desc="  The past", disable=None) as bar:
        while batch := arrivals[at.done : at.done + BATCH]:
            quarantined += accept(batch).quarantined
            at = replace(at, done=at.done + len(batch))
            progress.write(data, at)
            bar.update(len(batch))
    progress.write(data, replace(at, complete=True))
    return Loaded(len(arrivals), quarantined)


def everything(at: Progress) -> list[Arrival]:
    """All messages of this past, in the order of their arrival."""
    happened = histories(at.seed, at.start, at.end)
    sent = sorted([*sent_messages(happened), *coffee_pictures(happened)], key=lambda sent: sent.sent_at)
    return [_arrival(each) for each in sent]


def _arrival(sent: Sent) -> Arrival:
    return Arrival(sent.topic, sent.payload, dt.datetime.fromtimestamp(sent.sent_at / 1000, dt.UTC))
