"""A device's accuracy from its sessions and its frames."""

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics.counting.corrections import review
from analytics.groundtruth import reads
from analytics.groundtruth.charts import sentence, session_figure
from analytics.models import Detection, Verdict
from analytics.models.groundtruth import GroundTruthSession
from devices.models import Device
from tests import clock
from tests.analytics.groundtruth.conftest import MINUTE, NINE, camera, counted


def test_a_session_compares_the_minutes_in_which_both_looked(session: GroundTruthSession) -> None:
    result = reads.read_session_result(session)
    assert result.average == pytest.approx(2.4)
    assert [(minute.person, minute.camera) for minute in result.minutes] == [
        (3, 2),
        (2, 2),
        (2, 2.5),
        (3, None),
        (2, None),
    ]
    found = result.comparison
    assert (found.minutes, found.minutes_off) == (3, 2)
    assert found.person == pytest.approx(7 / 3)
    assert found.camera == pytest.approx(6.5 / 3)
    assert found.absolute_error == pytest.approx(0.5)


def test_faces_that_reviewers_called_wrong_are_none(session: GroundTruthSession, operator: User) -> None:
    face = Detection.objects.filter(frame__taken_at__gte=NINE + 2 * MINUTE).first()
    assert face is not None
    review(verdicts={face: Verdict.WRONG}, by=operator, now=clock.now())
    assert reads.read_session_result(session).minutes[2].camera == 2


def test_a_camera_that_looks_for_no_faces_is_not_compared(seattle01: Device, operator: User) -> None:
    from tests.analytics.frames import count, seen

    count(seen(seattle01, NINE, faces=None))
    assert reads.read_session_result(counted(seattle01, operator, 1)).comparison.minutes == 0


def test_other_devices_frames_are_none_of_this_ones(session: GroundTruthSession, chicago01: Device) -> None:
    camera(chicago01, [9], [9], [9], [9])
    assert reads.read_session_result(session).comparison.minutes == 3


def test_a_session_without_end_is_known_up_to_the_last_word(seattle01: Device, operator: User) -> None:
    camera(seattle01, [1], [1], [1])
    session = counted(seattle01, operator, 1, 1, ended=False)
    assert reads.read_session_result(session).comparison.minutes == 2


def test_a_device_is_as_right_as_its_sessions_together(
    session: GroundTruthSession, seattle01: Device, operator: User
) -> None:
    camera(seattle01, [1], [0], start=NINE + 10 * MINUTE)
    later = counted(seattle01, operator, 1, 1, start=NINE + 10 * MINUTE)
    dark = counted(seattle01, operator, 1, start=NINE + 20 * MINUTE)
    found = reads.read_accuracy(seattle01)
    assert [each.session for each in found.sessions] == [dark, later, session]
    assert found.compared == 2
    assert (found.comparison.minutes, found.comparison.minutes_off) == (5, 3)
    assert found.comparison.share == pytest.approx((6.5 + 1) / (7 + 2))
    assert sentence(found.comparison).startswith("The camera measures about 83% of what a person sees (95% interval ")


def test_a_device_takes_the_same_four_queries_and_one_that_nobody_counted_at_one(
    session: GroundTruthSession, seattle01: Device, chicago01: Device, operator: User
) -> None:
    for number in range(1, 4):
        counted(seattle01, operator, 1, start=NINE + 10 * number * MINUTE)
    with CaptureQueriesContext(connection) as queries:
        reads.read_accuracy(seattle01)
    assert len(queries) == 4
    with CaptureQueriesContext(connection) as queries:
        assert reads.read_accuracy(chicago01).sessions == []
    assert len(queries) == 1


def test_a_sentence_explains_why_there_is_no_comparison(seattle01: Device, operator: User) -> None:
    assert sentence(reads.read_accuracy(seattle01).comparison).startswith("There is no full minute yet")
    camera(seattle01, [0], [1])
    assert sentence(reads.read_session_result(counted(seattle01, operator, 0)).comparison).startswith(
        "The person saw nobody"
    )
    later = counted(seattle01, operator, 1, start=NINE + MINUTE)
    assert sentence(reads.read_session_result(later).comparison).endswith("(too few minutes for an interval).")


def test_the_plot_lays_the_persons_line_over_the_cameras_bars(session: GroundTruthSession) -> None:
    minutes = reads.read_session_result(session).minutes
    figure = session_figure([*minutes[:2], minutes[3]], session.device.site.zone)
    bars, line, targets = figure["data"][0], figure["data"][-2], figure["data"][-1]
    assert bars["y"] == [2, 2]
    assert line["y"] == [3, 3, 2, 2, None, 3, 3]
    assert figure["layout"]["yaxis"]["range"][1] > 3
    assert figure["layout"]["xaxis"]["ticktext"] == ["09:00", "09:01", "09:03"]
    assert targets["hovertext"][0] == "<b>09:00 PST</b><br>person 3.00<br>camera 2.00"
    assert targets["hovertext"][2].endswith("camera off")
