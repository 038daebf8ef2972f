"""The agent: reads frames at a steady cadence, detects people and things in them, and takes pictures."""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import msgspec

from edge_agent import messages
from edge_agent.cameras.sources import Source
from edge_agent.config import AgentConfig
from edge_agent.delivery.link import Link
from edge_agent.delivery.outbox import Message, Outbox
from edge_agent.delivery.settings_file import SettingsFile
from edge_agent.delivery.uploads import MAX_UPLOAD_BYTES, as_upload
from edge_agent.delivery.views import ViewSender
from edge_agent.eyes import Eyes
from edge_agent.learned.upkeep import ModelUpkeep
from edge_agent.pictures.encoding import Picture, images
from edge_agent.pictures.looks import LookKeeper
from edge_agent.pictures.photographer import Photographer
from edge_agent.pictures.picture_watch import PERIOD_SECONDS, PictureWatch, load_past, save_past
from edge_agent.pictures.training_pictures import TrainingPictures
from edge_agent.stream.overlay import Overlay
from edge_agent.stream.server import StreamServer
from edge_agent.text.urls import without_password
from edge_agent.tracking.visits import VisitTracker
from edge_agent.vision.files import ModelsUnavailable
from edge_agent.vision.gesture_episodes import MAX_GAP_MS, EpisodeTracker

log = logging.getLogger(__name__)

BATCH_SECONDS = 1.0
"""The frames of this time go into one message, so that a fast cadence does not mean a disk flush per frame."""

MAX_BATCH_FRAMES = 20
"""This many frames, each with a crowd in it, still fit into a message."""

LOOKS_PER_SECOND = 5.0
"""People are followed with at least so many looks a second. With two, a walker moves too far from look to look: in
simulated audiences a third more visits than people were counted."""

HEARTBEAT_SECONDS = 30.0

JUDGEMENTS_SAVED = 60
"""The past of the picture is saved after so many judgements of the picture: every ten minutes."""

STREAM_PERIOD = 0.1
"""Seconds between two pictures of the stream while it has viewers, and between two checks for commands."""

MAX_GAP_FRAMES = 2.5
"""Periods of the cadence that a gesture may be missed without ending, where that is longer than `MAX_GAP_MS`."""

SHUTDOWN_SECONDS = 1.0

MAX_BASE64_CHARACTERS = (messages.MAX_PICTURE_BYTES + 2) // 3 * 4
"""The longest picture, in base64, that fits into a message."""


LATEST_SECONDS = 60.0
"""A warning tells of the present for so long: a camera that is away is reported again within this time."""


