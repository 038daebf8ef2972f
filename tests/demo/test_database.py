"""The demo's database is filled once, is completed after an interruption, and keeps later changes by users."""

import datetime as dt
import stat
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from pytest_django import DjangoAssertNumQueries

from analytics.features.groundtruth import reads as groundtruth_reads
from analytics.features.questions import reads as question_reads
from analytics.features.questions.reads import State
from analytics.models import Frame, Question
from analytics.models.groundtruth import GroundTruthSession
from demo import sites
from demo.database import Prepared, prepare
from demo.past import loading, progress, questions
from demo.past.history import Span, epoch_ms, histories, overlap
from demo.running.environment import DemoError
from demo.steps import prepare_past
from devices.intake.batches import accept
from devices.models import ApiToken, Device, QuarantinedMessage, Site, Thing
from devices.services import token_digest
from faces.models import Capture, Coffee, Consent, Face, Mode, Person, SitePolicy
from faces.services import recognise, set_policy
from tests.demo.past.expected_counts import expected_counts
from tests.world import places

NOW = dt.datetime(2026, 11, 20, 20, 30, 17, tzinfo=dt.UTC)
SEED = 4
DAY = progress.new_progress(days=1, seed=SEED, now=NOW)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("models")]


def frames_expected() -> int:
    """Frames with faces known that the cameras took on the day before `NOW`."""
    happened = histories(DAY.seed, DAY.start, DAY.end)
    return sum(expected_counts(one, one.period.started, one.period.ended).frames for one in happened)


def frames_loaded() -> int:
    return Frame.objects.exclude(faces=None).count()


def test_the_demo_is_prepared_from_nothing(tmp_path: Path) -> None:
    prepared = prepare(tmp_path / "data", days=1, seed=SEED, now=NOW)
    assert list(Device.objects.values_list("site__name", "name")) == [
        ("Chicago", "Chicago01"),
        ("Chicago", "Chicago02"),
        ("Seattle", "Seattle01"),
    ]
    assert dict(Site.objects.values_list("slug", "timezone")) == {
        "seattle": "America/Los_Angeles",
        "chicago": "America/Chicago",
    }
    assert set(SitePolicy.objects.values_list("mode", "confirmed_by__username")) == {(Mode.ENROLLED, "admin")}
    with_token = Thing.objects.exclude(token_digest="").values_list("devices__name", flat=True)
    assert set(with_token) == {"Chicago01", "Seattle01"}
    assert prepared.loaded is not None
    assert (prepared.loaded.quarantined, QuarantinedMessage.objects.count()) == (0, 0)
    assert frames_loaded() == frames_expected()
    assert not Frame.objects.filter(taken_at__gte=NOW.replace(second=0)).exists()
    assert_way_in_is_written_down(prepared, tmp_path / "data")


def test_the_sites_have_questions_and_ground_truth(tmp_path: Path) -> None:
    prepare(tmp_path, days=1, seed=SEED, now=NOW)
    for site in Site.objects.all():
        states = [question_reads.question_state(question, NOW) for question in Question.objects.filter(site=site)]
        assert states == [State.RUNNING, State.ENDED]
    for history in histories(DAY.seed, DAY.start, DAY.end):
        accuracy = groundtruth_reads.read_accuracy(Device.objects.get(thing__name=history.profile.thing))
        (counted,) = accuracy.sessions
        start, end = (epoch_ms(at) for at in (counted.session.started_at, groundtruth_reads.until(counted.session)))
        visits = [overlap(visit, Span(start, end)) for visit in history.visits]
        there = sum(visit.ended - visit.started for visit in visits if visit)
        assert counted.average == pytest.approx(there / (end - start))
        assert counted.average
        assert (counted.comparison.minutes, counted.comparison.minutes_off) == (45, 0)
        assert counted.comparison.share == pytest.approx(1, abs=0.2), "the camera missed nobody for long"


def test_a_question_that_a_user_adds_meanwhile_stays(tmp_path: Path) -> None:
    sites.create_sites(User.objects.create_superuser("owner"), NOW)
    questions.create_questions_and_sessions(DAY, User.objects.get())
    Question.objects.filter(site__slug="chicago").update(text="Ours?")
    questions.create_questions_and_sessions(DAY, User.objects.get())
    assert Question.objects.count() == 4
    assert Question.objects.filter(text="Ours?").count() == 2
    assert GroundTruthSession.objects.count() == 3


def assert_way_in_is_written_down(prepared: Prepared, data: Path) -> None:
    """For its owner only."""
    admin = User.objects.get(username="admin")
    assert admin.is_superuser
    assert admin.check_password(prepared.password)
    assert ApiToken.objects.get(user=admin).token_digest == token_digest(prepared.token)
    for name, secret in (("admin-password", prepared.password), ("api-token", prepared.token)):
        assert (data / name).read_text() == secret
        assert stat.S_IMODE((data / name).stat().st_mode) == 0o600


