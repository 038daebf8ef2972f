"""A PostgreSQL of one's own for as long as a command runs, with `DATABASE_URL` pointing at it.

    python -m tests.postgres pytest tests/devices

The cluster lives in a temporary folder, listens on a socket in it and on no port, and is gone when the command ends,
also by Ctrl-C. The exit code is the command's.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

STOP_WITHIN_SECONDS = 20


def main(command: list[str]) -> int:
    if not command:
        sys.exit("Say which command to run on PostgreSQL: python -m tests.postgres pytest tests/devices")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, frame: sys.exit(128 + number))
    with cluster() as url:
        return _run(command, os.environ | {"DATABASE_URL": url})


def _run(command: list[str], environment: dict[str, str]) -> int:
    """The command's exit code. Whatever ends us ends the command first, which gets time to do so by itself."""
    with subprocess.Popen(command, env=environment) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:  # Ctrl-C, which the terminal has sent to the command too.
            return _end(process)
        except SystemExit:
            process.terminate()
            _end(process)
            raise


def _end(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(STOP_WITHIN_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


NOT_DURABLE = "-F -c synchronous_commit=off"
"""Nothing of most clusters outlives the tests, so nothing need survive a power cut."""


@contextmanager
def cluster() -> Iterator[str]:
    """The URL of a new, empty database. Raises `SystemExit` with one sentence where PostgreSQL is missing."""
    with server() as running:
        yield running.url


class Server:
    """One cluster in a folder of its own; folder and address stay the same over `stop`, `crash` and `start`."""

    def __init__(self, folder: Path, options: str) -> None:
        self._binaries, self._account = _binaries(), _account()
        self._data = folder / "data"
        self._options = f"-c listen_addresses= -k {folder} {options}"
        self._log = folder / "log"
        self.url = f"postgres://headcount@{quote(str(folder), safe='')}/postgres"
        os.chown(folder, self._account.pw_uid, self._account.pw_gid)
        options_of_initdb = ["-U", "headcount", "-A", "trust", "-E", "UTF8", "--no-sync"]
        _as(self._account, [self._binaries / "initdb", "-D", self._data, *options_of_initdb])

    def start(self) -> None:
        """Start and wait until it takes connections. Raises `SystemExit` with one sentence where it cannot."""
        self._control(["-l", self._log, "-o", self._options, "-w", "start"])

    def stop(self) -> None:
        """End it in order, as a restart for an upgrade does."""
        self._control(["-m", "fast", "-w", "stop"])

    def crash(self) -> None:
        """End it as a failing machine does; without durable options it may forget what it committed last."""
        self._control(["-m", "immediate", "-w", "stop"], check=False)

    def _control(self, arguments: list[str | Path], check: bool = True) -> None:
        _as(self._account, [self._binaries / "pg_ctl", "-D", self._data, *arguments], check=check)


@contextmanager
def server(options: str = NOT_DURABLE) -> Iterator[Server]:
    """A running cluster, with these options for its server; gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="headcount-postgres-"))
    try:
        created = Server(folder, options)
        try:
            created.start()
            yield created
        finally:
            created.crash()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path:
    """The folder of the newest PostgreSQL's programs, which Debian keeps off PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    found = versions[-1] if versions else shutil.which("initdb")
    if not found:
        sys.exit("PostgreSQL is not installed: run `make test-packages`, or apt-get install postgresql.")
    return Path(found).parent


def _account() -> pwd.struct_passwd:
    """Who runs the server: ourselves, or the unprivileged `nobody` where we are root, which PostgreSQL refuses."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())


def _as(account: pwd.struct_passwd, command: Sequence[str | Path], check: bool = True) -> None:
    own: dict[str, Any] = {} if os.geteuid() else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    # A session of its own: Ctrl-C on the terminal must reach the tests, not the database under them.
    done = subprocess.run(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd="/", start_new_session=True, **own
    )
    if check and done.returncode:
        sys.exit(f"PostgreSQL's {Path(command[0]).name} failed: {done.stderr.strip()}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
