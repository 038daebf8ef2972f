"""The surroundings of a platform that is measured."""

import secrets
from pathlib import Path


def environment(folder: Path) -> dict[str, str]:
    """As in production, but for HTTPS, with its data in this folder: while DEBUG is on, Django keeps every query.

    Whatever serves pages has to collect the static files first.
    """
    return {
        "DATA_DIR": str(folder),
        "DEBUG": "false",
        "HTTPS": "false",
        "SECRET_KEY": secrets.token_urlsafe(64),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "LOG_LEVEL": "ERROR",
    }
