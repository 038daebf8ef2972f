"""A camera box needs the folder `edge_agent` and the packages of its requirements, and nothing else of the project."""

import ast
import importlib.metadata
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from skimage import data

from edge_agent import messages
from edge_agent.vision.files import ROOT
from tests.edge_agent.platforms import platform
from tests.house.files import project_files
from tests.programs.brokers import mosquitto
from tests.programs.waiting import PATIENCE_S, eventually

ONLY_ON_THE_PLATFORM = {"dlib"}
"""Imported by `vision.identity` on first use; the agent itself never embeds a face."""


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """An otherwise empty folder with a copy of `edge_agent`."""
    for path in project_files(ROOT / "edge_agent"):
        copy = tmp_path / "box" / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    return tmp_path / "box"


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "edge_agent", *arguments]


def environment(**settings: object) -> dict[str, str]:
    """The environment without what would lead Python back to the project's other folders."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DJANGO"))}
    return kept | {f"HEADCOUNT_{key.upper()}": str(value) for key, value in settings.items()}


def test_the_project_s_other_folders_are_not_on_the_box(box: Path) -> None:
    imports = "import importlib.util; print([importlib.util.find_spec(name) for name in ('demo', 'devices', 'config')])"
    done = subprocess.run([sys.executable, "-c", imports], cwd=box, env=environment(), capture_output=True, text=True)
    assert done.stdout == "[None, None, None]\n", done.stderr


def test_the_agent_explains_itself_on_the_box(box: Path) -> None:
    done = subprocess.run(
        command("--help"), cwd=box, env=environment(), capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.returncode == 0, done.stderr
    assert "--config" in done.stdout


def test_the_agent_counts_a_face_on_the_box_without_loading_django(box: Path, models: Path, tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    cv2.imwrite(str(pictures / "somebody.png"), cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR))
    with mosquitto(tmp_path / "broker") as broker, platform(broker) as listening:
        settings = {
            "thing": "cam1",
            "mqtt_url": broker.url,
            "source": pictures,
            "models": models,
            "outbox": tmp_path / "outbox.sqlite3",
            "stream": "off",
        }
        with subprocess.Popen(
            [sys.executable, "-v", "-m", "edge_agent"],
            cwd=box,
            env=environment(**settings),
            stderr=(tmp_path / "stderr").open("wb"),
        ) as agent:
            try:
                assert eventually(lambda: bool(faces_in(listening.of_kind("frames"))))
            finally:
                agent.send_signal(signal.SIGTERM)
        assert agent.returncode == 0
    imported = set(re.findall(r"^import '([^'.]+)", (tmp_path / "stderr").read_text(errors="replace"), re.MULTILINE))
    assert {"edge_agent", "msgspec"} <= imported
    assert not imported & {"django", "rest_framework", "demo", "devices", "faces", "analytics", "config", "skimage"}


def faces_in(received: list[messages.FromDevice]) -> list[messages.Face]:
    frames = [frame for message in received if isinstance(message, messages.Frames) for frame in message.frames]
    return [face for frame in frames for face in frame.faces or ()]


def test_the_requirements_name_the_packages_that_the_agent_imports_and_no_others() -> None:
    trees = [ast.parse(path.read_text()) for path in project_files(ROOT / "edge_agent", ".py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    foreign = {module.partition(".")[0] for module in modules} - sys.stdlib_module_names - {"edge_agent"}
    required = re.findall(r"^([\w.-]+)==", (ROOT / "edge_agent" / "requirements.txt").read_text(), re.MULTILINE)
    distributions = importlib.metadata.packages_distributions()
    provided = {module: set(distributions[module]) & set(required) for module in foreign - ONLY_ON_THE_PLATFORM}
    assert [module for module, packages in provided.items() if not packages] == []
    assert set().union(*provided.values()) == set(required)
