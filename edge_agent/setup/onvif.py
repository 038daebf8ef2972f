"""Finds ONVIF cameras on the network by WS-Discovery: one UDP multicast asks, and each camera answers by itself.

ONVIF Core Specification 7.3 names the address, the port and the type. Every answer is a stranger's datagram: it is read
within limits, and an answer that cannot be read is passed over.
"""

import re
import socket
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

GROUP = ("239.255.255.250", 3702)
"""Multicast address and port of WS-Discovery (OASIS WS-Discovery 1.1, section 2.4)."""

WAIT_SECONDS = 3.0
"""Cameras answer within half a second (APP_MAX_DELAY); busy ones take longer."""

REPEATS = 2
"""A datagram may be lost, so each probe is sent so often; SOAP-over-UDP advises the same."""

MOST_CAMERAS = 500
MOST_BYTES = 65_535
MOST_TEXT = 200

_PROBE = """<?xml version="1.0" encoding="UTF-8"?>
<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing"
 xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:dn="http://www.onvif.org/ver10/network/wsdl"><e:Header>
<w:MessageID>uuid:{id}</w:MessageID><w:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</w:To>
<w:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</w:Action></e:Header>
<e:Body><d:Probe><d:Types>dn:NetworkVideoTransmitter</d:Types></d:Probe></e:Body></e:Envelope>"""

_DISCOVERY = "{http://schemas.xmlsoap.org/ws/2005/04/discovery}"
_SCOPE = re.compile(r"onvif://www\.onvif\.org/(name|hardware|location)/(.+)")


@dataclass(frozen=True, slots=True)
class FoundCamera:
    """A camera that answered. Its texts come from the network, and are printable."""

    host: str
    """The address from which the answer came."""
    service: str
    """The URL of the camera's ONVIF service."""
    name: str = ""
    hardware: str = ""


def find_cameras(*, wait: float | None = None, group: tuple[str, int] = GROUP) -> list[FoundCamera]:
    """Return the ONVIF cameras that answer within `wait` seconds, by address. Raises `OSError` without a network."""
    found: dict[str, FoundCamera] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        probe.bind(("", 0))
        for _ in range(REPEATS):
            probe.sendto(_PROBE.format(id=uuid.uuid4()).encode(), group)
        deadline = time.monotonic() + (WAIT_SECONDS if wait is None else wait)
        while (left := deadline - time.monotonic()) > 0 and len(found) < MOST_CAMERAS:
            probe.settimeout(left)
            try:
                answer, (host, _port) = probe.recvfrom(MOST_BYTES)
            except TimeoutError:
                break
            for camera in read_answer(answer, host):
                found[camera.service] = camera
    return sorted(found.values(), key=lambda camera: (_sort_key(camera.host), camera.service))


def read_answer(answer: bytes, host: str) -> Iterator[FoundCamera]:
    """Yield the cameras that this answer from `host` names; none where it cannot be read, or names another host."""
    if b"<!DOCTYPE" in answer or b"<!ENTITY" in answer:
        return  # SOAP forbids both, and entities may unfold without limit.
    try:
        root = ElementTree.fromstring(answer)  # noqa: S314
    except (ElementTree.ParseError, ValueError):
        return
    for match in root.iter(f"{_DISCOVERY}ProbeMatch"):
        addresses = (match.findtext(f"{_DISCOVERY}XAddrs") or "").split()
        scopes = {
            kind: _printable(unquote(text))
            for scope in (match.findtext(f"{_DISCOVERY}Scopes") or "").split()
            for kind, text in _SCOPE.findall(scope)
        }
        service = next((address for address in addresses if _is_service(address, host)), None)
        if service is not None:
            yield FoundCamera(host, service, scopes.get("name", ""), scopes.get("hardware", ""))


def _is_service(address: str, host: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.hostname == host and len(address) <= MOST_TEXT


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())[:MOST_TEXT].strip()


def _sort_key(host: str) -> tuple[int, ...]:
    return tuple(int(part) for part in host.split(".") if part.isdecimal())
