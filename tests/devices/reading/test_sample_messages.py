"""Every sample message becomes what the sample says it means."""

import datetime as dt
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
