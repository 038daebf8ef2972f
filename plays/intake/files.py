"""Files of plays: our own CSV, and Xibo's proof of play. Each row stands for itself, and a bad one is named."""

import csv
import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import IO
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from devices.models import Site
from plays.intake.reports import BadReport, Report
from plays.intake.services import store
from plays.models import Screen, Source

AT_ONCE = 2_000
"""Rows that are stored in one transaction."""

MOST_NAMED = 100
"""Refused rows that are named one by one; the others are counted."""

Row = Mapping[str, str]


class BadFile(ValueError):
    """The file cannot be read as plays. The text says in one sentence why."""


@dataclass(slots=True)
class Imported:
    """What became of the rows of a file."""

    plays: int = 0
    """Rows that are stored, also those that were stored before."""
    left_out: int = 0
    """Rows that are no plays of a content, such as Xibo's rows of whole layouts."""
    refused: int = 0
    problems: list[str] = field(default_factory=list)
    """The first refused rows, each with its line in the file and one sentence."""

    def refuse(self, line: int, sentence: str) -> None:
        self.refused += 1
        if len(self.problems) < MOST_NAMED:
            self.problems.append(f"Line {line}: {sentence}")

    @property
    def sentence(self) -> str:
        parts = [f"{self.plays:,} plays are stored"]
        parts += [f"{self.left_out:,} rows are not about a content and were left out"] if self.left_out else []
        parts += [f"{self.refused:,} rows were refused"] if self.refused else []
        return "; ".join(parts) + "."


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file."""

    columns: tuple[str, ...]
    """The columns that it must have, in lower case without spaces."""
    source: Source
    read: Callable[[Row, ZoneInfo], tuple[str, Report] | None]
    """Return the name of the screen and the report of a row; None for a row that is not about a content. Raises
    `BadReport`."""


def _own(row: Row, zone: ZoneInfo) -> tuple[str, Report]:
    return _text(row, "screen"), Report(
        content=_text(row, "content"),
        started_at=_time(row, "start", zone),
        ended_at=_time(row, "end", zone) if row.get("end") else None,
        name=row.get("name", ""),
        layout=row.get("layout", ""),
        position=_number(row, "position") if row.get("position") else 0,
    )


XIBO_PLAYS = ("media", "widget")
XIBO_ROUNDS_S = 5
"""A record of a single play lasts as long as it says, up to rounding."""


def _xibo(row: Row, zone: ZoneInfo) -> tuple[str, Report] | None:
    """Read an individual record of Xibo's export: Stat Date, Type, FromDT, ToDT, Layout, Display, Media, Tag, Duration,
    Count, Engagements. An aggregate says how often and how long in all, but not when: nobody can be found for it."""
    if _text(row, "type").lower() not in XIBO_PLAYS:
        return None
    media = _text(row, "media")
    start, end = _time(row, "fromdt", zone), _time(row, "todt", zone)
    count, seconds = _number(row, "count"), (end - start).total_seconds()
    if count != 1 or abs(seconds - _number(row, "duration")) > XIBO_ROUNDS_S:
        raise BadReport(
            f"Xibo has added up {count:,} plays of “{media[:80]}”: set the display's aggregation level to Individual, "
            "and export again."
        )
    return _text(row, "display"), Report(media, start, end, layout=row.get("layout", ""))


FORMATS: dict[str, Format] = {
    "csv": Format(("screen", "content", "start"), Source.FILE, _own),
    "xibo": Format(("type", "fromdt", "todt", "layout", "display", "media", "duration", "count"), Source.XIBO, _xibo),
}


def import_file(*, site: Site, file: IO[str], format: str = "") -> Imported:
    """Store the plays of a file of the site. Times without an offset are local times of the site.

    `format` is a key of `FORMATS`; "" recognises it by its columns. May be repeated: nothing is stored twice.
    Raises `BadFile`.
    """
    reader = csv.DictReader(file)
    try:
        names = [_column(name) for name in reader.fieldnames or ()]
        reader.fieldnames = names
        kind = _format(format, names)
        screens = {screen.name: screen for screen in Screen.objects.filter(site=site).select_related("site")}
        imported, zone = Imported(), site.zone
        rows: Iterator[tuple[int, Row]] = ((reader.line_num, row) for row in reader)
        while some := list(islice(rows, AT_ONCE)):
            _import(some, kind, screens, site, zone, imported)
    except (csv.Error, UnicodeDecodeError) as error:
        raise BadFile(f"The file cannot be read as CSV in UTF-8: {error}.") from None
    return imported


def _import(
    rows: Iterable[tuple[int, Row]],
    kind: Format,
    screens: Mapping[str, Screen],
    site: Site,
    zone: ZoneInfo,
    imported: Imported,
) -> None:
    by_screen: dict[str, list[tuple[int, Report]]] = defaultdict(list)
    for line, row in rows:
        try:
            read = kind.read({name: (row.get(name) or "").strip() for name in row if isinstance(name, str)}, zone)
        except BadReport as error:
            imported.refuse(line, str(error))
            continue
        if read is None:
            imported.left_out += 1
        elif read[0] not in screens:
            imported.refuse(line, f"{site} has no screen “{read[0][:80]}”; add it, then import the file again.")
        else:
            by_screen[read[0]].append((line, read[1]))
    for name, reports in by_screen.items():
        stored = store(
            screen=screens[name], reports=[report for _, report in reports], source=kind.source, now=timezone.now()
        )
        imported.plays += stored.plays
        for number, sentence in stored.refused:
            imported.refuse(reports[number][0], sentence)


def _format(format: str, names: list[str]) -> Format:
    if format and format not in FORMATS:
        raise BadFile(f"There is no format “{format}”; the formats are {', '.join(FORMATS)}.")
    chosen = [FORMATS[format]] if format else list(FORMATS.values())
    found = next((each for each in chosen if set(each.columns) <= set(names)), None)
    if found is None:
        wanted = " or ".join(", ".join(each.columns) for each in chosen)
        raise BadFile(f"The first line must name the columns {wanted}.")
    return found


def _column(name: str | None) -> str:
    return (name or "").strip().lstrip("\ufeff").lower().replace(" ", "")


def _text(row: Row, column: str) -> str:
    if not row.get(column):
        raise BadReport(f"The column “{column}” is empty.")
    return row[column]


def _time(row: Row, column: str, zone: ZoneInfo) -> dt.datetime:
    text = _text(row, column)
    try:
        found = parse_datetime(text)
        # Both may fail: a year beyond the calendar is a time that does not exist.
        found = found and (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        found = None
    if found is None:
        raise BadReport(f"“{text[:40]}” in the column “{column}” is no time; write 2026-11-20 18:30:05.")
    return found


def _number(row: Row, column: str) -> int:
    text = _text(row, column)
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise BadReport(f"“{text[:40]}” in the column “{column}” is no whole number.")
    return int(text)
