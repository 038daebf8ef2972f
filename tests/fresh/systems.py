"""Bare Debian systems with this machine's settings for package registries and a clone of the last commit."""

import fcntl
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.fresh.steps import Failed, say, started, step, wait_for

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "fresh"

DEBIANS = {"bookworm": "Debian 12", "trixie": "Debian 13"}

NEWCOMER_HAS = ("ca-certificates", "git", "make", "python3")
"""Debian packages of the bare system: those that the README requires, git for the clone, and root certificates."""

INSTALLED_WITHIN = 3600.0
"""Seconds for an installation on a busy machine."""

SETTINGS = re.compile(
    r"\w+_proxy|pip_(index_url|extra_index_url|trusted_host|cert|proxy|default_timeout)|npm_config_\w+"
    r"|ssl_cert_file|requests_ca_bundle|node_extra_ca_certs|curl_ca_bundle",
    re.IGNORECASE,
)
"""Environment variables that configure how apt, pip and npm reach their registries."""

FILES = ("/etc/resolv.conf", "/etc/pip.conf", "~/.config/pip/pip.conf", "~/.npmrc", "/usr/local/share/ca-certificates")
"""Files and folders with the same purpose."""

ENTER = """
root=$1 archives=$2 caches=$3 script=$4
shift 4
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount --bind "$archives" "$root/var/cache/apt/archives"
mount --bind "$caches" "$root/root/.cache"
exec chroot "$root" /usr/bin/env -i "$@" /bin/bash -c "cd && $script"
"""

GIT = ("git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT))


class System:
    """One bare Debian in its folder."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._folder = CACHE / name
        self.root = self._folder / "root"
        self._base = self._folder / "base"
        self._demo_of = self._folder / "demo-commit"
        self.log = self._folder / "log"
        for cache in (self._folder / "archives", CACHE / "caches"):
            cache.mkdir(parents=True, exist_ok=True)
        CACHE.chmod(0o700)  # Copies of this machine's settings may contain secrets.

    def make_base(self) -> None:
        """Install the bare system, unless an earlier run has installed it."""
        with step("a bare system") as done:
            if self._base.exists():
                return done("kept from the last run")
            unfinished = self._folder / "base.unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            mirror, _ = mirrors()
            chosen = ("--variant=minbase", f"--include={','.join(NEWCOMER_HAS)}")
            self._run(["debootstrap", *chosen, self.name, str(unfinished), mirror], "debootstrap", INSTALLED_WITHIN)
            # Debian runs this script before it starts a service; exit code 101 forbids the start.
            _write(unfinished / "usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n").chmod(0o755)
            _write(unfinished / "etc/hosts", "127.0.0.1 localhost\n")
            unfinished.rename(self._base)

    def renew(self) -> None:
        """Replace the system by a copy of the bare one, with a clone of the last commit and this machine's settings."""
        with step("a new system with a clone"):
            self._demo_of.unlink(missing_ok=True)
            shutil.rmtree(self.root, ignore_errors=True)
            subprocess.run(["cp", "-a", self._base, self.root], check=True)
            mirror, security = mirrors()
            sources = [f"deb {mirror} {self.name} main", f"deb {mirror} {self.name}-updates main"]
            sources += [f"deb {security} {self.name}-security main"] if security else []
            _write(self.root / "etc/apt/sources.list", "\n".join([*sources, ""]))
            access = _said(["apt-config", "dump", "Acquire::http", "Acquire::https"])
            _write(self.root / "etc/apt/apt.conf.d/90access", access)
            for path in map(Path, (*FILES, *settings().values())):
                self._copy(path.expanduser())
            (self.root / "root/.cache").mkdir(exist_ok=True)
            bundle = self.root / "root/headcount.bundle"
            _said([*GIT, "bundle", "create", "--quiet", str(bundle), "HEAD"])
            clone = "git -c advice.detachedHead=false -c init.defaultBranch=main clone -q headcount.bundle headcount"
            self.run(f"update-ca-certificates && {clone}", "the clone", INSTALLED_WITHIN)

    def _copy(self, source: Path) -> None:
        """Copy a file or folder of this machine to the same path in the system, if it exists."""
        if not source.is_absolute():
            return
        to = self.root / str(source).replace(str(Path.home()), "/root", 1).lstrip("/")
        if source.is_file():
            to.parent.mkdir(parents=True, exist_ok=True)
            to.unlink(missing_ok=True)
            shutil.copy(source, to)
        elif source.is_dir():
            shutil.copytree(source, to, dirs_exist_ok=True)

    def has_run_demo_of(self, commit: str) -> bool:
        return self.root.exists() and self._demo_of.exists() and self._demo_of.read_text() == commit

    def note_demo_of(self, commit: str) -> None:
        _write(self._demo_of, commit)

    def run(self, script: str, what: str, within: float) -> None:
        """Run the script in the system, in root's home. Raises `Failed` if the script fails or takes too long."""
        self._run(self.command(script), what, within)

    def command(self, script: str) -> list[str]:
        """Return the command that runs the script in the system, with the environment of a new login."""
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        environment = {"HOME": "/root", "PATH": path, "TERM": "dumb", **settings()}
        mounted = [self.root, self._folder / "archives", CACHE / "caches"]
        variables = [f"{name}={value}" for name, value in environment.items()]
        return ["bash", "-euc", ENTER, "enter", *map(str, mounted), script, *variables]

    def _run(self, command: Sequence[str], what: str, within: float) -> None:
        with self.log.open("ab") as log:
            log.write(f"\n==> {what}\n".encode())
            log.flush()
            with started(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log) as process:
                wait_for(lambda: process.poll() is not None, within, what, self.last_words)
        if process.returncode:
            raise Failed(f"{what} failed with code {process.returncode}; the log is {self.log}.")

    def last_words(self, pattern: str = r"\S.*") -> str:
        """Return the last match of the pattern in the log; an empty string if there is none."""
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - 10_000))
            found = re.findall(pattern, log.read().decode(errors="replace"))
        return found[-1].strip() if found else ""


@contextmanager
def the_system(name: str) -> Iterator[System]:
    """Yield the system, with an empty log and an exclusive lock. Raises `Failed` if another run has the lock."""
    system = System(name)
    with (CACHE / name / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Failed(f"Another run is using {CACHE / name}; wait for it or end it.") from None
        system.log.write_bytes(b"")
        yield system


def commit_to_try() -> str:
    """Return the hash of the commit to test. Raises `Failed` if this process is not root."""
    if os.geteuid() != 0:
        raise Failed("Only root can create a Debian system: run sudo make fresh.")
    if _said([*GIT, "status", "--porcelain", "--untracked-files=no"]).strip():
        say("Uncommitted changes are not tested.")
    return _said([*GIT, "rev-parse", "HEAD"]).strip()


def settings() -> dict[str, str]:
    """Return this machine's environment variables that match `SETTINGS`."""
    return {name: value for name, value in os.environ.items() if SETTINGS.fullmatch(name)}


def mirrors() -> tuple[str, str | None]:
    """Return the URLs of this machine's Debian mirror and of its security updates (None if there are none).

    Raises `Failed` if this machine is no Debian or has no mirror.
    """
    system = platform.freedesktop_os_release()
    own = system.get("VERSION_CODENAME", "")
    targets = _said(["apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages"])
    found = dict(line.split() for line in targets.splitlines())
    if system["ID"] != "debian" or own not in found:
        raise Failed("This machine's apt sources name no mirror of Debian: run make fresh on a Debian.")
    return found[own], found.get(f"{own}-security")


def _said(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{command[0]} failed: {done.stderr.strip()}")
    return done.stdout


def _write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path
