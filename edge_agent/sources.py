"""Where frames come from: cameras, streams, video files, folders of pictures, and simulated scenes."""

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs

import cv2
import numpy as np
from numpy.typing import NDArray

log = logging.getLogger(__name__)

Picture = NDArray[np.uint8]

LONGEST_PAUSE = 30.0
"""Seconds between two tries to open a camera that is away; the pauses begin at one second and double."""

TIMEOUT_MS = 10_000
"""How long a stream may take to open, or to bring its next frame, until it counts as gone."""

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})


class SourceError(ValueError):
    """One sentence: why this source can never work. A camera that is merely away raises nothing."""


class Source(Protocol):
    """Something that shows frames."""

    @property
    def ended(self) -> bool:
        """Whether no frame will ever come again."""

    def read(self) -> Picture | None:
        """The newest frame, RGB, height × width × 3; None where there is no new one. Returns at once."""

    def peek(self) -> Picture | None:
        """The newest frame, only to be shown: a later `read` misses nothing by it. None where none can be spared."""

    def restart(self) -> None:
        """It shows nothing though it should: begin anew, where that may help. Returns at once."""

    def close(self) -> None:
        """Stop. `read` must not be called afterwards."""


def open_source(text: str, *, repeat: bool = True, clock: Callable[[], float] = time.time) -> Source:
    """The source that this text names: a device's index, an RTSP or HTTP URL, `scene:NAME?seed=N`, a video file or a
    folder of pictures (each played over and over, or once unless `repeat`). `clock` tells epoch seconds.

    Raises `SourceError`.
    """
    if text.isdecimal():
        return LiveSource(int(text))
    if text.startswith("scene:"):
        return SceneSource(text, clock)
    if "://" in text:
        return LiveSource(text)
    path = Path(text)
    if path.is_dir():
        return FolderSource(path, repeat)
    if path.is_file():
        return FileSource(path, repeat, clock)
    raise SourceError(f'source: "{text}" is neither a file nor a folder, a device\'s number, a URL or a scene:NAME.')


class _Recorded:
    """What sources share that have no camera to lose."""

    ended = False

    def peek(self) -> Picture | None:
        return None

    def restart(self) -> None:
        pass

    def close(self) -> None:
        pass


class SceneSource(_Recorded):
    """A room of `edge_agent.simulation` in which people come and go."""

    def __init__(self, text: str, clock: Callable[[], float]) -> None:
        # Only simulated cameras need the photographs, so a camera box does without scikit-image.
        from edge_agent.simulation.scene import Scene

        name, _, query = text.removeprefix("scene:").partition("?")
        try:
            self._scene = Scene(name, _seed(query))
        except (ValueError, RuntimeError) as error:
            raise SourceError(f'source "{text}": {error}.') from error
        self._clock = clock

    def read(self) -> Picture | None:
        return self._scene.picture_at(self._clock())

    def peek(self) -> Picture | None:
        return self.read()


def _seed(query: str) -> int:
    settings = parse_qs(query, keep_blank_values=True)
    unknown = ", ".join(sorted(settings.keys() - {"seed"}))
    if unknown:
        raise ValueError(f"a scene knows only seed, not {unknown}")
    seed = settings.get("seed", ["0"])[-1]
    if not seed.isdecimal():
        raise ValueError(f'the seed must be a whole number, not "{seed}"')
    return int(seed)


class FolderSource(_Recorded):
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


class FileSource(_Recorded):
    """A video file, played at its own speed, over and over or once."""

    def __init__(self, path: Path, repeat: bool, clock: Callable[[], float]) -> None:
        self._repeat, self._clock = repeat, clock
        self._video = cv2.VideoCapture(str(path))
        if not self._video.isOpened():
            raise SourceError(f"source: {path} is not a video that can be played.")
        self._rate = self._video.get(cv2.CAP_PROP_FPS) or 25.0
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
        shown, frame = self._video.retrieve()
        return np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), np.uint8) if shown else None

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
    """A camera or a stream, read by a thread of its own, so that `read` gets the newest frame and never waits.

    When it goes away it is opened again, with longer and longer pauses; each loss and return is a line in the log.
    """

    ended = False

    def __init__(self, address: int | str) -> None:
        self._address, self._name = address, without_password(str(address))
        self._newest: NDArray[np.uint8] | None = None
        self._is_new = False
        self._lock = threading.Lock()
        self._given_up: threading.Thread | None = None
        self._begin()

    def read(self) -> Picture | None:
        with self._lock:
            frame, self._is_new = self._newest if self._is_new else None, False
        return None if frame is None else _rgb(frame)

    def peek(self) -> Picture | None:
        with self._lock:
            frame = self._newest
        return None if frame is None else _rgb(frame)

    def restart(self) -> None:
        """Give up a driver that hangs in its own code, and open the camera anew beside it; not more than once."""
        if not self._in_driver or (self._given_up is not None and self._given_up.is_alive()):
            return
        self._stop.set()
        self._given_up = self._thread
        log.warning("camera %s hangs; it is opened again", self._name)
        self._begin()

    def close(self) -> None:
        """Stop reading. A driver that hangs in its own code is left behind with its (daemon) thread."""
        self._stop.set()
        self._thread.join(timeout=1.0)

    def _begin(self) -> None:
        self._in_driver = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(self._stop,), name="camera", daemon=True)
        self._thread.start()

    def _run(self, stop: threading.Event) -> None:
        pauses = _pauses()
        while not stop.is_set():
            capture = self._open()
            frames = self._follow(capture, stop)
            capture.release()
            if frames:
                pauses = _pauses()
            pause = next(pauses)
            if not stop.is_set():
                what = "went away" if frames else "cannot be opened"
                log.warning("camera %s %s; trying again in %.0f s", self._name, what, pause)
            stop.wait(pause)

    def _open(self) -> cv2.VideoCapture:
        if isinstance(self._address, int):
            return cv2.VideoCapture(self._address)
        timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, TIMEOUT_MS]
        return cv2.VideoCapture(self._address, cv2.CAP_FFMPEG, timeouts)

    def _follow(self, capture: cv2.VideoCapture, stop: threading.Event) -> int:
        """Keep the newest frame until the camera goes away or we are stopped; how many frames there were."""
        frames = 0
        while not stop.is_set():
            self._in_driver = True
            shown, frame = capture.read()
            if not shown or stop.is_set():
                break
            frames += 1
            if frames == 1:
                log.info("camera %s is here, %d × %d", self._name, frame.shape[1], frame.shape[0])
            with self._lock:
                self._newest, self._is_new = np.asarray(frame, np.uint8), True
        if not stop.is_set():
            self._in_driver = False
        return frames


def _rgb(bgr: NDArray[np.uint8]) -> Picture:
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def without_password(source: str) -> str:
    """The source's text as it may be logged: the user and the password of a URL left out."""
    scheme, separator, rest = source.rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}" if separator else source


def _pauses() -> Iterator[float]:
    return (min(2.0**tries, LONGEST_PAUSE) for tries in itertools.count())
