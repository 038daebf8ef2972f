"""The real models, fetched once for all runs."""

from pathlib import Path

import pytest

from edge_agent.vision.files import fetch_models, models_folder


@pytest.fixture(scope="session")
def models() -> Path:
    folder = models_folder()
    fetch_models(folder)
    return folder
