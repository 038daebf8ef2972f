from collections.abc import Iterable, Sequence

import pytest

from edge_agent.messages import Face, Visit
from edge_agent.tracking.visits import UPDATE_SECONDS, VisitTracker

SIZE = (1280, 720)
EVERY = 0.2
NOON = 1_700_000_000_000


def face(x: int = 600, *, height: int = 80, facing: bool | None = True) -> Face:
    return Face(0.9, (x, 300, 80, height), facing=facing)


def reported(
    looks: Iterable[Sequence[Face]], tracker: VisitTracker | None = None, clock: Iterable[int] | None = None
) -> list[Visit]:
    """All reports of these looks, the ends at the end included. `clock` are the wall clock's times of the looks."""
    tracker = tracker or VisitTracker()
    listed = list(looks)
    times = list(clock or (NOON + round(1000 * EVERY * number) for number in range(len(listed))))
    found = [
        visit
        for number, faces in enumerate(listed)
        for visit in tracker.look(10 + number * EVERY, times[number], faces, SIZE)[1]
    ]
    return [*found, *tracker.end_all()]


def ended(visits: Iterable[Visit]) -> list[Visit]:
    return [visit for visit in visits if visit.ended]


def test_a_visit_lasts_from_the_first_look_with_the_face_to_the_last() -> None:
    (visit,) = ended(reported([[], *[[face()]] * 11, *[[]] * 20]))
    assert visit.began_at == NOON + 200
    assert visit.dwell == 2000


def test_attention_is_the_time_in_which_the_face_was_turned_to_the_display() -> None:
    looks = [[face(facing=True)]] * 11 + [[face(facing=False)]] * 10
    (visit,) = ended(reported(looks))
    assert visit.dwell == 4000
    assert visit.attention == 2100


def test_a_face_that_is_missed_for_half_a_second_keeps_its_attention_and_one_missed_longer_loses_it() -> None:
    there: list[list[Face]] = [[face()]]
    (briefly,) = ended(reported(there * 5 + [[]] * 2 + there * 5))
    (longer,) = ended(reported(there * 5 + [[]] * 3 + there * 5))
    assert (briefly.dwell, briefly.attention) == (2200, 2200)
    assert (longer.dwell, longer.attention) == (2400, 1600)


def test_where_the_detector_does_not_tell_where_a_face_looks_attention_is_unknown() -> None:
    (visit,) = ended(reported([[face(facing=None)]] * 6))
    assert visit.attention is None


def test_a_visit_is_reported_when_it_begins_every_few_seconds_and_when_it_has_ended() -> None:
    seconds = 3 * UPDATE_SECONDS
    reports = reported([[face()]] * (round(seconds / EVERY) + 1))
    assert len({(visit.id, visit.began_at) for visit in reports}) == 1
    assert [visit.ended for visit in reports] == [False, False, False, True]
    assert [visit.dwell for visit in reports] == sorted(visit.dwell for visit in reports)
    assert reports[-1].dwell == seconds * 1000


def test_a_false_face_of_one_or_two_looks_is_no_visit() -> None:
    assert reported([[face()], [face()], *[[]] * 20]) == []


def test_two_people_are_two_visits_and_each_face_names_its_own() -> None:
    tracker = VisitTracker()
    for number in range(5):
        named, _ = tracker.look(number * EVERY, NOON, [face(200), face(900)], SIZE)
    visits = tracker.end_all()
    assert [visit.id for visit in visits] == [each.visit for each in named]
    assert len({each.visit for each in named}) == 2


def test_the_nearest_distance_follows_from_the_size_of_the_face_and_the_lens() -> None:
    # A face of 174 pixels is a metre away in a picture 1,280 pixels wide, through a lens of 70°.
    near, far = [face(height=87)], [face(height=70)]
    (visit,) = ended(reported([far] * 5 + [near] * 20 + [far] * 5, VisitTracker(lens=70.0)))
    assert visit.nearest == pytest.approx(2.0, abs=0.05)
    (blind,) = ended(reported([near] * 5))
    assert blind.nearest is None


def test_a_wall_clock_that_jumps_back_changes_no_duration_and_splits_no_visit() -> None:
    clock = [NOON + 200 * number - (3_600_000 if number > 4 else 0) for number in range(11)]
    (visit,) = ended(reported([[face()]] * 11, clock=clock))
    assert (visit.began_at, visit.dwell, visit.attention) == (NOON, 2000, 2000)


def test_all_visits_end_where_the_frames_change_their_size() -> None:
    tracker = VisitTracker()
    for number in range(5):
        tracker.look(number * EVERY, NOON, [face()], SIZE)
    _, changed = tracker.look(5 * EVERY, NOON, [face()], (640, 360))
    assert [visit.ended for visit in changed] == [True]


def test_a_face_without_a_box_is_passed_on_without_a_visit() -> None:
    named, visits = VisitTracker().look(0.0, NOON, [Face(0.9), face()], SIZE)
    assert [each.visit is None for each in named] == [True, False]
    assert visits == ()
