"""Opens sources of frames: cameras, streams, video files and folders of pictures."""

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.cameras.camera_process import (
    KILL_TIMEOUT_SECONDS,
    TIMEOUT_MS,
    CameraProcess,
    as_rgb,
    bounded,
)
from edge_agent.text.file_names import printable, why_passed_over
from edge_agent.text.urls import without_password

log = logging.getLogger(__name__)

Picture = NDArray[np.uint8]

LONGEST_PAUSE = 30.0
"""Seconds between two attempts to open a camera that is unavailable; the pauses begin at one second and double."""

OPENING_SECONDS = 2 * TIMEOUT_MS / 1000
"""Time for the first frame: the process has to start, and the stream may take `TIMEOUT_MS` to open."""

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})


class SourceError(ValueError):
    """This source can never work; the message is one sentence. A camera that is merely unavailable raises nothing."""


class Source(Protocol):
    """Delivers frames."""

    @property
    def ended(self) -> bool:
        """Whether no further frame will come."""

    def read(self) -> Picture | None:
        """Return the newest frame, RGB, height × width × 3; None where there is no new frame. Returns at once.

        The next frame that is read may overwrite this one.
        """

    def peek(self) -> Picture | None:
        """Return the newest frame for the stream, without taking it away from `read`.

        None where the source cannot deliver a frame twice. The next frame that is peeked may overwrite this one.
        """

    def restart(self) -> None:
        """Open the source again where that may help, because no frame came for too long. Returns at once."""

    def close(self) -> None:
        """Stop reading. `read` must not be called afterwards."""


Clock = Callable[[], float]
"""Returns the time in seconds."""


class SourceOpener(Protocol):
    """Opens the source that a text names, as `open_source` does. Raises `SourceError`."""

    def __call__(self, text: str, *, repeat: bool = True) -> Source: ...


def open_source(text: str, *, repeat: bool = True, clock: Clock = time.monotonic) -> Source:
    """Open the source that this text names: a device's index, an RTSP or HTTP URL, a video file, a folder of pictures.

    A file is played by `clock`, which must not go back.

    With `repeat`, files and folders begin again at their end; otherwise they are played once. Raises `SourceError`
    where the text names none of these, or where the file or folder cannot be read.
    """
    if text.isdecimal():
        return LiveSource(int(text))
    if "://" in text:
        return LiveSource(text)
    path = Path(text)
    try:
        if path.is_dir():
            return FolderSource(path, repeat)
        if path.is_file():
            path.open("rb").close()
            return FileSource(path, repeat, clock)
    except OSError as error:
        raise SourceError(f"source: {path} cannot be read: {error.strerror}.") from error
    raise SourceError(f'source: "{text}" is neither a file nor a folder, a device\'s number nor a URL.')


class RecordedSource:
    """The base of sources without a camera, which cannot be lost or restarted."""

    ended = False

    def peek(self) -> Picture | None:
        return None

    def restart(self) -> None:
        pass

    def close(self) -> None:
        pass


class FolderSource(RecordedSource):
    """The pictures of a folder in the order of their names, one per read, repeated or once."""

    def __init__(self, folder: Path, repeat: bool) -> None:
        paths = [path for path in sorted(folder.iterdir()) if not why_passed_over(path.name, PICTURES)]
        for path in sorted({*folder.iterdir()} - {*paths}):
            log.warning("%s is passed over: %s", printable(path), why_passed_over(path.name, PICTURES))
        if not paths:
            raise SourceError(f"source: the folder {folder} contains no picture ({', '.join(sorted(PICTURES))}).")
        self._paths = itertools.cycle(paths) if repeat else iter(paths)

    def read(self) -> Picture | None:
        path = next(self._paths, None)
        if path is None:
            self.ended = True
            return None
        try:
            picture = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
        except cv2.error:  # for example of more pixels than OpenCV reads
            picture = None
        if picture is None:
            log.warning("%s is not a readable picture; it is skipped", path)
            return None
        smaller = bounded(np.asarray(picture, np.uint8))
        if smaller.shape != picture.shape:
            log.warning("%s", _scaled_down(str(path), picture.shape[1::-1], smaller.shape[1::-1]))
        return smaller


