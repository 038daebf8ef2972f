"""Builds the image of `deploy/container` on a bare Debian and starts it: `python -m tests.deploy.container`.

The base is made by debootstrap, because a test must not depend on a registry of images. buildah builds and runs
without a daemon (`--isolation chroot`), as root. The image and the base stay in `.cache/container` for the next run.
The program prints the image's size, and fails unless the container migrates its database and serves the page to sign
in.
"""

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests.fresh.systems import settings, the_system
from tests.house.files import ROOT
from tests.programs.brokers import free_port

CACHE = ROOT / ".cache" / "container"
BASE, IMAGE = "headcount-base", "headcount"
STARTS_WITHIN_S = 180.0


def main() -> int:
    for program in ("buildah", "debootstrap"):
        if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin") is None:
            print(f"{program} is not installed: run `make test-container`, which installs it.", file=sys.stderr)
            return 1
    CACHE.mkdir(parents=True, exist_ok=True)
    if not buildah("images", "--quiet", "--filter", f"reference={BASE}"):
        make_base()
    mounts = [f"--volume={path}:{path}:ro" for path in local_files()]
    authority = os.environ.get("NODE_EXTRA_CA_CERTS", "")
    arguments = [f"--build-arg=BASE=localhost/{BASE}", f"--build-arg=NODE_EXTRA_CA_CERTS={authority}"]
    file = "deploy/container/Containerfile"
    buildah("bud", "--layers", "--isolation=chroot", *arguments, *mounts, "-f", file, "-t", IMAGE, str(ROOT))
    print(buildah("images", "--format", "{{.Size}}", IMAGE), "is the size of the image")
    container = buildah("from", f"localhost/{IMAGE}")
    try:
        start(container)
    finally:
        buildah("rm", container)
    print("The container migrates its database, and serves the page to sign in.")
    return 0


def buildah(*arguments: str) -> str:
    """Run buildah with its own storage, and return what it prints."""
    own = ["buildah", f"--root={CACHE}/storage", f"--runroot={CACHE}/run"]
    done = subprocess.run([*own, *arguments], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()


def make_base() -> None:
    """Make an image of a bare Debian that reaches the registries as this machine does."""
    with the_system("bookworm") as system, tempfile.NamedTemporaryFile(suffix=".tar") as archive:
        system.make_base()
        system.renew()
        without = ["--exclude=./root/headcount", "--exclude=./root/headcount.bundle"]
        subprocess.run(["tar", "-C", system.root, *without, "-cf", archive.name, "."], check=True)
        container = buildah("from", "scratch")
        buildah("add", "--quiet", container, archive.name, "/")
        buildah("commit", "--quiet", "--rm", container, BASE)


def local_files() -> list[str]:
    """Return folders of this machine that pip's settings name and a container lacks."""
    places = (Path("/etc/pip.conf"), Path("/etc/xdg/pip/pip.conf"), Path("~/.config/pip/pip.conf").expanduser())
    words = " ".join([*settings().values(), *(path.read_text() for path in places if path.exists())]).split()
    folders = {Path(word.removeprefix("file://").removesuffix("/simple")) for word in words} | {Path("/etc/xdg/pip")}
    return sorted(str(folder) for folder in folders if folder.is_absolute() and folder.is_dir())


def start(container: str) -> None:
    """Migrate the database in the container, serve, and look at the page. Raises if that does not work in time."""
    port = free_port()
    environment = {
        "SECRET_KEY": secrets.token_urlsafe(64),
        "HTTPS": "false",
        "WEB_BIND": f"127.0.0.1:{port}",
        "WEB_WORKERS": "1",
    }
    given = [f"--env={name}={value}" for name, value in environment.items()]
    run: Sequence[str] = ("run", "--isolation=chroot", *given, container, "--")
    buildah(*run, "python3", "manage.py", "migrate", "--no-input", "--verbosity=0")
    command = ["buildah", f"--root={CACHE}/storage", f"--runroot={CACHE}/run", *run]
    with subprocess.Popen([*command, "gunicorn", "--config", "deploy/gunicorn.conf.py"]) as process:
        try:
            page = fetched(f"http://127.0.0.1:{port}/accounts/login/")
            if b"csrfmiddlewaretoken" not in page:
                raise RuntimeError("the container does not serve the page to sign in")
        finally:
            process.terminate()


def fetched(address: str) -> bytes:
    """Return the page, once the server responds."""
    deadline = time.monotonic() + STARTS_WITHIN_S
    while True:
        with suppress(OSError):
            return bytes(urllib.request.urlopen(address, timeout=10).read())
        if time.monotonic() > deadline:
            raise TimeoutError(f"{address} did not respond within {STARTS_WITHIN_S:.0f} s")
        time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