class LogBuffer(logging.Handler):
    """Keeps the agent's latest 100 warnings and errors until they are published."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._records: deque[logging.LogRecord] = deque(maxlen=100)
        self._latest: logging.LogRecord | None = None

    def emit(self, record: logging.LogRecord) -> None:
        self._records.append(record)
        self._latest = record

    @property
    def latest(self) -> str:
        """The text of the latest warning or error, if it is younger than `LATEST_SECONDS`; otherwise ""."""
        record = self._latest
        return "" if record is None or time.time() - record.created > LATEST_SECONDS else record.getMessage()

    def take(self) -> list[messages.Log]:
        """Return the warnings and errors since the last call, oldest first."""
        return [_log_message(self._records.popleft()) for _ in range(len(self._records))]


class Agent:
    """Detects, batches and photographs, and puts the resulting messages into the outbox; the link sends them.

    Without a `stream` nothing is drawn. Without a `settings_file` the platform's settings are lost at the end of the
    program. `monotonic` returns seconds that never decrease, `epoch_ms` the time in epoch milliseconds.
    """

    def __init__(
        self,
        config: AgentConfig,
        source: Source,
        eyes: Eyes,
        outbox: Outbox,
        log_buffer: LogBuffer,
        *,
        stream: StreamServer | None = None,
        settings_file: SettingsFile | None = None,
        views: ViewSender | None = None,
        up_file: Path | None = None,
        models: ModelUpkeep | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        epoch_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._own_config = self._config = config
        self._source, self._eyes, self._outbox, self._log_buffer = source, eyes, outbox, log_buffer
        self._stream, self._overlay, self._settings_file = stream, Overlay(), settings_file
        self._views, self._up_file = views, up_file
        self._models = models or ModelUpkeep()
        self._models.begin(eyes)
        self._monotonic, self._epoch_ms = monotonic, epoch_ms
        self._photographer, self._episodes = _photographer(config), _episode_tracker(config)
        self._looks = LookKeeper()
        self._training = TrainingPictures(config.outbox.with_name(f"{config.outbox.name}.training"))
        self._frames: list[messages.Frame] = []
        self._episode_changes: list[messages.GestureEpisode] = []
        self._past_file = config.outbox.with_name(f"{config.outbox.name}.picture")
        self._watch, self._next_judgement = PictureWatch(load_past(self._past_file)), monotonic()
        self._judged = 0
        self._visits = VisitTracker(config.lens)
        self._visit_changes: list[messages.Visit] = []
        self._next_frame = monotonic()
        self._batch_since = self._last_frame_at = monotonic()
        self._is_wedged = self._has_looked = False
        self._failure = ""

    def restore_settings(self, link: Link) -> None:
        """Apply the settings that the platform last sent before a restart; `link` reports them once connected."""
        if self._settings_file is not None:
            error = self.apply_settings(self._settings_file.load())
            link.report_settings(self._config.settings, error)

    def run(self, link: Link, stop: threading.Event) -> None:
        """Look at frames, publish them at the configured cadence, and send heartbeats, until `stop` is set or the
        source ends.

        At the end the gesture episodes and visits are closed, and the last batch goes into the outbox.
        """
        next_look = next_heartbeat = self._monotonic()
        while not stop.wait(self._pause(next_look)) and not self._source.ended:
            self.handle_commands(link)
            self._models.update(self._eyes, link)
            if self._monotonic() >= next_look:
                self._process_frame_or_skip_it()
                # A look that is overdue is skipped, so that a slow machine does not fall further and further behind.
                next_look = max(next_look + self._look_seconds, self._monotonic())
            self.update_stream()
            self._show_that_it_is_up(link)
            if self._monotonic() >= next_heartbeat:
                link.note_picture(*(self._watch.trouble or (None, None)))
                self._models.note(self._eyes, link)
                link.report_status()
                next_heartbeat = self._monotonic() + HEARTBEAT_SECONDS
        self._episode_changes += self._episodes.end_all()
        self._visit_changes += self._visits.end_all()
        save_past(self._past_file, self._watch.past)
        self.flush()

    @property
    def _follows_people(self) -> bool:
        return "faces" in self._config.detectors

    @property
    def _look_seconds(self) -> float:
        """Seconds between two looks: the period of the cadence, or a part of it where people are followed."""
        looks = math.ceil(LOOKS_PER_SECOND / self._config.cadence) if self._follows_people else 1
        return 1 / (self._config.cadence * looks)

    def process_frame(self) -> None:
        """Look at the source's newest frame, if there is a new one, and put a complete batch into the outbox.

        A frame that is due by the cadence is analysed by all detectors and published. In any other frame, only the
        people are followed.
        """
        now, taken_at = self._monotonic(), self._epoch_ms()
        rgb = self._source.read()
        if rgb is None:
            self._check_for_wedged_source(now)
        elif now >= self._next_frame - self._look_seconds / 2:
            self._note_frame(now)
            self._next_frame = max(self._next_frame + 1 / self._config.cadence, now)
            self._analyse(rgb, now, taken_at)
        else:
            self._note_frame(now)
            faces = self._eyes.find_faces(rgb, taken_at, self._visits.expected(now))
            if faces is not None:
                self._follow(rgb, faces, now, taken_at)
        if rgb is not None and now >= self._next_judgement:
            self._next_judgement = now + PERIOD_SECONDS
            self._judge_picture(rgb, taken_at)
        is_full = now - self._batch_since >= BATCH_SECONDS or len(self._frames) >= MAX_BATCH_FRAMES
        if self._episode_changes or is_full:
            self.flush()

    def _process_frame_or_skip_it(self) -> None:
        """Process a frame; where that fails, one sentence says so once, and the next frame is looked at."""
        try:
            self.process_frame()
            self._failure = ""
        except Exception as error:
            failure = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
            if failure != self._failure:
                log.error("a frame could not be processed (%s); the agent goes on with the next frame", failure)
            self._failure = failure

    def update_stream(self) -> None:
        """Draw the next picture for the viewers of the stream, and for the platform while it wants views."""
        is_watched = self._stream is not None and self._stream.has_viewers
        views = self._views if self._views is not None and self._views.is_wanted else None
        if not is_watched and (views is None or views.has_one):
            return
        picture = self._overlay.render(self._monotonic(), self._source.peek())
        if picture is None:
            return
        if is_watched and self._stream is not None:
            self._stream.publish(picture)
        if views is not None and not views.has_one:
            views.show(picture)

    def _show_that_it_is_up(self, link: Link) -> None:
        """Write the file that tells the launcher, once there is a connection and a frame was looked at."""
        if self._up_file is not None and link.is_connected and self._has_looked:
            self._up_file.touch()
            self._up_file = None

    def handle_commands(self, link: Link) -> None:
        """Carry out the platform's commands: show a greeting, or apply settings and report the result."""
        while (command := link.take_order()) is not None:
            if isinstance(command, messages.Greeting):
                self._overlay.add_greeting(command)
            else:
                error = self.apply_settings(command)
                if not error and self._settings_file is not None:
                    self._settings_file.save(command)
                link.report_settings(self._config.settings, error)

    def apply_settings(self, settings: messages.DesiredSettings) -> str:
        """Apply these settings from the next frame on; a setting that is None gets its value from the configuration.

        Returns "", or one sentence that says why no setting was changed.
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
            self._episode_changes += self._episodes.end_all()
            self._episodes = _episode_tracker(config)
            self._next_frame = self._monotonic()
        self._config = config
        if not self._follows_people:
            self._visit_changes += self._visits.end_all()
        log.info("the platform changed the settings to %s", messages.encode(config.settings).decode())
        return ""

    def flush(self) -> None:
        """Put the current batch of frames and the buffered log lines into the outbox."""
        self._batch_since = self._monotonic()
        if self._frames or self._episode_changes or self._visit_changes:
            visits = tuple(self._visit_changes) if self._follows_people or self._visit_changes else None
            changes = tuple(self._episode_changes), visits
            self._put("frames", messages.Frames(messages.new_id(), tuple(self._frames), *changes))
            self._frames, self._episode_changes, self._visit_changes = [], [], []
        for line in self._log_buffer.take():
            self._put("log", line)

    def _pause(self, next_look: float) -> float:
        return min(max(next_look - self._monotonic(), 0.0), STREAM_PERIOD)

    def _analyse(self, rgb: Picture, now: float, taken_at: int) -> None:
        frame = self._eyes.look(rgb, taken_at, self._visits.expected(now))
        if frame.faces is not None:
            frame = _with_owners(frame, self._follow(rgb, frame.faces, now, taken_at))
        self._frames.append(frame)
        self._episode_changes += self._episodes.update(taken_at, frame.gestures)
        state = self._photographer.update(now, frame.faces or ())
        self._overlay.update(rgb, frame, state, now)
        if (kept := self._training.choose(rgb, frame, self._models.training)) is not None:
            self._put("image", kept)
        if state.phase == "picture":
            self._take_picture(rgb, frame)
        elif state.phase == "countdown":
            self._looks.keep(now, rgb, self._photographer.select_faces(frame.faces or ()))
        else:
            self._looks.drop()

    def _follow(
        self, rgb: Picture, faces: tuple[messages.Face, ...], now: float, taken_at: int
    ) -> tuple[messages.Face, ...]:
        """Return the faces with their visits' ids, and keep the visits that this look changes for the next batch."""
        bodies = self._eyes.find_bodies(rgb, taken_at)
        followed, changed = self._visits.look(now, taken_at, faces, (rgb.shape[1], rgb.shape[0]), bodies)
        self._visit_changes += changed
        return followed

    def _judge_picture(self, rgb: Picture, taken_at: int) -> None:
        before = self._watch.trouble
        trouble = self._watch.update(taken_at, rgb)
        self._judged += 1
        if self._judged % JUDGEMENTS_SAVED == 0:
            save_past(self._past_file, self._watch.past)
        if trouble == before:
            return
        if trouble is None:
            log.warning("the camera's picture is as usual again")
        else:
            log.warning("the camera's picture %s", _PICTURE_PROBLEMS[trouble.problem])

    def _take_picture(self, rgb: Picture, frame: messages.Frame) -> None:
        faces = self._photographer.select_faces(frame.faces or ())
        shows, margin = self._config.picture, self._config.crop_margin
        limit = messages.MAX_PICTURE_BYTES if self._config.upload_url is None else MAX_UPLOAD_BYTES
        looks = self._looks.take(faces)
        for image in images(
            rgb, faces, taken_at=frame.taken_at, shows=shows, crop_margin=margin, limit=limit, looks=looks
        ):
            if len(image.image_string) > MAX_BASE64_CHARACTERS:
                self._outbox.put(as_upload(image))
            else:
                self._put("image", image)

    def _put(self, kind: str, message: messages.Frames | messages.Image | messages.Log) -> None:
        self._outbox.put(Message(message.id, kind, messages.encode(message)))

    def _check_for_wedged_source(self, now: float) -> None:
        if now - self._last_frame_at >= self._config.wedged_after:
            log.warning(
                "the source %s has shown no frame for %.0f s",
                without_password(self._config.source),
                self._config.wedged_after,
            )
            self._last_frame_at, self._is_wedged = now, True
            self._source.restart()

    def _note_frame(self, now: float) -> None:
        if self._is_wedged:
            log.warning("the source %s shows frames again", without_password(self._config.source))
        self._last_frame_at, self._is_wedged = now, False
        self._has_looked = True


