"""Uploads a data set to S3 as SageMaker's object detection reads it.

Each part has a folder of pictures and one of annotations. A manifest beside them keeps the split of the run, whatever
happens to the data set meanwhile.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from django.conf import settings

from learning.datasets import pictures
from learning.datasets.exporting import placed_for_sagemaker
from learning.datasets.formats.sagemaker import write
from learning.datasets.reads import annotated_pictures
from learning.datasets.splitting import TRAIN, Split
from learning.models import DataSet
from learning.training.gestures import CannotTrain
from learning.training.sagemaker import account

MANIFEST = "manifest.json"
OUTPUT = "output"
"""The folder of the model."""

NUMBERS_OF_BOX, HEADER = 5, 2
"""Numbers of the algorithm's label for each box, and before them; `label_width` must hold those of each picture."""


class Manifest(msgspec.Struct):
    """What a job learns from and is evaluated with."""

    labels: list[str]
    """By `class_id`, as devices report them."""
    parts: dict[str, str]
    """The part of each recording."""
    warnings: list[str]
    pictures: list[tuple[int, str, str]]
    """The key, the part and the file's name of each picture, in the order of the upload."""
    trained: dict[str, int]
    """Boxes to learn from, by label."""

    def keys(self, part: str) -> list[int]:
        return sorted(key for key, each, _ in self.pictures if each == part)


def plan(data_set: DataSet, split: Split, parameters: Mapping[str, Any]) -> Manifest:
    """Return the manifest. Raises `CannotTrain` where the algorithm could not learn from such pictures."""
    placed = placed_for_sagemaker(data_set, split)
    labels = list(data_set.labels.order_by("number"))
    key_of = {label.name: label.key for label in labels}
    trained: dict[str, int] = {}
    most = 0
    for _, annotated in placed:
        most = max(most, len(annotated.boxes))
        for box in annotated.boxes if annotated.folder == TRAIN else ():
            trained[key_of[box.label]] = trained.get(key_of[box.label], 0) + 1
    learned = sum(annotated.folder == TRAIN for _, annotated in placed)
    if learned < int(parameters["mini_batch_size"]):
        raise CannotTrain(
            f"There are {learned} pictures to learn from, and a mini-batch has {parameters['mini_batch_size']}. Make "
            "the mini-batch smaller, or add pictures."
        )
    if NUMBERS_OF_BOX * most + HEADER > int(parameters["label_width"]):
        raise CannotTrain(
            f"A picture has {most} boxes; the label width must be at least {NUMBERS_OF_BOX * most + HEADER}."
        )
    return Manifest(
        labels=[label.key for label in labels],
        parts=dict(split.recordings),
        warnings=list(split.warnings),
        pictures=[(picture.pk, annotated.folder, annotated.name) for picture, annotated in placed],
        trained=trained,
    )


def store_manifest(manifest: Manifest, prefix: str) -> None:
    _put(f"{prefix}{MANIFEST}", msgspec.json.encode(manifest), "application/json")


def load_manifest(prefix: str) -> Manifest:
    """Return the manifest of a job. Raises `Refused` and `Unreachable`."""
    with account.asking("read the manifest of the job"):
        found = account.client("s3").get_object(Bucket=settings.SAGEMAKER_BUCKET, Key=f"{prefix}{MANIFEST}")
        return msgspec.json.decode(found["Body"].read(), type=Manifest)


def upload(data_set: DataSet, manifest: Manifest, prefix: str, places: Iterable[int]) -> None:
    """Upload these of the manifest's pictures, by their places in it, with their annotations.

    Raises `CannotTrain` for a picture that is gone meanwhile, `Refused` and `Unreachable`.
    """
    found = {picture.pk: (picture, annotated) for picture, annotated in annotated_pictures(data_set)}
    labels = list(data_set.labels.order_by("number").values_list("name", flat=True))
    for place in places:
        key, part, name = manifest.pictures[place]
        try:
            picture, annotated = found[key]
            jpeg = pictures.read(picture)
        except (KeyError, FileNotFoundError):
            raise CannotTrain(
                f"The picture {name} was removed while the data set was uploaded. Start another run."
            ) from None
        _put(f"{prefix}{part}/{name}", jpeg, "image/jpeg")
        for path, content in write([dataclasses.replace(annotated, name=name, folder=part)], labels).items():
            _put(f"{prefix}{path}", content, "application/json")


def remove(prefix: str) -> None:
    """Delete the pictures, the annotations and the manifest; the model stays. Raises `Refused` and `Unreachable`."""
    s3 = account.client("s3")
    with account.asking("delete the pictures in the bucket"):
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=settings.SAGEMAKER_BUCKET, Prefix=prefix):
            keys = [each["Key"] for each in page.get("Contents", ())]
            gone = [{"Key": key} for key in keys if not key.startswith(f"{prefix}{OUTPUT}/")]
            if gone:
                s3.delete_objects(Bucket=settings.SAGEMAKER_BUCKET, Delete={"Objects": gone, "Quiet": True})


def _put(key: str, content: bytes, kind: str) -> None:
    with account.asking("store a file in the bucket"):
        account.client("s3").put_object(Bucket=settings.SAGEMAKER_BUCKET, Key=key, Body=content, ContentType=kind)
