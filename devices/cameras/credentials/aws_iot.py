"""Credentials at AWS IoT Core: a thing with a certificate, and one policy that all cameras share.

The policy allows a client to use the topics of the thing that its certificate is attached to, and no others.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from devices.cameras.credentials.issuing import Credentials, CredentialsUnavailable

POLICY = "headcount-camera"
THING = "${iot:Connection.Thing.ThingName}"


class AwsIotIssuer:
    """Creates and removes things, certificates and their attachments in the account and region of the environment."""

    def __init__(self) -> None:
        self._iot: Any = boto3.client("iot")

    def issue(self, thing: str) -> Credentials:
        with _one_sentence():
            self._iot.create_thing(thingName=thing)  # an existing thing of this name is returned
            self._create_policy()
            certificate = self._iot.create_keys_and_certificate(setAsActive=True)
            arn = certificate["certificateArn"]
            self._iot.attach_policy(policyName=POLICY, target=arn)
            self._iot.attach_thing_principal(thingName=thing, principal=arn)
        return Credentials(
            identity=certificate["certificateId"],
            certificate=certificate["certificatePem"],
            key=certificate["keyPair"]["PrivateKey"],
        )

    def revoke(self, thing: str, identity: str) -> None:
        with _one_sentence():
            try:
                arn = self._iot.describe_certificate(certificateId=identity)["certificateDescription"]["certificateArn"]
            except self._iot.exceptions.ResourceNotFoundException:
                return
            self._iot.update_certificate(certificateId=identity, newStatus="INACTIVE")
            self._iot.detach_thing_principal(thingName=thing, principal=arn)
            self._iot.detach_policy(policyName=POLICY, target=arn)
            self._iot.delete_certificate(certificateId=identity)

    def _create_policy(self) -> None:
        try:
            self._iot.get_policy(policyName=POLICY)
        except self._iot.exceptions.ResourceNotFoundException:
            account = boto3.client("sts").get_caller_identity()["Account"]
            document = policy(self._iot.meta.region_name, account)
            self._iot.create_policy(policyName=POLICY, policyDocument=json.dumps(document))


def policy(region: str, account: str) -> dict[str, Any]:
    """Return the policy of a camera, which docs/edge-agent.md shows too."""
    prefix = f"arn:aws:iot:{region}:{account}"

    def allow(action: str | list[str], resource: str) -> dict[str, Any]:
        return {"Effect": "Allow", "Action": action, "Resource": f"{prefix}:{resource}"}

    return {
        "Version": "2012-10-17",
        "Statement": [
            allow("iot:Connect", f"client/{THING}"),
            allow(["iot:Publish", "iot:RetainPublish"], f"topic/dt/headcount/{THING}/*"),
            allow("iot:Subscribe", f"topicfilter/cmd/headcount/{THING}/*"),
            allow("iot:Receive", f"topic/cmd/headcount/{THING}/*"),
        ],
    }


@contextmanager
def _one_sentence() -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise CredentialsUnavailable(f"AWS IoT Core refused or did not answer: {error}") from error
