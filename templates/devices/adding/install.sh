#!/bin/sh
# Sets this box up as a Headcount camera:
#   curl -fsSL {{ script }} | sudo sh -s -- CODE SHA256
# With --user before CODE, the agent is installed for the present user alone, without a service and without root.
# Running the command again with a new code repairs an installation.
set -eu

fail() { echo "Headcount: $*" >&2; exit 1; }

install_packages() {
    command -v apt-get >/dev/null || return 0
    missing=
    for package in python3 python3-venv ca-certificates libgl1 libegl1 libgles2; do
        dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
    done
    # Debian 13 gave this package another name.
    dpkg -s libglib2.0-0 >/dev/null 2>&1 || dpkg -s libglib2.0-0t64 >/dev/null 2>&1 || missing="$missing libglib2.0-0"
    [ -n "$missing" ] || return 0
    echo "Installing$missing"
    apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

write_service() {
    cat >/etc/systemd/system/headcount-agent.service <<UNIT
[Unit]
Description=Headcount edge agent
Wants=network-online.target
After=network-online.target time-sync.target

[Service]
User=headcount
ExecStart=$home/venv/bin/headcount-agent run
Restart=always
RestartSec=5
TimeoutStopSec=15
SupplementaryGroups=video
StateDirectory=headcount
MemoryMax=1500M
NoNewPrivileges=true
ProtectSystem=strict
ProtectHome=true
PrivateTmp=true
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6

[Install]
WantedBy=multi-user.target
UNIT
    systemctl daemon-reload
    systemctl enable headcount-agent
    systemctl restart headcount-agent
}

main() {
    umask 022
    for_user=
    if [ "${1:-}" = --user ]; then for_user=yes; shift; fi
    [ $# -eq 2 ] || fail "give the code and the hash, as the page of the camera shows them."
    if [ -n "$for_user" ]; then
        home=${HOME:?}/.local/share/headcount folder=${HOME}/.config/headcount state=$home/state
    else
        [ "$(id -u)" = 0 ] || fail "run the command as root, with sudo; or give --user before the code."
        home=/opt/headcount folder=/etc/headcount state=/var/lib/headcount
        install_packages
    fi
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        fail "this box needs Python 3.11 or newer; Debian 12 and Raspberry Pi OS 12 have it."
    mkdir -p "$home"
    [ -x "$home/venv/bin/python" ] || python3 -m venv "$home/venv" ||
        fail "a virtual environment cannot be made: apt-get install python3-venv"
    echo "Installing the agent and its packages; this takes some minutes"
    "$home/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
        "headcount-edge-agent @ {{ wheel }}#sha256=$2" || fail "the agent could not be installed."
    umask 077
    "$home/venv/bin/headcount-agent" claim {{ address }} "$1" --folder "$folder" --state "$state" || exit 2
    if [ -n "$for_user" ]; then
        echo "Start the agent with: $home/venv/bin/headcount-agent run --config $folder/agent.toml"
        return
    fi
    id headcount >/dev/null 2>&1 || useradd --system --home-dir "$state" --shell /usr/sbin/nologin headcount
    chown -R headcount: "$folder" "$state"
    if [ -d /run/systemd/system ]; then
        write_service
        echo "The agent runs as the service headcount-agent. Watch the page of the camera."
    else
        echo "There is no systemd here. Start the agent with: $home/venv/bin/headcount-agent run"
    fi
}

main "$@"
