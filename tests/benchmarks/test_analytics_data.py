import datetime as dt

import pytest
from django.db import connection

from analytics.counting import corrections
from analytics.models import Detection, Episode, Frame
from benchmarks.data import analytics_data
from devices.models import Device
from tests import clock

DAYS = 2
MICROSECOND = dt.timedelta.resolution

only_postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="PostgreSQL makes the rows; SQLite has no words for it"
)


@only_postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("count", [960, 1_387])
def test_what_the_database_makes_is_what_its_frames_make(count: int) -> None:
    """A plain walk over the spells has the same frames, and a rebuild of all days finds nothing wrong."""
    last = clock.now().date() - analytics_data.DAY
    analytics_data.load(count, last=last, days=DAYS)
    every = DAYS * len(analytics_data.ON) * analytics_data.HOUR_S / count
    for day in range(DAYS):
        first = dt.datetime.combine(last, dt.time(analytics_data.ON[0]), dt.UTC)
        first -= analytics_data.DAY * (DAYS - 1 - day)
        made = Frame.objects.filter(taken_at__gte=first, taken_at__lt=first + analytics_data.DAY).order_by("taken_at")
        for frame, (at, faces, thumb) in zip(made, analytics_data.frames(day, every), strict=False):
            assert abs(frame.taken_at - first - dt.timedelta(seconds=at)) <= MICROSECOND
            assert frame.faces == faces
            labels = frame.detections.values_list("label", flat=True).order_by("label")
            assert list(labels) == ["face"] * faces + ["thumbs-up"] * thumb
    assert count <= Frame.objects.count() <= count + DAYS
    assert Detection.objects.filter(label="thumbs-up").exists()
    assert Episode.objects.exists()
    stretches = corrections.stretches(devices=list(Device.objects.all()), now=clock.now())
    assert [corrections.rebuild(stretch) for stretch in stretches] == [0] * DAYS
