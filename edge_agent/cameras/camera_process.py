"""Reads a camera in a process of its own: `python -m edge_agent.cameras.camera_process`, which `CameraProcess` starts.

A driver may hang in native code, where a thread cannot be ended and keeps the camera open. A process can be killed,
and the system then closes the camera. Frames come through shared memory, so that a frame that is skipped is not copied.
"""

import ctypes
import itertools
import json
import math
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
"""How long a stream may take to open or to deliver its next frame before it counts as lost."""

SLOTS = 4
"""Frames in the shared memory, so that one can be written while another is read."""

HEADER_BYTES = 64
"""Before the frames: the number of the frame that is being written, and the number of the newest complete frame."""

COPY_ATTEMPTS = 8
"""A copy fails only where this process gets no processor time for several frames."""

KILL_TIMEOUT_SECONDS = 1.0
"""A killed process that is still in the kernel after this time is not waited for any longer."""

MOST_PIXELS = 7680 * 4320
"""A larger frame is scaled down to this number of pixels: four of them would not fit into the memory of a small box."""

PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""

_NOTIFICATION = struct.Struct("=IIII")
"""A new frame's height and width, and the height and width with which the camera delivered it."""

_POLL_MS = 200

Frame = NDArray[np.uint8]
"""Height × width × 3, BGR."""


class SharedFrames:
    """The frames of one size in the shared memory of this file descriptor, for the writer and for the reader."""

    def __init__(self, memory: int, height: int, width: int) -> None:
        self.shape = (height, width, 3)
        size = HEADER_BYTES + SLOTS * height * width * 3
        if os.fstat(memory).st_size < size:
            os.ftruncate(memory, size)
        mapped = mmap.mmap(memory, size)
        self._header = np.frombuffer(mapped, np.uint64, 2)
        self._slots = np.frombuffer(mapped, np.uint8, offset=HEADER_BYTES).reshape(SLOTS, *self.shape)

    def write(self, number: int, frame: Frame) -> None:
        self._header[0] = number
        self._slots[number % SLOTS] = frame
        self._header[1] = number

    def newest(self, into: Frame | None) -> Frame | None:
        """Return a copy of the newest frame as RGB; None where every frame was overwritten while it was copied.

        The copy reuses the memory of `into` where that has the frame's size.
        """
        for _ in range(COPY_ATTEMPTS):
            number = int(self._header[1])
            copy = as_rgb(self._slots[number % SLOTS], into)
            if int(self._header[0]) - number < SLOTS:
                return copy
        return None


class CameraProcess:
    """A process that reads the camera with this index or address until no frame comes any more or it is killed."""

    def __init__(self, address: int | str) -> None:
        self._memory = os.memfd_create("camera")
        self._notifications, writing_end = os.pipe()
        self._killed = threading.Event()
        self._shared: SharedFrames | None = None
        self._delivered = (0, 0)
        try:
            self._process = subprocess.Popen(  # noqa: S603
                [
                    sys.executable,
                    "-m",
                    "edge_agent.cameras.camera_process",
                    str(self._memory),
                    str(writing_end),
                    str(os.getpid()),
                ],
                stdin=subprocess.PIPE,
                pass_fds=(self._memory, writing_end),
                # Ctrl-C must reach only the agent, which ends its cameras itself.
                start_new_session=True,
            )
        finally:
            os.close(writing_end)
        self._send_address(address)

    def wait(self) -> bool:
        """Wait for the next frame; returns False once no further frame will come. One thread only."""
        poll = select.poll()
        poll.register(self._notifications, select.POLLIN)
        while not self._killed.is_set():
            if poll.poll(_POLL_MS):
                return self._receive_notification()
        return False

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the frames; None before the first frame."""
        return None if self._shared is None else (self._shared.shape[1], self._shared.shape[0])

    @property
    def delivered_size(self) -> tuple[int, int]:
        """Width and height of the frames as the camera delivers them, which may be larger than `size`."""
        return self._delivered

    def newest(self, into: Frame | None = None) -> Frame | None:
        """Return the newest frame as RGB; None before the first frame. Any thread.

        `into` is a frame that is no longer needed: a copy into its memory takes a third of the time.
        """
        return None if self._shared is None else self._shared.newest(into)

    def kill(self) -> None:
        """Kill the process. Any thread; returns at once."""
        self._killed.set()
        self._process.kill()

    def close(self) -> None:
        """Kill the process and free its memory."""
        self.kill()
        os.close(self._notifications)
        os.close(self._memory)
        try:
            self._process.wait(KILL_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            return

    def _receive_notification(self) -> bool:
        notification = os.read(self._notifications, _NOTIFICATION.size)
        if len(notification) < _NOTIFICATION.size:
            return False
        height, width, *delivered = _NOTIFICATION.unpack(notification)
        self._delivered = delivered[1], delivered[0]
        if self._shared is None or self._shared.shape[:2] != (height, width):
            self._shared = SharedFrames(self._memory, height, width)
        return True

    def _send_address(self, address: int | str) -> None:
        # Every user of the machine can read a process's arguments, and the address may contain a password.
        if self._process.stdin is not None:
            with self._process.stdin as stdin:
                stdin.write(json.dumps(address).encode())


def as_rgb(bgr: Frame, into: Frame | None) -> Frame:
    """Return a copy of the frame as RGB, in the memory of `into` where that has the frame's size."""
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB, dst=into), np.uint8)


def bounded(frame: Frame) -> Frame:
    """Return the frame, scaled down where it has more than `MOST_PIXELS`."""
    factor = (MOST_PIXELS / (frame.shape[0] * frame.shape[1])) ** 0.5
    if factor >= 1:
        return frame
    size = (max(math.floor(frame.shape[1] * factor), 1), max(math.floor(frame.shape[0] * factor), 1))
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)


def main() -> None:
    """Read the camera whose address is on stdin until it delivers no frame any more."""
    memory, notifications, agent = map(int, sys.argv[1:])
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != agent:
        return  # The agent ended before the death signal was set.
    capture = _open(json.loads(sys.stdin.read()))
    shared: SharedFrames | None = None
    for number in itertools.count():
        succeeded, delivered = capture.read()
        if not succeeded:
            break
        frame = bounded(np.asarray(delivered, np.uint8))
        if shared is None or shared.shape != frame.shape:
            shared = SharedFrames(memory, *frame.shape[:2])
        shared.write(number, frame)
        os.write(notifications, _NOTIFICATION.pack(*frame.shape[:2], *delivered.shape[:2]))


def _open(address: int | str) -> cv2.VideoCapture:
    if isinstance(address, int):
        return cv2.VideoCapture(address)
    timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, TIMEOUT_MS]
    return cv2.VideoCapture(address, cv2.CAP_FFMPEG, timeouts)


if __name__ == "__main__":
    main()
