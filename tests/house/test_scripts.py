"""The scripts in `.ci`: a script that cannot continue prints, in one sentence, what the user must do."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.files import ROOT

REFUSES = "exit 1"
IS_NOT_ROOT = "echo 1000"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The scripts in a folder without an environment, and `bin` before everything else on PATH."""
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    (tmp_path / "bin").mkdir()
    return tmp_path


def program(checkout: Path, name: str, script: str) -> None:
    path = checkout / "bin" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def run(checkout: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": f"{checkout / 'bin'}:{os.environ['PATH']}", "HOME": str(checkout)}
    return subprocess.run([checkout / ".ci" / script, *arguments], env=environ, capture_output=True, text=True)


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr


def test_without_a_python_that_is_new_enough_it_is_said_which_one_to_get(checkout: Path) -> None:
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
        program(checkout, name, REFUSES)
    assert "Python 3.11 or newer" in refusal(run(checkout, "install", "requirements.txt"))


def test_without_debians_venv_package_and_root_the_command_is_said(checkout: Path) -> None:
    program(checkout, "python3", f'case "$*" in *ensurepip*) exit 1 ;; *) exec {sys.executable} "$@" ;; esac')
    program(checkout, "id", IS_NOT_ROOT)
    program(checkout, "sudo", REFUSES)
    package = f"python3.{sys.version_info.minor}-venv"
    assert f"sudo apt-get install {package}" in refusal(run(checkout, "install", "requirements.txt"))
    assert not (checkout / ".venv").exists()


def test_who_may_not_install_is_told_the_whole_command(checkout: Path) -> None:
    program(checkout, "id", IS_NOT_ROOT)
    program(checkout, "sudo", REFUSES)
    assert "Run: sudo apt-get install mosquitto libgl1\n" in refusal(
        run(checkout, "apt-install", "mosquitto", "libgl1")
    )


def test_sudo_is_used_where_it_asks_nothing(checkout: Path) -> None:
    program(checkout, "id", IS_NOT_ROOT)
    program(checkout, "sudo", f'echo "$@" >> {checkout}/asked')
    done = run(checkout, "apt-install", "mosquitto")
    assert done.returncode == 0, done.stderr
    assert (checkout / "asked").read_text().splitlines()[-1].endswith("--no-install-recommends mosquitto")


def test_a_failure_of_apt_is_shown(checkout: Path) -> None:
    program(checkout, "id", "echo 0")
    program(checkout, "apt-get", "echo E: Unable to locate package mosquitto >&2; exit 100")
    done = run(checkout, "apt-install", "mosquitto")
    assert done.returncode == 1
    assert "E: Unable to locate package mosquitto" in done.stderr
    assert "apt-get could not install mosquitto" in done.stderr


def test_nothing_is_asked_where_everything_is_there(checkout: Path) -> None:
    for name in ("sudo", "apt-get"):
        program(checkout, name, f"touch {checkout}/asked")
    done = run(checkout, "system-packages", "demo", "test")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (checkout / "asked").exists()


def test_what_is_missing_is_installed_in_one_go(checkout: Path) -> None:
    program(checkout, "id", "echo 0")
    program(checkout, "ldconfig", "echo libGL.so.1")
    program(checkout, "apt-get", f'echo "$@" > {checkout}/asked')
    assert run(checkout, "system-packages", "demo").returncode == 0
    asked = (checkout / "asked").read_text().split()
    assert asked[asked.index("libglib2.0-0") :][:3] == ["libglib2.0-0", "libegl1", "libgles2"]
    assert "libgl1" not in asked


def test_ci_runs_both_tiers_of_the_tests_and_nothing_else(checkout: Path) -> None:
    program(checkout, "make", f'echo "$CI $*" >> {checkout}/asked')
    assert run(checkout, "run").returncode == 0
    assert (checkout / "asked").read_text() == "true test\ntrue test-deploy\n"
