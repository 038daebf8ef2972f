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

from devices.reading.pictures import PHOTOGRAPHS
from devices.rules.text import clean_line
from edge_agent.text.file_names import is_other_picture, printable, why_passed_over
from edge_agent.text.files import read_text

CONSENT = "consent.toml"
LIKE_CONSENT = frozenset({CONSENT, "consent.toml.txt", "consent.txt"})
"""What editors of Windows make of `CONSENT`, in lower case, while Windows hides the ends of names."""

IN_PERSON = ("signed_by", "signed_at", "external_id")
"""Fields that only a person's own file may have: nobody signs for everybody, and an external id is one person's."""

FIELDS = {
    "text": str,
    "text_version": str,
    "method": str,
    "signed_by": str,
    "signed_at": dt.date,
    "expires_at": dt.date,
}
OWN_FIELDS = {"line": str, "external_id": str, "profile": str}
"""What describes a person beside the consent, by the parameters of `create_person`."""


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
    unreadable: tuple[Path, ...] = ()
    """Pictures in a format that is not read."""

    @property
    def name(self) -> str:
        # The person's name is stored in this spelling. macOS, for example, writes “é” as an “e” with an accent.
        return clean_line(self.path.name)


def read_people_folders(folder: Path) -> list[PersonFolder]:
    """Return the people's folders in the order of their names. Raises `BadFolder` if there are none."""
    if not folder.is_dir():
        raise BadFolder(f"{folder} is not a folder.")
    people = [_person_folder(path) for path in sorted(folder.iterdir()) if _is_person_folder(path)]
    if not people:
        raise BadFolder(f"{folder} contains no folder; make one folder for each person, with the person's name.")
    return people


def passed_over(folder: Path) -> Iterator[str]:
    """Yield a sentence for each file and folder that `read_people_folders` has passed over."""
    for path in sorted(folder.iterdir()):
        if _is_person_folder(path):
            for inside in sorted(path.iterdir()):
                if (why := _why_no_picture(inside)) and not is_other_picture(inside.name, PHOTOGRAPHS):
                    yield f"{printable(inside.relative_to(folder))} is passed over: {why}."
        elif path.name != CONSENT:
            why = _why_no_person(path)
            yield f"{printable(path.relative_to(folder))} is passed over: {why}."


def read_agreement(person: PersonFolder) -> tuple[Agreement, dict[str, str]]:
    """Return the consent's terms, and what describes the person. Raises `BadFolder`."""
    shared, own = (_read(folder / CONSENT) for folder in (person.path.parent, person.path))
    for name in IN_PERSON:
        if name in shared:
            raise BadFolder(
                f"{person.path.parent / CONSENT} has “{name}” for everybody; put it in each person's own file."
            )
    fields = {**shared, **own}
    description = {name: str(fields.pop(name)) for name in OWN_FIELDS if name in fields}
    for name in FIELDS:
        if name not in fields:
            raise BadFolder(f"No {CONSENT} has “{name}” for {person.name}; without a consent nobody is enrolled.")
    signed_at, expires_at = (_to_utc(fields.pop(name)) for name in ("signed_at", "expires_at"))
    return Agreement(**fields, signed_at=signed_at, expires_at=expires_at), description


def _is_person_folder(path: Path) -> bool:
    return path.is_dir() and not _why_no_person(path)


def _why_no_person(path: Path) -> str:
    """Return why this is not the folder of a person, or ""."""
    if path.name.startswith("."):
        return "its name makes it hidden"
    if path.name != CONSENT and path.name.lower() in LIKE_CONSENT:
        return f"rename it to {CONSENT}"
    if not path.is_dir():
        return why_passed_over(path.name, PHOTOGRAPHS) or "pictures belong into the folder of a person"
    try:
        path.name.encode()
    except UnicodeEncodeError:
        return "its name is not UTF-8; rename it"
    return ""


def _person_folder(path: Path) -> PersonFolder:
    files = sorted(path.iterdir())
    return PersonFolder(
        path,
        tuple(file for file in files if file.name != CONSENT and not _why_no_picture(file)),
        tuple(file for file in files if is_other_picture(file.name, PHOTOGRAPHS)),
    )


def _why_no_picture(path: Path) -> str:
    """Return why this is not a picture that is read, or ""; also "" for the consent."""
    if path.name != CONSENT and path.name.lower() in LIKE_CONSENT:
        return f"rename it to {CONSENT}"
    if path.name == CONSENT:
        return ""
    return "it is a folder" if path.is_dir() else why_passed_over(path.name, PHOTOGRAPHS)


def _read(path: Path) -> Mapping[str, Any]:
    if not path.exists():
        return {}
    known = {**FIELDS, **OWN_FIELDS}
    try:
        fields = tomllib.loads(read_text(path))
    except OSError as error:
        raise BadFolder(f"{path} cannot be read: {error.strerror or error}.") from None
    except ValueError as error:
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
