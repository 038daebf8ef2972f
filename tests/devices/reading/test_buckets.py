"""A device has only the pictures of the bucket and prefix that are set for it."""

import json

import pytest

from analytics.models import Frame
from devices.intake.batches import accept
from devices.models import Device, DeviceLog, Thing
from devices.reading.buckets import parse_address
from devices.reading.decoding import Arrival
from faces.models import Capture
from tests import clock
from tests.world import places

pytestmark = pytest.mark.django_db


def from_deeplens(payload: str) -> Arrival:
    return Arrival(f"$aws/things/{places.CHICAGO01}/infer", payload.encode(), clock.now())


@pytest.mark.parametrize(
    "url",
    [
        "s3://cameras/a/b%20c.jpg",
        "https://s3.amazonaws.com/cameras/a/b%20c.jpg",
        "https://s3-us-west-2.amazonaws.com/cameras/a/b%20c.jpg",
        "https://s3.eu-central-1.amazonaws.com/cameras/a/b%20c.jpg",
        "https://cameras.s3.amazonaws.com/a/b%20c.jpg",
        "https://cameras.s3.eu-central-1.amazonaws.com/a/b%20c.jpg",
    ],
)
def test_an_address_of_s3_names_bucket_and_key(url: str) -> None:
    assert parse_address(url) == ("cameras", "a/b c.jpg")


@pytest.mark.parametrize(
    "url", ["", "https://example.com/a", "https://s3.amazonaws.com.example.com/b/a", "http://[::1"]
)
def test_another_address_names_none(url: str) -> None:
    assert parse_address(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://s3.amazonaws.com/b/images/1.jpg",
        "s3://b/other/1.jpg",
        "s3://c/images/1.jpg",
        "https://c.s3.us-west-2.amazonaws.com/images/1.jpg",
        "https://example.com/images/1.jpg",
        "file:///etc/passwd",
        "http://[::1",
    ],
)
def test_an_address_that_is_not_the_devices_own_is_not_linked_and_the_log_says_so(chicago01: Device, url: str) -> None:
    own = "s3://b/images/1.jpg" if url.startswith("s3:") else "https://b.s3.amazonaws.com/images/1.jpg"
    if "s3.amazonaws.com/b" not in url:
        Thing.objects.update(bucket="b", bucket_prefix="images/")
    accept([from_deeplens(json.dumps({"face": 0.9, "img": url})), from_deeplens(json.dumps({"img": url}))])
    assert not Capture.objects.exists()
    assert Frame.objects.count() == 1
    assert "not the bucket and prefix that are set for it" in DeviceLog.objects.get().text
    Thing.objects.update(bucket="b", bucket_prefix="images/")
    accept([from_deeplens(json.dumps({"img": own}))])
    assert Capture.objects.get().source_url == own
