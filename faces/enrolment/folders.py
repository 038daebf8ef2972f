"""A folder of people to enrol, as `manage.py enrol` takes it: one folder for each person. Pure: knows no database.

staff/
    consent.toml            what all agreed to: text, text_version, method, expires_at
    Ada Lovelace/
        consent.toml        that she did: signed_by, signed_at; and whatever differs for her
        1.jpg  2.png        one or more pictures of her face
"""

import datetime as dt
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONSENT = "consent.toml"
SUFFIXES = {".jpg", ".jpeg", ".png"}

IN_PERSON = ("signed_by", "signed_at")
"""Said in the person's own folder only: nobody agrees for all."""

FIELDS = {
    "text": str,
    "text_version": str,
    "method": str,
    "signed_by": str,
    "signed_at": dt.date,
    "expires_at": dt.date,
}
OWN_FIELDS = {"line": str}


class BadFolder(ValueError):
    """The folder, or a person's, is not as it must be; one sentence says where and why."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """A consent as a folder tells it; times are UTC."""

    text: str
    text_version: str
    method: str
    signed_by: str
    signed_at: dt.datetime
    expires_at: dt.datetime


@dataclass(frozen=True, slots=True)
class PersonFolder:
    """Somebody to enrol: named after the folder, with the pictures in it, in their order."""

    path: Path
    pictures: tuple[Path, ...]

    @property
    def name(self) -> str:
        return self.path.name


def read_people_folders(folder: Path) -> list[PersonFolder]:
    """The people's folders, by name. Raises `BadFolder` where there is none."""
    if not folder.is_dir():
        raise BadFolder(f"{folder} is no folder.")
    people = [PersonFolder(path, tuple(_pictures(path))) for path in sorted(folder.iterdir()) if _is_a_persons(path)]
    if not people:
        raise BadFolder(f"{folder} has no folder in it; make one for each person, named as the person is.")
    return people


def read_agreement(person: PersonFolder) -> tuple[Agreement, str]:
    """What the person agreed to, and their line in greetings. Raises `BadFolder`."""
    shared, own = (_read(folder / CONSENT) for folder in (person.path.parent, person.path))
    for name in IN_PERSON:
        if name in shared:
            raise BadFolder(f"{person.path.parent / CONSENT} says “{name}” for all; say it in each person's own file.")
    told = {**shared, **own}
    line = str(told.pop("line", ""))
    for name in FIELDS:
        if name not in told:
            raise BadFolder(f"No {CONSENT} says “{name}” for {person.name}; without a consent nobody is enrolled.")
    signed_at, expires_at = (_moment(told.pop(name)) for name in ("signed_at", "expires_at"))
    return Agreement(**told, signed_at=signed_at, expires_at=expires_at), line


def _is_a_persons(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith(".")


def _pictures(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES and path.is_file())


def _read(path: Path) -> Mapping[str, Any]:
    if not path.exists():
        return {}
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadFolder(f"{path} is not TOML: {error}.") from None
    for name, value in told.items():
        expected = {**FIELDS, **OWN_FIELDS}.get(name)
        if expected is None:
            raise BadFolder(f"{path} says “{name}”; known are {', '.join([*FIELDS, *OWN_FIELDS])}.")
        if not isinstance(value, expected):
            raise BadFolder(f"{path}: “{name}” must be {'a date or a time' if expected is dt.date else 'a text'}.")
    return told


def _moment(told: dt.date) -> dt.datetime:
    """A date counts from its midnight, UTC; so does a time without an offset."""
    at = told if isinstance(told, dt.datetime) else dt.datetime.combine(told, dt.time(), dt.UTC)
    return at.astimezone(dt.UTC) if at.tzinfo else at.replace(tzinfo=dt.UTC)
