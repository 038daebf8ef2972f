"""The environment of a measured platform."""

import secrets
from pathlib import Path


def environment(folder: Path) -> dict[str, str]:
    """Return the environment variables of a production platform without HTTPS, with its data in this folder.

    DEBUG is off, because Django would keep every query in memory. A caller that serves pages must first collect the
    static files.
    """
    return {
        "DATA_DIR": str(folder),
        "DEBUG": "false",
        "HTTPS": "false",
        "SECRET_KEY": secrets.token_urlsafe(64),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "LOG_LEVEL": "ERROR",
    }
