"""Runs the production stack from the files in `deploy/`: nginx, gunicorn, ingester, task workers and Mosquitto.

The files are used as they are, except for the addresses and folders of this machine, which `moved` replaces. Programs
are started by the commands of the systemd units, with the environment file, and are stopped as the units say.
"""

import os
import shlex
import shutil
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from edge_agent.vision.files import models_folder
from tests.house.files import ROOT
from tests.programs.brokers import free_port, listens
from tests.programs.postgres import Server

DEPLOY = ROOT / "deploy"
HOST = "headcount.example.com"
"""The name in the files; the tests connect to loopback and give this name."""

PASSWORD = "a password with 24 signs"
STARTS_WITHIN, STOPS_WITHIN = 60.0, 60.0


def moved(text: str, places: Mapping[str, str]) -> str:
    """Return the text with these words replaced. Fails for a word that the text does not contain."""
    for old, new in places.items():
        assert old in text, f"“{old}” is not in the file any more"
        text = text.replace(old, new)
    return text


class Unit:
    """A systemd unit of `deploy/systemd`, and the process that runs its command."""

    def __init__(self, name: str, environment: Mapping[str, str], log: Path) -> None:
        lines = (DEPLOY / "systemd" / f"headcount-{name}.service").read_text().splitlines()
        pairs = [line.split("=", 1) for line in lines if "=" in line and not line.startswith("#")]
        self._commands = [command for key, command in pairs if key == "ExecStart"]
        self.settings = dict(pairs)
        self._environment = dict(environment)
        self._log = log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, number: int = 0) -> subprocess.Popen[bytes]:
        words = shlex.split(self._commands[number])
        here = [word.replace("/opt/headcount/.venv", sys.prefix).replace("/opt/headcount", str(ROOT)) for word in words]
        with self._log.open("ab") as output:
            self.process = subprocess.Popen(
                here, cwd=ROOT, env=self._environment, stdout=output, stderr=output, start_new_session=True
            )
        return self.process

    def run(self) -> None:
        """Run the commands of a oneshot unit, one after the other, until the last has ended."""
        for number in range(len(self._commands)):
            assert self.start(number).wait(600) == 0, self.log
        self.process = None

    def stop(self) -> int:
        """Stop the process as `KillMode=mixed` does, and return its exit code. Its children must have ended, too."""
        assert self.settings["KillMode"] == "mixed"
        assert self.process is not None
        self.process.terminate()
        code = self.process.wait(float(self.settings["TimeoutStopSec"]))
        left = [pid for pid in session_of(self.process.pid) if pid != self.process.pid]
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process = None
        assert left == [], f"processes {left} outlived their parent"
        return code

    def end(self) -> None:
        """Kill what runs, whatever state it is in."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")


def program_of(server: str) -> str:
    """Return the path of an installed server, which may stand where only root looks."""
    program = shutil.which(server, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    assert program, f"{server} is not installed: run `make test-deploy`, which installs it"
    return program


def session_of(leader: int) -> list[int]:
    """Return the living processes of the session that this process began."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _parent, _group, session = stat.read_text().rpartition(")")[2].split()[:4]
            if int(session) == leader and state != "Z":
                found.append(int(stat.parent.name))
    return found