_PICTURE_PROBLEMS: dict[messages.PictureProblem, str] = {
    "dark": "is dark: the light is off, or something covers the lens",
    "covered": "shows nothing but one tone: something covers the lens",
    "blurred": "is less sharp than usual: clean the lens, or focus it",
    "turned": "shows another view than usual: the camera was turned or moved",
}


def _with_owners(frame: messages.Frame, faces: tuple[messages.Face, ...]) -> messages.Frame:
    """Return the frame with these faces, and with their visits at the gestures and objects of the same people."""

    def owned(found: tuple[messages.Labelled, ...]) -> tuple[messages.Labelled, ...]:
        return tuple(
            each if each.face is None else msgspec.structs.replace(each, visit=faces[each.face].visit) for each in found
        )

    return msgspec.structs.replace(frame, faces=faces, objects=owned(frame.objects), gestures=owned(frame.gestures))


def _photographer(config: AgentConfig) -> Photographer:
    face_probability, countdown, cooldown = _photography(config)
    return Photographer(face_probability=face_probability, countdown=countdown, cooldown=cooldown)


def _photography(config: AgentConfig) -> tuple[float, float, float]:
    return config.face_probability, config.countdown, config.cooldown


def _episode_tracker(config: AgentConfig) -> EpisodeTracker:
    return EpisodeTracker(max(MAX_GAP_MS, round(1000 * MAX_GAP_FRAMES / config.cadence)))


def _log_message(record: logging.LogRecord) -> messages.Log:
    return messages.Log(
        id=messages.new_id(),
        at=int(record.created * 1000),
        text=record.getMessage(),
        level="error" if record.levelno >= logging.ERROR else "warning",
    )
