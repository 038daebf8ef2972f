"""Tests get the time from `tests.clock` alone, so that they hold on any day."""

import ast
import datetime as dt
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from tests import clock
from tests.clock import SetClock
from tests.house.files import ROOT, project_files

AHEAD = ROOT / "tests" / "ahead"
ALLOWED = {ROOT / "tests" / "clock.py", AHEAD / "sitecustomize.py", Path(__file__).resolve()}

READS = {
    *("timezone.now", "timezone.localdate", "timezone.localtime"),
    *("datetime.now", "datetime.today", "datetime.utcnow", "date.today"),
    *("time.time", "time.time_ns", "time.localtime", "time.gmtime"),
}
"""Functions that return the machine's time, as the last two parts of their dotted names."""


def reads(source: str) -> Iterator[str]:
    """Yield the line and name of each read of the machine's time, including names in strings."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            names = [ast.unparse(node)]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{each.name}" for each in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = [node.value]
        else:
            continue
        yield from (f"{node.lineno}: {name}" for name in names if ".".join(name.split(".")[-2:]) in READS)


def test_no_test_asks_the_machine_for_the_time() -> None:
    paths = [path for path in project_files(ROOT / "tests", ".py") if path not in ALLOWED]
    found = [f"{path.relative_to(ROOT)}:{read}" for path in paths for read in reads(path.read_text())]
    assert found == [], "use tests.clock: NOW, now() or set_clock"


@pytest.mark.parametrize(
    "line",
    [
        "dt.datetime.now(dt.UTC)",
        "datetime.now()",
        "dt.date.today()",
        "timezone.now()",
        "time.time()",
        "from time import time",
        "clock = timezone.now",
        'monkeypatch.setattr("django.utils.timezone.now", lambda: NOON)',
    ],
)
def test_each_way_of_asking_is_noticed(line: str) -> None:
    assert len(list(reads(line))) == 1


@pytest.mark.parametrize("line", ["clock.now()", "time.monotonic()", "time.sleep(1)", "path.stat().st_mtime"])
def test_what_does_not_ask_is_left_alone(line: str) -> None:
    assert list(reads(line)) == []


def at_import(tree: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls that are made while a module is imported: those outside of functions, and in their signatures."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            signature = [
                *node.args.defaults,
                *filter(None, node.args.kw_defaults),
                *getattr(node, "decorator_list", []),
            ]
            yield from at_import(ast.Module([ast.Expr(each) for each in signature], []))
        else:
            if isinstance(node, ast.Call):
                yield node
            yield from at_import(node)


def asked_at_import(source: str) -> list[str]:
    """Return what asks for the time while the module is imported, and so outside of every test's clock."""
    asked = [ast.unparse(call.func).split(".") for call in at_import(ast.parse(source))]
    return [".".join(name) for name in asked if ".".join(name[-2:]) in READS or name[-1] in ("now", "epoch_ms")]


def test_no_module_asks_for_the_time_while_it_is_imported() -> None:
    paths = [path for path in project_files(ROOT, ".py") if path != AHEAD / "sitecustomize.py"]
    found = [f"{path.relative_to(ROOT)}: {name}" for path in paths for name in asked_at_import(path.read_text())]
    assert found == [], "tests/runs.py takes it that the tests of these modules are the same on each day"


@pytest.mark.parametrize(
    "line", ["SINCE = clock.now()", "def f(at=dt.datetime.now(dt.UTC)): ...", "@at(epoch_ms())\ndef f(): ..."]
)
def test_each_way_of_asking_at_import_is_noticed(line: str) -> None:
    assert len(asked_at_import(line)) == 1


@pytest.mark.parametrize("line", ["def f(): return clock.now()", "f = lambda: now()", "START = dt.time()"])
def test_what_is_asked_for_later_is_left_alone(line: str) -> None:
    assert asked_at_import(line) == []


def test_a_test_begins_at_the_same_moment_whatever_the_day(superuser: User) -> None:
    assert 0 <= (clock.now() - clock.NOW).total_seconds() < 60
    assert clock.NOW <= superuser.date_joined <= clock.now()


def test_the_clock_can_be_stopped_at_a_moment(set_clock: SetClock) -> None:
    set_clock(clock.NOW.replace(year=2031))
    assert clock.now() == clock.now() == clock.NOW.replace(year=2031)


def test_one_test_does_not_stop_the_next_ones_clock() -> None:
    assert clock.now().year == clock.NOW.year
    assert clock.now() < clock.now()


def test_a_program_and_those_it_starts_can_live_ahead() -> None:
    say = "import datetime; print(datetime.datetime.now(datetime.UTC).isoformat())"
    start = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {say!r}], check=True)"
    here = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "SECONDS_AHEAD")}
    ahead = here | {"PYTHONPATH": str(AHEAD), "SECONDS_AHEAD": "31536000"}
    now, later, latest = (told_by(code, env) for code, env in ((say, here), (say, ahead), (start, ahead)))
    assert now + dt.timedelta(days=365) < later < latest < now + dt.timedelta(days=366)


def told_by(code: str, environment: dict[str, str]) -> dt.datetime:
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return dt.datetime.fromisoformat(done.stdout.strip())
