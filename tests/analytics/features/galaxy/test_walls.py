"""A wall's pages and pictures: their numbers, their permissions, and that all requests of a slot get the same bytes."""

import datetime as dt
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from analytics.counting.corrections import review
from analytics.features.galaxy.boards.board import all_boards
from analytics.features.galaxy.serving import pairing_walls, urls, views
from analytics.features.galaxy.serving.responses import get_shared
from analytics.features.galaxy.time_slots import REFRESH_S
from analytics.models import Detection, Episode, Question, Verdict
from analytics.models.walls import WallToken
from devices.models import Device, Site
from devices.rules.text import RESERVED_SLUGS
from faces.erasure.signals import person_erased
from faces.models import Person
from tests.analytics.features.galaxy.conftest import NOW, people
from tests.analytics.frames import count, seen
from tests.clock import SetClock

SECOND = dt.timedelta(seconds=1)

pytestmark = pytest.mark.usefixtures("at_half_past")


def get(address: str, user: User | None = None, **headers: str) -> Any:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client.get(address, headers=headers)


def words(answer: Any) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", answer.content.decode())


def later(set_clock: SetClock, seconds: float) -> None:
    set_clock(NOW + dt.timedelta(seconds=seconds))


def test_today_shows_the_hour_the_peak_and_the_time(past: None, viewer: User) -> None:
    shown = words(get("/wall/seattle/today/of/3/1.svg", viewer))
    assert {"Seattle", "0.0", "people this", "2", "most at once", "10:30", "Fri 20 Nov", "2.0"} <= set(shown)


def test_todays_thumbs_up_are_those_of_the_overview(
    past: None, viewer: User, operator: User, seattle01: Device
) -> None:
    """Two are held up over some frames each; a reviewer calls all of the second wrong."""
    for minute in (0, 5):
        start = NOW.replace(hour=17, minute=minute, second=1)
        count(*(seen(seattle01, start + n * SECOND, labels=[("thumbs-up", 0.9)], key=n) for n in range(3 + minute)))
    wrong = Detection.objects.filter(label="thumbs-up", frame__taken_at__minute=5).select_related("frame__device")
    review(verdicts=dict.fromkeys(wrong, Verdict.WRONG), by=operator, now=NOW)
    (device,) = get("/api/v1/today/", viewer).json()["results"]
    assert device["thumbs_up"] == 1
    shown = words(get("/wall/seattle/today/of/7.svg", viewer))
    assert shown[shown.index("thumbs-up today") - 1] == "1"


def test_the_week_names_its_busiest_hour(past: None, viewer: User) -> None:
    shown = words(get("/wall/seattle/week/of/5.svg", viewer))
    assert {"Fri 09:00", "busiest hour", "Sat 14", "Fri 20"} <= set(shown)


def test_all_sites_are_the_users_own(past: None, viewer: User, superuser: User) -> None:
    assert {"Seattle", "0.0"} <= set(words(get("/wall/all/sites/of/3.svg", viewer)))
    assert "Chicago" not in words(get("/wall/all/sites/of/3.svg", viewer))
    assert {"Seattle", "Chicago", "1.0"} <= set(words(get("/wall/all/sites/of/3.svg", superuser)))


@pytest.fixture
def question(seattle: Site, seattle01: Device) -> Question:
    """Asked from nine to eleven; three say yes and one no."""
    start = NOW.replace(hour=17, minute=0, second=0)
    for minute, label in enumerate(["thumbs-up"] * 3 + ["thumbs-down"]):
        at = start + dt.timedelta(minutes=minute)
        Episode.objects.create(device=seattle01, label=label, started=at, ended=at, peak=1, confidence=0.9)
    return Question.objects.create(
        site=seattle, text="Good coffee?", asked_from=start, asked_until=start + dt.timedelta(hours=2)
    )


def test_the_question_that_is_asked_has_its_result(question: Question, viewer: User) -> None:
    shown = words(get("/wall/seattle/question/of/3.svg", viewer))
    assert "Good coffee?" in " ".join(shown)
    assert {"75%", "say yes", "3 yes", "1 no", "Asked until Fri 20 Nov, 11:00"} <= set(shown)


def test_the_last_result_stays_until_something_else_is_asked(
    question: Question, viewer: User, set_clock: SetClock
) -> None:
    next_one = Question.objects.create(
        site=question.site,
        text="Warm enough?",
        asked_from=question.asked_until + dt.timedelta(hours=1),
        asked_until=question.asked_until + dt.timedelta(hours=2),
    )
    later(set_clock, 3_600)
    shown = words(get("/wall/seattle/question/of/3.svg", viewer))
    assert "Good coffee?" in " ".join(shown)
    assert {"75%", "Ended Fri 20 Nov, 11:00"} <= set(shown)
    later(set_clock, (next_one.asked_from - NOW).total_seconds())
    shown = words(get("/wall/seattle/question/of/3.svg", viewer))
    assert "Warm enough?" in " ".join(shown)
    assert "No answer yet" in shown


def test_an_answer_is_shown_on_all_screens_with_the_next_slot(
    question: Question, viewer: User, set_clock: SetClock
) -> None:
    address = "/wall/seattle/question/of/3/1.svg"
    first = get(address, viewer)
    Episode.objects.all().delete()
    views.clear_process_caches()  # as in another process, which has cached nothing yet
    assert get(address, viewer).content == first.content
    later(set_clock, REFRESH_S)
    assert get(address, viewer).content != first.content


@pytest.mark.parametrize("board", [board.name for board in all_boards()])
@pytest.mark.parametrize("of", [1, 2, 8])
def test_a_site_without_anything_has_boards_too(seattle: Site, viewer: User, board: str, of: int) -> None:
    answer = get(reverse("wall-picture", kwargs={"site": "seattle", "board": board, "of": of}), viewer)
    assert answer.status_code == 200
    assert "Seattle" in words(answer)


