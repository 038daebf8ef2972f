import datetime as dt

from django.contrib.auth.models import User
from hypothesis import given
from hypothesis import strategies as st

from analytics.counting import corrections
from analytics.features.reviewing import precision
from analytics.features.reviewing.precision import DecidedDetection, Precision, precision_table
from analytics.models import Detection, DeviceSoftware, Verdict
from devices.models import Device
from tests.analytics.frames import count, seen

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)

decided = st.builds(
    DecidedDetection, st.sampled_from("ab"), st.sampled_from(["1", "2"]), st.floats(0, 1), st.booleans()
)


@given(st.lists(decided))
def test_each_threshold_speaks_for_what_is_at_or_above_it(rows: list[DecidedDetection]) -> None:
    table = precision_table(rows, disputed=0)
    for threshold, found in table.by_threshold:
        above = [row for row in rows if round(row.confidence * 1e6) >= round(threshold * 1e6)]
        assert (found.right, found.decided) == (sum(row.is_right for row in above), len(above))
    assert [found for _, found in table.by_threshold[:1]] == ([table.total] if rows else [])
    assert sum(found.decided for _, _, found in table.by_device) == len(rows)


def test_precision_is_per_device_and_software(
    seattle01: Device, chicago01: Device, superuser: User, operator: User
) -> None:
    DeviceSoftware.objects.create(device=seattle01, since=NOON, software="agent 1")
    DeviceSoftware.objects.create(device=seattle01, since=NOON + 2 * HOUR, software="agent 2")
    for hour, verdict in ((-1, "right"), (0, "right"), (1, "wrong"), (2, "right"), (3, None)):
        for device in (seattle01, chicago01)[: 1 + (hour == 0)]:
            count(seen(device, NOON + hour * HOUR, labels=[("cup", 0.5 + hour / 10)]))
            found = Detection.objects.select_related("frame__device__site").latest("pk")
            corrections.review(verdicts={found: Verdict(verdict or "right")}, by=superuser, now=NOON)
            if verdict is None:
                corrections.review(verdicts={found: Verdict.WRONG}, by=operator, now=NOON)
    table = precision.read_precision([seattle01, chicago01], label="cup", start=NOON - 9 * HOUR, end=NOON + 9 * HOUR)
    assert table.disputed == 1
    assert table.by_device == [
        ("Chicago01", "not told", Precision(1, 0)),
        ("Seattle01", "agent 1", Precision(1, 1)),
        ("Seattle01", "agent 2", Precision(1, 0)),
        ("Seattle01", "not told", Precision(1, 0)),
    ]
    assert table.by_threshold[-1] == (0.7, Precision(1, 0))
    none = precision.read_precision([seattle01], label="cup", start=NOON + 4 * HOUR, end=NOON + 9 * HOUR)
    assert (none.total, none.by_threshold) == (Precision(0, 0), [])
