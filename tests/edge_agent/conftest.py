"""An outbox with room."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.delivery.outbox import Outbox


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    box = Outbox(tmp_path / "outbox.sqlite3", 100_000_000)
    yield box
    box.close()
