"""Credentials by Mosquitto's dynamic security plugin: a user, a password and a role for each thing.

The plugin is part of Debian's package. It takes commands as JSON on a topic that only its administrator may use, and
answers on another. The platform's own user, in `MQTT_URL`, must be that administrator.
"""

import secrets
from typing import Any

import msgspec

from devices.cameras.credentials.issuing import Credentials, CredentialsUnavailable
from devices.mqtt import broker
from devices.mqtt.broker import BrokerUnavailable
from edge_agent.messages import topic_from_device, topic_to_device

COMMANDS = "$CONTROL/dynamic-security/v1"
ANSWERS = f"{COMMANDS}/response"

GONE = ("Client not found", "Role not found")
"""Errors of a removal that say that there was nothing to remove."""


class MosquittoIssuer:
    """Creates and removes users and roles at the broker of `MQTT_URL`."""

    def issue(self, thing: str) -> Credentials:
        password = secrets.token_urlsafe(32)
        role = _role(thing)
        _control(
            *_removal(thing),
            {"command": "createRole", "rolename": role, "acls": _acls(thing)},
            {
                "command": "createClient",
                "username": thing,
                "clientid": thing,
                "password": password,
                "roles": [{"rolename": role}],
            },
        )
        return Credentials(identity=thing, username=thing, password=password)

    def revoke(self, thing: str, identity: str) -> None:
        _control(*_removal(identity))


def _removal(thing: str) -> list[dict[str, Any]]:
    """Return the commands that remove a user, which ends its connection, and its role."""
    return [
        {"command": "deleteClient", "username": thing},
        {"command": "deleteRole", "rolename": _role(thing)},
    ]


def _role(thing: str) -> str:
    return f"camera-{thing}"


def _acls(thing: str) -> list[dict[str, Any]]:
    """Return what the thing may do: publish its own messages, and receive the platform's commands to it."""
    rules = [
        ("publishClientSend", topic_from_device(thing, "#")),
        ("publishClientSend", f"$aws/things/{thing}/infer"),
        ("publishClientReceive", topic_to_device(thing, "#")),
        ("subscribePattern", topic_to_device(thing, "#")),
        ("unsubscribePattern", topic_to_device(thing, "#")),
    ]
    return [{"acltype": kind, "topic": topic, "priority": 0, "allow": True} for kind, topic in rules]


class _Answer(msgspec.Struct):
    command: str
    error: str = ""


class _Answers(msgspec.Struct):
    responses: list[_Answer]


def _control(*commands: dict[str, Any]) -> None:
    """Have the plugin carry out these commands. Raises `CredentialsUnavailable` for the first that it refuses."""
    try:
        payload = broker.ask(COMMANDS, ANSWERS, msgspec.json.encode({"commands": commands}))
        answers = msgspec.json.decode(payload, type=_Answers).responses
    except BrokerUnavailable as error:
        raise CredentialsUnavailable(str(error)) from error
    except msgspec.DecodeError as error:
        raise CredentialsUnavailable(f"The broker's security plugin answered something unreadable: {error}.") from error
    for answer in answers:
        if answer.error and answer.error not in GONE:
            raise CredentialsUnavailable(f"The broker's security plugin refused {answer.command}: {answer.error}.")
