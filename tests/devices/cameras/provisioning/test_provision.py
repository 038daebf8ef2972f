"""`manage.py provision FILE`: forty offices in one go, the same again when run again, nothing with a dry run."""

import io
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from devices.models import Device, Invitation, Membership, Site
from tests.world import places

CSV = """kind,slug,name,timezone,latitude,longitude,site,thing,source,user,role
site,oslo,Oslo,Europe/Oslo,59.9,10.7,,,,,
device,,Front desk,,,,oslo,,rtsp://10.0.0.4/1,,
device,,Lobby,,,,oslo,lobby-7,,,
member,,,,,,oslo,,,kari,owner
member,,,,,,oslo,,,new@example.com,viewer
"""

TOML = """
[[members]]
site = "oslo"
user = "kari"
role = "owner"

[[devices]]
site = "oslo"
name = "Front desk"

[[sites]]
slug = "oslo"
name = "Oslo"
timezone = "Europe/Oslo"
"""


@pytest.fixture
def kari(superuser: User) -> User:
    return places.user("kari")


def provision(path: Path, *options: str) -> str:
    out = io.StringIO()
    call_command("provision", str(path), *options, stdout=out)
    return out.getvalue()


def file(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.write_text(content)
    return path


def counts() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (Site, Device, Membership, Invitation))


def test_a_csv_sets_sites_cameras_and_members_up(kari: User, tmp_path: Path) -> None:
    report = provision(file(tmp_path, "offices.csv", CSV))
    assert counts() == (1, 2, 1, 1)
    assert "5 created, 0 changed, 0 unchanged, 0 failed" in report
    assert report.count(": code ") == 1


def test_running_it_again_changes_nothing(kari: User, tmp_path: Path) -> None:
    path = file(tmp_path, "offices.csv", CSV)
    provision(path)
    before = counts()
    assert "0 created, 0 changed, 5 unchanged, 0 failed" in provision(path)
    assert counts() == before


def test_a_dry_run_reports_and_keeps_nothing(kari: User, tmp_path: Path) -> None:
    assert "5 created" in provision(file(tmp_path, "offices.csv", CSV), "--dry-run")
    assert counts() == (0, 0, 0, 0)


def test_a_dry_run_shows_no_code_because_none_would_work(kari: User, tmp_path: Path) -> None:
    offices = file(tmp_path, "offices.csv", CSV)
    assert "code" not in provision(offices, "--dry-run")
    assert "code" in provision(offices)


def test_a_toml_may_name_things_in_any_order(kari: User, tmp_path: Path) -> None:
    assert "3 created" in provision(file(tmp_path, "offices.toml", TOML))


def test_a_changed_entry_changes_its_row_alone(kari: User, tmp_path: Path) -> None:
    provision(file(tmp_path, "offices.csv", CSV))
    report = provision(file(tmp_path, "offices.csv", CSV.replace("59.9", "59.8")))
    assert "1 changed" in report
    assert Site.objects.get().latitude == 59.8


def test_one_bad_entry_harms_no_other_and_the_command_fails(kari: User, tmp_path: Path) -> None:
    bad = CSV.replace("Europe/Oslo", "Europe/Atlantis") + "site,bergen,Bergen,Europe/Oslo,,,,,,,\nballoon,,,,,,,,,,\n"
    out = io.StringIO()
    with pytest.raises(CommandError, match="6 entries failed"):
        call_command("provision", str(file(tmp_path, "offices.csv", bad)), stdout=out)
    assert list(Site.objects.values_list("slug", flat=True)) == ["bergen"]
    assert "line 2: failed site oslo: “Europe/Atlantis” is not an IANA time zone" in out.getvalue()
    assert "line 8: failed entry: The kind must be one of site, device, member." in out.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.txt", "", "must end in .csv or .toml"),
        ("a.csv", "slug,name\n", "one of which is “kind”"),
        ("a.toml", "[[sites", "is not TOML"),
        ("a.toml", "[[planets]]\nname = 'Mars'\n", "there is no table"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_in_one_sentence(
    db: None, tmp_path: Path, name: str, content: str, sentence: str
) -> None:
    with pytest.raises(CommandError, match=sentence.replace("[", r"\[")):
        provision(file(tmp_path, name, content))
