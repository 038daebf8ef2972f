"""The account at AWS: its settings, its clients, and what its refusals mean."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.utils.crypto import salted_hmac

from faces import aws
from learning.training.gestures import CannotTrain

REGISTRIES = {
    "af-south-1": "455444449433",
    "ap-east-1": "286214385809",
    "ap-northeast-1": "501404015308",
    "ap-northeast-2": "306986355934",
    "ap-northeast-3": "364406365360",
    "ap-south-1": "991648021394",
    "ap-southeast-1": "475088953585",
    "ap-southeast-2": "544295431143",
    "ca-central-1": "469771592824",
    "eu-central-1": "813361260812",
    "eu-north-1": "669576153137",
    "eu-south-1": "257386234256",
    "eu-west-1": "685385470294",
    "eu-west-2": "644912444149",
    "eu-west-3": "749696950732",
    "me-south-1": "249704162688",
    "sa-east-1": "855470959533",
    "us-east-1": "811284229777",
    "us-east-2": "825641698319",
    "us-west-1": "632365934929",
    "us-west-2": "433757028032",
}
"""Amazon's accounts that hold the image of the built-in object detection, by region; from the SageMaker Python SDK."""

PASSING = frozenset(
    {
        "InternalFailure",
        "InternalServerError",
        "ModelNotReadyException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""Codes of errors after which the same request may succeed later."""

NOT_SET_UP = "SageMaker is not set up: the server's administrator sets SAGEMAKER_ROLE_ARN and SAGEMAKER_BUCKET."

LONGEST_REASON = 500
"""Characters of AWS' own words in a sentence."""


class Refused(CannotTrain):
    """AWS refuses a request, and would refuse it again. The text says which, and AWS' reason."""

    def __init__(self, text: str, reason: str = "") -> None:
        super().__init__(text)
        self.reason = reason


class Unreachable(Exception):
    """AWS does not answer now. The text says what was asked, in one sentence."""


def is_set_up() -> bool:
    """Return whether the server's administrator has named a role and a bucket for SageMaker."""
    return bool(settings.SAGEMAKER_ROLE_ARN and settings.SAGEMAKER_BUCKET)


def check() -> None:
    """Raises `CannotTrain` unless SageMaker is set up."""
    if not is_set_up():
        raise CannotTrain(NOT_SET_UP)


def image() -> str:
    """Return the address of the training image. Raises `CannotTrain` for a region without a known one."""
    if settings.SAGEMAKER_IMAGE:
        return str(settings.SAGEMAKER_IMAGE)
    with asking("find the region"):
        region = client("sagemaker").meta.region_name
    if region not in REGISTRIES:
        raise CannotTrain(
            f"The image of the object detection is not known for the region {region}; the server's administrator "
            "sets SAGEMAKER_IMAGE."
        )
    return f"{REGISTRIES[region]}.dkr.ecr.{region}.amazonaws.com/object-detection:1"


def client(service: str) -> Any:
    return aws.client(service)


def prefix() -> str:
    """Return how the names of all that this installation makes at SageMaker begin."""
    return f"headcount-{salted_hmac('learning.training.sagemaker', 'installation').hexdigest()[:8]}-"


@contextmanager
def asking(what: str) -> Iterator[None]:
    """Turn botocore's errors into `Refused` or `Unreachable`, which say that AWS was asked to do `what`."""
    from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError

    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        said = str(error.response.get("Error", {}).get("Message", ""))[:LONGEST_REASON]
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Unreachable(f"AWS could not {what} now ({code})") from None
        raise Refused(f"AWS refused to {what}: {code}: {said}", said) from None
    except (ConnectionError, HTTPClientError):
        raise Unreachable(f"AWS could not be reached to {what}") from None
    except BotoCoreError as error:
        raise Refused(f"AWS cannot be asked to {what}: {error}") from None
