"""Rules for the contents of the project's files."""

import re

from tests.house.files import ROOT, project_files

REGISTRIES = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("npmmirror", "com"),
        ("deb", "debian", "org"),
        ("archive", "ubuntu", "com"),
    )
]
"""Host names in parts, so that this file does not contain them."""

NAMESPACES = ("http://www.w3.org/", "http://www.opengis.net/", "http://www.google.com/kml/")
"""XML namespaces, which look like URLs but are not fetched."""


def test_no_registry_is_named_by_its_host() -> None:
    # A mirror of a registry is configured in pip and npm. An address in a file would bypass the mirror.
    for path in project_files():
        text = path.read_bytes().decode(errors="replace")
        named = [host for host in REGISTRIES if host in text]
        assert not named, f"{path.relative_to(ROOT)} names {named}"


def test_nothing_refers_to_a_file_beside_the_repository() -> None:
    # A test that reads such a file would fail in a clone of the repository.
    outside = re.compile(r"""\bROOT\.parent\b|["'`]\.\./shared\b|["']shared["'] */""")
    for path in project_files(ROOT, ".py", ".md", ".txt", ".toml", ".html", ".js"):
        if path.name != "test_files.py":
            found = outside.findall(path.read_text())
            assert not found, f"{path.relative_to(ROOT)} refers to {found}"


def test_pages_ask_no_foreign_host() -> None:
    pages = list(project_files(ROOT, ".html", ".css", ".js", ".svg", ".webmanifest"))
    assert len(pages) > 5
    for path in pages:
        addresses = re.findall(r"""(?:https?:)?//[\w-]+(?:\.[\w-]+)+/?""", path.read_text())
        foreign = [address for address in addresses if not address.startswith(NAMESPACES)]
        assert not foreign, f"{path.relative_to(ROOT)} requests {foreign}"


def test_no_file_is_too_long_to_read_in_one_sitting() -> None:
    written = [path for path in project_files(ROOT, ".py", ".js") if path.parent.name != "migrations"]
    long = {path for path in written if len(path.read_text().splitlines()) > 400}
    assert {str(path.relative_to(ROOT)) for path in long} == set()
