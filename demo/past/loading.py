"""Loads the demo's history: its messages go through the same intake as all others, once per data folder."""

import datetime as dt
from pathlib import Path

from msgspec.structs import replace
from tqdm import tqdm

from demo.past import progress
from demo.past.history import histories
from demo.past.messages import SentMessage, sent_messages
from demo.past.pictures import coffee_pictures
from demo.past.progress import Loaded, Progress
from devices.intake.batches import accept
from devices.reading.decoding import Arrival

BATCH = 500
"""Messages per transaction; at most these are repeated after an interruption."""


def load(data: Path, at: Progress) -> Loaded:
    """Load the rest of the history from `at` on, and record the progress in the data folder.

    A history that is resumed days later keeps its seed and its end; no history is generated for the days between.
    Shows a progress bar on a terminal. Raises what `accept` raises where the database cannot be reached.
    """
    arrivals = all_arrivals(at)
    quarantined = 0
    with tqdm(total=len(arrivals), initial=at.done, unit=" messages", desc="  History", disable=None) as bar:
        while batch := arrivals[at.done : at.done + BATCH]:
            quarantined += accept(batch).quarantined
            at = replace(at, done=at.done + len(batch))
            progress.write(data, at)
            bar.update(len(batch))
    progress.write(data, replace(at, complete=True))
    return Loaded(len(arrivals), quarantined)


def all_arrivals(at: Progress) -> list[Arrival]:
    """Return all messages of this history, in the order of their arrival."""
    cameras = histories(at.seed, at.start, at.end)
    sent = sorted([*sent_messages(cameras), *coffee_pictures(cameras)], key=lambda sent: sent.sent_at)
    return [_arrival(message) for message in sent]


def _arrival(sent: SentMessage) -> Arrival:
    return Arrival(sent.topic, sent.payload, dt.datetime.fromtimestamp(sent.sent_at / 1000, dt.UTC))
