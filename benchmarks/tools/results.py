"""Writes the figures of a benchmark as JSON, so that runs can be compared."""

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "benchmarks" / "results"


@dataclass(frozen=True)
class Measured:
    """One figure. `goal` is its required range and `holds` whether it is reached; both are None without a goal."""

    name: str
    value: float | None
    unit: str
    goal: str | None
    holds: bool | None


def write(path: Path, measured: Sequence[Measured]) -> None:
    """Write the figures, the machine's description and the commit to a JSON file."""
    found = {"machine": machine(), "commit": commit(), "measured": [asdict(each) for each in measured]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=2) + "\n")


def machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, Python {platform.python_version()}"


def commit() -> str:
    """Return the hash of the checked-out commit, or "" outside a git checkout."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
