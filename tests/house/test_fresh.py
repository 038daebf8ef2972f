"""`make fresh` leaves no process and no mount behind, and reports failed steps."""

import os
import subprocess
import uuid
from pathlib import Path

import pytest

from tests.fresh.production import PAGE, blocks, given
from tests.fresh.steps import Failed, Terminal, started, wait_for
from tests.fresh.systems import settings
from tests.programs.waiting import PATIENCE_S, eventually

may_make_namespaces = pytest.mark.skipif(
    os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], check=False).returncode != 0,
    reason="only root may make namespaces, and not in every container",
)


def running(mark: str) -> bool:
    return any(mark in read(path) for path in Path("/proc").glob("[0-9]*/environ"))


def read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:  # The process has ended meanwhile.
        return ""


@may_make_namespaces
def test_what_a_step_started_and_mounted_ends_with_it(tmp_path: Path) -> None:
    mark, folder = uuid.uuid4().hex, tmp_path / "mounted"
    folder.mkdir()
    script = f"mount -t tmpfs tmpfs {folder}; touch {folder}/hidden {tmp_path}/begun; setsid sleep 600 & sleep 600"
    with started(["bash", "-c", script], env={**os.environ, "FRESH_MARK": mark}):
        assert eventually(lambda: (tmp_path / "begun").exists())
        assert running(mark)
        assert list(folder.iterdir()) == [], "the mount is seen outside"
    assert eventually(lambda: not running(mark))
    assert str(folder) not in Path("/proc/mounts").read_text()


@may_make_namespaces
def test_ctrl_c_in_a_terminal_reaches_the_program(tmp_path: Path) -> None:
    script = "trap 'echo asked to end; exit 3' INT; echo begun; while true; do sleep 0.1; done"
    with Terminal(["bash", "-c", script], tmp_path / "log") as terminal:
        terminal.wait_for("begun", "the script", PATIENCE_S)
        terminal.press_ctrl_c()
        assert terminal.process.wait(PATIENCE_S) == 3
    assert "asked to end" in terminal.text
    assert "asked to end" in (tmp_path / "log").read_text()


@may_make_namespaces
def test_a_program_that_ends_too_early_is_said(tmp_path: Path) -> None:
    ended = pytest.raises(Failed, match=r"^make demo ended with code 4; the log is .*/log\.$")
    with Terminal(["bash", "-c", "exit 4"], tmp_path / "log") as terminal, ended:
        terminal.wait_for("Ready", "make demo", PATIENCE_S)


def test_what_takes_too_long_is_said() -> None:
    with pytest.raises(Failed, match=r"^make demo was waited for in vain for 0 minutes\.$"):
        wait_for(lambda: False, 0.1, "make demo", lambda: "")


def test_only_what_leads_to_the_registries_is_carried_into_a_new_system(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "PIP_INDEX_URL", "PIP_FIND_LINKS", "SECRET_KEY", "MQTT_URL"):
        monkeypatch.setenv(name, "somewhere")
    carried = {name for name, value in settings().items() if value == "somewhere"}
    assert carried == {"https_proxy", "PIP_INDEX_URL"}


def test_the_commands_of_the_production_page_are_those_that_are_run() -> None:
    commands = given("\n".join(blocks(PAGE)))
    assert "<" not in commands, "the page has a gap that nobody fills"
    programs = {line.split()[0] for line in commands.splitlines() if line.strip()}
    assert {"apt-get", "useradd", "git", "python3", "systemctl", "runuser"} <= programs
