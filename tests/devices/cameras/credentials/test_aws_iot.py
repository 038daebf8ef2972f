"""Each thing has its own certificate at AWS IoT Core (moto's), which ends when the thing has left its place."""

import json
import re
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from pytest_django import Settings

from devices import services
from devices.cameras.credentials import aws_iot, issuing
from devices.models import BrokerCredentials, Device
from edge_agent.vision.files import ROOT
from tests import clock
from tests.programs.aws import REGION, moto


@pytest.fixture
def iot(settings: Settings) -> Iterator[Any]:
    settings.DEVICE_CREDENTIALS = "aws-iot"
    with moto() as running:
        running.reset()
        yield boto3.client("iot")


def issue(device: Device) -> issuing.Credentials:
    issued = issuing.issue(thing_name=device.thing_name, thing_pk=device.thing.pk)
    assert issued is not None
    return issued


def statuses(iot: Any) -> list[str]:
    return [each["status"] for each in iot.list_certificates()["certificates"]]


def test_a_thing_gets_a_certificate_with_the_policy(iot: Any, seattle01: Device) -> None:
    issued = issue(seattle01)
    assert issued.certificate.startswith("-----BEGIN CERTIFICATE")
    assert "PRIVATE KEY" in issued.key
    (principal,) = iot.list_thing_principals(thingName=seattle01.thing_name)["principals"]
    attached = iot.list_attached_policies(target=principal)["policies"]
    assert [each["policyName"] for each in attached] == [aws_iot.POLICY]


def test_new_credentials_delete_the_former_certificate(iot: Any, seattle01: Device) -> None:
    issue(seattle01)
    new = issue(seattle01)
    (certificate,) = iot.list_certificates()["certificates"]
    assert certificate["certificateId"] == new.identity


def test_the_certificate_of_a_retired_thing_is_deleted(iot: Any, seattle01: Device) -> None:
    issue(seattle01)
    assert statuses(iot) == ["ACTIVE"]
    services.retire_device(device=seattle01, at=clock.now())
    assert issuing.end_unused() == 1
    assert statuses(iot) == []
    assert not BrokerCredentials.objects.exists()


def test_a_certificate_that_somebody_has_deleted_already_is_no_error(iot: Any, seattle01: Device) -> None:
    issued = issue(seattle01)
    services.retire_device(device=seattle01, at=clock.now())
    aws_iot.AwsIotIssuer().revoke(seattle01.thing_name, issued.identity)
    assert issuing.end_unused() == 1


def test_the_handbook_shows_the_policy_that_is_created() -> None:
    page = (ROOT / "docs" / "edge-agent.md").read_text()
    shown = re.search(r'^\{"Version".*?\]\}$', page, re.DOTALL | re.MULTILINE)
    assert shown is not None
    assert json.loads(shown[0]) == aws_iot.policy("REGION", "ACCOUNT")
    assert aws_iot.policy(REGION, "1")["Statement"][0]["Resource"].startswith(f"arn:aws:iot:{REGION}:1:")
