"""A bucket and a queue at moto, which plays S3 and SQS."""

import threading

from devices.models import Device, QuarantinedMessage
from faces import aws
from faces.sources.s3_events import KeyFilter
from faces.sources.s3_ingester import S3Ingester
from tests import clock
from tests.faces import scenes
from tests.programs.aws import REGION
from tests.world.places import SEATTLE01

JPEG, OTHER = scenes.jpeg(scenes.cat()), scenes.jpeg(scenes.cat()[:, ::-1].copy())
BUCKET = "cameras"
KEY = f"pictures/{SEATTLE01}/a b+c.jpg"


def with_bucket(device: Device, bucket: str = BUCKET, prefix: str = "") -> Device:
    device.thing.bucket, device.thing.bucket_prefix = bucket, prefix
    device.thing.save()
    return device


class Amazon:
    """A bucket that tells a queue of what is put into it."""

    def __init__(self) -> None:
        self.s3, self.sqs = aws.client("s3"), aws.client("sqs")
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.queue = self.sqs.create_queue(QueueName="pictures", Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
        asked = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])
        told = {"QueueArn": asked["Attributes"]["QueueArn"], "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}
        self.s3.put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": [told]}
        )

    def put(self, key: str = KEY, body: bytes = JPEG, *, taken_at: str = "", **metadata: str) -> None:
        if taken_at:
            metadata["taken-at"] = taken_at
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body, Metadata=metadata)

    def say(self, body: str) -> None:
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=body)

    @property
    def waiting(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        asked = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)["Attributes"]
        return sum(int(asked[name]) for name in names)

    def ingester(self, wanted: KeyFilter | None = None, stop: threading.Event | None = None) -> S3Ingester:
        sqs, stop = self.sqs, stop or threading.Event()
        return S3Ingester(sqs, self.queue, wanted or KeyFilter(), stop, clock=clock.now)


def reasons() -> list[tuple[str, str]]:
    return list(QuarantinedMessage.objects.order_by("pk").values_list("reason", "topic"))
