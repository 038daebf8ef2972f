"""Enters the six versions of a thumbs-up model that were trained in 2018, so that the demo has runs side by side."""

from typing import NamedTuple

from django.contrib.auth.models import User

from devices.models import Site
from learning.datasets.services import create_data_set, label_named
from learning.models import DataSet
from learning.training.running import enter

SITE, DATA_SET, LABEL = "seattle", "Thumbs-up of 2018", "thumbs-up"


class Version(NamedTuple):
    """A training: its hyper-parameters, and its evaluation on 30 thumbs at a threshold of 0.3."""

    mini_batch_size: int
    image_shape: int
    epochs: int
    true: int
    false: int
    mean_true: float
    mean_false: float
    seconds: int


VERSIONS = (
    Version(10, 512, 30, 26, 7, 0.677, 0.431, 550),
    Version(15, 300, 60, 20, 3, 0.604, 0.473, 950),
    Version(15, 512, 60, 19, 5, 0.766, 0.553, 950),
    Version(10, 512, 60, 29, 8, 0.875, 0.454, 950),
    Version(10, 512, 90, 27, 11, 0.879, 0.560, 1350),
    Version(8, 512, 60, 26, 8, 0.818, 0.580, 950),
)
"""The table of the DeepLens project that the demo's thumbs-up is from."""

EXPECTED = 30


def create_runs(by: User) -> None:
    """Create the data set with its six versions where it is missing."""
    site = Site.objects.get(slug=SITE)
    if DataSet.objects.filter(site=site, name=DATA_SET).exists():
        return
    made = create_data_set(site=site, name=DATA_SET, by=by)
    label_named(data_set=made, name=LABEL)
    for each in VERSIONS:
        enter(
            data_set=made,
            by=by,
            given={name: getattr(each, name) for name in ("mini_batch_size", "image_shape", "epochs")},
            figures={
                "expected": EXPECTED,
                "true": each.true,
                "false": each.false,
                "mean_true": each.mean_true,
                "mean_false": each.mean_false,
            },
            seconds=each.seconds,
        )
