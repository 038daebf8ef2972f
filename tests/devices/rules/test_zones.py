"""Local time is that of the pinned zone data, whatever the machine's say."""

import datetime as dt
import importlib.resources
import os
import subprocess
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command

from devices.rules import zones
from tests.house.files import ROOT

MONTHS = [dt.datetime(2026, month, 1, 12, tzinfo=dt.UTC) for month in range(1, 13)]
SAY_HOURS = (
    "import datetime as dt; from devices.models import Site; zone = Site(timezone='America/Havana').zone; "
    "print(*(dt.datetime(2026, month, 1, 12, tzinfo=dt.UTC).astimezone(zone) for month in range(1, 13)), sep='\\n')"
)


def pinned(name: str) -> ZoneInfo:
    """A zone, read from the package without asking where zones are looked for."""
    with importlib.resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


@pytest.mark.parametrize("machine", ["Asia/Kathmandu", None], ids=["other rules", "no rules"])
def test_a_site_has_the_hours_of_the_pinned_data_on_any_machine(tmp_path: Path, machine: str | None) -> None:
    """Whether the machine takes Havana for Kathmandu, or knows no zone at all."""
    (tmp_path / "America").mkdir()
    if machine:
        zone = importlib.resources.files("tzdata").joinpath("zoneinfo", *machine.split("/")).read_bytes()
        (tmp_path / "America" / "Havana").write_bytes(zone)
    environment = os.environ | {"PYTHONTZPATH": str(tmp_path), "DEBUG": "true"}
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", SAY_HOURS]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.stdout.splitlines() == [str(moment.astimezone(pinned("America/Havana"))) for moment in MONTHS]


@pytest.mark.django_db
def test_health_names_the_edition_of_the_rules(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("health")
    assert f"ok   time zones: rules of {zones.VERSION}\n" in capsys.readouterr().out
