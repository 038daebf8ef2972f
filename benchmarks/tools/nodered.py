"""A Node-RED with a minimal flow that inserts each MQTT message into PostgreSQL."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

PACKAGES = ("node-red@4.1.15", "pg@8.23.1")

INSERT = """
await global.get("pool").query("INSERT INTO node_red (topic, payload) VALUES ($1, $2)", [msg.topic, msg.payload]);
return msg;
"""
"""The body of the function node. The pool has ten connections, the default of `pg`."""


def install(folder: Path) -> str | None:
    """Install Node-RED into this folder with npm. Return a short reason for a failure, or None on success."""
    command = ["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(folder), *PACKAGES]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        return "npm is not installed"
    return f"npm could not install Node-RED: {done.stderr.strip()[:200]}" if done.returncode else None


@contextmanager
def running(folder: Path, *, mqtt_port: int, topic: str, database_url: str, port: int) -> Iterator[None]:
    """Run Node-RED with its flow until the block ends. Its MQTT session persists, so it receives waiting messages."""
    (folder / "flows.json").write_text(json.dumps(_flow(mqtt_port, topic)))
    (folder / "settings.js").write_text(_settings(port, database_url))
    program = folder / "node_modules" / "node-red" / "red.js"
    command = ["node", str(program), "--userDir", str(folder), "--settings", str(folder / "settings.js")]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _flow(mqtt_port: int, topic: str) -> list[dict[str, object]]:
    broker = {
        "id": "broker", "type": "mqtt-broker", "broker": "127.0.0.1", "port": str(mqtt_port), "clientid": "node-red",
        "autoConnect": True, "usetls": False, "protocolVersion": "4", "keepalive": "60", "cleansession": False,
    }  # fmt: skip
    mqtt_in = {
        "id": "in", "type": "mqtt in", "z": "tab", "broker": "broker", "topic": topic, "qos": "1", "inputs": 0,
        "datatype": "auto-detect", "wires": [["insert"]],
    }  # fmt: skip
    insert = {
        "id": "insert", "type": "function", "z": "tab", "func": INSERT,
        "outputs": 1, "wires": [[]],
    }  # fmt: skip
    return [{"id": "tab", "type": "tab", "label": "ingest"}, broker, mqtt_in, insert]


def _settings(port: int, database_url: str) -> str:
    parts = urlsplit(database_url)
    address = json.dumps({"host": unquote(parts.hostname or ""), "user": parts.username, "database": parts.path[1:]})
    return f"""
const {{Pool}} = require("pg");
module.exports = {{
    flowFile: "flows.json", uiHost: "127.0.0.1", uiPort: {port}, credentialSecret: false,
    functionGlobalContext: {{pool: new Pool({address})}},
    logging: {{console: {{level: "info"}}}},
}};
"""
