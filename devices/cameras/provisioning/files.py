"""Reads a provisioning file, CSV or TOML, and carries it out entry by entry.

TOML has the tables `[[sites]]`, `[[devices]]` and `[[members]]`. CSV has one entry a line, and the column `kind` with
`site`, `device` or `member`; a column that does not belong to the kind stays empty.
"""

import csv
import datetime as dt
import io
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
from django.core.exceptions import ValidationError
from django.db import transaction

from devices.cameras.provisioning import services
from devices.cameras.provisioning.services import NotAllowed, Outcome
from devices.models import Invitation, Site
from edge_agent.text.files import decode_text

MOST_ENTRIES = 100_000
MOST_BYTES = 32 * 1024 * 1024

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class SiteEntry(msgspec.Struct, tag_field="kind", tag="site", forbid_unknown_fields=True, frozen=True):
    slug: Name
    name: Name
    timezone: Name
    latitude: float | None = None
    longitude: float | None = None


class DeviceEntry(msgspec.Struct, tag_field="kind", tag="device", forbid_unknown_fields=True, frozen=True):
    site: Name
    name: Name
    thing: str = ""
    """Empty: a thing name and a claim code are made."""
    source: str = ""


class MemberEntry(msgspec.Struct, tag_field="kind", tag="member", forbid_unknown_fields=True, frozen=True):
    site: Name
    user: Name
    """A user name or an e-mail address."""
    role: Name


Entry = SiteEntry | DeviceEntry | MemberEntry
ORDER: tuple[type[Entry], ...] = (SiteEntry, DeviceEntry, MemberEntry)
TABLES = {"sites": "site", "devices": "device", "members": "member"}


class BadFile(Exception):
    """The file cannot be read. The message is one sentence."""


@dataclass(frozen=True)
class Located:
    """An entry, or what is wrong with it, and where it stands."""

    where: str
    entry: Entry | str


@dataclass(frozen=True)
class Line:
    """A line of the report."""

    where: str
    what: str
    did: str
    """“created”, “changed”, “unchanged” or “failed”."""
    detail: str = ""


def read(path: Path) -> list[Located]:
    """Return the entries of the file: sites, devices and members, in this order. Raises `BadFile`."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise BadFile(f"{path} has more than {MOST_BYTES:,} bytes.")
        text = decode_text(path.read_bytes())
    except OSError as error:
        raise BadFile(f"{path} cannot be read: {error.strerror or error}.") from None
    except ValueError as error:
        raise BadFile(f"{path} cannot be read: {error}.") from None
    match path.suffix.lower():
        case ".toml":
            found = list(_from_toml(path, text))
        case ".csv":
            found = list(_from_csv(path, text))
        case _:
            raise BadFile(f"{path} must end in .csv or .toml.")
    if len(found) > MOST_ENTRIES:
        raise BadFile(f"{path} has more than {MOST_ENTRIES:,} entries.")
    return sorted(found, key=lambda each: ORDER.index(type(each.entry)) if not isinstance(each.entry, str) else 0)


def _from_toml(path: Path, text: str) -> Iterator[Located]:
    try:
        tables = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadFile(f"{path} is not TOML: {error}.") from None
    for name, entries in tables.items():
        if name not in TABLES or not isinstance(entries, list):
            raise BadFile(f"{path}: there is no table [[{name}]]; the tables are {', '.join(TABLES)}.")
        for number, entry in enumerate(entries, start=1):
            where = f"{name} {number}"
            values = {**entry, "kind": TABLES[name]} if isinstance(entry, dict) else {}
            yield Located(where, _converted(values, strict=True))


def _from_csv(path: Path, text: str) -> Iterator[Located]:
    try:
        rows = csv.DictReader(io.StringIO(text), strict=True)
        if "kind" not in (rows.fieldnames or ()):
            raise BadFile(f"{path}: the first line must name the columns, one of which is “kind”.")
        for row in rows:
            where = f"line {rows.line_num}"
            if None in row or None in row.values():
                yield Located(where, "The line has another number of columns than the first line.")
                continue
            values = {name.strip(): value.strip() for name, value in row.items() if value.strip()}
            yield Located(where, _converted(values, strict=False))
    except csv.Error as error:
        raise BadFile(f"{path} is not CSV: {error}.") from None


def _converted(values: dict[str, Any], *, strict: bool) -> Entry | str:
    try:
        return msgspec.convert(values, Entry, strict=strict)  # type: ignore[no-any-return]
    except msgspec.ValidationError as error:
        if values.get("kind") not in TABLES.values():
            return f"The kind must be one of {', '.join(TABLES.values())}."
        return f"{str(error).replace('Object', 'The entry').replace('`', '“', 1).replace('`', '”', 1)}."


def provision(entries: list[Located], *, now: dt.datetime, dry_run: bool) -> Iterator[Line]:
    """Carry out the entries, each in a transaction of its own, and yield a line for each.

    An entry that fails stops no other. With `dry_run` everything is done and undone again, so that later entries see
    earlier ones, and nothing is kept. The lines then have no codes and invitations, because none would work.
    """
    if not dry_run:
        for each in entries:
            yield _one(each, now)
        return
    with transaction.atomic():
        lines = [_one(each, now, with_secret=False) for each in entries]
        transaction.set_rollback(True)
    yield from lines


def _one(located: Located, now: dt.datetime, *, with_secret: bool = True) -> Line:
    if isinstance(located.entry, str):
        return Line(located.where, "entry", "failed", located.entry)
    what = _what(located.entry)
    try:
        with transaction.atomic():
            outcome = _carry_out(located.entry, now)
    except ValidationError as error:
        return Line(located.where, what, "failed", " ".join(error.messages))
    except NotAllowed as error:
        return Line(located.where, what, "failed", str(error))
    return Line(located.where, what, outcome.did, _detail(outcome) if with_secret else "")


def _carry_out(entry: Entry, now: dt.datetime) -> Outcome:
    if isinstance(entry, SiteEntry):
        return services.provision_site(**msgspec.structs.asdict(entry), by=None)
    site = Site.objects.filter(slug=entry.site).first()
    if site is None:
        raise ValidationError(f"There is no site “{entry.site}”.")
    if isinstance(entry, DeviceEntry):
        source = entry.source or None
        return services.provision_device(
            site=site, name=entry.name, thing_name=entry.thing, source=source, now=now, by=None
        )
    return services.provision_member(site=site, user=entry.user, role=entry.role, now=now, by=None)


def _what(entry: Entry) -> str:
    match entry:
        case SiteEntry():
            return f"site {entry.slug}"
        case DeviceEntry():
            return f"device {entry.site}/{entry.name}"
        case MemberEntry():
            return f"member {entry.user} of {entry.site}"


def _detail(outcome: Outcome) -> str:
    if not outcome.secret:
        return ""
    return (
        f"invitation /invitations/{outcome.secret}/"
        if isinstance(outcome.row, Invitation)
        else f"code {outcome.secret}"
    )
