"""Topics of Amazon SNS: the installation publishes with its own credentials, where the administrator allows it."""

import re
import threading
from fnmatch import fnmatchcase
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.exceptions import ValidationError

from faces import aws
from notifications.rules.words import shorten
from notifications.sending.addresses import READ_S, Failed, Refused

TOPIC = re.compile(r"arn:aws[a-z-]*:sns:(?P<region>[a-z0-9-]+):\d{12}:(?P<name>[A-Za-z0-9_-]{1,256}(\.fifo)?)")

MOST_SUBJECT = 99
"""SNS takes subjects of fewer than 100 ASCII characters."""

MOST_TEXT = 60_000
"""Characters of a message: SNS takes 256 KiB, and a character has at most four bytes."""

FINAL = (
    "NotFound",
    "AuthorizationError",
    "AccessDenied",
    "InvalidParameter",
    "InvalidClientTokenId",
    "KMSAccessDenied",
)
"""Codes of answers that stay the same however often the message is sent."""

_making = threading.Lock()
"""boto3 cannot make two clients at once."""


def check_topic(arn: str) -> str:
    """Return the name of the topic, which may be shown. Raises `ValidationError` for one that cannot be used."""
    topic = TOPIC.fullmatch(arn)
    if topic is None:
        raise ValidationError({"address": "Give a topic such as arn:aws:sns:us-west-2:123456789012:alarms."})
    if not _is_allowed(arn):
        raise ValidationError({"address": f"{_not_allowed(arn)}."})
    return topic["name"][:120]


def publish(arn: str, *, message_id: str, kind: str, site: str, subject: str, text: str) -> None:
    """Publish the text with its id, kind and site as attributes. Raises `Failed` and `Refused`."""
    topic = TOPIC.fullmatch(arn)
    if topic is None or not _is_allowed(arn):
        raise Refused(f"{_not_allowed(arn)}.")
    # In a FIFO topic, SNS drops what comes twice with the same id within five minutes.
    ordered = {"MessageGroupId": site, "MessageDeduplicationId": message_id} if arn.endswith(".fifo") else {}
    plain = " ".join(subject.encode("ascii", "replace").decode().split())
    try:
        with _making:
            sns = aws.client("sns", topic["region"], attempts=1, read_s=int(READ_S))
        sns.publish(
            TopicArn=arn,
            Subject=shorten(plain, MOST_SUBJECT).replace("…", ""),
            Message=text,
            MessageAttributes={"id": _text(message_id), "kind": _text(kind), "site": _text(site)},
            **ordered,
        )
    except ClientError as error:
        said = error.response.get("Error", {})
        sentence = f"Amazon SNS answered {said.get('Code', 'with an error')}: {said.get('Message', '')[:200]}".rstrip(
            ": "
        )
        raise (Refused if str(said.get("Code", "")).startswith(FINAL) else Failed)(sentence) from None
    except BotoCoreError as error:
        raise Failed(f"Amazon SNS cannot be asked: {error}") from None


def _text(value: str) -> dict[str, Any]:
    return {"DataType": "String", "StringValue": value}


def _is_allowed(arn: str) -> bool:
    return any(fnmatchcase(arn, pattern) for pattern in settings.NOTIFY_TOPIC_ARNS)


def _not_allowed(arn: str) -> str:
    return f"This installation may not publish to {arn}. The administrator can allow that, with NOTIFY_TOPIC_ARNS"
