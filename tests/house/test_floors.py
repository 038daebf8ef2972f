"""The architecture's layers (floors) import only lower layers, and `platform` shadows no module."""

import subprocess
import sys

import pytest

from tests.house.files import ROOT, project_files


def test_platform_is_a_folder_and_no_package() -> None:
    assert (ROOT / "platform" / "config" / "__init__.py").exists()
    assert not (ROOT / "platform" / "__init__.py").exists(), "it would shadow Python's own platform module"


@pytest.mark.parametrize("command", [["manage.py", "version"], ["-m", "edge_agent", "--help"]], ids=" ".join)
def test_programs_find_pythons_own_platform_module(command: list[str]) -> None:
    # Each program imports `platform` indirectly; -X importtime lists the import.
    done = python("-X", "importtime", *command)
    assert done.returncode == 0, done.stderr
    assert done.stderr.split().count("platform") == 1


def test_imports_only_go_down() -> None:
    done = python("-c", f"{SEARCH_PATH}\nfrom importlinter.cli import lint_imports\nsys.exit(lint_imports())")
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True)


SEARCH_PATH = 'import sys; sys.path[:0] = [".", "platform"]'


def test_every_folder_of_tests_is_a_package() -> None:
    folders = {path.parent for path in project_files(ROOT / "tests", ".py")}
    assert [str(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_the_top_of_the_house_holds_what_it_should_and_no_more() -> None:
    drawn = {
        *(".ci", ".editorconfig", ".gitignore", ".pre-commit-config.yaml", "Makefile", "manage.py"),
        *("CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md"),
        *(
            "analytics",
            "demo",
            "devices",
            "edge_agent",
            "faces",
            "learning",
            "notifications",
            "platform",
            "plays",
            "templates",
            "tests",
        ),
        *("benchmarks", "deploy", "docs"),
        *("pyproject.toml", "requirements.txt", "requirements-dev.txt"),
    }
    assert {path.relative_to(ROOT).parts[0] for path in project_files()} <= drawn
