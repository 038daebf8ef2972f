"""What the project's files may and may not say."""

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
"""Spelled apart, so that this file does not name them either."""

NAMESPACES = ("http://www.w3.org/", "http://www.opengis.net/", "http://www.google.com/kml/")
"""Addresses that are names; nothing is fetched from them."""


def test_no_registry_is_named_by_its_host() -> None:
    # Whoever mirrors a registry has told pip and npm so, and an address in a file would go past the mirror.
    for path in project_files():
        text = path.read_bytes().decode(errors="replace")
        named = [host for host in REGISTRIES if host in text]
        assert not named, f"{path.relative_to(ROOT)} names {named}"


def test_nothing_refers_to_a_file_beside_the_repository() -> None:
    # A test that reads such a file proves nothing to whoever clones the repository alone.
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
        assert not foreign, f"{path.relative_to(ROOT)} asks {foreign}"


def test_no_file_is_too_long_to_read_in_one_sitting() -> None:
    written = [path for path in project_files(ROOT, ".py", ".js") if path.parent.name != "migrations"]
    long = {path for path in written if len(path.read_text().splitlines()) > 400}
    assert {str(path.relative_to(ROOT)) for path in long} == set()
