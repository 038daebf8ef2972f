"""Machines that do not share their pictures are told so at the start, before a picture is missing."""

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from devices import health, pictures_folder
from tests import clock

pytestmark = pytest.mark.django_db


def test_machines_that_share_a_folder_agree(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    assert (pictures_folder.problem(), pictures_folder.problem()) == ("", "")


def test_a_machine_with_a_folder_of_its_own_does_not_start(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "one"
    assert pictures_folder.problem() == ""
    settings.DATA_DIR = tmp_path / "two"
    if connection.vendor != "postgresql":
        assert pictures_folder.problem() == ""
        return
    for command in ("ingest", "qcluster"):
        with pytest.raises(CommandError, match="Set PICTURES_BUCKET on all machines"):
            call_command(command)
    assert not {line.part: line for line in health.report(clock.now())}["pictures folder"].well
    health.forget_process(pictures_folder.PROCESS)
    assert pictures_folder.problem() == ""


def test_with_a_bucket_every_machine_has_the_same_pictures(settings: Any, tmp_path: Path) -> None:
    settings.PICTURES_BUCKET = "pictures"
    for name in ("one", "two"):
        settings.DATA_DIR = tmp_path / name
        assert pictures_folder.problem() == ""
