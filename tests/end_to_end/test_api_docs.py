"""docs/api.md: what it shows runs, what it names is there, and nothing that is there goes unnamed."""

import datetime as dt
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pyarrow import parquet
from pytest_django.live_server_helper import LiveServer
from rest_framework.test import APIClient

from config.urls import router
from devices.models import Device
from devices.services import issue_api_token
from tests import clock
from tests.analytics.frames import count, seen
from tests.house.files import ROOT

TEXT = (ROOT / "docs" / "api.md").read_text()
TABLE = "\n".join(line for line in TEXT.split("## Which page")[1].splitlines() if line.startswith("|"))

FOR_DEVICES = {"messages", "claims", "agent", "device-models"}
"""What devices bring and fetch; no page shows it."""


def block(language: str) -> str:
    found = re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    assert len(found) == 1
    return str(found[0])


@pytest.fixture
def hours(seattle01: Device) -> dt.datetime:
    """Two hours of frames with two faces in the second, each with a cup; when that begins."""
    start = clock.now().replace(minute=0, second=0, microsecond=0) - dt.timedelta(hours=2)
    second = start + dt.timedelta(hours=1)
    count(seen(seattle01, start, faces=[], labels=[("cup", 0.9)]), seen(seattle01, second, faces=[0.9, 0.8]))
    return second


@pytest.mark.real_clock
@pytest.mark.django_db(transaction=True)
def test_the_python_example_runs(live_server: LiveServer, tmp_path: Path, hours: dt.datetime, viewer: User) -> None:
    token = issue_api_token(user=viewer, name="example")[1]
    settings = {"HEADCOUNT_URL": live_server.url, "HEADCOUNT_TOKEN": token}
    command = [sys.executable, "-c", block("python")]
    done = subprocess.run(command, env=os.environ | settings, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    site, thumbs = done.stdout.splitlines()
    assert site.startswith("Seattle: 1.00 people on average, most at ")
    assert dt.datetime.fromisoformat(site.rpartition(" ")[2]) == hours
    assert thumbs == "0 thumbs-up in all"
    assert parquet.read_table(tmp_path / "detections.parquet").num_rows == 1


def test_the_grafana_panel_reads_what_is_there(hours: dt.datetime, viewer: User) -> None:
    [target] = json.loads(block("json"))["targets"]
    client = APIClient()
    client.force_authenticate(viewer)
    rows = client.get(_in_grafana(target["url"])).json()
    assert isinstance(rows, list), "the panel has no root selector"
    kinds = {column["selector"]: column["type"] for column in target["columns"]}
    assert [kinds["start"], kinds["average_faces"]] == ["timestamp", "number"]
    told = {dt.datetime.fromisoformat(row["start"]): row["average_faces"] for row in rows}
    assert told[hours] == 2.0
    assert None in told.values(), "an hour without a camera is a gap"


def _in_grafana(url: str) -> str:
    """With the period of a dashboard, as Grafana writes it."""
    now = clock.now()
    for name, moment in (("from", now - dt.timedelta(days=1)), ("to", now)):
        iso = moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        url = url.replace(f"${{__{name}:date:iso}}", iso)
    assert "$" not in url
    return url


def test_the_data_source_shows_its_token_as_the_api_takes_it(viewer: User) -> None:
    told = block("yaml")
    assert "apiKeyKey: Authorization" in told
    scheme = re.search(r"apiKeyValue: (\w+) ", told)
    assert scheme is not None
    token = issue_api_token(user=viewer, name="Grafana")[1]
    assert APIClient().get("/api/v1/sites/", HTTP_AUTHORIZATION=f"{scheme[1]} {token}").status_code == 200


def addresses() -> list[str]:
    return sorted(set(re.findall(r"`([a-z-]+(?:/[a-z-]+|/\{id\})*/)", TABLE)))


def test_the_table_names_what_there_is(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    paths = client.get("/api/schema/?format=json").json()["paths"]
    assert len(addresses()) > 50
    assert {f"/api/v1/{address}" for address in addresses()} - paths.keys() == set()


def test_every_list_is_some_pages() -> None:
    named = {address.split("/")[0] for address in addresses()}
    assert {prefix for prefix, _, _ in router.registry} - FOR_DEVICES - named == set(), (
        "add it to the table in docs/api.md"
    )


@pytest.mark.django_db
def test_todays_numbers_are_those_of_the_overview(hours: dt.datetime, viewer: User) -> None:
    client = APIClient()
    client.force_authenticate(viewer)
    [today] = client.get("/api/v1/today/").json()["results"]
    assert (today["site"], today["device"], today["coffees"]) == ("seattle", "Seattle01", 0)
    assert set(today) > {"live", "average_faces", "peak_faces", "occupied_share", "coverage", "thumbs_up"}


@pytest.mark.django_db
def test_todays_numbers_are_the_own_sites_only(hours: dt.datetime, outsider: User) -> None:
    client = APIClient()
    client.force_authenticate(outsider)
    assert client.get("/api/v1/today/").json()["results"] == []