def test_the_query_may_name_the_screen(past: None, viewer: User) -> None:
    by_path = get(reverse("wall-screen", args=["seattle", "today", 3, 2]), viewer).content
    assert get(reverse("wall", args=["seattle", "today"]) + "?screen=2&of=3", viewer).content == by_path


def test_each_screen_shows_its_part_of_one_picture(past: None, viewer: User) -> None:
    parts = [get(f"/wall/seattle/today/of/3/{number}.svg?bezel=60", viewer).content.decode() for number in (3, 1, 2)]
    views_of = [re.search(r'viewBox="(\d+) 0 (\d+) 1920"', part) for part in parts]
    assert [(found[1], found[2]) for found in views_of if found] == [("0", "1080"), ("1140", "1080"), ("2280", "1080")]
    assert len({part.replace(found[0], "") for part, found in zip(parts, views_of, strict=True) if found}) == 1


def test_the_same_bytes_all_through_a_slot(past: None, viewer: User, seattle01: Device, set_clock: SetClock) -> None:
    address = "/wall/seattle/today/of/3/1"
    first = get(address, viewer)
    people(seattle01, NOW - dt.timedelta(minutes=5), 7)
    views.clear_process_caches()  # as in another process, which has cached nothing yet
    later(set_clock, REFRESH_S - 13)
    again = get(address, viewer)
    assert (again.content, again["ETag"]) == (first.content, first["ETag"])
    later(set_clock, REFRESH_S)
    assert get(address, viewer)["ETag"] != first["ETag"]


def test_a_client_that_has_the_picture_gets_a_304(past: None, token: str) -> None:
    address = f"/wall/t/{token}/seattle/today/of/3/1.svg"
    first = get(address)
    assert first["Cache-Control"] == "private, no-cache"
    assert first["Headcount-Time"] == str(round(NOW.timestamp() * 1000))
    again = get(address, **{"if-none-match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again["Headcount-Time"]


def test_a_stranger_is_redirected_to_the_login_and_an_outsider_gets_a_404(seattle: Site, outsider: User) -> None:
    address = reverse("wall-whole", args=["seattle", "today", 3])
    assert get(address)["Location"].startswith(reverse("account_login"))
    assert get(address, outsider).status_code == 404
    assert get("/wall/seattle/today/of/3/1.svg").status_code == 404
    assert get("/wall/seattle/today/of/3/1.svg", outsider).status_code == 404


def test_a_token_sees_its_sites_and_no_other(past: None, token: str) -> None:
    assert get(f"/wall/t/{token}/seattle/today/of/3/1").status_code == 200
    assert get(f"/wall/t/{token}/chicago/today/of/3/1").status_code == 404
    assert "Chicago" not in words(get(f"/wall/t/{token}/all/sites/of/3.svg"))


@pytest.mark.parametrize("text", ["nonsense", "x" * 43])
def test_an_unknown_token_is_a_404(past: None, text: str) -> None:
    assert get(f"/wall/t/{text}/seattle/today/of/3/1").status_code == 404


def test_a_deleted_token_works_for_a_slot_at_most(past: None, token: str, set_clock: SetClock) -> None:
    assert get(f"/wall/t/{token}/seattle/today").status_code == 200
    WallToken.objects.all().delete()
    later(set_clock, REFRESH_S)
    assert get(f"/wall/t/{token}/seattle/today").status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        "/wall/seattle/nonsense/of/3/1",
        "/wall/seattle/today/of/9/1",
        "/wall/seattle/today/of/3/4",
        "/wall/seattle/today/of/3/1?bezel=wide",
        "/wall/seattle/today/of/3/1?bezel=9999",
        "/wall/seattle/today?screen=1&of=0x3",
        "/wall/all/today/of/3/1",
        "/wall/all/question/of/3/1",
    ],
)
def test_an_address_of_no_wall_is_a_404(past: None, superuser: User, address: str) -> None:
    assert get(address, superuser).status_code == 404


def test_the_cache_holds_the_latest_two_slots_only(past: None, viewer: User, set_clock: SetClock) -> None:
    cache.clear()
    for slot in range(5):
        later(set_clock, slot * REFRESH_S)
        get("/wall/seattle/today", viewer)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM django_cache")
        assert cursor.fetchone() == (2,)


def test_a_late_process_gets_the_snapshot_of_its_slot(past: None, seattle01: Device, monkeypatch: Any) -> None:
    first = get_shared("here", 0, lambda: "of the first slot")
    assert get_shared("here", REFRESH_S, lambda: "of the second") == "of the second"
    assert get_shared("here", 0, lambda: "read too late") == first


def test_an_erasure_clears_the_snapshots(past: None, seattle: Site) -> None:
    get_shared("here", 0, lambda: "before")
    person_erased.send(Person, site=seattle)
    assert get_shared("here", 0, lambda: "after") == "after"


def test_fifty_screens_cost_a_slot_no_more_than_one(past: None, both: str) -> None:
    with CaptureQueriesContext(connection) as queries:
        for _ in range(50):
            for number in (3, 1, 2):
                assert get(f"/wall/t/{both}/seattle/today/of/3/{number}.svg").status_code == 200
            assert get(f"/wall/t/{both}/kml/engagement.kml").status_code == 200
    assert len(queries) < 30


def test_no_site_can_have_the_word_of_another_address_for_its_slug() -> None:
    patterns = [str(route.pattern) for route in urls.urlpatterns]
    words = {pattern.split("/")[1] for pattern in patterns if pattern.startswith("wall/")}
    literal = {word for word in words if not word.startswith("<")}
    assert {*literal, pairing_walls.ALL} == RESERVED_SLUGS
