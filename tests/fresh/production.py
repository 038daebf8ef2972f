"""Follows “One machine” of docs/production.md on a bare Debian, as an operator would.

The commands of the page are run as they stand, except for what `GIVEN` replaces. A bare system has no systemd: a small
`systemctl` in its place runs the commands of the units. The servers run in a network of their own, so that their ports
are free.
"""

import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from tests.fresh.steps import Failed, step
from tests.fresh.systems import ROOT, System

PAGE = ROOT / "docs" / "production.md"
HOST, PASSWORD = "headcount.example.com", "only-for-this-test"
INSTALLED_WITHIN, SERVED_WITHIN = 3600.0, 1800.0
"""Seconds, on a busy machine."""

TYPED = f"printf '%s\\n' {PASSWORD} {PASSWORD} | "
"""What somebody types who is asked for a new password, and again."""

GIVEN = {
    "apt-get install ": "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq ",
    "<address of the repository>": "/root/headcount.bundle",
    "runuser -u postgres -- createuser": f"{TYPED}runuser -u postgres -- createuser",
    "mosquitto_passwd /etc": f"{TYPED}mosquitto_passwd /etc",
    "manage.py createsuperuser": "manage.py createsuperuser --no-input --username admin --email admin@example.com",
}
"""What an operator replaces, answers or types, for the words that the page has instead."""

SYSTEMCTL = """#!/bin/bash
# Runs what the units say, without systemd.
case "$*" in
    "restart mosquitto")
        install -d -o mosquitto /var/log/mosquitto /run/mosquitto
        mosquitto --daemon -c /etc/mosquitto/mosquitto.conf ;;
    daemon-reload) ;;
    "enable --now headcount.target")
        set -ea
        . /etc/headcount/headcount.env
        cd /opt/headcount
        commands() { sed -n 's/^ExecStart=//p' "/etc/systemd/system/headcount-$1.service"; }
        commands prepare | while read -r command; do runuser -u headcount -- $command </dev/null; done
        for unit in web ingest workers notify players; do
            runuser -u headcount -- $(commands $unit) >"/var/log/headcount-$unit.log" 2>&1 &
        done ;;
    *) echo "There is no systemctl $*." >&2; exit 1 ;;
esac
"""

PREPARED = f"""
set -e
install -d /etc/headcount/tls
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN={HOST} -addext subjectAltName=DNS:{HOST} \\
    -keyout /etc/headcount/tls/privkey.pem -out /etc/headcount/tls/fullchain.pem 2>/dev/null
install -m 0600 /opt/headcount/deploy/headcount.env /etc/headcount/headcount.env
sed -i 's/^SECRET_KEY=$/&{secrets.token_urlsafe(64)}/; s/PASSWORD/{PASSWORD}/' /etc/headcount/headcount.env
echo MQTT_CA_FILE=/etc/headcount/tls/fullchain.pem >>/etc/headcount/headcount.env
echo '127.0.0.1 localhost {HOST}' >/etc/hosts
install -d -o headcount -g headcount -m 0700 /var/lib/headcount
(set -a && . /etc/headcount/headcount.env && runuser -u headcount -- /opt/headcount/deploy/build)
"""
"""The prose of the page: the certificate and the filled-in settings. `deploy/build` needs the registries' network."""

LOOKED_AT = f"""
cp /opt/headcount/deploy/nginx/* /etc/nginx/conf.d/ && nginx
for attempt in $(seq 120); do
    curl -sf --cacert /etc/headcount/tls/fullchain.pem https://{HOST}/healthz && break
    sleep 2
done
curl -sf --cacert /etc/headcount/tls/fullchain.pem https://{HOST}/accounts/login/ | grep -q csrfmiddlewaretoken
"""

OWN_NETWORK = """
unshare --net bash -euc '
python3 -c "import fcntl, socket, struct
fcntl.ioctl(socket.socket(), 0x8914, struct.pack(\\"16sh14x\\", b\\"lo\\", 0x41))"  # SIOCSIFFLAGS: loopback is up
. /root/steps.sh'
"""


def follow_production(system: System) -> None:
    """Install and run the platform as the page says, and look at it. Raises `Failed` if a step fails."""
    install, *others, account = blocks(PAGE)
    with step("docs/production.md: the installation"):
        system.run(given(install) + PREPARED, "the installation", INSTALLED_WITHIN)
    root = Path(system.root)
    (root / "usr/local/bin/systemctl").write_text(SYSTEMCTL)
    (root / "usr/local/bin/systemctl").chmod(0o755)
    started = "pg_ctlcluster $(pg_lsclusters -h | awk '{print $1, $2}') start\n"
    password = f"export DJANGO_SUPERUSER_PASSWORD={PASSWORD}\n"
    steps = [started, *map(given, others), LOOKED_AT, password, given(account)]
    (root / "root/steps.sh").write_text("set -e\n" + "\n".join(steps))
    with step("docs/production.md: the servers, the first page and health"):
        system.run("apt-get install -y -qq curl\n" + OWN_NETWORK, "the servers", SERVED_WITHIN)


def blocks(page: Path) -> list[str]:
    """Return the commands of the page's “One machine”, block by block. Raises `Failed` if they have changed."""
    section = page.read_text().partition("## One machine\n")[2].partition("\n## ")[0]
    found = re.findall(r"^ *```\n(.*?)^ *```", section, re.DOTALL | re.MULTILINE)
    if missing := [words for words in GIVEN if not any(words in block for block in found)]:
        raise Failed(f"{page.name} does not say “{missing[0]}” any more: adapt tests/fresh/production.py.")
    return found


def given(commands: str, replaced: Mapping[str, str] = GIVEN) -> str:
    """Return the commands with what an operator gives."""
    for words, own in replaced.items():
        commands = commands.replace(words, own)
    return commands
