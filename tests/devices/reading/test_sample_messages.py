"""Every sample message becomes what the sample says it means."""

import datetime as dt
import html
import itertools
import json
import re
from pathlib import Path

import pytest

from analytics.models import Detection, Frame
from devices.intake.batches import accept
from devices.models import DeviceLog, DeviceState, QuarantinedMessage, Thing
from devices.reading.decoding import Arrival
from faces.models import Capture

LINES = (Path(__file__).parent / "samples" / "deeplens.jsonl").read_text().splitlines()
COUNTS = {"no": 0, "one": 1, "TWO": 2, "THREE": 3}

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("seattle01", "chicago01", "chicago02"),
]


def arrived_at(means: str) -> dt.datetime:
    """The time that the meaning names, for messages come within a moment; else some time when all samples are young."""
    told = re.search(r"\d{4}-\d\d-\d\dT[\d:.]+Z", means)
    return dt.datetime.fromisoformat(told[0] if told else "2018-08-16T18:31:52Z")


def arrive(sample: dict[str, str]) -> dt.datetime:
    at = arrived_at(sample["means"])
    Thing.objects.update(bucket="YOUR-BUCKET-NAME")
    accept([Arrival(sample["topic"], sample["payload"].encode(), at)])
    return at


def samples(*openings: str) -> list[object]:
    parsed = (json.loads(line) for line in LINES)
    return [pytest.param(each, id=each["payload"][:40]) for each in parsed if each["means"].startswith(openings)]


def test_no_sample_is_left_out() -> None:
    known = samples(
        "device log", "a sign of life", "a picture link", "set aside", "one face crop", "one frame", "the same"
    )
    assert len(known) == len(LINES)


@pytest.mark.parametrize("sample", samples("device log"))
def test_a_line_of_log(sample: dict[str, str]) -> None:
    arrive(sample)
    assert DeviceLog.objects.get().text == sample["payload"]
    assert DeviceLog.objects.get().level == ("error" if "level error" in sample["means"] else "info")
    assert not Frame.objects.exists()


@pytest.mark.parametrize("sample", samples("a sign of life", "a picture link"))
def test_a_sign_of_life(sample: dict[str, str]) -> None:
    at = arrive(sample)
    assert DeviceState.objects.get().last_seen_at == at
    assert not any(model._default_manager.exists() for model in (Frame, DeviceLog, QuarantinedMessage))


@pytest.mark.parametrize("sample", samples("set aside", "one face crop"))
def test_a_quarantined_message(sample: dict[str, str]) -> None:
    arrive(sample)
    assert bytes(QuarantinedMessage.objects.get().payload).decode() == sample["payload"]
    assert not any(model._default_manager.exists() for model in (Frame, DeviceLog, Capture))


@pytest.mark.parametrize("sample", samples("one frame", "the same"))
def test_a_frame(sample: dict[str, str]) -> None:
    at = arrive(sample)
    means = sample["means"]
    frame = Frame.objects.get()
    assert frame.taken_at == at
    # The device has said nothing before.
    assert frame.faces == (None if "thumbs-up" in means or "never said face" in means else faces_in(means))
    thumbs = 2 if "two thumbs-up" in means else int("one thumbs-up" in means)
    assert Detection.objects.filter(label="thumbs-up").count() == thumbs
    assert Capture.objects.count() == int("one picture" in means)
    assert not QuarantinedMessage.objects.exists()


def faces_in(means: str) -> int:
    if means.startswith("the same"):
        return 1
    words = re.findall(r"\w+", means)
    return next(
        COUNTS[count] for count, noun in itertools.pairwise(words) if noun in ("face", "faces") and count in COUNTS
    )


PAGE = Path(__file__).parents[3] / "docs" / "payloads.md"
ROW = re.compile(r"^\| <code>(.*)</code> \| (.*) \|$", re.MULTILINE)


def outcome() -> str:
    """What the database has of the only message, in the words of docs/payloads.md."""
    if line := DeviceLog.objects.first():
        return "a line of log" + (", level *error*" if line.level == "error" else "")
    if aside := QuarantinedMessage.objects.first():
        return f"quarantined as `{aside.reason}`: {aside.detail}"
    picture = "a picture in S3" if Capture.objects.exists() else ""
    frame = Frame.objects.first()
    if frame is None:
        return picture or "the camera was on in this minute; no frame"
    found = Detection.objects.filter(frame=frame).order_by("pk").values_list("label", "confidence")
    rounded = [(label, f"{confidence:.3f}") for label, confidence in found]
    faces = "faces unknown" if frame.faces is None else f"{frame.faces} face{'s' * (frame.faces != 1)}"
    if confidences := ", ".join(confidence for label, confidence in rounded if label == "face"):
        faces += f" ({confidences})"
    labels = [f"{label} ({confidence})" for label, confidence in rounded if label != "face"]
    taken = f"taken at {frame.taken_at:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z" if frame.taken_at != frame.received_at else ""
    return ", ".join(filter(None, [f"a frame: {faces}", *labels, taken, picture]))


@pytest.mark.parametrize("number", range(len(LINES)))
def test_the_page_of_payloads_tells_byte_for_byte_what_each_becomes(number: int) -> None:
    sample, rows = json.loads(LINES[number]), ROW.findall(PAGE.read_text())
    Thing.objects.update(bucket="YOUR-BUCKET-NAME")
    a_moment_later = arrived_at(sample["means"]) + dt.timedelta(minutes=1)
    accept([Arrival(sample["topic"], sample["payload"].encode(), a_moment_later)])
    assert len(rows) == len(LINES)
    payload, becomes = rows[number]
    assert (html.unescape(payload), becomes) == (sample["payload"], outcome())
