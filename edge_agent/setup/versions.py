"""The versions of the agent that are installed on the box, each in a folder of its own.

The base version lies where the box was set up. Every further version has a virtual environment that finds the packages
of the base, and contains only what differs: the agent itself, and packages of other versions. So an update is small,
and the version before stays whole until the new one has come up.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge_agent.delivery.platform_client import PlatformClient
from edge_agent.durable import replace_file
from edge_agent.release import DISTRIBUTION, installed_version

VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+!_-]{0,63}")
"""What may be the name of a folder: it comes from the platform."""

INSTALL_SECONDS = 1800.0
"""A small box on a slow line may fetch 200 MB of packages."""

BASE = "base"

VERSIONS = "versions"
"""The folder with the installed versions, in the state folder of the box."""


class UpdateError(Exception):
    """A version could not be installed. The message is one sentence."""


class Release(msgspec.Struct, frozen=True):
    """A version that the platform wants the box to run."""

    version: str
    sha256: str
    path: str
    """The wheel's path below the platform's address; its last part is the wheel's file name."""


@dataclass(frozen=True, slots=True)
class Versions:
    """The folder with the installed versions, and the name of the one that runs."""

    folder: Path

    @property
    def current(self) -> str:
        """The version that runs after a restart; the base where no update has come up yet."""
        try:
            name = (self.folder / "current").read_text().strip()
        except OSError:
            return BASE
        return name if name == BASE or self.python(name).exists() else BASE

    def python(self, name: str) -> Path:
        """Return the interpreter that runs this version."""
        return Path(sys.executable) if name == BASE else self.folder / name / "bin" / "python"

    def number(self, name: str) -> str:
        """Return the version number of an installed version."""
        return installed_version() if name == BASE else name

    def keep(self, name: str) -> None:
        """Make this the version that runs after a restart, and delete all others but the base."""
        replace_file(self.folder / "current", f"{name}\n".encode())
        for other in self.folder.iterdir():
            if other.is_dir() and other.name != name:
                shutil.rmtree(other, ignore_errors=True)

    def discard(self, name: str) -> None:
        """Delete this version."""
        if name != BASE:
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def install(self, release: Release, client: PlatformClient) -> str:
        """Fetch the wheel, check its hash, install it into a folder of its own, and return the folder's name.

        Raises `UpdateError`, and `PlatformError` where the wheel cannot be fetched.
        """
        if not VERSION.fullmatch(release.version):
            raise UpdateError("The platform names a version that cannot be the name of a folder.")
        folder = self.folder / release.version
        try:
            shutil.rmtree(folder, ignore_errors=True)
            wheel = folder / Path(release.path).name.replace("%2B", "+")
            folder.mkdir(parents=True)
            client.download(release.path, wheel)
            _check(wheel, release.sha256)
            venv.create(folder, symlinks=True, with_pip=False)
            _inherit(folder)
            _pip_install(folder, wheel)
            wheel.unlink()
        except OSError as error:
            self.discard(release.version)
            raise UpdateError(f"{folder} cannot be written: {error.strerror or error}.") from error
        except Exception:
            self.discard(release.version)
            raise
        return release.version


def _check(wheel: Path, sha256: str) -> None:
    with wheel.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise UpdateError(f"The wheel {wheel.name} has the SHA-256 {found}, not {sha256}.")


def _inherit(folder: Path) -> None:
    """Let the environment find the packages of the base after its own."""
    own = next((folder / "lib").glob("python*/site-packages"))
    base = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    # `addsitedir` reads the .pth files of the base too.
    lines = (f"import site; site.addsitedir({path!r})\n" for path in sorted(base))
    (own / "base.pth").write_text("".join(lines))


def _pip_install(folder: Path, wheel: Path) -> None:
    python = str(folder / "bin" / "python")
    quiet = ("--quiet", "--disable-pip-version-check", "--no-input")
    command = [sys.executable, "-m", "pip", "--python", python, "install", *quiet, str(wheel)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise UpdateError(f"{DISTRIBUTION} was not installed within {INSTALL_SECONDS / 60:.0f} minutes.") from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise UpdateError(f"pip could not install {wheel.name}: {lines[-1] if lines else 'it gave no reason'}")
