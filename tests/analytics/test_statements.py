"""Every statement on a distributed table names the device, or joins its rows with others by device."""

import datetime as dt
from collections.abc import Iterator
from http import HTTPStatus

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from analytics.counting import corrections, sink
from analytics.features.galaxy.serving.services import create_wall_token
from analytics.features.groundtruth import services as groundtruth
from analytics.features.home_assistant.reads import read_devices_now
from analytics.models import Detection, Verdict
from analytics.models.quarters import quarter_start
from analytics.models.questions import Question
from analytics.tasks import forget_old_frames
from devices.intake.batches import Batch, accept
from devices.models import Device
from devices.reading.facts import ReceivedGesture, SignOfLife
from edge_agent import messages
from plays.attribution.services import compute_changed
from plays.intake import services as plays
from plays.intake.reports import Report
from plays.models import Content, Screen, Source
from tests import clock
from tests.analytics.counting.test_face_parts import bursts, sent
from tests.analytics.frames import count, seen
from tests.analytics.statements import WITHOUT_DEVICE, complaints, is_excepted, recorded
from tests.analytics.visits import report, visited
from tests.house.tables import tables_of
from tests.world import api_world, places

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite runs on one machine"),
]

LISTS = (
    *(
        "today",
        "engagement",
        "counts?label=cup",
        "counts?label=cup&histogram=true",
        "episodes",
        "detections",
        "reviews",
    ),
    *("detections?device=Seattle01&site=seattle", "detections?format=csv", "episodes?site=seattle&min_seconds=1"),
    *("precision?site=seattle&label=cup", "visitors?site=seattle", "reactions?site=seattle", "questions"),
    *("plays", "contents/counts", "ground-truth", "devices", "sites", "engagement?each=device", "reviews?label=cup"),
)


@pytest.fixture
def statements(superuser: User, operator: User, settings: Settings) -> list[str]:
    """What the platform executes in a day of its life: intake, reviews, pages, API, walls, admin and retention."""
    now = clock.now()
    settings.FRAME_RETENTION_DAYS = 20
    with recorded() as made:
        api_world.fill()
        device = places.seattle01()
        for _ in range(2):  # The second time, all are known.
            count(seen(device, now - dt.timedelta(days=40), faces=[0.9]), seen(device, now, labels=[("cup", 0.9)]))
        for faces in (1, 3):  # The second burst makes a stored frame grow.
            accept(sent(bursts(1, faces)))
        shown = ReceivedGesture(device, "thumbs-up", now, now, 0.9)
        sink.count(Batch(gestures=[shown], signs_of_life=[SignOfLife(device, now)]))()
        for seconds in (2.0, 200.0):
            report(visited(device, now, dwell=seconds, attention=seconds))
        status = messages.Status(online=True, software="agent 1", settings=messages.Settings(accuracy="high"))
        told = Batch(statuses=[(device, now, status)])
        sink.note_software(told)()
        sink.note_setup(told)()
        cup, *others = Detection.objects.filter(label="cup", device=device).order_by("pk")[:3]
        corrections.review(verdicts={cup: Verdict.WRONG, **dict.fromkeys(others, Verdict.RIGHT)}, by=operator, now=now)
        for stretch in corrections.stretches(devices=[device], now=now):
            corrections.rebuild(stretch)
        read_devices_now(now=now)
        show(device, now)
        visit(superuser, device)
        visit(operator, device)
        User.objects.get(pk=operator.pk).delete()
        assert forget_old_frames() == 1
    return made


def show(device: Device, now: dt.datetime) -> None:
    """Show a content before the device, and compute what people did meanwhile."""
    screen = plays.change_screen(screen=Screen(site=device.site, name="Lobby", cameras=[device.name]))
    report = Report("film", now - dt.timedelta(minutes=5), now)
    plays.store(screen=screen, reports=[report], source=Source.API, now=now)
    compute_changed(now=now)


def visit(user: User, device: Device) -> None:
    """Open all pages, lists of the API, the admin's lists and a wall."""
    client = Client()
    client.force_login(user)
    for address in (
        *pages(user, device),
        *(f"/api/v1/{each.replace('?', '/?', 1) if '?' in each else each + '/'}" for each in LISTS),
    ):
        answer = client.get(address, follow=True)
        assert answer.status_code == HTTPStatus.OK, address
        if answer.streaming:
            list(answer)