class Stack:
    """The programs of one machine, their addresses and their folder."""

    def __init__(self, folder: Path, database: Server) -> None:
        self.folder, self.database = folder, database
        self.https, self.http, self.web, self.mqtt, self.redis, self.pooler = (free_port() for _ in range(6))
        self.tls = folder / "tls"
        self._certificates()
        self.environment = self._environment()
        self.units = {
            name: Unit(name, self.environment, folder / f"{name}.log")
            for name in ("prepare", "ingest", "workers", "notify", "players")
        }
        # As docs/production.md allows for web servers.
        pooled = {"DATABASE_URL": f"postgres://headcount@127.0.0.1:{self.pooler}/postgres", "DATABASE_POOLED": "true"}
        self.units["web"] = Unit("web", self.environment | pooled, folder / "web.log")
        self._servers: dict[str, subprocess.Popen[bytes]] = {}
        self._configure_nginx()
        self._configure_mosquitto()
        self._configure_pgbouncer()

    def _certificates(self) -> None:
        self.tls.mkdir()
        subject = f"/CN={HOST}"
        names = f"subjectAltName=DNS:{HOST},DNS:localhost,IP:127.0.0.1"
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", subject]
        files = ["-keyout", f"{self.tls}/privkey.pem", "-out", f"{self.tls}/fullchain.pem", "-addext", names]
        subprocess.run([*command, *files], check=True, capture_output=True)
        for file in self.tls.iterdir():
            file.chmod(0o644)  # Mosquitto gives up root before it reads them.

    def _environment(self) -> dict[str, str]:
        text = moved(
            (DEPLOY / "headcount.env").read_text(),
            {
                # So that other programs can ask this machine without a name server.
                f"ALLOWED_HOSTS={HOST}": f"ALLOWED_HOSTS={HOST},localhost",
                "SECRET_KEY=": "SECRET_KEY=0123456789abcdefghijklmnopqrstuvwxyz-0123456789-ABCDEFG",
                "#REDIS_URL=redis://127.0.0.1:6379/0": f"REDIS_URL=redis://127.0.0.1:{self.redis}/0",
                "/var/lib/headcount": str(self.folder / "data"),
                "postgres://headcount:PASSWORD@127.0.0.1/headcount": self.database.url,
                f"mqtts://headcount:PASSWORD@{HOST}:8883": f"mqtts://headcount:secret@localhost:{self.mqtt}",
                "METRICS_TOKEN=": "METRICS_TOKEN=metrics-token",
            },
        )
        settings = dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))
        kept = {name: os.environ[name] for name in os.environ if not name.startswith(("DJANGO_", "DATA_", "DATABASE_"))}
        for name in ("DEBUG", "MODELS_DIR", "TESTS_ASSETS_DIR", "MQTT_URL"):
            kept.pop(name, None)
        own = {"WEB_BIND": f"127.0.0.1:{self.web}", "WEB_WORKERS": "2", "MODELS_DIR": str(models_folder())}
        return kept | settings | own | {"MQTT_CA_FILE": str(self.tls / "fullchain.pem")}

    def _configure_nginx(self) -> None:
        own = self.folder / "nginx"
        own.mkdir()
        upstream = moved(
            (DEPLOY / "nginx" / "headcount-upstream.conf").read_text(),
            {"server 127.0.0.1:8000;": f"server 127.0.0.1:{self.web};"},
        )
        site = moved(
            (DEPLOY / "nginx" / "headcount.conf").read_text(),
            {
                "listen 80;": f"listen 127.0.0.1:{self.http};",
                "    listen [::]:80;\n": "",
                "listen 443 ssl": f"listen 127.0.0.1:{self.https} ssl",
                "    listen [::]:443 ssl http2;\n": "",
                "/etc/headcount/tls/": f"{self.tls}/",
                "/var/log/nginx/": f"{own}/",
            },
        )
        (own / "headcount.conf").write_text(upstream + site)
        temporary = "".join(
            f"{kind}_temp_path {own}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        # The rest is what Debian's nginx.conf sets, without its sites and its user.
        (own / "nginx.conf").write_text(
            f"daemon off;\npid {own}/pid;\nerror_log {own}/error.log warn;\nevents {{ worker_connections 768; }}\n"
            f"http {{ include /etc/nginx/mime.types; default_type application/octet-stream; sendfile on;\n"
            f"access_log {own}/access.log;\n{temporary}include {own}/headcount.conf; }}\n"
        )

    def _configure_mosquitto(self) -> None:
        own = self.folder / "mosquitto"
        (own / "conf.d").mkdir(parents=True)
        (own / "conf.d" / "headcount.conf").write_text(
            moved(
                (DEPLOY / "mosquitto" / "headcount.conf").read_text(),
                {
                    "listener 8883": f"listener {self.mqtt} 127.0.0.1",
                    "/etc/headcount/tls/": f"{self.tls}/",
                    "/etc/mosquitto/headcount.": f"{own}/headcount.",
                },
            )
        )
        shutil.copy(DEPLOY / "mosquitto" / "headcount.acl", own / "headcount.acl")
        passwords = own / "headcount.passwords"
        passwords.write_text("headcount:secret\nlobby-1:one\nlobby-2:two\ndeeplens_a:three\n")
        subprocess.run(["mosquitto_passwd", "-U", passwords], check=True)
        passwords.chmod(0o644)
        # What Debian's mosquitto.conf sets, with this folder instead of /var/lib, /var/log and /run.
        debian = Path("/etc/mosquitto/mosquitto.conf").read_text()
        main = moved(
            debian,
            {
                "pid_file /run/mosquitto/mosquitto.pid": "",
                "/var/lib/mosquitto/": f"{own}/",
                "/var/log/mosquitto/": f"{own}/",
                "/etc/mosquitto/conf.d": f"{own}/conf.d",
            },
        )
        (own / "mosquitto.conf").write_text(main)
        own.chmod(0o777)

    def _configure_pgbouncer(self) -> None:
        own = self.folder / "pgbouncer"
        own.mkdir()
        socket_folder = urllib.parse.unquote(urllib.parse.urlsplit(self.database.url).hostname or "")
        (own / "pgbouncer.ini").write_text(
            f"[databases]\npostgres = host={socket_folder} user=headcount\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {self.pooler}\nunix_socket_dir =\nauth_type = any\n"
            "pool_mode = transaction\nquery_wait_timeout = 5\nserver_login_retry = 1\n"
        )
        own.chmod(0o755)

    def start(self) -> None:
        self.start_mosquitto()
        self.start_redis()
        account = ["-u", "nobody"] if os.geteuid() == 0 else []
        self._start("pgbouncer", ["pgbouncer", *account, str(self.folder / "pgbouncer" / "pgbouncer.ini")])
        self.units["prepare"].run()
        for name in ("web", "ingest", "workers", "notify", "players"):
            self.units[name].start()
        self._start("nginx", ["nginx", "-c", str(self.folder / "nginx" / "nginx.conf")])
        self.wait(lambda: self.get("/healthz", follow=False)[0] in (200, 503), "nginx and the web server")

    def start_mosquitto(self) -> None:
        self._start("mosquitto", ["mosquitto", "-c", str(self.folder / "mosquitto" / "mosquitto.conf")])
        self.wait(lambda: listens(self.mqtt), "Mosquitto")

    def start_redis(self) -> None:
        self._start("redis", ["redis-server", "--port", str(self.redis), "--bind", "127.0.0.1", "--save", ""])
        self.wait(lambda: listens(self.redis), "Redis")

    def stop(self, name: str) -> None:
        """Stop one of the servers that are not Headcount's own: mosquitto, redis or nginx."""
        process = self._servers.pop(name)
        process.terminate()
        process.wait(STOPS_WITHIN)

    def _start(self, name: str, command: list[str]) -> None:
        program = program_of(command[0])
        with (self.folder / f"{name}.out").open("ab") as output:
            self._servers[name] = subprocess.Popen([program, *command[1:]], stdout=output, stderr=output)

    def end(self) -> None:
        for unit in self.units.values():
            unit.end()
        for process in self._servers.values():
            process.terminate()
            process.wait(STOPS_WITHIN)

    def get(
        self, path: str, headers: Mapping[str, str] | None = None, *, data: bytes | None = None, follow: bool = True
    ) -> tuple[int, Any, bytes]:
        """Send a request to nginx by HTTPS, and return the status, the headers and the body."""
        trust = ssl.create_default_context(cafile=str(self.tls / "fullchain.pem"))
        openers: list[Any] = [urllib.request.HTTPSHandler(context=trust)]
        if not follow:
            openers.append(_Staying())
        opener = urllib.request.build_opener(*openers)
        request = urllib.request.Request(
            f"https://localhost:{self.https}{path}", data=data, headers={"Host": HOST, **(headers or {})}
        )
        try:
            with opener.open(request, timeout=60) as response:
                return response.status, response.headers, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()
        except OSError:
            return 0, {}, b""

    def wait(self, holds: Callable[[], bool], what: str, within: float = STARTS_WITHIN) -> None:
        deadline = time.monotonic() + within
        while not holds():
            assert time.monotonic() < deadline, f"{what} did not come:\n{self.logs()}"
            time.sleep(0.1)

    def logs(self) -> str:
        """Return the last lines of every program's log."""
        files = [*self.folder.glob("*.log"), *self.folder.glob("*.out"), *self.folder.glob("*/*.log")]
        return "\n".join(f"--- {file.name}\n{file.read_text(errors='replace')[-1500:]}" for file in files)

    def manage(self, *arguments: str, more: Mapping[str, str] | None = None, within_s: float = 300) -> str:
        """Run a management command with the stack's environment, and return its output."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment | dict(more or {}),
            capture_output=True,
            text=True,
            timeout=within_s,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


class _Staying(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


@contextmanager
def running(folder: Path, database: Server) -> Iterator[Stack]:
    """Run the whole stack until the block ends."""
    stack = Stack(folder, database)
    try:
        stack.start()
        yield stack
    finally:
        stack.end()
