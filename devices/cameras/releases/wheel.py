"""Builds the agent's wheel from the platform's own source, and stores it for the boxes.

The version of a wheel ends with a part of the hash of its content. So the same source gives the same wheel on each
machine and in each process, and another source another version.
"""

import hashlib
import io
import shutil
import tempfile
from functools import cache
from pathlib import Path

from django.utils import timezone
from flit_core.wheel import WheelBuilder

from devices.models import AgentRelease
from edge_agent.release import DISTRIBUTION, VERSION

PACKAGE = Path(__file__).resolve().parents[3] / "edge_agent"
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first time that a zip can hold: with the files' own times each build would differ."""

_PROJECT = """[build-system]
requires = ["flit_core"]
build-backend = "flit_core.buildapi"

[project]
name = "{name}"
version = "{version}"
description = "Counts the people before a camera, and reports them to Headcount."
requires-python = ">=3.11"
dependencies = [{dependencies}]

[project.scripts]
headcount-agent = "edge_agent.setup.commands:main"

[tool.flit.module]
name = "edge_agent"
"""


def current_release() -> AgentRelease:
    """Return the release of the platform's own source, which is built and stored where it is missing.

    Raises `OSError` if it cannot be built.
    """
    version = source_version()
    stored = AgentRelease.objects.defer("wheel").filter(version=version).first()
    return stored or store(version, *build(version))


def store(version: str, file_name: str, wheel: bytes) -> AgentRelease:
    """Store a wheel for the boxes, and return its release. A version that is stored already stays as it is."""
    release, _ = AgentRelease.objects.get_or_create(
        version=version,
        defaults={
            "file_name": file_name,
            "sha256": hashlib.sha256(wheel).hexdigest(),
            "wheel": wheel,
            "built_at": timezone.now(),
        },
    )
    return release


@cache
def source_version() -> str:
    """Return the version of the platform's own source of the agent, such as “0.1.0+3f2a91bc”."""
    content = hashlib.sha256()
    for path in _files(PACKAGE):
        content.update(f"{path.relative_to(PACKAGE)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return f"{VERSION}+{content.hexdigest()[:8]}"


def build(version: str, package: Path = PACKAGE) -> tuple[str, bytes]:
    """Build this package as a wheel of this version, and return the wheel's file name and content."""
    with tempfile.TemporaryDirectory() as scratch:
        for path in _files(package):
            copy = Path(scratch, "edge_agent", path.relative_to(package))
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            copy.chmod(0o644)  # whatever the umask is, which the wheel would record
        lines = Path(scratch, "edge_agent", "requirements.txt").read_text().splitlines()
        required = [line for line in lines if line and not line.startswith("#")]
        dependencies = ", ".join(f'"{line.partition(" #")[0].strip()}"' for line in required)
        project = _PROJECT.format(name=DISTRIBUTION, version=version, dependencies=dependencies)
        Path(scratch, "pyproject.toml").write_text(project)
        out = io.BytesIO()
        builder = WheelBuilder.from_ini_path(Path(scratch, "pyproject.toml"), out)
        builder.source_time_stamp = EPOCH
        builder.build()
        return builder.wheel_filename, out.getvalue()


def _files(package: Path) -> list[Path]:
    """Return the files of the package, in an order that is the same everywhere."""
    found = (path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return sorted(found, key=lambda path: path.relative_to(package).as_posix())
