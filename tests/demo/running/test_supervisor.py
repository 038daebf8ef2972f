"""The supervisor, with small real programs: it restarts them, ends them in time, and leaves no process behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from demo.running.supervisor import FIRST_PAUSE, LONGEST_PAUSE, Program, Supervisor, spawn
from tests.programs.waiting import eventually

ROOT = Path(__file__).resolve().parents[3]
"""Seconds; everything here takes a fraction of one on an idle machine."""


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def supervisor(tmp_path: Path, clock: Clock) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path / "logs", clock)
    yield supervisor
    supervisor.stop()


def shell(command: str, name: str = "program") -> Program:
    return Program(name, ["/bin/sh", "-c", command], os.environ)


def wait_for(condition: Callable[[], object]) -> None:
    assert eventually(condition), "it did not happen in time"


def is_running(pid: int) -> bool:
    """A process that has ended and only waits to be collected does not count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def written_pid(path: Path) -> int:
    wait_for(lambda: path.exists() and path.read_text().strip())
    return int(path.read_text())


def has_started(program: Program, supervisor: Supervisor, times: int) -> bool:
    return starts_of(program, supervisor) == times


def reported(supervisor: Supervisor, sentences: list[str]) -> bool:
    """Add what the supervisor reports now to the sentences; True once there are some."""
    sentences += supervisor.restart_ended()
    return bool(sentences)


def starts_of(program: Program, supervisor: Supervisor) -> int:
    return supervisor.log_of(program).read_text().count("started")


def test_a_program_runs_and_its_output_is_in_its_log(supervisor: Supervisor) -> None:
    program = shell("echo started; echo trouble >&2; exec sleep 60")
    supervisor.start(program)
    wait_for(lambda: supervisor.log_of(program).read_text() == "started\ntrouble\n")
    assert supervisor.restart_ended() == []


def test_a_program_that_ends_is_named_once_and_starts_again_after_pauses_that_grow(
    supervisor: Supervisor, clock: Clock
) -> None:
    program = shell("echo started; exit 3")
    supervisor.start(program)
    for count, pause in enumerate((FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE), start=1):
        sentences: list[str] = []
        wait_for(partial(reported, supervisor, sentences))
        assert len(sentences) == 1
        assert "program ended with code 3" in sentences[0]
        assert str(supervisor.log_of(program)) in sentences[0]
        clock.now += pause - 0.01
        assert supervisor.restart_ended() == []
        assert starts_of(program, supervisor) == count
        clock.now += 0.01
        assert supervisor.restart_ended() == []
        wait_for(partial(has_started, program, supervisor, count + 1))


def test_a_program_that_had_run_for_long_starts_again_at_once(supervisor: Supervisor, clock: Clock) -> None:
    program = shell("echo started; exit 0")
    supervisor.start(program)
    for _ in range(3):
        clock.now += LONGEST_PAUSE + 1
        wait_for(supervisor.restart_ended)
        clock.now += FIRST_PAUSE
        before = starts_of(program, supervisor)
        supervisor.restart_ended()
        wait_for(partial(has_started, program, supervisor, before + 1))


def test_processes_of_an_ended_program_are_killed_before_it_is_restarted(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    supervisor.start(shell(f"sleep 60 & echo $! > {tmp_path}/child; exit 1"))
    child = written_pid(tmp_path / "child")
    wait_for(supervisor.restart_ended)
    wait_for(lambda: not is_running(child))


def test_stopping_ends_the_first_program_last(supervisor: Supervisor, tmp_path: Path) -> None:
    says = "trap 'echo {0} >> {1}/order; exit' TERM; touch {1}/{0}; while :; do sleep 0.05; done"
    for name in ("broker", "web", "camera"):
        supervisor.start(shell(says.format(name, tmp_path), name))
        wait_for((tmp_path / name).exists)
    supervisor.stop()
    assert (tmp_path / "order").read_text().split()[-1] == "broker"
    assert len((tmp_path / "order").read_text().split()) == 3


def test_stopping_kills_a_program_that_ignores_the_signal_and_its_children(
    supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("demo.running.supervisor.STOP_FIRST_WITHIN", 0.3)
    supervisor.start(shell(f"trap '' TERM; sleep 60 & echo $! > {tmp_path}/child; wait; wait; sleep 60"))
    child = written_pid(tmp_path / "child")
    supervisor.stop()
    wait_for(lambda: not is_running(child))


def test_a_supervisor_that_is_killed_takes_its_programs_along(tmp_path: Path) -> None:
    code = f"""
import os, time
from pathlib import Path
from demo.running.supervisor import Program, Supervisor
supervisor = Supervisor(Path({str(tmp_path)!r}))
for name in ("one", "two"):
    supervisor.start(Program(name, ["/bin/sh", "-c", f"echo $$ > {tmp_path}/{{name}}; exec sleep 60"], os.environ))
time.sleep(60)
"""
    owner = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    pids = [written_pid(tmp_path / name) for name in ("one", "two")]
    assert all(is_running(pid) for pid in pids)
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    wait_for(lambda: not any(is_running(pid) for pid in pids))


def test_a_program_is_out_of_reach_of_ctrl_c() -> None:
    process = spawn(shell("exec sleep 60"))
    try:
        assert os.getsid(process.pid) == process.pid
    finally:
        process.kill()
        process.wait()
