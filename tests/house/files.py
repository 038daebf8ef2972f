"""Lists the files of the project, without installed, fetched or generated files."""

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

FOREIGN = {"var", "staticfiles", "results", "__pycache__", "node_modules", "nohup.out"}
HIDDEN_BUT_OURS = {".ci", ".editorconfig", ".gitignore", ".pre-commit-config.yaml"}


def project_files(folder: Path = ROOT, *suffixes: str) -> Iterator[Path]:
    """Yield the files below `folder` with one of these suffixes, or all files if no suffix is given, in order."""
    for path in sorted(folder.iterdir()):
        if path.name in FOREIGN or (path.name.startswith(".") and path.name not in HIDDEN_BUT_OURS):
            continue
        if path.is_dir():
            yield from project_files(path, *suffixes)
        elif not suffixes or path.suffix in suffixes:
            yield path
