"""`manage.py ingest_s3`: takes in pictures from buckets until it is stopped."""

from argparse import ArgumentParser
from typing import Any

from botocore.exceptions import BotoCoreError
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from devices.management.stopping import stop_on_signals
from faces import aws
from faces.sources.s3_events import KeyFilter
from faces.sources.s3_ingester import S3Ingester


class Command(BaseCommand):
    help = (
        "Takes in the pictures that S3 announces in the SQS queue PICTURE_EVENTS_QUEUE_URL, until it gets SIGTERM or "
        "Ctrl-C. docs/people.md says how the device of a picture is found."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--prefix", default="", help="Only objects whose key begins with this, such as cameras/.")
        parser.add_argument("--suffix", default="", help="Only objects whose key ends with this, such as .jpg.")

    def handle(self, *args: Any, prefix: str, suffix: str, **options: Any) -> None:
        if not settings.PICTURE_EVENTS_QUEUE_URL:
            raise CommandError("PICTURE_EVENTS_QUEUE_URL is not set; set it to the URL of the queue that S3 notifies.")
        stop = stop_on_signals()
        try:
            sqs = aws.client("sqs")
        except BotoCoreError as error:
            raise CommandError(f"SQS cannot be used: {error} Set AWS_DEFAULT_REGION.") from error
        key_filter = KeyFilter(prefix, suffix)
        S3Ingester(sqs, settings.PICTURE_EVENTS_QUEUE_URL, key_filter, stop, clock=timezone.now).run()
