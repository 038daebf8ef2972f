"""A video, and a camera whose driver hangs."""

import fcntl
import os
import termios
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from tests.programs.waiting import eventually


def recorded(path: Path) -> Path:
    """Two seconds at ten frames a second; each frame is a brightness of its own."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for number in range(20):
        writer.write(np.full((48, 64, 3), number * 10, np.uint8))
    writer.release()
    return path


@contextmanager
def camera_that_hangs(path: Path, video: Path) -> Iterator[Callable[[], None]]:
    """A pipe; each call shows all frames but the last ones, for which a reader waits in the system's read for ever."""
    os.mkfifo(path)
    # For reading too, so that neither opening nor writing waits for a reader.
    pipe = os.open(path, os.O_RDWR)
    shown = video.read_bytes()[: video.stat().st_size * 3 // 4]

    def show() -> None:
        os.write(pipe, shown)
        assert eventually(lambda: array("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0] == 0)

    try:
        yield show
    finally:
        os.close(pipe)
