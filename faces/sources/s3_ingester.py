"""The loop that carries S3's notifications from a queue of SQS into the intake: small steps that say what they did."""

import datetime as dt
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from django.db import DatabaseError, InterfaceError, OperationalError, close_old_connections

from devices import health
from devices.intake import batches
from devices.intake.decoding import Arrival, Rejection
from devices.models import Reason
from faces.sources.s3_events import KeyFilter, UnreadableNotification, parse_records, stored_object
from faces.sources.s3_pictures import TOPIC, take_in_object

log = logging.getLogger(__name__)

AT_ONCE = 10
"""Messages asked for at once; the most that SQS gives."""

WAIT_S = 10
"""How long SQS may wait for a message to come (long polling), and so how long a stop may take."""

PAUSE_S = 5.0
"""Before the next try, where S3, SQS or the database is away."""

PROCESS = "ingest s3"
"""Its name in `manage.py health`."""

COUNTED = ("committed_messages_total", "quarantined_messages_total", "passed_over_total")

Clock = Callable[[], dt.datetime]


class S3Ingester:
    """Takes in what one queue tells. A message is deleted once all it tells of is committed or set aside, so that one
    that was cut short comes again, which changes nothing."""

    def __init__(self, sqs: Any, queue_url: str, wanted: KeyFilter, stop: threading.Event, *, clock: Clock) -> None:
        self._sqs, self._queue_url, self._wanted, self._stop, self._clock = sqs, queue_url, wanted, stop, clock
        self._numbers: dict[str, float] = {
            "committed_messages_total": 0,
            "quarantined_messages_total": 0,
            "passed_over_total": 0,
        }

    def run(self) -> None:
        """Until told to stop; what is not done by then stays in the queue."""
        while not self._stop.is_set():
            close_old_connections()
            try:
                self.step()
                health.beat(PROCESS, at=self._clock(), numbers=self._numbers)
            except (BotoCoreError, ClientError, OperationalError, InterfaceError) as error:
                log.error("%s; what is in the queue stays there. Trying again.", str(error).strip().rstrip("."))
                self._stop.wait(PAUSE_S)
        health.forget(PROCESS, before=self._clock())

    def step(self) -> int:
        """Take in the messages that are there, waiting for one if there is none; answers how many they were."""
        answer = self._sqs.receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=AT_ONCE,
            WaitTimeSeconds=WAIT_S,
            MessageSystemAttributeNames=["SentTimestamp"],
        )
        messages = answer.get("Messages", [])
        for message in messages:
            if self._stop.is_set():
                break
            self._take_in(message)
            self._sqs.delete_message(QueueUrl=self._queue_url, ReceiptHandle=message["ReceiptHandle"])
        return len(messages)

    def _take_in(self, message: Mapping[str, Any]) -> None:
        """Raises where S3 or the database is away; then the message stays in the queue."""
        # When it was sent rather than now, so that the same message is the same whenever it comes.
        sent = dt.datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, dt.UTC)
        body = message["Body"].encode()
        try:
            told = parse_records(body)
        except UnreadableNotification as error:
            self._set_aside(Arrival(TOPIC, body, sent), Rejection(Reason.UNREADABLE, str(error)))
            return
        for record in told:
            self._take_in_record(record, sent)

    def _take_in_record(self, record: dict[str, Any], sent: dt.datetime) -> None:
        payload = msgspec.json.encode(record)
        try:
            found = stored_object(record)
            if found is None or not self._wanted.matches(found):
                self._count("passed_over_total")
                return
            take_in_object(found, received_at=sent)
            self._count("committed_messages_total")
        except UnreadableNotification as error:
            self._set_aside(Arrival(TOPIC, payload, sent), Rejection(Reason.UNREADABLE, str(error)))
        except Rejection as reason:
            self._set_aside(Arrival(f"{TOPIC}{found.bucket if found else ''}", payload, sent), reason)
        except (OperationalError, InterfaceError):
            raise
        except DatabaseError as error:
            log.exception("A picture of S3 was refused by the database and set aside.")
            refused = Rejection(Reason.REFUSED, f"{type(error).__name__}: the database refused it.")
            self._set_aside(Arrival(TOPIC, payload, sent), refused)

    def _set_aside(self, arrival: Arrival, reason: Rejection) -> None:
        log.warning("An event of S3 was set aside: %s", reason)
        batches.quarantine(arrival, reason)
        self._count("quarantined_messages_total")

    def _count(self, what: str) -> None:
        self._numbers[what] += 1
