"""Reads the folder that `manage.py enrol` takes: one folder for each person. Uses no database.

staff/
    consent.toml            fields for everybody: text, text_version, method, expires_at
    Ada Lovelace/
        consent.toml        her own fields: signed_by, signed_at; and fields that differ for her
        1.jpg  2.png        one or more pictures of her face
"""

import datetime as dt
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devices.intake.pictures import SUFFIXES

CONSENT = "consent.toml"

IN_PERSON = ("signed_by", "signed_at")
"""Fields that only a person's own file may have, because nobody signs for everybody."""

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
    """A folder or one of its files is wrong. The text is one sentence with the path and the reason."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """The terms of a consent as its files state them; times are UTC."""

    text: str
    text_version: str
    method: str
    signed_by: str
    signed_at: dt.datetime
    expires_at: dt.datetime


@dataclass(frozen=True, slots=True)
class PersonFolder:
    """The folder of one person, whose name is the folder's name; its pictures are in the order of their names."""

    path: Path
    pictures: tuple[Path, ...]

    @property
    def name(self) -> str:
        return self.path.name


def read_people_folders(folder: Path) -> list[PersonFolder]:
    """Return the people's folders in the order of their names. Raises `BadFolder` if there are none."""
    if not folder.is_dir():
        raise BadFolder(f"{folder} is not a folder.")
    folders = filter(_is_person_folder, sorted(folder.iterdir()))
    people = [PersonFolder(path, tuple(_pictures(path))) for path in folders]
    if not people:
        raise BadFolder(f"{folder} contains no folder; make one folder for each person, with the person's name.")
    return people


def read_agreement(person: PersonFolder) -> tuple[Agreement, str]:
    """Return the consent's terms and the person's line for greetings. Raises `BadFolder`."""
    shared, own = (_read(folder / CONSENT) for folder in (person.path.parent, person.path))
    for name in IN_PERSON:
        if name in shared:
            raise BadFolder(
                f"{person.path.parent / CONSENT} has “{name}” for everybody; put it in each person's own file."
            )
    fields = {**shared, **own}
    line = str(fields.pop("line", ""))
    for name in FIELDS:
        if name not in fields:
            raise BadFolder(f"No {CONSENT} has “{name}” for {person.name}; without a consent nobody is enrolled.")
    signed_at, expires_at = (_to_utc(fields.pop(name)) for name in ("signed_at", "expires_at"))
    return Agreement(**fields, signed_at=signed_at, expires_at=expires_at), line


def _is_person_folder(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith(".")


def _pictures(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES and path.is_file())


def _read(path: Path) -> Mapping[str, Any]:
    if not path.exists():
        return {}
    known = {**FIELDS, **OWN_FIELDS}
    try:
        fields = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadFolder(f"{path} is not valid TOML: {error}.") from None
    for name, value in fields.items():
        expected = known.get(name)
        if expected is None:
            raise BadFolder(f"{path} has the unknown field “{name}”; the fields are {', '.join(known)}.")
        if not isinstance(value, expected):
            raise BadFolder(f"{path}: “{name}” must be {'a date or a time' if expected is dt.date else 'a string'}.")
    return fields


def _to_utc(value: dt.date) -> dt.datetime:
    """Return the time in UTC. A date means its midnight in UTC; a time without an offset is in UTC."""
    at = value if isinstance(value, dt.datetime) else dt.datetime.combine(value, dt.time(), dt.UTC)
    return at.astimezone(dt.UTC) if at.tzinfo else at.replace(tzinfo=dt.UTC)
