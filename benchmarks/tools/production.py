"""The environment of a measured platform."""

import os
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


def set_up(folder: Path) -> None:
    """Set up a platform of this process, with a SQLite database in this folder and the models that are shipped."""
    from edge_agent.vision.files import models_folder

    os.environ |= environment(folder) | {"MODELS_DIR": str(models_folder())}
    os.environ["DATABASE_URL"] = f"sqlite:///{folder / 'headcount.sqlite3'}"
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
