"""Follows the README on a bare Debian, as a newcomer would: `python3 -m tests.fresh [--debian trixie] [--only demo]`.

For each Debian, this program creates a bare system with debootstrap and clones the last commit into it. It runs
`make demo` until the pages respond and the cameras deliver frames, sets a box up for a new camera, and ends the demo
with Ctrl-C. Then it runs `make test` in the same clone. At last it installs the platform in a further bare system as
docs/production.md says, and looks at its first page. All files are in `.cache/fresh/<name of the Debian>/`: `base`
is created once and copied for each run, `root` is the system of the last run and is kept after a failure, and `log` is
the log. The folder may be deleted at any time outside a run.

The program needs root, and only the standard library. It uses this machine's mirrors, proxies and certificates. The
systems share this machine's network. Mounts and processes are in namespaces, so none outlives a run.
"""

import argparse
import http.cookiejar
import json
import random
import re
import shutil
import signal
import socket
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import NoReturn

from demo.running.readiness import ApiClient
from tests.fresh.production import follow_production
from tests.fresh.steps import Failed, Terminal, say, step, wait_for
from tests.fresh.systems import CACHE, DEBIANS, System, commit_to_try, the_system

PARTS = ("demo", "test", "production")

READY_WITHIN, DELIVERS_WITHIN, ENDED_WITHIN, TESTED_WITHIN = 5400.0, 600.0, 60.0, 6 * 3600.0
"""Timeouts in seconds, on a busy machine."""

DEMO = """
trap : INT
cd headcount && make demo PORT={port}
code=$?
sleep 1
for process in /proc/[0-9]*; do
    [ "$process" = /proc/1 ] || ! [ -s "$process/cmdline" ] || echo "LEFT BEHIND: $(tr '\\0' ' ' <"$process/cmdline")"
done
exit $code
"""
"""The script that runs the demo. Bash is process 1 of its namespace, and lists the processes that the demo left."""


class Stopped(BaseException):
    """A signal requests the end of the program."""


def main(arguments: list[str] | None = None) -> int:
    """Return 0 if the README's steps succeeded, 1 if one failed, and 130 after a signal."""
    parser = argparse.ArgumentParser(prog="make fresh", description="Follow the README on bare Debian systems.")
    parser.add_argument(
        "--debian", nargs="+", choices=DEBIANS, default=list(DEBIANS), help="Debian releases to use (both)"
    )
    parser.add_argument("--only", choices=PARTS, help="run one part only; test continues in the system of demo")
    options = parser.parse_args(arguments)
    parts = [options.only] if options.only else list(PARTS)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores SIGHUP.
            signal.signal(number, _stop)
    failures = []
    try:
        commit = commit_to_try()
        for name in options.debian:
            try:
                _follow(name, parts, commit)
            except (Failed, OSError) as failure:
                failures.append(f"{DEBIANS[name]} ({name}): {failure}")
                say(f"  FAILED: {failure}")
    except Failed as failure:
        say(str(failure))
        return 1
    except Stopped:
        say("Stopped. All processes have ended, and nothing is mounted any more.")
        return 130
    if failures:
        say("At least one step failed:", *(f"  {failure}" for failure in failures))
        return 1
    say(f"{' and '.join(DEBIANS[name] for name in options.debian)}: {', '.join(parts)} passed.")
    return 0


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    raise Stopped


def _follow(name: str, parts: Sequence[str], commit: str) -> None:
    """Run these parts on this Debian. Raises `Failed` if a step fails."""
    say(f"{DEBIANS[name]} ({name}), commit {commit[:7]}, log in {CACHE / name / 'log'}")
    with the_system(name) as system:
        system.make_base()
        if parts == ["test"] and system.has_run_demo_of(commit):
            say("  continuing in the clone in which make demo has run")
        elif parts != ["production"]:
            system.renew()
        if "demo" in parts:
            _demo(system)
            system.note_demo_of(commit)
        if "test" in parts:
            with step("make test") as done:
                system.run("cd headcount && make test", "make test", TESTED_WITHIN)
                done(system.last_words(r"\d+ passed.*"))
            shutil.rmtree(system.root)
        if "production" in parts:
            system.renew()
            follow_production(system)
            shutil.rmtree(system.root)


