"""The steps before the demo's programs start, where the test of the whole demo would not notice a fault."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from pytest_django.fixtures import Settings

from demo import steps


@pytest.fixture
def collect(settings: Settings, tmp_path: Path) -> Callable[[], None]:
    settings.DATA_DIR, settings.STATIC_ROOT = tmp_path, tmp_path / "static"
    settings.STATICFILES_DIRS = [tmp_path / "assets"]
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "library.js").write_text("one")
    return lambda: steps.collect_static(partial(call_command, verbosity=0))


def test_static_files_are_collected_once(collect: Callable[[], None], tmp_path: Path) -> None:
    collect()
    collected = tmp_path / "static" / "library.js"
    assert collected.read_text() == "one"
    collected.unlink()
    collect()
    assert not collected.exists(), "nothing had changed, and they were collected again"


def test_static_files_are_collected_again_when_one_has_changed(collect: Callable[[], None], tmp_path: Path) -> None:
    collect()
    source = tmp_path / "assets" / "library.js"
    source.write_text("two!")
    later = source.stat().st_mtime + 10
    os.utime(source, (later, later))
    collect()
    assert (tmp_path / "static" / "library.js").read_text() == "two!"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (CommandError("The models are missing."), "The models are missing."),
        (OperationalError("nobody listens"), "The database cannot be used; check DATABASE_URL: nobody listens"),
        (OSError("the disk is full"), "the disk is full"),
    ],
)
def test_a_step_that_fails_is_one_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: Exception, sentence: str
) -> None:
    def refuses(*_: object) -> None:
        raise error

    monkeypatch.setattr(steps, "run_step", refuses)
    assert steps.main([]) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].endswith(sentence)
