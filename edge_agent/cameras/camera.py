"""A camera in a process of its own: `python -m edge_agent.cameras.camera` reads it, `Camera` follows that.

A driver may hang in its own code, where nobody can end a thread, and keep the camera to itself. A process can be
killed, and the system then takes the camera from it. Frames come by shared memory, so that nothing is copied for those
that nobody looks at.
"""

import ctypes
import itertools
import json
import mmap
import os
import select
import signal
import struct
import subprocess
import sys
import threading

import cv2
import numpy as np
from numpy.typing import NDArray

TIMEOUT_MS = 10_000
"""How long a stream may take to open, or to bring its next frame, until it counts as gone."""

SLOTS = 4
"""Frames in the shared memory: while one is being written and another read, newer ones have room."""

HEAD_BYTES = 64
"""Before the frames: the number of the one that is being written, and that of the newest one."""

TRIES = 8
"""To copy a frame before it is overwritten; one fails only where this process gets no processor for several frames."""

DIES_WITHIN = 1.0
"""Seconds; a process that sits in the kernel even then is left behind."""

PR_SET_PDEATHSIG = 1
"""Of prctl(2)."""

_NEWS = struct.Struct("=II")
"""A new frame's height and width."""

_POLL_MS = 200

Frame = NDArray[np.uint8]
"""Height × width × 3, BGR."""


class Shared:
    """The frames of one size in the shared memory of this file descriptor, which both sides see."""

    def __init__(self, memory: int, height: int, width: int) -> None:
        self.shape = (height, width, 3)
        size = HEAD_BYTES + SLOTS * height * width * 3
        if os.fstat(memory).st_size < size:
            os.ftruncate(memory, size)
        mapped = mmap.mmap(memory, size)
        self._head = np.frombuffer(mapped, np.uint64, 2)
        self._slots = np.frombuffer(mapped, np.uint8, offset=HEAD_BYTES).reshape(SLOTS, *self.shape)

    def write(self, number: int, frame: Frame) -> None:
        self._head[0] = number
        self._slots[number % SLOTS] = frame
        self._head[1] = number

    def newest(self, into: Frame | None) -> Frame | None:
        """A copy of the newest frame as RGB, in the memory of `into` where that has its size; None where they come too
        fast to get one whole.
        """
        for _ in range(TRIES):
            number = int(self._head[1])
            copy = as_rgb(self._slots[number % SLOTS], into)
            if int(self._head[0]) - number < SLOTS:
                return copy
        return None


class Camera:
    """A process that reads the camera with this index or address, as long as it shows frames and is not killed."""

    def __init__(self, address: int | str) -> None:
        self._memory = os.memfd_create("camera")
        self._news, theirs = os.pipe()
        self._killed = threading.Event()
        self._shared: Shared | None = None
        try:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "edge_agent.cameras.camera", str(self._memory), str(theirs), str(os.getpid())],
                stdin=subprocess.PIPE,
                pass_fds=(self._memory, theirs),
                # Ctrl-C is for the agent, which ends its cameras itself.
                start_new_session=True,
            )
        finally:
            os.close(theirs)
        self._say(address)

    def wait(self) -> bool:
        """Wait for the next frame; False once there will be none. One thread only."""
        poll = select.poll()
        poll.register(self._news, select.POLLIN)
        while not self._killed.is_set():
            if poll.poll(_POLL_MS):
                return self._take_news()
        return False

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of its frames; None before the first."""
        return None if self._shared is None else (self._shared.shape[1], self._shared.shape[0])

    def newest(self, into: Frame | None = None) -> Frame | None:
        """The frame that came last, as RGB; None before the first. Any thread.

        `into` is a frame that nobody needs any more: another in its memory costs a third of one in new memory.
        """
        return None if self._shared is None else self._shared.newest(into)

    def kill(self) -> None:
        """End it, whatever it does. Any thread; returns at once."""
        self._killed.set()
        self._process.kill()

    def close(self) -> None:
        """Kill it and give back what it took."""
        self.kill()
        os.close(self._news)
        os.close(self._memory)
        try:
            self._process.wait(DIES_WITHIN)
        except subprocess.TimeoutExpired:
            return

    def _take_news(self) -> bool:
        news = os.read(self._news, _NEWS.size)
        if len(news) < _NEWS.size:
            return False
        height, width = _NEWS.unpack(news)
        if self._shared is None or self._shared.shape[:2] != (height, width):
            self._shared = Shared(self._memory, height, width)
        return True

    def _say(self, address: int | str) -> None:
        # Not as an argument, which every user of the machine could read: it may hold a password.
        if self._process.stdin is not None:
            with self._process.stdin as stdin:
                stdin.write(json.dumps(address).encode())


def as_rgb(bgr: Frame, into: Frame | None) -> Frame:
    """A copy of the frame with its colours in that order, in the memory of `into` where that has its size."""
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB, dst=into), np.uint8)


def main() -> None:
    """Read the camera whose address comes on stdin until it shows no frame any more."""
    memory, news, agent = map(int, sys.argv[1:])
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != agent:
        return  # It ended before we could ask to end with it.
    capture = _open(json.loads(sys.stdin.read()))
    shared: Shared | None = None
    for number in itertools.count():
        shown, frame = capture.read()
        if not shown:
            break
        if shared is None or shared.shape != frame.shape:
            shared = Shared(memory, *frame.shape[:2])
        shared.write(number, np.asarray(frame, np.uint8))
        os.write(news, _NEWS.pack(*frame.shape[:2]))


def _open(address: int | str) -> cv2.VideoCapture:
    if isinstance(address, int):
        return cv2.VideoCapture(address)
    timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, TIMEOUT_MS]
    return cv2.VideoCapture(address, cv2.CAP_FFMPEG, timeouts)


if __name__ == "__main__":
    main()
