"""What the demo finds in its database: sites and devices, an administrator, somebody with coffees, and a past.

Sites, policies, questions, the person and the past are made once per data folder, so that what somebody changes
afterwards stays changed. A preparation that was interrupted goes on where it was.
"""

import datetime as dt
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth.models import User

from demo.past import progress
from demo.past.progress import Loaded
from devices.models import ApiToken, Device
from devices.services import issue_api_token, token_digest

ADMIN = "admin"
PASSWORD_FILE, TOKEN_FILE = "admin-password", "api-token"
"""In the data folder, readable by their owner only."""

PASSWORD_BYTES = 12


@dataclass(frozen=True)
class Prepared:
    """How to get in, and what became of the past."""

    password: str
    token: str
    loaded: Loaded | None
    """None where the past was there already."""


def prepare(data: Path, *, days: int, seed: int, now: dt.datetime) -> Prepared:
    """Make everything that is missing. `data` is the data folder; the past ends with the minute before `now`.

    Raises `DemoError` where the person cannot be enrolled or the record of an interrupted preparation cannot be read,
    `OSError` where the data folder cannot be used and `DatabaseError` where the database cannot.
    """
    data.mkdir(parents=True, exist_ok=True)
    admin = _administrator(data)
    # What a data folder says of another database, or of one that was deleted, is no help.
    begun = progress.read(data) if Device.objects.exists() else None
    loaded = None
    if begun is None or not begun.complete:
        # Photographs and recognition take seconds to import; a demo that was prepared needs neither.
        from demo import world
        from demo.past import loading, questions

        begun = begun or progress.first(days=days, seed=seed, now=now)
        world.make(admin, now)
        questions.make(begun, admin)
        loaded = loading.load(data, begun)
    return Prepared((data / PASSWORD_FILE).read_text(), _token(admin, data), loaded)


def _administrator(data: Path) -> User:
    """The administrator, with the password in the file; a new one where either is missing."""
    admin = User.objects.filter(username=ADMIN).first()
    path = data / PASSWORD_FILE
    if admin is not None and path.exists():
        return admin
    if not path.exists():
        _write_secret(path, secrets.token_urlsafe(PASSWORD_BYTES))
    admin = admin or User.objects.create_superuser(ADMIN)
    admin.set_password(path.read_text())
    admin.save(update_fields=["password"])
    return admin


def _token(admin: User, data: Path) -> str:
    """The token in the file; a new one where the database does not know it."""
    path = data / TOKEN_FILE
    kept = path.read_text() if path.exists() else ""
    if not ApiToken.objects.filter(user=admin, token_digest=token_digest(kept)).exists():
        _, kept = issue_api_token(user=admin, name="Demo")
        _write_secret(path, kept)
    return kept


def _write_secret(path: Path, text: str) -> None:
    """Write the file anew, readable by its owner only from the first moment on."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)