class FileSource(RecordedSource):
    """A video file, played at its own speed, repeated or once."""

    def __init__(self, path: Path, repeat: bool, clock: Clock) -> None:
        self._repeat, self._clock = repeat, clock
        self._video = cv2.VideoCapture(str(path))
        if not self._video.isOpened():
            raise SourceError(f"source: {path} is not a playable video.")
        self._rate = self._video.get(cv2.CAP_PROP_FPS) or 25.0
        self._bgr: Picture | None = None
        self._rgb: Picture | None = None
        self._start()

    def read(self) -> Picture | None:
        due = int((self._clock() - self._started) * self._rate) - self._frame
        if due <= 0:
            return None
        for _ in range(due):
            if not self._video.grab():
                self._finish()
                return None
            self._frame += 1
        succeeded, frame = self._video.retrieve(self._bgr)
        if not succeeded:
            return None
        self._bgr = np.asarray(frame, np.uint8)
        smaller = bounded(self._bgr)
        if smaller.shape != self._bgr.shape and self._rgb is None:
            log.warning("%s", _scaled_down("the video", self._bgr.shape[1::-1], smaller.shape[1::-1]))
        self._rgb = as_rgb(smaller, self._rgb)
        return self._rgb

    def close(self) -> None:
        self._video.release()

    def _finish(self) -> None:
        if self._repeat:
            self._start()
        else:
            self.ended = True

    def _start(self) -> None:
        self._video.set(cv2.CAP_PROP_POS_FRAMES, 0)
        self._started, self._frame = self._clock(), 0


class LiveSource:
    """A camera or a stream, read by a process of its own, so that `read` returns the newest frame and never waits.

    A camera that is lost is opened again, with longer and longer pauses. Each loss and each return is logged.
    """

    ended = False

    def __init__(self, address: int | str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._address, self._monotonic = address, monotonic
        self._name = f"/dev/video{address}" if isinstance(address, int) else without_password(address)
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._camera: CameraProcess | None = None
        self._opened_at = 0.0
        self._delivering: CameraProcess | None = None
        self._is_new = False
        self._hangs = False
        # Two buffers, because a frame that is being analysed must stay while a newer one is streamed.
        self._read_buffer: Picture | None = None
        self._peek_buffer: Picture | None = None
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)
        self._thread.start()

    def read(self) -> Picture | None:
        with self._lock:
            is_new, self._is_new = self._is_new, False
        if not is_new:
            return None
        self._read_buffer = self._newest(self._read_buffer)
        return self._read_buffer

    def peek(self) -> Picture | None:
        self._peek_buffer = self._newest(self._peek_buffer)
        return self._peek_buffer

    def restart(self) -> None:
        """Kill the camera's process, whose driver hangs; the camera is opened again at once.

        A process that was started less than `OPENING_SECONDS` ago and has delivered no frame yet is not killed: it may
        still be opening the camera.
        """
        with self._lock:
            is_opening = self._delivering is not self._camera and self._monotonic() - self._opened_at < OPENING_SECONDS
            if self._camera is not None and not is_opening:
                self._hangs = True
                self._camera.kill()
                log.warning("camera %s hangs; it is opened again", self._name)

    def close(self) -> None:
        self._stop.set()
        with self._lock:
            if self._camera is not None:
                self._camera.kill()
        self._thread.join(timeout=2 * KILL_TIMEOUT_SECONDS)

    def _newest(self, into: Picture | None) -> Picture | None:
        camera = self._delivering
        return None if camera is None else camera.newest(into)

    def _run(self) -> None:
        pauses = _pauses()
        while not self._stop.is_set():
            frames = self._read_until_lost()
            if frames:
                pauses = _pauses()
            if not self._stop.is_set() and not self._hangs:
                pause = next(pauses)
                what = "went away" if frames else f"cannot be opened{self._missing_device()}"
                log.warning("camera %s %s; trying again in %.0f s", self._name, what, pause)
                self._stop.wait(pause)

    def _missing_device(self) -> str:
        is_missing = isinstance(self._address, int) and not Path(self._name).exists()
        return ", because there is no such device" if is_missing else ""

    def _read_until_lost(self) -> int:
        """Keep the newest frame until the camera is lost or killed; returns the number of frames."""
        frames = 0
        with closing(CameraProcess(self._address)) as camera:
            with self._lock:
                self._camera, self._hangs, self._opened_at = camera, False, self._monotonic()
            # `close` may have been called before there was a process to kill.
            while not self._stop.is_set() and camera.wait():
                frames += 1
                with self._lock:
                    self._delivering, self._is_new = camera, True
                if frames == 1 and camera.size:
                    log.info("camera %s delivers frames of %d × %d", self._name, *camera.delivered_size)
                    if camera.size != camera.delivered_size:
                        log.warning("%s", _scaled_down(f"camera {self._name}", camera.delivered_size, camera.size))
            with self._lock:
                self._camera = None
        return frames


def _scaled_down(what: str, size: Sequence[int], smaller: Sequence[int]) -> str:
    width, height = size
    return f"{what} has frames of {width} × {height}, which are scaled down to {smaller[0]} × {smaller[1]}"


def _pauses() -> Iterator[float]:
    return (min(2.0**tries, LONGEST_PAUSE) for tries in itertools.count())
