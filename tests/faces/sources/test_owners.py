"""A picture in a bucket is taken in for its own device only, and nothing else is deleted."""

from typing import Any

import pytest

from devices.intake import batches
from devices.models import Device, QuarantinedMessage
from devices.reading.decoding import Arrival
from faces.models import Capture
from faces.pictures import storage
from tests import clock
from tests.faces.sources.amazon import BUCKET, JPEG, Amazon, reasons, with_bucket

pytestmark = pytest.mark.django_db


class TestWhoseAPictureIs:
    def test_a_device_has_no_picture_by_naming_another_ones_address(
        self, amazon: Amazon, seattle01: Device, chicago01: Device
    ) -> None:
        with_bucket(seattle01, prefix="seattle/")
        with_bucket(chicago01, prefix="chicago/")
        address = f"https://s3.amazonaws.com/{BUCKET}/seattle/1.jpg"
        named = f'{{"img": "{address}", "face": 0.9}}'.encode()
        batches.accept([Arrival(f"$aws/things/{chicago01.thing_name}/infer", named, clock.now())])
        amazon.put("seattle/1.jpg")
        amazon.ingester().step()
        assert Capture.objects.get().device == seattle01

    def test_an_event_of_a_bucket_that_is_set_for_no_device_is_refused_unread(
        self, amazon: Amazon, seattle01: Device, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with_bucket(seattle01, "another-bucket")
        monkeypatch.setattr("faces.sources.s3_pictures._content", lambda stored: pytest.fail("was read"))
        amazon.put()
        amazon.ingester().step()
        assert reasons() == [("unknown-device", f"s3/{BUCKET}")]
        assert "in the bucket and under the prefix of no device" in QuarantinedMessage.objects.get().detail

    def test_the_longest_prefix_has_the_picture(self, amazon: Amazon, seattle01: Device, chicago01: Device) -> None:
        with_bucket(chicago01, prefix="cameras/1/")
        amazon.put("cameras/1/1.jpg")
        amazon.ingester().step()
        assert Capture.objects.get().device == chicago01

    def test_metadata_cannot_name_a_device_whose_prefix_is_another(
        self, amazon: Amazon, seattle01: Device, chicago01: Device
    ) -> None:
        with_bucket(seattle01, prefix="seattle/")
        with_bucket(chicago01, prefix="chicago/")
        amazon.put("seattle/1.jpg", thing=chicago01.thing_name)
        amazon.ingester().step()
        assert reasons() == [("other-device", f"s3/{BUCKET}")]

    def test_what_is_not_the_devices_own_is_not_deleted(self, amazon: Amazon, seattle01: Device, tmp_path: Any) -> None:
        amazon.put("other/1.jpg")
        theirs = tmp_path / "taken.jpg"
        theirs.write_bytes(JPEG)
        with_bucket(seattle01, prefix="seattle/")
        for source in (f"s3://{BUCKET}/other/1.jpg", theirs.as_uri()):
            with pytest.raises(PermissionError):
                storage.remove_original(Capture(device=seattle01, source_url=source))
        assert theirs.exists()
        assert amazon.s3.get_object(Bucket=BUCKET, Key="other/1.jpg")["ContentLength"] == len(JPEG)
