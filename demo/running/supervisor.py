"""Programs kept running side by side, started again when they end, and ended together."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

STOP_WITHIN, STOP_FIRST_WITHIN = 6.0, 2.0
"""Seconds that programs, and at last the first of them, get between being asked to end and being killed."""

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds before a program that ended is started again: doubled each time, until it runs for the longest pause."""

_PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Program:
    """What is to be kept running; `name` names its log."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]


class Supervisor:
    """Keeps programs running. To be used from one thread, on Linux.

    Each program has a session of its own, so that Ctrl-C on the terminal reaches only the supervisor, which then ends
    them in order; and each is asked to end by the kernel should the supervisor itself be killed.
    """

    def __init__(self, logs: Path, clock: Callable[[], float] = time.monotonic) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self._logs = logs
        self._clock = clock
        self._kept: list[_Kept] = []

    def start(self, program: Program) -> None:
        """Start it, with a new log at `log_of(program)`. Raises `OSError` where there is no such program."""
        self.log_of(program).write_bytes(b"")
        self._kept.append(_Kept(program, self.log_of(program), self._clock()))

    def log_of(self, program: Program) -> Path:
        return self._logs / f"{program.name}.log"

    def watch(self) -> list[str]:
        """Start again what ended, after a pause. One sentence for each program that was found ended."""
        sentences = [kept.look(self._clock()) for kept in self._kept]
        return [sentence for sentence in sentences if sentence]

    def stop(self) -> None:
        """End everything: all at once what was started after the first program, then the first.

        What does not end in time, and whatever a program leaves behind, is killed.
        """
        end([kept.process for kept in self._kept[1:]], STOP_WITHIN)
        end([kept.process for kept in self._kept[:1]], STOP_FIRST_WITHIN)
        self._kept = []


class _Kept:
    """A program and its present process."""

    def __init__(self, program: Program, log: Path, now: float) -> None:
        self.program = program
        self.process = spawn(program, log)
        self._log = log
        self._started = now
        self._pause = FIRST_PAUSE
        self._again_at: float | None = None

    def look(self, now: float) -> str | None:
        """Start it again where it is time to. A sentence where its end is news."""
        if self._again_at is not None:
            if now >= self._again_at:
                self.process, self._started, self._again_at = spawn(self.program, self._log), now, None
            return None
        if self.process.poll() is None:
            return None
        kill_group(self.process)
        pause = FIRST_PAUSE if now - self._started > LONGEST_PAUSE else self._pause
        self._again_at, self._pause = now + pause, min(2 * pause, LONGEST_PAUSE)
        return f"{self.program.name} ended with code {self.process.returncode} and starts again; see {self._log}"


def spawn(program: Program, log: Path | None = None) -> subprocess.Popen[bytes]:
    """The program's process, leader of its own group, which ends when we do.

    Its output is added to `log`; without one it goes where ours goes.
    """
    with log.open("ab") if log else nullcontext() as output:
        return subprocess.Popen(  # noqa: S603
            program.command,
            env=program.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if log else None,
            start_new_session=True,
            preexec_fn=_end_with(os.getpid()),
        )


def _end_with(parent: int) -> Callable[[], None]:
    def ask_the_kernel() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # It died before the kernel knew what to do then.
            os.kill(os.getpid(), signal.SIGTERM)

    return ask_the_kernel


def end(processes: Sequence[subprocess.Popen[bytes]], within: float) -> None:
    """Ask these to end, all at once; kill what has not after so many seconds, and what they left behind."""
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + within
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))
        kill_group(process)
        process.wait()


def kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
