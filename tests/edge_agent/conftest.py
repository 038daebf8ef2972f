"""The real models, fetched once for all runs, and an outbox with room."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.outbox import Outbox
from edge_agent.vision.files import fetch_models, models_folder


@pytest.fixture(scope="session")
def models() -> Path:
    folder = models_folder()
    fetch_models(folder)
    return folder


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    box = Outbox(tmp_path / "outbox.sqlite3", 100_000_000)
    yield box
    box.close()
