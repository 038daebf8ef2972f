"""A device's accuracy from its sessions and its frames."""

import datetime as dt
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics.counting.corrections import review
from analytics.features.groundtruth import reads
from analytics.features.groundtruth.charts import calibration, sentence, session_figure
from analytics.features.groundtruth.setups import Change
from analytics.models import Detection, DeviceSetup, Verdict
from analytics.models.groundtruth import GroundTruthCount, GroundTruthSession
from devices.models import Device
from devices.services import register_device, retire_device
from tests import clock
from tests.analytics.features.groundtruth.conftest import MINUTE, NINE, SECOND, camera, counted
from tests.analytics.visits import report, visited


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
    assert sentence(found.comparison).startswith("The camera measures 83% of what a person counts (")


def setup(device: Device, since: dt.datetime, **changed: Any) -> None:
    """The device has this setup from then on."""
    usual = {"software": "agent 1", "camera": "c1", "models": "m1", "accuracy": "balanced", "facing_angle": 30.0}
    DeviceSetup.objects.create(device=device, since=since, setup={**usual, "faces": True, **changed})


def test_a_calibration_holds_until_the_camera_or_a_setting_is_changed(
    session: GroundTruthSession, seattle01: Device, operator: User
) -> None:
    setup(seattle01, NINE - MINUTE)
    assert calibration(reads.read_accuracy(seattle01)).startswith("Measures 93% of what a person counts (")
    setup(seattle01, NINE + 60 * MINUTE, accuracy="high", software="agent 2")
    found = reads.read_accuracy(seattle01)
    assert found.ended == Change(NINE + 60 * MINUTE, "software and accuracy")
    told = calibration(found)
    assert told.startswith("Measured 93% of what a person counts (")
    assert told.endswith(
        "for people present, counted on 20 Nov 2026. On 20 Nov 2026 the software and accuracy were changed, so this "
        "holds no more: count again."
    )
    camera(seattle01, [1], [1], start=NINE + 90 * MINUTE)
    again = counted(seattle01, operator, 1, 1, start=NINE + 90 * MINUTE)
    found = reads.read_accuracy(seattle01)
    assert (found.ended, [each.session for each in found.calibrating]) == (None, [again])
    setup(seattle01, NINE + 120 * MINUTE)
    found = reads.read_accuracy(seattle01)
    assert [each.session for each in found.calibrating] == [session], "the former setup is back"


def test_new_software_is_told_and_the_calibration_holds_as_it_does_in_comparisons(
    session: GroundTruthSession, seattle01: Device
) -> None:
    for hours, software in ((-1, "agent 1"), (1, "agent 2"), (24, "agent 3")):
        setup(seattle01, NINE + hours * 60 * MINUTE, software=software)
    found = reads.read_accuracy(seattle01)
    assert (found.ended, [each.session for each in found.calibrating]) == (None, [session])
    assert calibration(found).endswith(
        "counted on 20 Nov 2026. New software came on 21 Nov 2026, which may change what is counted."
    )
    (of_setup,) = reads.read_setup_calibrations([seattle01.pk]).values()
    assert of_setup["average"] == reads.calibration_of(found.comparison)


def test_a_setting_that_was_changed_and_changed_back_during_a_session_lets_it_calibrate_nothing(
    session: GroundTruthSession, seattle01: Device
) -> None:
    for minutes, accuracy in ((-1, "fast"), (1, "high"), (2, "fast")):
        setup(seattle01, NINE + minutes * MINUTE, accuracy=accuracy)
    assert calibration(reads.read_accuracy(seattle01)) == ""
    assert reads.read_setup_calibrations([seattle01.pk]) == {}


def test_another_camera_at_the_spot_ends_the_calibration(session: GroundTruthSession, seattle01: Device) -> None:
    moved = NINE + 60 * MINUTE
    retire_device(device=seattle01, at=moved)
    register_device(site=seattle01.site, name=seattle01.name, thing_name="new", since=moved)
    latest = Device.objects.get(thing__name="new")
    found = reads.read_accuracy(latest)
    assert (found.ended, found.compared) == (Change(moved, "camera"), 1)


def test_a_session_during_which_something_was_changed_calibrates_nothing(
    session: GroundTruthSession, seattle01: Device
) -> None:
    setup(seattle01, NINE - MINUTE)
    setup(seattle01, NINE + 2 * MINUTE, accuracy="high")
    assert calibration(reads.read_accuracy(seattle01)) == ""


def test_visits_are_compared_with_the_people_who_came(seattle01: Device, operator: User) -> None:
    camera(seattle01, [1], [1], [1], [1])
    report(*(visited(seattle01, NINE + second * SECOND, key=f"{second}") for second in (-5, 10, 70, 80, 130, 200)))
    session = counted(seattle01, operator, 1, 1, 1, 1)
    assert reads.read_session_result(session).visits is None
    GroundTruthSession.objects.update(counts_arrivals=True)
    came = {0: 0, 20: 1, 65: 3, 100: 4, 101: 3, 190: 5}
    for second, total in came.items():
        GroundTruthCount.objects.create(
            session=session, key=uuid.uuid4(), at=NINE + second * SECOND, people=1, came=total
        )
    session.refresh_from_db()
    result = reads.read_session_result(session)
    assert result.arrivals is not None
    assert [(minute.person, minute.camera) for minute in result.arrivals] == [(1, 1), (2, 2), (0, 1), (2, 1)]
    assert result.visits is not None
    assert result.visits.share == 1.0
    assert "100% of what a person counts (" in calibration(reads.read_accuracy(seattle01))


def test_a_camera_that_follows_nobody_has_no_visits_to_compare(session: GroundTruthSession) -> None:
    GroundTruthSession.objects.update(counts_arrivals=True)
    session.refresh_from_db()
    assert reads.read_session_result(session).visits is None


def test_a_device_takes_the_same_seven_queries_and_one_that_nobody_counted_at_one(
    session: GroundTruthSession, seattle01: Device, chicago01: Device, operator: User
) -> None:
    for number in range(1, 4):
        counted(seattle01, operator, 1, start=NINE + 10 * number * MINUTE)
    with CaptureQueriesContext(connection) as queries:
        reads.read_accuracy(seattle01)
    assert len(queries) == 7
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