def _demo(system: System) -> None:
    """Run `make demo` in its own terminal until its cameras deliver frames, and end it with Ctrl-C."""
    port = _free_port()
    with Terminal(system.command(DEMO.format(port=port)), system.log) as terminal:
        with step("make demo") as done:
            terminal.wait_for(r"Ready in", "make demo", READY_WITHIN)
            done(terminal.find(r"Ready in [\w ]+"))
        address, token = f"http://127.0.0.1:{port}", terminal.find(r"Authorization: Token ([\w-]+)")
        access = ApiClient(address, token)
        devices = [device["name"] for device in access.get("devices/")["results"]]
        with step("its pages respond"):
            page = _overview(address, "admin", terminal.find(r"user admin, password (\S+)"))
            if missing := [name for name in devices if name not in page]:
                raise Failed(f"the overview at {address} does not show {', '.join(missing)}.")
        with step("its cameras deliver") as done:
            before = {name: _frames(access, name) for name in devices}
            for name, frames in before.items():
                more = partial(_has_more_frames, access, name, frames)
                wait_for(more, DELIVERS_WITHIN, f"a frame of {name}", system.last_words)
            done(", ".join(devices))
        with step("the command of a new camera sets a box up") as done:
            done(_set_up_a_box(system, address, token))
        with step("Ctrl-C ends it") as done:
            began = time.monotonic()
            terminal.press_ctrl_c()
            wait_for(lambda: terminal.process.poll() is not None, ENDED_WITHIN, "Ctrl-C", system.last_words)
            done(f"after {time.monotonic() - began:.0f} s")
    if "The data is kept" not in terminal.text or terminal.process.returncode not in (0, 128 + signal.SIGINT):
        raise Failed(f"make demo ended with code {terminal.process.returncode} after Ctrl-C; see {system.log}.")
    if left := re.findall(r"LEFT BEHIND: (.*\S)", terminal.text):
        raise Failed(f"make demo left these processes running after Ctrl-C: {'; '.join(left)}.")


def _set_up_a_box(system: System, address: str, token: str) -> str:
    """Add a camera, run its command in the bare system as root, and return what the agent says of its version."""
    body = json.dumps({"site": "seattle", "name": "Front desk"}).encode()
    headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}/api/v1/devices/", body, headers)
    camera = json.load(urllib.request.urlopen(request, timeout=60))
    arguments = f"{camera['claim_code']} {camera['agent_sha256']}"
    commands = [
        "apt-get update -qq && apt-get install -y -qq --no-install-recommends curl ca-certificates >/dev/null",
        f"curl -fsSL {address}/agent/install.sh | sh -s -- {arguments}",
        "test -s /etc/headcount/agent.toml",
        "runuser -u headcount -- /opt/headcount/venv/bin/headcount-agent --version",
    ]
    system.run("\n".join(commands), "the command of a new camera", READY_WITHIN)
    return system.last_words(r"headcount-edge-agent \S+")


def _overview(address: str, user: str, password: str) -> str:
    """Sign in with the form and return the HTML of the first page."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    form = browser.open(address, timeout=60).read().decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form)
    filled = {"login": user, "password": password, "csrfmiddlewaretoken": token[1] if token else ""}
    data = urllib.parse.urlencode(filled).encode()
    return str(browser.open(f"{address}/accounts/login/?next=/", data, timeout=60).read().decode())


def _has_more_frames(access: ApiClient, device: str, than: int) -> bool:
    return _frames(access, device) > than


def _frames(access: ApiClient, device: str) -> int:
    buckets = access.get(f"engagement/?device={device}&bucket=hour")
    return sum(bucket["frames"] for bucket in buckets)


def _free_port() -> int:
    """Return a port that is free on this machine, like the ports above it for the cameras' streams."""
    while True:
        port = random.randrange(20_000, 30_000)
        with suppress(OSError):
            for each in (port, *range(port + 90, port + 94)):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", each))
            return port


if __name__ == "__main__":
    sys.exit(main())
