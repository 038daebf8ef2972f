"""Imports an archive: its records and logs by the intake of messages, then its pictures and their annotations.

An import can be repeated and resumed: nothing counts twice, even after the frames of the first import are deleted.
"""

import datetime as dt
import zoneinfo
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar
from urllib.parse import unquote, urlsplit

import msgspec
from django.db import transaction
from django.db.models import Q, QuerySet

from devices.intake import batches
from devices.intake.message_logs import BadLine, read_log
from devices.intake.past import accept_past, count_once
from devices.models import Device
from devices.reading import decoding, deeplens, identity
from devices.reading.decoding import Arrival, Rejection, TakenPicture
from devices.reading.pictures import MAX_BYTES
from devices.reading.places import read_whereabouts
from edge_agent.messages import MAX_MESSAGE_BYTES
from edge_agent.text.file_names import printable
from edge_agent.text.files import lines_in
from faces.importing import annotations
from faces.importing.annotations import UnreadableAnnotation, read_annotation
from faces.importing.archives import Archive, ArchivedObject, UnreadableArchive, content_hash
from faces.importing.owners import NoOwner, Owners
from faces.models import Annotation, Capture, Shows, State
from faces.sources.layouts import Kind, Named, parse_name

AT_ONCE = 500
"""Records of one transaction."""

READERS = 16
"""Objects that are read at once; a bucket takes some 30 ms for each."""

MAX_LOG_BYTES = 256 * 1024 * 1024

DELAY = dt.timedelta(days=1)
"""An object that was written within this time after its frame was written then by the device, and not copied later."""

LINK_TOLERANCE = dt.timedelta(seconds=1)


@dataclass(slots=True)
class Span:
    """How many objects of one kind a device has, and when the first and the last were taken."""

    objects: int = 0
    first: dt.datetime | None = None
    last: dt.datetime | None = None

    def add(self, at: dt.datetime | None) -> None:
        self.objects += 1
        if at is not None:
            self.first, self.last = min(self.first or at, at), max(self.last or at, at)


@dataclass(slots=True)
class Report:
    """What an archive holds, and what became of it."""

    spans: defaultdict[tuple[str, Kind], Span] = field(default_factory=lambda: defaultdict(Span))
    """By thing name and kind."""
    passed_over: Counter[str] = field(default_factory=Counter)
    """The number of objects by the reason for which they were passed over."""
    examples: dict[str, str] = field(default_factory=dict)
    """The name of one object for each reason."""
    committed: int = 0
    """Messages and pictures that were taken in."""
    repeated: int = 0
    """Messages and pictures that were taken in before."""
    quarantined: int = 0

    def pass_over(self, stored: ArchivedObject, why: str) -> None:
        self.passed_over[why] += 1
        self.examples.setdefault(why, printable(stored.name))


Entry = TypeVar("Entry")

Item = tuple[ArchivedObject, Named]
Progress = Callable[[int], object]
"""Told of each number of objects that are done."""


def list_items(archive: Archive, report: Report) -> dict[Kind, list[Item]]:
    """Return the objects of the archive by kind. Raises `UnreadableArchive`."""
    items: dict[Kind, list[Item]] = {kind: [] for kind in Kind}
    for stored in archive.objects():
        named = parse_name(stored.name)
        if isinstance(named, str):
            report.pass_over(stored, named)
        else:
            items[named.kind].append((stored, named))
    return items


