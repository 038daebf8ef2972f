"""Other programs read what Headcount serves, each in the version that docs/clients.md names."""

import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars
import pytest

from benchmarks.tools import nodered
from edge_agent.stream.server import StreamServer
from tests import clock
from tests.deploy.stack import DEPLOY, HOST, Stack, moved
from tests.deploy.test_stack import connected, publisher
from tests.house.files import ROOT
from tests.programs.brokers import free_port, listens

OPENAPI_TYPESCRIPT, TYPESCRIPT = "openapi-typescript@7.13.0", "typescript@5.9.3"
OPENAPI_PYTHON_CLIENT = "openapi-python-client==0.29.1"

WALL = """
from django.contrib.auth.models import User
from analytics.features.galaxy.serving.services import create_wall_token
from devices.models import Site
site = Site.objects.get(slug="seattle")
site.latitude, site.longitude = 47.6, -122.3
site.save()
print(create_wall_token(name="clients", sites=[site], by=User.objects.get(username="admin"))[1])
"""
SEEN = b"""{"id": "clients", "frames": [{"taken_at": %d, "faces": [{"confidence": 0.9, "box": [1, 2, 30, 40]}],
"objects": [{"label": "cup", "confidence": 0.5}]}]}"""

pytestmark = [pytest.mark.real_clock, pytest.mark.timeout(900)]

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")


