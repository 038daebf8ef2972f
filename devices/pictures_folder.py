"""Whether all machines keep pictures in the same place, found out at the start and not by the first missing picture."""

import secrets

from django.conf import settings
from django.db import connection
from django.utils import timezone

from devices.models import Heartbeat

PROCESS = "pictures folder"
"""The name under which the database remembers the folder's mark."""


def problem() -> str:
    """Return one sentence if this machine's folder of pictures is not the one that the others use; otherwise "".

    The first process of an installation leaves a mark in `DATA_DIR` and in the database. With `PICTURES_BUCKET`, and
    with SQLite, which is on one machine, there is nothing to compare.
    """
    if settings.PICTURES_BUCKET or connection.vendor != "postgresql":
        return ""
    mine = _mark()
    known, _ = Heartbeat.objects.get_or_create(
        process=PROCESS, defaults={"at": timezone.now(), "numbers": {"mark": mine}}
    )
    if known.numbers.get("mark") == mine:
        return ""
    return (
        f"{settings.DATA_DIR} is not the folder in which another machine keeps the pictures. Set PICTURES_BUCKET on all"
        " machines, or let them share this folder; if the other one is gone for good, run"
        f" `manage.py health --forget '{PROCESS}'`."
    )


def _mark() -> int:
    """Return the number in the folder's file `installation`, which the first process writes."""
    path = settings.DATA_DIR / "installation"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x") as file:
            file.write(str(secrets.randbits(53)))  # JSON's numbers are exact up to 2**53
    except FileExistsError:
        pass
    return int(path.read_text() or 0)
