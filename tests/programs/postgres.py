"""Runs a command with its own temporary PostgreSQL, whose address is in `DATABASE_URL`.

    python -m tests.programs.postgres pytest tests/devices

The cluster lies in a temporary folder and listens on a socket in that folder, but on no port. It is removed when the
command ends, also after Ctrl-C. The exit code is the command's.
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
        sys.exit(
            "No command is given. Add the command to run on PostgreSQL:"
            " python -m tests.programs.postgres pytest tests/devices"
        )
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, frame: sys.exit(128 + number))
    with cluster() as url:
        return _run(command, os.environ | {"DATABASE_URL": url})


def _run(command: list[str], environment: dict[str, str]) -> int:
    """Run the command and return its exit code. A signal to this process first ends the command gracefully."""
    with subprocess.Popen(command, env=environment) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:  # The terminal has sent Ctrl-C to the command, too.
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
"""Options without durability, which suffice because most clusters do not outlive the tests."""

NO_LONG_STATEMENTS = "-c statement_timeout=120s"
"""A statement that takes minutes fails and is named, instead of keeping its locks from all later tests."""


@contextmanager
def cluster() -> Iterator[str]:
    """Yield the URL of a new, empty database. Raises `SystemExit` with one sentence if PostgreSQL is missing."""
    with server(f"{NOT_DURABLE} {NO_LONG_STATEMENTS}") as running:
        yield running.url


class Server:
    """One cluster in its own folder. `stop`, `crash` and `start` keep the folder and the address."""

    def __init__(self, folder: Path, options: str, primary: "Server | None" = None) -> None:
        """Make an empty cluster, or with `primary` a copy of it, which streams what the primary writes."""
        self._binaries, self._account = _binaries(), _account()
        self._data = folder / "data"
        self._options = f"-c listen_addresses= -k {folder} {options}"
        self._log = folder / "log"
        self.url = f"postgres://headcount@{quote(str(folder), safe='')}/postgres"
        os.chown(folder, self._account.pw_uid, self._account.pw_gid)
        self.folder = folder
        if primary is None:
            options_of_initdb = ["-U", "headcount", "-A", "trust", "-E", "UTF8", "--no-sync"]
            _as(self._account, [self._binaries / "initdb", "-D", self._data, *options_of_initdb])
        else:
            source = ["-h", str(primary.folder), "-U", "headcount", "--checkpoint=fast", "--no-sync"]
            _as(self._account, [self._binaries / "pg_basebackup", "-D", self._data, "-R", *source])

    def start(self) -> None:
        """Start the cluster and wait until it accepts connections.

        Raises `SystemExit` with one sentence if the start fails.
        """
        self._control(["-l", self._log, "-o", self._options, "-w", "start"])

    def stop(self) -> None:
        """Shut the cluster down cleanly, as for an upgrade."""
        self._control(["-m", "fast", "-w", "stop"])

    def crash(self) -> None:
        """End the cluster as a crash does. Without durable options, the latest commits may be lost."""
        self._control(["-m", "immediate", "-w", "stop"], check=False)

    def _control(self, arguments: list[str | Path], check: bool = True) -> None:
        _as(self._account, [self._binaries / "pg_ctl", "-D", self._data, *arguments], check=check)


@contextmanager
def server(options: str = NOT_DURABLE, primary: Server | None = None) -> Iterator[Server]:
    """Yield a running cluster whose server has these options. The cluster is removed when the block ends.

    With `primary` it is a streaming replica of that cluster.
    """
    folder = Path(tempfile.mkdtemp(prefix="headcount-postgres-"))
    try:
        created = Server(folder, options, primary)
        try:
            created.start()
            yield created
        finally:
            created.crash()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path:
    """Return the folder with the programs of the newest PostgreSQL, which is not on PATH in Debian."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    found = versions[-1] if versions else shutil.which("initdb")
    if not found:
        sys.exit("PostgreSQL is not installed: run `make test-packages`, or apt-get install postgresql.")
    return Path(found).parent


def _account() -> pwd.struct_passwd:
    """Return the account that runs the server: the current one, or `nobody` for root, as PostgreSQL refuses root."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())


def _as(account: pwd.struct_passwd, command: Sequence[str | Path], check: bool = True) -> None:
    own: dict[str, Any] = {} if os.geteuid() else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    # PostgreSQL gets its own session, because Ctrl-C in the terminal must reach the tests but not their database.
    done = subprocess.run(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd="/", start_new_session=True, **own
    )
    if check and done.returncode:
        sys.exit(f"PostgreSQL's {Path(command[0]).name} failed: {done.stderr.strip()}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
