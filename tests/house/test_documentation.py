"""Everything that README.md, CONTRIBUTING.md, SECURITY.md and docs/ name exists: files, links, targets and commands."""

import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.core.management import get_commands

from tests.house.files import FOREIGN, ROOT, project_files

PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *project_files(ROOT / "docs", ".md"),
]

FOLDERS = {
    path.name for path in ROOT.iterdir() if path.is_dir() and (path.name[0] != "." or path.name == ".ci")
} - FOREIGN
FILES = {path.name for path in ROOT.iterdir() if path.is_file()}

in_each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def code(page: Path) -> str:
    """Return all code of a page: its blocks and the spans within its sentences, one in a line."""
    text = page.read_text()
    blocks = re.findall(r"^ *```\w*\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE))
    return "\n".join([*blocks, *spans])


def paths(page: Path) -> Iterator[str]:
    """Yield each path of the project that the code of a page names, relative to the project's root."""
    for word in re.findall(r"(?<![\w./<{-])[\w.-]+(?:/[\w.-]+)*/?(?![\w<{*$])", code(page)):
        first, *others = word.rstrip("/").split("/")
        if (others and first in FOLDERS and not FOREIGN & set(others)) or (not others and word in FILES):
            yield word


@in_each_page
def test_every_path_exists(page: Path) -> None:
    assert [path for path in paths(page) if not (ROOT / path).exists()] == []


@in_each_page
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for address in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        parts = urlsplit(address)
        if parts.scheme:
            continue
        target = page.parent / parts.path if parts.path else page
        assert target.exists(), f"{page.name} links to {address}"
        assert not parts.fragment or parts.fragment in anchors(target), f"{page.name} links to {address}"


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@in_each_page
def test_every_make_target_exists(page: Path) -> None:
    rules = re.findall(r"^([\w. /-]+):(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    targets = {target for rule in rules for target in rule.split()}
    named = {
        target for words in re.findall(r"^make ((?:[a-z-]+ ?)+)$", code(page), re.MULTILINE) for target in words.split()
    }
    assert named - targets == set()


@in_each_page
def test_every_management_command_exists(page: Path) -> None:
    named = set(re.findall(r"manage\.py ([a-z]\w*)", code(page)))
    assert named - set(get_commands()) == set()


@in_each_page
def test_every_module_that_python_runs_exists(page: Path) -> None:
    modules = set(re.findall(r"python3? -m ([a-z]\w*(?:\.\w+)*)", code(page)))
    assert [module for module in modules if find_spec(module) is None] == []


def test_the_functions_and_classes_that_the_architecture_names_exist() -> None:
    spans = re.findall(r"`([A-Za-z_.]+)\(\)`(?: \(`([\w/.]+)`\))?", (ROOT / "docs" / "architecture.md").read_text())
    assert len(spans) > 10
    for name, path in spans:
        pattern = rf"^\s*(?:async )?def {name.rpartition('.')[2]}\("
        text = (ROOT / path).read_text() if path else program()
        assert re.search(pattern, text, re.MULTILINE), f"docs/architecture.md names {name}() {path}"


@cache
def program() -> str:
    """Return the source of the product, without its tests."""
    folders = ("analytics", "demo", "devices", "edge_agent", "faces", "learning", "plays", "platform")
    return "\n".join(path.read_text() for folder in folders for path in project_files(ROOT / folder, ".py"))


def test_the_settings_are_listed() -> None:
    read = re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (ROOT / "platform" / "config" / "environment.py").read_text())
    assert len(read) > 10
    read += re.findall(r'environ\.get\("(WEB_[A-Z]+)"', (ROOT / "deploy" / "gunicorn.conf.py").read_text())
    listed = set(re.findall(r"`([A-Z_]+)`", (ROOT / "docs" / "settings.md").read_text()))
    assert set(read) - listed == set()


@in_each_page
def test_every_selection_of_tests_selects_one(page: Path) -> None:
    for path, word in re.findall(r"pytest (tests/[\w/.]+) -k (\w+)", code(page)):
        assert re.search(rf"def test_\w*{word}", (ROOT / path).read_text()), f"{path} has no test for {word}"
