"""Endpoints, on which a model of SageMaker answers during its evaluation: put up, asked, taken down."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from django.conf import settings

from learning.evaluating.matching import Guess
from learning.training.sagemaker import account

VARIANT = "all"

ALREADY = "already existing"
GONE = "Could not find"
"""Words of SageMaker's answers about what exists, and about what does not."""

LOWEST_CONFIDENCE = 0.1
"""Predictions below are not kept: the network answers with hundreds of them for each picture."""

MOST_PREDICTIONS = 200
"""Of a picture, the surest."""


class BadAnswer(account.Refused):
    """The endpoint answered what is no list of predictions."""


def put_up(*, name: str, artifact: str, image: str, instance: str) -> None:
    """Ask for the model, the configuration and the endpoint, unless they exist. Raises `Refused` and `Unreachable`."""
    sagemaker = account.client("sagemaker")
    _unless(
        ALREADY,
        "make the model",
        lambda: sagemaker.create_model(
            ModelName=name,
            PrimaryContainer={"Image": image, "ModelDataUrl": artifact},
            ExecutionRoleArn=settings.SAGEMAKER_ROLE_ARN,
        ),
    )
    variant = {
        "VariantName": VARIANT,
        "ModelName": name,
        "InitialInstanceCount": 1,
        "InstanceType": instance,
        "InitialVariantWeight": 1.0,
    }
    _unless(
        ALREADY,
        "configure the endpoint",
        lambda: sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant]),
    )
    _unless(
        ALREADY,
        "put up the endpoint",
        lambda: sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name),
    )


def state_of(name: str) -> tuple[str, str]:
    """Return the endpoint's status, "" for one that does not exist, and why it failed."""
    try:
        with account.asking("describe the endpoint"):
            found = account.client("sagemaker").describe_endpoint(EndpointName=name)
    except account.Refused as refusal:
        if GONE in refusal.reason:
            return "", ""
        raise
    return str(found["EndpointStatus"]), str(found.get("FailureReason", ""))[: account.LONGEST_REASON]


def take_down(name: str) -> None:
    """Delete the endpoint, its configuration and its model, as far as they exist.

    Raises `Refused`, for example while SageMaker is still putting the endpoint up, and `Unreachable`; then another call
    goes on.
    """
    sagemaker = account.client("sagemaker")
    _unless(GONE, "take down the endpoint", lambda: sagemaker.delete_endpoint(EndpointName=name))
    _unless(GONE, "delete its configuration", lambda: sagemaker.delete_endpoint_config(EndpointConfigName=name))
    _unless(GONE, "delete its model", lambda: sagemaker.delete_model(ModelName=name))


def names() -> Iterator[str]:
    """Yield the names of all endpoints of this installation. Raises `Refused` and `Unreachable`."""
    with account.asking("list the endpoints"):
        pages = account.client("sagemaker").get_paginator("list_endpoints")
        for page in pages.paginate(NameContains=account.prefix()):
            yield from (str(each["EndpointName"]) for each in page["Endpoints"])


def _unless(words: str, what: str, ask: Callable[[], Any]) -> None:
    try:
        with account.asking(what):
            ask()
    except account.Refused as refusal:
        if words not in refusal.reason:
            raise


def predict(name: str, jpeg: bytes, *, size: tuple[int, int], labels: Sequence[str]) -> list[Guess]:
    """Return what the model sees in a picture, surest first. Raises `Refused` and `Unreachable`."""
    with account.asking("judge a picture"):
        answer = account.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=name, ContentType="image/jpeg", Body=jpeg
        )
        content = answer["Body"].read()
    return read_predictions(content, size=size, labels=labels)


class _Answer(msgspec.Struct):
    prediction: list[tuple[float, float, float, float, float, float]]


def read_predictions(content: bytes, *, size: tuple[int, int], labels: Sequence[str]) -> list[Guess]:
    """Return the predictions of an answer: class, confidence and the box's sides as shares of the picture.

    Raises `BadAnswer`.
    """
    try:
        rows = msgspec.json.decode(content, type=_Answer).prediction
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadAnswer(f"The endpoint answered what is no list of predictions: {error}.") from None
    width, height = size
    found = []
    for code, confidence, *sides in rows:
        left, right = (round(width * min(max(each, 0.0), 1.0)) for each in (sides[0], sides[2]))
        top, bottom = (round(height * min(max(each, 0.0), 1.0)) for each in (sides[1], sides[3]))
        is_known = code == int(code) and 0 <= code < len(labels)
        if is_known and confidence >= LOWEST_CONFIDENCE and right > left and bottom > top:
            found.append(Guess(labels[int(code)], min(confidence, 1.0), (left, top, right - left, bottom - top)))
    return sorted(found, key=lambda guess: -guess.confidence)[:MOST_PREDICTIONS]