@dataclass(slots=True)
class Importer:
    """Imports one archive, or with `act` false, only finds out what an import would do."""

    archive: Archive
    owners: Owners
    now: dt.datetime
    act: bool
    report: Report = field(default_factory=Report)
    progress: Progress = lambda count: None
    _linking: defaultdict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    """The things whose records link to a picture, by the record's prefix, and by the picture's name or stamp."""

    def run(self, items: dict[Kind, list[Item]]) -> None:
        """Import these objects. Raises `OperationalError` if the database is away; the rest can be imported later."""
        self._import_records(items[Kind.RECORD])
        self._import_logs(items[Kind.LOG])
        self._import_pictures(items[Kind.FRAME] + items[Kind.FACE], items[Kind.ANNOTATION])

    def _import_records(self, items: Sequence[Item]) -> None:
        with ThreadPoolExecutor(READERS) as pool:
            for chunk in _chunks(items, AT_ONCE):
                contents = pool.map(self._read_record, (stored for stored, _ in chunk))
                made = [self._record(*item, content) for item, content in zip(chunk, contents, strict=True)]
                self._accept([entry for entry in made if entry is not None])
                self.progress(len(chunk))

    def _read_record(self, stored: ArchivedObject) -> bytes | UnreadableArchive:
        try:
            return self.archive.read(stored, MAX_MESSAGE_BYTES)
        except UnreadableArchive as error:
            return error

    def _record(
        self, stored: ArchivedObject, named: Named, content: bytes | UnreadableArchive
    ) -> tuple[Arrival, int] | None:
        """Return the record as a message, and the key by which it is recognised; None if it is passed over."""
        try:
            if isinstance(content, UnreadableArchive):
                raise content
            told = deeplens.read(content)
            if not told.has_frame and told.picture_url is None:
                raise deeplens.Unreadable("It is not the record of a frame.")
            thing = self.owners.find(named, told.claimed_device or "", self.archive.address(stored))
            taken_at = _record_time(content, named, self._zone(thing))
        except (UnreadableArchive, ValueError) as error:
            self.report.pass_over(stored, _reason(error))
            return None
        self.report.spans[thing, Kind.RECORD].add(taken_at)
        for name in _names_of_picture(told.picture_url or "", named.stamp):
            self._linking[named.prefix, name].add(thing)
        arrival = Arrival(f"$aws/things/{thing}/infer", content, _received_at(stored, taken_at), read_at=self.now)
        return arrival, _object_key(stored, named, content)

    def _accept(self, entries: Sequence[tuple[Arrival, int | None]]) -> None:
        if not self.act or not entries:
            return
        past = accept_past([arrival for arrival, _ in entries], keys=[key for _, key in entries])
        self.report.committed += past.accepted.committed
        self.report.quarantined += past.accepted.quarantined
        self.report.repeated += past.repeated

    def _import_logs(self, items: Sequence[Item]) -> None:
        for stored, _ in items:
            try:
                content = self.archive.read(stored, MAX_LOG_BYTES)
                if len(content) > MAX_LOG_BYTES:
                    raise UnreadableArchive("logs of more than 256 MB are not read; split it")
                self._import_log(stored, content)
            except UnreadableArchive as error:
                self.report.pass_over(stored, _reason(error))
            self.progress(1)

    def _import_log(self, stored: ArchivedObject, content: bytes) -> None:
        for chunk in _chunks(read_log(lines_in(content), written_at=stored.at, now=self.now), AT_ONCE):
            arrivals = []
            for line in chunk:
                if isinstance(line, BadLine):
                    self.report.pass_over(stored, "some of its lines contain no message; `manage.py replay` names them")
                else:
                    arrivals.append((line, None))
                    thing = decoding.thing_of(line.topic)
                    self.report.spans[thing, Kind.LOG].add(line.received_at)
            self._accept(arrivals)

    def _import_pictures(self, items: Sequence[Item], annotated: Sequence[Item]) -> None:
        chosen: dict[tuple[str, str], int] = {}
        owned = []
        beside: defaultdict[tuple[str, str], list[Item]] = defaultdict(list)
        for item in annotated:
            beside[item[1].place].append(item)
        for stored, named in items:
            try:
                thing = self.owners.find(named, "", self.archive.address(stored), linking=self._linking_to(named))
                taken_at = named.taken_at(self._zone(thing)) or stored.at
            except ValueError as error:
                self.report.pass_over(stored, _reason(error))
                self.progress(1)
                continue
            # If a frame has several pictures, the one with boxes of a person or a program counts first.
            rank = (-2 if named.is_raw else -1) if named.place in beside else named.rank
            owned.append((stored, named, thing, taken_at, rank))
            if named.stamp:
                chosen[thing, named.stamp] = min(rank, chosen.get((thing, named.stamp), rank))
        for stored, named, thing, taken_at, rank in owned:
            if named.stamp and rank > chosen[thing, named.stamp]:
                self.report.pass_over(stored, "it is a copy of another picture of the frame")
            else:
                self.report.spans[thing, named.kind].add(taken_at)
                capture = self._import_picture(stored, named, thing, taken_at) if self.act else None
                for annotation, _ in beside.pop(named.place, ()):
                    self._annotate(annotation, thing, taken_at, capture)
            self.progress(1)
        for left in beside.values():
            for annotation, _ in left:
                self.report.pass_over(annotation, "no picture of its name is imported with it")
                self.progress(1)

    def _linking_to(self, named: Named) -> str:
        """Return the thing whose record links to this picture; "" if there is none, or if there are several."""
        by_name, by_stamp = (self._linking.get((named.prefix, name), set()) for name in (named.tail, named.stamp))
        things = by_name or by_stamp
        return next(iter(things)) if len(things) == 1 else ""

    def _annotate(self, stored: ArchivedObject, thing: str, taken_at: dt.datetime, capture: Capture | None) -> None:
        """Store the annotation of this capture; None if nothing is written, or the picture is not there any more."""
        self.progress(1)
        try:
            drawn = read_annotation(self.archive.read(stored, annotations.MAX_BYTES))
        except (UnreadableArchive, UnreadableAnnotation) as error:
            self.report.pass_over(stored, str(error).rstrip("."))
            return
        if self.act and capture is None:
            self.report.pass_over(stored, "its picture was not imported, or is removed already")
            return
        self.report.spans[thing, Kind.ANNOTATION].add(taken_at)
        if capture is None:
            return
        values = msgspec.to_builtins(drawn) | {"source": printable(stored.name), "imported_at": self.now}
        _, is_new = Annotation.objects.get_or_create(capture=capture, defaults=values)
        self.report.committed += is_new
        self.report.repeated += not is_new

    def _import_picture(
        self, stored: ArchivedObject, named: Named, thing: str, taken_at: dt.datetime
    ) -> Capture | None:
        """Import the picture and return its capture; None if there is none."""
        try:
            device = _device_at(thing, taken_at)
            content = self.archive.read(stored, MAX_BYTES)
            jpeg = decoding.safe_jpeg(content)
            key = _object_key(stored, named, content)
            with transaction.atomic():
                if not count_once(device.thing, key, taken_at=taken_at, now=self.now):
                    self.report.repeated += 1
                    return _captures_of(device, named, taken_at, self._picture_key(stored, key)).first()
                linked = _linked(device, named, taken_at)
                picture = TakenPicture(
                    device,
                    linked.taken_at if linked else taken_at,
                    self.now,
                    linked.key if linked else self._picture_key(stored, key),
                    jpeg,
                    source_url=linked.source_url if linked else "",
                    shows=Shows.CROP if named.kind is Kind.FACE else Shows.FRAME,
                )
                batches.take_in_picture(picture, is_from_device=False)
            self.report.committed += 1
            return _captures_of(device, named, taken_at, picture.key).first()
        except (UnreadableArchive, NoOwner, Rejection) as error:
            self.report.pass_over(stored, _reason(error))
            return None

    def _picture_key(self, stored: ArchivedObject, key: int) -> int:
        """Return the key of a picture without a record: in a bucket, the one that an event of S3 gives the picture."""
        address = self.archive.address(stored)
        return identity.digest("s3", address.source) if address else key

    def _zone(self, thing: str) -> dt.tzinfo:
        device = next((device for device in self.owners.devices if device.thing_name == thing), None)
        return zoneinfo.ZoneInfo(device.thing.clock_timezone) if device else dt.UTC


