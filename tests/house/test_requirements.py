"""The requirements files name the packages that the code imports, each pinned, and no others."""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import distributions, packages_distributions
from pathlib import Path

import pytest

from tests.house.files import ROOT, project_files

PLATFORM = ROOT / "requirements.txt"
CAMERA_BOX = ROOT / "edge_agent" / "requirements.txt"
DEVELOPMENT = ROOT / "requirements-dev.txt"
FILES = (PLATFORM, CAMERA_BOX, DEVELOPMENT)

PLATFORM_FOLDERS = ("devices", "faces", "analytics", "learning", "notifications", "plays", "demo", "platform")
DEVELOPMENT_FOLDERS = ("tests", "benchmarks")
OWN = {"edge_agent", *PLATFORM_FOLDERS, *DEVELOPMENT_FOLDERS, "config"}

FROM_DEBIAN = {"gi"}
"""Modules from Debian packages, for scripts that run with Debian's Python."""

APART = {"norfair"}
"""Modules that a make target installs into a folder of its own: they ask for versions that the others exclude."""

Imports = dict[str, set[str]]
"""The files that import each distribution."""


def requirements(path: Path) -> dict[str, str]:
    """Return the distributions in this file alone, each with its comment ("" if there is none)."""
    lines = re.findall(r"(?m)^([\w.-]+)(?:\[[\w,]+\])?==\S+(?:  # (.+))?$", path.read_text())
    return {canonical(name): comment for name, comment in lines}


def canonical(name: str) -> str:
    """Return the normalised spelling of a distribution's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def modules(path: Path, *, needed_only: bool = False) -> Iterator[str]:
    """Yield the third-party top-level modules that a file imports; `needed_only` skips optional imports."""
    tree = ast.parse(path.read_text())
    optional = {node for attempt in ast.walk(tree) if _tolerates_absence(attempt) for node in ast.walk(attempt)}
    for node in ast.walk(tree):
        if needed_only and node in optional:
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        else:
            continue
        yield from {name.partition(".")[0] for name in names} - OWN - sys.stdlib_module_names


def _tolerates_absence(node: ast.AST) -> bool:
    """Return whether the node is a `try` that catches `ImportError`."""
    if not isinstance(node, ast.Try):
        return False
    caught = {
        name.id for each in node.handlers if each.type for name in ast.walk(each.type) if isinstance(name, ast.Name)
    }
    return bool(caught & {"ImportError", "ModuleNotFoundError"})


def imports(*folders: str, needed_only: bool = False) -> Imports:
    found: Imports = {}
    for folder in folders:
        for path in project_files(ROOT / folder, ".py"):
            for module in set(modules(path, needed_only=needed_only)) - FROM_DEBIAN - APART:
                found.setdefault(distribution_of(module), set()).add(str(path.relative_to(ROOT)))
    return found


@cache
def distribution_of(module: str) -> str:
    """Return the name of the distribution that installs a module."""
    names = distributions_by_module().get(module) or [
        # Some wheels declare their extension module instead of their package.
        each.name
        for each in distributions()
        if any(path.parts[0] == module for path in each.files or ())
    ]
    assert names, f"no installed distribution brings {module}"
    return canonical(names[0])


distributions_by_module = cache(packages_distributions)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_requirement_has_one_version(path: Path) -> None:
    lines = [line.split("#")[0].strip() for line in path.read_text().splitlines()]
    loose = [line for line in lines if line and not re.fullmatch(r"-r \S+|[\w.,\-\[\]]+==(\d+!)?[\w.]+", line)]
    assert not loose, f"{path.relative_to(ROOT)} leaves the version open: {loose}"


def test_files_that_name_the_same_package_pin_the_same_version() -> None:
    pins: dict[str, set[str]] = {}
    for path in FILES:
        for name, version in re.findall(r"(?m)^([\w.-]+)(?:\[[\w,]+\])?==(\S+)", path.read_text()):
            pins.setdefault(canonical(name), set()).add(version)
    assert {name: versions for name, versions in pins.items() if len(versions) > 1} == {}


@pytest.mark.parametrize(
    ("folders", "path"),
    [(PLATFORM_FOLDERS, PLATFORM), (("edge_agent",), CAMERA_BOX)],
    ids=["the platform", "the camera box"],
)
def test_what_is_imported_is_named_in_its_own_file(folders: tuple[str, ...], path: Path) -> None:
    named = requirements(path)
    missing = {name: files for name, files in imports(*folders, needed_only=True).items() if name not in named}
    assert missing == {}, f"{path.relative_to(ROOT)} does not name them"


def test_what_the_platform_alone_uses_of_the_agent_is_named_by_the_platform() -> None:
    """A camera box can do without the modules whose absence the agent handles; the platform cannot."""
    named = requirements(PLATFORM).keys() | requirements(CAMERA_BOX).keys()
    assert imports("edge_agent").keys() <= named


def test_what_tests_and_benchmarks_import_is_named() -> None:
    named = {name for path in FILES for name in requirements(path)}
    missing = {name: files for name, files in imports(*DEVELOPMENT_FOLDERS).items() if name not in named}
    assert missing == {}, "requirements-dev.txt does not name them"


@pytest.mark.parametrize(
    ("path", "folders"),
    [
        (PLATFORM, (*PLATFORM_FOLDERS, "edge_agent")),
        (CAMERA_BOX, ("edge_agent",)),
        (DEVELOPMENT, DEVELOPMENT_FOLDERS),
    ],
    ids=lambda each: str(each.relative_to(ROOT)) if isinstance(each, Path) else "",
)
def test_a_requirement_is_imported_or_says_what_it_is_for(path: Path, folders: tuple[str, ...]) -> None:
    imported = imports(*folders)
    needless = [name for name, purpose in requirements(path).items() if name not in imported and not purpose]
    assert needless == [], f"no code imports them; delete them from {path.relative_to(ROOT)} or add a comment"


def test_one_distribution_alone_brings_opencv() -> None:
    # Two distributions of OpenCV would write into the same cv2 folder, and the one installed last would win.
    assert packages_distributions()["cv2"] == ["opencv-contrib-python"]
