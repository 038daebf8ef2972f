"""ONVIF cameras are found by a real probe on the network, which a responder answers as a camera does."""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.setup.commands import main
from edge_agent.setup.onvif import GROUP, find_cameras, read_answer
from tests.programs.waiting import eventually

ANSWER = """<?xml version="1.0" encoding="UTF-8"?>
<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://www.w3.org/2003/05/soap-envelope"
 xmlns:wsa="http://schemas.xmlsoap.org/ws/2004/08/addressing"
 xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><SOAP-ENV:Header>
<wsa:RelatesTo>{relates}</wsa:RelatesTo></SOAP-ENV:Header><SOAP-ENV:Body><d:ProbeMatches><d:ProbeMatch>
<d:Types>dn:NetworkVideoTransmitter</d:Types>
<d:Scopes>onvif://www.onvif.org/name/Front%20desk onvif://www.onvif.org/hardware/M-12 onvif://www.onvif.org/Profile/S
</d:Scopes><d:XAddrs>http://{host}/onvif/device_service http://[fe80::1]/onvif/device_service</d:XAddrs>
<d:MetadataVersion>1</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches></SOAP-ENV:Body></SOAP-ENV:Envelope>"""


@contextmanager
def camera() -> Iterator[str]:
    """A responder in the multicast group of WS-Discovery; yields its address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as group:
        group.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        group.bind(("", GROUP[1]))
        host = _own_address()
        member = struct.pack("4s4s", socket.inet_aton(GROUP[0]), socket.inet_aton(host))
        group.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        group.settimeout(0.1)
        stop = threading.Event()
        thread = threading.Thread(target=_answer, args=(group, host, stop))
        thread.start()
        try:
            yield host
        finally:
            stop.set()
            thread.join()


def _own_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(GROUP)
        return str(probe.getsockname()[0])


def _answer(group: socket.socket, host: str, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            probe, sender = group.recvfrom(65_535)
        except TimeoutError:
            continue
        root = ElementTree.fromstring(probe)
        types = root.findtext(".//{http://schemas.xmlsoap.org/ws/2005/04/discovery}Types") or ""
        id = root.findtext(".//{http://schemas.xmlsoap.org/ws/2004/08/addressing}MessageID")
        if types.endswith("NetworkVideoTransmitter"):
            group.sendto(ANSWER.format(relates=id, host=host).encode(), sender)


def test_a_camera_on_the_network_is_found_once_with_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    with camera() as host:
        while not (cameras := find_cameras(wait=0.5)):  # A busy machine may answer later.
            pass
        (found,) = cameras
        assert (found.host, found.name, found.hardware) == (host, "Front desk", "M-12")
        assert found.service == f"http://{host}/onvif/device_service"


def test_the_command_lists_cameras_or_says_that_there_are_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_agent.setup.onvif.WAIT_SECONDS", 0.5)
    with camera() as host:
        assert eventually(lambda: main(["find"]) == 0 and host in capsys.readouterr().out)
    assert main(["find"]) == 0
    assert "No ONVIF camera answered" in capsys.readouterr().out


def test_an_answer_that_names_another_host_is_passed_over() -> None:
    assert list(read_answer(ANSWER.format(relates="", host="192.0.2.9").encode(), "192.0.2.1")) == []


def test_entities_that_unfold_without_limit_are_passed_over_at_once() -> None:
    bomb = (
        '<!DOCTYPE b [<!ENTITY a "'
        + "ha" * 1000
        + '">'
        + "".join(f'<!ENTITY a{n} "{"&a;" if n == 0 else f"&a{n - 1};" * 10}">' for n in range(9))
    )
    began = time.process_time()
    assert list(read_answer(f"{bomb}]><e>&a8;</e>".encode(), "192.0.2.1")) == []
    assert time.process_time() - began < 1


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_no_datagram_of_a_stranger_raises(answer: bytes) -> None:
    assert list(read_answer(answer, "192.0.2.1")) == []


@given(st.text(max_size=60))
def test_names_from_the_network_are_printable(name: str) -> None:
    text = "".join(f"%{byte:02X}" for byte in name.encode("utf-8", "replace"))
    answer = ANSWER.replace("Front%20desk", text or "x").format(relates="", host="192.0.2.1")
    assert all(camera.name.isprintable() for camera in read_answer(answer.encode(), "192.0.2.1"))