def pages(user: User, device: Device) -> Iterator[str]:
    now = clock.now()
    quarter = quarter_start(now)
    question = Question.objects.create(
        site=device.site,
        text="Enjoying your coffee?",
        asked_from=quarter - dt.timedelta(hours=9 + user.pk),
        asked_until=quarter - dt.timedelta(hours=8 + user.pk),
    )
    session = groundtruth.start_session(device=device, by=user, people=2, now=now - dt.timedelta(hours=1))
    yield from (reverse("overview"), reverse("sites"), reverse("site", args=["seattle"]), device.get_absolute_url())
    yield f"{device.get_absolute_url()}plots/"
    yield reverse("site-plots", args=["seattle"])
    yield f"{reverse('compare')}?place=seattle&place=seattle/{device.name}"
    for show in ("open", "pictured", "mine", "right", "wrong", "disputed", "all"):
        yield f"{reverse('review')}?site=seattle&label=cup&show={show}"
    yield from (reverse("contents"), *(each.get_absolute_url() for each in Content.objects.filter(site=device.site)))
    yield from (reverse("questions"), question.get_absolute_url())
    yield reverse("ground-truth-device", args=["seattle", device.name])
    yield reverse("ground-truth-session", args=[session.pk])
    _, token = create_wall_token(name=f"Lobby of {user}", sites=[device.site], by=user)
    yield from (reverse(name, args=[token]) for name in ("wall-engagement", "wall-link", "wall-tour"))
    detection = Detection.objects.filter(device=device)[0]
    yield f"/api/v1/detections/{detection.pk}/"
    if user.is_superuser:
        yield from (reverse("admin:analytics_frame_changelist"), reverse("admin:analytics_detection_changelist"))
        yield reverse("admin:analytics_detection_change", args=[detection.pk])
        yield reverse("admin:analytics_frame_change", args=[detection.frame_id])


def test_every_statement_names_the_device_or_is_listed_as_upkeep(statements: list[str]) -> None:
    wrong = {each for statement in set(statements) if not is_excepted(statement) for each in complaints(statement)}
    assert not wrong, "\n\n".join(sorted(wrong))


def test_the_statements_write_and_read_every_distributed_table_and_all_upkeep_that_is_listed(
    statements: list[str],
) -> None:
    for table in tables_of("distributed"):
        for words in ("INSERT INTO", "FROM"):
            assert any(f'{words} "{table}"' in each or f"{words} {table}" in each for each in statements), (
                words,
                table,
            )
    for pattern in WITHOUT_DEVICE:
        assert any(is_excepted(each) for each in statements if complaints(each)), pattern


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM analytics_frame WHERE id = %s",
        "SELECT * FROM analytics_frame f WHERE f.device_id = %s OR f.id = %s",
        "SELECT f.device_id = 1 FROM analytics_frame f",
        "SELECT * FROM analytics_detection d JOIN analytics_frame f ON f.id = d.frame_id WHERE d.device_id = %s",
        "SELECT * FROM devices_device d WHERE EXISTS (SELECT 1 FROM analytics_frame f WHERE f.id = d.id)",
        "UPDATE analytics_detection SET review = %s WHERE id IN (%s)",
        "DELETE FROM analytics_frame WHERE NOT analytics_frame.device_id = %s",
        "INSERT INTO analytics_frame (device_id, key) VALUES (%s, %s) ON CONFLICT (key) DO NOTHING",
        "INSERT INTO analytics_episode (id, label) VALUES (%s, %s)",
    ],
)
def test_a_statement_without_the_device_is_found(statement: str) -> None:
    assert complaints(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM analytics_frame f WHERE f.device_id IN (%s, %s) AND f.id = %s",
        "SELECT * FROM analytics_detection d JOIN analytics_frame f ON f.device_id = d.device_id WHERE d.device_id = 5",
        "SELECT * FROM analytics_detection d INNER JOIN devices_device v ON (d.device_id = v.id)",
        "INSERT INTO analytics_frame (device_id, key) VALUES (%s, %s) ON CONFLICT (device_id, key) DO NOTHING",
    ],
)
def test_a_statement_with_the_device_is_accepted(statement: str) -> None:
    assert complaints(statement) == []
