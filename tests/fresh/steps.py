"""Runs commands in their own namespaces, with or without a terminal, and prints their progress."""

import datetime as dt
import fcntl
import os
import pty
import re
import signal
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

PROGRESS_EVERY = 60.0
"""Seconds between two lines of progress about a long step."""

NAMESPACES = ("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--")
"""The prefix of a command. Its mounts and processes end with the command, and the command with this program."""


class Failed(Exception):
    """A step of the README failed. The message is one sentence."""


class Terminal:
    """A command in its own terminal, as a user runs it. Its output is appended to a log."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._command = command
        self._log = log
        self.text = ""

    def __enter__(self) -> "Terminal":
        self._ours, theirs = pty.openpty()
        own: dict[str, Any] = {"stdin": theirs, "stdout": theirs, "stderr": theirs, "start_new_session": True}
        self._running = started(self._command, **own, preexec_fn=_take_the_terminal)
        self.process = self._running.__enter__()
        os.close(theirs)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._running.__exit__(None, None, None)
        self._reader.join(5)
        os.close(self._ours)

    def _read(self) -> None:
        with self._log.open("ab") as log, suppress(OSError):  # A terminal raises it once no process has it open.
            while read := os.read(self._ours, 65_536):
                log.write(read)
                log.flush()
                self.text += read.decode(errors="replace")

    def wait_for(self, pattern: str, what: str, within: float) -> None:
        """Wait until the output matches the pattern. Raises `Failed` if the command ends before, or takes too long."""
        wait_for(
            lambda: re.search(pattern, self.text) or self.process.poll() is not None,
            *(within, what, lambda: self.text.rstrip().rpartition("\n")[2].strip()),
        )
        if not re.search(pattern, self.text):
            raise Failed(f"{what} ended with code {self.process.returncode}; the log is {self._log}.")

    def find(self, pattern: str) -> str:
        found = re.search(pattern, self.text)
        if found is None:
            raise Failed(f"The output of make demo does not contain “{pattern}”; the log is {self._log}.")
        return found[found.re.groups]

    def press_ctrl_c(self) -> None:
        os.write(self._ours, b"\x03")


def _take_the_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    # A child inherits ignored signals, as of `nohup` or of a shell's background, and bash could not trap them then.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@contextmanager
def started(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Run the command in its own namespaces until the block ends."""
    process = subprocess.Popen([*NAMESPACES, *command], **options)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(condition: Callable[[], object], within: float, what: str, last_words: Callable[[], str]) -> None:
    """Wait until the condition is true, and print progress every minute. Raises `Failed` if that takes too long."""
    began = told = time.monotonic()
    while not condition():
        now = time.monotonic()
        if now - began > within:
            raise Failed(f"{what} was waited for in vain for {within / 60:.0f} minutes.")
        if now - told >= PROGRESS_EVERY:
            told = now
            say(f"    {what}, {(now - began) / 60:.0f} min: {last_words()[:100]}")
        time.sleep(0.5)


@contextmanager
def step(what: str) -> Iterator[Callable[[str], None]]:
    """Print a line about a successful step: its duration, and details that the block passes to the yielded function."""
    began = time.monotonic()
    told: list[str] = []
    yield told.append
    took = dt.timedelta(seconds=round(time.monotonic() - began))
    say(f"  {took}  {': '.join([what, *told])}")


def say(*lines: str) -> None:
    for line in lines:
        print(line, flush=True)
