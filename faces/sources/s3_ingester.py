"""The loop that takes S3's notifications from an SQS queue into the intake, in small steps."""

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
from devices.models import Reason
from devices.reading.decoding import Arrival, Rejection
from devices.reading.picture_budget import OverBudget
from edge_agent.text.file_names import printable
from faces.sources.layouts import why_no_new_picture
from faces.sources.s3_events import KeyFilter, StoredObject, UnreadableNotification, parse_records, stored_object
from faces.sources.s3_pictures import TOPIC, take_in_object

log = logging.getLogger(__name__)

AT_ONCE = 10
"""Messages requested at once; SQS returns no more."""

WAIT_S = 10
"""How long SQS waits for a message (long polling). Stopping may take as long."""

PAUSE_S = 5.0
"""The pause before the next attempt during an outage of S3, SQS or the database."""

PROCESS = "ingest s3"
"""The name of the process in `manage.py health`."""

Clock = Callable[[], dt.datetime]


class S3Ingester:
    """Takes in the pictures that one queue announces.

    A message is deleted once all its records are committed or quarantined. An interrupted message is received again,
    which does no harm, as the intake is idempotent.
    """

    def __init__(self, sqs: Any, queue_url: str, key_filter: KeyFilter, stop: threading.Event, *, clock: Clock) -> None:
        self._sqs, self._queue_url, self._key_filter, self._stop, self._clock = sqs, queue_url, key_filter, stop, clock
        self._told: set[str] = set()
        self._numbers: dict[str, float] = {
            "committed_messages_total": 0,
            "quarantined_messages_total": 0,
            "passed_over_total": 0,
            "put_off_total": 0,
        }

    def run(self) -> None:
        """Take in messages until `stop` is set. Unprocessed messages stay in the queue."""
        while not self._stop.is_set():
            close_old_connections()
            try:
                self.step()
                health.beat(PROCESS, at=self._clock(), numbers=self._numbers)
            except (BotoCoreError, ClientError, OperationalError, InterfaceError) as error:
                log.error("%s; the messages stay in the queue. Trying again.", str(error).strip().rstrip("."))
                self._stop.wait(PAUSE_S)
        health.forget(PROCESS, before=self._clock())

    def step(self) -> int:
        """Take in the messages of one request, which waits if the queue is empty; return how many there were."""
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
            try:
                self._take_in(message)
            except OverBudget:
                # The queue returns the message after its visibility timeout; meanwhile other devices have their turn.
                self._count("put_off_total")
                continue
            self._sqs.delete_message(QueueUrl=self._queue_url, ReceiptHandle=message["ReceiptHandle"])
        return len(messages)

    def _take_in(self, message: Mapping[str, Any]) -> None:
        """Take in one message. Raises if S3 or the database is away, or a device has sent too much.

        The message then stays in the queue.
        """
        # The time of sending rather than of receipt, so that a repeated message has the same time.
        sent = dt.datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, dt.UTC)
        body = message["Body"].encode()
        try:
            records = parse_records(body)
        except UnreadableNotification as error:
            self._quarantine(Arrival(TOPIC, body, sent), Rejection(Reason.UNREADABLE, str(error)))
            return
        for record in records:
            self._take_in_record(record, sent)

    def _take_in_record(self, record: dict[str, Any], sent: dt.datetime) -> None:
        payload = msgspec.json.encode(record)
        try:
            stored = stored_object(record)
            if stored is None or not self._key_filter.matches(stored):
                self._count("passed_over_total")
                return
            if why := why_no_new_picture(stored.key):
                self._pass_over(stored, why)
                return
            take_in_object(stored, received_at=sent)
            self._count("committed_messages_total")
        except UnreadableNotification as error:
            self._quarantine(Arrival(TOPIC, payload, sent), Rejection(Reason.UNREADABLE, str(error)))
        except Rejection as reason:
            self._quarantine(Arrival(f"{TOPIC}{stored.bucket if stored else ''}", payload, sent), reason)
        except (OperationalError, InterfaceError, OverBudget):
            raise
        except (BotoCoreError, ClientError):
            raise
        except Exception as error:
            log.exception("A picture from S3 could not be taken in; its event is quarantined.")
            cause = (
                "the database refused the picture" if isinstance(error, DatabaseError) else "a fault of the platform"
            )
            refused = Rejection(Reason.REFUSED, f"{type(error).__name__}: {cause}.")
            self._quarantine(Arrival(TOPIC, payload, sent), refused)

    def _pass_over(self, stored: StoredObject, why: str) -> None:
        """Count the object, and log the first one of each reason."""
        self._count("passed_over_total")
        if why not in self._told:
            self._told.add(why)
            log.info("%s is passed over, as others like it will be: %s.", printable(stored.key), why)

    def _quarantine(self, arrival: Arrival, reason: Rejection) -> None:
        log.warning("An event of S3 was quarantined: %s", reason)
        batches.quarantine(arrival, reason)
        self._count("quarantined_messages_total")

    def _count(self, name: str) -> None:
        self._numbers[name] += 1
