"""The version of the agent, as its status reports it and as the platform serves it."""

import importlib.metadata

VERSION = "0.1.0"
"""The version of the release. The platform adds a part that identifies the wheel's content."""

DISTRIBUTION = "headcount-edge-agent"


def installed_version() -> str:
    """Return the version of the installed wheel; of a checkout, `VERSION`."""
    try:
        return importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return VERSION


def software() -> str:
    """Return name and version, such as “headcount-edge-agent 0.1.0+3f2a91bc”."""
    return f"{DISTRIBUTION} {installed_version()}"
