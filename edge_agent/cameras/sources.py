"""Where frames come from: cameras, streams, video files and folders of pictures."""

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.cameras.camera import DIES_WITHIN, TIMEOUT_MS, Camera, as_rgb

log = logging.getLogger(__name__)

Picture = NDArray[np.uint8]

LONGEST_PAUSE = 30.0
"""Seconds between two tries to open a camera that is away; the pauses begin at one second and double."""

OPENS_WITHIN = 2 * TIMEOUT_MS / 1000
"""Seconds to show the first frame: the process has to start, and the stream is given `TIMEOUT_MS` to open."""

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})


class SourceError(ValueError):
    """One sentence: why this source can never work. A camera that is merely away raises nothing."""


class Source(Protocol):
    """Something that shows frames."""

    @property
    def ended(self) -> bool:
        """Whether no frame will ever come again."""

    def read(self) -> Picture | None:
        """The newest frame, RGB, height × width × 3; None where there is no new one. Returns at once.

        The next one may be written over it.
        """

    def peek(self) -> Picture | None:
        """The newest frame, only to be shown: a later `read` misses nothing by it. None where none can be spared.

        The next one may be written over it.
        """

    def restart(self) -> None:
        """It shows nothing though it should: begin anew, where that may help. Returns at once."""

    def close(self) -> None:
        """Stop. `read` must not be called afterwards."""


Clock = Callable[[], float]
"""Returns the time in epoch seconds."""


class SourceOpener(Protocol):
    """Opens the source that a text names, as `open_source` does. Raises `SourceError`."""

    def __call__(self, text: str, *, repeat: bool = True) -> Source: ...


def open_source(text: str, *, repeat: bool = True, clock: Clock = time.time) -> Source:
    """Open the source that this text names: a device's index, an RTSP or HTTP URL, a video file, a folder of pictures.

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
    """The pictures of a folder in the order of their names, one per read, over and over or once."""

    def __init__(self, folder: Path, repeat: bool) -> None:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)
        if not paths:
            raise SourceError(f"source: the folder {folder} holds no picture ({', '.join(sorted(PICTURES))}).")
        self._paths = itertools.cycle(paths) if repeat else iter(paths)

    def read(self) -> Picture | None:
        path = next(self._paths, None)
        if path is None:
            self.ended = True
            return None
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
        if picture is None:
            log.warning("%s is not a picture that can be read; it is left out", path)
            return None
        return np.asarray(picture, np.uint8)


class FileSource(RecordedSource):
    """A video file, played at its own speed, over and over or once."""

    def __init__(self, path: Path, repeat: bool, clock: Clock) -> None:
        self._repeat, self._clock = repeat, clock
        self._video = cv2.VideoCapture(str(path))
        if not self._video.isOpened():
            raise SourceError(f"source: {path} is not a video that can be played.")
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
        shown, frame = self._video.retrieve(self._bgr)
        if not shown:
            return None
        self._bgr = np.asarray(frame, np.uint8)
        self._rgb = as_rgb(self._bgr, self._rgb)
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
    """A camera or a stream, read by a process of its own, so that `read` gets the newest frame and never waits.

    When it goes away it is opened again, with longer and longer pauses; each loss and return is a line in the log.
    """

    ended = False

    def __init__(self, address: int | str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._address, self._monotonic = address, monotonic
        self._name = f"/dev/video{address}" if isinstance(address, int) else without_password(address)
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._camera: Camera | None = None
        self._opened_at = 0.0
        self._seen: Camera | None = None
        self._is_new = False
        self._hangs = False
        # Where frames are copied to: what was looked at must stay while another one is shown.
        self._looked_at: Picture | None = None
        self._shown: Picture | None = None
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)
        self._thread.start()

    def read(self) -> Picture | None:
        with self._lock:
            is_new, self._is_new = self._is_new, False
        if not is_new:
            return None
        self._looked_at = self._newest(self._looked_at)
        return self._looked_at

    def peek(self) -> Picture | None:
        self._shown = self._newest(self._shown)
        return self._shown

    def restart(self) -> None:
        """Kill a camera's process that shows nothing, because its driver hangs; it is opened anew at once.

        Until its first frame it is given `OPENS_WITHIN`: one that is killed sooner may never get there.
        """
        with self._lock:
            is_opening = self._seen is not self._camera and self._monotonic() - self._opened_at < OPENS_WITHIN
            if self._camera is not None and not is_opening:
                self._hangs = True
                self._camera.kill()
                log.warning("camera %s hangs; it is opened again", self._name)

    def close(self) -> None:
        self._stop.set()
        with self._lock:
            if self._camera is not None:
                self._camera.kill()
        self._thread.join(timeout=2 * DIES_WITHIN)

    def _newest(self, into: Picture | None) -> Picture | None:
        seen = self._seen
        return None if seen is None else seen.newest(into)

    def _run(self) -> None:
        pauses = _pauses()
        while not self._stop.is_set():
            frames = self._follow()
            if frames:
                pauses = _pauses()
            if not self._stop.is_set() and not self._hangs:
                pause = next(pauses)
                what = "went away" if frames else f"cannot be opened{self._why_not()}"
                log.warning("camera %s %s; trying again in %.0f s", self._name, what, pause)
                self._stop.wait(pause)

    def _why_not(self) -> str:
        is_missing = isinstance(self._address, int) and not Path(self._name).exists()
        return ", since there is no such device" if is_missing else ""

    def _follow(self) -> int:
        """Keep the newest frame until the camera goes away or is killed; how many frames there were."""
        frames = 0
        with closing(Camera(self._address)) as camera:
            with self._lock:
                self._camera, self._hangs, self._opened_at = camera, False, self._monotonic()
            # Stopped before there was anything to kill.
            while not self._stop.is_set() and camera.wait():
                frames += 1
                with self._lock:
                    self._seen, self._is_new = camera, True
                if frames == 1 and camera.size:
                    log.info("camera %s is here, %d × %d", self._name, *camera.size)
            with self._lock:
                self._camera = None
        return frames


def without_password(source: str) -> str:
    """The source's text as it may be logged: the user, the password and the query of a URL left out."""
    scheme, separator, rest = source.partition("://")
    if not separator:
        return source
    address, _, query = rest.partition("?")
    # The question mark may be one of the password's, and then nothing tells what is not.
    return f"{scheme}://{'…' if '@' in query else address.rpartition('@')[2]}"


def _pauses() -> Iterator[float]:
    return (min(2.0**tries, LONGEST_PAUSE) for tries in itertools.count())
