"""Which credentials a thing gets, and when they end. The setting `DEVICE_CREDENTIALS` chooses the issuer.

Without an issuer all cameras share what `DEVICES_MQTT_URL` contains: a user and a password, or nothing.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.module_loading import import_string

from devices.faults.isolation import each
from devices.models import BrokerCredentials, Device

log = logging.getLogger(__name__)

ISSUERS = {
    "mosquitto": "devices.cameras.credentials.mosquitto.MosquittoIssuer",
    "aws-iot": "devices.cameras.credentials.aws_iot.AwsIotIssuer",
}
"""The class of each issuer by its name in `DEVICE_CREDENTIALS`."""


@dataclass(frozen=True)
class Credentials:
    """What a box presents to the broker. An empty text stands for what it does not need."""

    identity: str
    """By which the issuer finds the credentials again: the user name, or the number of the certificate."""
    username: str = ""
    password: str = ""
    certificate: str = ""
    """PEM, like the key."""
    key: str = ""


class CredentialsUnavailable(Exception):
    """The issuer did not answer, or refused. The message is one sentence."""


class Issuer(Protocol):
    """Issues and revokes credentials at one kind of broker. Both methods raise `CredentialsUnavailable`."""

    def issue(self, thing: str) -> Credentials:
        """Return new credentials, with which a client may use the topics of this thing alone; older ones end."""

    def revoke(self, thing: str, identity: str) -> None:
        """End these credentials and the connection that uses them. Credentials that are gone are no error."""


def issue(*, thing_name: str, thing_pk: int) -> Credentials | None:
    """Issue credentials for this thing in place of its former ones; None where all cameras share theirs.

    Raises `CredentialsUnavailable`.
    """
    issuer = _issuer(settings.DEVICE_CREDENTIALS)
    if issuer is None:
        return None
    former = BrokerCredentials.objects.filter(thing=thing_pk).first()
    issued = issuer.issue(thing_name)
    if former is not None and (former.issuer, former.identity) != (settings.DEVICE_CREDENTIALS, issued.identity):
        _revoke(former, thing_name)
    BrokerCredentials.objects.update_or_create(
        thing_id=thing_pk,
        defaults={
            "issuer": settings.DEVICE_CREDENTIALS,
            "identity": issued.identity,
            "issued_at": timezone.now(),
        },
    )
    return issued


def end_unused() -> int:
    """Revoke the credentials of the things that are at no place. Return how many.

    Credentials whose issuer cannot be reached are kept, and revoked by a later call.
    """
    here = Device.objects.open().filter(thing__pk=OuterRef("thing_id"))
    unused = BrokerCredentials.objects.filter(~Exists(here)).select_related("thing")

    def end(credentials: BrokerCredentials) -> int:
        try:
            _revoke(credentials, credentials.thing.name)
        except CredentialsUnavailable as error:
            log.warning("The credentials of %s could not be revoked and are tried again: %s", credentials.thing, error)
            return 0
        credentials.delete()
        return 1

    return sum(each(unused, end, what="revoking the credentials of"))


def _revoke(credentials: BrokerCredentials, thing_name: str) -> None:
    issuer = _issuer(credentials.issuer)
    if issuer is not None:
        issuer.revoke(thing_name, credentials.identity)


def _issuer(name: str) -> Issuer | None:
    if name not in ISSUERS:
        return None
    make: Callable[[], Issuer] = import_string(ISSUERS[name])
    return make()
