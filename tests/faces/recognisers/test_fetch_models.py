import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from edge_agent.vision.files import FACES, HANDS, OBJECTS, fetch_models, models_folder


@pytest.fixture
def prepared() -> Path:
    folder = models_folder()
    fetch_models(folder)
    return folder


def run() -> str:
    out = io.StringIO()
    call_command("fetch_models", stdout=out)
    return out.getvalue()


def test_the_models_come_into_the_data_folder_once(prepared: Path, tmp_path: Path, settings: Settings) -> None:
    settings.DATA_DIR, settings.MODELS_DIR = tmp_path, prepared
    assert str(tmp_path / "models") in run()
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "models").iterdir()}
    assert before.keys() >= {FACES, HANDS, OBJECTS}
    run()
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "models").iterdir()} == before


def test_a_folder_without_the_models_is_one_sentence(tmp_path: Path, settings: Settings) -> None:
    settings.DATA_DIR, settings.MODELS_DIR = tmp_path / "data", tmp_path / "empty"
    with pytest.raises(CommandError, match=r"The models for objects are missing: .*MODELS_DIR") as error:
        run()
    assert "\n" not in str(error.value)