def run(*command: str | Path, folder: Path | None = None, more: dict[str, str] | None = None) -> str:
    """Run another program and return its output. Fails with its words."""
    done = subprocess.run(
        [*map(str, command)], cwd=folder, env=os.environ | (more or {}), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def seen(stack: Stack, token: str) -> int:
    """The number of detections that the API has, at least a face and a cup."""
    with connected(stack, "lobby-1", "one") as camera:
        publisher(camera)("dt/headcount/lobby-1/frames", SEEN % clock.epoch_ms())
    stack.wait(lambda: bool(detections(stack, token)), "the detections")
    return len(detections(stack, token))


def detections(stack: Stack, token: str) -> list[bytes]:
    """Return the lines of the export, without the head."""
    return fetched(stack, token, "/api/v1/detections/?format=csv").splitlines()[1:]


def fetched(stack: Stack, token: str, path: str) -> bytes:
    status, _, body = stack.get(path, {"Authorization": f"Token {token}"})
    assert status == 200, body
    return bytes(body)


@pytest.fixture(scope="module")
def schema(stack: Stack, token: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("schema") / "schema.json"
    file.write_bytes(fetched(stack, token, "/api/schema/?format=json"))
    return file


def test_the_page_of_clients_names_the_versions_that_are_tested() -> None:
    text = (ROOT / "docs" / "clients.md").read_text()
    pinned = [OPENAPI_TYPESCRIPT, OPENAPI_PYTHON_CLIENT, *nodered.PACKAGES[:1]]
    versions = {each.replace("==", "@").split("@")[0]: each.replace("==", "@").split("@")[1] for each in pinned}
    versions |= {module.__name__: module.__version__ for module in (duckdb, polars, pd)}
    assert {name: version for name, version in versions.items() if version not in text} == {}


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_duckdb_polars_and_pandas_read_an_export(
    stack: Stack, token: str, seen: int, tmp_path: Path, kind: str
) -> None:
    file = tmp_path / f"detections.{kind}"
    file.write_bytes(fetched(stack, token, f"/api/v1/detections/?format={kind}"))
    by_label = duckdb.execute(f"SELECT label, count(*), max(taken_at) FROM '{file}' GROUP BY label").fetchall()
    read_by_polars = polars.read_parquet(file) if kind == "parquet" else polars.read_csv(file)
    read_by_pandas = pd.read_parquet(file) if kind == "parquet" else pd.read_csv(file, encoding="utf-8-sig")
    assert sum(row[1] for row in by_label) == len(read_by_polars) == len(read_by_pandas) == seen
    assert (
        {"cup", "face"} <= {row[0] for row in by_label} == set(read_by_polars["label"]) == set(read_by_pandas["label"])
    )


def test_gdal_reads_the_kml_of_a_wall(stack: Stack, seen: int, tmp_path: Path) -> None:
    wall = stack.manage("shell", "--no-imports", "-c", WALL).split()[-1]
    status, headers, body = stack.get(f"/wall/t/{wall}/kml/engagement.kml")
    assert (status, headers["Access-Control-Allow-Origin"]) == (200, "*")
    file = tmp_path / "engagement.kml"
    file.write_bytes(body)
    layers = json.loads(run("ogr2ogr", "-f", "GeoJSON", "/vsistdout/", file))
    ((left, bottom),) = {tuple(np.round(position(feature["geometry"]), 0)) for feature in layers["features"]}
    assert (left, bottom) == (-122, 48)


def position(geometry: dict[str, Any]) -> list[float]:
    """Return the longitude and latitude of the first point of a geometry."""
    found: Any = geometry.get("geometries", [geometry])[0]["coordinates"]
    while isinstance(found[0], list):
        found = found[0]
    return list(found[:2])


@needs_npm
def test_typescript_accepts_the_types_that_openapi_typescript_makes(schema: Path, tmp_path: Path) -> None:
    run("npm", "install", "--no-audit", "--no-fund", "--silent", OPENAPI_TYPESCRIPT, TYPESCRIPT, folder=tmp_path)
    run("npx", "openapi-typescript", schema, "-o", "api.d.ts", folder=tmp_path)
    (tmp_path / "use.ts").write_text(
        'import type { paths } from "./api";\n'
        'type Sites = paths["/api/v1/sites/"]["get"]["responses"][200]["content"]["application/json"];\n'
        "export const slug = (sites: Sites): string => sites.results[0].slug;\n"
    )
    run("npx", "tsc", "--strict", "--noEmit", "use.ts", folder=tmp_path)


def test_the_client_that_openapi_python_client_makes_lists_sites(
    stack: Stack, token: str, schema: Path, tmp_path: Path
) -> None:
    packages = tmp_path / "packages"
    run(sys.executable, "-m", "pip", "install", "--quiet", "--target", packages, OPENAPI_PYTHON_CLIENT)
    here = {"PYTHONPATH": str(packages), "PATH": f"{packages / 'bin'}:{os.environ['PATH']}"}
    command: list[str | Path] = [
        "openapi_python_client",
        "generate",
        "--path",
        schema,
        "--meta",
        "none",
        "--output-path",
        "client",
    ]
    run(sys.executable, "-m", *command, folder=tmp_path, more=here)
    (sites,) = (tmp_path / "client" / "api").glob("*/*sites_list.py")
    use = (
        "import ssl\n"
        "from client import AuthenticatedClient\n"
        f"from client.api.{sites.parent.name}.{sites.stem} import sync\n"
        f"trust = ssl.create_default_context(cafile={str(stack.tls / 'fullchain.pem')!r})\n"
        f"address = 'https://localhost:{stack.https}'\n"
        f"client = AuthenticatedClient(address, {token!r}, prefix='Token', verify_ssl=trust)\n"
        "print(*(site.slug for site in sync(client=client).results))\n"
    )
    assert "seattle" in run(sys.executable, "-c", use, folder=tmp_path, more=here).split()


def test_prometheus_reads_the_metrics(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("metrics-token")
    port = free_port()
    config = moved(
        (DEPLOY / "monitoring" / "prometheus.yml").read_text(),
        {
            "scrape_interval: 30s": f"scrape_interval: 1s\n    tls_config: {{ca_file: {stack.tls / 'fullchain.pem'}}}",
            "/etc/prometheus/headcount-token": f"{tmp_path / 'token'}",
            "[headcount.example.com]": f"['localhost:{stack.https}']",
            "/etc/prometheus/headcount-rules.yml": str(DEPLOY / "monitoring" / "headcount-rules.yml"),
        },
    )
    (tmp_path / "prometheus.yml").write_text(config)
    options = [f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data"]
    with background("prometheus", *options, f"--web.listen-address=127.0.0.1:{port}") as log:
        stack.wait(lambda: listens(port), "Prometheus")

        def value(query: str) -> list[str]:
            address = f"http://127.0.0.1:{port}/api/v1/query?query={query}"
            with suppress(urllib.error.HTTPError), urllib.request.urlopen(address) as answer:
                return [each["value"][1] for each in json.loads(answer.read())["data"]["result"]]
            return []  # while Prometheus starts

        stack.wait(lambda: value("up") == ["1"], f"the metrics: {log.read_text()[-500:]}")
        stack.wait(lambda: bool(value("headcount_device_online")), "a metric of a camera")


@contextmanager
def background(*command: str) -> Iterator[Path]:
    """Run a program until the block ends, and yield the file of its output."""
    folder = Path(command[1].partition("=")[2]).parent
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        yield log
    finally:
        process.terminate()
        process.wait()


def test_ffmpeg_reads_the_stream_of_a_box(tmp_path: Path) -> None:
    server = StreamServer("127.0.0.1", 0)
    try:
        server.publish(np.full((120, 160, 3), 200, np.uint8))
        picture = tmp_path / "picture.png"
        run("ffmpeg", "-loglevel", "error", "-i", f"http://127.0.0.1:{server.port}/", "-frames:v", "1", picture)
    finally:
        server.close()
    assert picture.read_bytes().startswith(b"\x89PNG")


@needs_npm
def test_a_flow_of_node_red_reads_the_numbers_of_today(stack: Stack, token: str, tmp_path: Path) -> None:
    assert nodered.install(tmp_path) is None
    flow = json.loads((ROOT / "docs" / "node-red-flow.json").read_text())
    result = tmp_path / "today.json"
    for node in flow:
        if node["type"] == "http request":
            node["url"] = node["url"].replace(HOST, f"localhost:{stack.https}")
    (debug,) = [node for node in flow if node["type"] == "debug"]
    debug |= {"type": "file", "filename": str(result), "filenameType": "str", "overwriteFile": "true"}
    (tmp_path / "flows.json").write_text(json.dumps(flow))
    port = free_port()
    (tmp_path / "settings.js").write_text(
        f'module.exports = {{flowFile: "flows.json", uiHost: "127.0.0.1", uiPort: {port}, credentialSecret: false}};'
    )
    trust = {"NODE_EXTRA_CA_CERTS": str(stack.tls / "fullchain.pem"), "HEADCOUNT_TOKEN": token}
    command = ["node", "node_modules/node-red/red.js", "--userDir", ".", "--settings", "settings.js"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=tmp_path, env=os.environ | trust, stdout=log, stderr=log)
    try:
        stack.wait(result.exists, f"Node-RED's file: {(tmp_path / 'log').read_text()[-500:]}")
        stack.wait(lambda: bool(result.read_text()), "its contents")
    finally:
        process.terminate()
        process.wait()
    assert json.loads(result.read_text())["results"][0]["site"] == "seattle"
