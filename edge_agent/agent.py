"""The agent: looks at frames at a steady cadence, says what it saw, and takes pictures."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from edge_agent import messages
from edge_agent.config import AgentConfig
from edge_agent.eyes import Eyes
from edge_agent.link import Link
from edge_agent.outbox import Message, Outbox
from edge_agent.photographer import Photographer
from edge_agent.pictures import Picture, images
from edge_agent.sources import Source, without_password

log = logging.getLogger(__name__)

BATCH_SECONDS = 1.0
"""Frames of this time travel in one message, so that a fast cadence does not mean a disk flush per frame."""

LARGEST_BATCH = 20
"""Frames; with a crowd in each, they still fit into a message."""

HEARTBEAT_SECONDS = 30.0
DARK_SECONDS = 10.0
"""Without a frame for this long, the camera counts as wedged and the log says so."""

GOODBYE_SECONDS = 1.0


class Troubles(logging.Handler):
    """Collects the agent's own warnings and errors, which the platform is told too."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._records: deque[logging.LogRecord] = deque(maxlen=100)

    def emit(self, record: logging.LogRecord) -> None:
        self._records.append(record)

    def take(self) -> list[messages.Log]:
        """What has come since the last call, as messages."""
        return [_log_message(self._records.popleft()) for _ in range(len(self._records))]


class Agent:
    """Looks, batches, photographs, and puts it all into the outbox; the link sends it.

    `monotonic` tells seconds that never go back, `epoch_ms` the time of day in milliseconds, UTC.
    """

    def __init__(
        self,
        config: AgentConfig,
        source: Source,
        eyes: Eyes,
        outbox: Outbox,
        troubles: Troubles,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        epoch_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._config, self._source, self._eyes, self._outbox, self._troubles = config, source, eyes, outbox, troubles
        self._monotonic, self._epoch_ms = monotonic, epoch_ms
        self._photographer = Photographer(
            face_probability=config.face_probability, countdown=config.countdown, cooldown=config.cooldown
        )
        self._batch: list[messages.Frame] = []
        self._batch_since = self._seen_at = monotonic()

    def run(self, link: Link, stop: threading.Event) -> None:
        """Look at the configured cadence, and report the status now and then, until `stop` is set; then drain."""
        period = 1 / self._config.cadence
        next_look = next_heartbeat = self._monotonic()
        while not stop.wait(max(next_look - self._monotonic(), 0)):
            self.step()
            # Whatever was too slow is left out: frames that are late must not pile up.
            next_look = max(next_look + period, self._monotonic())
            if self._monotonic() >= next_heartbeat:
                link.report_status()
                next_heartbeat = self._monotonic() + HEARTBEAT_SECONDS
        self.flush()

    def step(self) -> None:
        """Look at one frame, if there is a new one, and put what is complete into the outbox."""
        now, taken_at = self._monotonic(), self._epoch_ms()
        rgb = self._source.read()
        if rgb is None:
            self._note_darkness(now)
        else:
            self._seen_at = now
            self._observe(rgb, now, taken_at)
        if now - self._batch_since >= BATCH_SECONDS or len(self._batch) >= LARGEST_BATCH:
            self.flush()

    def flush(self) -> None:
        """Put the frames and log lines that have gathered into the outbox."""
        self._batch_since = self._monotonic()
        if self._batch:
            self._put("frames", messages.Frames(messages.new_id(), tuple(self._batch)))
            self._batch = []
        for line in self._troubles.take():
            self._put("log", line)

    def _observe(self, rgb: Picture, now: float, taken_at: int) -> None:
        frame = self._eyes.look(rgb, taken_at)
        self._batch.append(frame)
        if self._photographer.look(now, frame.faces or ()).doing == "picture":
            self._take_picture(rgb, frame)

    def _take_picture(self, rgb: Picture, frame: messages.Frame) -> None:
        faces = self._photographer.chosen(frame.faces or ())
        shows, margin = self._config.picture, self._config.crop_margin
        for image in images(rgb, faces, taken_at=frame.taken_at, shows=shows, crop_margin=margin):
            self._put("image", image)

    def _put(self, kind: str, message: messages.Frames | messages.Image | messages.Log) -> None:
        self._outbox.put(Message(message.id, kind, messages.encode(message)))

    def _note_darkness(self, now: float) -> None:
        if now - self._seen_at >= DARK_SECONDS:
            log.warning(
                "the source %s has shown no frame for %.0f s", without_password(self._config.source), DARK_SECONDS
            )
            self._seen_at = now


def _log_message(record: logging.LogRecord) -> messages.Log:
    return messages.Log(
        id=messages.new_id(),
        at=int(record.created * 1000),
        text=record.getMessage(),
        level="error" if record.levelno >= logging.ERROR else "warning",
    )