def test_the_people_are_known_in_seattle_and_nobody_in_chicago(tmp_path: Path, models: Path) -> None:
    prepare(tmp_path, days=1, seed=SEED, now=NOW)
    names = {sites.PERSON, *(f"{name} (demo)" for name in sites.GUESTS.values())}
    assert set(Person.objects.filter(site__slug="seattle").values_list("name", flat=True)) == names
    assert Person.objects.count() == Face.objects.count() == len(names)
    assert all(face.consent.is_valid(NOW) for face in Face.objects.select_related("consent"))
    for slug, known in (("seattle", names), ("chicago", {None})):
        capture = Capture.objects.filter(device__site__slug=slug, state="queued").earliest("taken_at")
        assert recognise(capture_id=capture.pk, now=NOW).state == "done"
        coffee = Coffee.objects.select_related("person").get(sighting__capture=capture)
        assert (coffee.person.name if coffee.person else None) in known


def test_a_second_start_is_quick_and_keeps_a_user_s_changes(
    tmp_path: Path, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    first = prepare(tmp_path, days=1, seed=SEED, now=NOW)
    seattle = Site.objects.get(slug="seattle")
    set_policy(site=seattle, mode=Mode.OFF, confirmed_by=None)
    Site.objects.filter(pk=seattle.pk).update(name="Seattle, 2nd floor")
    Consent.objects.update(withdrawn_at=NOW)
    Face.objects.all().delete()
    with django_assert_max_num_queries(6):
        second = prepare(tmp_path, days=3, seed=SEED + 1, now=NOW + dt.timedelta(days=2))
    assert (second.password, second.token, second.loaded) == (first.password, first.token, None)
    assert SitePolicy.objects.get(site=seattle).mode == Mode.OFF
    assert Site.objects.filter(name="Seattle, 2nd floor").exists()
    assert not Face.objects.exists()
    assert frames_loaded() == frames_expected()


def test_an_interrupted_load_is_resumed_with_the_same_history(tmp_path: Path) -> None:
    """One that was interrupted between a commit and the note of it: what comes again is not counted again."""
    sites.create_sites(User.objects.create_superuser("somebody"), NOW)
    accept(loading.all_arrivals(DAY)[:700])
    progress.write(tmp_path, progress.Progress(DAY.seed, DAY.start, DAY.end, done=500))
    prepared = prepare(tmp_path, days=9, seed=SEED + 1, now=NOW + dt.timedelta(hours=5))
    assert prepared.loaded is not None
    assert frames_loaded() == frames_expected()
    done = progress.read(tmp_path)
    assert done == progress.Progress(DAY.seed, DAY.start, DAY.end, done=prepared.loaded.messages, complete=True)


def test_a_new_database_gets_a_history_whatever_the_data_folder_records(tmp_path: Path) -> None:
    progress.write(tmp_path, progress.Progress(1, DAY.start, DAY.end, done=500, complete=True))
    prepare(tmp_path, days=1, seed=SEED, now=NOW)
    assert frames_loaded() == frames_expected()


def test_a_lost_password_file_gives_a_new_password(tmp_path: Path) -> None:
    User.objects.create_superuser("admin", password="forgotten")
    places.device(Site.objects.create(name="Elsewhere", slug="elsewhere", timezone="UTC"), "X", "x")
    progress.write(tmp_path, progress.Progress(1, DAY.start, DAY.end, complete=True))
    prepared = prepare(tmp_path, days=1, seed=SEED, now=NOW)
    assert User.objects.get(username="admin").check_password(prepared.password)
    assert prepared.password != "forgotten"


def test_a_damaged_record_of_the_progress_is_one_clear_sentence(tmp_path: Path) -> None:
    sites.create_sites(User.objects.create_superuser("somebody"), NOW)
    (tmp_path / "demo-past.json").write_text('{"seed": ')
    with pytest.raises(DemoError, match=r"demo-past\.json cannot be read .*Delete it"):
        prepare(tmp_path, days=1, seed=SEED, now=NOW)


def test_a_picture_without_a_face_enrols_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sites, "PORTRAIT", "rocket")
    with pytest.raises(DemoError, match=r"The demo's people cannot be enrolled: The picture shows no face"):
        prepare(tmp_path, days=1, seed=SEED, now=NOW)


@pytest.mark.parametrize(
    ("days", "seed", "sentence"),
    [
        (0, SEED, "--days must be from 1 to FRAME_RETENTION_DAYS"),
        (401, SEED, "--days must be from 1 to FRAME_RETENTION_DAYS, 400"),
        (1, -1, "--seed must be 0 or more"),
    ],
)
def test_absurd_arguments_are_refused(days: int, seed: int, sentence: str) -> None:
    with pytest.raises(DemoError, match=sentence):
        prepare_past(days, seed)
    assert not Device.objects.exists()
