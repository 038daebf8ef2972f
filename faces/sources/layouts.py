"""Tells from the name of an archived object what it is. Pure.

Programs of the AWS DeepLens lay out their buckets so, at any depth; the folders before are the prefix:

json/record_at_20180816-183152.json                 what a frame showed
json/record_Seattle01_20180816-183152.json          the same, with the device's name
latest/latest.json                                  a copy of the latest record
images/image_Seattle01_20180816-183152.jpg          the frame
raw_images/retrain_Seattle01_20180816-183152.jpg    the frame, without boxes drawn into it
frames_resized/resized_Seattle01_….jpg              the frame, made small
training_annotation/retrain_Seattle01_….json        boxes drawn on the raw picture of the same name, for training
raw_images/retrain_Seattle01_….xml                  the same, as labelImg writes it beside the picture
faces/8_16/18_31/1534444312_0.jpg                   a face (month_day/hour_minute/seconds_number)
1540710101060.jpg                                   a face, by its time in milliseconds

Other JSON is a log of messages, such as the AWS IoT console exports.
"""

import datetime as dt
import enum
import re
from dataclasses import dataclass

from devices.reading.pictures import SUFFIXES
from edge_agent.text.file_names import why_passed_over

_STAMP = r"(?P<stamp>\d{8}-\d{6})"
_NAMED = re.compile(rf"(record|image|resized|retrain)_(at|(?P<device>.+))_{_STAMP}", re.IGNORECASE)
_STAMPED = re.compile(rf"(?<!\d){_STAMP}(?!\d)")
_FACE = re.compile(r"(?P<epoch>\d{10})_\d+")
_EPOCH = re.compile(r"(?P<epoch>\d{10}|\d{13})")
_MILLISECONDS_DIGITS = 13

RECORDS = ("json", "latest")
FRAMES = ("images", "raw_images", "frames_resized")
"""Folders with pictures of the same frames. The first one that has a frame's picture counts."""
RAW = "raw_images"
"""Where the pictures are on which the boxes of annotations are drawn."""
ANNOTATIONS, FACES = "training_annotation", "faces"
LAYOUT = (*RECORDS, *FRAMES, ANNOTATIONS, FACES)

LOGS = (".json", ".jsonl", ".ndjson", ".log")


class Kind(enum.Enum):
    """What an object of an archive is. The values are the words for several of them."""

    RECORD = "records"
    LOG = "logs of messages"
    FRAME = "pictures"
    FACE = "face crops"
    ANNOTATION = "annotations"


@dataclass(frozen=True, slots=True)
class Named:
    """What an object's name tells."""

    kind: Kind
    prefix: str
    """The folders before the layout's own, such as “seattle”; "" if there are none."""
    tail: str
    """The name from the layout's folder on, which a record's link to its picture ends with."""
    device_id: str = ""
    stamp: str = ""
    """The time of the frame by the device's clock, as `YYYYmmdd-HHMMSS`; "" if the name contains none."""
    epoch_ms: int | None = None
    rank: int = 0
    """If a frame has several pictures, the picture with the lowest rank counts."""

    @property
    def place(self) -> tuple[str, str]:
        """The folders before the layout's own, and the name without its ending; its annotation's are equal."""
        return self.prefix, self.tail.rpartition("/")[2].rpartition(".")[0].lower()

    @property
    def is_raw(self) -> bool:
        """Whether the folder says that no boxes are drawn into the picture."""
        return self.tail.lower().startswith(f"{RAW}/")

    @property
    def is_crop(self) -> bool:
        """Whether the folder says that the picture shows one face only."""
        return self.kind is Kind.FACE and self.tail.lower().startswith(f"{FACES}/")

    def taken_at(self, zone: dt.tzinfo) -> dt.datetime | None:
        """Return the time in the name in UTC; `zone` is that of the device's stamps. Raises `ValueError`."""
        if self.epoch_ms is not None:
            return dt.datetime.fromtimestamp(self.epoch_ms / 1000, dt.UTC)
        if not self.stamp:
            return None
        return dt.datetime.strptime(self.stamp, "%Y%m%d-%H%M%S").replace(tzinfo=zone).astimezone(dt.UTC)


def parse_name(name: str) -> Named | str:
    """Return what the name tells, or why the object is passed over, as the rest of a sentence."""
    *folders, file = name.split("/")
    place = next((place for place in reversed(range(len(folders))) if folders[place].lower() in LAYOUT), len(folders))
    layout = folders[place].lower() if place < len(folders) else ""
    prefix, tail = "/".join(folders[:place]), "/".join([*folders[place:], file])
    stem, _, suffix = file.rpartition(".")
    is_json = f".{suffix.lower()}" in LOGS and not file.startswith((".", "~$"))
    is_xml = suffix.lower() == "xml" and layout in (ANNOTATIONS, *FRAMES) and not file.startswith((".", "~$"))
    if is_json or is_xml:
        kind = Kind.RECORD if layout in RECORDS and suffix.lower() == "json" else Kind.LOG
        kind = Kind.ANNOTATION if is_xml or layout == ANNOTATIONS else kind
        match = _NAMED.fullmatch(stem)
        return Named(kind, prefix, tail, (match and match["device"]) or "", (match and match["stamp"]) or "")
    if why := why_passed_over(file, SUFFIXES):
        return why
    return _picture(layout, prefix, tail, stem)


def why_no_new_picture(name: str) -> str:
    """Return why an object that is put into a bucket is no picture of its own, or "".

    Names that no layout has may be those of pictures; their content tells.
    """
    named = parse_name(name)
    if isinstance(named, str):
        return ""
    if named.kind is Kind.ANNOTATION:
        return "it holds boxes for training; `manage.py import_past` reads those of the past"
    if named.kind in (Kind.RECORD, Kind.LOG):
        return "it is no picture; records come over MQTT, and `manage.py import_past` reads those of the past"
    return "it is a copy of another picture of the frame" if named.rank else ""


def _picture(layout: str, prefix: str, tail: str, stem: str) -> Named:
    if layout == FACES and (face := _FACE.fullmatch(stem)):
        return Named(Kind.FACE, prefix, tail, epoch_ms=_milliseconds(face["epoch"]))
    if epoch := _EPOCH.fullmatch(stem):
        return Named(Kind.FACE, prefix, tail, epoch_ms=_milliseconds(epoch["epoch"]))
    rank = FRAMES.index(layout) if layout in FRAMES else 0
    kind = Kind.FACE if layout == FACES else Kind.FRAME
    if match := _NAMED.fullmatch(stem):
        return Named(kind, prefix, tail, match["device"] or "", match["stamp"], rank=rank)
    stamped = _STAMPED.search(stem)
    return Named(kind, prefix, tail, stamp=stamped["stamp"] if stamped else "", rank=rank)


def _milliseconds(digits: str) -> int:
    return int(digits) if len(digits) == _MILLISECONDS_DIGITS else int(digits) * 1000
