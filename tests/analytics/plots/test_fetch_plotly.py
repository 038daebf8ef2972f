import hashlib
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from analytics.plots import library
from edge_agent.vision.files import ModelsUnavailable


@pytest.fixture(autouse=True)
def assets(settings: Any, tmp_path: Path) -> Path:
    settings.ASSETS_DIR = tmp_path
    return tmp_path


def test_a_library_with_the_right_hash_is_not_fetched_again(
    assets: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = b"Plotly = {};"
    monkeypatch.setattr(library, "SHA256", hashlib.sha256(content).hexdigest())
    library.path().parent.mkdir()
    library.path().write_bytes(content)
    monkeypatch.setenv("PATH", "")
    call_command("fetch_plotly")
    assert str(assets / library.STATIC_NAME) in capsys.readouterr().out


def test_a_failed_download_is_reported_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(*_: object) -> None:
        raise ModelsUnavailable("plotly is missing: there is no network. Check the network and try again.")

    monkeypatch.setattr(library, "fetch_from_npm", unavailable)
    with pytest.raises(CommandError, match="there is no network"):
        call_command("fetch_plotly")
