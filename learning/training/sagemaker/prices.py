"""What a job at SageMaker costs, from a dated table of prices: estimated before, told after. Pure."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, NamedTuple

DATED = dt.date(2026, 11, 28)
REGION = "us-east-1"
"""When and for which region the prices were noted. Other regions cost up to half as much again."""

TRAINING = {"ml.g4dn.xlarge": 0.7364, "ml.g5.xlarge": 1.408, "ml.p3.2xlarge": 3.825}
"""US dollars an hour, on demand, of the machines with a graphics card on which the object detection trains."""

HOSTING = {"ml.m5.large": 0.115, "ml.m5.xlarge": 0.23, "ml.c5.xlarge": 0.204, "ml.g4dn.xlarge": 0.7364}
"""US dollars an hour, on demand, of the machines that answer during the evaluation."""

PICTURE_SECONDS = {"ml.g4dn.xlarge": 0.12, "ml.g5.xlarge": 0.06, "ml.p3.2xlarge": 0.045}
"""Seconds for each picture and epoch at 512 pixels. The last follows from published trainings of 375 pictures in 60
epochs in 950 s; the others are that, scaled by the cards' published arithmetic."""

STARTING_SECONDS = 180
"""Billed seconds in which a job downloads its data and uploads its model."""

HOSTING_SECONDS = 600
"""Seconds from the creation of an endpoint to its removal, apart from the pictures."""

INVOKED_SECONDS = 1.5
"""Seconds for each picture of the evaluation on a machine without a graphics card."""


class Estimate(NamedTuple):
    """US dollars before a job."""

    likely: float
    most: float
    """More than this cannot be billed for the training, which ends then, and for the endpoint."""


def estimate(parameters: Mapping[str, Any], *, train: int, validation: int) -> Estimate:
    """Return the costs of a job with so many pictures to learn from and to evaluate with."""
    training, hosting = TRAINING[parameters["instance"]], HOSTING[parameters["hosting_instance"]]
    area = (float(parameters["image_shape"]) / 512) ** 2
    work = train * float(parameters["epochs"]) * PICTURE_SECONDS[parameters["instance"]] * area
    most = 60.0 * float(parameters["max_minutes"])
    hosted = 60.0 * float(parameters["hosting_minutes"])
    likely_hosted = min(HOSTING_SECONDS + INVOKED_SECONDS * validation, hosted)
    likely = training * min(STARTING_SECONDS + work, most) + hosting * likely_hosted
    return Estimate(likely / 3600, (training * most + hosting * hosted) / 3600)


def billed(*, instance: str, seconds: float, hosting_instance: str, hosted_seconds: float) -> float:
    """Return the US dollars of a job that was billed for so many seconds and whose endpoint stood for so many."""
    return (TRAINING[instance] * seconds + HOSTING[hosting_instance] * hosted_seconds) / 3600
