"""What cannot be started here is verified by its own checker: units, manifests, the compose file, rules, dashboard."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from django.conf import settings
from django.urls import reverse

from learning.datasets.uploads import MAX_UPLOAD_BYTES
from tests.deploy.stack import DEPLOY, Stack, moved, program_of
from tests.house.files import ROOT
from tests.programs.brokers import free_port, listens

UNITS = sorted((DEPLOY / "systemd").iterdir())
MONITORING = DEPLOY / "monitoring"


def checked(*command: str | Path, folder: Path | None = None) -> str:
    """Run a checker and return its output. Fails with its words if it finds a fault."""
    done = subprocess.run([*map(str, command)], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_systemd_accepts_every_unit(tmp_path: Path) -> None:
    # The programs and the account are not installed here; systemd checks all else.
    program = shutil.which("true")
    assert program
    for unit in (*UNITS, ROOT / "edge_agent" / "setup" / "headcount-agent.service"):
        text = re.sub(r"^(Exec\w+)=/opt\S+", rf"\1={program}", unit.read_text(), flags=re.MULTILINE)
        (tmp_path / unit.name).write_text(text.replace("User=headcount", "User=daemon"))
    said = checked("systemd-analyze", "verify", "--man=no", *sorted(tmp_path.iterdir()))
    assert [line for line in said.splitlines() if str(tmp_path) in line or "headcount" in line] == []


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.suffix == ".service"], ids=lambda unit: unit.name)
def test_a_service_may_write_in_its_own_folder_only(unit: Path) -> None:
    lines = unit.read_text().splitlines()
    hardening = {"ProtectSystem=strict", "ProtectHome=true", "NoNewPrivileges=true", "UMask=0077", "User=headcount"}
    assert hardening - set(lines) == set()


def manifests() -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = yaml.safe_load((DEPLOY / "kubernetes" / "headcount.yaml").read_text())["items"]
    return items


@pytest.mark.parametrize("manifest", manifests(), ids=lambda each: f"{each['kind']} {each['metadata']['name']}")
def test_kubernetes_accepts_every_manifest(manifest: dict[str, Any]) -> None:
    kubernetes_validate.validate(manifest, "1.33", strict=True)


def test_the_compose_file_follows_the_specification() -> None:
    program = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    checked(*program, DEPLOY / "container" / "compose.yaml")


def test_kubernetes_and_the_compose_file_run_the_commands_of_the_units() -> None:
    units = [unit.read_text() for unit in UNITS]
    lines = [line for unit in units for line in unit.splitlines() if line.startswith("ExecStart=")]
    ran = {line.partition("=")[2].rpartition("/opt/headcount/")[2] for line in lines}
    programs = {command.replace(".venv/bin/python ", "").replace(".venv/bin/", "") for command in ran} - {
        "deploy/build"
    }
    composed = yaml.safe_load((DEPLOY / "container" / "compose.yaml").read_text())["services"]
    ours = {name: service for name, service in composed.items() if service["image"] == "headcount:latest"}
    assert {" ".join(service["command"]).removeprefix("python3 ") for service in ours.values()} == programs
    pods = [each["spec"]["template"]["spec"] for each in manifests() if "template" in each.get("spec", {})]
    started = {" ".join(pod["containers"][0]["command"]).removeprefix("python3 ") for pod in pods}
    assert {command.split(" --share")[0].split(" --shard")[0] for command in started} == programs


@pytest.mark.real_clock
def test_nginx_accepts_what_the_compose_file_gives_it(stack: Stack) -> None:
    site = (stack.folder / "nginx" / "headcount.conf").read_text()
    upstream = composed_text("upstream").replace("web:8000", "127.0.0.1:8000")
    (stack.folder / "nginx" / "composed.conf").write_text(upstream + site[site.index("map $uri $headcount_place") :])
    main = moved((stack.folder / "nginx" / "nginx.conf").read_text(), {"/headcount.conf": "/composed.conf"})
    file = stack.folder / "nginx" / "composed-main.conf"
    file.write_text(main)
    assert "test is successful" in checked(program_of("nginx"), "-t", "-c", file)


@pytest.mark.real_clock
def test_mosquitto_starts_with_what_the_compose_file_gives_it(stack: Stack, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    inside, outside = free_port(), free_port()
    (tmp_path / "conf.d").mkdir()
    of_machine = (stack.folder / "mosquitto" / "conf.d" / "headcount.conf").read_text()
    (tmp_path / "conf.d" / "headcount.conf").write_text(
        moved(of_machine, {f"listener {stack.mqtt}": f"listener {outside}"})
    )
    places = {"/mosquitto/data/": f"{tmp_path}/", "listener 1883": f"listener {inside} 127.0.0.1"}
    file = tmp_path / "mosquitto.conf"
    file.write_text(moved(composed_text("mosquitto"), {**places, "/etc/mosquitto/conf.d": f"{tmp_path}/conf.d"}))
    with subprocess.Popen([program_of("mosquitto"), "-c", file]) as broker:
        try:
            stack.wait(lambda: listens(inside) and listens(outside), "Mosquitto on both listeners")
        finally:
            broker.terminate()


def composed_text(name: str) -> str:
    """Return a configuration that stands in the compose file itself."""
    text: str = yaml.safe_load((DEPLOY / "container" / "compose.yaml").read_text())["configs"][name]["content"]
    return text


def test_nginx_lets_in_what_headcount_takes() -> None:
    text = (DEPLOY / "nginx" / "headcount.conf").read_text()
    ordinary, uploads = (int(size) * 2**20 for size in re.findall(r"client_max_body_size (\d+)m;", text))
    assert (ordinary, uploads) == (settings.DATA_UPLOAD_MAX_MEMORY_SIZE, MAX_UPLOAD_BYTES)
    (pattern,) = re.findall(r"location ~ (\S+)", text)
    for address in (reverse("dataset-import", args=[17]), reverse("data-set-import", args=[17])):
        assert re.match(pattern, address)


def test_the_image_contains_every_floor_but_the_demo() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    floors = {"platform" if name == "config" else name for name in contracts["root_packages"]} - {"demo"}
    text = (DEPLOY / "container" / "Containerfile").read_text()
    assert floors <= set(re.findall(r"^COPY (\w+) \1$", text, re.MULTILINE))


def test_prometheus_accepts_the_configuration_and_the_alerts_fire_when_they_should() -> None:
    checked("promtool", "check", "config", "--syntax-only", MONITORING / "prometheus.yml")
    checked("promtool", "check", "rules", MONITORING / "headcount-rules.yml")
    checked("promtool", "test", "rules", "headcount-rules-test.yml", folder=MONITORING)


def alerts(file: str) -> set[str]:
    return set(re.findall(r"(?:alert|alertname): (\w+)", (MONITORING / file).read_text()))


def test_every_alert_is_tested() -> None:
    assert alerts("headcount-rules.yml") == alerts("headcount-rules-test.yml")


def expressions() -> list[str]:
    rules = yaml.safe_load((MONITORING / "headcount-rules.yml").read_text())["groups"]
    panels = json.loads((MONITORING / "grafana-dashboard.json").read_text())["panels"]
    of_rules = [rule["expr"] for group in rules for rule in group["rules"]]
    return of_rules + [target["expr"] for panel in panels for target in panel["targets"]]


def test_prometheus_can_read_every_query_of_the_dashboard(tmp_path: Path) -> None:
    rules = [{"record": f"query:{number}", "expr": text} for number, text in enumerate(expressions())]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    checked("promtool", "check", "rules", file)


def test_grafana_knows_every_field_of_the_dashboard() -> None:
    from grafana_foundation_sdk.models import dashboard

    stored = json.loads((MONITORING / "grafana-dashboard.json").read_text())
    read = json.loads(json.dumps(dashboard.Dashboard.from_json(stored), default=lambda value: value.to_json()))
    assert [panel["title"] for panel in read["panels"]] == [panel["title"] for panel in stored["panels"]]
    unknown = [set(panel) - set(known) for panel, known in zip(stored["panels"], read["panels"], strict=True)]
    assert [fields for fields in unknown if fields] == []


@pytest.mark.real_clock
def test_the_platform_has_every_metric_that_alerts_and_dashboard_use(stack: Stack, token: str) -> None:
    _, _, body = stack.get("/metrics", {"Authorization": "Bearer metrics-token"})
    described = set(re.findall(r"^# TYPE (\w+)", body.decode(), re.MULTILINE))
    # Present once a certificate, a Rekognition account or weeks of history are.
    described |= {"headcount_certificate_seconds", "headcount_expected_devices", "headcount_expected_devices_sending"}
    used = {name for text in expressions() for name in re.findall(r"\bheadcount_\w+", text)}
    assert used - described == set()


@pytest.mark.real_clock
def test_prometheus_accepts_what_the_platform_says(stack: Stack, token: str) -> None:
    _, _, body = stack.get("/metrics", {"Authorization": "Bearer metrics-token"})
    done = subprocess.run(["promtool", "check", "metrics"], input=body, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
