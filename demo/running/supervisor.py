"""Keeps programs running side by side, restarts programs that end, and ends all of them together."""

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
"""Seconds from SIGTERM to SIGKILL: for all programs but the first, and then for the first."""

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds before a program that ended is restarted. They double each time, until it runs for the longest pause."""

_PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Program:
    """A command to keep running; `name` is also the name of its log file."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]


class Supervisor:
    """Keeps programs running. One thread only; Linux only.

    Each program has a session of its own, so that Ctrl-C on the terminal reaches only the supervisor, which then ends
    the programs in order. If the supervisor itself is killed, the kernel sends SIGTERM to each program.
    """

    def __init__(self, logs: Path, clock: Callable[[], float] = time.monotonic) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self._logs = logs
        self._clock = clock
        self._programs: list[_SupervisedProgram] = []

    def start(self, program: Program) -> None:
        """Start this program with a new log at `log_of(program)`. Raises `OSError` where its command does not exist."""
        self.log_of(program).write_bytes(b"")
        self._programs.append(_SupervisedProgram(program, self.log_of(program), self._clock()))

    def log_of(self, program: Program) -> Path:
        return self._logs / f"{program.name}.log"

    def restart_ended(self) -> list[str]:
        """Restart programs that ended, after a pause. Returns one sentence for each program that has just ended."""
        sentences = [supervised.restart_if_ended(self._clock()) for supervised in self._programs]
        return [sentence for sentence in sentences if sentence]

    def stop(self) -> None:
        """End all programs but the first at once, then the first.

        A program that does not end in time is killed, as are the processes that a program leaves behind.
        """
        terminate([supervised.process for supervised in self._programs[1:]], STOP_WITHIN)
        terminate([supervised.process for supervised in self._programs[:1]], STOP_FIRST_WITHIN)
        self._programs = []


class _SupervisedProgram:
    """A program and its present process."""

    def __init__(self, program: Program, log: Path, now: float) -> None:
        self.program = program
        self.process = spawn(program, log)
        self._log = log
        self._started = now
        self._pause = FIRST_PAUSE
        self._restart_at: float | None = None

    def restart_if_ended(self, now: float) -> str | None:
        """Restart the program after its pause. Returns one sentence where the program has just ended."""
        if self._restart_at is not None:
            if now >= self._restart_at:
                self.process, self._started, self._restart_at = spawn(self.program, self._log), now, None
            return None
        if self.process.poll() is None:
            return None
        kill_group(self.process)
        pause = FIRST_PAUSE if now - self._started > LONGEST_PAUSE else self._pause
        self._restart_at, self._pause = now + pause, min(2 * pause, LONGEST_PAUSE)
        return f"{self.program.name} ended with code {self.process.returncode} and is restarted; see {self._log}"


def spawn(program: Program, log: Path | None = None) -> subprocess.Popen[bytes]:
    """Start the program as the leader of a session that ends with this process, and return its process.

    Its output is appended to `log`. Without a log it goes to this process's own output.
    """
    with log.open("ab") if log else nullcontext() as output:
        return subprocess.Popen(  # noqa: S603
            program.command,
            env=program.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if log else None,
            start_new_session=True,
            preexec_fn=_terminate_with(os.getpid()),
        )


def _terminate_with(parent: int) -> Callable[[], None]:
    def set_death_signal() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # The parent ended before the signal was set.
            os.kill(os.getpid(), signal.SIGTERM)

    return set_death_signal


def terminate(processes: Sequence[subprocess.Popen[bytes]], within: float) -> None:
    """Send SIGTERM to all these processes, and SIGKILL to their groups once they ended or `within` seconds are over."""
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
