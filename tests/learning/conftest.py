"""A data set of three recordings, and a run with an evaluation."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile

from devices.models import Site
from learning.models import DataSet, Kind, Picture, Prediction, Run, State
from tests.learning.samples import data_set, picture


@pytest.fixture
def taught(seattle: Site) -> DataSet:
    made = data_set("ok sign")
    for number, recording in enumerate(("monday", "tuesday", "friday")):
        picture(made, number, recording=recording, boxes=[("ok sign", 5, 5, 20, 20)])
    picture(made, 9, recording="friday")
    return made


@pytest.fixture
def evaluated(taught: DataSet) -> Run:
    run = Run(data_set=taught, number=1, kind=Kind.GESTURE, state=State.DONE, threshold=0.6, seconds=3.2)
    run.model_sha256, run.labels, run.curve = "ab" * 32, ["ok sign"], [[5, 0.8, 0.6, 0.9], [20, 0.95, 0.9, 0.98]]
    run.parameters, run.trained_pictures, run.split = {"strength": 1.0}, {"ok sign": 20}, {"monday": "train"}
    run.model_file.save("x.model", ContentFile(b"HEADCOUNT MODEL 1\n"), save=False)
    run.save()
    shown = Picture.objects.filter(data_set=taught).first()
    assert shown is not None
    common = {"run": run, "picture": shown, "recording": "friday"}
    Prediction.objects.create(
        **common, truth="ok sign", truth_box=[1, 1, 9, 9], label="ok sign", confidence=0.9, box=[1, 1, 9, 9]
    )
    Prediction.objects.create(
        **common, truth="ok sign", truth_box=[1, 1, 9, 9], label="palm", confidence=0.7, box=[1, 1, 9, 9]
    )
    Prediction.objects.create(**common, truth="ok sign", truth_box=[30, 1, 9, 9])
    return run


@pytest.fixture(autouse=True)
def _no_picture_is_left(settings: Any) -> Iterator[None]:
    """Remove the pictures of data sets after each test: others look into the whole folder of pictures."""
    yield
    shutil.rmtree(Path(settings.MEDIA_ROOT) / "learning", ignore_errors=True)
