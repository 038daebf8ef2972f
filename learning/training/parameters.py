"""The hyper-parameters of each kind of run: their names, defaults and limits, for forms, the API and commands alike."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError

from learning.training.sagemaker import prices


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number, a choice or a text that decides how a model is trained."""

    name: str
    title: str
    help: str
    default: float | int | str
    least: float = 0.0
    most: float = 1.0
    choices: tuple[str, ...] = ()
    pattern: str = ""
    """Of a text; empty for a number."""

    def clean(self, value: Any) -> float | int | str:
        """Return the value with its type. Raises `ValidationError` with one sentence."""
        if self.choices:
            if value not in self.choices:
                raise ValidationError(f"{self.title} must be one of {', '.join(self.choices)}.")
            return str(value)
        if self.pattern:
            if not isinstance(value, str) or not re.fullmatch(self.pattern, value):
                raise ValidationError(f"{self.title} must look like {self.default}.")
            return value
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise ValidationError(f"{self.title} must be a number.") from None
        if not math.isfinite(number) or not self.least <= number <= self.most:
            raise ValidationError(f"{self.title} must be {self.least:g} to {self.most:g}.")
        if isinstance(self.default, int):
            if number != int(number):
                raise ValidationError(f"{self.title} must be a whole number.")
            return int(number)
        return number


SEED = Parameter("seed", "Seed", "The same seed and data set always train the same model.", 1, 0, 2**31 - 1)

GESTURE = (
    Parameter(
        "strength",
        "Strength of the fit",
        "Higher follows the pictures more closely; lower is steadier with few of them.",
        1.0,
        0.001,
        1000.0,
    ),
    Parameter(
        "known_share",
        "Share of known hands",
        "So many of a gesture's own hands count as that gesture at all. Lower lets fewer foreign hands pass.",
        0.99,
        0.5,
        1.0,
    ),
    Parameter(
        "mirror",
        "Learn both hands",
        "Learn from each hand's mirror image too, so that left and right hands make the same gesture.",
        "yes",
        choices=("yes", "no"),
    ),
    Parameter(
        "lean",
        "Lean in degrees",
        "Learn from each hand turned by this angle to either side too, because nobody holds a hand quite upright.",
        15.0,
        0.0,
        45.0,
    ),
    SEED,
)

THING = (
    Parameter("strength", "Strength of the fit", "Higher follows the boxes more closely.", 1.0, 0.01, 100.0),
    Parameter(
        "mirror",
        "Learn mirror images",
        "For things that look the same from both sides, such as hands of all people.",
        "yes",
        choices=("yes", "no"),
    ),
    SEED,
)

RIGID = (
    Parameter("strength", "Strength of the fit", "dlib's C: higher follows the boxes more closely.", 5.0, 0.1, 100.0),
    Parameter(
        "window", "Side of the window", "Pixels of the smallest thing that is found, before enlarging.", 80, 20, 200
    ),
    Parameter(
        "upsample", "Enlargements", "How often a picture is doubled before the search, for small things.", 1, 0, 2
    ),
    Parameter(
        "precision", "Precision of the end", "dlib's epsilon: training ends when it gains less.", 0.01, 0.0001, 1.0
    ),
    Parameter(
        "mirror",
        "Learn mirror images",
        "For things that look the same from both sides, such as faces.",
        "yes",
        choices=("yes", "no"),
    ),
)


SAGEMAKER = (
    Parameter(
        "base_network",
        "Base network",
        "The network below the detector; the second is larger and slower.",
        "vgg-16",
        choices=("vgg-16", "resnet-50"),
    ),
    Parameter(
        "use_pretrained_model",
        "Start from a trained network",
        "1 starts from a network that has learned from ImageNet, 0 from nothing.",
        "1",
        choices=("1", "0"),
    ),
    Parameter("epochs", "Epochs", "How often each picture is learned from.", 30, 1, 1000),
    Parameter("mini_batch_size", "Mini-batch", "Pictures that one step learns from.", 16, 1, 256),
    Parameter("learning_rate", "Learning rate", "How far each step goes.", 0.001, 0.000001, 1.0),
    Parameter(
        "lr_scheduler_step",
        "Steps of the learning rate",
        "The epochs after which the learning rate is made smaller, with commas.",
        "10,20",
        pattern=r"\d{1,4}(,\d{1,4}){0,9}",
    ),
    Parameter(
        "lr_scheduler_factor", "Factor of the learning rate", "By which it is multiplied then.", 0.1, 0.001, 0.999
    ),
    Parameter(
        "optimizer", "Optimizer", "How the steps are chosen.", "sgd", choices=("sgd", "adam", "rmsprop", "adadelta")
    ),
    Parameter("momentum", "Momentum", "Of sgd; other optimizers ignore it.", 0.9, 0.0, 0.999),
    Parameter("weight_decay", "Weight decay", "How strongly large weights are avoided.", 0.0005, 0.0, 0.999),
    Parameter(
        "overlap_threshold",
        "Overlap",
        "Of a proposed and an annotated box, to be the same while learning.",
        0.5,
        0.1,
        1.0,
    ),
    Parameter("nms_threshold", "Overlap of two detections", "From which the weaker is left out.", 0.45, 0.1, 1.0),
    Parameter("image_shape", "Side of the pictures", "Pixels to which all are scaled; 300 or 512.", 512, 300, 1024),
    Parameter("label_width", "Label width", "Five numbers for each box of a picture, and two.", 350, 7, 5002),
    Parameter(
        "instance", "Machine to train", "With a graphics card.", "ml.g4dn.xlarge", choices=tuple(prices.TRAINING)
    ),
    Parameter("max_minutes", "Longest training", "Minutes after which SageMaker ends it.", 120, 10, 1440),
    Parameter(
        "hosting_instance",
        "Machine to evaluate",
        "It stands some minutes.",
        "ml.m5.large",
        choices=tuple(prices.HOSTING),
    ),
    Parameter("hosting_minutes", "Longest evaluation", "Minutes after which it is taken down.", 45, 15, 240),
)


def clean(parameters: tuple[Parameter, ...], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return all parameters with their defaults. Raises `ValidationError`, by name, for unknown and wrong ones."""
    errors: dict[str, Any] = {}
    known = {each.name for each in parameters}
    for name in given:
        if name not in known:
            errors[name] = f"There is no such parameter; the parameters are {', '.join(sorted(known))}."
    cleaned: dict[str, Any] = {}
    for each in parameters:
        try:
            cleaned[each.name] = each.clean(given[each.name]) if each.name in given else each.default
        except ValidationError as error:
            errors[each.name] = error.messages
    if errors:
        raise ValidationError(errors)
    return cleaned
