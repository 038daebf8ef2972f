"""`headcount-agent`: sets a camera box up, runs the agent, and finds cameras on the network."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from edge_agent import config as configuration
from edge_agent.config import ConfigError
from edge_agent.delivery.platform_client import PlatformError
from edge_agent.release import software
from edge_agent.setup.claiming import ClaimError, claim
from edge_agent.setup.launcher import run
from edge_agent.setup.onvif import find_cameras

FOLDER, STATE = Path("/etc/headcount"), Path("/var/lib/headcount")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns 0 if it succeeded, and 2 where it did not: one sentence on stderr says why."""
    parser = argparse.ArgumentParser(prog="headcount-agent", description=__doc__)
    parser.add_argument("--version", action="version", version=software())
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    claims = actions.add_parser("claim", help="exchange a claim code for the box's credentials and settings")
    claims.add_argument("address", help="the platform, such as https://headcount.example.com")
    claims.add_argument("code", help="the code that the page of the new camera shows")
    claims.add_argument("--folder", type=Path, default=FOLDER, help="where to write agent.toml (%(default)s)")
    claims.add_argument("--state", type=Path, default=STATE, help="folder of models and outbox (%(default)s)")
    runs = actions.add_parser("run", help="run the agent, and update it when the platform says so")
    runs.add_argument("--config", type=Path, default=FOLDER / "agent.toml", help="(%(default)s)")
    actions.add_parser("find", help="list the ONVIF cameras on the network of this box")
    options = parser.parse_args(arguments)
    try:
        match options.action:
            case "claim":
                path = claim(options.address, options.code, folder=options.folder, state=options.state)
                print(f"This box is set up; its configuration is {path}.")
            case "run":
                return run(configuration.load(options.config, os.environ), options.config)
            case "find":
                return _find()
    except (ClaimError, ConfigError, PlatformError) as error:
        print(f"headcount-agent: {error}", file=sys.stderr)
        return 2
    return 0


def _find() -> int:
    try:
        cameras = find_cameras()
    except OSError as error:
        print(f"headcount-agent: the network cannot be asked for cameras: {error.strerror or error}.", file=sys.stderr)
        return 2
    for camera in cameras:
        print(f"{camera.host:15}  {camera.name or '(no name)'}  {camera.hardware}".rstrip())
    if not cameras:
        print("No ONVIF camera answered. Cameras elsewhere, and cameras with ONVIF switched off, do not answer.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
