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

    def read(self) -> Picture | None:
        """The newest frame, RGB, height × width × 3; None where there is no new one. Returns at once."""

    def close(self) -> None:
        """Stop. `read` must not be called afterwards."""


def open_source(text: str, *, clock: Callable[[], float] = time.time) -> Source:
    """The source that this text names: a device's index, an RTSP or HTTP URL, `scene:NAME?seed=N`, a video file or a
    folder of pictures (each played over and over). `clock` tells epoch seconds.

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
        return FolderSource(path)
    if path.is_file():
        return FileSource(path, clock)
    raise SourceError(f'source: "{text}" is neither a file nor a folder, a device\'s number, a URL or a scene:NAME.')


class SceneSource:
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

    def close(self) -> None:
        pass


def _seed(query: str) -> int:
    settings = parse_qs(query, keep_blank_values=True)
    unknown = ", ".join(sorted(settings.keys() - {"seed"}))
    if unknown:
        raise ValueError(f"a scene knows only seed, not {unknown}")
    seed = settings.get("seed", ["0"])[-1]
    if not seed.isdecimal():
        raise ValueError(f'the seed must be a whole number, not "{seed}"')
    return int(seed)


class FolderSource:
    """The pictures of a folder in the order of their names, one per read, over and over."""

    def __init__(self, folder: Path) -> None:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)
        if not paths:
            raise SourceError(f"source: the folder {folder} holds no picture ({', '.join(sorted(PICTURES))}).")
        self._paths = itertools.cycle(paths)

    def read(self) -> Picture | None:
        path = next(self._paths)
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
        if picture is None:
            log.warning("%s is not a picture that can be read; it is left out", path)
            return None
        return np.asarray(picture, np.uint8)

    def close(self) -> None:
        pass


class FileSource:
    """A video file, played at its own speed, over and over."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path, self._clock = path, clock
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
                self._start()
                return None
            self._frame += 1
        shown, frame = self._video.retrieve()
        return np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), np.uint8) if shown else None

    def close(self) -> None:
        self._video.release()

    def _start(self) -> None:
        self._video.set(cv2.CAP_PROP_POS_FRAMES, 0)
        self._started, self._frame = self._clock(), 0


class LiveSource:
    """A camera or a stream, read by a thread of its own, so that `read` gets the newest frame and never waits.

    When it goes away it is opened again, with longer and longer pauses; each loss and return is a line in the log.
    """

    def __init__(self, address: int | str) -> None:
        self._address, self._name = address, without_password(str(address))
        self._newest: NDArray[np.uint8] | None = None
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)
        self._thread.start()

    def read(self) -> Picture | None:
        with self._lock:
            frame, self._newest = self._newest, None
        return None if frame is None else np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), np.uint8)

    def close(self) -> None:
        """Stop reading. A driver that hangs in its own code is left behind with its (daemon) thread."""
        self._stop.set()
        self._thread.join(timeout=1.0)

    def _run(self) -> None:
        pauses = _pauses()
        while not self._stop.is_set():
            capture = self._open()
            frames = self._follow(capture)
            capture.release()
            if frames:
                pauses = _pauses()
            pause = next(pauses)
            if not self._stop.is_set():
                what = "went away" if frames else "cannot be opened"
                log.warning("camera %s %s; trying again in %.0f s", self._name, what, pause)
            self._stop.wait(pause)

    def _open(self) -> cv2.VideoCapture:
        if isinstance(self._address, int):
            return cv2.VideoCapture(self._address)
        timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, TIMEOUT_MS]
        return cv2.VideoCapture(self._address, cv2.CAP_FFMPEG, timeouts)

    def _follow(self, capture: cv2.VideoCapture) -> int:
        """Keep the newest frame until the camera goes away or we are stopped; how many frames there were."""
        frames = 0
        while not self._stop.is_set():
            shown, frame = capture.read()
            if not shown:
                break
            frames += 1
            if frames == 1:
                log.info("camera %s is here, %d × %d", self._name, frame.shape[1], frame.shape[0])
            with self._lock:
                self._newest = np.asarray(frame, np.uint8)
        return frames


def without_password(source: str) -> str:
    """The source's text as it may be logged: the user and the password of a URL left out."""
    scheme, separator, rest = source.rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}" if separator else source


def _pauses() -> Iterator[float]:
    return (min(2.0**tries, LONGEST_PAUSE) for tries in itertools.count())
