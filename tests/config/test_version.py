"""One version for the platform, the agent and the package, shown wherever somebody may ask for it."""

import subprocess
import sys
import tomllib

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from edge_agent.release import VERSION
from tests.house.files import ROOT


def test_the_package_and_the_program_have_one_version() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION == settings.VERSION


@pytest.mark.parametrize("command", [["manage.py"], ["-m", "edge_agent"]])
def test_a_command_tells_its_version(command: list[str]) -> None:
    done = subprocess.run([sys.executable, *command, "--version"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert VERSION in done.stdout


def test_pages_and_the_api_tell_the_version_to_those_who_have_signed_in(client: Client, viewer: User) -> None:
    assert VERSION not in client.get(reverse("account_login")).content.decode()
    client.force_login(viewer)
    assert f"Headcount {VERSION}" in client.get(reverse("overview")).content.decode()
    assert client.get(reverse("schema"), headers={"accept": "application/json"}).json()["info"]["version"] == VERSION
