"""The promises of the chaos benchmark hold in its short form, which kills real processes."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.programs.terminal import as_from_a_terminal
from tests.programs.waiting import eventually

ROOT = Path(__file__).parents[2]

SCENARIOS = (
    *("1 ingester killed (-9)", "2 broker killed (-9)", "3 database restarted", "4 outbox's disk full"),
    *("5 clock stepped", "6 payloads fuzzed", "7 two ingesters"),
)
STANDS_STILL_S = 120
"""A delay in seconds that only a hanging process can cause. The goal of five seconds is for an idle machine."""

STOPS_WITHIN_S = 60

pytestmark = [pytest.mark.real_clock, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def open_folder() -> Iterator[Path]:
    """Yield a temporary folder that the account of PostgreSQL may enter, too."""
    folder = Path(tempfile.mkdtemp(prefix="headcount-chaos-tests-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def measured(open_folder: Path) -> dict[str, Any]:
    """Return the figures of one short run of all scenarios, by name."""
    path = open_folder / "chaos.json"
    command = [sys.executable, "-m", "benchmarks.chaos", "--short", "--results", str(path)]
    environment = os.environ | {"TMPDIR": str(open_folder)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert path.exists(), done.stderr[-5_000:]
    found = json.loads(path.read_text())
    assert {"machine", "commit", "measured"} == set(found)
    return {each["name"]: each["value"] for each in found["measured"]} | {"table": done.stdout}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_nothing_is_lost_or_doubled_and_nothing_crashes(measured: dict[str, Any], scenario: str) -> None:
    check_that_nothing_is_lost(measured, scenario)
    assert measured[f"{scenario}: faults"] > 0
    assert measured[f"{scenario}: messages"] > 0
    assert 0 < measured[f"{scenario}: max delay"] < STANDS_STILL_S


def check_that_nothing_is_lost(measured: dict[str, Any], scenario: str) -> None:
    figures = {what: measured[f"{scenario}: {what}"] for what in ("lost", "doubled", "crashes")}
    assert figures == {"lost": 0, "doubled": 0, "crashes": 0}, measured["table"]


def test_pictures_outlive_their_workers(measured: dict[str, Any]) -> None:
    scenario = "8 task workers killed (-9)"
    check_that_nothing_is_lost(measured, scenario)
    assert measured[f"{scenario}: faults"] == 3
    assert measured[f"{scenario}: messages"] >= 4


def test_poison_and_floods_of_frames_and_pictures_delay_no_other(measured: dict[str, Any]) -> None:
    scenario = "9 poison and floods"
    check_that_nothing_is_lost(measured, scenario)
    assert measured[f"{scenario}: quarantined"] >= 8
    assert measured[f"{scenario}: faults"] > 500
    assert 0 < measured[f"{scenario}: p99 delay"] < STANDS_STILL_S


def test_what_cannot_be_true_is_set_aside(measured: dict[str, Any]) -> None:
    assert measured["5 clock stepped: quarantined"] > 0
    assert measured["6 payloads fuzzed: quarantined"] > measured["6 payloads fuzzed: faults"] / 2
    assert measured["1 ingester killed (-9): quarantined"] == 0


def test_the_books_find_what_is_lost_and_what_is_doubled() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos.tampering"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == {
        "frames": {"lost": 1, "doubled": 2, "timed": 2},
        "odd payloads": {"lost": 2, "doubled": 1},
    }


def test_ctrl_c_leaves_nothing_running_and_nothing_on_the_disk(open_folder: Path) -> None:
    mark, folder = uuid.uuid4().hex, open_folder / "interrupted"
    folder.mkdir(mode=0o755)
    environment = os.environ | {"TMPDIR": str(folder), "HEADCOUNT_TEST_MARK": mark}
    said = open_folder / "said"
    with said.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.chaos", "--only", "1", "--results", folder / "results.json"],
            cwd=ROOT,
            env=environment,
            stderr=output,
            start_new_session=True,
            preexec_fn=as_from_a_terminal,
        )
    assert eventually(lambda: b"1/200" in said.read_bytes(), within=240), said.read_text()
    assert len(marked(mark)) > 3
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(STOPS_WITHIN_S) == 130
    assert eventually(lambda: not marked(mark)), marked(mark)
    assert "Traceback" not in said.read_text()
    assert list(folder.iterdir()) == []


def marked(mark: str) -> list[str]:
    """Return the command lines of the running programs with this mark in their environment."""
    running = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "environ").read_bytes():
                running.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return running
