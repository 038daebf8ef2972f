"""What the tests of notices share: a channel, a rule, and a server that receives webhooks."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from devices.models import Site
from notifications.happenings import sink
from notifications.models import Channel, ChannelKind, Kind, Rule
from notifications.rules import services as rules
from notifications.sending import services as sending
from tests.programs.waiting import PATIENCE_S

MakeRule = Callable[..., Rule]


@pytest.fixture(autouse=True)
def _nothing_was_seen_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Devices of other tests have had the same keys, and the process remembers what they saw."""
    monkeypatch.setattr(sink, "_spells", sink.Spells())


@pytest.fixture
def inbox(seattle: Site) -> Channel:
    return sending.add_channel(site=seattle, kind=ChannelKind.INBOX, name="Inbox", address="")[0]


@pytest.fixture
def make_rule(seattle: Site, inbox: Channel) -> MakeRule:
    def make(kind: Kind = Kind.LABEL, *, channels: list[Channel] | None = None, **fields: Any) -> Rule:
        return rules.save_rule(rule=Rule(site=seattle, kind=kind, **fields), channels=channels or [inbox])

    return make


@dataclass
class Receiver:
    """A web server on loopback that takes what is posted, after it has answered with the given statuses."""

    port: int = 0
    statuses: list[int] = field(default_factory=list)
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    delay: threading.Event | None = None
    answer: bytes = b"said"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def ids(self) -> list[str]:
        return [json.loads(body)["id"] for _, body in self.received]


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.NOTIFY_PRIVATE_ADDRESSES = True
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if receiver.delay is not None:
                receiver.delay.wait(PATIENCE_S)
            status = receiver.statuses.pop(0) if receiver.statuses else 200
            if status < 300:
                receiver.received.append((dict(self.headers), body))
            self.send_response(status)
            self.send_header("Content-Length", str(len(receiver.answer)))
            self.end_headers()
            self.wfile.write(receiver.answer)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.port = server.server_port
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield receiver
        if receiver.delay is not None:
            receiver.delay.set()
        server.shutdown()
        thread.join()
