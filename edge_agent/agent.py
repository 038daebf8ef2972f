"""The agent: looks at frames at a steady cadence, says what it saw, and takes pictures."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from edge_agent import messages
from edge_agent.cameras.sources import Source, without_password
from edge_agent.config import AgentConfig
from edge_agent.delivery.link import Link
from edge_agent.delivery.outbox import Message, Outbox
from edge_agent.delivery.remembered import Remembered
from edge_agent.delivery.uploads import MAX_UPLOAD_BYTES, as_upload
from edge_agent.eyes import Eyes
from edge_agent.pictures.encoding import Picture, images
from edge_agent.pictures.photographer import Photographer
from edge_agent.stream.screen import Screen
from edge_agent.stream.server import Stream
from edge_agent.vision.files import ModelsUnavailable
from edge_agent.vision.gesture_episodes import FORGIVEN_MS, Episodes

log = logging.getLogger(__name__)

BATCH_SECONDS = 1.0
"""Frames of this time travel in one message, so that a fast cadence does not mean a disk flush per frame."""

LARGEST_BATCH = 20
"""Frames; with a crowd in each, they still fit into a message."""

HEARTBEAT_SECONDS = 30.0

STREAM_PERIOD = 0.1
"""Seconds between two pictures of the stream while somebody watches, and between two looks for what the platform
wants."""

MISSED_LOOKS = 2.5
"""Periods of the cadence that a gesture may be missed without ending, where that is longer than `FORGIVEN_MS`."""

GOODBYE_SECONDS = 1.0

MOST_CHARACTERS = (messages.MAX_PICTURE_BYTES + 2) // 3 * 4
"""Of a picture as base64 in a message."""


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

    Without a `stream` nothing is drawn, without `remembered` what the platform wants ends with the program. `monotonic`
    tells seconds that never go back, `epoch_ms` the time of day in milliseconds, UTC.
    """

    def __init__(
        self,
        config: AgentConfig,
        source: Source,
        eyes: Eyes,
        outbox: Outbox,
        troubles: Troubles,
        *,
        stream: Stream | None = None,
        remembered: Remembered | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        epoch_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._own_config = self._config = config
        self._source, self._eyes, self._outbox, self._troubles = source, eyes, outbox, troubles
        self._stream, self._screen, self._remembered = stream, Screen(), remembered
        self._monotonic, self._epoch_ms = monotonic, epoch_ms
        self._photographer, self._episodes = _photographer(config), _episodes(config)
        self._batch: list[messages.Frame] = []
        self._changes: list[messages.GestureEpisode] = []
        self._batch_since = self._seen_at = monotonic()
        self._is_dark = False

    def resume(self, link: Link) -> None:
        """Live by what the platform wanted before the last end, as `link` will report when it is connected."""
        if self._remembered is not None:
            error = self.apply(self._remembered.load())
            link.report_settings(self._config.settings, error)

    def run(self, link: Link, stop: threading.Event) -> None:
        """Look at the configured cadence, and report the status now and then, until `stop` is set or the source ends;
        then put the rest into the outbox.
        """
        next_look = next_heartbeat = self._monotonic()
        while not stop.wait(self._pause(next_look)) and not self._source.ended:
            self.obey(link)
            if self._monotonic() >= next_look:
                self.step()
                # Whatever was too slow is left out: frames that are late must not pile up.
                next_look = max(next_look + 1 / self._config.cadence, self._monotonic())
            self.show()
            if self._monotonic() >= next_heartbeat:
                link.report_status()
                next_heartbeat = self._monotonic() + HEARTBEAT_SECONDS
        self._changes += self._episodes.end()
        self.flush()

    def step(self) -> None:
        """Look at one frame, if there is a new one, and put what is complete into the outbox."""
        now, taken_at = self._monotonic(), self._epoch_ms()
        rgb = self._source.read()
        if rgb is None:
            self._note_darkness(now)
        else:
            self._note_light(now)
            self._observe(rgb, now, taken_at)
        if self._changes or now - self._batch_since >= BATCH_SECONDS or len(self._batch) >= LARGEST_BATCH:
            self.flush()

    def show(self) -> None:
        """Draw the stream's next picture, where somebody watches."""
        if self._stream is not None and self._stream.is_watched:
            picture = self._screen.picture(self._monotonic(), self._source.peek())
            if picture is not None:
                self._stream.show(picture)

    def obey(self, link: Link) -> None:
        """Do what the platform wants: show greetings, and change settings, which is reported back."""
        while (order := link.take_order()) is not None:
            if isinstance(order, messages.Greeting):
                self._screen.greet(order)
            else:
                error = self.apply(order)
                if not error and self._remembered is not None:
                    self._remembered.keep(order)
                link.report_settings(self._config.settings, error)

    def apply(self, settings: messages.DesiredSettings) -> str:
        """Change these settings from the next frame on, and all others back to the device's own configuration.

        Answers "", or why nothing was changed, in one sentence.
        """
        config = self._own_config.with_settings(settings)
        if config == self._config:
            return ""
        try:
            self._eyes = self._eyes.changed(config)
        except ModelsUnavailable as error:
            return str(error)
        if _photography(config) != _photography(self._config):
            self._photographer = _photographer(config)
        if config.cadence != self._config.cadence:
            self._changes += self._episodes.end()
            self._episodes = _episodes(config)
        self._config = config
        log.info("settings changed from afar: %s", messages.encode(config.settings).decode())
        return ""

    def _pause(self, next_look: float) -> float:
        return min(max(next_look - self._monotonic(), 0.0), STREAM_PERIOD)

    def flush(self) -> None:
        """Put the frames and log lines that have gathered into the outbox."""
        self._batch_since = self._monotonic()
        if self._batch or self._changes:
            self._put("frames", messages.Frames(messages.new_id(), tuple(self._batch), tuple(self._changes)))
            self._batch, self._changes = [], []
        for line in self._troubles.take():
            self._put("log", line)

    def _observe(self, rgb: Picture, now: float, taken_at: int) -> None:
        frame = self._eyes.look(rgb, taken_at)
        self._batch.append(frame)
        self._changes += self._episodes.look(taken_at, frame.gestures)
        moment = self._photographer.look(now, frame.faces or ())
        self._screen.looked(rgb, frame, moment, now)
        if moment.doing == "picture":
            self._take_picture(rgb, frame)

    def _take_picture(self, rgb: Picture, frame: messages.Frame) -> None:
        faces = self._photographer.chosen(frame.faces or ())
        shows, margin = self._config.picture, self._config.crop_margin
        limit = messages.MAX_PICTURE_BYTES if self._config.upload_url is None else MAX_UPLOAD_BYTES
        for image in images(rgb, faces, taken_at=frame.taken_at, shows=shows, crop_margin=margin, limit=limit):
            if len(image.image_string) > MOST_CHARACTERS:
                self._outbox.put(as_upload(image))
            else:
                self._put("image", image)

    def _put(self, kind: str, message: messages.Frames | messages.Image | messages.Log) -> None:
        self._outbox.put(Message(message.id, kind, messages.encode(message)))

    def _note_darkness(self, now: float) -> None:
        if now - self._seen_at >= self._config.wedged_after:
            log.warning(
                "the source %s has shown no frame for %.0f s",
                without_password(self._config.source),
                self._config.wedged_after,
            )
            self._seen_at, self._is_dark = now, True
            self._source.restart()

    def _note_light(self, now: float) -> None:
        if self._is_dark:
            log.warning("the source %s shows frames again", without_password(self._config.source))
        self._seen_at, self._is_dark = now, False


def _photographer(config: AgentConfig) -> Photographer:
    face_probability, countdown, cooldown = _photography(config)
    return Photographer(face_probability=face_probability, countdown=countdown, cooldown=cooldown)


def _photography(config: AgentConfig) -> tuple[float, float, float]:
    return config.face_probability, config.countdown, config.cooldown


def _episodes(config: AgentConfig) -> Episodes:
    return Episodes(max(FORGIVEN_MS, round(1000 * MISSED_LOOKS / config.cadence)))


def _log_message(record: logging.LogRecord) -> messages.Log:
    return messages.Log(
        id=messages.new_id(),
        at=int(record.created * 1000),
        text=record.getMessage(),
        level="error" if record.levelno >= logging.ERROR else "warning",
    )
