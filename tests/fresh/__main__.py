"""The README on a bare Debian, followed as a newcomer would: `python3 -m tests.fresh [--debian trixie] [--only demo]`.

For each Debian: make a bare system with debootstrap, clone the last commit into it, run `make demo` until its pages
answer and its cameras deliver, end it with Ctrl-C, and run `make test` in the same clone. Everything lies in
`.cache/fresh/<name of the Debian>/`: `base`, which is made once and copied for each run; `root`, the system of the last
run, which is kept where something failed; and `log`. The folder may be deleted whenever nothing runs in it.

Needs root, and nothing but the standard library. Mirrors, proxies and certificates are those of this machine. The
systems share this machine's network; mounts and processes are in namespaces, so none outlives a run, however it ends.
"""

import argparse
import http.cookiejar
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
from tests.fresh.steps import Failed, Terminal, say, step, wait_for
from tests.fresh.systems import CACHE, DEBIANS, System, commit_to_try, the_system

PARTS = ("demo", "test")

READY_WITHIN, DELIVERS_WITHIN, ENDED_WITHIN, TESTED_WITHIN = 5400.0, 600.0, 60.0, 6 * 3600.0
"""Seconds, on a machine that is busy with other things."""

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
"""Bash is the first process of its namespace, in which nothing else may run once the demo has ended."""


class Stopped(BaseException):
    """Somebody wants this to end."""


def main(arguments: list[str] | None = None) -> int:
    """0 where all went as the README says, 1 where something did not, 130 when stopped."""
    parser = argparse.ArgumentParser(prog="make fresh", description="The README, followed on bare Debians.")
    parser.add_argument("--debian", nargs="+", choices=DEBIANS, default=list(DEBIANS), help="which (both)")
    parser.add_argument("--only", choices=PARTS, help="one of the two parts; test goes on where demo has ended")
    options = parser.parse_args(arguments)
    parts = [options.only] if options.only else list(PARTS)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # As under nohup.
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
        say("Stopped; nothing of it runs or is mounted any more.")
        return 130
    if failures:
        say("Something went wrong:", *(f"  {failure}" for failure in failures))
        return 1
    say(f"The README holds on {' and '.join(DEBIANS[name] for name in options.debian)}: make {', make '.join(parts)}.")
    return 0


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    raise Stopped


def _follow(name: str, parts: Sequence[str], commit: str) -> None:
    """Run these parts on this Debian. Raises `Failed`."""
    say(f"{DEBIANS[name]} ({name}), commit {commit[:7]}, log in {CACHE / name / 'log'}")
    with the_system(name) as system:
        system.make_base()
        if parts == ["test"] and system.has_run_demo_of(commit):
            say("  going on in the clone in which make demo has run")
        else:
            system.renew()
        if "demo" in parts:
            _demo(system)
            system.note_demo_of(commit)
        if "test" in parts:
            with step("make test") as done:
                system.run("cd headcount && make test", "make test", TESTED_WITHIN)
                done(system.last_words(r"\d+ passed.*"))
            shutil.rmtree(system.root)


def _demo(system: System) -> None:
    """`make demo` in a terminal of its own, until it delivers; then Ctrl-C."""
    port = _free_port()
    with Terminal(system.command(DEMO.format(port=port)), system.log) as terminal:
        with step("make demo") as done:
            terminal.wait_for(r"Ready in", "make demo", READY_WITHIN)
            done(terminal.find(r"Ready in [\w ]+"))
        address, token = f"http://127.0.0.1:{port}", terminal.find(r"Authorization: Token ([\w-]+)")
        access = ApiClient(address, token)
        devices = [device["name"] for device in access.get("devices/")["results"]]
        with step("its pages answer"):
            page = _overview(address, "admin", terminal.find(r"user admin, password (\S+)"))
            if missing := [name for name in devices if name not in page]:
                raise Failed(f"the overview at {address} does not show {', '.join(missing)}.")
        with step("its cameras deliver") as done:
            before = {name: _frames(access, name) for name in devices}
            for name, frames in before.items():
                more = partial(_has_more_frames, access, name, frames)
                wait_for(more, DELIVERS_WITHIN, f"a frame of {name}", system.last_words)
            done(", ".join(devices))
        with step("Ctrl-C ends it") as done:
            began = time.monotonic()
            terminal.press_ctrl_c()
            wait_for(lambda: terminal.process.poll() is not None, ENDED_WITHIN, "Ctrl-C", system.last_words)
            done(f"after {time.monotonic() - began:.0f} s")
    if "The data is kept" not in terminal.text or terminal.process.returncode not in (0, 128 + signal.SIGINT):
        raise Failed(f"make demo ended with code {terminal.process.returncode} after Ctrl-C; see {system.log}.")
    if left := re.findall(r"LEFT BEHIND: (.*\S)", terminal.text):
        raise Failed(f"make demo left this behind after Ctrl-C: {'; '.join(left)}.")


def _overview(address: str, user: str, password: str) -> str:
    """The first page after signing in, by the form."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    form = browser.open(address, timeout=60).read().decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form)
    filled = {"username": user, "password": password, "csrfmiddlewaretoken": token[1] if token else ""}
    data = urllib.parse.urlencode(filled).encode()
    return str(browser.open(f"{address}/login/?next=/", data, timeout=60).read().decode())


def _has_more_frames(access: ApiClient, device: str, than: int) -> bool:
    return _frames(access, device) > than


def _frames(access: ApiClient, device: str) -> int:
    buckets = access.get(f"engagement/?device={device}&bucket=hour")
    return sum(bucket["frames"] for bucket in buckets)


def _free_port() -> int:
    """One that is free on this machine, as are those above it at which the cameras' streams are watched."""
    while True:
        port = random.randrange(20_000, 30_000)
        with suppress(OSError):
            for each in (port, *range(port + 90, port + 94)):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", each))
            return port


if __name__ == "__main__":
    sys.exit(main())
