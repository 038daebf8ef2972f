"""A folder of people is enrolled, as far as their consents and pictures go, and can be gone on with."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from devices.models import Site
from faces.enrolment.folders import BadFolder, read_agreement, read_people_folders
from faces.enrolment.portraits import WHY_SEVERAL
from faces.models import Consent, Face, Person
from faces.recognisers.recogniser import Recogniser, RecogniserUnavailable
from faces.services import withdraw_consent
from tests.faces import scenes

ALL = """
text = "I agree to be recognised at the coffee machine."
text_version = "3"
method = "electronic"
expires_at = 2029-01-01
"""
HERS = """
signed_by = "Ada L."
signed_at = 2026-01-02T03:04:05-08:00
line = "Countess"
"""


@pytest.fixture
def staff(tmp_path: Path) -> Path:
    """Ada with two good pictures and one of a cat, all agreed."""
    folder = tmp_path / "staff"
    pictures = {"1.jpg": scenes.portrait(), "2.JPEG": scenes.portrait()[:, ::-1].copy(), "3.jpg": scenes.cat()}
    write(folder / "consent.toml", ALL)
    write(folder / "Ada" / "consent.toml", HERS)
    for name, picture in pictures.items():
        (folder / "Ada" / name).write_bytes(scenes.jpeg(picture))
    write(folder / "Ada" / "notes.txt", "no picture")
    return folder


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def enrol(folder: Path, **options: Any) -> str:
    """What the command ends with."""
    try:
        call_command("enrol", str(folder), site="seattle", **options)
    except CommandError as error:
        return str(error)
    return ""


@pytest.mark.django_db
class TestCommand:
    def test_it_says_what_it_passes_over_and_refuses_pictures_that_it_cannot_read(
        self, staff: Path, seattle: Site, local: Recogniser, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (staff / "Ada" / "3.jpg").unlink()
        for name in ("Thumbs.db", "._1.jpg", "4.TIFF", "5.heic", "Consent.toml"):
            (staff / "Ada" / name).write_bytes(b"x")
        (staff / "loose.jpg").write_bytes(b"x")
        (staff / "caf\udce9").mkdir()
        assert enrol(staff).startswith("Some pictures were refused")
        assert Face.objects.count() == 2
        assert sorted(capsys.readouterr().err.splitlines()) == [
            "Ada/._1.jpg is passed over: it is a note of macOS about another file.",
            "Ada/4.TIFF: The picture cannot be used: TIFF is not read, only HEIC, JPEG and PNG; have the camera or "
            "phone save pictures as JPEG.",
            "Ada/5.heic: The picture is neither a JPEG nor a PNG.",
            "Ada/Consent.toml is passed over: rename it to consent.toml.",
            "Ada/Thumbs.db is passed over: the system has made it.",
            "Ada/notes.txt is passed over: its name does not end like that of a picture (HEIC, JPEG and PNG).",
            f"Fewer than 3 pictures: Ada. {WHY_SEVERAL}",
            "caf\\xe9 is passed over: its name is not UTF-8; rename it.",
            "loose.jpg is passed over: pictures belong into the folder of a person.",
        ]

    def test_a_consent_that_a_windows_editor_has_saved_is_read(
        self, staff: Path, seattle: Site, local: Recogniser
    ) -> None:
        (staff / "Ada" / "3.jpg").unlink()
        for folder in (staff, staff / "Ada"):
            text = (folder / "consent.toml").read_text()
            (folder / "consent.toml").write_bytes(text.replace("\n", "\r\n").encode("utf-16"))
        assert enrol(staff) == ""

    def test_a_folder_is_the_same_person_with_the_same_consent_again_however_its_texts_are_spaced(
        self, staff: Path, seattle: Site, local: Recogniser
    ) -> None:
        folder = (staff / "Ada").rename(staff / "Ada  Love\u00a0lace ")
        (folder / "3.jpg").unlink()
        write(folder / "consent.toml", HERS.replace("Ada L.", "Ade\u0301  L."))
        write(staff / "consent.toml", ALL.replace('"3"', '"3  b"'))
        for _ in range(2):
            assert enrol(staff) == ""
            assert Person.objects.get().name == "Ada Love lace"
            assert (Consent.objects.get().signed_by, Consent.objects.get().text_version) == ("Ad\u00e9 L.", "3 b")

    def test_a_name_that_macos_has_written_equals_the_name_that_people_type(
        self, staff: Path, seattle: Site, local: Recogniser
    ) -> None:
        (staff / "Ada").rename(staff / "Ade\u0301")
        enrol(staff)
        assert Person.objects.get().name == "Ad\u00e9"

    def test_it_enrols_what_is_good_and_says_why_the_rest_is_not(
        self, staff: Path, seattle: Site, local: Recogniser, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        ended = enrol(staff, report=tmp_path / "report.csv")
        assert ended == "Some pictures were refused; replace them and run the command again."
        person, consent = Person.objects.get(), Consent.objects.get()
        assert (person.name, person.line, person.site) == ("Ada", "Countess", seattle)
        assert (consent.person, consent.text_version, consent.method, consent.signed_by) == (
            *(person, "3", "electronic"),
            "Ada L.",
        )
        assert consent.signed_at == dt.datetime(2026, 1, 2, 11, 4, 5, tzinfo=dt.UTC)
        assert Face.objects.filter(consent=consent).count() == 2
        told = capsys.readouterr()
        assert "Ada/3.jpg: The picture shows no face; take a picture from the front, in good light." in told.err
        assert (
            "Fewer than 3 pictures: Ada. Give three pictures, in different light: with one, every seventh" in told.err
        )
        assert told.out == "2 pictures enrolled, 1 refused.\n"
        header, first, _, third = (tmp_path / "report.csv").read_text("utf-8-sig").splitlines()
        assert (header, first) == ("picture,enrolled,refused", "Ada/1.jpg,True,")
        assert third.startswith('Ada/3.jpg,False,"The picture shows no face;')

    def test_a_repeated_run_adds_only_new_pictures(self, staff: Path, seattle: Site, local: Recogniser) -> None:
        (staff / "Ada" / "3.jpg").unlink()
        assert enrol(staff) == enrol(staff) == ""
        (staff / "Ada" / "4.jpg").write_bytes(scenes.jpeg(scenes.portrait()[40:400]))
        assert enrol(staff) == ""
        assert (Person.objects.count(), Consent.objects.count(), Face.objects.count()) == (1, 1, 3)

    @pytest.mark.parametrize("stop", [RecogniserUnavailable("The recogniser is away."), KeyboardInterrupt()])
    def test_what_was_interrupted_goes_on(
        self, staff: Path, seattle: Site, local: Recogniser, monkeypatch: pytest.MonkeyPatch, stop: BaseException
    ) -> None:
        (staff / "Ada" / "3.jpg").unlink()
        index, calls = local.index, iter(range(9))

        def index_once(*args: Any, **kwargs: Any) -> Any:
            if next(calls):
                raise stop
            return index(*args, **kwargs)

        with monkeypatch.context() as patched:
            patched.setattr(local, "index", index_once)
            assert "un the command again to continue" in enrol(staff)
        assert Face.objects.count() == 1
        assert enrol(staff) == ""
        assert Face.objects.count() == 2

    def test_whoever_withdrew_is_not_enrolled_again(
        self, staff: Path, seattle: Site, local: Recogniser, capsys: pytest.CaptureFixture[str]
    ) -> None:
        enrol(staff)
        withdraw_consent(consent=Consent.objects.get())
        assert "Some pictures were refused" in enrol(staff)
        assert (Face.objects.count(), Consent.objects.count()) == (0, 1)
        assert "Ada's consent is withdrawn or not in force" in capsys.readouterr().err

    def test_without_a_consent_nobody_is_written_down(
        self, staff: Path, seattle: Site, local: Recogniser, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (staff / "Ada" / "consent.toml").unlink()
        (staff / "Empty").mkdir()
        enrol(staff)
        assert not Person.objects.exists()
        told = capsys.readouterr().err
        assert "Ada/1.jpg: No consent.toml has “signed_by” for Ada; without a consent nobody is enrolled." in told
        assert "Empty: No consent.toml has" in told

    def test_a_person_without_a_usable_picture_is_not_created(
        self, staff: Path, seattle: Site, local: Recogniser
    ) -> None:
        for good in ("1.jpg", "2.JPEG"):
            (staff / "Ada" / good).unlink()
        assert "Some pictures were refused" in enrol(staff)
        assert (Person.objects.count(), Consent.objects.count()) == (0, 0)
        ada = Person.objects.create(site=seattle, name="Ada")
        assert "Some pictures were refused" in enrol(staff)
        assert (list(Person.objects.all()), Consent.objects.count()) == ([ada], 0)

    def test_a_new_consent_that_covers_older_faces_stays(self, staff: Path, seattle: Site, local: Recogniser) -> None:
        enrol(staff)
        for good in ("1.jpg", "2.JPEG"):
            (staff / "Ada" / good).unlink()
        write(staff / "Ada" / "consent.toml", HERS.replace("2026-01-02", "2026-02-02"))
        enrol(staff)
        assert (Person.objects.count(), Consent.objects.count(), Face.objects.count()) == (1, 2, 2)

    def test_what_cannot_be_done_at_all_is_one_sentence(self, tmp_path: Path, seattle: Site, local: Recogniser) -> None:
        assert enrol(tmp_path / "none") == f"{tmp_path / 'none'} is not a folder."
        assert "contains no folder" in enrol(tmp_path)
        with pytest.raises(CommandError, match="There is no site “boston”; the sites are: seattle"):
            call_command("enrol", str(tmp_path), site="boston")


class TestAgreement:
    @pytest.mark.parametrize(
        ("shared", "own", "said"),
        [
            (ALL + 'signed_by = "The boss"', HERS, "put it in each person's own file"),
            (ALL, 'signed_by = "Ada', "is not valid TOML"),
            (ALL, HERS + "age = 36", "the unknown field “age”; the fields are text"),
            (ALL, "signed_by = 7\nsigned_at = 2026-01-02", "“signed_by” must be a string"),
            (ALL, 'signed_by = "Ada"\nsigned_at = "yesterday"', "“signed_at” must be a date or a time"),
            ("", HERS, "has “text” for Ada"),
        ],
    )
    def test_an_error_in_a_consent_file_is_reported_with_its_reason(
        self, tmp_path: Path, shared: str, own: str, said: str
    ) -> None:
        write(tmp_path / "consent.toml", shared)
        write(tmp_path / "Ada" / "consent.toml", own)
        (ada,) = read_people_folders(tmp_path)
        with pytest.raises(BadFolder, match=said):
            read_agreement(ada)

    def test_a_persons_own_words_come_first(self, tmp_path: Path) -> None:
        write(tmp_path / "consent.toml", ALL)
        write(tmp_path / "Ada" / "consent.toml", HERS + 'text_version = "4"\nexpires_at = 2030-01-01T12:00:00')
        agreement, description = read_agreement(read_people_folders(tmp_path)[0])
        assert (agreement.text_version, description) == ("4", {"line": "Countess"})
        assert agreement.expires_at == dt.datetime(2030, 1, 1, 12, tzinfo=dt.UTC)

    def test_hidden_folders_are_passed_over(self, tmp_path: Path) -> None:
        for name in (".git", "Bea", "Ada"):
            (tmp_path / name).mkdir()
        assert [person.name for person in read_people_folders(tmp_path)] == ["Ada", "Bea"]
