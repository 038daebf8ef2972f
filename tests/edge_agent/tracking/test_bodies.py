"""Whoever passes by has a visit where bodies are looked for, and is one person with and without the face."""

from collections.abc import Iterable

from edge_agent.messages import Box, Face, Visit
from edge_agent.tracking.visits import LEAST_BODY_LOOKS, VisitTracker

SIZE = (1280, 720)
LOOK = 0.2


def body(x: float) -> Box:
    return round(x - 60), 100, 120, 420


def face(x: float, *, facing: bool = True) -> Face:
    return Face(0.9, (round(x - 21), 110, 42, 52), facing=facing)


def followed(looks: Iterable[tuple[list[Face], list[Box] | None]]) -> list[Visit]:
    """The last report of each visit."""
    tracker = VisitTracker()
    reports: dict[str, Visit] = {}
    for number, (faces, bodies) in enumerate(looks):
        _, changed = tracker.look(10 + LOOK * number, 10_000 + 200 * number, faces, SIZE, bodies)
        reports |= {visit.id: visit for visit in changed}
    return list((reports | {visit.id: visit for visit in tracker.end_all()}).values())


def test_who_passes_without_a_glance_is_a_passer_by_without_attention() -> None:
    (visit,) = followed(([], [body(100 + 50 * number)]) for number in range(20))
    assert (visit.bodies, visit.attention, visit.dwell, visit.ended) == (True, 0, 3_800, True)


def test_who_turns_to_the_display_and_away_again_is_one_visit_as_long_as_the_body_was_seen() -> None:
    looks = [([face(300 + 20 * n)] if 10 <= n < 20 else [], [body(300 + 20 * n)]) for n in range(30)]
    (visit,) = followed(looks)
    assert visit.dwell == 5_800
    assert visit.attention == 1_800


def test_who_stands_with_the_back_to_the_display_for_longer_than_a_track_is_kept_is_still_one() -> None:
    looks = [([face(600)] if not 10 <= n < 30 else [], [body(600)]) for n in range(40)]
    (visit,) = followed(looks)
    assert visit.dwell == 7_800
    assert visit.attention == 3_600


def test_a_body_that_never_moves_and_shows_no_face_is_nobody() -> None:
    assert followed(([], [body(600 + n % 2)]) for n in range(60)) == []


def test_a_body_that_is_seen_for_a_moment_is_nobody() -> None:
    assert followed(([], [body(300 + 60 * n)] if n < LEAST_BODY_LOOKS - 1 else []) for n in range(20)) == []


def test_two_who_walk_side_by_side_are_two() -> None:
    looks = [([face(300 + 30 * n)], [body(300 + 30 * n), body(430 + 30 * n)]) for n in range(20)]
    assert sorted(visit.attention or 0 for visit in followed(looks)) == [0, 3_800]


def test_a_body_that_is_searched_in_every_second_look_is_one() -> None:
    looks: list[tuple[list[Face], list[Box] | None]] = [
        ([], [body(100 + 40 * n)] if n % 2 == 0 else []) for n in range(21)
    ]
    (visit,) = followed(looks)
    assert visit.dwell == 4_000


def test_where_bodies_are_not_looked_for_a_visit_says_so() -> None:
    (visit,) = followed(([face(300 + 10 * n)], None) for n in range(10))
    assert visit.bodies is False


def test_only_faces_that_were_seen_are_looked_for_again() -> None:
    tracker = VisitTracker()
    for number in range(5):
        at, x = 10 + LOOK * number, 300 + 20 * number
        tracker.look(at, number, [face(x)], SIZE, [body(x), body(x + 400)])
    assert len(tracker.expected(11.0)) == 1
