"""Fills the demo's database: sites, devices, an administrator, an enrolled person, questions and a history.

This is done once per data folder, so that later changes by a user stay. An interrupted preparation is resumed.
"""

import datetime as dt
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User

from demo.camera_profiles import PROFILES
from demo.past import progress
from demo.past.progress import Loaded
from demo.running.environment import device_token
from devices.models import ApiToken, Device, Thing
from devices.services import issue_api_token, token_digest

ADMIN = "admin"
PASSWORD_FILE, TOKEN_FILE = "admin-password", "api-token"
"""Files in the data folder that only their owner can read."""

PASSWORD_BYTES = 12


@dataclass(frozen=True)
class Prepared:
    """The credentials of the prepared demo, and the result of loading its history."""

    password: str
    token: str
    loaded: Loaded | None
    """None where the history had been loaded before."""


def prepare(data: Path, *, days: int, seed: int, now: dt.datetime) -> Prepared:
    """Create everything that is missing. `data` is the data folder; the history ends at the start of `now`'s minute.

    Raises `DemoError` where the person cannot be enrolled or the record of an interrupted preparation cannot be read,
    `OSError` where the data folder cannot be used and `DatabaseError` where the database cannot.
    """
    data.mkdir(parents=True, exist_ok=True)
    admin = _administrator(data)
    # Without devices, the recorded progress belongs to another database or to one that was deleted.
    begun = progress.read(data) if Device.objects.exists() else None
    loaded = None
    if begun is None or not begun.complete:
        # These import photographs and recognition, which takes seconds; a prepared demo needs neither.
        from demo import sites
        from demo.past import fingers, loading, questions, shows, training

        begun = begun or progress.new_progress(days=days, seed=seed, now=now)
        sites.create_sites(admin, now)
        questions.create_questions_and_sessions(begun, admin)
        training.create_runs(admin)
        fingers.create_example(admin)
        loaded = loading.load(data, begun)
        shows.create_plays(begun)
    _issue_device_tokens()
    return Prepared((data / PASSWORD_FILE).read_text(), _token(admin, data), loaded)


def _administrator(data: Path) -> User:
    """Return the administrator, whose password is in the file; a missing account or file is created."""
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


def _issue_device_tokens() -> None:
    """Let the agents fetch trained models. A token that somebody has issued since is left as it is."""
    things = [profile.thing for profile in PROFILES if profile.protocol == "agent"]
    for thing in Thing.objects.filter(name__in=things, token_digest=""):
        thing.token_digest = token_digest(device_token(settings.SECRET_KEY, thing.name))
        thing.save(update_fields=["token_digest"])


def _token(admin: User, data: Path) -> str:
    """Return the API token in the file; a new token where the database does not contain it."""
    path = data / TOKEN_FILE
    token = path.read_text() if path.exists() else ""
    if not ApiToken.objects.filter(user=admin, token_digest=token_digest(token)).exists():
        _, token = issue_api_token(user=admin, name="Demo")
        _write_secret(path, token)
    return token


def _write_secret(path: Path, text: str) -> None:
    """Replace the file; at no time can anybody but its owner read it."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)