def _object_key(stored: ArchivedObject, named: Named, content: bytes) -> int:
    return identity.digest("object", named.tail.encode("utf-8", "surrogateescape"), content_hash(stored, content))


def _names_of_picture(url: str, stamp: str) -> Iterator[str]:
    """Yield the names under which a picture may be in the archive: with its folder, without, and by its stamp."""
    if url:
        folder, _, name = urlsplit(url).path.rpartition("/")
        yield unquote(name)
        yield unquote(f"{folder.rpartition('/')[2]}/{name}")
    if stamp:
        yield stamp


def _record_time(content: bytes, named: Named, zone: dt.tzinfo) -> dt.datetime | None:
    """Return when the record's frame was taken, in UTC; None if neither content nor name tells it."""
    milliseconds = deeplens.read(content, zone=zone).taken_at
    if milliseconds is not None:
        return dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)
    return named.taken_at(zone)


def _received_at(stored: ArchivedObject, taken_at: dt.datetime | None) -> dt.datetime:
    """Return when the record arrived: when its object was written, unless that is the date of a later copy."""
    if taken_at is None or taken_at <= stored.at <= taken_at + DELAY:
        return stored.at
    return taken_at


def _device_at(thing: str, at: dt.datetime) -> Device:
    where = read_whereabouts([thing]).get(thing)
    if where is None:
        raise NoOwner(f"no device has the thing name “{thing}”")
    device = where.at(at)
    if device is None:
        raise NoOwner(f"“{thing}” was registered at no place at {at.isoformat()}; correct the dates of its places")
    return device


def _linked(device: Device, named: Named, taken_at: dt.datetime) -> Capture | None:
    """Return the capture whose record links to this picture, if there is one that waits for the picture."""
    waiting = list(_around(device, taken_at).filter(state=State.LINKED))
    by_name = (capture for capture in waiting if capture.source_url.endswith(f"/{named.tail}"))
    # The record links to the picture with boxes drawn into it. The raw picture of the frame has another name.
    by_stamp = (capture for capture in waiting if named.stamp and named.stamp in capture.source_url)
    return next(by_name, None) or next(by_stamp, None)


def _captures_of(device: Device, named: Named, taken_at: dt.datetime, key: int) -> "QuerySet[Capture]":
    """Return the captures of a picture that is imported already."""
    same = Q(key=key) | Q(source_url__endswith=f"/{named.tail}")
    if named.stamp:
        same |= Q(source_url__contains=named.stamp)
    return _around(device, taken_at).filter(same).exclude(state=State.LINKED)


def _around(device: Device, taken_at: dt.datetime) -> "QuerySet[Capture]":
    around = (taken_at - LINK_TOLERANCE, taken_at + LINK_TOLERANCE)
    return Capture.objects.filter(device__thing__name=device.thing_name, taken_at__range=around)


def _reason(error: Exception) -> str:
    text = str(error).rstrip(".")
    return text[:1].lower() + text[1:] if isinstance(error, deeplens.Unreadable | Rejection) else text


def _chunks(entries: Iterable[Entry], size: int) -> Iterator[list[Entry]]:
    remaining = iter(entries)
    while chunk := list(islice(remaining, size)):
        yield chunk
