"""`manage.py ingest_s3`: take in the pictures that are put into buckets, until told to stop."""

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from botocore.exceptions import BotoCoreError
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from faces import aws
from faces.sources.s3_events import KeyFilter
from faces.sources.s3_ingester import S3Ingester


class Command(BaseCommand):
    help = (
        "Takes in the pictures that S3 tells of in the SQS queue PICTURE_EVENTS_QUEUE_URL, until it is told to stop. "
        "Whose a picture is, docs/people.md says."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--prefix", default="", help="Only objects whose key begins like this, such as cameras/.")
        parser.add_argument("--suffix", default="", help="Only objects whose key ends like this, such as .jpg.")

    def handle(self, *args: Any, prefix: str, suffix: str, **options: Any) -> None:
        if not settings.PICTURE_EVENTS_QUEUE_URL:
            raise CommandError("PICTURE_EVENTS_QUEUE_URL is not set; give it the URL of the queue that S3 notifies.")
        stop = threading.Event()
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, lambda *_: stop.set())
        try:
            sqs = aws.client("sqs")
        except BotoCoreError as error:
            raise CommandError(f"SQS cannot be asked: {error} Set AWS_DEFAULT_REGION.") from error
        wanted = KeyFilter(prefix, suffix)
        S3Ingester(sqs, settings.PICTURE_EVENTS_QUEUE_URL, wanted, stop, clock=timezone.now).run()
