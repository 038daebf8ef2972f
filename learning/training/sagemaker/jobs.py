"""Training jobs at SageMaker: asked for, described, stopped."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.conf import settings

from learning.training.sagemaker import account
from learning.training.sagemaker.layout import OUTPUT

CHANNELS = ("train", "validation", "train_annotation", "validation_annotation")
"""The channels of the built-in object detection with JSON annotations, and its folders in the bucket."""

VOLUME_GB = 30

NOT_PASSED = frozenset({"instance", "hosting_instance", "max_minutes", "hosting_minutes"})
"""Parameters of a run that are none of the algorithm."""

UNKNOWN = "not found"
"""Words of SageMaker's answer about what does not exist."""


class Description(NamedTuple):
    """What SageMaker says of a job."""

    status: str
    """InProgress, Completed, Failed, Stopping or Stopped."""
    step: str
    """Starting, Downloading, Training, Uploading, MaxRuntimeExceeded and others."""
    reason: str
    billable: int
    """Seconds."""
    trained: int
    """Seconds since the training began; 0 before."""
    artifact: str
    """The S3 address of `model.tar.gz`; empty before."""


def request(
    *, name: str, parameters: Mapping[str, Any], image: str, prefix: str, classes: int, samples: int
) -> dict[str, Any]:
    """Return the request of a training with the data below `prefix` in the bucket."""
    bucket = settings.SAGEMAKER_BUCKET
    passed = {key: str(value) for key, value in parameters.items() if key not in NOT_PASSED}
    return {
        "TrainingJobName": name,
        "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
        "RoleArn": settings.SAGEMAKER_ROLE_ARN,
        "HyperParameters": passed | {"num_classes": str(classes), "num_training_samples": str(samples)},
        "InputDataConfig": [
            {
                "ChannelName": channel,
                "ContentType": "application/x-image",
                "CompressionType": "None",
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": f"s3://{bucket}/{prefix}{channel}/",
                        "S3DataDistributionType": "FullyReplicated",
                    }
                },
            }
            for channel in CHANNELS
        ],
        "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/{prefix}{OUTPUT}"},
        "ResourceConfig": {
            "InstanceType": parameters["instance"],
            "InstanceCount": 1,
            "VolumeSizeInGB": VOLUME_GB,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 60 * int(parameters["max_minutes"])},
    }


def describe(name: str) -> Description | None:
    """Return what SageMaker says of the job; None for one that does not exist. Raises `Refused` and `Unreachable`."""
    try:
        with account.asking("describe the training job"):
            found = account.client("sagemaker").describe_training_job(TrainingJobName=name)
    except account.Refused as refusal:
        if UNKNOWN in refusal.reason:
            return None
        raise
    return Description(
        status=str(found["TrainingJobStatus"]),
        step=str(found["SecondaryStatus"]),
        reason=str(found.get("FailureReason", ""))[: account.LONGEST_REASON],
        billable=int(found.get("BillableTimeInSeconds", 0)),
        trained=int(found.get("TrainingTimeInSeconds", 0)),
        artifact=str(found.get("ModelArtifacts", {}).get("S3ModelArtifacts", "")),
    )


def create(asked: Mapping[str, Any]) -> None:
    """Ask for the training. Raises `Refused` and `Unreachable`."""
    with account.asking("start the training job"):
        account.client("sagemaker").create_training_job(**asked)


def stop(name: str) -> None:
    """Ask SageMaker to stop the job, which takes some minutes. Raises `Refused` and `Unreachable`."""
    with account.asking("stop the training job"):
        account.client("sagemaker").stop_training_job(TrainingJobName=name)
